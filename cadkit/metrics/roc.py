"""Receiver operating characteristic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import BoolArray, FloatArray, same_length, scores, truths, weights
from cadkit.metrics.classification import classification
from cadkit.metrics.delong import auc_delong
from cadkit.metrics.resampling import Bootstrap, Replicates
from cadkit.metrics.results import Result


class RocCurve(NamedTuple):
    """Operating points from (0, 0) on, one per distinct score; a row is called positive at score >= threshold."""

    fpr: FloatArray
    tpr: FloatArray
    threshold: FloatArray


def passed(
    positive: BoolArray, values: FloatArray, weight: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weight of true and of false positives at every distinct score, highest first, and those scores."""
    mass = np.ones(len(values)) if weight is None else weight
    kept = mass > 0
    threshold, step = np.unique(-values[kept], return_inverse=True)
    true = np.bincount(step, (mass * positive)[kept], len(threshold))
    false = np.bincount(step, (mass * ~positive)[kept], len(threshold))
    # Adding zero turns the -0.0 that negating makes into 0.0.
    return np.cumsum(true), np.cumsum(false), -threshold + 0.0


def roc_curve(truth: npt.ArrayLike, score: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> RocCurve:
    """ROC points; rows of weight 0 make none.

    Raises:
        ValueError: only one class (the curve is undefined), NaN scores, truth other than 0/1.

    >>> roc_curve([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1]).tpr
    array([0. , 0.5, 1. , 1. ])
    """
    positive, values = truths(truth), scores(score)
    same_length(len(positive), score=values)
    true, false, threshold = passed(positive, values, weights(weight, len(positive)))
    if not len(true) or true[-1] == 0 or false[-1] == 0:
        raise ValueError("an ROC curve needs rows of both classes")
    return RocCurve(
        np.concatenate([[0.0], false / false[-1]]),
        np.concatenate([[0.0], true / true[-1]]),
        np.concatenate([[np.inf], threshold]),
    )


def auc(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    cluster: npt.ArrayLike | None = None,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> Result:
    """Area under the ROC curve: the chance that a positive outscores a negative, ties one half.

    Without `bootstrap` the interval is DeLong's (with `cluster` Obuchowski's); weighted rows then have none.

    >>> auc([0, 0, 1, 1, 1, 0], [0.1, 0.4, 0.35, 0.8, 0.7, 0.3], bootstrap=200, seed=1).value
    0.8888888888888888
    """
    if bootstrap is None and weight is None:
        return auc_delong(truth, score, cluster=cluster, ci=ci)
    return classification(truth, score, ["auc"], cluster=cluster, weight=weight, bootstrap=bootstrap, seed=seed, ci=ci)[
        0
    ]


def sensitivity_at_specificity(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    specificity: float,
    weight: npt.ArrayLike | None = None,
    *,
    interpolate: bool = False,
    cluster: npt.ArrayLike | None = None,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> Result:
    """Largest sensitivity over thresholds whose specificity is at least `specificity`.

    `interpolate` reads it off the ROC polygon instead (at a vertical step its upper end, as pROC does).
    """
    return classification(
        truth, score, [("sensitivity_at_specificity", specificity)], interpolate=interpolate,
        cluster=cluster, weight=weight, bootstrap=bootstrap, seed=seed, ci=ci,
    )[0]  # fmt: skip


def specificity_at_sensitivity(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    sensitivity: float,
    weight: npt.ArrayLike | None = None,
    *,
    interpolate: bool = False,
    cluster: npt.ArrayLike | None = None,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> Result:
    """Largest specificity over thresholds whose sensitivity is at least `sensitivity`.

    `interpolate` reads it off the ROC polygon instead.
    """
    return classification(
        truth, score, [("specificity_at_sensitivity", sensitivity)], interpolate=interpolate,
        cluster=cluster, weight=weight, bootstrap=bootstrap, seed=seed, ci=ci,
    )[0]  # fmt: skip
