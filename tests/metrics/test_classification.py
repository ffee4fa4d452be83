"""ROC and precision-recall: pencil values, properties, scikit-learn, bad input."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc as area
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

from cadkit import metrics

ALL = [
    "auc",
    "prauc",
    "prauc_trapezoid",
    ("sensitivity_at_specificity", 0.9),
    ("sensitivity_at_specificity", 0.5),
    ("specificity_at_sensitivity", 0.6),
]


@st.composite
def samples(draw: st.DrawFn, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Both classes, scores on few levels (many ties)."""
    length = draw(st.integers(2, size))
    truth = np.array(draw(st.lists(st.integers(0, 1), min_size=length, max_size=length)))
    truth[:2] = 0, 1
    levels = draw(st.integers(1, 8))
    score = np.array(draw(st.lists(st.integers(0, levels), min_size=length, max_size=length))) / 8
    return truth, score


def values(truth: Any, score: Any, **options: Any) -> list[float | None]:
    return [result.value for result in metrics.classification(truth, score, ALL, **options)]


def trapezoid(truth: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None) -> float:
    precision, recall, _ = precision_recall_curve(truth, score, sample_weight=weight)
    return float(area(recall, precision))


def literal_points(truth: np.ndarray, score: np.ndarray) -> list[tuple[float, float]]:
    """(specificity, sensitivity) at every threshold, infinity included."""
    points = []
    for threshold in [np.inf, *np.unique(score)]:
        called = score >= threshold
        points.append(((~called[truth == 0]).mean(), called[truth == 1].mean()))
    return points


@settings(max_examples=60, deadline=None)
@given(samples())
def test_definitions_taken_literally(sample: tuple[np.ndarray, np.ndarray]) -> None:
    truth, score = sample
    pairs = list(product(score[truth == 1], score[truth == 0]))
    wins = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs)
    points = literal_points(truth, score)
    expected = [
        wins / len(pairs),
        average_precision_score(truth, score),
        trapezoid(truth, score),
        max(sensitivity for specificity, sensitivity in points if specificity >= 0.9),
        max(sensitivity for specificity, sensitivity in points if specificity >= 0.5),
        max(specificity for specificity, sensitivity in points if sensitivity >= 0.6),
    ]
    np.testing.assert_allclose(values(truth, score), expected, atol=1e-12)
    delong = metrics.auc(truth, score)
    assert delong.value == values(truth, score)[0]


@settings(max_examples=60, deadline=None)
@given(samples(), st.randoms(use_true_random=False))
def test_order_of_rows_and_monotone_maps_change_nothing(sample: tuple[np.ndarray, np.ndarray], random: Any) -> None:
    truth, score = sample
    order = np.array(random.sample(range(len(truth)), len(truth)))
    whole = values(truth, score)
    assert values(truth[order], score[order]) == whole
    assert values(truth, np.exp(3 * score) - 7) == whole


