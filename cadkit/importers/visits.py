"""From images to exams, which are a woman's visits: the rules of one day and one study.

1. Images of one study whose dates of exposure lie more than 30 days apart are several exams: outside priors are
   often filed into the study of the day on which they were imported.
2. Studies of one woman and one day are one exam: a transmission in two parts, added views, several rooms.
3. Two studies of a day that each show all four standard views stay two exams, unless they have an accession number in
   common: nothing tells whether they are one visit.

Every exam that was joined, parted or left beside another is listed.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from cadkit.errors import Problem
from cadkit.importers.found import OLDEST, FoundExam, FoundImage, Naming

SAME_EXAM_DAYS = 30
FOUR_VIEWS = (("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO"))


@dataclass
class _Part:
    """Images of one study and one time, or of studies that were joined.

    Attributes:
        name: what the exam's pseudonym is made of.
        day: the earliest date of exposure.
        images: at least one.
    """

    name: tuple[str, ...]
    day: dt.date | None
    images: list[FoundImage]

    @property
    def complete(self) -> frozenset[str]:
        """The kinds of image of which all four standard views are here."""
        seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for image in self.images:
            if image.header.standard:
                seen[image.verdict.kind].add((image.header.side, image.header.view.name))
        return frozenset(kind for kind, views in seen.items() if views >= set(FOUR_VIEWS))

    @property
    def accessions(self) -> set[str]:
        return {image.header.accession for image in self.images if image.header.accession}

    @property
    def studies(self) -> set[str]:
        return {image.study for image in self.images}


def exams_of(images: Iterable[FoundImage], naming: Naming, by_study: bool, problems: list[Problem]) -> list[FoundExam]:
    """Sort images into exams, in the order of patient, date and exam.

    Args:
        images: those of the dataset.
        naming: makes the ids.
        by_study: every study is an exam, whatever its dates and those of others.
        problems: takes what was joined, parted, missing or repeated.
    """
    of_study: dict[tuple[str, str, str], list[FoundImage]] = defaultdict(list)
    issuers: dict[str, set[str]] = defaultdict(set)
    for image in images:
        of_study[image.patient, image.issuer, image.study].append(image)
        issuers[image.patient].add(image.issuer)
    naming = replace(naming, shared_ids=frozenset(patient for patient, names in issuers.items() if len(names) > 1))
    of_patient: dict[tuple[str, str], list[_Part]] = defaultdict(list)
    for (patient, issuer, study), here in of_study.items():
        of_patient[patient, issuer] += [_whole(study, here)] if by_study else _parts(study, here)
    exams: list[FoundExam] = []
    for identity, parts in of_patient.items():
        joined = parts if by_study else _join(parts)
        made = [_exam(part, identity, naming, problems) for part in joined]
        _list_decisions(made, joined, problems)
        exams += made
    exams.sort(key=lambda exam: (exam.patient_id, exam.date or dt.date.min, exam.exam_id))
    return exams


def _whole(study: str, images: list[FoundImage]) -> _Part:
    return _Part((study,), min((i.header.date for i in images if i.header.date), default=None), images)


def _parts(study: str, images: list[FoundImage]) -> list[_Part]:
    """Rule 1: the images of a study by their time; those without a date belong to the latest, the study's own."""
    dated = sorted((image for image in images if image.header.date), key=lambda image: image.header.date or dt.date.min)
    if not dated:
        return [_Part((study,), None, images)]
    clusters: list[list[FoundImage]] = [[dated[0]]]
    for before, image in pairwise(dated):
        if (_day(image) - _day(before)).days > SAME_EXAM_DAYS:
            clusters.append([])
        clusters[-1].append(image)
    clusters[-1] += [image for image in images if image.header.date is None]
    last = len(clusters) - 1
    return [
        _Part((study,) if at == last else (study, _day(here[0]).isoformat()), _day(here[0]), here)
        for at, here in enumerate(clusters)
    ]


def _day(image: FoundImage) -> dt.date:
    return image.header.date or dt.date.min


