"""Do probabilities mean what they say? Brier score, calibration error, reliability curve. Not for risk scores."""

from __future__ import annotations

from typing import Literal, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import FloatArray, IntArray, same_length, scores, sums, truths
from cadkit.metrics._probabilities import bin_index, probabilities
from cadkit.metrics.classification import Metric, Sampling, classification
from cadkit.metrics.intervals import wilson
from cadkit.metrics.results import Result


def brier(truth: npt.ArrayLike, score: npt.ArrayLike, **sampling: Unpack[Sampling]) -> Result:
    """Mean of (probability - truth)^2 over rows (Brier 1950).

    >>> brier([0, 1], [0.5, 0.75]).value
    0.15625
    """
    return classification(truth, score, ["brier"], **sampling)[0]


def ece(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    bins: int = 10,
    mass: Literal["width", "mass"] = "width",
    **sampling: Unpack[Sampling],
) -> Result:
    """Expected calibration error: sum over bins of n_b / n |mean probability - share of positives|.

    Args:
        truth, score: 0 or 1, and a probability per row.
        bins: number of bins.
        mass: `width`, bins [k/bins, (k+1)/bins) with the last closed, edges compared as exact decimals (0.3 lies in
            [0.3, 0.4)); `mass`, bins (a, b] between percentiles of the scores, equal scores never apart. A
            bootstrap keeps the edges of the data.
        sampling: see `Sampling`.
    """
    options = {"bins": bins, "mass": mass, "single": _is_single(score)}
    asked: Metric = ("ece", None, options)
    return classification(truth, score, [asked], **sampling)[0]


class Reliability(NamedTuple):
    """One entry per bin that has rows: mean probability, share of positives with its interval, rows, positives."""

    mean: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    n: IntArray
    positives: IntArray


def reliability(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    bins: int = 10,
    mass: Literal["width", "mass"] = "width",
    ci: float = 0.95,
) -> Reliability:
    """The reliability curve, with Wilson's intervals; bins as for `ece`, empty ones left out.

    >>> reliability([0, 1, 1], [0.1, 0.15, 0.9]).share
    array([0.5, 1. ])
    """
    positive, values = truths(truth), scores(score)
    same_length(len(positive), score=values)
    probabilities(values, "a reliability curve")
    index, count = bin_index(values, bins, mass, single=_is_single(score))
    rows, hits, total = sums(index, None, count), sums(index, positive, count), sums(index, values, count)
    used = rows > 0
    rows, hits, total = rows[used], hits[used], total[used]
    ends = [wilson(int(k), int(n), ci) for k, n in zip(hits, rows, strict=True)]
    low, high = (np.array([end[side] for end in ends], dtype=np.float64) for side in (0, 1))
    return Reliability(total / rows, hits / rows, low, high, rows.astype(np.int64), hits.astype(np.int64))


def _is_single(score: npt.ArrayLike) -> bool:
    """Whether the scores are float32, whose shortest decimals (0.7) are not those of the same numbers in float64."""
    return getattr(score, "dtype", None) == np.float32
