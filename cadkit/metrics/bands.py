"""Pointwise bands around ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit.metrics import intervals
from cadkit.metrics._arrays import FloatArray, IntArray, floats, same_length, scores, truths
from cadkit.metrics._kernels import Staircase, Steps
from cadkit.metrics.classification import undefined_reason
from cadkit.metrics.resampling import Bootstrap, Replicates, cluster_rows, resample, settle


class Band(NamedTuple):
    """A curve with its pointwise interval on a grid of x.

    Attributes:
        x: the grid.
        y: the curve there.
        low, high: ends of the interval; NaN where more than a fifth of the replicates are undefined.
        dropped: replicates in which the curve is undefined.
    """

    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray
    dropped: int


class CurveBands(NamedTuple):
    """Sensitivity at each false-positive rate, and precision at each recall."""

    roc: Band
    pr: Band


def curve_bands(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    fpr: npt.ArrayLike,
    recall: npt.ArrayLike,
    cluster: npt.ArrayLike | None = None,
    bootstrap: int | Bootstrap | Replicates = 2000,
    seed: int = 0,
    ci: float = 0.95,
) -> CurveBands:
    """Vertical bootstrap bands of the two curves, from one pass over the replicates.

    At every point of the grid the interval is the percentile bootstrap's, whatever kind the plan names: pointwise,
    not simultaneous. The ROC curve runs straight between operating points, at a vertical step its upper end; the
    precision at a recall is that of the highest threshold that reaches it, the one which average precision sums.

    Args:
        truth, score: 0 or 1, and any real number per row.
        fpr: false-positive rates in [0, 1].
        recall: recalls in (0, 1].
        cluster: patient of every row; the unit that is resampled. None: every row is its own.
        bootstrap: number of replicates, a `Bootstrap`, or ready `Replicates` shared with other models.
        seed, ci: of a bootstrap given as a number; the other two carry their own.

    Raises:
        ValueError: only one class (the curves are undefined), a grid beyond its range.

    >>> bands = curve_bands([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.2], fpr=[0, 0.25, 0.5], recall=[0.5, 1], bootstrap=200)
    >>> bands.roc.y.tolist(), bands.pr.y.round(3).tolist()
    ([0.5, 0.5, 1.0], [1.0, 0.667])
    """
    positive, values = truths(truth), scores(score)
    same_length(len(positive), score=values)
    reason = undefined_reason(len(positive), int(positive.sum()))
    if reason is not None:
        raise ValueError(f"the curves are undefined: {reason}")
    across, reached = floats(fpr, "fpr"), floats(recall, "recall")
    if not (((across >= 0) & (across <= 1)).all() and ((reached > 0) & (reached <= 1)).all()):
        raise ValueError("false-positive rates lie in [0, 1] and recalls in (0, 1]")
    replicates = settle(bootstrap, seed, ci, cluster, positive)
    if replicates is None:
        raise ValueError("a band needs at least one replicate")
    rows = cluster_rows(cluster, len(positive), replicates)
    stairs = Staircase(
        values, positive.astype(np.float64), (~positive).astype(np.float64), rows.index, rows.count
    )  # fmt: skip
    kernels = (_sensitivities(across), _precisions(reached))
    here = stairs.estimate()
    drawn = resample(stairs, kernels, replicates)
    roc, pr = (
        _band(grid, kernel(here)[0], found, replicates.options.ci)
        for grid, kernel, found in zip((across, reached), kernels, drawn, strict=True)
    )
    return CurveBands(roc, pr)


def _band(grid: FloatArray, y: FloatArray, drawn: FloatArray, ci: float) -> Band:
    """The quantiles of all replicates at every point; a replicate is defined at all of them or at none."""
    undefined = np.isnan(drawn).any(axis=1)
    dropped = int(undefined.sum())
    if dropped > intervals.MAX_DROPPED * len(drawn):
        nothing = np.full(len(grid), np.nan)
        return Band(grid, y, nothing, nothing.copy(), dropped)
    tail = (1 - ci) / 2
    low, high = np.quantile(drawn[~undefined], [tail, 1 - tail], axis=0)
    return Band(grid, y, low, high, dropped)


def _sensitivities(fpr: FloatArray) -> Callable[[Steps], FloatArray]:
    """Sensitivity of the ROC polygon at each rate: one row per replicate."""

    def kernel(steps: Steps) -> FloatArray:
        n = len(steps.gain)
        false = _shares(steps.through, steps.exposure)
        passed = _shares(np.vstack([np.zeros(steps.gain.shape[1]), np.cumsum(steps.gain, axis=0)]), steps.positives)
        before = _shares(steps.before, steps.exposure)
        found = np.empty((len(false), len(fpr)))
        for column in range(len(false)):
            taken = np.searchsorted(false[column], fpr, "right")
            following = np.minimum(taken, n - 1)
            start, end = before[column][following], false[column][following]
            share = np.zeros(len(fpr))
            np.divide(fpr - start, end - start, out=share, where=(end > start) & (taken < n))
            rise = passed[column][following + 1] - passed[column][following]
            found[column] = passed[column][taken] + np.clip(share, 0.0, 1.0) * rise
        return _defined(steps, found)

    return kernel


def _precisions(recall: FloatArray) -> Callable[[Steps], FloatArray]:
    """Precision of the first step that reaches each recall: one row per replicate."""

    def kernel(steps: Steps) -> FloatArray:
        passed = np.cumsum(steps.gain, axis=0)
        reached = _shares(passed, steps.positives)
        called = passed + steps.through
        precision = np.ones(called.shape)
        np.divide(passed, called, out=precision, where=called > 0)
        first: IntArray = np.stack([np.searchsorted(column, recall, "left") for column in reached])
        first = np.minimum(first, len(steps.gain) - 1)
        return _defined(steps, np.take_along_axis(precision.T, first, axis=1))

    return kernel


def _shares(weight: FloatArray, of: FloatArray) -> FloatArray:
    """Weights of steps x replicates as shares of each replicate's whole: replicates x steps."""
    return np.ascontiguousarray((weight / np.where(of > 0, of, 1.0)).T)


def _defined(steps: Steps, found: FloatArray) -> FloatArray:
    found[~((steps.positives > 0) & (steps.exposure > 0))] = np.nan
    return found
