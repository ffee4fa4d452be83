"""What a tree of files holds: images, exams, files that were left out; and how they are named."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from pathlib import Path

from cadkit.data.pseudonyms import Pseudonyms
from cadkit.dicom import Header, Verdict
from cadkit.errors import Problem

SHIFT_DAYS = 365
REFUSED_KEYS = ("study", "accession", "patient")
OLDEST = 90
"""Ages above are given as this one (as usual when persons shall not be found by their age)."""


@dataclass(frozen=True)
class FoundImage:
    """A file that is an image of the dataset.

    Attributes:
        image_id: its pseudonym.
        path: the file; `relative` to the imported folder.
        patient, issuer, study: whose it is and of which study, as the file says or as was made up for want of it.
        preferred: it stands for its side and view.
        repeat: 1 for the first image of its side, view, modifiers and kind by time, 2 for the next ...
    """

    image_id: str
    path: Path
    relative: str
    header: Header
    verdict: Verdict
    patient: str
    issuer: str
    study: str
    preferred: bool = False
    repeat: int = 1


@dataclass
class FoundExam:
    """The images of one visit of one patient, with the identities by which tables are joined.

    Attributes:
        exam_id, patient_id: pseudonyms (or the patient's own id if it is kept).
        patient: PatientID of the files.
        studies, accessions: StudyInstanceUIDs and AccessionNumbers of the files.
        images: by side, view and preference.
        days: dates of exposure and of study that the files give, never shifted: for joining tables.
        date, age: of the exam; the date is shifted if that was asked for.
    """

    exam_id: str
    patient_id: str
    patient: str
    studies: set[str]
    accessions: set[str]
    images: list[FoundImage]
    days: set[dt.date] = field(default_factory=set)
    date: dt.date | None = None
    age: int | None = None

    @property
    def sides(self) -> list[str]:
        """The sides that have an image."""
        return sorted({image.header.side for image in self.images})


@dataclass
class Found:
    """What a tree of files holds.

    Attributes:
        exams: in the order of patient, date and exam.
        left_out: id and path of each file that is no image of the dataset.
        refused: patients, accession numbers and studies of the DICOM files among those.
        problems: why, and what was doubtful.
    """

    exams: list[FoundExam]
    left_out: dict[str, Path] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=lambda: {key: set() for key in REFUSED_KEYS})
    problems: list[Problem] = field(default_factory=list)

    @property
    def images(self) -> list[FoundImage]:
        """All images, exam by exam."""
        return [image for exam in self.exams for image in exam.images]


@dataclass(frozen=True)
class Naming:
    """How identities become names.

    Attributes:
        pseudonyms: makes them.
        keep_ids: PatientID stands in the tables as it is.
        shift_dates: each patient's dates are moved by a number of days of her own, at most a year.
        shared_ids: patient ids that several issuers have given; they are written with their issuer.
    """

    pseudonyms: Pseudonyms
    keep_ids: bool = False
    shift_dates: bool = False
    shared_ids: frozenset[str] = frozenset()

    def patient(self, patient: str, issuer: str) -> str:
        """The patient_id that is written: a pseudonym, or her own id where it is kept."""
        if self.keep_ids and patient:
            return f"{patient} ({issuer})" if patient in self.shared_ids and issuer else patient
        return self.pseudonyms("patient", patient, issuer)

    def shift(self, date: dt.date, identity: tuple[str, str]) -> dt.date:
        """The date as it is written."""
        if not self.shift_dates:
            return date
        number = int(self.pseudonyms("shift", *identity), 16) % (2 * SHIFT_DAYS)
        days = number - SHIFT_DAYS
        return date + dt.timedelta(days=days + 1 if days >= 0 else days)


@dataclass
class Sorted:
    """Files on their way to exams.

    Attributes:
        found: what was left out, and problems.
        images: what was taken, in the order of the files.
    """

    found: Found
    images: list[FoundImage] = field(default_factory=list)


def leave_out(
    found: Found, path: Path, relative: str, naming: Naming, problem: Problem | None, header: Header | None = None
) -> None:
    """Note a file that is no image of the dataset, under a name of its own."""
    name = f"left-out-{naming.pseudonyms('file', relative)}"
    found.left_out[name] = path
    if problem is not None:
        found.problems.append(replace(problem, item=name))
    if header is not None:
        for key, value in zip(REFUSED_KEYS, (header.study_uid, header.accession, header.patient_id), strict=True):
            found.refused[key].add(value)
