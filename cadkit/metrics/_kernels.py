"""The one staircase behind ROC, precision-recall and FROC, for the data and for any number of replicates at once.

Every threshold metric here changes only where a positive is passed on the way down the scores. So the rows are
sorted once and gathered into *steps*, one per distinct score of a positive; of the negatives (or false marks)
only the weight above each step and the weight tied with it matter. A replicate is a vector of counts over
clusters, and the weights of all steps in many replicates are one sparse matrix product. Weights are sums of
whole numbers in float64, hence exact: a replicate gives the same bits as the data with its rows repeated.

Metrics of a block take `Steps` and give one number per column, NaN where undefined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from cadkit.metrics._arrays import FloatArray, IntArray, sums

_BLOCK_CELLS = 1 << 21  # weights of one kind held at a time: 16 MiB
_EXACT_IN_SHORT = 1 << 16
_EXACT_IN_SINGLE = 1 << 24  # whole numbers up to here are exact in float32
_COUNT_CELLS = 1 << 24  # counts of clusters as numbers


@dataclass(frozen=True)
class Steps:
    """Steps (rows, by falling score) of one or more replicates (columns).

    Attributes:
        gain: weight of the positives at the step's score.
        before: weight of the negatives above that score.
        through: weight of the negatives at or above that score.
        positives: weight of all positives, never passed ones included; one per replicate.
        exposure: what false positives are counted against: all negatives (ROC) or images (FROC); one per replicate.
    """

    gain: FloatArray
    before: FloatArray
    through: FloatArray
    positives: FloatArray
    exposure: FloatArray


Kernel = Callable[[Steps], FloatArray]


class Staircase:
    """Rows compiled to steps.

    Args:
        score: score of every row, no NaN; -inf in a positive row only if it can never be passed.
        positive, negative: weight of the row as a positive and as a negative.
        cluster: index of the row's cluster in [0, n_clusters).
        n_clusters: number of clusters.
        positives: weight of all positives per cluster, if it holds more than the rows do (missed findings).
        exposure: denominators of false positives per cluster; None: the negatives themselves.
    """

    def __init__(
        self,
        score: FloatArray,
        positive: FloatArray,
        negative: FloatArray,
        cluster: IntArray,
        n_clusters: int,
        *,
        positives: FloatArray | None = None,
        exposure: FloatArray | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.positives = sums(cluster, positive, n_clusters) if positives is None else positives.astype(np.float64)
        self.exposure = sums(cluster, negative, n_clusters) if exposure is None else exposure.astype(np.float64)
        self.threshold = np.unique(score[positive > 0])[::-1]
        self.n_steps = len(self.threshold)
        rising = self.threshold[::-1]
        at_or_below = np.searchsorted(rising, score, side="right")
        # Cell 2k lies above step k (and below step k - 1), cell 2k + 1 is tied with it.
        cell = 2 * (self.n_steps - at_or_below)
        if self.n_steps:
            cell += (at_or_below > 0) & (rising[at_or_below - 1] == score)
        gains = positive > 0
        # Negatives below the last step move no metric.
        falls = (negative > 0) & (cell < 2 * self.n_steps)
        self._gain = (cell[gains] // 2, cluster[gains], positive[gains])
        self._fall = (cell[falls], cluster[falls], negative[falls])
        # Missed positives, and what false positives are counted against beyond the negatives of the cells.
        self._missed = self.positives - sums(*self._gain[1:], n_clusters)
        self._rest = self.exposure - sums(*self._fall[1:], n_clusters) if exposure is None else self.exposure
        self._counted_in_cells = exposure is None
        self._matrix: Any = None

    def estimate(self) -> Steps:
        """The data themselves: every cluster once."""
        step, _, weight = self._gain
        gain = sums(step, weight, self.n_steps)[:, None]
        cell, _, weight = self._fall
        fall = sums(cell, weight, 2 * self.n_steps)[:, None]
        return _steps(gain, fall, self.positives.sum(keepdims=True), self.exposure.sum(keepdims=True))

    def replicates(self, counts: npt.NDArray[Any]) -> Steps:
        """Replicates of which column b of `counts` (n_clusters x b) says how often each cluster was drawn."""
        matrix = self._sparse()
        return self._split((matrix @ np.ascontiguousarray(counts, dtype=matrix.dtype)).astype(np.float64))

    def without(self, start: int, stop: int) -> Steps:
        """The data without cluster start, start + 1, ..., stop - 1: one column each."""
        matrix = self._sparse()
        whole = matrix.sum(axis=1, dtype=np.float64)[:, None]
        return self._split(whole - matrix[:, start:stop].toarray())

    def columns(self) -> int:
        """Replicates to hold at a time so that memory stays bounded."""
        return max(1, min(_BLOCK_CELLS // max(1, 2 * self.n_steps), _COUNT_CELLS // max(1, self.n_clusters)))

    def _sparse(self) -> Any:
        """Weights per cluster (columns): at each step, in each cell, of missed positives, of the rest of exposure."""
        if self._matrix is None:
            last = 3 * self.n_steps
            every = np.arange(self.n_clusters)
            parts = (
                self._gain,
                (self._fall[0] + self.n_steps, *self._fall[1:]),
                (np.full(self.n_clusters, last), every, self._missed),
                (np.full(self.n_clusters, last + 1), every, self._rest),
            )
            row, column, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
            kept = weight > 0
            self._matrix = sparse.csc_array(
                (weight[kept].astype(self._precision()), (row[kept], column[kept])), shape=(last + 2, self.n_clusters)
            )
        return self._matrix

    def _split(self, weights: FloatArray) -> Steps:
        n = self.n_steps
        gain, fall = weights[:n], weights[n : 3 * n]
        positives, exposure = weights[-2] + gain.sum(axis=0), weights[-1]
        return _steps(gain, fall, positives, exposure + fall.sum(axis=0) if self._counted_in_cells else exposure)

    def _precision(self) -> type[np.uint16 | np.float32 | np.float64]:
        """The smallest numbers that hold every sum of a replicate exactly."""
        margins = np.stack([self.positives, self.exposure, sums(self._fall[1], self._fall[2], self.n_clusters)])
        if not all((weight == np.floor(weight)).all() for weight in (margins, self._gain[2], self._fall[2])):
            return np.float64
        largest = self.n_clusters * margins.max(initial=0.0)
        if largest < _EXACT_IN_SINGLE:
            return np.uint16 if largest < _EXACT_IN_SHORT else np.float32
        return np.float64


def _steps(gain: FloatArray, fall: FloatArray, positives: FloatArray, exposure: FloatArray) -> Steps:
    passed = np.cumsum(fall, axis=0)
    return Steps(gain, passed[0::2], passed[1::2], positives, exposure)


def _total(terms: FloatArray) -> FloatArray:
    """Column sums, added from the top: numpy's sum would add in another order for one column than for many."""
    if not len(terms):
        return np.zeros(terms.shape[1])
    last: FloatArray = np.cumsum(terms, axis=0)[-1]
    return last


