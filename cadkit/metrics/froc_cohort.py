"""From a cohort's findings to the units that an FROC counts, and the images that it is counted over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import BoolArray, FloatArray, IntArray, floats, identities, indices, same_length
from cadkit.metrics.froc_sample import FpImages, FrocSample, pool_units
from cadkit.metrics.matching import Duplicates, Findings, Marks, Rule, match

FrocUnit = Literal["finding", "lesion", "breast", "exam"]
Unannotated = Literal["exclude", "miss", "negative"]


@dataclass(frozen=True, eq=False)
class FrocUnits:
    """What sensitivity and false positives are counted over.

    Attributes:
        images: images that stay; the others leave both axes.
        index: unit of each finding, -1 where its image left.
        image: an image of each unit, which says whose patient's it is.
        normal: images without a finding of the label.
        excluded: number of images that left, by reason.
    """

    images: BoolArray
    index: IntArray
    image: IntArray
    normal: BoolArray
    excluded: dict[str, int]


@dataclass(frozen=True, eq=False)
class FrocCohort:
    """Images of a cohort, one entry each, and what they belong to.

    Attributes:
        breast: its breast; a side (`L`, `R`) will do, for a breast is told from others by its exam, too.
        exam: its exam.
        patient: its patient, the resampling unit; None: the exam.
        positive: truth of its breast for the label: 1, 0, or NaN where it is not known; None: a breast is positive
            where a finding is drawn in it.
    """

    breast: npt.NDArray[Any]
    exam: npt.NDArray[Any]
    patient: npt.NDArray[Any] | None = None
    positive: FloatArray | None = None

    def __post_init__(self) -> None:
        for name in ("breast", "exam", "patient"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, identities(getattr(self, name), name))
        same_length(len(self.exam), breast=self.breast)
        if self.patient is not None:
            same_length(len(self.exam), patient=self.patient)
        if self.positive is not None:
            positive = floats(self.positive, "positive")
            same_length(len(self.exam), positive=positive)
            if not (np.isnan(positive) | (positive == 0) | (positive == 1)).all():
                raise ValueError("positive must be 0, 1 or NaN (not known)")
            object.__setattr__(self, "positive", positive)

    def __len__(self) -> int:
        return len(self.exam)

    def units(
        self,
        findings: Findings,
        *,
        unit: FrocUnit = "finding",
        lesion: npt.ArrayLike | None = None,
        unannotated: Unannotated | None = None,
    ) -> FrocUnits:
        """Which images and units count.

        Args:
            findings: those of the label.
            unit: what sensitivity counts: every `finding` (annotation of a view), `lesion` (in any view),
                `breast` or `exam`.
            lesion: lesion of every finding, for `lesion`; told from others of that name by its breast.
            unannotated: a positive breast with no finding drawn: `exclude` (its images leave both axes; default
                for findings and lesions), `miss` (a positive that is never hit; default for breasts and exams), or
                `negative`. Images of a breast whose truth is not known leave in any case.

        Raises:
            ValueError: a finding on an image that is not there, a truth that differs within a breast, no `lesion`.
        """
        image = indices(findings.image, "image of a finding", len(self))
        exam, breast = _numbers(self.exam), _numbers(_numbers(self.exam), _numbers(self.breast))
        n_breasts = int(breast.max(initial=-1)) + 1
        drawn = np.zeros(n_breasts, dtype=np.bool_)
        drawn[breast[image]] = True
        truth = self._truth(breast, drawn)
        occult = (truth == 1) & ~drawn
        rule = _rule(unit, unannotated)
        unknown = np.isnan(truth)
        left = unknown | (occult & (rule == "exclude"))
        key = self._keys(unit, image, exam, breast, lesion)
        stays = ~left[breast[image]]
        extra = np.flatnonzero(occult & ~left) if rule == "miss" else np.zeros(0, dtype=np.int64)
        # Of a missed breast any image will do.
        first = np.zeros(n_breasts, dtype=np.int64)
        first[breast[::-1]] = np.arange(len(self))[::-1]
        # Never-hit breasts of an exam unit join the exam's; else they are units of their own.
        extra_key = exam[first[extra]] if unit == "exam" else key.max(initial=-1) + 1 + np.arange(len(extra))
        _, where, number = np.unique(np.concatenate([key[stays], extra_key]), return_index=True, return_inverse=True)
        of_unit = np.concatenate([image[stays], first[extra]])[where]
        index = np.full(len(image), -1, dtype=np.int64)
        index[stays] = number[: stays.sum()]
        normal = np.ones(len(self), dtype=np.bool_)
        normal[image] = False
        reasons = {"truth not known": unknown, "positive without a finding drawn": left & ~unknown}
        excluded = {why: int(which[breast].sum()) for why, which in reasons.items() if which.any()}
        return FrocUnits(~left[breast], index, of_unit.astype(np.int64), normal, excluded)

    def sample(
        self,
        marks: Marks,
        findings: Findings,
        *,
        rule: Rule = "center",
        threshold: float = 0.1,
        distance: float | None = None,
        duplicates: Duplicates = "ignore",
        neutral: Findings | None = None,
        unit: FrocUnit = "finding",
        lesion: npt.ArrayLike | None = None,
        unannotated: Unannotated | None = None,
        fp_images: FpImages = "all",
    ) -> FrocSample:
        """The FROC of marks: `match` with its options, `units` with its own, and the images of false positives.

        A positive breast with nothing drawn, and a negative one:

        >>> cohort = FrocCohort(["L", "R"], ["E1", "E1"], positive=[1, 0])
        >>> marks, nothing = Marks([0, 1], [5, 5], [5, 5], [0.9, 0.4]), Findings([], [])
        >>> cohort.sample(marks, nothing, unit="breast").best
        array([-inf])
        >>> cohort.sample(marks, nothing).undefined()
        'no positive findings'
        """
        units = self.units(findings, unit=unit, lesion=lesion, unannotated=unannotated)
        indices(marks.image, "image of a mark", len(self))
        matches = match(
            marks, findings, rule=rule, threshold=threshold, distance=distance, duplicates=duplicates, neutral=neutral
        )  # fmt: skip
        kept = units.index >= 0
        best = pool_units(matches.best[kept], units.index[kept], len(units.image))
        false = matches.false_positive & units.images[marks.image]
        position = np.cumsum(units.images) - 1
        cluster = self.exam if self.patient is None else self.patient
        sample = FrocSample(
            marks.score[false], position[marks.image[false]], best, int(units.images.sum()),
            cluster[units.images], cluster[units.image], normal=units.normal[units.images],
        )  # fmt: skip
        return sample.over(fp_images)

    def _truth(self, breast: IntArray, drawn: BoolArray) -> FloatArray:
        """Truth of every breast."""
        if self.positive is None:
            return drawn.astype(np.float64)
        truth = np.full(len(drawn), np.nan)
        truth[breast] = self.positive
        same = (truth[breast] == self.positive) | (np.isnan(truth[breast]) & np.isnan(self.positive))
        if not same.all():
            raise ValueError(f"positive differs between images of one breast, such as image {int((~same).argmax())}")
        return truth

    def _keys(
        self, unit: FrocUnit, image: IntArray, exam: IntArray, breast: IntArray, lesion: npt.ArrayLike | None
    ) -> IntArray:
        """A number per finding, the same for those of one unit."""
        if unit == "lesion":
            if lesion is None:
                raise ValueError("the unit 'lesion' needs the lesion of every finding")
            named = identities(lesion, "lesion")
            same_length(len(image), lesion=named)
            return _numbers(breast[image], _numbers(named))
        keys = {"finding": np.arange(len(image)), "breast": breast[image], "exam": exam[image]}
        if unit not in keys:
            raise ValueError(f"unit must be 'finding', 'lesion', 'breast' or 'exam' (found {unit!r})")
        return keys[unit].astype(np.int64)


def _rule(unit: FrocUnit, unannotated: Unannotated | None) -> Unannotated:
    if unannotated is None:
        return "exclude" if unit in ("finding", "lesion") else "miss"
    if unannotated not in ("exclude", "miss", "negative"):
        raise ValueError(f"unannotated must be 'exclude', 'miss' or 'negative' (found {unannotated!r})")
    return unannotated


def _numbers(first: npt.NDArray[Any], second: IntArray | None = None) -> IntArray:
    """Distinct entries, or pairs of entries, numbered from 0."""
    number = np.unique(first, return_inverse=True)[1].astype(np.int64)
    if second is None or not len(second):
        return number
    return _numbers(number * (int(second.max()) + 1) + second)
