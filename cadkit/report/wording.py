"""Words and numbers as the report prints them: one sentence per definition, one way to round."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from cadkit.evaluation.schema import ComparisonRow, ResultRow

NOT_ESTIMABLE = "not estimable"

_TITLES = {
    "auc": "AUC",
    "prauc": "PRAUC",
    "prauc_trapezoid": "PRAUC (trapezoid)",
    "partial_auc": "Partial AUC",
    "sensitivity_at_specificity": "Sensitivity at specificity",
    "specificity_at_sensitivity": "Specificity at sensitivity",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "recall_rate": "Recall rate",
    "cancer_detection_rate": "Cancer detection rate",
    "froc_sensitivity": "Sensitivity at FPI",
    "fpi_at_sensitivity": "FPI at sensitivity",
    "max_sensitivity": "Largest sensitivity",
    "cpm": "CPM",
    "afroc": "AFROC",
    "afroc1": "AFROC1",
    "wafroc": "wAFROC",
    "wafroc1": "wAFROC1",
    "hr_auc": "Highest-rating AUC",
    "dice_soft": "DSC",
    "dice_best": "Best Dice",
    "pxap": "PxAP",
    "pxap_pooled": "PxAP, pooled",
    "roi_coverage": "ROI coverage of findings",
    "roi_coverage_images": "ROI coverage of images",
    "brier": "Brier score",
    "ece": "Calibration error (ECE)",
    "pf1": "pF1",
}

_SENTENCES = {
    "auc": "Probability that a positive scores higher than a negative; ties count one half (area under the ROC curve).",
    "prauc": "Average precision: the sum over distinct thresholds of the gain in recall times the precision there. "
    "Its chance level is the share of positives, so it cannot be compared between cohorts of other prevalence.",
    "prauc_trapezoid": "Trapezoid under the precision-recall points, as in published code; it flatters tied scores.",
    "partial_auc": "Area under the part of the ROC curve that is named, after McClish where corrected.",
    "sensitivity_at_specificity": "The largest sensitivity among thresholds that reach the specificity.",
    "specificity_at_sensitivity": "The largest specificity among thresholds that reach the sensitivity.",
    "sensitivity": "Share of the positives that score at or above the threshold.",
    "specificity": "Share of the negatives that score below the threshold.",
    "ppv": "Share of positives among those at or above the threshold.",
    "npv": "Share of negatives among those below the threshold.",
    "recall_rate": "Share of all that score at or above the threshold.",
    "cancer_detection_rate": "Positives at or above the threshold per 1,000 {level}s.",
    "froc_sensitivity": "The largest sensitivity among points of the FROC curve with at most so many false positives "
    "per image.",
    "fpi_at_sensitivity": "The smallest number of false positives per image that reaches the sensitivity.",
    "max_sensitivity": "Share of the positives that any mark hits, whatever its score.",
    "cpm": "Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per image.",
    "afroc": "Probability that a lesion is rated above the highest false positive of an exam without lesions; ties "
    "count one half, what is not marked is rated lowest (Chakraborty 2017).",
    "afroc1": "The same against the highest false positives of all exams.",
    "wafroc": "AFROC with the lesions of an exam weighing one together.",
    "wafroc1": "AFROC1 with the lesions of an exam weighing one together.",
    "hr_auc": "AUC of exams by their highest mark of any kind.",
    "dice_soft": "Soft Dice of the saliency map A (0 to 1) and the drawn region M, without a threshold: "
    "2 sum(A M) / (sum(A\u00b2) + sum(M)), averaged over images with a finding drawn.",
    "dice_best": "Largest Dice over thresholds of the saliency map, averaged over images with a finding drawn; "
    "the threshold is chosen on each image itself.",
    "pxap": "Average precision of the saliency map's pixels against the drawn region, averaged over images.",
    "pxap_pooled": "The same over all pixels of all images together.",
    "roi_coverage": "Share of findings of which the regions of interest cover at least 70% of the pixels.",
    "roi_coverage_images": "Share of annotated images with such a finding.",
    "brier": "Mean squared difference of probability and truth.",
    "ece": "Mean distance of probability and observed share over 10 bins, weighted by their size.",
    "pf1": "Probabilistic F1: precision and recall with scores in place of decisions.",
}

METHODS = {
    "bootstrap-percentile": "percentile bootstrap",
    "bootstrap-bca": "BCa bootstrap",
    "bootstrap": "bootstrap",
    "delong": "DeLong (rows independent)",
    "delong-clustered": "DeLong, clustered (Obuchowski 1997)",
    "delong-logit": "DeLong, logit scale",
    "delong-clustered-logit": "DeLong, clustered, logit scale",
    "wilson": "Wilson (rows independent)",
    "ratio-logit": "ratio of sums over patients, logit scale",
    "bayes-logit": "Bayes at a prevalence, logit scale",
    "mcnemar": "McNemar, exact",
    "permutation": "permutation of whole patients",
}

FLAGS = {
    "beyond": "the curve ends before this number of false positives; its last sensitivity is given",
    "interpolated": "linearly interpolated between operating points",
    "replicates-dropped": "more than 1% of the replicates were undefined and dropped",
    "in-sample": "chosen on the data that it is judged on",
    "primary": "named beforehand, not adjusted",
    "rows-independent": "rows of one patient were taken as independent",
    "by-rank": "scores of two kinds, exchanged by rank",
    "p-floor": "P is the smallest that so many replicates can give",
    "no-spread": "the interval has no width, as where all or nothing was found: it says nothing of the uncertainty",
}

# Methods and flags as a narrow column has them.
SHORT = {
    "delong": "DeLong",
    "delong-clustered": "DeLong, clustered",
    "delong-logit": "DeLong, logit",
    "delong-clustered-logit": "DeLong, clustered, logit",
    "bootstrap-percentile": "percentile",
    "bootstrap-bca": "BCa",
    "wilson": "Wilson",
    "ratio-logit": "ratio",
    "bayes-logit": "Bayes",
    "mcnemar": "McNemar",
    "replicates-dropped": "dropped some",
    "rows-independent": "rows independent",
    "p-floor": "smallest P",
    "no-spread": "no width",
    "by-rank": "by rank",
    "in-sample": "in-sample",
    "primary": "primary",
}

GLOSSARY = {
    "Exam, breast, image, view": "An exam is one visit of a woman; a breast is one side of an exam; an image is one "
    "view of a breast (CC cranio-caudal, MLO mediolateral oblique).",
    "Label": "What is scored, such as malignant. Truth is 1, 0, or unknown; unknown is left out and counted.",
    "Finding, lesion": "A finding is an annotation in one image; a lesion is the thing itself, seen in one or more.",
    "Mark": "A point or box with a score. A model without marks gives the local maxima of its saliency map.",
    "Positive at a threshold": "A case is called positive when its score is at or above the threshold.",
    "FPI": "False positives per image: marks that hit no finding, divided by the number of images.",
    "FROC": "Sensitivity against false positives per image as the threshold falls: a step function from (0, 0).",
    "Sensitivity, specificity": "Share of positives called positive; share of negatives called negative.",
    "PPV, recall rate": "Share of those called positive that are; share of all that are called positive, both at the "
    "prevalence of this cohort.",
    "Saliency": "A map over the image, from 0 to 1, of where the model sees the label.",
    "Interval": "Confidence interval. Its method is named; the bootstrap draws whole patients with replacement, "
    "the same draws for every model and metric, so that differences are paired.",
    "Not estimable": "The number is not defined for these data; the reason stands beside it. No value is put in its "
    "place.",
}


def rate(value: float) -> str:
    """A false-positive rate per image as a person writes it: 1/4, 1/2, 1, 2.

    >>> rate(0.25), rate(4.0), rate(0.3)
    ('1/4', '4', '0.3')
    """
    share = Fraction(value)
    return f"1/{share.denominator}" if share.numerator == 1 and 1 < share.denominator <= 16 else f"{value:g}"


def number(value: float, digits: int = 3) -> str:
    """A value with a true minus sign."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "\u2212") if float(text) else text.lstrip("-")


