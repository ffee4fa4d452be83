"""Shares at a threshold and their intervals: sensitivity, specificity, predictive values, recall and detection rate.

Rows are independent: Wilson's interval. Rows are clustered: the variance of the ratio of two sums over clusters
(Obuchowski 1998, Stat Med 17:1495-1507), on the logit scale. Re-weighed to a prevalence (Bayes): the delta method
on the logit scale (Mercaldo et al. 2007, Stat Med 26:2170-2183), from sums over clusters as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from cadkit.metrics._arrays import BoolArray, FloatArray
from cadkit.metrics._measures import Measure
from cadkit.metrics._totals import ratio
from cadkit.metrics.intervals import Interval, normal_quantile, wilson


class Called(NamedTuple):
    """Sums at a threshold: true positives, false positives, positives, negatives (any shape)."""

    true: FloatArray
    false: FloatArray
    positives: FloatArray
    negatives: FloatArray


Share = Callable[[Called], tuple[FloatArray, FloatArray]]

# Numerator and denominator of each share.
SHARES: dict[str, Share] = {
    "sensitivity": lambda c: (c.true, c.positives),
    "specificity": lambda c: (c.negatives - c.false, c.negatives),
    "ppv": lambda c: (c.true, c.true + c.false),
    "npv": lambda c: (c.negatives - c.false, c.negatives - c.false + c.positives - c.true),
    "recall_rate": lambda c: (c.true + c.false, c.positives + c.negatives),
    "cancer_detection_rate": lambda c: (c.true, c.positives + c.negatives),
}
REWEIGHED = ("ppv", "npv", "recall_rate")
_NEEDS = {
    "sensitivity": "no positive rows",
    "specificity": "no negative rows",
    "ppv": "no row is called positive",
    "npv": "no row is called negative",
    "recall_rate": "no rows",
    "cancer_detection_rate": "no rows",
}
_EDGE = "the share is 0 or 1, where its clustered variance is 0"


def features(threshold: float) -> Callable[[BoolArray, FloatArray], FloatArray]:
    """The four sums of `Called`, row by row."""

    def rows(positive: BoolArray, score: FloatArray) -> FloatArray:
        called = score >= threshold
        return np.stack([called & positive, called & ~positive, positive, ~positive]).astype(np.float64)

    return rows


def rate(name: str, threshold: float | None, options: Mapping[str, Any]) -> Measure:
    """The measure of a share at a threshold; options: `prevalence` (ppv, npv, recall_rate), `in_sample`."""
    if threshold is None or np.isnan(threshold):
        raise ValueError(f"{name} needs a threshold")
    prevalence = options.get("prevalence")
    flags = ("in-sample",) if options.get("in_sample") else ()
    if prevalence is None:
        scale = 1000.0 if name == "cancer_detection_rate" else 1.0
        return Measure(
            name, lambda totals: scale * ratio(*SHARES[name](Called(*totals))), float(threshold),
            features=features(threshold), needs=_NEEDS[name], flags=flags,
            interval=lambda per, clustered, ci: _plain(SHARES[name], per, clustered, ci, scale),
        )  # fmt: skip
    if name not in REWEIGHED:
        raise ValueError(f"{name} does not depend on the prevalence; {', '.join(REWEIGHED)} do")
    if not 0 < prevalence < 1:
        raise ValueError(f"the prevalence must lie between 0 and 1 (found {prevalence})")
    return Measure(
        name, lambda totals: reweighed(name, Called(*totals), prevalence), float(threshold),
        {"prevalence": float(prevalence)}, features(threshold), flags=flags,
        interval=lambda per, _, ci: _bayes(name, per, prevalence, ci),
        needs=f"{_NEEDS[name]}, or a class is missing",
    )  # fmt: skip


def reweighed(name: str, called: Called, prevalence: float) -> FloatArray:
    """Predictive value or recall rate at another prevalence, by Bayes; NaN without both classes."""
    sensitivity = ratio(called.true, called.positives)
    false_rate = ratio(called.false, called.negatives)
    return by_bayes(name, sensitivity, false_rate, prevalence)


def by_bayes(name: str, sensitivity: FloatArray, false_rate: FloatArray, prevalence: float) -> FloatArray:
    """The share from sensitivity, 1 - specificity and prevalence."""
    hit, alarm = prevalence * sensitivity, (1 - prevalence) * false_rate
    if name == "recall_rate":
        return hit + alarm
    if name == "ppv":
        return ratio(hit, hit + alarm)
    clear = (1 - prevalence) * (1 - false_rate)
    return ratio(clear, clear + prevalence * (1 - sensitivity))


def logit_interval(value: float, error: float, ci: float) -> Interval:
    """Interval of a share with a standard error, symmetric on the logit scale."""
    if not 0 < value < 1:
        return Interval(None, None, _EDGE)
    spread = normal_quantile(ci) * error / (value * (1 - value))
    centre = special.logit(value)
    return Interval(float(special.expit(centre - spread)), float(special.expit(centre + spread)))


def ratio_interval(numerator: FloatArray, denominator: FloatArray, ci: float) -> Interval:
    """Interval of a share from its numerator and denominator per cluster; clusters without denominator do not count."""
    count = int((denominator > 0).sum())
    if count < 2:
        return Interval(None, None, "all rows that count are in one cluster")
    value = float(numerator.sum() / denominator.sum())
    residual = numerator - value * denominator
    error = float(np.sqrt(count / (count - 1) * (residual**2).sum()) / denominator.sum())
    return logit_interval(value, error, ci)


def _plain(of: Share, per: FloatArray, clustered: bool, ci: float, scale: float) -> tuple[Interval, str]:
    numerator, denominator = of(Called(*per))
    if clustered:
        found, name = ratio_interval(numerator, denominator, ci), "ratio-logit"
    else:
        found, name = wilson(round(numerator.sum()), round(denominator.sum()), ci), "wilson"
    if found.low is None or found.high is None:
        return found, name
    return Interval(scale * found.low, scale * found.high), name


def _bayes(name: str, per: FloatArray, prevalence: float, ci: float) -> tuple[Interval, str]:
    called = Called(*per)
    whole = Called(*per.sum(axis=1, keepdims=True))
    sensitivity, false_rate = float(whole.true[0] / whole.positives[0]), float(whole.false[0] / whole.negatives[0])
    value = float(by_bayes(name, np.array([sensitivity]), np.array([false_rate]), prevalence)[0])
    method = "bayes-logit"
    if not (0 < value < 1):
        return Interval(None, None, _EDGE), method
    # What one cluster moves sensitivity and false-positive rate.
    of_hits = (called.true - sensitivity * called.positives) / whole.positives
    of_alarms = (called.false - false_rate * called.negatives) / whole.negatives
    spread = value * (1 - value)
    if name == "ppv":
        moved = spread * (of_hits / sensitivity - of_alarms / false_rate)
    elif name == "npv":
        moved = spread * (of_hits / (1 - sensitivity) - of_alarms / (1 - false_rate))
    else:
        moved = prevalence * of_hits + (1 - prevalence) * of_alarms
    count = int((called.positives + called.negatives > 0).sum())
    if count < 2:
        return Interval(None, None, "all rows are in one cluster"), method
    error = float(np.sqrt(count / (count - 1) * (moved**2).sum()))
    return logit_interval(value, error, ci), method
