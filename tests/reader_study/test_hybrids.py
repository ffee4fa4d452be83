"""Hybrids, sweeps, ensembles, consensus and averages against scikit-learn and literal loops."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cadkit.errors import InputError
from cadkit.reader_study.ensembles import average_pr, average_roc, consensus, hybrid_ensemble, reader_ensemble
from cadkit.reader_study.scales import by_rank, on_scale, platt
from cadkit.reader_study.sweeps import areas, combined, simplex_grid, simplex_sweep, smallest_maximiser, sweep
from cadkit.reader_study.wide import Study


def study(readers: int = 3, n: int = 90, seed: int = 3) -> Study:
    """Reads in coarse steps, so that there are ties, and two models."""
    random = np.random.default_rng(seed)
    truth = random.random(n) < 0.3
    looks = truth + random.normal(size=n)
    reads = {f"R{k}": np.round(1 / (1 + np.exp(-looks - random.normal(size=n))), 1) for k in range(readers)}
    models = {name: np.round(1 / (1 + np.exp(-looks - random.normal(size=n))), 2) for name in ("A", "B")}
    return Study("s", truth, (np.arange(n) // 2).astype(str), reads, models)


def test_a_sweep_is_the_area_of_every_weighted_sum() -> None:
    one = study()
    found = sweep(one.truth, one.reads(), one.models["A"])
    assert found.weights.tolist() == [k / 100 for k in range(101)]
    for reader, read in enumerate(one.reads()):
        for k in (0, 1, 37, 50, 99, 100):
            mixed = (k / 100) * read + (1 - k / 100) * one.models["A"]
            assert found.auc[reader, k] == pytest.approx(roc_auc_score(one.truth, mixed), abs=1e-12)
            assert found.prauc[reader, k] == pytest.approx(average_precision_score(one.truth, mixed), abs=1e-12)


def test_lambda_star_is_the_smallest_maximiser() -> None:
    # The reader tells the classes apart once it weighs more than 1/3: 2 of 3 would be lost below.
    truth = np.array([False, True])
    found = sweep(truth, np.array([[0.0, 1.0]]), np.array([0.5, 0.0]))
    weights, values = found.best("auc")
    assert weights.tolist() == [0.34]
    assert values.tolist() == [1.0]
    # A constant reader: every weight of the model's order but 1 is best, 0 the smallest.
    flat = sweep(truth, np.array([[0.5, 0.5]]), np.array([0.0, 1.0]))
    assert flat.best("auc")[0].tolist() == [0.0]
    assert flat.auc[0, -1] == 0.5


def test_areas_that_differ_by_rounding_are_a_tie() -> None:
    values = np.array([[0.5, 0.9 - 1e-15, 0.9], [0.5, 0.9 - 1e-9, 0.9], [0.7, 0.7, 0.7]])
    assert smallest_maximiser(values).tolist() == [1, 2, 0]


def test_counts_stand_for_repeated_units() -> None:
    one, random = study(), np.random.default_rng(0)
    counts = random.integers(0, 3, size=(4, len(one.truth)))
    scores = np.stack([one.models["A"], one.reads()[0], one.reads()[1], one.models["B"]])
    auc, prauc = areas(one.truth, scores, counts)
    for k in range(4):
        truth, score = np.repeat(one.truth, counts[k]), np.repeat(scores[k], counts[k])
        assert auc[k] == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
        assert prauc[k] == pytest.approx(average_precision_score(truth, score), abs=1e-12)


def test_areas_are_undefined_without_both_classes() -> None:
    truth = np.array([True, False, True])
    auc, prauc = areas(truth, np.array([[3.0, 2.0, 1.0]] * 2), np.array([[1, 0, 1], [0, 1, 0]]))
    assert np.isnan(auc).all()
    assert np.isnan(prauc).all()


def test_the_majority_recalls_and_a_tie_does_too() -> None:
    votes = np.array([[1, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 1], [1, 1, 0, 0]], dtype=bool)
    found = consensus(votes)
    assert found.recall.tolist() == [True, True, False, True]
    assert found.ties == 2


def test_ensembles_are_means() -> None:
    reads = np.array([[0.0, 1.0], [0.5, 0.5]])
    assert reader_ensemble(reads).tolist() == [0.25, 0.75]
    assert hybrid_ensemble(reads, np.array([1.0, 0.25])).tolist() == [0.625, 0.5]


def test_areas_below_average_curves_are_the_mean_areas() -> None:
    one = study(5)
    prauc = areas(one.truth, one.reads())[1]
    roc, pr = average_roc(one.truth, one.reads()), average_pr(one.truth, one.reads())
    # Between the grid's points the mean curve may rise upright only at x = 0 and at a step of some reader.
    assert np.all(np.diff(roc.x) > 0)
    assert float(np.sum(np.diff(pr.x) * pr.y[1:])) == pytest.approx(prauc.mean(), abs=1e-12)
    literal = [np.mean([height(one.truth, read, x) for read in one.reads()]) for x in roc.x]
    assert roc.y == pytest.approx(literal, abs=1e-12)
    assert roc.y[-1] == 1.0


def points(truth: np.ndarray, score: np.ndarray) -> list[tuple[float, float]]:
    """ROC points by definition, from (0, 0) on."""
    cuts = [np.inf, *sorted(set(score.tolist()), reverse=True)]
    return [(float((score[~truth] >= c).mean()), float((score[truth] >= c).mean())) for c in cuts]


def height(truth: np.ndarray, score: np.ndarray, x: float) -> float:
    """The upper end at x, or on the line from the last point before x (its upper end) to the first after it."""
    every = points(truth, score)
    if any(f == x for f, _ in every):
        return max(t for f, t in every if f == x)
    left, right = max(p for p in every if p[0] < x), min(p for p in every if p[0] > x)
    return left[1] + (right[1] - left[1]) * (x - left[0]) / (right[0] - left[0])


def test_the_mean_of_two_step_curves_by_pencil() -> None:
    truth = np.array([True, True, False, False])
    first, second = np.array([4.0, 3.0, 2.0, 1.0]), np.array([4.0, 1.0, 3.0, 2.0])
    roc = average_roc(truth, [first, second])
    assert roc.x.tolist() == [0.0, 0.5, 1.0]
    assert roc.y.tolist() == [0.75, 0.75, 1.0]
    pr = average_pr(truth, [first, second])
    assert pr.x.tolist() == [0.0, 0.5, 1.0]
    assert pr.y.tolist() == [1.0, 1.0, 0.75]


def test_a_simplex_has_every_weight_and_its_area() -> None:
    grid = simplex_grid(3, 0.25)
    literal = sorted((a, b, c) for a, b, c in product(range(5), repeat=3) if a + b + c == 4)
    assert (grid * 4).astype(int).tolist() == [list(one) for one in literal]
    assert len(simplex_grid(3)) == 1326
    one = study()
    scores = {**one.models, "C": by_rank(one.models["A"])}
    found = simplex_sweep(one.truth, scores, 0.25)
    values = [
        roc_auc_score(one.truth, sum(w * s for w, s in zip(point, scores.values(), strict=True)))
        for point in found.weights
    ]
    assert found.auc == pytest.approx(values, abs=1e-12)
    assert found.best().tolist() == found.weights[int(np.argmax(np.array(values) > max(values) - 1e-12))].tolist()
    assert combined(np.stack(list(scores.values())), [0.0, 1.0, 0.0]).tolist() == scores["B"].tolist()


def test_a_simplex_of_too_many_points_is_refused() -> None:
    with pytest.raises(InputError, match=r"7 models make 32,468,436 weights.*--ensemble"):
        simplex_grid(7)


def test_ranks_change_no_area_of_a_column_but_hybrids() -> None:
    one = study()
    ranked = on_scale(one, "rank")
    plain, ranks = areas(one.truth, one.reads()), areas(one.truth, ranked.reads())
    assert np.array_equal(plain[0], ranks[0])
    mixed, as_is = sweep(one.truth, ranked.reads(), ranked.models["A"]), sweep(one.truth, one.reads(), one.models["A"])
    assert (mixed.auc[:, 50] != as_is.auc[:, 50]).any()


def test_calibration_is_platts_on_the_validation_data() -> None:
    one, other = study(seed=4), study(seed=5)
    intercept, slope = platt(other.truth, other.models["A"])
    # The score equations of the likelihood with Platt's targets, which have one root.
    positives = int(other.truth.sum())
    target = np.where(other.truth, (positives + 1) / (positives + 2), 1 / (len(other.truth) - positives + 2))
    residual = target - 1 / (1 + np.exp(-(intercept + slope * other.models["A"])))
    assert residual.sum() == pytest.approx(0, abs=1e-9)
    assert (residual * other.models["A"]).sum() == pytest.approx(0, abs=1e-9)
    made = on_scale(one, "calibrated", other)
    assert made.models["A"] == pytest.approx(1 / (1 + np.exp(-(intercept + slope * one.models["A"]))))


def test_separable_scores_calibrate_and_useless_ones_are_refused() -> None:
    truth = np.array([False, False, True, True])
    assert platt(truth, np.array([0.0, 1.0, 2.0, 3.0]))[1] > 0
    for score in ([3.0, 2.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]):
        with pytest.raises(InputError, match="cannot be calibrated"):
            platt(truth, np.array(score), "Reader1")
