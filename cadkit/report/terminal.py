"""The headline table on the terminal: a table per label, a column per model, at most 100 columns wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cadkit.evaluation.schema import Report, ResultRow
from cadkit.report import wording
from cadkit.report.compared import differences_table, results_table, subgroups_table
from cadkit.report.headline import Headline, HeadlineRow, Key, Notes, headline, interval_methods
from cadkit.report.reading import WHOLE, is_chance, whole

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

_CELL = 21  # a value, its interval and a note; three of them beside the names make 100 columns
_MODELS_PER_TABLE = 3


def terminal_table(report: Report) -> Group:
    """The headline numbers with their intervals and denominators, then notes and warnings.

    Below each label what was asked for besides: thresholds, differences of models, subgroups. What is not defined reads
    "not estimable", with the reason below. Fits 100 columns; random marks stand beside the models where there is room.
    """
    from rich.console import Group
    from rich.text import Text

    first, notes = headline(report), Notes()
    parts: list[RenderableType] = []
    for label in dict.fromkeys(row.label for row in first.rows):
        rows = [row for row in first.rows if row.label == label]
        if len(rows) > _MODELS_PER_TABLE:
            rows = [row for row in rows if not row.chance]
        for start in range(0, len(rows), _MODELS_PER_TABLE):
            parts.append(_table(label, rows[start : start + _MODELS_PER_TABLE], first, notes))
        parts += _further(report, label, first)
    if not parts:
        parts.append(Text("There are no results.\n"))
    shown = [row for one in first.rows for row in one.cells.values()]
    small = [f"{letter}  {text}" for letter, text in notes.lettered()]
    small += interval_methods(report, shown)
    if first.detection:
        small.append(" ".join(wording.froc_rule(report["settings"])))
    parts += [_line(text, "dim") for text in small if text]
    parts += [_line(f"Warning: {warning['text']}", "yellow") for warning in report["warnings"]]
    return Group(*parts)


def _further(report: Report, label: str, first: Headline) -> list[RenderableType]:
    """Of a label: numbers at thresholds, differences of models in what the headline shows, AUC by subgroup."""
    rows = [row for row in report["results"] if row["label"] == label and row["level"] == first.level]
    parts: list[RenderableType] = []
    called = [row for row in whole(rows) if "threshold_for" in row.get("given", {})]
    if called:
        parts.append(results_table(f"{label}, at thresholds", called))
    pairs = [
        row
        for row in report["comparisons"]
        if row["label"] == label and row["subgroup"] in WHOLE and (row["metric"], row["at"]) in first.keys
        and row["level"] in (first.level, first.unit) and not row.get("given") and not is_chance(row["b"])
    ]  # fmt: skip
    if pairs:
        parts.append(differences_table(pairs))
    parted = [row for row in rows if row["subgroup"] not in WHOLE and row["metric"] == "auc"]
    if parted:
        parts.append(subgroups_table(parted))
    return parts


def _line(text: str, style: str) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text, style=style), (0, 1))


def _table(label: str, rows: list[HeadlineRow], first: Headline, notes: Notes) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=Text(label, style="bold"), title_justify="left", width=None)
    table.add_column("", no_wrap=True, max_width=30)
    for row in rows:
        heading = Text(row.shown_as, style="italic" if row.chance else "bold", overflow="ellipsis")
        table.add_column(heading, justify="right", max_width=_CELL)
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
        for key in keys:
            last = key == keys[-1]
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
    between = wording.interval(found["low"], found["high"])
    text = Text(wording.number(found["value"]), style="" if row.chance else "bold")
    return text.append(f" ({between})" if between else "", style="not bold").append(marks, style="not bold dim")