def interval(low: float | None, high: float | None, between: str = "\u2013") -> str:
    """Both ends, or nothing where there is no interval."""
    return "" if low is None or high is None else f"{number(low)}{between}{number(high)}"


def spread(row: ResultRow) -> str:
    """The interval of a row; of a mean over runs its standard deviation."""
    return f"\u00b1 {number(row['sd'])}" if is_mean(row) else interval(row["low"], row["high"])


def is_mean(row: ResultRow) -> bool:
    """Whether a row is the mean of a number over runs, which has a standard deviation and no interval."""
    return "runs" in row.get("given", {}) and row.get("sd") is not None and row["low"] is None


def p_value(p: float | None, floor: bool = False) -> str:
    """P to two significant digits, three decimals at most; with `floor` as the bound that it is, rounded up.

    >>> p_value(0.0123), p_value(0.0004), p_value(0.0004, floor=True), p_value(2 / 21, floor=True)
    ('0.012', '< 0.001', '≤ 0.001', '≤ 0.096')
    """
    if p is None:
        return ""
    if floor:
        digits = 3 if p < 0.1 else 2
        return f"\u2264 {math.ceil(round(p * 10**digits, 6)) / 10**digits:.{digits}f}"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def at_floor(row: ComparisonRow, settings: Mapping[str, Any]) -> bool:
    """Whether p is the smallest that so many replicates can give: 2 / (B + 1), of a permutation test 1 / (B + 1)."""
    if "p-floor" in row["flags"]:
        return True
    option, sides = {"bootstrap": ("bootstrap", 2), "permutation": ("permutations", 1)}.get(
        row["method"] or "", ("", 0)
    )
    return _least(row["p"], settings.get(option), sides)


