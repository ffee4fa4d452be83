"""Metrics at a threshold: a row is called positive at score >= threshold.

Independent rows have Wilson's interval, clustered ones that of the ratio estimator on the logit scale; either may be
bootstrapped instead. A threshold is given, or locked on other data (`threshold_at`). One that was chosen on the same
rows makes every number optimistic: say `in_sample=True`, and the result is flagged wherever it goes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Unpack

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import same_length, scores, sums, truths
from cadkit.metrics._rates import ratio_interval
from cadkit.metrics.classification import Metric, Sampling, classification
from cadkit.metrics.resampling import cluster_rows
from cadkit.metrics.results import Result
from cadkit.metrics.roc import passed


def clustered_proportion(
    outcome: npt.ArrayLike, cluster: npt.ArrayLike, *, metric: str = "proportion", ci: float = 0.95
) -> Result:
    """Share of rows that come in clusters, with the ratio estimator's interval on the logit scale.

    >>> clustered_proportion([1, 0, 1, 1, 0, 1], ["a", "a", "b", "c", "c", "d"])
    <proportion 0.6667 (95% CI 0.3921 to 0.8611, ratio-logit); n=6, positives=4, clusters=4>
    """
    hits = truths(outcome, "outcome")
    rows = cluster_rows(cluster, len(hits), None)
    same_length(len(hits), cluster=rows.index)
    result = Result(metric, None, n=len(hits), positives=int(hits.sum()), clusters=len(rows.present))
    if not len(hits):
        return replace(result, reason="no rows")
    size = sums(rows.index, None, rows.count)
    low, high, reason = ratio_interval(sums(rows.index, hits, rows.count), size, ci)
    result = replace(result, value=float(hits.mean()))
    if reason is not None:
        return replace(result, reason=f"no interval: {reason}")
    return replace(result, low=low, high=high, ci=ci, ci_method="ratio-logit")


class Confusion(NamedTuple):
    """Rows by truth and call."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


def confusion(truth: npt.ArrayLike, score: npt.ArrayLike, threshold: float) -> Confusion:
    """Counts at a threshold.

    >>> confusion([0, 0, 1, 1], [0.1, 0.7, 0.7, 0.2], 0.7)
    Confusion(true_positives=1, false_positives=1, false_negatives=1, true_negatives=1)
    """
    positive, values = truths(truth), scores(score)
    same_length(len(positive), score=values)
    called = values >= threshold
    true, false = int((called & positive).sum()), int((called & ~positive).sum())
    return Confusion(true, false, int(positive.sum()) - true, int((~positive).sum()) - false)


def threshold_at(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    sensitivity: float | None = None,
    specificity: float | None = None,
) -> float:
    """The score to call positive from, so that these rows have at least that sensitivity or that specificity.

    Of the thresholds that do, the one that goes beyond the share asked for least, and so has the largest of the other
    share: the highest for a sensitivity, the lowest for a specificity. A specificity is so fixed by the negatives,
    wherever the few positives happen to lie. Infinite where only calling no row positive reaches the share. Choose it
    on validation data, then give it to the metrics of the test data.

    >>> threshold_at([0, 0, 1, 1], [0.1, 0.7, 0.8, 0.4], sensitivity=1)
    0.4
    >>> threshold_at([0, 0, 1, 1], [0.1, 0.7, 0.8, 0.4], specificity=0.9)
    0.8
    """
    if (sensitivity is None) == (specificity is None):
        raise ValueError("a threshold is chosen for a sensitivity or for a specificity: give one of the two")
    wanted = sensitivity if specificity is None else specificity
    if wanted is None or not 0 <= wanted <= 1:
        raise ValueError(f"a sensitivity or specificity lies in [0, 1] (found {wanted})")
    positive, values = truths(truth), scores(score)
    same_length(len(positive), score=values)
    if positive.all() or not positive.any():
        raise ValueError("a threshold is chosen on rows of both classes")
    true, false, threshold = passed(positive, values, None)
    true, false = np.concatenate([[0.0], true]), np.concatenate([[0.0], false])
    threshold = np.concatenate([[np.inf], threshold])
    kept = true / true[-1] if specificity is None else (false[-1] - false) / false[-1]
    # Thresholds fall, and with them sensitivity rises and specificity falls.
    possible = np.flatnonzero(kept >= wanted)
    return float(threshold[possible[0] if specificity is None else possible[-1]])


def _at(
    name: str,
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    threshold: float,
    in_sample: bool,
    prevalence: float | None,
    sampling: Sampling,
) -> Result:
    options = {"in_sample": in_sample} if prevalence is None else {"in_sample": in_sample, "prevalence": prevalence}
    asked: Metric = (name, threshold, options)
    return classification(truth, score, [asked], **sampling)[0]


def sensitivity(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    threshold: float,
    *,
    in_sample: bool = False,
    **sampling: Unpack[Sampling],
) -> Result:
    """Share of the positive rows that are called positive.

    >>> sensitivity([1, 1, 1, 0], [0.9, 0.6, 0.2, 0.7], 0.5)
    <sensitivity(0.5) 0.6667 (95% CI 0.2077 to 0.9385, wilson); n=4, positives=3>
    """
    return _at("sensitivity", truth, score, threshold, in_sample, None, sampling)


def specificity(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    threshold: float,
    *,
    in_sample: bool = False,
    **sampling: Unpack[Sampling],
) -> Result:
    """Share of the negative rows that are not called positive."""
    return _at("specificity", truth, score, threshold, in_sample, None, sampling)


def ppv(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    threshold: float,
    *,
    prevalence: float | None = None,
    in_sample: bool = False,
    **sampling: Unpack[Sampling],
) -> Result:
    """Positive predictive value: share of positives among the rows called positive.

    With a `prevalence` it is that of a population with this share of positives, by Bayes from sensitivity and
    specificity; the interval is then the delta method's on the logit scale (Mercaldo et al. 2007).
    """
    return _at("ppv", truth, score, threshold, in_sample, prevalence, sampling)


def npv(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    threshold: float,
    *,
    prevalence: float | None = None,
    in_sample: bool = False,
    **sampling: Unpack[Sampling],
) -> Result:
    """Negative predictive value: share of negatives among the rows not called positive; `prevalence` as for `ppv`."""
    return _at("npv", truth, score, threshold, in_sample, prevalence, sampling)


def recall_rate(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    threshold: float,
    *,
    prevalence: float | None = None,
    in_sample: bool = False,
    **sampling: Unpack[Sampling],
) -> Result:
    """Share of all rows that are called positive; `prevalence` as for `ppv`."""
    return _at("recall_rate", truth, score, threshold, in_sample, prevalence, sampling)


def cancer_detection_rate(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    threshold: float,
    *,
    in_sample: bool = False,
    **sampling: Unpack[Sampling],
) -> Result:
    """Positives called positive per 1,000 rows (exams)."""
    return _at("cancer_detection_rate", truth, score, threshold, in_sample, None, sampling)
