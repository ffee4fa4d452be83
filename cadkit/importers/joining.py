"""Finding the exam or image that each row of a user's table is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cadkit.errors import InputError
from cadkit.importers.found import Found, FoundExam, FoundImage
from cadkit.importers.user_tables import EXAM_KEYS, IMAGE_KEYS, UserTable, parse_date


@dataclass(frozen=True)
class NoMatch:
    """Why a row is about no exam: name of the rule, reason and mend."""

    rule: str
    reason: str
    mend: str = ""


class ExamIndex:
    """Exams by study, accession number, patient, exam id and, beside one of these, date."""

    def __init__(self, found: Found, table: UserTable) -> None:
        self.columns = {key: name for key, names in EXAM_KEYS.items() if (name := table.column(names)) is not None}
        if not self.columns.keys() - {"date"}:
            raise InputError(
                "no column tells which exam a row is about",
                file=table.path,
                mend="Add accession_number, study_instance_uid, or patient_id and date.",
            )
        self._index: dict[str, dict[str, list[FoundExam]]] = {key: defaultdict(list) for key in EXAM_KEYS}
        self._refused = found.refused
        for exam in found.exams:
            self._index["patient"][exam.patient].append(exam)
            self._index["exam"][exam.exam_id].append(exam)
            if exam.patient_id != exam.patient:
                self._index["patient"][exam.patient_id].append(exam)
            for study in exam.studies:
                self._index["study"][study].append(exam)
            for accession in exam.accessions:
                self._index["accession"][accession].append(exam)

    def find(self, row: Mapping[str, str | None]) -> list[FoundExam] | NoMatch:
        """The exams that agree with every key that the row fills in, or why there are none.

        A date agrees with the exam's own and with the StudyDate of its files.
        """
        given = {key: value for key, column in self.columns.items() if (value := row[column]) is not None}
        text = given.pop("date", None)
        day = parse_date(text) if text is not None else None
        if text is not None and day is None:
            mend = "Write it as 2021-03-28."
            return NoMatch("label-wrong-date", f"{self.columns['date']} is no date, or could be two", mend)
        if not given:
            return NoMatch("label-without-key", "the row does not say which exam it is about")
        of_key = {key: self._index[key].get(value, []) for key, value in given.items()}
        matches = [exam for exam in next(iter(of_key.values())) if all(exam in here for here in of_key.values())]
        if matches and day is not None:
            of_day = [exam for exam in matches if day in exam.days]
            reason = "the exams that the row could be about are of other dates"
            return of_day or NoMatch("label-of-another-date", reason, "Compare the date with StudyDate in the files.")
        if matches:
            return matches
        if all(of_key.values()):
            return NoMatch("label-keys-disagree", f"{' and '.join(self._named(given))} name different exams")
        if any(value in self._refused.get(key, ()) for key, value in given.items()):
            reason = "the row is about an exam none of whose files was taken"
            return NoMatch("label-on-left-out-exam", reason, "problems.csv has the reason of each file.")
        return NoMatch("label-not-joined", "the row is about an exam that was not imported")

    def _named(self, given: Mapping[str, str]) -> list[str]:
        return [self.columns[key] for key in given]


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
