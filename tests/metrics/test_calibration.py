"""Probabilities: Brier score, calibration error, reliability, net benefit, probabilistic F1."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, f1_score

from cadkit import metrics
from cadkit.metrics._probabilities import decimal_edges


def literal_ece(truth: list[int], decimals: list[Fraction], bins: int) -> float:
    """In exact fractions; decimals as they are written."""
    held: dict[int, list[int]] = {}
    for row, value in enumerate(decimals):
        held.setdefault(min(int(value * bins), bins - 1), []).append(row)
    error = sum(abs(sum(decimals[row] - truth[row] for row in rows)) for rows in held.values())
    return float(error / len(truth))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1000)), min_size=1, max_size=30), st.integers(1, 20))
def test_calibration_error_in_exact_fractions(rows: list[tuple[int, int]], bins: int) -> None:
    truth, decimals = [y for y, _ in rows], [Fraction(value, 1000) for _, value in rows]
    score = np.array([value / 1000 for _, value in rows])
    wanted = literal_ece(truth, decimals, bins)
    assert metrics.ece(truth, score, bins=bins).value == pytest.approx(wanted, abs=1e-12)
    # The same decimals as float32 fall into the same bins.
    assert metrics.ece(truth, score.astype(np.float32), bins=bins).value == pytest.approx(wanted, abs=1e-6)


def test_edges_are_decimals() -> None:
    assert decimal_edges(10).tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    # 1/3 is written 0.3333333333333333, which lies below a third.
    assert decimal_edges(3)[0] > 1 / 3


def test_brier_and_f1_agree_with_scikit_learn() -> None:
    generator = np.random.default_rng(5)
    truth = generator.integers(0, 2, 200)
    score = np.round(np.clip(generator.normal(0.3 + 0.3 * truth, 0.2), 0, 1), 2)
    assert metrics.brier(truth, score).value == pytest.approx(brier_score_loss(truth, score))
    best = max(f1_score(truth, score >= threshold) for threshold in np.unique(score))
    assert metrics.pf1_max(truth, score).value == pytest.approx(best)
    binary = metrics.pf1(truth, (score >= 0.5).astype(float)).value
    assert binary == pytest.approx(f1_score(truth, score >= 0.5))


def test_reliability_curve() -> None:
    curve = metrics.reliability([0, 1, 1, 1], [0.3, 0.35, 0.39, 1.0])
    assert curve.n.tolist() == [3, 1]
    assert curve.mean == pytest.approx([1.04 / 3, 1.0])
    assert (curve.low[0], curve.high[0]) == metrics.wilson(2, 3)[:2]
    masses = metrics.reliability([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], bins=2, mass="mass")
    assert masses.share.tolist() == [0, 1]


def test_ten_bins_are_usual_and_a_float32_is_the_decimal_it_was_written_as() -> None:
    # In ten bins 0.1 and 0.19 are together, 0.2 apart from them; in nine or eleven they are not.
    truth, score = [0, 1, 1, 0], [0.1, 0.19, 0.2, 0.95]
    assert metrics.reliability(truth, score).n.tolist() == [2, 1, 1]
    assert metrics.ece(truth, score).value == pytest.approx((abs(0.29 - 1) + abs(0.2 - 1) + 0.95) / 4)
    for bins in (9, 11):
        assert metrics.ece(truth, score, bins=bins).value != pytest.approx(metrics.ece(truth, score).value)
    # As a float64, the float32 of 0.7 lies just below 0.7.
    low = metrics.reliability([0, 1], np.array([0.7, 0.75], dtype=np.float32))
    assert low.n.tolist() == [2]
    with pytest.raises(ValueError, match="score has 1 rows, 2 were expected"):
        metrics.reliability([0, 1], [0.5])


def test_decision_curve() -> None:
    truth, score = [1, 1, 0, 0], [0.8, 0.3, 0.4, 0.1]
    curve = metrics.decision_curve(truth, score, [0.2, 0.5], bootstrap=50)
    # At 0.2 three rows are called: two right and one wrong at odds of 1 to 4.
    assert curve.model == pytest.approx([2 / 4 - 1 / 4 / 4, 1 / 4])
    assert curve.treat_all == pytest.approx([0.5 - 0.5 / 4, 0])
    assert (curve.low <= curve.model).all()
    assert np.isnan(metrics.decision_curve(truth, score, [0.2]).low).all()


def test_bootstrap_of_sums() -> None:
    generator = np.random.default_rng(0)
    patient = np.repeat(np.arange(30), 2)
    truth, score = generator.integers(0, 2, 60), np.round(generator.random(60), 1)
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=20, interval="bca"))
    asked: list[metrics.Metric] = ["brier", "ece", "pf1"]
    fast = metrics.classification(truth, score, asked, cluster=patient, bootstrap=replicates)
    counts = replicates.weights(replicates.index(patient)).astype(int)
    for column in range(20):
        rows = np.repeat(np.arange(60), counts[:, column])
        loop = [result.value for result in metrics.classification(truth[rows], score[rows], asked)]
        assert [result.replicates[column] for result in fast] == pytest.approx(loop, abs=1e-12)
    assert all(result.ci_method == "bootstrap-bca" for result in fast)


@pytest.mark.parametrize("function", [metrics.brier, metrics.ece, metrics.pf1, metrics.reliability])
def test_scores_that_are_no_probabilities(function: object) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match=r"outside \[0, 1\], the first is row 1 .* with 1.5"):
        function([0, 1, 0], [0.5, 1.5, -1])
