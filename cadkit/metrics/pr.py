"""Precision and recall."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import FloatArray, same_length, scores, truths, weights
from cadkit.metrics.classification import classification
from cadkit.metrics.resampling import Bootstrap, Replicates
from cadkit.metrics.results import Result
from cadkit.metrics.roc import passed


class PrCurve(NamedTuple):
    """Operating points by rising recall, from (recall 0, precision 1) on, one per distinct score."""

    recall: FloatArray
    precision: FloatArray
    threshold: FloatArray


def pr_curve(truth: npt.ArrayLike, score: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> PrCurve:
    """Precision-recall points, those of scikit-learn in rising order of recall.

    Raises:
        ValueError: no positive rows (the curve is undefined), NaN scores, truth other than 0/1.
    """
    positive, values = truths(truth), scores(score)
    same_length(len(positive), score=values)
    true, false, threshold = passed(positive, values, weights(weight, len(positive)))
    if not len(true) or true[-1] == 0:
        raise ValueError("a precision-recall curve needs positive rows")
    return PrCurve(
        np.concatenate([[0.0], true / true[-1]]),
        np.concatenate([[1.0], true / (true + false)]),
        np.concatenate([[np.inf], threshold]),
    )


def average_precision(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    cluster: npt.ArrayLike | None = None,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> Result:
    """`prauc`: sum over distinct thresholds of the recall step times the precision (scikit-learn's definition).

    >>> average_precision([0, 1, 1], [0.2, 0.1, 0.9]).value
    0.8333333333333333
    """
    return classification(
        truth, score, ["prauc"], cluster=cluster, weight=weight, bootstrap=bootstrap, seed=seed, ci=ci
    )[0]


def prauc_trapezoid(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    cluster: npt.ArrayLike | None = None,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> Result:
    """Trapezoid under the precision-recall points, as the published code of the papers computes it.

    Precision does not change linearly with recall, so that straight lines flatter scores with many ties (Davis and
    Goadrich 2006, section 3.2); where all scores differ the area is at most the average precision.
    """
    return classification(
        truth, score, ["prauc_trapezoid"], cluster=cluster, weight=weight, bootstrap=bootstrap, seed=seed, ci=ci
    )[0]
