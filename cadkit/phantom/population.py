"""Who is examined, when, and what is wrong with each breast; no pixels.

Shares are met exactly (to rounding), by dealing labels out to shuffled breasts, so that a small
phantom has the prevalence that was asked for.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cadkit.phantom.anatomy import DENSITIES
from cadkit.phantom.difficulty import Difficulty, difficulty_of
from cadkit.phantom.lesions import CLUSTERS, MASSES
from cadkit.phantom.noise import generator
from cadkit.phantom.settings import Settings

SIDES = ("L", "R")
VENDOR_NAMES = ("lut", "window")
_DENSITY_SHARES = (0.10, 0.40, 0.40, 0.10)
_TWO_LESIONS = 0.15
_FIRST_DAY = dt.date(2012, 1, 2)
_DAYS = 8 * 365


@dataclass(frozen=True)
class LesionPlan:
    """A visible lesion: its number in the breast (1, 2, ...), label, kind (mass, calcification) and form."""

    number: int
    label: str
    kind: str
    form: str


@dataclass(frozen=True)
class BreastPlan:
    """One side of an exam. A label without a lesion is an occult breast."""

    side: str
    malignant: bool
    benign: bool
    lesions: tuple[LesionPlan, ...]


@dataclass(frozen=True)
class ExamPlan:
    """One exam; `index` counts exams, `patient` women and `visit` her exams, all from 0."""

    index: int
    patient: int
    visit: int
    date: dt.date
    age: int
    density: str
    birads: int
    vendor: str
    breasts: tuple[BreastPlan, BreastPlan]

    @property
    def exam_id(self) -> str:
        return f"e{self.index:06d}"

    @property
    def patient_id(self) -> str:
        return f"p{self.patient:06d}"

    @property
    def accession(self) -> str:
        """AccessionNumber of the files."""
        return f"A{self.index:06d}"

    @property
    def folder(self) -> str:
        """Where the exam's files lie, below `images` or `masks`: never more than 1,000 entries a folder."""
        return f"{self.index // 1000:03d}/{self.exam_id}"

    def image_id(self, side: str, view: str) -> str:
        return f"{self.exam_id}_{side}_{view}"

    def lesion_id(self, side: str, lesion: LesionPlan) -> str:
        return f"{self.exam_id}_{side}_{lesion.number}"

    def finding_id(self, side: str, view: str, lesion: LesionPlan) -> str:
        return f"{self.image_id(side, view)}_{lesion.number}"


def population(settings: Settings) -> list[ExamPlan]:
    """All exams, in order of patient and date. The same settings give the same exams."""
    random = generator(settings.seed, "population")
    visits = _visits(settings, random)
    malignant, benign = _labels(settings, visits, random)
    exams: list[ExamPlan] = []
    for patient, number in enumerate(visits):
        own = generator(settings.seed, "woman", patient)
        exams += _exams_of(settings, patient, number, len(exams), malignant[patient], benign[patient], own)
    return exams


def _visits(settings: Settings, random: np.random.Generator) -> list[int]:
    """Number of exams of each woman, until all exams are dealt out."""
    visits: list[int] = []
    left = settings.exams
    while left > 0:
        number = min(left, 2 if random.random() < settings.priors else 1)
        visits.append(number)
        left -= number
    return visits


def _labels(
    settings: Settings, visits: list[int], random: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Women x 2 sides: malignant (in the last exam) and benign (in every exam)."""
    women = len(visits)
    malignant, benign = np.zeros((women, 2), dtype=bool), np.zeros((women, 2), dtype=bool)
    wanted = round(settings.malignant * 2 * settings.exams)
    for slot in random.permutation(2 * women)[:wanted]:
        malignant[slot // 2, slot % 2] = True
    left = round(settings.benign * 2 * settings.exams)
    for slot in random.permutation(2 * women):
        if visits[slot // 2] <= left:
            benign[slot // 2, slot % 2] = True
            left -= visits[slot // 2]
    return malignant, benign


def _exams_of(
    settings: Settings,
    patient: int,
    number: int,
    first_index: int,
    malignant: NDArray[np.bool_],
    benign: NDArray[np.bool_],
    random: np.random.Generator,
) -> list[ExamPlan]:
    look = difficulty_of(settings.difficulty)
    age = float(np.clip(random.normal(57, 9), 40, 84))
    density = DENSITIES[int(random.choice(4, p=_DENSITY_SHARES))]
    date = _FIRST_DAY + dt.timedelta(days=int(random.integers(_DAYS)))
    sides = [_breast(side, bool(malignant[k]), bool(benign[k]), look, random) for k, side in enumerate(SIDES)]
    exams = []
    for visit in range(number):
        if visit > 0:
            gap = int(random.integers(330, 800))
            date, age = date + dt.timedelta(days=gap), age + gap / 365.25
        shown = sides if visit == number - 1 else [_before_cancer(breast) for breast in sides]
        exams.append(
            ExamPlan(
                index=first_index + visit,
                patient=patient,
                visit=visit,
                date=date,
                age=int(age),
                density=density,
                birads=_birads(shown, random),
                vendor=VENDOR_NAMES[int(random.integers(2))],
                breasts=(shown[0], shown[1]),
            )
        )
    return exams


def _breast(side: str, malignant: bool, benign: bool, look: Difficulty, random: np.random.Generator) -> BreastPlan:
    lesions: list[LesionPlan] = []
    for label, present, k in (("malignant", malignant, 0), ("benign", benign, 1)):
        if not present or random.random() < look.occult[k]:
            continue
        for _ in range(2 if random.random() < _TWO_LESIONS else 1):
            other = random.random() < look.overlap[k]
            kind, form = _form((label == "malignant") != other, look, random)
            lesions.append(LesionPlan(len(lesions) + 1, label, kind, form))
    return BreastPlan(side, malignant, benign, tuple(lesions))


def _form(like_cancer: bool, look: Difficulty, random: np.random.Generator) -> tuple[str, str]:
    """Kind and form of a lesion. Masses and calcifications are as frequent in both labels."""
    kind = "mass" if random.random() < look.mass_share else "calcification"
    forms = MASSES[:2] if kind == "mass" else CLUSTERS
    return kind, forms[0] if like_cancer else forms[1]


def _before_cancer(breast: BreastPlan) -> BreastPlan:
    kept = tuple(lesion for lesion in breast.lesions if lesion.label != "malignant")
    return replace(breast, malignant=False, lesions=kept)


def _birads(breasts: list[BreastPlan], random: np.random.Generator) -> int:
    """0 (recall) for most exams with something to see, else 1 or 2."""
    visible = {lesion.label for breast in breasts for lesion in breast.lesions}
    recall = 0.9 if "malignant" in visible else 0.5 if visible else 0.06
    if random.random() < recall:
        return 0
    return 2 if visible or random.random() < 0.3 else 1
