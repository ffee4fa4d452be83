"""Readers together: their mean, their consensus, and what a curve of their average is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit import metrics
from cadkit.reader_study.wide import BoolArray, FloatArray

_MOST = 2000  # points of an average curve; beyond, an even grid of 1,001


class Consensus(NamedTuple):
    """Majority votes: `recall` per unit, and on how many units the votes were tied (and taken as recall)."""

    recall: BoolArray
    ties: int


def consensus(recalls: npt.NDArray[np.bool_]) -> Consensus:
    """The majority of binary recalls (readers x n); a tie is a recall.

    >>> import numpy as np
    >>> consensus(np.array([[True, True, False], [True, False, False]]))
    Consensus(recall=array([ True,  True, False]), ties=1)
    """
    votes = recalls.sum(axis=0)
    return Consensus(2 * votes >= len(recalls), int((2 * votes == len(recalls)).sum()))


def reader_ensemble(readers: FloatArray) -> FloatArray:
    """Mean of the readers' scores (readers x n) of every unit (Wu et al. 2019, supplement)."""
    return settled(readers.mean(axis=0))


def hybrid_ensemble(readers: FloatArray, model: FloatArray) -> FloatArray:
    """Mean of the reader ensemble and the model, each weighing one half (Wu et al. 2019, supplement)."""
    return settled((readers.mean(axis=0) + model) / 2)


def settled(means: FloatArray) -> FloatArray:
    """Means of scores, rounded to about twelve digits.

    Readers answer in few steps, so that many means are equal; the order in which they were added must not part them.
    """
    largest = float(np.abs(means).max(initial=0.0))
    digits = 12 - (int(np.ceil(np.log10(largest))) if largest > 0 else 0)
    rounded: FloatArray = np.round(means, digits)
    return rounded


class Average(NamedTuple):
    """A curve averaged over readers: x rises from 0 to 1."""

    x: FloatArray
    y: FloatArray


def average_roc(truth: BoolArray, scores: Sequence[FloatArray] | FloatArray) -> Average:
    """Mean sensitivity at every false-positive rate, on straight lines between the operating points of each.

    Where a curve rises upright, its upper end counts. The area below it is the mean of the areas.
    """
    curves = [metrics.roc_curve(truth, score) for score in scores]
    x = _grid([curve.fpr for curve in curves])
    return Average(x, np.mean([_upper(x, curve.fpr, curve.tpr) for curve in curves], axis=0))


def average_pr(truth: BoolArray, scores: Sequence[FloatArray] | FloatArray) -> Average:
    """Mean precision at every recall, each curve a step that ends at its recall, as average precision sums it.

    The area below the steps is the mean of the average precisions.
    """
    curves = [metrics.pr_curve(truth, score) for score in scores]
    x = _grid([curve.recall for curve in curves])
    precision = []
    for curve in curves:
        # Of the points with one recall the first has the highest precision, and is the one that the sum takes.
        recall, first = np.unique(curve.recall, return_index=True)
        place = np.minimum(np.searchsorted(recall, x - 1e-12), len(recall) - 1)
        precision.append(curve.precision[first][place])
    return Average(x, np.mean(precision, axis=0))


def _grid(values: Sequence[FloatArray]) -> FloatArray:
    every: FloatArray = np.unique(np.concatenate(values))
    return every if len(every) <= _MOST else np.arange(1001) / 1000


def _upper(x: FloatArray, along: FloatArray, values: FloatArray) -> FloatArray:
    """Straight lines between points, the last of several points with one abscissa counting there."""
    last = np.append(np.flatnonzero(np.diff(along)), len(along) - 1)
    first = np.append(0, last[:-1] + 1)
    # A line starts at the upper end of one abscissa and ends at the lower end of the next.
    place = np.searchsorted(along[last], x - 1e-15)
    exact = np.abs(along[last][np.minimum(place, len(last) - 1)] - x) < 1e-15
    place = np.minimum(place, len(last) - 1)
    before = np.maximum(place - 1, 0)
    x0, y0 = along[last][before], values[last][before]
    x1, y1 = along[first][place], values[first][place]
    share = np.divide(x - x0, x1 - x0, out=np.zeros_like(x), where=x1 > x0)
    line: FloatArray = np.where(exact, values[last][place], y0 + share * (y1 - y0))
    return line
