"""Simulated radiologists: how suspicious each breast looks to each of them.

What a breast shows gives it one suspicion that all readers share: the most suspicious of its lesions
(by form, size and density) or of its harmless structures, and an error of the case. Each reader sees it
through an error of their own, so that readers agree on easy cases and err together on hard ones. The
pixels are not read: a reader knows what the plan of the breast says is visible.

- Study readers give a probability of malignancy for each breast and a recall, as the fourteen of Wu et
  al. (2019): AUC 0.705 to 0.860, mean 0.778, standard deviation 0.0435; on the same cases Shen et al.
  (2021, section 3.4) report a mean sensitivity of 0.621 (sd 0.09) and specificity of 0.852 (sd 0.055).
- Two screen readers give each breast an integer score, 1 for no suspicion to 5 (Dahl et al. 2023, sections
  1 and 4.3, who do not print the scale; that of the Norwegian programme has five steps).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cadkit.phantom.noise import generator
from cadkit.phantom.population import BreastPlan, ExamPlan
from cadkit.phantom.settings import PhantomSettings

Values = NDArray[np.float64]
SCREEN_READERS = 2
SCORES = (1, 5)
RECALL_FROM = 0.10

# How suspicious a lesion of full size looks in a breast of density B, in standard deviations of the case's error.
_SUSPICION: Mapping[str, float] = MappingProxyType(
    {
        "spiculated": 5.6,
        "pleomorphic": 5.2,
        "segmental": 4.8,
        "radiating": 4.8,
        "lined": 4.0,
        "ill-defined": 3.4,
        "sparse": 2.8,
        "plain": 2.2,
        "scattered": 1.9,
        "lobulated": 1.7,
        "round": 1.4,
        "smooth": 1.2,
    }
)
_CLEAR: Mapping[str, float] = MappingProxyType({"A": 1.10, "B": 1.0, "C": 0.88, "D": 0.72})
_HARMLESS = 1.0
_CASE = 1.0

# The readers' own error by the AUC that it leads to among breasts as in the reader study of Wu et al. (4.3%
# malignant, 24.7% benign); found by simulating 40,000 exams.
_AUC = (0.70, 0.72, 0.74, 0.76, 0.78, 0.80, 0.82, 0.84, 0.86)
_OWN_ERROR = (3.30, 2.90, 2.55, 2.28, 2.00, 1.74, 1.47, 1.20, 0.90)
_MEAN_AUC, _SD_AUC = 0.778, 0.0435
_SKILLS = (0.046, 0.970)
_GOLDEN = (5**0.5 - 1) / 2

# Logit of the probability: per standard deviation of what a reader perceives, and at its mean.
_SLOPE, _MIDDLE = 1.6, -5.6
_BIAS = 0.45
# Where probabilities clump: tens with the ends of the scale, the BI-RADS categories, quarters and tens.
_STYLES = (
    (0.0, 0.01, 0.02, 0.05, 0.10, 0.20, 0.30, 0.40, 0.50, 0.60, 0.70, 0.80, 0.90, 0.95, 0.98, 1.0),
    (0.0, 0.02, 0.06, 0.10, 0.30, 0.50, 0.75, 0.95),
    (0.0, 0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 1.0),
)

_SCREEN_ERROR = 0.65
_SCREEN_CUTS = (3.6, 4.3, 5.2, 6.2)


@dataclass(frozen=True)
class Reading:
    """One reader's answers, breast by breast in the order of the plan (exam by exam, L before R).

    Attributes:
        name: `1`, `2`, ... of a study, `screen_1` or `screen_2`.
        scores: probability of malignancy (0 to 1), or an integer 1 to 5.
        recalls: 1 where the reader would call the woman back for this breast.
    """

    name: str
    scores: Values
    recalls: NDArray[np.int64]


def suspicion(settings: PhantomSettings, exams: Sequence[ExamPlan]) -> Values:
    """What all readers share: one number a breast, larger where it looks more like cancer."""
    random = generator(settings.seed, "suspicion")
    seen = np.array([_looks(exam, breast) for exam in exams for breast in exam.breasts], dtype=np.float64)
    harmless = _HARMLESS * np.abs(random.standard_normal(len(seen)))
    return np.asarray(np.maximum(seen, harmless) + _CASE * random.standard_normal(len(seen)))


def _looks(exam: ExamPlan, breast: BreastPlan) -> float:
    clear = _CLEAR[exam.density]
    return max((_SUSPICION[lesion.form] * clear * lesion.size**0.5 for lesion in breast.lesions), default=0.0)


def study_reader(settings: PhantomSettings, number: int, looks: Values) -> Reading:
    """One reader of a study; the same whatever the number of other readers.

    Args:
        settings: of the phantom.
        number: 1, 2, ...
        looks: of `suspicion`.
    """
    start = generator(settings.seed, "reader skills").random()
    skill = float(np.clip((start + _GOLDEN * number) % 1, *_SKILLS))
    error = float(np.interp(NormalDist(_MEAN_AUC, _SD_AUC).inv_cdf(skill), _AUC, _OWN_ERROR))
    random = generator(settings.seed, "reader", number)
    style = np.array(_STYLES[int(random.integers(len(_STYLES)))])
    bias = _BIAS * random.standard_normal()
    # Who errs more trusts each impression less.
    trust = (1 + error * error) ** -0.35
    perceived = trust * (looks + error * random.standard_normal(len(looks)))
    chance = 1 / (1 + np.exp(-(_MIDDLE + bias + _SLOPE * perceived)))
    scores = style[np.searchsorted((style[1:] + style[:-1]) / 2, chance)]
    return Reading(str(number), scores, (scores >= RECALL_FROM).astype(np.int64))


def screen_readers(settings: PhantomSettings, exams: Sequence[ExamPlan], looks: Values) -> list[Reading]:
    """The two readers of screening, with integer scores from 1; from 2 on they ask for recall.

    What the label means binds them, as in the data of Dahl et al.: a cancer is a screening cancer because
    one of them at least asked for recall, unless nothing was visible (it was then found otherwise), and
    an interval cancer because at most one of them did, and then with the lowest such score.
    """
    breasts = [breast for exam in exams for breast in exam.breasts]
    late = np.array([breast.interval_cancer for breast in breasts], dtype=bool)
    found = np.array([_found_by_screening(breast) for breast in breasts], dtype=bool)
    perceived = np.stack(
        [
            looks + _SCREEN_ERROR * generator(settings.seed, "screen reader", number).standard_normal(len(looks))
            for number in range(SCREEN_READERS)
        ]
    )
    scores = 1 + np.searchsorted(np.array(_SCREEN_CUTS), perceived)
    upper = perceived.argmax(axis=0)
    columns = np.arange(len(looks))
    scores[upper[found], columns[found]] = np.maximum(scores[upper[found], columns[found]], 2)
    scores[upper[late], columns[late]] = np.minimum(scores[upper[late], columns[late]], 2)
    scores[1 - upper[late], columns[late]] = 1
    return [
        Reading(f"screen_{number + 1}", row.astype(np.float64), (row > SCORES[0]).astype(np.int64))
        for number, row in enumerate(scores)
    ]


def _found_by_screening(breast: BreastPlan) -> bool:
    seen = any(lesion.label == "malignant" for lesion in breast.findings)
    return breast.malignant and seen and not breast.interval_cancer


def reader_columns(settings: PhantomSettings, exams: Sequence[ExamPlan]) -> dict[str, list[float] | list[int]]:
    """The columns of breasts.csv: `reader_screen_1`, `recall_screen_1`, ..., `reader_1`, `recall_1`, ..."""
    looks = suspicion(settings, exams)
    readings = screen_readers(settings, exams, looks)
    columns: dict[str, list[float] | list[int]] = {}
    for reading in readings:
        columns[f"reader_{reading.name}"] = reading.scores.astype(np.int64).tolist()
        columns[f"recall_{reading.name}"] = reading.recalls.tolist()
    for number in range(1, settings.readers + 1):
        reading = study_reader(settings, number, looks)
        columns[f"reader_{reading.name}"] = reading.scores.tolist()
        columns[f"recall_{reading.name}"] = reading.recalls.tolist()
    return columns
