"""Obuchowski and Rockette's analysis of variance with correlated errors, Hillis' degrees of freedom.

Obuchowski and Rockette (1995), Commun Stat Simul 24:285-308; Hillis (2007), Stat Med 26:596-619; Hillis (2014), Stat
Med 33:330-360, for the three inferences and one modality alone. Covariances are plain means over the covariance
matrix, so that split-plot designs, whose entries between groups are 0, need nothing of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from cadkit.reader_study.inference import Estimate, Inference, Random, chi2_test, estimate, f_test, hillis
from cadkit.reader_study.ratings import BoolArray, FloatArray

_ONE_READER = "one reader says nothing of the variance between readers"


@dataclass(frozen=True)
class Squares:
    """Mean squares of a modalities x readers table and means of the covariances of its cells.

    Attributes:
        modality, reader, modality_reader: mean squares; NaN without two of the kind.
        var_error: mean variance.
        cov1: mean covariance of one reader in two modalities.
        cov2: of two readers in one modality.
        cov3: of two readers, each in another modality.
        t, r: numbers of modalities and readers.
    """

    modality: float
    reader: float
    modality_reader: float
    var_error: float
    cov1: float
    cov2: float
    cov3: float
    t: int
    r: int

    @property
    def between_readers(self) -> float:
        """max(cov2 - cov3, 0); one reader has no other."""
        return max(self.cov2 - self.cov3, 0.0) if self.r > 1 else 0.0

    @property
    def fixed_readers(self) -> float:
        """Denominator of the test with fixed readers."""
        return self.var_error - self.cov1 + (self.r - 1) * self.between_readers

    @property
    def random(self) -> float:
        """Denominator of the test with random readers and cases."""
        return self.modality_reader + self.r * self.between_readers

    def components(self) -> dict[str, float]:
        """By name, with variance components that may be negative and, `..._clamped`, with cov2 - cov3 kept at 0."""
        raw = {
            "ms_modality": self.modality,
            "ms_reader": self.reader,
            "ms_modality_reader": self.modality_reader,
            "var_error": self.var_error,
            "cov1": self.cov1,
            "cov2": self.cov2,
            "cov3": self.cov3,
        }
        excess = self.cov2 - self.cov3
        by_reader = (self.reader - self.modality_reader) / self.t - self.cov1 + self.cov3
        interaction = self.modality_reader - self.var_error + self.cov1
        raw |= {f"cov{k}_correlation": raw[f"cov{k}"] / self.var_error for k in (1, 2, 3) if self.var_error > 0}
        raw |= {
            "var_reader": by_reader,
            "var_reader_clamped": by_reader + min(excess, 0.0) / self.t,
            "var_modality_reader": interaction + excess,
            "var_modality_reader_clamped": interaction + max(excess, 0.0),
        }
        if self.t == 1:
            raw["var_reader"] = raw["var_reader_clamped"] = self.reader - self.var_error + self.cov2
        return {name: float(value) for name, value in raw.items() if np.isfinite(value)}


def squares(values: FloatArray, matrix: FloatArray) -> Squares:
    """Mean squares and covariances.

    Args:
        values: t x r.
        matrix: their covariance, t r x t r, the modality the slower of the two.
    """
    t, r = values.shape
    grand, by_modality, by_reader = values.mean(), values.mean(axis=1), values.mean(axis=0)
    rest = values - by_modality[:, None] - by_reader[None, :] + grand
    cells = matrix.reshape(t, r, t, r)
    same_t = np.eye(t, dtype=np.bool_)[:, None, :, None]
    same_r = np.eye(r, dtype=np.bool_)[None, :, None, :]

    def mean(chosen: BoolArray) -> float:
        entries = cells[np.broadcast_to(chosen, cells.shape)]
        return float(entries.mean()) if entries.size else float("nan")

    nothing = float("nan")
    return Squares(
        modality=float(r * np.sum((by_modality - grand) ** 2) / (t - 1)) if t > 1 else nothing,
        reader=float(t * np.sum((by_reader - grand) ** 2) / (r - 1)) if r > 1 else nothing,
        modality_reader=float(np.sum(rest**2) / ((t - 1) * (r - 1))) if t > 1 and r > 1 else nothing,
        var_error=mean(same_t & same_r),
        cov1=mean(~same_t & same_r),
        cov2=mean(same_t & ~same_r),
        cov3=mean(~same_t & ~same_r),
        t=t,
        r=r,
    )


@dataclass(frozen=True, eq=False)
class ObuchowskiRockette:
    """The analysis of a table of values and its covariance.

    Attributes:
        modalities, readers: names.
        values: t x r.
        matrix: t r x t r.
        ci: level of the intervals.
    """

    modalities: Sequence[str]
    readers: Sequence[str]
    values: FloatArray
    matrix: FloatArray
    ci: float

    @cached_property
    def whole(self) -> Squares:
        """Of the whole study."""
        return squares(self.values, self.matrix)

    def of_modality(self, i: int) -> Squares:
        """Of one modality alone."""
        r = len(self.readers)
        return squares(self.values[i : i + 1], self.matrix[i * r : (i + 1) * r, i * r : (i + 1) * r])

    def of_reader(self, j: int) -> Squares:
        """Of one reader alone."""
        cells = np.arange(len(self.modalities)) * len(self.readers) + j
        return squares(self.values[:, j : j + 1], self.matrix[np.ix_(cells, cells)])

    def inferences(self) -> dict[Random, Inference]:
        """All three."""
        return {"RRRC": self._rrrc(), "FRRC": self._frrc(), "RRFC": self._rrfc()}

    def _differences(self, variance: float, df: float | None, reason: str | None) -> dict[tuple[str, str], Estimate]:
        means = self.values.mean(axis=1)
        return {
            (self.modalities[a], self.modalities[b]): estimate(
                means[a] - means[b], variance, df, self.ci, test=True, reason=reason
            )
            for a, b in combinations(range(len(self.modalities)), 2)
        }

    def _rrrc(self) -> Inference:
        whole, r, t = self.whole, len(self.readers), len(self.modalities)
        freedom = (t - 1) * (r - 1)
        reason = _ONE_READER if r == 1 else None
        df = hillis(whole.random, whole.modality_reader, freedom) if r > 1 and t > 1 else None
        means = {}
        for i, name in enumerate(self.modalities):
            one = self.of_modality(i)
            denominator = one.reader + r * max(one.cov2, 0.0) if r > 1 else float("nan")
            its_df = hillis(denominator, one.reader, r - 1) if r > 1 else None
            means[name] = estimate(self.values[i].mean(), denominator / r, its_df, self.ci, test=False, reason=reason)
        overall = None
        if t > 1:
            overall = f_test(whole.modality, whole.random, t - 1, (df or np.inf) if r > 1 else None)
        return Inference("RRRC", overall, means, self._differences(2 / r * whole.random, df, reason))

    def _rrfc(self) -> Inference:
        whole, r, t = self.whole, len(self.readers), len(self.modalities)
        reason = _ONE_READER if r == 1 else None
        means = {
            name: estimate(
                self.values[i].mean(), self.of_modality(i).reader / r, r - 1, self.ci, test=False, reason=reason
            )
            for i, name in enumerate(self.modalities)
        }
        freedom = (t - 1) * (r - 1)
        overall = f_test(whole.modality, whole.modality_reader, t - 1, freedom or None) if t > 1 else None
        return Inference("RRFC", overall, means, self._differences(2 / r * whole.modality_reader, freedom, reason))

    def _frrc(self) -> Inference:
        whole, r, t = self.whole, len(self.readers), len(self.modalities)
        diagonal = np.diag(self.matrix).reshape(t, r)
        means, reader_values = {}, {}
        for i, name in enumerate(self.modalities):
            one = self.of_modality(i)
            shared = (r - 1) * max(one.cov2, 0.0) if r > 1 else 0.0
            means[name] = estimate(self.values[i].mean(), (one.var_error + shared) / r, None, self.ci, test=False)
            for j, reader in enumerate(self.readers):
                reader_values[name, reader] = estimate(self.values[i, j], diagonal[i, j], None, self.ci, test=False)
        reader_differences = {}
        for j, reader in enumerate(self.readers):
            alone = self.of_reader(j)
            for a, b in combinations(range(t), 2):
                reader_differences[self.modalities[a], self.modalities[b], reader] = estimate(
                    self.values[a, j] - self.values[b, j], 2 * (alone.var_error - alone.cov1), None, self.ci, test=True
                )
        overall = chi2_test(whole.modality, whole.fixed_readers, t - 1) if t > 1 else None
        differences = self._differences(2 / r * whole.fixed_readers, None, None)
        return Inference("FRRC", overall, means, differences, reader_values, reader_differences)
