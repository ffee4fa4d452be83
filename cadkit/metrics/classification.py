"""Scores against a 0/1 truth: any number of metrics from one sort and one set of replicates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from cadkit.metrics import _kernels
from cadkit.metrics._arrays import same_length, scores, truths, weights
from cadkit.metrics._kernels import Kernel, Staircase
from cadkit.metrics.resampling import Bootstrap, Replicates, cluster_rows, estimates, settle
from cadkit.metrics.results import Result

Metric = str | tuple[str, float]

_PLAIN: dict[str, Kernel] = {
    "auc": _kernels.auc,
    "prauc": _kernels.average_precision,
    "prauc_trapezoid": _kernels.prauc_trapezoid,
}
_AT: dict[str, Callable[[float, bool], Kernel]] = {
    "sensitivity_at_specificity": _kernels.sensitivity_at_specificity,
    "specificity_at_sensitivity": _kernels.specificity_at_sensitivity,
}


def _kernel(metric: Metric, interpolate: bool) -> tuple[str, float | None, Kernel]:
    if isinstance(metric, str):
        if metric not in _PLAIN:
            raise ValueError(
                f"unknown metric {metric!r}; known are {', '.join(_PLAIN)}, and with a point {', '.join(_AT)}"
            )
        return metric, None, _kernels.both_classes(_PLAIN[metric])
    name, at = metric
    if name not in _AT:
        raise ValueError(f"unknown metric {name!r} at a point; known are {', '.join(_AT)}")
    if not 0 <= at <= 1:
        raise ValueError(f"{name} needs a point in [0, 1] (found {at})")
    return name, float(at), _AT[name](float(at), interpolate)


def undefined_reason(rows: int, positives: int) -> str | None:
    """Why a metric of two classes has no value on so many rows and positives; None where it has one."""
    if rows == 0:
        return "no rows"
    if positives == 0:
        return "no positive rows"
    return "no negative rows" if positives == rows else None


def classification(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    metrics: Sequence[Metric] = ("auc", "prauc"),
    *,
    cluster: npt.ArrayLike | None = None,
    weight: npt.ArrayLike | None = None,
    interpolate: bool = False,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> list[Result]:
    """Metrics of a score, each with a bootstrap interval if asked for.

    Args:
        truth: 0 or 1 per row (n).
        score: any real number per row, larger is more suspicious; ties count as ties.
        metrics: names (`auc`, `prauc`, `prauc_trapezoid`), or pairs of `sensitivity_at_specificity` or
            `specificity_at_sensitivity` and a share in [0, 1].
        cluster: patient of every row; the unit that is resampled. None: every row is its own.
        weight: non-negative weight of every row.
        interpolate: read the last two metrics off the ROC polygon instead of its operating points.
        bootstrap: number of replicates, a `Bootstrap`, or ready `Replicates` shared with other models.
        seed, ci: of a bootstrap given as a number; the other two carry their own.

    Returns:
        One `Result` per metric, in order.

    Raises:
        ValueError: NaN scores, truth other than 0/1, lengths that differ, missing clusters, unknown metrics.
    """
    positive, values = truths(truth), scores(score)
    same_length(len(positive), score=values)
    weighted = weights(weight, len(positive))
    mass = np.ones(len(positive)) if weighted is None else weighted
    if cluster is not None:
        same_length(len(positive), cluster=np.asarray(cluster))
    chosen = [_kernel(metric, interpolate) for metric in metrics]
    counted = mass > 0
    reason = undefined_reason(int(counted.sum()), int((positive & counted).sum()))
    replicates = settle(bootstrap, seed, ci, cluster, positive) if len(positive) else None
    rows = cluster_rows(cluster, len(positive), replicates)
    staircase = Staircase(values, mass * positive, mass * ~positive, rows.index, rows.count)
    clusters = None if cluster is None else len(rows.present)
    empty = [
        Result(
            name, None, n=len(positive), positives=int(positive.sum()), clusters=clusters, at=at, reason=reason,
            flags=("interpolated",) if interpolate and at is not None else (),
        )
        for name, at, _ in chosen
    ]  # fmt: skip
    return estimates(staircase, [kernel for _, _, kernel in chosen], empty, replicates, rows.present)
