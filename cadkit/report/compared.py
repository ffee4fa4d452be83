"""A comparison of score columns on the terminal: the metrics of every model, then the paired differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cadkit.evaluation.schema import ComparisonRow, Report, ResultRow
from cadkit.report import wording
from cadkit.report.reading import WHOLE

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

# Methods and flags as a narrow column has them.
_SHORT = {
    "delong": "DeLong",
    "delong-clustered": "DeLong, clustered",
    "bootstrap-percentile": "percentile",
    "bootstrap-bca": "BCa",
    "wilson": "Wilson",
    "ratio-logit": "ratio",
    "bayes-logit": "Bayes",
    "mcnemar": "McNemar",
    "replicates-dropped": "dropped some",
    "rows-independent": "rows independent",
    "by-rank": "by rank",
}
_LONG = ("prauc_trapezoid", "ppv", "npv", "recall_rate", "cancer_detection_rate")


def compared_tables(report: Report) -> Group:
    """Metrics with intervals, paired differences with raw and adjusted p, AUC by subgroup, warnings.

    Differences of some metrics, and other metrics of subgroups, stand in report.json and on the page alone.
    """
    from rich.console import Group
    from rich.text import Text

    whole = [row for row in report["results"] if row["subgroup"] in WHOLE]
    parts: list[RenderableType] = [results_table(_heading(report), whole)]
    pairs = [row for row in report["comparisons"] if row["subgroup"] in WHOLE and row["metric"] not in _LONG]
    if pairs:
        parts.append(differences_table(pairs))
    others = [row for row in report["results"] if row["subgroup"] not in WHOLE and row["metric"] == "auc"]
    if others:
        parts.append(subgroups_table(others))
    parts += [Text(f" Warning: {warning['text']}", style="yellow") for warning in report["warnings"]]
    return Group(*parts)


def _heading(report: Report) -> str:
    row = report["results"][0]
    patients = f", {wording.plural(row['clusters'], 'patient')}" if row["clusters"] else ""
    return f"{row['label']}: {wording.plural(row['n'], 'row')}, {row['positives']:,} positive{patients}"


def _table(title: str, columns: Iterable[tuple[str, bool]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=Text(title, style="bold"), title_justify="left", pad_edge=False)
    for name, number in columns:
        table.add_column(name, justify="right" if number else "left", overflow="fold", no_wrap=number)
    return table


def results_table(title: str, rows: list[ResultRow]) -> Table:
    """Metric by metric, so that models stand below each other."""
    table = _table(title, [("Metric", False), ("Model", False), ("Value (interval)", True), ("By", False)])
    groups: dict[str, list[ResultRow]] = {}
    for row in rows:
        groups.setdefault(_named(row), []).append(row)
    for name, members in groups.items():
        for row in members:
            first, last = row is members[0], row is members[-1]
            table.add_row(name if first else "", row["model"], _value(row), _by(row), end_section=last)
    return table


def subgroups_table(rows: list[ResultRow]) -> Table:
    """One AUC per model and subgroup: the first interval, which is DeLong's."""
    columns = [("AUC of", False), ("Rows", True), ("Positive", True), ("Model", False), ("Value (interval)", True)]
    table = _table("By subgroup", [*columns, ("By", False)])
    groups: dict[str, dict[str, ResultRow]] = {}
    for row in rows:
        groups.setdefault(row["subgroup"], {}).setdefault(row["model"], row)
    for name, found in groups.items():
        members = list(found.values())
        for row in members:
            first, last = row is members[0], row is members[-1]
            shown = (name, f"{row['n']:,}", f"{row['positives']:,}") if first else ("", "", "")
            table.add_row(*shown, row["model"], _value(row), _by(row) if row["value"] is not None else "too few",
                          end_section=last)  # fmt: skip
    return table


def differences_table(rows: list[ComparisonRow]) -> Table:
    """Paired differences with raw and adjusted p."""
    margin = next((row["margin"] for row in rows if "margin" in row), None)
    extra = [] if margin is None else [(f"p, worse by {margin:g}", True)]
    columns = [("Metric", False), ("Models", False), ("Difference (interval)", True), ("p", True), *extra]
    table = _table("Paired differences", [*columns, ("Adjusted", True), ("By", False)])
    table.columns[0].min_width, table.columns[-1].min_width = 11, 10
    before = ""
    for row in rows:
        name = _named(row)
        between = wording.interval(row["low"], row["high"], " to ")
        value = wording.NOT_ESTIMABLE if row["difference"] is None else wording.number(row["difference"])
        value += f" ({between})" if between else ""
        tested = [] if margin is None else [wording.p_value(row.get("p_margin"))]
        adjusted = "primary" if "primary" in row["flags"] else wording.p_value(row["p_adjusted"])
        flags = [_SHORT.get(flag, flag) for flag in row["flags"] if flag != "primary"]
        by = ", ".join([_SHORT.get(row["method"] or "", row["method"] or ""), *flags])
        table.add_row(
            name if name != before else "", f"{row['a']} \u2212 {row['b']}", value,
            wording.p_value(row["p"]), *tested, adjusted, by,
        )  # fmt: skip
        before = name
    return table


def _named(row: ResultRow | ComparisonRow) -> str:
    """The metric with its point; what a threshold was chosen for stands in its place."""
    given: Mapping[str, Any] = row.get("given") or {}
    wanted = given.get("threshold_for")
    if row["metric"] == "froc_sensitivity":
        return wording.metric_title(row["metric"], row["at"])
    title = wording.metric_title(row["metric"])
    if wanted:
        title = f"{title.removesuffix(' at threshold')}, threshold for {wanted}"
    elif row["at"] is not None:
        title = wording.metric_title(row["metric"], row["at"])
    return title + (f", prevalence {given['prevalence']:g}" if "prevalence" in given else "")


def _value(row: ResultRow) -> str:
    if row["value"] is None:
        return wording.NOT_ESTIMABLE
    between = wording.interval(row["low"], row["high"])
    return wording.number(row["value"]) + (f" ({between})" if between else "")


def _by(row: ResultRow) -> str:
    if row["value"] is None:
        return row.get("reason", "")
    if row.get("sd") is not None:
        return f"sd {wording.number(row['sd'])}"
    parts = [row["ci_method"] or "no interval", *row.get("flags", [])]
    return ", ".join(_SHORT.get(part, part) for part in parts)
