"""A comparison of score columns on the terminal: the metrics of every model, then the paired differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cadkit.evaluation.schema import ComparisonRow, Report, ResultRow
from cadkit.report import wording
from cadkit.report.fitting import Fitting, note, table_of
from cadkit.report.reading import WHOLE, beside

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

Row = TypeVar("Row", ResultRow, ComparisonRow)
_MOST = 60  # rows of the table of results; of more the main ones are shown
_FEW = 40  # of the other tables
_LONG = ("prauc_trapezoid", "ppv", "npv", "recall_rate", "cancer_detection_rate")
_LESS = (*_LONG, "brier", "ece", "pf1", "net_benefit")
_METRIC = 11  # letters of the longest word of a metric's name: Sensitivity


def compared_tables(report: Report) -> Group:
    """Metrics with intervals, paired differences with raw and adjusted p, AUC by subgroup, warnings.

    Of long results the main rows; what they leave out is counted below them and stands on the page and in report.json.
    Nothing is cut: a narrow terminal has narrower tables.
    """
    from rich.console import Group

    whole = [row for row in report["results"] if row["subgroup"] in WHOLE]
    parts: list[RenderableType] = results_parts(report, _heading(report), whole)
    parts += differences_parts(report, [row for row in report["comparisons"] if row["subgroup"] in WHOLE])
    others = [row for row in report["results"] if row["subgroup"] not in WHOLE and row["metric"] == "auc"]
    parts += subgroups_parts(report, others)
    if any(row["subgroup"] not in WHOLE for row in report["results"]):
        parts.append(note("Other metrics of subgroups and their differences: report.html."))
    parts += [note(f"Warning: {warning['text']}", "yellow") for warning in report["warnings"]]
    return Group(*parts)


def _heading(report: Report) -> str:
    row = report["results"][0]
    unit = wording.cluster(report["settings"])
    clusters = f", {wording.plural(row['clusters'], unit)}" if row["clusters"] else ""
    return f"{row['label']}: {wording.plural(row['n'], 'row')}, {row['positives']:,} positive{clusters}"


def main_rows(rows: list[Row], most: int, *steps: tuple[str, Callable[[Row], bool]]) -> tuple[list[Row], list[str]]:
    """Rows without what each step leaves out, step by step until they are `most`; and what that was, counted."""
    left: list[str] = []
    for words, leaves in steps:
        kept = [row for row in rows if not leaves(row)]
        if len(rows) > most and 0 < len(kept) < len(rows):
            left.append(f"{words} ({len(rows) - len(kept):,})")
            rows = kept
    return rows, left


def _left(left: list[str], what: str) -> list[RenderableType]:
    return [note(f"In report.html besides, {what}: {', '.join(left)}.")] if left else []


def _members(report: Report) -> set[str]:
    """Runs of groups, which stand beside the mean and the ensemble of their group."""
    groups: Mapping[str, Sequence[str]] = report["settings"].get("groups") or {}
    named = {run for runs in groups.values() for run in runs} - set(report["settings"].get("scores") or ())
    return named | {model["name"] for model in report["models"] if "group" in model}


def results_parts(report: Report, title: str, rows: list[ResultRow]) -> list[RenderableType]:
    """Metric by metric, so that models stand below each other."""
    members = _members(report)
    rows, left = main_rows(
        rows,
        _MOST,
        ("single runs of groups", lambda row: row["model"] in members),
        ("further metrics", lambda row: row["metric"] in _LESS),
        ("numbers at thresholds", lambda row: "threshold_for" in row.get("given", {})),
    )
    columns = [("Metric", False), ("Model", False), ("Value (interval)", True), ("By", False)]
    lines: list[tuple[list[str], bool]] = []
    for name, group in _grouped(rows, _named).items():
        for place, row in enumerate(_beside(group)):
            cells = [name if place == 0 else "", row["model"], _value(row), _by(row)]
            lines.append((cells, place == len(group) - 1))
    stacked = [([cells[0], f"{cells[1]}\n{cells[2]}\n{cells[3]}"], ends) for cells, ends in lines]
    return [
        Fitting(
            (
                lambda: [table_of(title, columns, lines)],
                lambda: [table_of(title, columns, lines, close=True)],
                lambda: [table_of(title, [("Metric", False), ("Model, value", False)], stacked, close=True)],
            )
        ),
        *_left(left, "numbers"),
    ]


def subgroups_parts(report: Report, rows: list[ResultRow]) -> list[RenderableType]:
    """One AUC per model and subgroup: the first interval, which is DeLong's."""
    first: dict[tuple[str, str], ResultRow] = {}
    for row in rows:
        first.setdefault((row["subgroup"], row["model"]), row)
    if not first:
        return []
    members = _members(report)
    rows, left = main_rows(
        list(first.values()),
        _FEW,
        ("single runs of groups", lambda row: row["model"] in members),
        ("means over runs", lambda row: row.get("sd") is not None),
    )
    groups = _grouped(rows, lambda row: row["subgroup"])
    while sum(map(len, groups.values())) > _FEW and len(groups) > 1:
        groups.pop(next(reversed(groups)))
    hidden = len({row["subgroup"] for row in rows}) - len(groups)
    left += [wording.plural(hidden, "further subgroup")] if hidden else []
    methods = {row["ci_method"] for row in rows if row["low"] is not None}
    single = next(iter(methods)) if len(methods) == 1 else None
    title = "AUC by subgroup" + (f", intervals by {wording.SHORT.get(single, single)}" if single else "")
    columns = [("Subgroup", False), ("Rows", True), ("Positive", True), ("Model", False), ("AUC (interval)", True)]
    lines: list[tuple[list[str], bool]] = []
    for name, group in groups.items():
        for place, row in enumerate(_beside(group)):
            counts = [name, f"{row['n']:,}", f"{row['positives']:,}"] if place == 0 else ["", "", ""]
            by = "too few" if row["value"] is None else "" if row["ci_method"] == single else _by(row)
            lines.append(([*counts, row["model"], _value(row), by], place == len(group) - 1))
    by_column = [("By", False)] if any(cells[-1] for cells, _ in lines) else []
    lines = [(cells if by_column else cells[:-1], ends) for cells, ends in lines]
    stacked = [
        (["\n".join(filter(None, cells[:3])), "\n".join(filter(None, cells[3:]))], ends) for cells, ends in lines
    ]
    return [
        Fitting(
            (
                lambda: [table_of(title, [*columns, *by_column], lines)],
                lambda: [table_of(title, [*columns, *by_column], lines, close=True)],
                lambda: [table_of(title, [("Subgroup,\nrows, positive", False), ("Model, AUC", False)], stacked)],
            )
        ),
        *_left(left, "AUC by subgroup"),
    ]


