"""The lines of a CSV, checked before a table is made of them: readers of tables shift or fill what is ragged."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from cadkit.errors import InputError

_OTHERS = {";": "semicolons", "\t": "tabs"}
_CHUNK = 1 << 20


class _Line(NamedTuple):
    """The header or a row: the line of the file where it begins (1 is the first), its fields, what tells it apart."""

    number: int
    fields: int
    content: int


def refuse_ragged(path: Path, name: object = None) -> None:
    """Refuse a CSV in which some row has more or fewer fields than the header: its values would be read shifted.

    Args:
        path: of the file.
        name: what to call it; its path by default.

    Raises:
        InputError: names file, row, line and both numbers; or the sign that seems to stand between the fields.
    """
    if _is_even(path):
        return
    called = path if name is None else name
    try:
        lines = _lines(path)
        header = next(lines, None)
        if header is None:
            return
        if header.fields == 1:
            _refuse_other_signs(path, called)
        for row, line in enumerate(lines, start=1):
            if line.fields != header.fields:
                raise InputError(
                    _found(line.fields, header.fields), file=called,
                    row=f"row {row} (line {line.number})",
                    mend="Remove the line." if not line.fields else
                    "Give every row a field per column, and put a value that holds a comma in double quotes.",
                )  # fmt: skip
    except csv.Error as error:
        raise InputError(f"not a readable CSV file: {error}", file=called, mend="Save it as CSV in UTF-8.") from None


def line_of(path: Path, row: int) -> int:
    """The line of the file at which a row begins (both from 1, the header on line 1).

    Only where a quoted value holds a line break is it another than row + 1.
    """
    found = next(islice(_lines(path), row, None), None)
    return row + 1 if found is None else found.number


def repeated_rows(path: Path) -> list[int]:
    """Numbers (from 1) of the rows that say in every column what an earlier row says."""
    if not _is_quoted(path):
        # A sign that no text holds makes each line one field.
        lines = pl.read_csv(path, separator="\x01", quote_char=None, infer_schema=False).to_series()
        first: npt.NDArray[np.bool_] = lines.is_first_distinct().to_numpy()
        return [int(place) + 1 for place in np.flatnonzero(~first)]
    seen: set[int] = set()
    found = []
    for row, line in enumerate(islice(_lines(path), 1, None), start=1):
        if line.content in seen:
            found.append(row)
        seen.add(line.content)
    return found


def _is_even(path: Path) -> bool:
    """Whether, without a look at single lines, all have as many commas, at least one, and none is quoted."""
    commas: set[int] = set()
    rest = b""
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            if len(rest) > _CHUNK:  # one endless line, which would be copied with every part
                return False
            whole, end, rest = (rest + part).rpartition(b"\n")
            if b'"' in whole:
                return False
            signs = np.frombuffer(whole + end, dtype=np.uint8)
            before = np.cumsum(signs == ord(","))[signs == ord("\n")]
            commas |= set(np.unique(np.diff(before, prepend=0)).tolist())
            if len(commas) > 1:
                return False
    commas |= {rest.count(b",")} if rest else set()
    return len(commas) == 1 and 0 not in commas and b'"' not in rest


def _lines(path: Path) -> Iterator[_Line]:
    if not _is_quoted(path):
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.rstrip(b"\r\n")
                yield _Line(number, text.count(b",") + 1 if text else 0, hash(text))
        return
    # What is no UTF-8 is for the reader of the table to refuse; commas and quotes stand where they stand.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as text_file:
        reader, begun = csv.reader(text_file), 1
        for fields in reader:
            yield _Line(begun, len(fields), hash(tuple(fields)))
            begun = reader.line_num + 1


def _is_quoted(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in part for part in iter(lambda: file.read(_CHUNK), b""))


def _refuse_other_signs(path: Path, called: object) -> None:
    with path.open("rb") as file:
        header = file.readline()
    for sign, name in _OTHERS.items():
        if sign.encode() in header:
            raise InputError(
                f"the fields seem to be separated by {name}", file=called, row="header",
                mend="Save it with commas between the fields, and points in decimal numbers.",
            )  # fmt: skip


def _found(fields: int, wanted: int) -> str:
    if not fields:
        return "the line is empty"
    return f"{fields} field{'' if fields == 1 else 's'} where the header has {wanted}"
