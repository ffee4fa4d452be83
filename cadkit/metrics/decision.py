"""What acting on a score is worth: net benefit, decision curve, probabilistic F1."""

from __future__ import annotations

from typing import NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import FloatArray, floats, same_length, scores, truths
from cadkit.metrics.classification import Metric, Sampling, classification
from cadkit.metrics.results import Result


def net_benefit(truth: npt.ArrayLike, score: npt.ArrayLike, threshold: float, **sampling: Unpack[Sampling]) -> Result:
    """TP/n - FP/n p/(1-p) at the threshold probability p (Vickers and Elkin 2006, Med Decis Making 26:565-574).

    >>> net_benefit([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.2], 0.5).value
    0.0
    """
    return classification(truth, score, [("net_benefit", threshold)], **sampling)[0]


class DecisionCurve(NamedTuple):
    """Net benefit per threshold: of the model (with a pointwise interval or NaN), of calling all rows positive.

    That of calling none is 0.
    """

    threshold: FloatArray
    model: FloatArray
    low: FloatArray
    high: FloatArray
    treat_all: FloatArray


def decision_curve(
    truth: npt.ArrayLike, score: npt.ArrayLike, thresholds: npt.ArrayLike, **sampling: Unpack[Sampling]
) -> DecisionCurve:
    """Net benefit over threshold probabilities in [0, 1).

    >>> decision_curve([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.2], [0.0, 0.5]).treat_all
    array([0.5, 0. ])
    """
    points = floats(thresholds, "thresholds")
    positive, values = truths(truth), scores(score)
    same_length(len(positive), score=values)
    if not len(positive):
        raise ValueError("a decision curve needs rows")
    asked: list[Metric] = [("net_benefit", float(point)) for point in points]
    found = classification(positive, values, asked, **sampling)
    model, low, high = (
        np.array([getattr(result, name) for result in found], dtype=np.float64) for name in ("value", "low", "high")
    )
    weight = sampling.get("weight")
    prevalence = float(np.average(positive, weights=None if weight is None else np.asarray(weight, dtype=np.float64)))
    return DecisionCurve(points, model, low, high, prevalence - (1 - prevalence) * points / (1 - points))


def pf1(truth: npt.ArrayLike, score: npt.ArrayLike, **sampling: Unpack[Sampling]) -> Result:
    """Probabilistic F1 (RSNA 2022): harmonic mean of pTP/(pTP + pFP) and pTP/positives.

    pTP and pFP are the sums of the probabilities of positive and of negative rows.

    >>> round(pf1([0, 0, 1], [0.1, 0.1, 0.8]).value, 6)
    0.8
    """
    return classification(truth, score, ["pf1"], **sampling)[0]


def pf1_max(truth: npt.ArrayLike, score: npt.ArrayLike, **sampling: Unpack[Sampling]) -> Result:
    """Largest F1 of the scores made 0 and 1 at a threshold, over all thresholds; chosen on these rows: in-sample."""
    return classification(truth, score, ["pf1_max"], **sampling)[0]
