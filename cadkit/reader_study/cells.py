"""Cells of tables that people made: read as text, each checked where it is used."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from cadkit.errors import InputError

Row = tuple[int | str, list[str]]
"""Where a row stands (its number, or `line 7`), and its cells."""


def read_csv(path: Path, wanted: Sequence[str]) -> tuple[list[str], list[Row]]:
    """Header and numbered rows of a CSV whose header has all wanted columns; empty lines are passed over."""
    try:
        table = list(csv.reader(io.StringIO(text_of(path), newline=""), strict=True))
    except csv.Error as error:
        raise InputError(f"not a readable CSV file: {error}", file=path, mend="Save it as CSV in UTF-8.") from None
    header = [name.strip() for name in table[0]] if table else []
    if not any(header):
        raise InputError("the table is empty", file=path, mend="Its first line names the columns.")
    for name in wanted:
        if header.count(name) != 1:
            what = "there is no such column" if name not in header else "two columns have one name"
            raise InputError(what, file=path, row="header", value=name, mend=f"The columns are {', '.join(header)}.")
    rows: list[Row] = []
    for number, cells in enumerate(table[1:], 1):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise InputError(f"the row has {len(cells)} values for {len(header)} columns", file=path, row=number,
                             mend="Give every column a value; quote one that holds a comma.")  # fmt: skip
        rows.append((number, cells))
    return header, rows


def text_of(path: Path) -> str:
    """The text of a file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("the file is missing", file=path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"not a readable text file: {error}", file=path, mend="Save it in UTF-8.") from None


def name_of(path: Path, at: int | str, text: str, column: str) -> str:
    """A name from a cell."""
    name = text.strip()
    if not name:
        raise InputError(f"the {column} is missing", file=path, row=at, mend="Give every row one.")
    return name


def number_of(path: Path, at: int | str, text: str, column: str) -> float:
    """A finite number from a cell."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"the {column} is not a finite number", file=path, row=at, value=text,
                         mend="Ratings and weights are numbers; larger is more suspicious.")  # fmt: skip
    return value


def truth_of(path: Path, at: int | str, text: str, column: str) -> int:
    """0 or 1 from a cell."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if value not in (0.0, 1.0):
        raise InputError(f"the {column} is neither 0 nor 1", file=path, row=at, value=text,
                         mend="Write 1 for diseased, 0 for not diseased.")  # fmt: skip
    return int(value)
