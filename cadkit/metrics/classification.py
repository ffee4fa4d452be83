"""Scores against a 0/1 truth: any number of metrics from one sort and one set of replicates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from cadkit.metrics import _areas, _kernels, _probabilities, _rates
from cadkit.metrics._arrays import BoolArray, FloatArray, same_length, scores, truths, weights
from cadkit.metrics._kernels import Staircase
from cadkit.metrics._measures import Measure, share
from cadkit.metrics._totals import Totals
from cadkit.metrics.resampling import Bootstrap, Replicates, cluster_rows, estimates, settle
from cadkit.metrics.results import Result

Metric = str | tuple[str, float] | tuple[str, float | None, Mapping[str, Any]]
"""A name; a name and its point; or a name, its point (or None) and options."""

_Maker = Callable[[float | None, Mapping[str, Any]], Measure]


class Sampling(TypedDict, total=False):
    """What every metric of scores takes besides truth and score.

    weight: non-negative weight of every row; weighted rows have bootstrap intervals only.
    cluster: patient of every row; the unit that is resampled. None: every row is its own.
    bootstrap: number of replicates, a `Bootstrap`, or ready `Replicates` shared with other models.
    seed, ci: of a bootstrap given as a number; the other two carry their own. `ci` is also the level of
        intervals that need no bootstrap.
    """

    weight: npt.ArrayLike | None
    cluster: npt.ArrayLike | None
    bootstrap: int | Bootstrap | Replicates | None
    seed: int
    ci: float


def _area(name: str, kernel: _kernels.Kernel) -> _Maker:
    return lambda at, options: Measure(name, _kernels.both_classes(kernel))


def _point(name: str, kernel: Callable[[float, bool], _kernels.Kernel]) -> _Maker:
    def make(at: float | None, options: Mapping[str, Any]) -> Measure:
        point = share(at, "a point", name)
        interpolate = bool(options.get("interpolate"))
        flags = ("interpolated",) if interpolate else ()
        return Measure(name, kernel(point, interpolate), point, flags=flags)

    return make


def _rate(name: str) -> _Maker:
    return lambda at, options: _rates.rate(name, at, options)


def _partial(at: float | None, options: Mapping[str, Any]) -> Measure:
    focus, corrected = options.get("focus", "specificity"), bool(options.get("corrected"))
    low, high = (share(options.get(end), f"an end {end!r}", "partial_auc") for end in ("low", "high"))
    if focus not in ("specificity", "sensitivity"):
        raise ValueError(f"partial_auc is over 'specificity' or 'sensitivity' (found {focus!r})")
    if low >= high:
        raise ValueError(f"partial_auc needs low < high (found {low} and {high})")
    below = "the area lies below that of chance, where McClish's correction is not defined"
    return Measure(
        "partial_auc", _areas.partial_auc(low, high, focus, corrected), needs=below if corrected else None,
        given={"focus": focus, "low": low, "high": high, "corrected": corrected},
    )  # fmt: skip


_MAKERS: dict[str, _Maker] = {
    "auc": _area("auc", _kernels.auc),
    "prauc": _area("prauc", _kernels.average_precision),
    "prauc_trapezoid": _area("prauc_trapezoid", _kernels.prauc_trapezoid),
    "partial_auc": _partial,
    "sensitivity_at_specificity": _point("sensitivity_at_specificity", _kernels.sensitivity_at_specificity),
    "specificity_at_sensitivity": _point("specificity_at_sensitivity", _kernels.specificity_at_sensitivity),
    **{name: _rate(name) for name in _rates.SHARES},
    "brier": lambda at, options: _probabilities.brier(),
    "ece": lambda at, options: _probabilities.ece(options),
    "net_benefit": lambda at, options: _probabilities.net_benefit(at),
    "pf1": lambda at, options: _probabilities.pf1(),
    "pf1_max": lambda at, options: Measure("pf1_max", _areas.largest_f1, needs="no positive rows"),
}
_OPTIONS: dict[str, tuple[str, ...]] = {
    "partial_auc": ("focus", "low", "high", "corrected"),
    "sensitivity_at_specificity": ("interpolate",),
    "specificity_at_sensitivity": ("interpolate",),
    **dict.fromkeys(_rates.SHARES, ("prevalence", "in_sample")),
    "ece": ("bins", "mass", "single"),
}
_NO_POINT = ("auc", "prauc", "prauc_trapezoid", "partial_auc", "brier", "ece", "pf1", "pf1_max")


def measure(metric: Metric, interpolate: bool = False) -> Measure:
    """The metric that was asked for, or a ValueError that says what is wrong with it."""
    name, at, options = _asked(metric)
    if name not in _MAKERS:
        raise ValueError(f"unknown metric {name!r}; known are {', '.join(_MAKERS)}")
    known = _OPTIONS.get(name, ())
    strange = [key for key in options if key not in known]
    if strange:
        raise ValueError(f"{name} has no option {strange[0]!r}; it has {', '.join(known) or 'none'}")
    if at is not None and name in _NO_POINT:
        raise ValueError(f"{name} takes no point (found {at})")
    if interpolate and "interpolate" in known:
        options = {"interpolate": True, **options}
    return _MAKERS[name](at, options)


def _asked(metric: Metric) -> tuple[str, float | None, Mapping[str, Any]]:
    if isinstance(metric, str):
        return metric, None, {}
    if len(metric) == 2:
        return metric[0], metric[1], {}
    return metric


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
        score: any real number per row, larger is more suspicious; ties count as ties. `brier`, `ece`,
            `net_benefit` and `pf1` need probabilities.
        metrics: names (`auc`, `prauc`, `prauc_trapezoid`, `brier`, `ece`, `pf1`, `pf1_max`); pairs of a name and
            its point: `sensitivity_at_specificity` and `specificity_at_sensitivity` at a share, `sensitivity`,
            `specificity`, `ppv`, `npv`, `recall_rate`, `cancer_detection_rate` and `net_benefit` at a threshold;
            or triples with options, such as `("ppv", 0.5, {"prevalence": 0.006})` and
            `("partial_auc", None, {"low": 0.9, "high": 1.0})`.
        cluster: patient of every row; the unit that is resampled. None: every row is its own.
        weight: non-negative weight of every row.
        interpolate: read sensitivities and specificities off the ROC polygon instead of its operating points.
        bootstrap: number of replicates, a `Bootstrap`, or ready `Replicates` shared with other models. None: shares
            at a threshold have Wilson's interval or, clustered, the ratio estimator's; the others none.
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
    chosen = [measure(metric, interpolate) for metric in metrics]
    replicates = settle(bootstrap, seed, ci, cluster, positive) if len(positive) else None
    rows = cluster_rows(cluster, len(positive), replicates)
    empty = [_empty(one, positive, mass, None if cluster is None else len(rows.present)) for one in chosen]
    found: dict[int, Result] = {}
    stairs = [number for number, one in enumerate(chosen) if one.features is None]
    if stairs:
        staircase = Staircase(values, mass * positive, mass * ~positive, rows.index, rows.count)
        kernels = [chosen[number].kernel for number in stairs]
        made = estimates(staircase, kernels, [empty[number] for number in stairs], replicates, rows.present)
        found.update(zip(stairs, made, strict=True))
    for number, one in enumerate(chosen):
        if one.features is not None:
            level = ci if weighted is None and replicates is None else None
            features = one.features(positive, values)
            totals = Totals(features if weighted is None else features * mass, rows.index, rows.count)
            result = estimates(totals, [one.kernel], [empty[number]], replicates, rows.present)[0]
            found[number] = result if level is None else _with_analytic(one, result, totals, level)
    return [found[number] for number in range(len(chosen))]


def _empty(one: Measure, positive: BoolArray, mass: FloatArray, clusters: int | None) -> Result:
    counted = mass > 0
    reason = undefined_reason(int(counted.sum()), int((positive & counted).sum()))
    # A share of one class, say, needs no rows of the other.
    if one.needs is not None and (one.features is not None or reason is None):
        reason = one.needs
    return Result(
        one.name, None, n=len(positive), positives=int(positive.sum()), clusters=clusters, at=one.at, reason=reason,
        flags=one.flags, given=one.given,
    )  # fmt: skip


def _with_analytic(one: Measure, result: Result, totals: Totals, ci: float) -> Result:
    """The result with the interval that needs no bootstrap, if the metric has one."""
    if one.interval is None or result.value is None:
        return result
    (low, high, reason), method = one.interval(totals.per_cluster, result.clusters is not None, ci)
    if reason is not None:
        return replace(result, reason=f"no interval: {reason}")
    return replace(result, low=low, high=high, ci=ci, ci_method=method)
