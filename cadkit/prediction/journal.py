"""The journal of a prediction: a line of JSON per answered exam, whole or not read; an exam's last line counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cadkit.data import Exam
from cadkit.plugin import Skipped

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class Failed(Skipped):
    """The answer for an exam on which another program failed: skipped, but asked again with `--retry-failed`.

    `Skipped` itself is an answer, which the model would give again.
    """


def left_of(journal: Path, exams: Sequence[Exam], retry_failed: bool) -> list[Exam]:
    """Those of the exams that have no line yet, or with `retry_failed` one that says that the program failed.

    A last line that a kill cut off is removed.
    """
    _drop_half_line(journal)
    failed = {row["exam"]: bool(row.get("failed")) for row in _lines(journal)}
    return [exam for exam in exams if failed.get(exam.id, True) and (retry_failed or exam.id not in failed)]


def rows_of(journal: Path, exams: Sequence[str]) -> list[dict[str, Any]]:
    """The last row of each exam, in the order of the exams."""
    last = {row["exam"]: row for row in _lines(journal)}
    return [last[exam] for exam in exams if exam in last]


def _drop_half_line(journal: Path) -> None:
    if not journal.exists():
        return
    data = journal.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        with journal.open("r+b") as file:
            file.truncate(end)


def _lines(journal: Path) -> Iterator[dict[str, Any]]:
    if journal.exists():
        with journal.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
