"""From headers to exams: which files are images, whose they are, and which of several shows a view best."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cadkit.data.pseudonyms import Pseudonyms
from cadkit.dicom import Header, Rules, Verdict, classify
from cadkit.errors import Problem
from cadkit.importers.scanning import Scan

SAME_EXAM_DAYS = 30
SHIFT_DAYS = 365
OLDEST = 90
"""Ages above are given as this one (as usual when persons shall not be found by their age)."""
FOUR_VIEWS = (("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO"))


@dataclass(frozen=True)
class FoundImage:
    """A file that is an image of the dataset."""

    image_id: str
    path: Path
    header: Header
    verdict: Verdict
    preferred: bool = False


@dataclass
class FoundExam:
    """The images of one study of one patient, with the identities by which tables are joined.

    Attributes:
        exam_id, patient_id: pseudonyms (or the patient's own id if it is kept).
        patient, study: PatientID and StudyInstanceUID of the files.
        accessions: AccessionNumbers of the files.
        images: by side, view and preference.
        date, age: of the exam; the date is shifted if that was asked for.
    """

    exam_id: str
    patient_id: str
    patient: str
    study: str
    accessions: set[str]
    images: list[FoundImage]
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
        problems: why, and what was doubtful.
    """

    exams: list[FoundExam]
    left_out: dict[str, Path] = field(default_factory=dict)
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
    """

    pseudonyms: Pseudonyms
    keep_ids: bool = False
    shift_dates: bool = False

    def shift(self, date: dt.date, identity: tuple[str, str]) -> dt.date:
        """The date as it is written."""
        if not self.shift_dates:
            return date
        number = int(self.pseudonyms("shift", *identity), 16) % (2 * SHIFT_DAYS)
        days = number - SHIFT_DAYS
        return date + dt.timedelta(days=days + 1 if days >= 0 else days)


def group(scans: Iterable[Scan], source: Path, rules: Rules, naming: Naming) -> Found:
    """Sort files into exams; whatever is left out or doubtful becomes a problem, under an id and without a path."""
    found = Found([])
    studies: dict[tuple[str, str, str], list[FoundImage]] = defaultdict(list)
    seen: dict[str, str] = {}
    for one in scans:
        relative = _relative(one.path, source)
        if one.header is None:
            _leave_out(found, one, relative, naming, one.fault)
            continue
        verdict = classify(one.header, rules)
        uid = one.header.sop_instance_uid
        if not verdict.take:
            _leave_out(found, one, relative, naming, verdict.problem())
            continue
        if uid and uid in seen:
            reason = f"the same instance as {seen[uid]}, which was taken"
            mend = "Delete the copy."
            _leave_out(found, one, relative, naming, Problem("duplicate-instance", reason, mend=mend))
            continue
        image_id = naming.pseudonyms("image", uid or relative)
        seen[uid] = image_id
        studies[_key(one.header, relative, image_id, found.problems)].append(
            FoundImage(image_id, one.path, one.header, verdict)
        )
        found.problems += [replace(note, item=image_id) for note in one.header.notes]
    found.exams = [_exam(key, images, naming, found.problems) for key, images in studies.items()]
    found.exams.sort(key=lambda exam: (exam.patient_id, exam.date or dt.date.min, exam.exam_id))
    _same_day(found)
    return found


def _relative(path: Path, source: Path) -> str:
    return path.relative_to(source).as_posix() if source.is_dir() else path.name


def _leave_out(found: Found, one: Scan, relative: str, naming: Naming, problem: Problem | None) -> None:
    name = f"left-out-{naming.pseudonyms('file', relative)}"
    found.left_out[name] = one.path
    if problem is not None:
        found.problems.append(replace(problem, item=name))


def _key(header: Header, relative: str, image_id: str, problems: list[Problem]) -> tuple[str, str, str]:
    """Patient, issuer and study; what the file lacks is taken from what it has."""
    study, patient = header.study_uid, header.patient_id
    if not study:
        study = f"{header.accession}|{header.date or ''}|{patient or relative.rpartition('/')[0]}"
        reason = "the file names no study; it was joined by accession number, date and patient"
        problems.append(Problem("no-study", reason, item=image_id))
    if not patient:
        reason = "the file names no patient; its study was taken for a woman of her own"
        problems.append(Problem("no-patient", reason, item=image_id))
        return "", study, study
    return patient, header.patient_issuer, study


def _exam(key: tuple[str, str, str], images: list[FoundImage], naming: Naming, problems: list[Problem]) -> FoundExam:
    patient, issuer, study = key
    name = naming.pseudonyms
    exam = FoundExam(
        exam_id=name("exam", patient, issuer, study),
        patient_id=patient if naming.keep_ids and patient else name("patient", patient, issuer),
        patient=patient,
        study=images[0].header.study_uid,
        accessions={image.header.accession for image in images if image.header.accession},
        images=_preferred(images),
    )
    dates = sorted(image.header.date for image in images if image.header.date is not None)
    if dates:
        exam.date = naming.shift(dates[0], (patient, issuer))
        if (dates[-1] - dates[0]).days > SAME_EXAM_DAYS:
            reason = f"its images lie {(dates[-1] - dates[0]).days} days apart; the earliest date was taken"
            problems.append(Problem("dates-apart", reason, item=exam.exam_id))
    ages = sorted(image.header.age_years for image in images if image.header.age_years is not None)
    exam.age = min(ages[0], OLDEST) if ages else None
    _views(exam, problems)
    return exam


def _preferred(images: list[FoundImage]) -> list[FoundImage]:
    """Mark the image that stands for each side and view: standard, an ordinary mammogram, the latest, the largest.

    A repeat replaces what it repeats.
    """

    def rank(image: FoundImage) -> tuple[bool, str, int, str]:
        header = image.header
        return (
            image.verdict.kind == "mammogram",
            f"{header.date or ''} {header.time}",
            header.rows * header.columns,
            image.image_id,
        )

    best: dict[tuple[str, str], FoundImage] = {}
    for image in images:
        view = (image.header.side, image.header.view.name)
        if image.header.standard and (view not in best or rank(image) > rank(best[view])):
            best[view] = image
    chosen = {image.image_id for image in best.values()}
    marked = [replace(image, preferred=image.image_id in chosen) for image in images]
    return sorted(marked, key=lambda i: (i.header.side, i.header.view.name, not i.preferred, i.image_id))


def _views(exam: FoundExam, problems: list[Problem]) -> None:
    standard = [(image.header.side, image.header.view.name) for image in exam.images if image.header.standard]
    for side, view in FOUR_VIEWS:
        count = standard.count((side, view))
        if count == 0:
            reason = f"the exam has no standard {side} {view}"
            problems.append(Problem("view-missing", reason, value=f"{side} {view}", item=exam.exam_id))
        elif count > 1:
            reason = f"the exam has {count} standard images of {side} {view}: all are kept, the latest is preferred"
            problems.append(Problem("view-repeated", reason, value=f"{side} {view}", item=exam.exam_id))


def _same_day(found: Found) -> None:
    days: dict[tuple[str, dt.date], list[FoundExam]] = defaultdict(list)
    for exam in found.exams:
        if exam.date is not None:
            days[exam.patient_id, exam.date].append(exam)
    for exams in days.values():
        for exam in exams[1:]:
            reason = f"the woman has another study of the same day, {exams[0].exam_id}; they are two exams here"
            mend = "Give both one exam_id in exams.csv, breasts.csv and images.csv if they are one visit."
            found.problems.append(Problem("same-day-exams", reason, mend=mend, item=exam.exam_id))
