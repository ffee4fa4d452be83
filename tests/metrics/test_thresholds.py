"""Metrics at a threshold, partial areas, and what they do in a bootstrap."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from cadkit import metrics

# Three positives (0.9, 0.6, 0.2) and five negatives, two of them at or above 0.5.
TRUTH = [1, 1, 1, 0, 0, 0, 0, 0]
SCORE = [0.9, 0.6, 0.2, 0.7, 0.5, 0.4, 0.3, 0.1]
ASKED: list[metrics.Metric] = [
    ("sensitivity", 0.5),
    ("specificity", 0.5),
    ("ppv", 0.5),
    ("npv", 0.5),
    ("recall_rate", 0.5),
    ("cancer_detection_rate", 0.5),
    ("ppv", 0.5, {"prevalence": 0.01}),
    ("npv", 0.5, {"prevalence": 0.01}),
    ("recall_rate", 0.5, {"prevalence": 0.01}),
    ("net_benefit", 0.25),
    "pf1_max",
    ("partial_auc", None, {"low": 0.5, "high": 1.0}),
    ("partial_auc", None, {"low": 0.2, "high": 0.9, "focus": "sensitivity", "corrected": True}),
]


def cohort(women: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patient, truth and score on eighths (many ties); one to three rows each."""
    generator = np.random.default_rng(seed)
    patient = np.repeat(np.arange(women), generator.integers(1, 4, women))
    truth = (generator.random(len(patient)) < 0.3).astype(int)
    return patient, truth, np.clip(np.round(generator.normal(3 + 2 * truth, 2)), 0, 8) / 8


def test_a_pencil_table() -> None:
    found = [result.value for result in metrics.classification(TRUTH, SCORE, ASKED[:6])]
    assert found == pytest.approx([2 / 3, 3 / 5, 2 / 4, 3 / 4, 4 / 8, 1000 * 2 / 8])
    assert metrics.confusion(TRUTH, SCORE, 0.5) == (2, 2, 1, 3)
    assert metrics.confusion(TRUTH, SCORE, 0.6) == (2, 1, 1, 4)
    # Of 1,000 women 10 are ill: 6.67 found; of 990, 396 are recalled.
    ppv, npv, recall = metrics.classification(TRUTH, SCORE, ASKED[6:9])
    assert ppv.value == pytest.approx((20 / 3) / (20 / 3 + 396))
    assert npv.value == pytest.approx(594 / (594 + 10 / 3))
    assert recall.value == pytest.approx((20 / 3 + 396) / 1000)
    assert ppv.given == {"prevalence": 0.01}
    assert ppv.to_dict()["given"] == {"prevalence": 0.01}


def test_independent_rows_have_wilsons_interval() -> None:
    result = metrics.cancer_detection_rate(TRUTH, SCORE, 0.5, ci=0.9)
    low, high = proportion_confint(2, 8, 0.1, "wilson")
    assert (result.low, result.high) == pytest.approx((1000 * low, 1000 * high))
    assert (result.ci, result.ci_method) == (0.9, "wilson")
    flagged = metrics.specificity(TRUTH, SCORE, 0.5, in_sample=True)
    assert flagged.flags == ("in-sample",)
    assert "in-sample" in repr(flagged)


def test_clustered_share_written_out() -> None:
    patient, truth, score = cohort(50, 1)
    result = metrics.sensitivity(truth, score, 0.5, cluster=patient)
    ill = [one for one in np.unique(patient) if truth[patient == one].any()]
    of = [((score >= 0.5) & (truth == 1))[patient == one].sum() for one in ill]
    size = [truth[patient == one].sum() for one in ill]
    share = sum(of) / sum(size)
    squares = sum((x - share * m) ** 2 for x, m in zip(of, size, strict=True))
    error = np.sqrt(len(ill) / (len(ill) - 1) * squares) / sum(size)
    spread = 1.959963984540054 * error / (share * (1 - share))
    ends = [1 / (1 + np.exp(-(np.log(share / (1 - share)) + side * spread))) for side in (-1, 1)]
    assert [result.low, result.high] == pytest.approx(ends)
    assert result.ci_method == "ratio-logit"
    same = metrics.clustered_proportion((score >= 0.5)[truth == 1], patient[truth == 1])
    assert (same.low, same.high) == pytest.approx(ends)


def test_a_clustered_share_says_what_it_was_counted_over() -> None:
    found = metrics.clustered_proportion([1, 0, 1, 1, 0, 1], list("aabccd"), metric="hit")
    assert (found.metric, found.value, found.n, found.positives, found.clusters) == ("hit", 4 / 6, 6, 4, 4)
    assert (found.ci, found.ci_method) == (0.95, "ratio-logit")
    every = metrics.clustered_proportion([1, 1, 1], list("aab"))
    assert (every.value, every.low, every.ci_method) == (1, None, None)
    assert str(every.reason).startswith("no interval: ")
    nothing = metrics.clustered_proportion([], [])
    assert (nothing.value, nothing.n, nothing.reason) == (None, 0, "no rows")
    with pytest.raises(ValueError, match="cluster has 2 rows, 3 were expected"):
        metrics.clustered_proportion([1, 0, 1], ["a", "b"])


