"""A reader study on the terminal: the headline, what else matters in lines, warnings; at most 80 columns wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cadkit.evaluation.schema import Report
from cadkit.reader_study.work import CONSENSUS, MEAN, hybrid_name
from cadkit.report.mrmc_tables import mrmc_notes, mrmc_tables, mrmc_title
from cadkit.report.reader_tables import (
    StudyTable,
    cell,
    headline_columns,
    rows_of,
    section_of,
    shown,
    star_of,
    study_title,
    two_lines,
)

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table


def printed_study(report: Report) -> Group:
    """The tables of a reader study or of an MRMC analysis."""
    if "mrmc" in report.get("reader_study", {}):
        return _mrmc_terminal(report)
    return study_terminal(report)


def _mrmc_terminal(report: Report) -> Group:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = [Padding(Text(mrmc_title(report), style="bold"), (1, 1, 0, 1))]
    tables = [table for table in mrmc_tables(report) if table.name != "components"]
    parts += [_printed(table) for table in tables]
    parts += [Padding(Text(line, style="dim"), (0, 1)) for line in mrmc_notes(report)]
    return Group(*parts)


def _printed(table: StudyTable) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, title=Text(table.title, style="bold"), title_justify="left")
    for number, column in enumerate(table.columns):
        drawn.add_column(column, justify="left" if number < table.left else "right", no_wrap=number >= table.left)
    for number, row in enumerate(table.rows):
        drawn.add_row(*(Text(text, style="dim" if number in table.opens else "") for text in row))
    return drawn


def study_terminal(report: Report) -> Group:
    """The headline on the terminal: averages, models and both together, then warnings; at most 80 columns wide."""
    from rich import box
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table as Rich
    from rich.text import Text

    table = Rich(
        box=box.SIMPLE_HEAD, title=Text(study_title(report), style="bold"), title_justify="left", padding=(0, 0, 0, 1)
    )
    table.add_column("", min_width=20, max_width=34, overflow="fold")
    columns = [(heading, find) for heading, find in headline_columns(report) if heading.startswith(_ON_TERMINAL)]
    for heading, _ in columns:
        words = heading.replace("Specificity at the ", "Specificity at ").replace(" sensitivity", "")
        table.add_column(words, justify="right", min_width=13, max_width=15)
    for name in shown(report):
        found = [two_lines(find(name)) for _, find in columns]
        if any(found):
            table.add_row(Text(name), *found)
    lines = _reads_in_words(report)
    for model in section_of(report)["models"]:
        auc, prauc = (star_of(report, hybrid_name(model), metric) for metric in ("auc", "prauc"))
        lines.append(f"\u03bb* with {model}: {cell(auc, 2)} for AUC, {cell(prauc, 2)} for PRAUC (in-sample)")
    parts: list[RenderableType] = [table]
    parts += [Padding(Text(line), (0, 1)) for line in lines]
    parts += [Padding(Text(f"Warning: {one['text']}", style="yellow"), (0, 1)) for one in report["warnings"]]
    return Group(*parts)


# What 80 columns hold; the specificity at the consensus's sensitivity stands in the report.
_ON_TERMINAL = ("AUC", "PRAUC", "Specificity at the readers'")


def _reads_in_words(report: Report) -> list[str]:
    """Sensitivity and specificity of the binary reads, a line for the mean and one for the consensus."""
    lines = []
    for name, words in ((MEAN, "Readers' mean"), (CONSENSUS, "Consensus")):
        rows = [next(iter(rows_of(report, name, metric)), None) for metric in ("sensitivity", "specificity")]
        if all(rows):
            lines.append(f"{words}: sensitivity {cell(rows[0])}, specificity {cell(rows[1])}")
    return lines
