"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_GAP = 2  # between columns


def show(title: str, rows: Sequence[Mapping[str, Any]], apart: bool = False) -> None:
    """Print rows of the same columns; a word is broken only where the terminal is too narrow for it.

    Args:
        title: above the table.
        rows: cells by column.
        apart: an empty line between rows, for cells of several lines.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    style: dict[str, Any] = {"title_justify": "left", "box": None, "header_style": "bold", "pad_edge": False}
    table = Table(title=escape(title), padding=(0, 1, int(apart), 1), **style)
    columns = list(rows[0]) if rows else []
    cells = [[column, *("" if row[column] is None else str(row[column]) for row in rows)] for column in columns]
    widths = _widths(cells, console.width - _GAP * (len(columns) - 1))
    for column, width in zip(columns, widths, strict=True):
        numeric = all(isinstance(row[column], int | float) for row in rows)
        table.add_column(escape(column), justify="right" if numeric else "left", overflow="fold", width=width)
    for row in zip(*(column[1:] for column in cells), strict=True):
        table.add_row(*map(escape, row))
    console.print(table)


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int] | list[None]:
    """Characters of each column: its longest word, and an equal share of what is left, as far as it can use it.

    None of each where not even the longest words fit side by side: then the columns share what there is.
    """
    words = [max((len(word) for cell in column for word in cell.split()), default=1) for column in columns]
    lines = [max((len(line) for cell in column for line in cell.splitlines()), default=1) for column in columns]
    left = room - sum(words)
    if left < 0:
        return [None] * len(columns)
    widths = list(words)
    by_need = sorted(range(len(columns)), key=lambda n: lines[n] - words[n])
    for done, n in enumerate(by_need):
        more = min(lines[n] - words[n], left // (len(columns) - done))
        widths[n] += more
        left -= more
    return widths
