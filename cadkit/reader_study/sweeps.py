"""Areas of many scores of the same rows at once, and sweeps of the weight of a sum of scores.

A sweep sorts every weighted sum anew; the sums of a sweep are the rows of one array, so that nothing loops over rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from cadkit.errors import InputError
from cadkit.reader_study.settings import LAMBDAS
from cadkit.reader_study.wide import BoolArray, FloatArray

_CELLS = 1 << 20  # scores sorted at a time
_TIED = 1e-12  # areas that differ by rounding alone are equal
_MOST_POINTS = 50_000


def areas(
    truth: BoolArray, scores: FloatArray, counts: npt.NDArray[Any] | None = None
) -> tuple[FloatArray, FloatArray]:
    """AUC and PRAUC (average precision) of every row of `scores` (k x n) against one truth (n), ties as ties.

    The same values as `cadkit.metrics.auc` and `prauc`; NaN where a row has no positive or no negative.

    Args:
        truth: n booleans.
        scores: k x n.
        counts: how often each unit counts, in every row: k x n; once by default.
    """
    auc, prauc = np.empty(len(scores)), np.empty(len(scores))
    width = max(1, _CELLS // max(1, scores.shape[1]))
    for start in range(0, len(scores), width):
        part = slice(start, start + width)
        auc[part], prauc[part] = _areas(truth, scores[part], None if counts is None else counts[part])
    return auc, prauc


def _areas(truth: BoolArray, scores: FloatArray, counts: npt.NDArray[Any] | None) -> tuple[FloatArray, FloatArray]:
    order = np.argsort(-scores, axis=1)
    falling = np.take_along_axis(scores, order, axis=1)
    number = np.ones(scores.shape) if counts is None else np.take_along_axis(counts, order, axis=1).astype(np.float64)
    true, called = np.cumsum(number * truth[order], axis=1), np.cumsum(number, axis=1)
    # Counts change only where a group of equal scores ends; what was passed before it stands at the last such end.
    ends = np.ones(scores.shape, dtype=np.bool_)
    ends[:, :-1] = falling[:, 1:] != falling[:, :-1]
    last = np.zeros(scores.shape, dtype=np.int64)
    last[:, 1:] = np.maximum.accumulate(np.where(ends, np.arange(1, scores.shape[1] + 1), 0), axis=1)[:, :-1]
    true_before = np.where(last > 0, np.take_along_axis(true, np.maximum(last - 1, 0), axis=1), 0.0)
    called_before = np.where(last > 0, np.take_along_axis(called, np.maximum(last - 1, 0), axis=1), 0.0)
    gain = np.where(ends, true - true_before, 0.0)
    false = np.where(ends, called - called_before, 0.0) - gain
    positives = true[:, -1]
    negatives = called[:, -1] - positives
    precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        auc = (false * (true + true_before)).sum(axis=1) / (2 * positives * negatives)
        prauc = (gain * precision).sum(axis=1) / positives
    prauc[negatives == 0] = np.nan
    return auc, prauc


@dataclass(frozen=True)
class Sweep:
    """Areas of hybrids of one model with every reader at every weight.

    Attributes:
        weights: L weights of the reader (lambda), from 0 to 1.
        auc, prauc: readers x L.
    """

    weights: FloatArray
    auc: FloatArray
    prauc: FloatArray

    def best(self, metric: str) -> tuple[FloatArray, FloatArray]:
        """lambda* (the smallest weight that reaches the largest area) and that area, per reader."""
        values = self.auc if metric == "auc" else self.prauc
        place = smallest_maximiser(values)
        return self.weights[place], values[np.arange(len(values)), place]


def smallest_maximiser(values: FloatArray) -> npt.NDArray[np.int64]:
    """The first place of every row whose value is the largest, up to rounding."""
    first: npt.NDArray[np.int64] = (values >= values.max(axis=1, keepdims=True) - _TIED).argmax(axis=1)
    return first


def weighted(reader: FloatArray, model: FloatArray, weight: float | FloatArray) -> FloatArray:
    """lambda * reader + (1 - lambda) * model (Shen et al. 2021, section 3.4; Wu et al. 2019)."""
    mixed: FloatArray = weight * reader + (1 - weight) * model
    return mixed


def sweep(truth: BoolArray, readers: FloatArray, model: FloatArray, *, steps: int = LAMBDAS) -> Sweep:
    """Areas of the hybrids of a model with every reader at evenly spaced weights.

    Args:
        truth: n booleans.
        readers: scores, readers x n.
        model: n scores on the same scale.
        steps: number of weights from 0 to 1, both included.

    >>> import numpy as np
    >>> truth = np.array([False, True, False, True])
    >>> found = sweep(truth, np.array([[0.0, 1.0, 0.5, 0.5]]), np.array([0.5, 0.5, 0.0, 1.0]))
    >>> found.best("auc")
    (array([0.01]), array([1.]))
    """
    weights = np.arange(steps) / (steps - 1)
    auc, prauc = np.empty((len(readers), steps)), np.empty((len(readers), steps))
    for number, reader in enumerate(readers):
        auc[number], prauc[number] = areas(truth, weighted(reader, model, weights[:, None]))
    return Sweep(weights, auc, prauc)


@dataclass(frozen=True)
class Simplex:
    """Areas of weighted sums of several models.

    Attributes:
        names: of the models.
        weights: points x models, each row at least 0 and summing to 1, by rising weights of the first model, then
            the second.
        auc, prauc: of every point.
    """

    names: tuple[str, ...]
    weights: FloatArray
    auc: FloatArray
    prauc: FloatArray

    def best(self, metric: str = "auc") -> FloatArray:
        """The weights of the largest area; of several, those with the smallest weights of the first models."""
        values = self.auc if metric == "auc" else self.prauc
        chosen: FloatArray = self.weights[smallest_maximiser(values[None, :])[0]]
        return chosen


def simplex_grid(models: int, step: float = 0.02) -> FloatArray:
    """All weights of so many models that are multiples of `step` and sum to 1: points x models.

    >>> simplex_grid(2, 0.5)
    array([[0. , 1. ],
           [0.5, 0.5],
           [1. , 0. ]])

    Raises:
        InputError: there would be more than 50,000 points.
    """
    parts = round(1 / step)
    count = comb(parts + models - 1, models - 1)
    if count > _MOST_POINTS:
        raise InputError(
            f"{models} models make {count:,} weights", row="--step", value=step,
            mend="Name two or three models with --ensemble, or take a larger step.",
        )  # fmt: skip
    points: list[tuple[int, ...]] = [()]
    for _ in range(models - 1):
        points = [(*point, next_one) for point in points for next_one in range(parts - sum(point) + 1)]
    return np.array([(*point, parts - sum(point)) for point in points], dtype=np.float64) / parts


def simplex_sweep(truth: BoolArray, scores: Mapping[str, FloatArray], step: float = 0.02) -> Simplex:
    """Areas of every weighted sum of several models (Shen et al. 2021, Fig. 12).

    The weights that are best on the rows that they are judged on are in-sample: fit them on validation data and apply
    them to the test data, unless the surface itself is what is shown.

    Args:
        truth: n booleans.
        scores: n scores of every model, on one scale.
        step: of the grid.
    """
    names = tuple(scores)
    grid = simplex_grid(len(names), step)
    matrix = np.stack([scores[name] for name in names])
    auc, prauc = np.empty(len(grid)), np.empty(len(grid))
    width = max(1, _CELLS // matrix.shape[1])
    for start in range(0, len(grid), width):
        part = slice(start, start + width)
        auc[part], prauc[part] = areas(truth, combined(matrix, grid[part]))
    return Simplex(names, grid, auc, prauc)


def combined(scores: FloatArray, weights: FloatArray | Sequence[float]) -> FloatArray:
    """Weighted sums of models' scores (models x n): one row of n per row of weights, or n numbers for one row.

    Added model by model, so that equal scores stay equal whatever the number of rows.
    """
    share = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    total = np.zeros((len(share), scores.shape[1]))
    for column, score in zip(share.T, scores, strict=True):
        total += column[:, None] * score
    return total[0] if np.ndim(weights) == 1 else total
