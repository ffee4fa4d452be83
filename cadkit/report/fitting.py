"""Tables on the terminal that are never cut: of several layouts the first one that fits the width is printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.table import Table

_UNBOUNDED = 10_000  # columns: what a table is measured in


@dataclass(frozen=True)
class Fitting:
    """Layouts of the same numbers, from the widest to the narrowest; each is a list of tables.

    The last one is printed where none fits: in it, long words are folded.
    """

    layouts: Sequence[Callable[[], list[Table]]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tables: list[Table] = []
        for layout in self.layouts:
            tables = layout()
            if all(needed(table, console) <= options.max_width for table in tables):
                yield from tables
                return
        for table in tables:
            for column in table.columns:
                column.no_wrap, column.min_width = False, None
        yield from tables


def needed(table: Table, console: Console) -> int:
    """The width below which a number of the table would be cut or a word folded."""
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(max_width=_UNBOUNDED), table).minimum


def table_of(
    title: str, columns: Iterable[tuple[str, bool]], rows: Iterable[tuple[Sequence[str], bool]], *, close: bool = False
) -> Table:
    """A table of text.

    Args:
        title: above it.
        columns: (name, whether it holds numbers, which stand right and are never broken).
        rows: (cells, whether a section ends after it).
        close: whether columns stand nearer to each other, and no blank at the edges.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    named, lines = list(columns), list(rows)
    table = Table(box=box.SIMPLE_HEAD, title=Text(title, style="bold"), title_justify="left", pad_edge=False,
                  padding=(0, 1, 0, 0) if close else (0, 1), show_edge=not close)  # fmt: skip
    for place, (name, number) in enumerate(named):
        heads = name.split("\n")
        most = max(
            cell_len(text) for text in (*heads, *(line for cells, _ in lines for line in cells[place].split("\n")))
        )
        table.add_column(Text(name), justify="right" if number else "left", overflow="fold", no_wrap=number,
                         min_width=most if number else None)  # fmt: skip
    for cells, ends in lines:
        table.add_row(*(Text(cell) for cell in cells), end_section=ends)
    return table


def note(text: str, style: str = "dim") -> RenderableType:
    """A line of text below the tables."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text, style=style), (0, 1))
