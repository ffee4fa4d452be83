"""Who is examined, when, where, and what is wrong with each breast; no pixels.

Shares are met exactly (to rounding), by dealing labels out to shuffled breasts, so that a small
phantom has the prevalence that was asked for. The rules of the labels are written in `docs/phantom.md`.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from cadkit.phantom.mix import DENSITY_SHARES, Mix, interval_share, mix_of, occult_share, together_share
from cadkit.phantom.noise import generator
from cadkit.phantom.settings import PhantomSettings

SIDES = ("L", "R")
VENDOR_NAMES = ("lut", "window")
# Two sites have one make of device each, the third has both.
SITES: Mapping[str, tuple[str, ...]] = {"north": ("lut",), "south": ("window",), "west": VENDOR_NAMES}
_SITE_SHARES = {"north": 0.35, "south": 0.35, "west": 0.30}
_FIRST_DAY = dt.date(2012, 1, 2)
_DAYS = 8 * 365
_GAP_DAYS = (330, 800)
_CLINICAL_GAP_DAYS = (365, 730)
_AGES = (40.0, 84.0)
_AGE_MEAN, _AGE_SD = 57.0, 9.0
# Correlation of age with the normal score of density; younger breasts are denser.
_AGE_DENSITY = -0.35
_DENSITY_FALLS = 0.06
_DENSITY_CUTS = [NormalDist().inv_cdf(float(part)) for part in np.cumsum(list(DENSITY_SHARES.values()))[:-1]]
# Of the interval cancers of women who have another exam: it is the mammogram of the diagnosis.
_DIAGNOSED_HERE = 0.5
_SMALL, _FULL, _FIRST_SIGNS = (0.35, 0.70), (0.75, 1.0), (0.2, 0.4)


@dataclass(frozen=True)
class LesionPlan:
    """A visible lesion at one exam.

    Attributes:
        number: 1, 2, ... in this breast of this woman; the same lesion has it in all of her exams, and it
            is the key of its shape and place.
        label: malignant, benign or high_risk.
        kind: mass, calcification, distortion or asymmetry.
        form: of the kind (see `cadkit.phantom.mix`).
        size: at this exam, as a share of its final size, above 0 to 1.
    """

    number: int
    label: str
    kind: str
    form: str
    size: float = 1.0


@dataclass(frozen=True)
class BreastPlan:
    """One side of an exam. A label without a lesion is an occult breast.

    Attributes:
        side: L or R.
        malignant, benign: labels.
        high_risk: a benign biopsy with a high-risk lesion: only beside `benign`, as Wu et al. count it.
        lesions: what is visible, labelled or not.
        interval_cancer: malignant, but it came up clinically 12 to 24 months after this exam.
    """

    side: str
    malignant: bool
    benign: bool
    high_risk: bool = False
    lesions: tuple[LesionPlan, ...] = ()
    interval_cancer: bool = False

    @property
    def biopsied(self) -> bool:
        """Whether this exam led to a biopsy."""
        return self.benign or (self.malignant and not self.interval_cancer)

    @property
    def findings(self) -> tuple[LesionPlan, ...]:
        """The lesions that were marked: those of a label that the breast has.

        The first signs of a later cancer are drawn but not marked, as nobody knew of them.
        """
        labels = {"malignant": self.malignant, "benign": self.benign, "high_risk": self.high_risk}
        return tuple(lesion for lesion in self.lesions if labels[lesion.label])


@dataclass(frozen=True)
class ExamPlan:
    """One exam; `index` counts exams, `patient` women and `visit` her exams, all from 0.

    `years` is the time since her first exam, `first_density` her density then.
    """

    index: int
    patient: int
    visit: int
    date: dt.date
    age: int
    density: str
    first_density: str
    birads: int
    vendor: str
    site: str
    years: float
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


@dataclass
class _Side:
    """The truth about one breast of a woman over all of her exams.

    `cancer` is empty, `screening` (found at her last exam), `interval` (after her last exam) or `clinical`
    (after the last but one; her last is the mammogram of the diagnosis).
    """

    cancer: str = ""
    benign: bool = False
    high_risk: bool = False


@dataclass
class _Woman:
    """`densities` has one class for each of her exams; both sides are alike."""

    visits: int
    age: float
    site: str
    densities: list[str]
    sides: tuple[_Side, _Side]


def population(settings: PhantomSettings) -> list[ExamPlan]:
    """All exams, in order of patient and date. The same settings give the same exams."""
    random = generator(settings.seed, "population")
    visits = _visits(settings, random)
    women = [_woman(number, generator(settings.seed, "woman", patient)) for patient, number in enumerate(visits)]
    _deal_cancers(settings, women, random)
    _deal_benign(settings, women, random)
    exams: list[ExamPlan] = []
    for patient, woman in enumerate(women):
        exams += _exams_of(settings, patient, woman, len(exams), generator(settings.seed, "exams", patient))
    return exams


def _pick(shares: Mapping[str, float], random: np.random.Generator) -> str:
    left = random.random()
    for name, share in shares.items():
        left -= share
        if left < 0:
            return name
    return name


def _visits(settings: PhantomSettings, random: np.random.Generator) -> list[int]:
    """Number of exams of each woman, until all exams are dealt out."""
    shares = {str(number): share for number, share in enumerate(settings.visits, start=1)}
    visits: list[int] = []
    left = settings.exams
    while left > 0:
        number = min(left, int(_pick(shares, random)))
        visits.append(number)
        left -= number
    # A breast has one cancer: a phantom with more of them than breasts needs more women.
    patient = 0
    while 2 * len(visits) < _cancers_wanted(settings):
        if visits[patient] > 1:
            visits.append(visits[patient] // 2)
            visits[patient] -= visits[-1]
        else:
            patient += 1
    return visits


def _cancers_wanted(settings: PhantomSettings) -> int:
    return round(settings.malignant * 2 * settings.exams)


def _woman(visits: int, random: np.random.Generator) -> _Woman:
    z = random.standard_normal()
    age = min(max(_AGE_MEAN + _AGE_SD * z, _AGES[0]), _AGES[1])
    score = _AGE_DENSITY * z + (1 - _AGE_DENSITY**2) ** 0.5 * random.standard_normal()
    density = bisect_left(_DENSITY_CUTS, score)
    names = tuple(DENSITY_SHARES)
    densities = [names[density]]
    for _ in range(visits - 1):
        density -= int(density > 0 and random.random() < _DENSITY_FALLS)
        densities.append(names[density])
    return _Woman(visits, age, _pick(_SITE_SHARES, random), densities, (_Side(), _Side()))


def _deal_cancers(settings: PhantomSettings, women: list[_Woman], random: np.random.Generator) -> None:
    """One cancer to as many sides as make the wanted number of malignant breasts."""
    left = _cancers_wanted(settings)
    for slot in random.permutation(2 * len(women)):
        if left == 0:
            break
        patient, k = divmod(int(slot), 2)
        woman = women[patient]
        late = random.random() < interval_share(settings.interval_share, woman.densities[-1])
        twice = late and woman.visits > 1 and left > 1 and random.random() < _DIAGNOSED_HERE
        woman.sides[k].cancer = "clinical" if twice else "interval" if late else "screening"
        left -= 2 if twice else 1


def _deal_benign(settings: PhantomSettings, women: list[_Woman], random: np.random.Generator) -> None:
    """Benign lesions to sides, in all exams of the woman, until the wanted number of breasts is reached."""
    mix = mix_of(settings.difficulty)
    together = together_share(mix, settings.malignant, settings.benign)
    first: list[tuple[int, int]] = []
    others: list[tuple[int, int]] = []
    last: list[tuple[int, int]] = []
    for slot in random.permutation(2 * len(women)):
        patient, k = divmod(int(slot), 2)
        if not women[patient].sides[k].cancer:
            others.append((patient, k))
        else:
            (first if random.random() < together else last).append((patient, k))
    left = round(settings.benign * 2 * settings.exams)
    for patient, k in first + others + last:
        if women[patient].visits <= left:
            side = women[patient].sides[k]
            side.benign, side.high_risk = True, random.random() < mix.high_risk
            left -= women[patient].visits


def _exams_of(
    settings: PhantomSettings, patient: int, woman: _Woman, first_index: int, random: np.random.Generator
) -> list[ExamPlan]:
    dates = _dates(woman, random)
    years = [(date - dates[0]).days / 365.25 for date in dates]
    age = max(_AGES[0], min(woman.age, _AGES[1] - years[-1]))
    breasts = [_breasts_of(settings, name, side, woman, random) for name, side in zip(SIDES, woman.sides, strict=True)]
    exams = []
    for visit, date in enumerate(dates):
        shown = (breasts[0][visit], breasts[1][visit])
        vendors = SITES[woman.site]
        exams.append(
            ExamPlan(
                index=first_index + visit,
                patient=patient,
                visit=visit,
                date=date,
                age=int(age + years[visit]),
                density=woman.densities[visit],
                first_density=woman.densities[0],
                birads=_birads(shown, random),
                vendor=vendors[int(random.integers(len(vendors)))],
                site=woman.site,
                years=years[visit],
                breasts=shown,
            )
        )
    return exams


def _dates(woman: _Woman, random: np.random.Generator) -> list[dt.date]:
    dates = [_FIRST_DAY + dt.timedelta(days=int(random.integers(_DAYS)))]
    clinical = any(side.cancer == "clinical" for side in woman.sides)
    for visit in range(1, woman.visits):
        last = visit == woman.visits - 1
        gap = random.integers(*(_CLINICAL_GAP_DAYS if clinical and last else _GAP_DAYS))
        dates.append(dates[-1] + dt.timedelta(days=int(gap)))
    return dates


def _breasts_of(
    settings: PhantomSettings, name: str, side: _Side, woman: _Woman, random: np.random.Generator
) -> list[BreastPlan]:
    """One side of a woman at each of her exams."""
    mix, last = mix_of(settings.difficulty), woman.visits - 1
    late = side.cancer in ("interval", "clinical")
    found = last - 1 if side.cancer == "clinical" else last
    density = woman.densities[found]
    cancers: tuple[LesionPlan, ...] = ()
    occult = False
    if side.cancer:
        hidden = occult_share(mix, "malignant", density, interval=settings.interval_share, is_interval=late)
        cancers = _lesions(mix, "malignant", 1, _SMALL if late else _FULL, random)
        occult = random.random() < hidden
    others: tuple[LesionPlan, ...] = ()
    if side.benign:
        label = "high_risk" if side.high_risk else "benign"
        # Small as often as cancers are, so that size does not tell the label.
        small = random.random() < interval_share(settings.interval_share, density)
        if random.random() >= occult_share(mix, label, woman.densities[0]):
            others = _lesions(mix, label, len(cancers) + 1, _SMALL if small else _FULL, random)
    early = side.cancer == "screening" and not occult and random.random() < mix.hindsight
    breasts = []
    for visit in range(woman.visits):
        seen: tuple[LesionPlan, ...] = ()
        if side.cancer and visit == found and not occult:
            seen = cancers
        elif side.cancer == "clinical" and visit == last:
            seen = tuple(replace(lesion, size=1.0) for lesion in cancers)
        elif early and visit == found - 1:
            share = random.uniform(*_FIRST_SIGNS)
            seen = tuple(replace(lesion, size=lesion.size * share) for lesion in cancers)
        breasts.append(
            BreastPlan(
                side=name,
                malignant=bool(side.cancer) and visit >= found,
                benign=side.benign,
                high_risk=side.high_risk,
                lesions=seen + others,
                interval_cancer=late and visit == found,
            )
        )
    return breasts


def _lesions(
    mix: Mix, label: str, first: int, sizes: tuple[float, float], random: np.random.Generator
) -> tuple[LesionPlan, ...]:
    lesions = []
    for number in range(2 if random.random() < mix.second else 1):
        kind = _pick(mix.kinds[label], random)
        form = _pick(mix.forms[label][kind], random)
        lesions.append(LesionPlan(first + number, label, kind, form, float(random.uniform(*sizes))))
    return tuple(lesions)


def _birads(breasts: tuple[BreastPlan, BreastPlan], random: np.random.Generator) -> int:
    """0 (recall) for most exams that led to a biopsy of something visible, else 1 (normal) or 2 (benign finding).

    An interval cancer was not recalled, or not for its own sake.
    """
    seen = {
        lesion.label
        for breast in breasts
        for lesion in breast.findings
        if lesion.label != "malignant" or not breast.interval_cancer
    }
    recall = 0.95 if "malignant" in seen else 0.70 if seen else 0.06
    if random.random() < recall:
        return 0
    return 2 if any(breast.lesions for breast in breasts) or random.random() < 0.3 else 1