def test_clustered_share_of_one_row_per_cluster_is_the_binomial_one() -> None:
    result = metrics.specificity(TRUTH, SCORE, 0.5, cluster=np.arange(8))
    # p(1-p)/(n-1): the logit's error is 1/sqrt((n-1) p (1-p)).
    spread = 1.959963984540054 / np.sqrt(4 * 0.6 * 0.4)
    assert result.high == pytest.approx(1 / (1 + np.exp(-(np.log(1.5) + spread))))


def test_predictive_value_by_bayes_has_mercaldos_interval() -> None:
    result = metrics.ppv(TRUTH * 20, SCORE * 20, 0.5, prevalence=0.02)
    assert result.value is not None
    variance = (1 / 3) / (2 / 3) / 60 + (3 / 5) / (2 / 5) / 100
    spread = 1.959963984540054 * np.sqrt(variance * 160 / 159)
    centre = np.log(result.value / (1 - result.value))
    assert result.low == pytest.approx(1 / (1 + np.exp(spread - centre)))
    assert result.ci_method == "bayes-logit"


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000))
def test_bootstrap_equals_a_plain_loop(seed: int) -> None:
    patient, truth, score = cohort(10, seed)
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=40, seed=seed, interval="bca"))
    fast = metrics.classification(truth, score, ASKED, cluster=patient, bootstrap=replicates)
    counts = replicates.weights(replicates.index(patient)).astype(int)
    for column in range(40):
        rows = np.repeat(np.arange(len(truth)), counts[:, column])
        loop = metrics.classification(truth[rows], score[rows], ASKED)
        wanted = [np.nan if slow.value is None else slow.value for slow in loop]
        np.testing.assert_array_equal([mine.replicates[column] for mine in fast], wanted)
    for number, one in enumerate(np.unique(patient)):
        rest = patient != one
        left = metrics.classification(truth[rest], score[rest], ASKED)
        found = [mine.jackknife[number] for mine in fast]
        np.testing.assert_allclose(found, [np.nan if r.value is None else r.value for r in left], atol=1e-13)


def polygon_area(points: list[tuple[float, float]], low: float, high: float) -> float:
    """Area under a polygon from x = low to x = high, piece by piece."""
    area = 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        a, b = max(x0, low), min(x1, high)
        if b > a:
            height = [y0 + (y1 - y0) * (x - x0) / (x1 - x0) for x in (a, b)]
            area += (b - a) * sum(height) / 2
    return area


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.9), st.floats(0.05, 1))
def test_partial_areas_are_those_of_the_polygon(seed: int, low: float, width: float) -> None:
    _, truth, score = cohort(12, seed)
    truth[:2] = 0, 1
    high = min(1.0, low + width)
    curve = metrics.roc_curve(truth, score)
    under = polygon_area(list(zip(curve.fpr, curve.tpr, strict=True)), 1 - high, 1 - low)
    assert metrics.partial_auc(truth, score, low, high).value == pytest.approx(under, abs=1e-12)
    beside = polygon_area(list(zip(curve.tpr, 1 - curve.fpr, strict=True)), low, high)
    mine = metrics.partial_auc(truth, score, low, high, focus="sensitivity").value
    assert mine == pytest.approx(beside, abs=1e-12)
    whole = metrics.auc(truth, score).value
    assert metrics.partial_auc(truth, score, 0, 1, corrected=whole >= 0.5).value == pytest.approx(whole)


def test_a_partial_area_below_chance_has_no_correction() -> None:
    result = metrics.partial_auc([1, 1, 0, 0], [1, 2, 3, 4], 0.5, 1, corrected=True)
    assert result.value is None
    assert "below that of chance" in str(result.reason)
    chance = metrics.partial_auc([1, 0, 1, 0], [1, 1, 1, 1], 0.5, 1, corrected=True)
    assert chance.value == pytest.approx(0.5)


def test_threshold_chosen_elsewhere() -> None:
    assert metrics.threshold_at(TRUTH, SCORE, sensitivity=0.6) == 0.6
    assert metrics.threshold_at(TRUTH, SCORE, specificity=0.75) == 0.6
    assert metrics.threshold_at([0, 1], [2, 1], specificity=1) == np.inf
    # One of three positives is the least that any call finds.
    assert metrics.threshold_at(TRUTH, SCORE, sensitivity=0.05) == 0.9
    assert metrics.threshold_at(TRUTH, SCORE, sensitivity=0) == np.inf
    assert metrics.sensitivity([1], [0.3], np.inf).value == 0
    for options in ({}, {"sensitivity": 0.5, "specificity": 0.5}, {"sensitivity": 1.5}):
        with pytest.raises(ValueError, match=r"give one of the two|lies in \[0, 1\]"):
            metrics.threshold_at(TRUTH, SCORE, **options)
    for truth in ([1, 1], [0, 0]):
        with pytest.raises(ValueError, match="rows of both classes"):
            metrics.threshold_at(truth, [0.1, 0.2], sensitivity=0.5)
    with pytest.raises(ValueError, match="score has 2 rows, 3 were expected"):
        metrics.threshold_at([0, 1, 1], [0.1, 0.2], sensitivity=1)
    with pytest.raises(ValueError, match="score has 2 rows, 3 were expected"):
        metrics.confusion([0, 1, 1], [0.1, 0.2], 0.1)


