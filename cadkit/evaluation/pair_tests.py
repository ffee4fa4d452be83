"""Tests of two models on the same rows that assume no distribution: McNemar's at thresholds, and permutation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit import metrics

# Of the first four less is better, or neither is; the last two are no shares, of which a margin is one.
NO_MARGIN = ("brier", "ece", "recall_rate", "fpi_at_sensitivity", "cancer_detection_rate", "net_benefit")

_SIDES: dict[str, Literal["positives", "negatives"]] = {"sensitivity": "positives", "specificity": "negatives"}


class Called(NamedTuple):
    """One model's scores on the rows and the threshold at which they become calls.

    `wanted` is what the threshold was chosen for, such as `sensitivity 0.9`; empty where it was given.
    """

    score: npt.NDArray[np.float64]
    threshold: float
    wanted: str
    in_sample: bool


def mcnemar_tests(
    truth: npt.NDArray[Any],
    a: Called,
    b: Called,
    *,
    clustered: bool,
    names: Sequence[str] = ("sensitivity", "specificity"),
) -> list[metrics.Comparison]:
    """McNemar's exact tests of sensitivity and specificity at two thresholds that were chosen for the same.

    The test takes rows as independent; where they are not (`clustered`), it is flagged so.
    """
    flags = (
        *(("in-sample",) if a.in_sample or b.in_sample else ()),
        *(("rows-independent",) if clustered else ()),
    )
    made = []
    for side in (side for name, side in _SIDES.items() if name in names):
        found = metrics.mcnemar(truth, a.score >= a.threshold, b.score >= b.threshold, rows=side)
        at = a.threshold if a.threshold == b.threshold else None
        given = {**found.given, **({"threshold_for": a.wanted} if a.wanted else {})}
        made.append(replace(found, at=at, flags=flags, given=given))
    return made


def permutation_test(
    truth: npt.NDArray[Any],
    scores: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    metric: metrics.Metric,
    *,
    cluster: npt.NDArray[Any] | None,
    n: int,
    seed: int,
    ranks: bool,
) -> metrics.Comparison:
    """The permutation test of whole clusters; by `ranks` where the scores are of two kinds, and then flagged so.

    Metrics that need probabilities have none by rank: do not ask for them.
    """
    found = metrics.permutation(truth, *scores, metric, cluster=cluster, n=n, seed=seed, ranks=ranks)
    interpolated = not isinstance(metric, str) and len(metric) == 3 and bool(metric[2].get("interpolate"))
    flags = (*found.flags, *(("interpolated",) if interpolated else ()), *(("by-rank",) if ranks else ()))
    return replace(found, flags=flags)