def _where(defined: Any, value: FloatArray) -> FloatArray:
    result: FloatArray = np.where(defined, value, np.nan)
    return result


def _ratio(numerator: FloatArray, denominator: FloatArray, empty: float = np.nan) -> FloatArray:
    result = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), empty)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result


def _both(steps: Steps) -> Any:
    return (steps.positives > 0) & (steps.exposure > 0)


def auc(steps: Steps) -> FloatArray:
    """Mann-Whitney statistic over the number of pairs."""
    below = steps.exposure - (steps.before + steps.through) / 2
    return _ratio(_total(steps.gain * below), steps.positives * steps.exposure)


def average_precision(steps: Steps) -> FloatArray:
    """Sum of recall steps times precision; 1 where there are no negatives at all."""
    passed = np.cumsum(steps.gain, axis=0)
    precision = _ratio(passed, passed + steps.through, 0.0)
    return _ratio(_total(steps.gain * precision), steps.positives)


def prauc_trapezoid(steps: Steps) -> FloatArray:
    """Trapezoid under scikit-learn's points, from (recall 0, precision 1) on."""
    passed = np.cumsum(steps.gain, axis=0)
    precision = _ratio(passed, passed + steps.through, 0.0)
    earlier = passed - steps.gain
    precision_before = _ratio(earlier, earlier + steps.before, 1.0)
    return _ratio(_total(steps.gain * (precision + precision_before) / 2), steps.positives)