@settings(max_examples=60, deadline=None)
@given(samples(), st.data())
def test_whole_weights_are_repeated_rows(sample: tuple[np.ndarray, np.ndarray], data: st.DataObject) -> None:
    truth, score = sample
    weight = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(truth), max_size=len(truth))))
    weight[:2] += 1
    repeated = np.repeat(np.arange(len(truth)), weight)
    assert values(truth, score, weight=weight) == values(truth[repeated], score[repeated])
    for result in (metrics.roc_curve, metrics.pr_curve):
        for mine, theirs in zip(result(truth, score, weight), result(truth[repeated], score[repeated]), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@settings(max_examples=60, deadline=None)
@given(samples(), st.data())
def test_weights_agree_with_scikit_learn(sample: tuple[np.ndarray, np.ndarray], data: st.DataObject) -> None:
    truth, score = sample
    weight = np.array(data.draw(st.lists(st.integers(0, 40), min_size=len(truth), max_size=len(truth)))) / 8
    weight[:2] += 0.125
    expected = [
        roc_auc_score(truth, score, sample_weight=weight),
        average_precision_score(truth, score, sample_weight=weight),
        trapezoid(truth, score, weight),
    ]
    np.testing.assert_allclose(values(truth, score, weight=weight)[:3], expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(samples())
def test_curves_are_those_of_scikit_learn(sample: tuple[np.ndarray, np.ndarray]) -> None:
    truth, score = sample
    curve = metrics.roc_curve(truth, score)
    for mine, theirs in zip(curve, sklearn_roc_curve(truth, score, drop_intermediate=False), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    assert len(curve.threshold) == len(np.unique(score)) + 1
    precision, recall, _ = precision_recall_curve(truth, score)
    mine = metrics.pr_curve(truth, score)
    np.testing.assert_allclose(mine.recall, recall[::-1], atol=1e-12)
    np.testing.assert_allclose(mine.precision, precision[::-1], atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(samples(), st.integers(0, 20))
def test_interpolation_is_the_polygon(sample: tuple[np.ndarray, np.ndarray], twentieth: int) -> None:
    truth, score = sample
    share = twentieth / 20
    points = sorted((1 - specificity, sensitivity) for specificity, sensitivity in literal_points(truth, score))
    # A walk along the polygon in small steps.
    walk = [
        ((1 - t) * x0 + t * x1, (1 - t) * y0 + t * y1)
        for (x0, y0), (x1, y1) in pairwise(points)
        for t in np.linspace(0, 1, 2001)
    ]
    best = max(y for x, y in walk if x <= 1 - share + 1e-9)
    mine = metrics.sensitivity_at_specificity(truth, score, share, interpolate=True).value
    assert mine == pytest.approx(best, abs=1e-3)
    best = max(1 - x for x, y in walk if y >= share - 1e-9)
    mine = metrics.specificity_at_sensitivity(truth, score, share, interpolate=True).value
    assert mine == pytest.approx(best, abs=1e-3)


def test_equality_at_an_operating_point() -> None:
    # Ten negatives, one above the only positive: specificity 9/10 is at least 0.9, though 1 - 1/10 < 0.9 in floats.
    truth = [1] + [0] * 10
    score = [5.0, 9.0, *range(-9, 0)]
    assert metrics.sensitivity_at_specificity(truth, score, 0.9).value == 1
    assert metrics.sensitivity_at_specificity(truth, score, 0.91).value == 0
    truth = [0] + [1] * 10
    score = [1.0, *np.arange(10) - 5.0]
    # Positives at 1, 2, 3, 4 reach the negative at 1: four of ten at or above it, three above.
    assert metrics.specificity_at_sensitivity(truth, score, 0.3).value == 1
    assert metrics.specificity_at_sensitivity(truth, score, 0.4).value == 0


def test_one_positive() -> None:
    result = metrics.auc([0, 0, 1, 0], [1, 2, 3, 4])
    assert result.value == pytest.approx(2 / 3)
    assert result.low is None
    assert "positive row in one cluster" in str(result.reason)
    # One patient drawn from four, 2,000 times: the positive is missing from (3/4)^4 = 32% of the replicates.
    result = metrics.auc([0, 0, 1, 0], [1, 2, 3, 4], bootstrap=2000)
    assert result.dropped == pytest.approx(0.316 * 2000, abs=80)
    assert result.low is None
    assert "undefined in" in str(result.reason)


def test_all_scores_equal() -> None:
    truth, score = [0, 1, 0, 0, 1], [2.0] * 5
    assert values(truth, score)[:3] == [0.5, 0.4, 0.7]
    assert values(truth, score)[3:] == [0, 0, 0]
    assert (metrics.auc(truth, score).low, metrics.auc(truth, score).high) == (0.5, 0.5)
    assert metrics.roc_curve(truth, score).fpr.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("truth", "reason"), [([0, 0], "no positive rows"), ([1, 1], "no negative rows"), ([], "no rows")]
)
@pytest.mark.parametrize("bootstrap", [None, 10])
def test_one_class_is_undefined(truth: list[int], reason: str, bootstrap: int | None) -> None:
    score = np.arange(len(truth))
    for result in [
        metrics.auc(truth, score, bootstrap=bootstrap),
        *metrics.classification(truth, score, ALL, bootstrap=bootstrap),
    ]:
        assert result.value is None
        assert result.low is None
        assert result.reason == reason
    assert metrics.delong_difference(truth, score, score).reason == reason
    if not any(truth):
        with pytest.raises(ValueError, match="a precision-recall curve needs positive rows"):
            metrics.pr_curve(truth, score)


@pytest.mark.parametrize(
    ("truth", "score", "message"),
    [
        ([0, 1, 1], [0.1, np.nan, np.nan], "score has 2 NaN, the first in row 1"),
        ([0, 2, 1], [0.1, 0.2, 0.3], r"1 rows are not, the first is row 1 \(counted from 0\) with 2"),
        ([0, np.nan, 1], [0.1, 0.2, 0.3], "row 1 .* with nan; leave rows of unknown truth out"),
        ([0, 1], ["high", "low"], "score must be numbers .*'high'"),
        ([0, 1], [0.1, 0.2, 0.3], "score has 3 rows, 2 were expected"),
        ([0, 1], [[0.1], [0.2]], "one dimension"),
    ],
)
def test_bad_input_is_named(truth: Any, score: Any, message: str) -> None:
    for function in (metrics.auc, metrics.average_precision, metrics.roc_curve, metrics.pr_curve):
        with pytest.raises(ValueError, match=message):
            function(truth, score)


def test_bad_clusters_and_weights() -> None:
    truth, score = [0, 1, 1], [1, 2, 3]
    for cluster, message in [
        (["a", "", "b"], "missing in 1 rows, the first is row 1"),
        (["a", None, "b"], "missing in 1 rows, the first is row 1"),
        ([1.0, 2.0, np.nan], "first is row 2"),
        (["a"], "cluster has 1 rows"),
    ]:
        with pytest.raises(ValueError, match=message):
            metrics.auc(truth, score, cluster=cluster, bootstrap=5)
        with pytest.raises(ValueError, match=message):
            metrics.auc(truth, score, cluster=cluster)
    with pytest.raises(ValueError, match="negative in row 1"):
        metrics.auc(truth, score, [1, -1, 1])
    with pytest.raises(ValueError, match="unknown metric 'roc'"):
        metrics.classification(truth, score, ["roc"])


def test_infinite_scores_only_rank() -> None:
    assert metrics.auc([0, 0, 1, 1], [-np.inf, 0, 0, np.inf]).value == 7 / 8


def test_a_million_rows() -> None:
    generator = np.random.default_rng(0)
    truth = generator.random(1_000_000) < 0.01
    score = np.round(generator.normal(size=len(truth)) + truth, 3)
    auc, prauc = metrics.classification(truth, score)
    assert auc.value == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    assert prauc.value == pytest.approx(average_precision_score(truth, score), abs=1e-12)


def test_result_speaks() -> None:
    result = metrics.sensitivity_at_specificity([0, 0, 1, 1], [1, 3, 2, 4], 0.5)
    assert repr(result) == "<sensitivity_at_specificity(0.5) 1.0000; n=4, positives=2>"
    assert result.to_dict() == {
        "metric": "sensitivity_at_specificity", "at": 0.5, "value": 1.0, "low": None, "high": None, "ci": None,
        "ci_method": None, "n": 4, "positives": 2, "clusters": None, "dropped": None, "flags": [],
    }  # fmt: skip
    assert repr(metrics.auc([0, 0], [1, 2])) == "<auc undefined; n=2, positives=0; no positive rows>"
    assert repr(metrics.proportion(7, 10)).startswith("<proportion 0.7000 (95% CI 0.3968 to 0.8922, wilson); n=10")
    assert metrics.proportion(0, 0).value is None


@pytest.mark.slow
def test_ten_million_rows() -> None:
    """A cohort that no loop over rows would finish: five million patients, a bootstrap of them included."""
    generator = np.random.default_rng(0)
    truth = generator.random(10_000_000) < 0.01
    score = np.round(generator.normal(size=len(truth)) + truth, 3)
    patient = np.arange(len(truth)) // 2
    found = metrics.auc(truth, score, cluster=patient, bootstrap=64)
    assert found.value == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    assert found.clusters == 5_000_000
    assert found.low is not None
    assert found.high is not None
    delong = metrics.auc(truth, score, cluster=patient)
    assert delong.low is not None
    # Two ways to one interval, of which the bootstrap's is rough.
    assert found.low == pytest.approx(delong.low, abs=1e-3)