def differences_parts(report: Report, rows: list[ComparisonRow]) -> list[RenderableType]:
    """Paired differences with raw and adjusted p: in one table, or on narrow terminals in one per pair."""
    rows, left = main_rows(
        [row for row in rows if row["metric"] not in _LONG],
        _FEW,
        ("numbers at thresholds", lambda row: "threshold_for" in (row.get("given") or {})),
        ("further metrics", lambda row: row["metric"] in _LESS),
    )
    if not rows:
        return []
    pairs = _grouped(rows, lambda row: f"{row['a']} \u2212 {row['b']}")
    settings = report["settings"]

    def by_pair(layout: Callable[[str, list[ComparisonRow], Mapping[str, Any]], Table]) -> Callable[[], list[Table]]:
        return lambda: [layout(f"Paired differences: {pair}", members, settings) for pair, members in pairs.items()]

    layouts = [by_pair(_differences), by_pair(_close_differences), by_pair(_stacked_differences)]
    if len(pairs) > 1:
        layouts.insert(0, lambda: [_all_differences(rows, settings)])
    return [Fitting(layouts), *_left(left, "paired differences")]


def _all_differences(rows: list[ComparisonRow], settings: Mapping[str, Any]) -> Table:
    ordered = [row for group in _grouped(rows, _named).values() for row in group]
    columns = [("Metric", False), ("Models", False), *_tested_columns(rows)]
    lines = [
        ([cells[0], f"{row['a']} \u2212 {row['b']}", *cells[1:]], False)
        for row, cells in zip(ordered, _difference_cells(ordered, settings), strict=True)
    ]
    return table_of("Paired differences", columns, lines)