def margin_at_floor(row: ComparisonRow, settings: Mapping[str, Any]) -> bool:
    """Whether the one-sided p of a margin is the smallest that the replicates can give, 1 / (B + 1)."""
    return row["method"] == "bootstrap" and _least(row.get("p_margin"), settings.get("bootstrap"), 1)


def _least(p: float | None, replicates: object, sides: int) -> bool:
    return p is not None and isinstance(replicates, int) and p <= sides / (replicates + 1) * (1 + 1e-9)


def plural(count: int, word: str) -> str:
    """`1 breast`, `2 breasts`."""
    return f"{count:,} {word if count == 1 else several(word)}"


def several(word: str) -> str:
    """The plural of a noun: patients, densities, classes."""
    if word[-1:] == "y" and word[-2:-1] not in ("a", "e", "i", "o", "u"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "z", "ch", "sh")) else f"{word}s"


def cluster(settings: Mapping[str, Any]) -> str:
    """What is resampled, as a noun: the patient, or what `--cluster` names (`case_id` is a case)."""
    name = str(settings.get("cluster") or "patient")
    return (name[:-3] if name.lower().endswith("_id") else name).replace("_", " ")


def metric_title(metric: str, at: float | None = None) -> str:
    """A metric's name, with its operating point."""
    title = _TITLES.get(metric, metric)
    if at is None:
        return title
    if metric == "froc_sensitivity":
        return f"Sensitivity at {rate(at)} FPI"
    if metric in _AT_A_THRESHOLD:
        return f"{title} at threshold {at:.4g}"
    return f"{title} {at:g}" if title.split()[-1] in ("specificity", "sensitivity") else f"{title} at {at:g}"