def both_classes(kernel: Kernel) -> Kernel:
    """The kernel, undefined where a replicate has no positive or no negative."""

    def checked(steps: Steps) -> FloatArray:
        return _where(_both(steps), kernel(steps))

    return checked


def _passed_at(steps: Steps, allowed: Any, budget: FloatArray | None) -> FloatArray:
    """Weight of the positives passed when only the first steps, those that are `allowed`, may be taken.

    With a `budget` (weight of negatives per replicate) the straight line towards the next step is followed.
    """
    passed = np.vstack([np.zeros(steps.gain.shape[1]), np.cumsum(steps.gain, axis=0)])
    count = allowed.sum(axis=0)
    columns = np.arange(passed.shape[1])
    value: FloatArray = passed[count, columns]
    if budget is None or not len(steps.gain):
        return value
    following = np.minimum(count, len(steps.gain) - 1)
    before, through = steps.before[following, columns], steps.through[following, columns]
    share = np.clip(_ratio(budget - before, through - before, 0.0), 0.0, 1.0)
    sloped: FloatArray = value + np.where(count < len(steps.gain), share * steps.gain[following, columns], 0.0)
    return sloped


def sensitivity_at_specificity(specificity: float, interpolate: bool = False) -> Kernel:
    """Largest sensitivity over thresholds with at least that specificity, or on the ROC polygon."""

    def kernel(steps: Steps) -> FloatArray:
        # As a share of true negatives: 1 - FP/N would round away equality at a specificity such as 0.9.
        allowed = _ratio(steps.exposure - steps.through, steps.exposure, 0.0) >= specificity
        budget = (1 - specificity) * steps.exposure if interpolate else None
        return _where(_both(steps), _ratio(_passed_at(steps, allowed, budget), steps.positives))

    return kernel


def _first_reaching(steps: Steps, sensitivity: float) -> tuple[IntArray, Any]:
    """Per replicate the number of steps (1 = the first) to reach the sensitivity, and whether it is reached."""
    passed = np.cumsum(steps.gain, axis=0)
    short = (_ratio(passed, steps.positives, 0.0) < sensitivity).sum(axis=0)
    if sensitivity <= 0:
        return np.zeros_like(short), np.ones(short.shape, dtype=np.bool_)
    return short + 1, short < len(steps.gain)


def specificity_at_sensitivity(sensitivity: float, interpolate: bool = False) -> Kernel:
    """Largest specificity over thresholds with at least that sensitivity, or on the ROC polygon."""

    def kernel(steps: Steps) -> FloatArray:
        taken, reached = _first_reaching(steps, sensitivity)
        columns = np.arange(len(taken))
        if not len(steps.gain):
            return np.full(len(taken), np.nan)
        step = np.clip(taken - 1, 0, len(steps.gain) - 1)
        false = np.where(taken > 0, steps.through[step, columns], 0.0)
        if interpolate:
            passed = np.cumsum(steps.gain, axis=0)[step, columns]
            gain, before = steps.gain[step, columns], steps.before[step, columns]
            share = np.clip(_ratio(sensitivity * steps.positives - (passed - gain), gain, 0.0), 0.0, 1.0)
            false = np.where(taken > 0, before + share * (false - before), 0.0)
        return _where(_both(steps) & reached, _ratio(steps.exposure - false, steps.exposure))

    return kernel
