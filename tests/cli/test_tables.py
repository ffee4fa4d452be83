"""Tables keep words whole as long as there is room."""

from __future__ import annotations

import pytest

from cadkit.cli.tables import show

WORDS = "one two three four five six seven eight nine ten"


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int, rows: list[dict]) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    show("Title [bold]", rows)
    return capsys.readouterr().out


def test_brackets_are_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(capsys, monkeypatch, 60, [{"what [x]": 'pip install "cadkit[torch]"', "number": 3}])
    assert "Title [bold]" in text
    assert "what [x]" in text
    assert 'pip install "cadkit[torch]"' in text


def test_columns_take_what_they_need_and_share_the_rest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"name": "a_name_that_is_long", "first": WORDS, "second": WORDS, "last": None}
    lines = shown(capsys, monkeypatch, 61, [row]).splitlines()
    # 61 less three gaps of 2 is 55: 19 for the name, 4 for the last, 16 for each of the two others.
    assert [line.rstrip() for line in lines[2:]] == [
        "a_name_that_is_long  one two three     one two three",
        "                     four five six     four five six",
        "                     seven eight nine  seven eight nine",
        "                     ten               ten",
    ]


def test_without_room_every_column_is_there_all_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(capsys, monkeypatch, 20, [{"a": "x" * 30, "b": "y" * 30}]).splitlines()
    assert max(map(len, lines)) <= 20
    text = "".join(lines)
    assert (text.count("x"), text.count("y")) == (30, 30)