_AT_A_THRESHOLD = ("sensitivity", "specificity", "ppv", "npv", "recall_rate", "cancer_detection_rate")
_GIVEN = {
    "threshold_for": "chosen for {}",
    "prevalence": "at a prevalence of {}",
    "fp_images": "false positives over {} images",
    "edges": "bins of {}",
    "b": "only the first right in {}",
    "c": "only the second in {}",
    "n": "of {}",
}


def given(row: Mapping[str, Any]) -> str:
    """What else defines the number of a row of results or comparisons; empty where nothing does."""
    found = dict(row.get("given", {}))
    texts: list[str] = []
    if "focus" in found:
        texts.append(part_of_roc(found))
        for name in ("focus", "low", "high", "corrected"):
            del found[name]
    texts += [_GIVEN.get(name, f"{name.replace('_', ' ')} {{}}").format(value) for name, value in found.items()]
    return "; ".join(texts)


def part_of_roc(given: Mapping[str, Any]) -> str:
    """The part of the ROC curve that a partial area is of: `specificity 0.8 to 1, corrected`."""
    corrected = ", corrected" if given["corrected"] else ""
    return f"{given['focus']} {given['low']:g} to {given['high']:g}{corrected}"


def row_title(row: Mapping[str, Any]) -> str:
    """A row's metric with its operating point and all else that defines it."""
    text = given(row)
    return metric_title(row["metric"], row["at"]) + (f" ({text})" if text else "")


def sentence(metric: str, level: str) -> str:
    """The definition of a metric of a level (exam, breast, image, row); empty where cadkit has none."""
    return _SENTENCES.get(metric, "").replace("{level}", level)


def without_value(row: ResultRow) -> str:
    """Why a row has no value or no interval; empty where it has both."""
    if row["value"] is None:
        return f"{NOT_ESTIMABLE}: {row.get('reason') or 'no reason was given'}"
    if is_mean(row):
        return f"mean and standard deviation over {row['given']['runs']} runs"
    if row["low"] is None or row["high"] is None:
        reason = row.get("reason") or ""
        return reason if reason.startswith("no interval") else f"no interval{': ' if reason else ''}{reason}"
    return ""


def froc_rule(settings: Mapping[str, Any]) -> list[str]:
    """The rule of the FROC as sentences, from the settings of the evaluation."""
    rule = settings.get("froc")
    if not isinstance(rule, Mapping):
        return []
    threshold = rule.get("threshold")
    hit = {
        "center": "A mark hits a finding when its point lies in the finding's region.",
        "iou": f"A mark hits a finding when their boxes' intersection over union is at least {threshold or 0.1:g}.",
        "distance": f"A mark hits a finding when it lies within {threshold} mm of the region's centre of mass "
        "(pixels where the spacing is unknown).",
    }
    duplicates = {
        "ignore": "Further marks on a detected finding are ignored.",
        "fp": "Further marks on a detected finding are false positives.",
    }
    others = {
        "false": "Marks on findings of another label are false positives.",
        "neutral": "Marks on findings of another label are dropped.",
    }
    images = {
        "all": "False positives are counted per image over all images of the cohort.",
        "normal": "False positives are counted over images without a finding of the label, numerator and "
        "denominator alike.",
        "both": "False positives are counted per image over all images of the cohort; beside it over images without a "
        "finding of the label.",
    }
    missing = {
        "exclude": "Positive breasts without a finding drawn leave both axes.",
        "miss": "Positive breasts without a finding drawn count as positives that are never hit.",
        "negative": "Positive breasts without a finding drawn count as negative.",
    }
    unit = rule.get("unit")
    found = [
        f"Sensitivity is counted per {unit}." if unit else "",
        hit.get(str(rule.get("hit")), ""),
        duplicates.get(str(rule.get("duplicates")), ""),
        others.get(str(rule.get("other_findings")), ""),
        images.get(str(rule.get("fp_images")), ""),
        missing.get(str(rule.get("unannotated")), ""),
    ]
    return [text for text in found if text]