def _differences(title: str, rows: list[ComparisonRow], settings: Mapping[str, Any], *, close: bool = False) -> Table:
    lines = [(cells, False) for cells in _difference_cells(rows, settings)]
    table = table_of(title, [("Metric", False), *_tested_columns(rows)], lines, close=close)
    table.columns[0].min_width = _METRIC
    return table


def _close_differences(title: str, rows: list[ComparisonRow], settings: Mapping[str, Any]) -> Table:
    return _differences(title, rows, settings, close=True)


def _stacked_differences(title: str, rows: list[ComparisonRow], settings: Mapping[str, Any]) -> Table:
    """All that was tested of a difference in the lines of one cell."""
    names = ["", *(name.replace("\n", " ") for name, _ in _tested_columns(rows))]
    names = [name.replace("Adjusted", "adjusted") for name in names]
    lines: list[tuple[list[str], bool]] = []
    for metric, value, *tested, by in _difference_cells(rows, settings):
        said = [f"{name} {text}" for name, text in zip(names[2:-1], tested, strict=True) if text]
        lines.append(([metric, "\n".join([value, *said, by])], True))
    return table_of(title, [("Metric", False), ("Difference (interval), p", False)], lines, close=True)


def _tested_columns(rows: Iterable[ComparisonRow]) -> list[tuple[str, bool]]:
    margin = next((row["margin"] for row in rows if "margin" in row), None)
    worse = [] if margin is None else [(f"p, worse\nby {margin:g}", True)]
    return [("Difference (interval)", True), ("p", True), *worse, ("Adjusted", True), ("By", False)]


def _difference_cells(rows: list[ComparisonRow], settings: Mapping[str, Any]) -> list[list[str]]:
    """Metric (once), difference, p, p of the margin where there is one, adjusted p, method and flags."""
    margins, lines, before = any("margin" in row for row in rows), [], ""
    for row in rows:
        name, floor = _named(row), wording.at_floor(row, settings)
        between = wording.interval(row["low"], row["high"], " to ")
        value = wording.NOT_ESTIMABLE if row["difference"] is None else wording.number(row["difference"])
        value += f" ({between})" if between else ""
        at_least = wording.margin_at_floor(row, settings)
        tested = [wording.p_value(row.get("p_margin"), at_least)] if margins else []
        adjusted = "primary" if "primary" in row["flags"] else wording.p_value(row["p_adjusted"], floor)
        flags = [wording.SHORT.get(flag, flag) for flag in row["flags"] if flag not in ("primary", "p-floor")]
        by = ", ".join([wording.SHORT.get(row["method"] or "", row["method"] or ""), *flags])
        lines.append([name if name != before else "", value, wording.p_value(row["p"], floor), *tested, adjusted, by])
        before = name
    return lines


def _beside(rows: list[ResultRow]) -> list[ResultRow]:
    """Rows with the mean over runs next to its ensemble."""
    order = beside(list(dict.fromkeys(row["model"] for row in rows)))
    return sorted(rows, key=lambda row: order.index(row["model"]))


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _named(row: ResultRow | ComparisonRow) -> str:
    """The metric with its point; what a threshold was chosen for stands in its place."""
    given: Mapping[str, Any] = row.get("given") or {}
    wanted = given.get("threshold_for")
    if row["metric"] == "froc_sensitivity":
        over = f", {given['fp_images']} images" if "fp_images" in given else ""
        return wording.metric_title(row["metric"], row["at"]) + over
    title = wording.metric_title(row["metric"])
    if wanted:
        title = f"{title.removesuffix(' at threshold')}, threshold for {wanted}"
    elif row["at"] is not None:
        title = wording.metric_title(row["metric"], row["at"])
    if "fp_images" in given:
        title += f", {given['fp_images']} images"
    if "focus" in given:
        title += f", {wording.part_of_roc(given)}"
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
    return ", ".join(wording.SHORT.get(part, part) for part in parts)
