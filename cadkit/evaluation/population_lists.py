"""Populations that are lists of exams, kept beside a dataset's tables.

    D/populations/<name>.csv    exam_id, part (`read`, `practice`, or no such column), and any other columns

A list is no part of the dataset's fingerprint: drawing one does not make earlier predictions look old. A report names
the fingerprint of the list that it was made with. Why: docs/decisions/012-populations-are-lists.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cadkit.data import Dataset
from cadkit.data.tables import Table, read_table
from cadkit.errors import InputError, Problem, ProblemsError
from cadkit.files import sha256_of

LISTS = "populations"
READ, PRACTICE = "read", "practice"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Listed:
    """The exams of a list.

    Attributes:
        exam_ids: that are evaluated.
        practice: how many others are listed as practice.
        fingerprint: SHA-256 of the file.
    """

    exam_ids: frozenset[str]
    practice: int
    fingerprint: str


def is_list_name(name: str) -> bool:
    """Whether a list may be called so: letters, digits, `_`, `.` and `-`."""
    return _NAME.fullmatch(name) is not None


def list_path(folder: Path, name: str) -> Path:
    """Where the list of a name lies in a dataset."""
    return folder / LISTS / f"{name}.csv"


def list_names(folder: Path) -> list[str]:
    """The lists that a dataset has."""
    return sorted(path.stem for path in (folder / LISTS).glob("*.csv"))


def read_list(data: Dataset, name: str) -> Listed | None:
    """The exams of a list; None where the dataset has none of that name.

    Raises:
        InputError: it is no list of exams, or lists none to be evaluated.
        ProblemsError: exams that are listed twice, that the dataset has not, or whose part is unknown.
    """
    if not is_list_name(name) or not list_path(data.folder, name).is_file():
        return None
    path = list_path(data.folder, name)
    file = f"{LISTS}/{path.name}"
    table = Table(file, required=("exam_id",), key=("exam_id",), types={"exam_id": pl.String, "part": pl.String})
    frame, problems = read_table(data.folder, table)
    problems = problems or _strange(frame, file, set(data.tables["exams"]["exam_id"]))
    if problems:
        raise ProblemsError(f"{data.folder}: the population {name} has", problems)
    parts = frame["part"].to_list() if "part" in frame.columns else [READ] * frame.height
    wanted = [exam for exam, part in zip(frame["exam_id"], parts, strict=True) if part == READ]
    if not wanted:
        raise InputError("lists no exam to evaluate", file=path, mend=f"Write {READ} in the column part.")
    return Listed(frozenset(wanted), frame.height - len(wanted), sha256_of(path))


def _strange(frame: pl.DataFrame, file: str, known: set[str]) -> list[Problem]:
    problems = [
        Problem("unknown-exam", "the dataset has no such exam", file, row, exam, "Name exams of exams.csv.")
        for row, exam in enumerate(frame["exam_id"], start=1)
        if exam not in known
    ]
    if "part" in frame.columns:
        problems += [
            Problem("unknown-part", "is no part of a population", file, row, part, f"Write {READ} or {PRACTICE}.")
            for row, part in enumerate(frame["part"], start=1)
            if part not in (READ, PRACTICE)
        ]
    return problems
