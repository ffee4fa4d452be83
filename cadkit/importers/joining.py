"""Reading a user's table and finding the exam or image that each of its rows is about."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cadkit.errors import InputError
from cadkit.importers.grouping import Found, FoundExam, FoundImage

EXAM_KEYS: Mapping[str, tuple[str, ...]] = {
    "study": ("study_instance_uid", "studyinstanceuid", "study_uid", "study"),
    "accession": ("accession_number", "accessionnumber", "accession", "acc"),
    "patient": ("patient_id", "patientid", "patient"),
    "exam": ("exam_id",),
}
"""Columns by which labels join, and the names that they may have."""
IMAGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "uid": ("sop_instance_uid", "sopinstanceuid", "sop_uid"),
    "file": ("file", "file_name", "filename", "path"),
    "image": ("image_id",),
}
"""Columns by which findings join, and the names that they may have."""


@dataclass(frozen=True)
class UserTable:
    """A user's CSV: every value as text, empty ones None.

    Attributes:
        path: the file.
        rows: each row by column name; names are lower case with `_` for whatever is no letter or digit.
        columns: those names in their order.
    """

    path: Path
    rows: list[dict[str, str | None]]
    columns: tuple[str, ...]

    def column(self, names: tuple[str, ...]) -> str | None:
        """The first of `names` that is a column."""
        return next((name for name in names if name in self.columns), None)


def read_user_table(path: Path) -> UserTable:
    """Read a CSV whose values are separated by commas, semicolons or tabs.

    Raises:
        InputError: it cannot be read, has no row, or two columns of one name.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"the table cannot be read: {error.strerror}", file=path) from None
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    try:
        frame = pl.read_csv(text.encode(), separator=separator, infer_schema=False)
    except pl.exceptions.NoDataError:
        raise InputError("the table is empty", file=path) from None
    except pl.exceptions.PolarsError:  # its message may quote a row
        raise InputError("not a readable CSV file", file=path, mend="Give every row as many values.") from None
    names = [re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_") for name in frame.columns]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError("two columns have one name", file=path, value=sorted(twice)[0], mend="Rename one of them.")
    frame.columns = names
    frame = frame.with_columns(pl.all().str.strip_chars().replace("", None))
    return UserTable(path, frame.to_dicts(), tuple(names))


class ExamIndex:
    """Exams by study, accession number, patient and exam id."""

    def __init__(self, found: Found, table: UserTable) -> None:
        self.columns = {key: name for key, names in EXAM_KEYS.items() if (name := table.column(names)) is not None}
        if not self.columns:
            raise InputError(
                "no column tells which exam a row is about",
                file=table.path,
                mend="Add patient_id, accession_number or study_instance_uid.",
            )
        self._index: dict[str, dict[str, list[FoundExam]]] = {key: defaultdict(list) for key in EXAM_KEYS}
        for exam in found.exams:
            self._index["study"][exam.study].append(exam)
            self._index["patient"][exam.patient].append(exam)
            self._index["exam"][exam.exam_id].append(exam)
            if exam.patient_id != exam.patient:
                self._index["patient"][exam.patient_id].append(exam)
            for accession in exam.accessions:
                self._index["accession"][accession].append(exam)

    def find(self, row: Mapping[str, str | None]) -> list[FoundExam]:
        """The exams that agree with every key that the row fills in; none if it fills in none."""
        matches: list[FoundExam] | None = None
        for key, column in self.columns.items():
            value = row[column]
            if value is None:
                continue
            here = self._index[key].get(value, [])
            matches = here if matches is None else [exam for exam in matches if exam in here]
        return matches or []


class ImageIndex:
    """Images, and files that were left out, by SOP instance UID, path, file name and image id."""

    def __init__(self, found: Found, source: Path, table: UserTable) -> None:
        self.columns = {key: name for key, names in IMAGE_KEYS.items() if (name := table.column(names)) is not None}
        if not self.columns:
            raise InputError(
                "no column tells which image a row is about",
                file=table.path,
                mend="Add file or sop_instance_uid.",
            )
        self._index: dict[str, dict[str, list[FoundImage]]] = {key: defaultdict(list) for key in IMAGE_KEYS}
        self._left_out: set[str] = set()
        for image in found.images:
            self._index["uid"][image.header.sop_instance_uid].append(image)
            self._index["image"][image.image_id].append(image)
            for name in _names(image.path, source):
                self._index["file"][name].append(image)
        for path in found.left_out.values():
            self._left_out |= _names(path, source)

    def find(self, row: Mapping[str, str | None]) -> list[FoundImage]:
        """The images that the first key that the row fills in names."""
        for key, column in self.columns.items():
            value = row[column]
            if value is not None:
                value = value.replace("\\", "/").removeprefix("./") if key == "file" else value
                return self._index[key].get(value, [])
        return []

    def was_left_out(self, row: Mapping[str, str | None]) -> bool:
        """Whether the row names a file that is no image of the dataset."""
        column = self.columns.get("file")
        value = row[column] if column is not None else None
        return value is not None and value.replace("\\", "/").removeprefix("./") in self._left_out


def _names(path: Path, source: Path) -> set[str]:
    relative = path.relative_to(source).as_posix() if source.is_dir() else path.name
    return {relative, path.name, path.stem, str(path), str(path.resolve())}
