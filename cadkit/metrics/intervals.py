"""Confidence intervals: of a proportion, and from bootstrap replicates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from cadkit.metrics._arrays import FloatArray
from cadkit.metrics.results import Result

WARN_DROPPED = 0.01
MAX_DROPPED = 0.20


class Interval(NamedTuple):
    """Ends of an interval; both None with the reason when there is none."""

    low: float | None
    high: float | None
    reason: str | None = None


def check_level(ci: float) -> float:
    """ValueError unless the confidence level lies strictly between 0 and 1."""
    if not 0 < ci < 1:
        raise ValueError(f"the confidence level must lie between 0 and 1 (found {ci})")
    return ci


def normal_quantile(ci: float) -> float:
    """Two-sided standard normal quantile: 1.96 for 0.95."""
    return float(special.ndtri(0.5 + check_level(ci) / 2))


def wilson(successes: float, n: int, ci: float = 0.95) -> Interval:
    """Wilson's (1927) score interval of a proportion of independent rows, without continuity correction.

    A row may be a fraction of a success, as a patient with one positive breast of two.

    >>> low, high, _ = wilson(7, 10)
    >>> round(low, 4), round(high, 4)
    (0.3968, 0.8922)
    """
    if n == 0:
        check_level(ci)
        return Interval(None, None, "no rows")
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no proportion")
    z = normal_quantile(ci)
    centre = successes + z * z / 2
    spread = z * np.sqrt(successes * (n - successes) / n + z * z / 4)
    # The ends at 0 and n are exact; computed, they would miss by rounding.
    low = 0.0 if successes == 0 else float((centre - spread) / (n + z * z))
    high = 1.0 if successes == n else float((centre + spread) / (n + z * z))
    return Interval(low, high)


def proportion(successes: int, n: int, *, metric: str = "proportion", ci: float = 0.95) -> Result:
    """A share of independent rows with its Wilson interval."""
    low, high, reason = wilson(successes, n, ci)
    return Result(
        metric, successes / n if n else None, low, high, ci if n else None, "wilson" if n else None,
        n=n, positives=successes, reason=reason,
    )  # fmt: skip


def percentile(replicates: FloatArray, ci: float = 0.95) -> Interval:
    """Quantiles of the replicates (numpy's linear interpolation); NaN are left out."""
    tail = (1 - check_level(ci)) / 2
    values = replicates[~np.isnan(replicates)]
    if not len(values):
        return Interval(None, None, "the metric is undefined in every replicate")
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))


def bca(estimate: float, replicates: FloatArray, jackknife: FloatArray, ci: float = 0.95) -> Interval:
    """Bias-corrected and accelerated interval (Efron 1987).

    Args:
        estimate: the metric on the data.
        replicates: the metric in the bootstrap replicates; NaN are left out.
        jackknife: the metric with each cluster left out once; NaN are left out.
        ci: confidence level.
    """
    z = normal_quantile(ci)
    values = replicates[~np.isnan(replicates)]
    if not len(values):
        return Interval(None, None, "the metric is undefined in every replicate")
    # Equal up to rounding is equal: a mean of fractions may differ in the last digit between replicates.
    ties = np.abs(values - estimate) <= 1e-12
    share = ((values < estimate) & ~ties).mean() + ties.mean() / 2
    if share in (0.0, 1.0):
        return Interval(None, None, "every replicate lies on one side of the estimate: no bias correction")
    z0 = float(special.ndtri(share))
    left_out = jackknife[~np.isnan(jackknife)]
    deviation = left_out.mean() - left_out if len(left_out) else np.zeros(1)
    # Without spread (up to rounding) there is nothing to accelerate.
    spread = float((deviation**2).sum())
    acceleration = float((deviation**3).sum()) / (6 * spread**1.5) if spread > 1e-24 else 0.0
    ends = []
    for quantile in (-z, z):
        step = z0 + quantile
        scale = 1 - acceleration * step
        if scale <= 0:
            return Interval(None, None, "the acceleration is too large for a BCa interval at this level")
        ends.append(float(special.ndtr(z0 + step / scale)))
    low, high = np.quantile(values, ends)
    return Interval(float(low), float(high))
