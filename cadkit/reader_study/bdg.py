"""Gallas' one-shot U-statistic (BDG), for studies that may have missing readings or nested cases.

Gallas (2006), Acad Radiol 13:353-362; Gallas, Bandos, Samuelson and Wagner (2009), Commun Stat Theory Methods
38:2586-2603. The area of a modality is the mean kernel over all readers, diseased and non-diseased cases that were
read; its variance is area^2 less the mean product of kernels that differ in reader and in both cases.

Centred: the kernels less their modality's area. Where every reader read the same cases, or none in common, nothing
changes. Where readings are missing, area^2 and the mean product weigh the readers and cases differently, and of the
two areas that should cancel a remainder is left, which inflates the noise of the variance; centred it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cadkit.reader_study.covariances import PairMoments
from cadkit.reader_study.inference import Estimate, Inference, estimate
from cadkit.reader_study.ratings import FloatArray

_ONE_READER = "one reader says nothing of the variance between readers"


@dataclass(frozen=True, eq=False)
class Bdg:
    """The analysis of the moments of a U-statistic.

    Attributes:
        modalities, readers: names.
        moments: of all series.
        ci: level of the intervals.
        centred: whether the kernels are taken less their modality's area.
    """

    modalities: Sequence[str]
    readers: Sequence[str]
    moments: PairMoments
    ci: float
    centred: bool = False

    @property
    def means(self) -> FloatArray:
        """Area of every modality, every pair that was read counting alike."""
        shape = (len(self.modalities), len(self.readers))
        means: FloatArray = self.moments.sums.reshape(shape).sum(axis=1) / self.moments.pairs.reshape(shape).sum(axis=1)
        return means

    def covariance(self) -> FloatArray:
        """Of the modalities' areas, t x t, readers and cases random; NaN with one reader."""
        t, r = len(self.modalities), len(self.readers)
        others = ~np.eye(r, dtype=np.bool_)[None, :, None, :]
        products, mixed, counts = (
            (table.reshape(t, r, t, r) * others).sum(axis=(1, 3))
            for table in (self.moments.products, self.moments.mixed, self.moments.counts)
        )
        a, b = self.means[:, None], self.means[None, :]
        with np.errstate(invalid="ignore", divide="ignore"):
            covariance: FloatArray = a * b - products / counts
            if self.centred:
                covariance = -(products - b * mixed - a * mixed.T) / counts - a * b
        return covariance

    def inference(self, *, student: bool = True) -> Inference:
        """Readers and cases random.

        Args:
            student: Student's t with the integer part of the degrees of freedom; the normal distribution if False.
        """
        means, covariance = self.means, self.covariance()
        reason = _ONE_READER if len(self.readers) == 1 else "no two readers read different cases of both kinds"
        freedom = self.freedom() if student else {}

        def whole(*names: str) -> float | None:
            df = freedom.get(names)
            return None if df is None else float(np.floor(df))

        found = {
            name: estimate(means[i], covariance[i, i], whole(name), self.ci, test=False, reason=reason)
            for i, name in enumerate(self.modalities)
        }
        differences = {}
        for a, b in combinations(range(len(self.modalities)), 2):
            names = self.modalities[a], self.modalities[b]
            variance = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
            differences[names] = estimate(
                means[a] - means[b], variance, whole(*names), self.ci, test=True, reason=reason
            )
        return Inference("RRRC", None, found, differences, *self._of_readers())

    def freedom(self) -> dict[tuple[str, ...], float | None]:
        """Degrees of freedom of every modality and pair of them; None where there is no variance."""
        covariance = self.covariance()
        found: dict[tuple[str, ...], float | None] = {}
        for i, name in enumerate(self.modalities):
            found[name,] = self._df(covariance[i, i], (i,))
        for a, b in combinations(range(len(self.modalities)), 2):
            variance = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
            found[self.modalities[a], self.modalities[b]] = self._df(variance, (a, b))
        return found

    def _df(self, variance: float, chosen: tuple[int, ...]) -> float | None:
        """variance^2 over the sum of S^2 / (n - 1) of readers, non-diseased and diseased cases; at least n - 1.

        S is the variance of the mean over the n levels of one kind, each weighing as its share of the pairs that were
        read. Modalities that were read on no case in common add their S of the cases.
        """
        if len(self.readers) < 2 or not variance > 0:
            return None
        levels = [self._levels(i) for i in chosen]
        below, least = 0.0, np.inf
        for kinds in zip(*levels, strict=True):
            deviations = [(sums - sums.sum() / pairs.sum() * pairs) / pairs.sum() for sums, pairs in kinds]
            present = [pairs > 0 for _, pairs in kinds]
            if not np.all(present, axis=0).any():
                size = min(int(one.sum()) for one in present)
                spread = sum(_spread(one[seen]) for one, seen in zip(deviations, present, strict=True))
            else:
                seen = np.any(present, axis=0)
                size = int(seen.sum())
                spread = _spread((deviations[0] - sum(deviations[1:], np.zeros(len(seen))))[seen])
            if size < 2:
                return None
            below, least = below + spread**2 / (size - 1), min(least, size - 1)
        return max(float(variance**2) / below, float(least)) if below > 0 else None

    def _levels(self, i: int) -> list[tuple[FloatArray, FloatArray]]:
        """Sums of kernels, and numbers of pairs, of every reader, non-diseased and diseased case of a modality."""
        t, r = len(self.modalities), len(self.readers)
        moments = self.moments
        of_readers = moments.sums.reshape(t, r)[i], moments.pairs.reshape(t, r)[i]
        of_cases = [
            (sums.reshape(t, r, -1)[i].sum(axis=0), pairs.reshape(t, r, -1)[i].sum(axis=0))
            for sums, pairs in (moments.others, moments.diseased)
        ]
        return [of_readers, *of_cases]

    def _of_readers(self) -> tuple[dict[tuple[str, str], Estimate], dict[tuple[str, str, str], Estimate]]:
        """Every reader's own areas and differences, cases random, by the normal distribution."""
        values, r = self.moments.values, len(self.readers)
        matrix = self.moments.centred if self.centred else self.moments.covariance
        reason = "fewer than two cases of a kind were read"
        own, differences = {}, {}
        for i, modality in enumerate(self.modalities):
            for j, reader in enumerate(self.readers):
                s = i * r + j
                own[modality, reader] = estimate(values[s], matrix[s, s], None, self.ci, test=False, reason=reason)
        for a, b in combinations(range(len(self.modalities)), 2):
            for j, reader in enumerate(self.readers):
                one, two = a * r + j, b * r + j
                variance = matrix[one, one] + matrix[two, two] - 2 * matrix[one, two]
                differences[self.modalities[a], self.modalities[b], reader] = estimate(
                    values[one] - values[two], variance, None, self.ci, test=True, reason=reason
                )
        return own, differences


def _spread(deviations: FloatArray) -> float:
    """Variance of a weighted mean from the weighted deviations of its n levels."""
    n = len(deviations)
    return float(np.sum(deviations**2) * n / (n - 1)) if n > 1 else float("nan")
