"""Rows and lines of a CSV counted by hand, with quoted commas and line breaks, and what is repeated or ragged."""

from __future__ import annotations

from pathlib import Path

import pytest

from cadkit.data.csv_lines import line_of, refuse_ragged, repeated_rows
from cadkit.errors import InputError

QUOTED = '\ufeff"a,b",c\n1,"two\nlines"\n3,4\n1,"two\nlines"\n3,4\n3,5\n'


@pytest.fixture(params=[5, 1 << 20])
def path(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a file that is read in pieces of so many bytes, whose ends fall anywhere."""
    monkeypatch.setattr("cadkit.data.csv_lines._CHUNK", request.param)
    return tmp_path / "t.csv"


@pytest.mark.parametrize("text", ["", "a\n", "a,b\n1,2\n3,4", "a,b\r\n1,2\r\n", QUOTED, 'a,b\n"1,5",2\n'])
def test_what_is_whole_passes(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    refuse_ragged(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n1,2\n1,2,3\n", "t.csv, row 2 (line 3): 3 fields where the header has 2. Give every row"),
        ("a,b,c\n1,2\n", "t.csv, row 1 (line 2): 2 fields where the header has 3. Give"),
        (QUOTED + "6\n", "t.csv, row 6 (line 9): 1 field where the header has 2. Give"),
        ("a,b\n1,2\n\n1,2\n", "t.csv, row 2 (line 3): the line is empty. Remove the line."),
        ("a;b\n1;0,5\n", "t.csv, header: the fields seem to be separated by semicolons. Save it with commas"),
        ("a\tb\n1\t2\n", "t.csv, header: the fields seem to be separated by tabs. Save"),
    ],
)
def test_what_is_ragged_is_told_with_row_and_line(path: Path, text: str, told: str) -> None:
    path.write_text(text)
    with pytest.raises(InputError) as error:
        refuse_ragged(path, "t.csv")
    assert str(error.value).startswith(told)


def test_lines_of_rows(path: Path) -> None:
    path.write_text(QUOTED)
    assert [line_of(path, row) for row in range(1, 6)] == [2, 4, 5, 7, 8]
    path.write_text("a,b\n1,2\n3,4\n")
    assert [line_of(path, row) for row in (1, 2)] == [2, 3]


def test_repeated_rows(path: Path) -> None:
    path.write_text(QUOTED)
    assert repeated_rows(path) == [3, 4]
    path.write_text("a,b\n1,2\n1,3\n1,2\n1,2\n")
    assert repeated_rows(path) == [3, 4]
    path.write_text("a,b\n")
    assert repeated_rows(path) == []
