"""The sentences of a methods paragraph on intervals, subgroups and tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cadkit.evaluation.schema import ComparisonRow, Report, ResultRow
from cadkit.evaluation.subgroups import SMALLEST
from cadkit.report import wording
from cadkit.report.reading import WHOLE, is_chance
from cadkit.report.sentences import Cited, listed


def intervals(report: Report, cited: Cited) -> Iterator[str]:
    """How intervals were made: replicates, what was drawn, formulas; which stands in the headline."""
    settings = report["settings"]
    rows = [row for row in report["results"] if row["ci_method"]]
    used = {str(row["ci_method"]) for row in rows}
    level = next((row["ci"] for row in rows if row["ci"] is not None), None)
    if level is None:
        return
    drawn = sorted(name for name in used if name.startswith("bootstrap"))
    unit = unit_of(settings)
    if drawn:
        kind = {"bootstrap-percentile": "percentile", "bootstrap-bca": "bias-corrected and accelerated (BCa)"}
        kinds = listed(kind[name] for name in drawn)
        references = ["bootstrap", *(["clusters"] if unit else []), *(["bca"] if "bootstrap-bca" in drawn else [])]
        strata = ", stratified by truth" if settings.get("stratify") else ""
        yield (
            f"{100 * level:g}% confidence intervals are {kinds} intervals from {settings['bootstrap']:,} bootstrap "
            f"replicates in which {unit or 'rows'} were drawn with replacement{strata} (seed "
            f"{report['seed']}){cited(*references)}; the same replicates served all models and metrics."
        )
        yield from _bands(report)
        most = max(rows, key=lambda row: row["dropped"] or 0)
        if most["dropped"]:
            group = "" if most["subgroup"] in WHOLE else f" in {most['subgroup']}"
            yield (
                f"Replicates in which a metric was undefined were left out ({most['dropped']:,} at most, of "
                f"{wording.row_title(most)} of {most['model']}{group})."
            )
    yield from _analytic(used, level, bool(drawn), cited)
    yield from _of_headline(rows)


def _of_headline(rows: list[ResultRow]) -> Iterator[str]:
    """Which of several intervals of the AUC stands in the headline: the first."""
    methods = list(dict.fromkeys(row["ci_method"] for row in rows if row["metric"] == "auc" and row["ci_method"]))
    if len(methods) > 1:
        first, *others = (wording.METHODS.get(name, name) for name in methods)
        yield (
            f"Of the intervals of the AUC, the headline and the figures show {first}; beside it stands "
            f"{listed(others)}."
        )


def _bands(report: Report) -> Iterator[str]:
    """Of ROC and precision-recall curves always percentile intervals; of FROC curves the kind that was asked for."""
    kinds = {str(curve["kind"]) for curve in report["curves"] if "low" in curve} & {"roc", "pr", "froc"}
    if "froc" in kinds and report["settings"].get("interval") == "bca":
        kinds.remove("froc")
        yield "Bands around FROC curves are pointwise BCa intervals from these replicates."
        if kinds:
            yield "Bands around other curves are pointwise percentile intervals from these replicates."
    elif kinds:
        yield "Bands around curves are pointwise percentile intervals from these replicates."


def unit_of(settings: dict[str, Any]) -> str:
    """What is resampled, in the plural; empty where rows are."""
    return "" if settings.get("cluster", "patient") is None else wording.several(wording.cluster(settings))


def _analytic(used: set[str], level: float, beside: bool, cited: Cited) -> Iterator[str]:
    head = "Intervals" if beside else f"{100 * level:g}% confidence intervals"
    scale = ", on the logit scale" if any(name.startswith("delong") and "logit" in name for name in used) else ""
    if any(name.startswith("delong-clustered") for name in used):
        how = f"Obuchowski's extension of DeLong's method to clusters{cited('obuchowski')}"
        yield f"{head} of the AUC follow {how}{scale}."
    elif any(name.startswith("delong") for name in used):
        yield f"{head} of the AUC follow DeLong{cited('delong')}{scale}."
    if "wilson" in used:
        yield f"{head} of proportions are Wilson's{cited('wilson')}."
    if "ratio-logit" in used:
        yield f"{head} of proportions use the variance of a ratio of cluster sums on the logit scale."


def subgroups(report: Report, cited: Cited) -> Iterator[str]:
    """By which columns, and what was left out in the small ones."""
    groups = dict.fromkeys(row["subgroup"] for row in report["results"] if row["subgroup"] not in WHOLE)
    by = [str(one).partition(":")[0] for one in report["settings"].get("by") or ()]
    if groups and by:
        yield f"Subgroups by {listed(by)} were analysed without adjustment for their number."
        yield f"In subgroups of fewer than {SMALLEST} positives or {SMALLEST} negatives nothing was estimated."


def tests(report: Report, cited: Cited) -> Iterator[str]:
    """How models were compared, and how P values were adjusted."""
    rows = [row for row in report["comparisons"] if not is_chance(row["a"]) and not is_chance(row["b"])]
    used = {str(row["method"]) for row in rows if row["p"] is not None}
    if not used:
        return
    unit = unit_of(report["settings"])
    ways = []
    if "delong-clustered" in used:
        ways.append(f"DeLong's test for clustered data{cited('delong', 'obuchowski')} (AUC)")
    elif "delong" in used:
        ways.append(f"DeLong's test{cited('delong')} (AUC)")
    if "bootstrap" in used:
        ways.append("the paired bootstrap")
    if "permutation" in used:
        ways.append(f"permutation of the two scores of whole {unit or 'rows'}")
    if "mcnemar" in used:
        ways.append(f"McNemar's exact test{cited('mcnemar')} (at thresholds)")
    yield f"Models were compared on the same cases by {listed(ways)}; P values are two-sided."
    yield from _floors(report, rows)
    if any("rows-independent" in row["flags"] for row in rows):
        yield f"McNemar's test takes the cases of one {wording.cluster(report['settings'])} as independent."
    yield from _adjustment(rows, cited)


def _floors(report: Report, rows: list[ComparisonRow]) -> Iterator[str]:
    """The least P values that resampling can give, where one is printed."""
    settings = report["settings"]
    at_floor = {row["method"] for row in rows if wording.at_floor(row, settings)}
    least = []
    if "bootstrap" in at_floor:
        least.append(f"{2 / (settings['bootstrap'] + 1):.2g}")
    if "permutation" in at_floor:
        least.append(f"{1 / (settings['permutations'] + 1):.2g} of a permutation test")
    if any(wording.margin_at_floor(row, settings) for row in rows):
        least.append(f"{1 / (settings['bootstrap'] + 1):.2g} of a margin")
    if least:
        yield f"The least P value of so many replicates is {listed(least)}; it is printed with \u2264."


def _adjustment(rows: list[ComparisonRow], cited: Cited) -> Iterator[str]:
    primary = next((row for row in rows if "primary" in row["flags"]), None)
    adjusted = any(row["p_adjusted"] is not None and row["p_adjusted"] != row["p"] for row in rows)
    if adjusted:
        yield (
            f"P values were adjusted by Holm's method{cited('holm')}; a family is all pairs of models compared by one "
            "metric, operating point and test in one cohort or subgroup, so that several metrics or subgroups are not "
            "adjusted for."
        )
    if primary is not None:
        yield (
            f"The comparison of {primary['a']} with {primary['b']} by {wording.row_title(primary)} was named "
            "beforehand as the primary one and not adjusted."
        )
    margin = next((row["margin"] for row in rows if row.get("margin")), None)
    if margin is not None:
        yield f"Non-inferiority was tested one-sided against a margin of {margin:g}."
