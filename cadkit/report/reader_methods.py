"""The methods paragraph of a reader study, written from what was run, with numbered references."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cadkit.evaluation.schema import Report
from cadkit.report import wording
from cadkit.report.references import REFERENCES
from cadkit.report.sentences import Cited, Methods, listed

STUDY_REFERENCES = {
    "dbm": "Dorfman DD, Berbaum KS, Metz CE. Receiver operating characteristic rating analysis: generalization to the "
    "population of readers and patients with the jackknife method. Invest Radiol. 1992;27(9):723-731.",
    "gallas": "Gallas BD. One-shot estimate of MRMC variance: AUC. Acad Radiol. 2006;13(3):353-362.",
    "hillis2007": "Hillis SL. A comparison of denominator degrees of freedom methods for multiple observer ROC "
    "analysis. Stat Med. 2007;26(3):596-619.",
    "or": "Obuchowski NA, Rockette HE. Hypothesis testing of diagnostic accuracy for multiple readers and multiple "
    "tests: an ANOVA approach with dependent observations. Commun Stat Simul Comput. 1995;24(2):285-308.",
    "platt": "Platt JC. Probabilistic outputs for support vector machines and comparisons to regularized likelihood "
    "methods. In: Advances in large margin classifiers. Cambridge: MIT Press; 1999. p. 61-74.",
    "power": "Hillis SL, Obuchowski NA, Berbaum KS. Power estimation for multireader ROC methods: an updated and "
    "unified approach. Acad Radiol. 2011;18(2):129-142.",
    "wu": "Wu N, Phang J, Park J, et al. Deep neural networks improve radiologists' performance in breast cancer "
    "screening. IEEE Trans Med Imaging. 2020;39(4):1184-1194.",
}
_RANDOM = {
    "rrrc": "readers and cases random",
    "frrc": "cases alone random",
    "rrfc": "readers alone random",
}
_DRAWN = {
    "cases": "{cases} were drawn with replacement, the readers being those of the study",
    "readers": "readers were drawn with replacement, the cases being those of the study",
    "both": "{cases} and, apart from them, readers were drawn with replacement",
}


def study_methods(report: Report) -> Methods:
    """What was done in a reader study, from its report; nothing that was not done."""
    cited = Cited()
    mrmc = "mrmc" in report["reader_study"]
    parts = (
        (_modalities, _merit, _analysis, _plans)
        if mrmc
        else (_cohort, _areas, _hybrids, _ensembles, _intervals, _tests)
    )
    sentences = [sentence for part in parts for sentence in part(report, cited)]
    sentences.append(f"The analysis was made with cadkit {report['cadkit']}.")
    known = {**REFERENCES, **STUDY_REFERENCES}
    return Methods(sentences, [known[key] for key in cited.keys])


def _names(report: Report) -> set[str]:
    return {row["model"] for row in report["results"]}


def _cases(report: Report) -> str:
    """What the bootstrap draws, in the plural."""
    settings = report["settings"]
    if report["reader_study"]["level"] == "breast":
        return "patients"
    return f"cases (column {settings['cluster']})" if settings.get("cluster") else "rows"


def _cohort(report: Report, cited: Cited) -> Iterator[str]:
    section, units = report["reader_study"], report["cohort"]["units"][0]
    read = wording.plural(units["evaluated"], section["level"])
    many = wording.plural(len(section["readers"]), "reader")
    yield (
        f"{many} read {read}, {units['positives']:,} of them positive for {units['label']}"
        + (f"; {units['unknown']:,} of unknown truth were left out." if units["unknown"] else ".")
    )
    if section["models"]:
        verb = "was" if len(section["models"]) == 1 else "were"
        yield f"{listed(section['models'])} {verb} judged on the same {section['level']}s."


def _areas(report: Report, cited: Cited) -> Iterator[str]:
    yield (
        "The area under the receiver operating characteristic curve (AUC) is the Mann-Whitney statistic, ties counting "
        f"one half{cited('delong')}; the area under the precision-recall curve (PRAUC) is the average "
        f"precision{cited('pr')}."
    )
    if len(report["reader_study"]["readers"]) > 1:
        yield "Means over readers are given with their standard deviation (n \u2212 1)."
    section = report["reader_study"]
    if section.get("operating"):
        yield (
            "Sensitivity and specificity of readers are those of their binary reads; the consensus is their majority, "
            "a tied vote recalling."
        )
        if section["models"]:
            yield (
                "Models and hybrids were read at the largest specificity that reaches the sensitivity of the readers' "
                "mean, and that of the consensus."
            )


def _hybrids(report: Report, cited: Cited) -> Iterator[str]:
    section = report["reader_study"]
    if not section["models"]:
        return
    weight = section["weight"]
    yield (f"A hybrid{cited('wu', 'gmic')} is {weight:g} times a reader's score plus {1 - weight:g} times the model's.")
    yield {
        "as-is": "Scores were added as they are.",
        "rank": "Before they were added, scores were replaced by their midranks as shares.",
        "calibrated": "Before they were added, scores were calibrated by Platt's method on a validation table"
        + (cited("platt") if section["scale"] == "calibrated" else "") + ".",
    }[section["scale"]]  # fmt: skip
    yield (
        "The best weight of a reader (\u03bb*) is the smallest of 101 weights from 0 to 1 with the largest area; it "
        "was chosen on the evaluated data (in-sample), which makes the areas at it optimistic."
    )


def _ensembles(report: Report, cited: Cited) -> Iterator[str]:
    found = _names(report)
    if "reader-ensemble" in found:
        also = any(name.startswith("hybrid-ensemble(") for name in found)
        yield (
            "The reader ensemble is the mean score of the readers"
            + ("; the hybrid ensemble is the mean of that and of a model." if also else ".")
        )
    sums = report["reader_study"]["simplex"]
    if sums:
        step = report["settings"]["step"]
        where = (
            "fitted by AUC on a validation table and applied here" if any("applied" in one for one in sums)
            else "chosen by AUC on the evaluated data (in-sample)"
        )  # fmt: skip
        yield f"Weights of sums of models, on a grid of {step:g}, were {where}."


def _intervals(report: Report, cited: Cited) -> Iterator[str]:
    settings = report["settings"]
    if not settings["bootstrap"]:
        return
    clustered = settings.get("cluster") or report["reader_study"]["level"] == "breast"
    keys = ("bootstrap", "clusters") if clustered and settings["resample"] != "readers" else ("bootstrap",)
    drawn = _DRAWN[settings["resample"]].format(cases=_cases(report))
    yield (
        f"{100 * settings['ci']:g}% confidence intervals are percentile intervals from {settings['bootstrap']:,} "
        f"bootstrap replicates in which {drawn} (seed {report['seed']}){cited(*keys)}."
    )
    if report["reader_study"].get("operating") and report["reader_study"]["models"]:
        yield "The readers' sensitivity was computed anew in every replicate."


def _tests(report: Report, cited: Cited) -> Iterator[str]:
    rows = [row for row in report["comparisons"] if row["p"] is not None]
    used = {str(row["method"]) for row in rows}
    ways = []
    if "bootstrap" in used:
        ways.append("by the same replicates")
    if used & {"hillis-rrrc", "hillis-rrfc"}:
        how = listed([_RANDOM[name] for name in ("rrrc", "rrfc") if f"hillis-{name}" in used])
        ways.append(
            f"the AUC of a model with those of the readers by Hillis's test of one model against "
            f"readers{cited('chakraborty')}, {how}"
        )
    if "or-rrrc" in used:
        ways.append(
            "the AUCs of hybrids with those of the readers alone by Obuchowski and Rockette's analysis, "
            f"{_RANDOM['rrrc']}{cited('or', 'hillis2007')}"
        )
    if ways:
        yield f"Differences were tested two-sided: {'; '.join(ways)}."
    if any(row["p_adjusted"] is not None and row["p_adjusted"] != row["p"] for row in rows):
        yield f"P values of all differences of one number by one method were adjusted by Holm's method{cited('holm')}."


def _part(report: Report) -> dict[str, Any]:
    part: dict[str, Any] = report["reader_study"]["mrmc"]
    return part


def _modalities(report: Report, cited: Cited) -> Iterator[str]:
    part, units = _part(report), report["cohort"]["units"][0]
    cases = f"{wording.plural(part['cases'], 'case')}, {units['positives']:,} of them diseased"
    readers = wording.plural(len(part["readers"]), "reader")
    if part["method"] == "hillis":
        yield f"{readers} and the model {part['modalities'][0]} judged {cases}."
        return
    count = len(part["modalities"])
    design = {
        "crossed": "every reader read every case in every modality" if count > 1 else "every reader read every case",
        "cases nested in readers": "each case was read by one group of readers only, in all modalities",
        "cases nested in modalities": "each case was read in one group of modalities only, by all readers",
    }.get(part["design"], f"the design was {part['design']}")
    yield f"{readers} read {cases}, in {count} {'modality' if count == 1 else 'modalities'}; {design}."


def _merit(report: Report, cited: Cited) -> Iterator[str]:
    part, threshold = _part(report), report["settings"].get("threshold")
    name = wording.metric_title(part["fom"])
    if part["fom"] == "auc":
        yield f"The figure of merit is the AUC, the Mann-Whitney statistic, ties counting one half{cited('delong')}."
    elif part["fom"].startswith(_OF_MARKS):
        yield f"The figure of merit is {name}{cited('chakraborty')}."
    else:
        yield f"The figure of merit is {name}" + (
            f", at a threshold of {threshold:g}." if threshold is not None else "."
        )


_OF_MARKS = ("afroc", "wafroc", "hr_", "max_")
_COVARIANCES = {
    "jackknife": "the jackknife",
    "delong": "DeLong's method",
    "unbiased": "the unbiased estimator",
}


def _analysis(report: Report, cited: Cited) -> Iterator[str]:
    part, method = _part(report), _part(report)["method"]
    of = f"covariances by {_COVARIANCES.get(part['covariance'], part['covariance'])}"
    by = {
        "or": lambda: (
            f"Obuchowski and Rockette's method{cited('or')}, {of}, with Hillis's degrees of "
            f"freedom{cited('hillis2007')}"
        ),
        "dbm": lambda: f"the method of Dorfman, Berbaum and Metz on jackknife pseudovalues{cited('dbm')}",
        "bdg": lambda: f"Gallas's one-shot U-statistic{cited('gallas')}",
        "bdg-centred": lambda: f"Gallas's one-shot U-statistic{cited('gallas')}, the areas taken off the kernels first",
        "hillis": lambda: f"Hillis's test of one model against readers{cited('chakraborty')}, {of}",
    }[method]()
    used = dict.fromkeys(str(row["method"]).rpartition("-")[2] for row in report["comparisons"])
    used = used or dict.fromkeys(
        str(row["given"]["inference"]).lower() for row in report["results"] if "inference" in row.get("given", {})
    )
    how = listed([_RANDOM[name] for name in used]) if used else ""
    yield f"Readings were analysed by {by}" + (f"; {how}." if how else ".")
    yield f"Confidence intervals are of {100 * report['settings']['ci']:g}%, P values two-sided."
    if len(part["modalities"]) > 2:
        yield f"P values of all pairs of modalities were adjusted by Holm's method{cited('holm')}."


def _plans(report: Report, cited: Cited) -> Iterator[str]:
    if _part(report)["power"]:
        alpha = 1 - report["settings"]["ci"]
        yield (
            f"The power of planned studies at a level of {alpha:.3g} follows Hillis, Obuchowski and "
            f"Berbaum{cited('power')}, from the variance components of this one."
        )
