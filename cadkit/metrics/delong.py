"""DeLong's variance of AUCs and their differences, for independent and for clustered rows.

DeLong, DeLong and Clarke-Pearson (1988); midranks in O(n log n) after Sun and Xu (2014); the covariance of
cluster sums is Obuchowski's (1997, Biometrics 53:567-578) and equals DeLong's with one row per cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from cadkit.metrics._arrays import FloatArray, IntArray, identities, same_length, scores, sums, truths
from cadkit.metrics.classification import undefined_reason
from cadkit.metrics.intervals import check_level, normal_quantile
from cadkit.metrics.resampling import check_margin
from cadkit.metrics.results import NO_SPREAD, Comparison, Result

Transform = Literal["none", "logit"]


@dataclass(frozen=True)
class AucCovariance:
    """AUCs of k scores on the same rows and their covariance matrix (k x k).

    `s10`, `s01`, `s11` (k x k each) are Obuchowski's components between scores:
    cov = s10/M + s01/N + (s11 + s11')/(M N) for M positives and N negatives. `covariance` is None, with the
    reason, where it is undefined (all rows of a class in one cluster).
    """

    auc: FloatArray
    covariance: FloatArray | None
    positives: int
    negatives: int
    clusters: int
    clusters_with_positive: int
    clusters_with_negative: int
    s10: FloatArray | None = None
    s01: FloatArray | None = None
    s11: FloatArray | None = None
    reason: str | None = None


def placements(positive: FloatArray, negative: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Share of negatives below each positive, and of positives above each negative, ties one half."""
    rising_positive, rising_negative = np.sort(positive), np.sort(negative)
    below = np.searchsorted(rising_negative, positive, "left") + np.searchsorted(rising_negative, positive, "right")
    above = np.searchsorted(rising_positive, negative, "left") + np.searchsorted(rising_positive, negative, "right")
    return below / (2 * len(negative)), 1 - above / (2 * len(positive))


def auc_covariance(truth: npt.ArrayLike, *score: npt.ArrayLike, cluster: npt.ArrayLike | None = None) -> AucCovariance:
    """AUCs of one or more scores and their covariance; both classes must be present.

    Args:
        truth: 0 or 1 per row.
        score: one or more scores of the same rows.
        cluster: patient of every row; None: rows are independent (DeLong).

    Raises:
        ValueError: only one class, NaN, or lengths that differ.
    """
    positive = truths(truth)
    columns = [scores(values) for values in score]
    same_length(len(positive), **{f"score {number}": values for number, values in enumerate(columns, 1)})
    reason = undefined_reason(len(positive), int(positive.sum()))
    if reason is not None:
        raise ValueError(f"the AUC is undefined: {reason}")
    if cluster is None:
        groups: IntArray = np.arange(len(positive))
    else:
        ids = identities(cluster)
        same_length(len(positive), cluster=ids)
        groups = np.unique(ids, return_inverse=True)[1].astype(np.int64)
    parts = [placements(values[positive], values[~positive]) for values in columns]
    # The mean from whole numbers of half pairs: the same bits as the counting of pairs gives.
    pairs = int(positive.sum()) * int((~positive).sum())
    areas = np.array([np.rint(of_positives * 2 * (~positive).sum()).sum() / (2 * pairs) for of_positives, _ in parts])
    return _clustered(positive, groups, areas, parts)


def _clustered(
    positive: npt.NDArray[np.bool_],
    groups: IntArray,
    areas: FloatArray,
    parts: list[tuple[FloatArray, FloatArray]],
) -> AucCovariance:
    count = int(groups.max()) + 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    with_positive = int(np.count_nonzero(np.bincount(groups[positive])))
    with_negative = int(np.count_nonzero(np.bincount(groups[~positive])))
    x: FloatArray = np.stack([sums(groups[positive], v - a, count) for (v, _), a in zip(parts, areas, strict=True)])
    y: FloatArray = np.stack([sums(groups[~positive], w - a, count) for (_, w), a in zip(parts, areas, strict=True)])
    if with_positive < 2 or with_negative < 2:
        kind = "positive" if with_positive < 2 else "negative"
        reason = f"the variance is undefined with every {kind} row in one cluster"
        return AucCovariance(areas, None, positives, negatives, count, with_positive, with_negative, reason=reason)
    s10: FloatArray = with_positive / ((with_positive - 1) * positives) * (x @ x.T)
    s01: FloatArray = with_negative / ((with_negative - 1) * negatives) * (y @ y.T)
    s11: FloatArray = count / (count - 1) * (x @ y.T)
    covariance = s10 / positives + s01 / negatives + (s11 + s11.T) / (positives * negatives)
    return AucCovariance(
        areas, covariance, positives, negatives, count, with_positive, with_negative, s10, s01, s11
    )  # fmt: skip


def _ends(value: float, variance: float, ci: float, transform: Transform, clip: bool) -> tuple[float, float] | str:
    z = normal_quantile(ci)
    spread = z * np.sqrt(max(variance, 0.0))
    if transform == "logit":
        if not 0 < value < 1:
            return f"the logit of an AUC of {value:g} is infinite"
        centre, spread = special.logit(value), spread / (value * (1 - value))
        return float(special.expit(centre - spread)), float(special.expit(centre + spread))
    low, high = float(value - spread), float(value + spread)
    return (max(low, 0.0), min(high, 1.0)) if clip else (low, high)


def auc_delong(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    cluster: npt.ArrayLike | None = None,
    ci: float = 0.95,
    transform: Transform = "none",
) -> Result:
    """AUC with DeLong's interval, Obuchowski's where rows are clustered.

    The plain interval is clipped to [0, 1], the clustered one is not; `transform="logit"` keeps either inside.

    >>> auc_delong([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])
    <auc 0.8889 (95% CI 0.5809 to 1.0000, delong); n=6, positives=3>
    """
    check_level(ci)
    positive, values = truths(truth), scores(score)
    same_length(len(positive), score=values)
    rows, positives = len(positive), int(positive.sum())
    reason = undefined_reason(rows, positives)
    if reason is not None:
        clusters = None if cluster is None else len(np.unique(identities(cluster)))
        return Result("auc", None, n=rows, positives=positives, clusters=clusters, reason=reason)
    found = auc_covariance(positive, values, cluster=cluster)
    value = float(found.auc[0])
    shown = None if cluster is None else found.clusters
    if found.covariance is None:
        return Result("auc", value, n=rows, positives=positives, clusters=shown, reason=f"no interval: {found.reason}")
    ends = _ends(value, float(found.covariance[0, 0]), ci, transform, clip=cluster is None)
    if isinstance(ends, str):
        return Result("auc", value, n=rows, positives=positives, clusters=shown, reason=f"no interval: {ends}")
    method = "delong" if cluster is None else "delong-clustered"
    if transform == "logit":
        method += "-logit"
    flags = (NO_SPREAD,) if ends[0] == ends[1] else ()
    return Result("auc", value, *ends, ci, method, n=rows, positives=positives, clusters=shown, flags=flags)


def delong_difference(
    truth: npt.ArrayLike,
    score_a: npt.ArrayLike,
    score_b: npt.ArrayLike,
    *,
    cluster: npt.ArrayLike | None = None,
    ci: float = 0.95,
    alternative: Literal["two-sided", "greater", "less"] = "two-sided",
    margin: float | None = None,
) -> Comparison:
    """AUC of a minus AUC of b on the same rows, with DeLong's (clustered: Obuchowski's) interval and z test.

    The interval is clipped to [-1, 1], beyond which no difference of two AUCs lies; the test is not touched by that.
    `alternative="greater"` tests whether a is the larger. The interval is two-sided whatever the test. With a
    `margin`, `p_margin` is the one-sided p of non-inferiority: that the difference exceeds -margin.
    """
    check_level(ci)
    check_margin(margin)
    positive = truths(truth)
    reason = undefined_reason(len(positive), int(positive.sum()))
    method = "delong" if cluster is None else "delong-clustered"
    if reason is not None:
        return Comparison("auc", None, method=method, reason=reason)
    found = auc_covariance(positive, score_a, score_b, cluster=cluster)
    gap = float(found.auc[0] - found.auc[1])
    if found.covariance is None:
        return Comparison("auc", gap, method=method, reason=found.reason)
    matrix = found.covariance
    error = float(np.sqrt(max(matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1], 0.0)))
    spread = normal_quantile(ci) * error
    # Two scores that rank alike differ by nothing, with certainty; rounding must not make a z of that.
    if error <= 1e-12:
        same = abs(gap) <= 1e-12
        why = None if same else "the difference has no variance on these rows"
        return Comparison("auc", gap, gap, gap, ci, 1.0 if same else None, method, reason=why, margin=margin)
    z = gap / error
    tail = {"two-sided": 2 * special.ndtr(-abs(z)), "greater": special.ndtr(-z), "less": special.ndtr(z)}
    p_margin = None if margin is None else float(special.ndtr(-(gap + margin) / error))
    low, high = max(gap - spread, -1.0), min(gap + spread, 1.0)
    return Comparison(
        "auc", gap, low, high, ci, float(tail[alternative]), method, statistic=z,
        margin=margin, p_margin=p_margin,
    )  # fmt: skip
