"""The headline table on the terminal: a table per label, a column per model, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cadkit.evaluation.schema import Report, ResultRow
from cadkit.report import wording
from cadkit.report.compared import differences_parts, results_parts, subgroups_parts
from cadkit.report.fitting import Fitting, note
from cadkit.report.headline import Headline, HeadlineRow, Key, Notes, headline, interval_methods
from cadkit.report.methods import locked_on
from cadkit.report.reading import WHOLE, is_chance, view_of, whole

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

_CELL = 21  # a value, its interval and a note; three of them beside the names make 100 columns
_TITLE = 30
_MODELS_PER_TABLE = 3


def terminal_table(report: Report) -> Group:
    """The headline numbers with their intervals and denominators, then notes and warnings.

    Below each label what was asked for besides: thresholds, differences of models, subgroups. What is not defined reads
    "not estimable", with the reason below. Fits 100 columns, and narrower terminals with fewer models beside each
    other; random marks stand beside the models where there is room.
    """
    from rich.console import Group
    from rich.text import Text

    first, notes = headline(report), Notes()
    parts: list[RenderableType] = []
    for label in dict.fromkeys(row.label for row in first.rows):
        rows = [row for row in first.rows if row.label == label]
        if len(rows) > _MODELS_PER_TABLE:
            rows = [row for row in rows if not row.chance]
        for view in dict.fromkeys(view_of(row.model) for row in rows):
            title = f"{label}, {view} images alone" if view else label
            parts.append(_headlines(title, [row for row in rows if view_of(row.model) == view], first, notes))
        parts += _further(report, label, first)
    if not parts:
        parts.append(Text("There are no results.\n"))
    shown = [row for one in first.rows for row in one.cells.values()]
    small = [f"{letter}  {text}" for letter, text in notes.lettered()]
    small += interval_methods(report, shown)
    if report.get("correlations"):
        small.append("Correlations of the predictions of an exam: report.html.")
    if first.detection:
        small.append(" ".join(wording.froc_rule(report["settings"])))
    parts += [note(text) for text in small if text]
    parts += [note(f"Warning: {warning['text']}", "yellow") for warning in report["warnings"]]
    return Group(*parts)


def _further(report: Report, label: str, first: Headline) -> list[RenderableType]:
    """Of a label: numbers at thresholds, differences of models in what the headline shows, AUC by subgroup."""
    rows = [row for row in report["results"] if row["label"] == label and row["level"] == first.level]
    parts: list[RenderableType] = []
    asked = [row for row in first.further if row["label"] == label]
    if asked:
        parts += results_parts(report, f"{label}, further figures asked for", asked)
    called = [row for row in whole(rows) if "threshold_for" in row.get("given", {})]
    if called:
        parts += results_parts(report, f"{label}, at thresholds{_locked(report)}", called)
    keys = {*first.keys, *((row["metric"], row["at"]) for row in asked)}
    pairs = [
        row
        for row in report["comparisons"]
        if row["label"] == label and row["subgroup"] in WHOLE and (row["metric"], row["at"]) in keys
        and (row["level"] in (first.level, first.unit) or (row["metric"], row["at"]) in first.localization)
        and not is_chance(row["b"])
        and (not row.get("given") or row["metric"] == "partial_auc")
    ]  # fmt: skip
    parts += differences_parts(report, pairs)
    parted = [row for row in rows if row["subgroup"] not in WHOLE and row["metric"] == "auc"]
    return parts + subgroups_parts(report, parted)


def _locked(report: Report) -> str:
    """Where thresholds were locked, and on how many."""
    sizes = locked_on(report)
    return f" locked on validation data{sizes}" if sizes else ""


def _headlines(label: str, rows: list[HeadlineRow], first: Headline, notes: Notes) -> Fitting:
    """As many models beside each other as there is room for."""

    def layout(beside: int) -> Callable[[], list[Table]]:
        parts = [rows[start : start + beside] for start in range(0, len(rows), beside)]
        titles = [label, *(f"{label}, continued" for _ in parts[1:])]
        return lambda: [_table(title, part, first, notes) for title, part in zip(titles, parts, strict=True)]

    # The notes below the tables are lettered as the cells name them, before any is printed.
    layout(1)()
    return Fitting([layout(beside) for beside in range(_MODELS_PER_TABLE, 0, -1)])


def _table(label: str, rows: list[HeadlineRow], first: Headline, notes: Notes) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=Text(label, style="bold"), title_justify="left", width=None)
    table.add_column("", max_width=_TITLE, overflow="fold")
    for row in rows:
        heading = Text(row.shown_as, style="italic" if row.chance else "bold", overflow="fold")
        table.add_column(heading, justify="right", min_width=_CELL, max_width=_CELL, overflow="fold")
    groups = (
        (first.classification, f"{first.level.capitalize()}s, positive", True),
        (first.detection, f"Images, {first.unit}s", True),
        (first.localization, "Images with a finding", False),
    )
    for keys, counted, with_positives in groups:
        if not any(row.group(keys) for row in rows):
            continue
        counts = [_counts(row.group(keys), with_positives) for row in rows]
        table.add_row(Text(counted, style="dim"), *(Text(count, style="dim") for count in counts))
        shown = [key for key in keys if any(key in row.cells for row in rows)]
        for key in shown:
            last = key == shown[-1]
            table.add_row(wording.metric_title(*key), *(_cell(row, key, notes) for row in rows), end_section=last)
    return table


def _counts(row: ResultRow | None, with_positives: bool) -> str:
    if row is None:
        return ""
    return f"{row['n']:,}, {row['positives']:,}" if with_positives and row["positives"] is not None else f"{row['n']:,}"


def _cell(row: HeadlineRow, key: Key, notes: Notes) -> Text:
    from rich.text import Text

    found = row.cells.get(key)
    if found is None:
        return Text("")
    letters = notes.of(found)
    marks = "".join(letters) if len(letters) > 1 else "".join(f" {letter}" for letter in letters)
    if found["value"] is None:
        return Text(wording.NOT_ESTIMABLE + marks, style="dim")
    between = wording.spread(found)
    text = Text(wording.number(found["value"]), style="" if row.chance else "bold")
    return text.append(f" ({between})" if between else "", style="not bold").append(marks, style="not bold dim")