@pytest.mark.parametrize("name", ["sensitivity", "specificity", "ppv", "npv", "recall_rate", "cancer_detection_rate"])
def test_a_threshold_chosen_on_the_same_rows_is_flagged(name: str) -> None:
    function = getattr(metrics, name)
    assert function(TRUTH, SCORE, 0.5).flags == ()
    chosen = function(TRUTH, SCORE, 0.5, in_sample=True)
    assert chosen.flags == ("in-sample",)
    assert chosen.value == function(TRUTH, SCORE, 0.5).value


def test_a_threshold_goes_beyond_its_share_least() -> None:
    """Ten negatives at 1 to 10 and positives at 8.5 and 20: thresholds of 9 to 20 have the sensitivity 0.5, lower 1."""
    truth = [0] * 10 + [1, 1]
    score = [*range(1, 11), 8.5, 20]
    assert metrics.threshold_at(truth, score, specificity=0.9) == 10
    assert metrics.threshold_at(truth, score, specificity=0.85) == 10
    assert metrics.threshold_at(truth, score, specificity=0.75) == 8.5
    assert metrics.threshold_at(truth, score, specificity=0.65) == 8
    assert metrics.threshold_at(truth, score, sensitivity=0.5) == 20
    assert metrics.threshold_at(truth, score, sensitivity=0.6) == 8.5
    # Above every positive: calling one negative in two and no positive still has the specificity 0.5.
    assert metrics.threshold_at([1, 0, 0], [1, 2, 3], specificity=0.5) == 3


def test_shares_need_only_their_own_rows() -> None:
    assert metrics.sensitivity([1, 1], [0.2, 0.8], 0.5).value == 0.5
    assert metrics.specificity([1, 1], [0.2, 0.8], 0.5).reason == "no negative rows"
    assert metrics.ppv([1, 0], [0.2, 0.1], 0.5).reason == "no row is called positive"
    assert metrics.npv([1, 0], [0.7, 0.9], 0.5).reason == "no row is called negative"
    assert metrics.recall_rate([], [], 0.5).reason == "no rows"
    assert metrics.ppv([1, 1], [0.7, 0.9], 0.5, prevalence=0.1).value is None
    extreme = metrics.sensitivity([1, 1, 0], [0.7, 0.9, 0.1], 0.5, cluster=["a", "b", "c"])
    assert (extreme.value, extreme.low) == (1, None)
    assert "variance is 0" in str(extreme.reason)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("sensitivity", "needs a threshold"),
        (("auc", 0.5), "takes no point"),
        (("ppv", 0.5, {"prevalence": 1.0}), "between 0 and 1"),
        (("sensitivity", 0.5, {"prevalence": 0.1}), "does not depend on the prevalence"),
        (("auc", None, {"bins": 3}), "no option 'bins'"),
        (("partial_auc", None, {"low": 0.9}), "an end 'high'"),
        (("partial_auc", None, {"low": 0.9, "high": 0.9}), "low < high"),
        (("partial_auc", None, {"low": 0.8, "high": 0.9, "focus": "fpr"}), "found 'fpr'"),
        (("sensitivity_at_specificity", 90), r"in \[0, 1\]"),
        (("net_benefit", 1.0), r"in \[0, 1\)"),
        (("ece", None, {"bins": 0}), "at least one bin"),
        (("ece", None, {"mass": "log"}), "found 'log'"),
    ],
)
def test_bad_questions(asked: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.classification(TRUTH, SCORE, [asked])


def test_locked_thresholds_may_differ_between_models() -> None:
    patient, truth, score = cohort(60, 3)
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=100))
    a = metrics.sensitivity(truth, score, 0.5, cluster=patient, bootstrap=replicates)
    b = metrics.sensitivity(truth, 1 - score, 0.25, cluster=patient, bootstrap=replicates)
    gap = metrics.difference(a, b)
    assert gap.at is None
    assert gap.difference == a.value - b.value
    other = metrics.ppv(truth, score, 0.5, prevalence=0.1, cluster=patient, bootstrap=replicates)
    plain = metrics.ppv(truth, score, 0.5, cluster=patient, bootstrap=replicates)
    with pytest.raises(ValueError, match="prevalence"):
        metrics.difference(other, plain)
