"""Joining a user's labels to exams and breasts.

Taken are: the keys and `side`; columns of 0, 1 and nothing (labels of the breast, or of the exam where there is
no side); age, density, birads, split, biopsied, interval_cancer, and columns that begin with reader_ or
recall_. Other columns are left where they are, as they may name persons, unless they are asked for by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from cadkit.data.tables import SPLITS
from cadkit.dicom.views import side_from_text
from cadkit.errors import InputError, Problem
from cadkit.importers.found import OLDEST, Found, FoundExam
from cadkit.importers.joining import ExamIndex, NoMatch
from cadkit.importers.user_tables import EXAM_KEYS, UserTable

TABLE = "the table of labels"
"""What problems call it: its own name may be that of a person."""

_SIDE = ("side", "laterality", "image_laterality", "breast")
_OF_EXAM = ("age", "density", "birads", "split")
_OF_BREAST = ("biopsied", "interval_cancer")
_READERS = ("reader_", "recall_")
_USUAL_LABELS = ("malignant", "benign", "cancer")
_ZERO_ONE: Mapping[str, str] = {"0": "0", "1": "1", "0.0": "0", "1.0": "1"}
_SPLIT_NAMES = {"training": "train", "val": "validation", "valid": "validation", "testing": "test"}
_DENSITIES = {"1": "A", "2": "B", "3": "C", "4": "D"}

_ONE_ROW = "Correct one of the two; a breast is 1 if any of its lesions is."

Key = tuple[str, str]


@dataclass
class Joined:
    """What a table of labels says.

    Attributes:
        labels: names of the label columns.
        breasts: (exam_id, side) to column to value.
        exams: exam_id to column to value.
        problems: rows that did not join, contradict each other or hold a wrong value.
        rows, joined: how many rows there are, and how many found an exam.
    """

    labels: tuple[str, ...] = ()
    breasts: dict[Key, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    exams: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    problems: list[Problem] = field(default_factory=list)
    rows: int = 0
    joined: int = 0


def join_labels(table: UserTable, found: Found, extra: Collection[str] = ()) -> Joined:
    """Join each row of a table by study, by accession number, or by patient and date.

    A row that names a patient without a date is joined if she has one exam; with several it cannot be told
    which one is meant. Several rows may be about one breast as long as they agree.

    Args:
        table: the user's.
        found: the exams.
        extra: further columns to take, which go to exams.csv, or to breasts.csv where sides differ.

    Raises:
        InputError: there is no key column, no row joins at all, or the split column parts a patient.
    """
    index = ExamIndex(found, table)
    side = table.column(_SIDE)
    joined = Joined(rows=len(table.rows))
    columns = _columns(table, side, joined, extra)
    name = TABLE
    values: dict[tuple[str, str, str], tuple[str, int]] = {}
    for number, row in enumerate(table.rows, start=1):
        exam = _exam_of(index, row, name, number, joined.problems)
        if exam is None:
            continue
        joined.joined += 1
        sides = _sides_of(row, side, exam, name, number, joined.problems)
        for column in columns:
            value = _value(column, row[column], column in joined.labels, name, number, joined.problems)
            if value is None:
                continue
            for where in [""] if side is None or column in _OF_EXAM else sides:
                _put(values, (exam.exam_id, where, column), value, name, number, joined.problems)
    if joined.rows and not joined.joined:
        raise InputError(
            f"none of the {joined.rows} rows is about an exam that was imported",
            file=table.path,
            mend=f"Compare {' and '.join(index.columns.values())} with the files' headers.",
        )
    _spread(values, joined, extra)
    _check_splits(joined, found, table)
    return joined


def _columns(table: UserTable, side: str | None, joined: Joined, extra: Collection[str]) -> list[str]:
    keys = {name for names in EXAM_KEYS.values() for name in names} | {side}
    taken, labels = [], []
    for column in table.columns:
        if column in keys:
            continue
        values = {row[column] for row in table.rows} - {None}
        known = column in _OF_EXAM + _OF_BREAST or column.startswith(_READERS) or column in extra
        if known:
            taken.append(column)
        elif column in _USUAL_LABELS or (values and values <= _ZERO_ONE.keys()):
            labels.append(column)
        else:
            reason = f"the column {column} was not taken, as it may name a person"
            mend = f"Give --option columns={column} if it does not."
            joined.problems.append(Problem("column-not-taken", reason, TABLE, mend=mend))
    joined.labels = tuple(labels)
    return taken + labels


def _exam_of(
    index: ExamIndex, row: Mapping[str, str | None], name: str, number: int, problems: list[Problem]
) -> FoundExam | None:
    exams = index.find(row)
    if isinstance(exams, NoMatch):
        problems.append(Problem(exams.rule, exams.reason, name, number, mend=exams.mend))
        return None
    if len(exams) == 1:
        return exams[0]
    reason = f"the row fits {len(exams)} exams, and it cannot be told which one is meant"
    mend = "Add the column accession_number, study_instance_uid or date."
    problems.append(Problem("label-ambiguous", reason, name, number, mend=mend))
    return None


def _sides_of(
    row: Mapping[str, str | None], column: str | None, exam: FoundExam, name: str, number: int, problems: list[Problem]
) -> list[str]:
    if column is None:
        return []
    side = side_from_text(row[column] or "")
    if not side:
        reason = f"{column} is neither L, R nor both; the row's labels of the breast were not taken"
        problems.append(Problem("label-without-side", reason, name, number, item=exam.exam_id))
        return []
    sides = ["L", "R"] if side == "B" else [side]
    for missing in [one for one in sides if one not in exam.sides]:
        reason = f"the exam has no image of the side {missing}; its labels were not taken"
        problems.append(Problem("label-without-image", reason, name, number, item=exam.exam_id))
    return [one for one in sides if one in exam.sides]


def _value(
    column: str, text: str | None, is_label: bool, name: str, number: int, problems: list[Problem]
) -> str | None:
    """The value as the tables want it; None, with a problem, if it cannot be."""
    if text is None:
        return None
    value: str | None = text
    expected = ""
    if is_label or column in _OF_BREAST:
        value, expected = _ZERO_ONE.get(text), "0, 1 or empty"
    elif column == "split":
        value = _SPLIT_NAMES.get(text.lower(), text.lower())
        value, expected = (value if value in SPLITS else None), ", ".join(SPLITS)
    elif column == "density":
        value = _DENSITIES.get(text, text.upper())
        value, expected = (value if value in _DENSITIES.values() else None), "A, B, C or D"
    elif column == "age":
        try:
            value = f"{min(float(text), OLDEST):g}" if float(text) > 0 else None
        except ValueError:
            value = None
        expected = "a number of years"
    if value is None:
        reason = f"{column} is not {expected}; it was left empty"
        problems.append(Problem("wrong-value", reason, name, number, mend=f"Write {expected}."))
    return value


def _put(
    values: dict[tuple[str, str, str], tuple[str, int]],
    key: tuple[str, str, str],
    value: str,
    name: str,
    number: int,
    problems: list[Problem],
) -> None:
    """Keep a value; where two rows differ neither is believed."""
    before, row = values.setdefault(key, (value, number))
    if before != value:
        values[key] = ("", row)
        reason = f"{key[2]} contradicts row {row}; it was left empty"
        item = " ".join(part for part in key[:2] if part)
        problems.append(Problem("label-contradicts", reason, name, number, mend=_ONE_ROW, item=item))


def _spread(values: Mapping[tuple[str, str, str], tuple[str, int]], joined: Joined, extra: Iterable[str]) -> None:
    """Put values of a side into breasts; further columns that never differ between sides into exams."""
    uneven = set()
    for column in extra:
        seen: dict[str, set[str]] = defaultdict(set)
        for (exam, _, name), (value, _) in values.items():
            if name == column:
                seen[exam].add(value)
        if any(len(held) > 1 for held in seen.values()):
            uneven.add(column)
    for (exam, side, column), (value, _) in values.items():
        if not value:
            continue
        if side and not (column in extra and column not in uneven):
            joined.breasts[exam, side][column] = value
        else:
            joined.exams[exam][column] = value


def _check_splits(joined: Joined, found: Found, table: UserTable) -> None:
    parts: dict[str, set[str]] = defaultdict(set)
    for exam in found.exams:
        if split := joined.exams.get(exam.exam_id, {}).get("split"):
            parts[exam.patient_id].add(split)
    torn = sorted(patient for patient, splits in parts.items() if len(splits) > 1)
    if torn:
        raise InputError(
            f"{len(torn)} patient(s) are in two splits, the first of them in {' and '.join(sorted(parts[torn[0]]))}",
            file=table.path,
            value=torn[0],
            mend="Put all exams of a patient into one split.",
        )