def _join(parts: list[_Part]) -> list[_Part]:
    """Rules 2 and 3: parts of one woman by their day, complete ones first."""
    of_day: dict[dt.date | None, list[_Part]] = defaultdict(list)
    exams = [part for part in parts if part.day is None]
    for part in sorted(parts, key=lambda part: (not part.complete, part.name)):
        if part.day is None:
            continue
        here = of_day[part.day]
        home = next((exam for exam in here if exam.accessions & part.accessions), None)
        if home is None and len(here) == 1 and not here[0].complete & part.complete:
            home = here[0]
        if home is None:
            here.append(part)
            continue
        # The name stays that of the least study, whatever the order of joining.
        merged = _Part(min(home.name, part.name), part.day, [*home.images, *part.images])
        here[here.index(home)] = merged
    return exams + [exam for here in of_day.values() for exam in here]


def _list_decisions(exams: list[FoundExam], parts: list[_Part], problems: list[Problem]) -> None:
    of_day: dict[dt.date, list[FoundExam]] = defaultdict(list)
    of_study: dict[str, list[FoundExam]] = defaultdict(list)
    for exam, part in zip(exams, parts, strict=True):
        if len(part.studies) > 1:
            reason = f"{len(part.studies)} studies of one day were joined to one exam"
            mend = "Import with --option exams=study if they are several visits."
            problems.append(Problem("studies-joined", reason, mend=mend, item=exam.exam_id))
        if part.day is not None:
            of_day[part.day].append(exam)
        for study in part.studies:
            of_study[study].append(exam)
    for same in of_study.values():
        for exam in same[1:]:
            reason = f"its study holds images of other dates too, which are the exam {same[0].exam_id}"
            problems.append(Problem("study-parted", reason, item=exam.exam_id))
    for same in of_day.values():
        for exam in same[1:]:
            reason = f"the woman has another exam of the same day, {same[0].exam_id}; nothing tells if it is one visit"
            mend = "Give both one exam_id in exams.csv, breasts.csv and images.csv if they are one visit."
            problems.append(Problem("same-day-exams", reason, mend=mend, item=exam.exam_id))


def _exam(part: _Part, identity: tuple[str, str], naming: Naming, problems: list[Problem]) -> FoundExam:
    patient, issuer = identity
    exam = FoundExam(
        exam_id=naming.pseudonyms("exam", patient, issuer, *part.name),
        patient_id=naming.patient(patient, issuer),
        patient=patient,
        studies={image.header.study_uid for image in part.images if image.header.study_uid},
        accessions=part.accessions,
        images=_ordered(part.images),
        days={day for i in part.images for day in (i.header.date, i.header.study_date) if day is not None},
    )
    dates = sorted(image.header.date for image in part.images if image.header.date is not None)
    if dates:
        exam.date = naming.shift(dates[0], identity)
        if (dates[-1] - dates[0]).days > SAME_EXAM_DAYS:
            reason = f"its images lie {(dates[-1] - dates[0]).days} days apart; the earliest date was taken"
            problems.append(Problem("dates-apart", reason, item=exam.exam_id))
    ages = sorted(image.header.age_years for image in part.images if image.header.age_years is not None)
    exam.age = min(ages[0], OLDEST) if ages else None
    _views(exam, problems)
    return exam


def _ordered(images: list[FoundImage]) -> list[FoundImage]:
    """Number repeats by time, and mark the image that stands for each side and view.

    That is a standard one, an ordinary mammogram before others, the latest (a repeat replaces what it repeats), the
    largest.
    """

    def when(image: FoundImage) -> tuple[str, str]:
        return f"{image.header.date or ''} {image.header.time}", image.image_id

    best: dict[tuple[str, str], FoundImage] = {}
    count: dict[tuple[object, ...], int] = defaultdict(int)
    numbered = []
    for image in sorted(images, key=when):
        header = image.header
        like = header.side, header.view.name, header.view.modifiers, header.partial, image.verdict.kind
        count[like] += 1
        numbered.append(replace(image, repeat=count[like]))
        view = like[:2]
        if header.standard and (view not in best or _rank(image) > _rank(best[view])):
            best[view] = image
    chosen = {image.image_id for image in best.values()}
    marked = [replace(image, preferred=image.image_id in chosen) for image in numbered]
    return sorted(marked, key=lambda i: (i.header.side, i.header.view.name, not i.preferred, i.image_id))


def _rank(image: FoundImage) -> tuple[bool, str, int, str]:
    header = image.header
    when = f"{header.date or ''} {header.time}"
    return image.verdict.kind == "mammogram", when, header.rows * header.columns, image.image_id


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
