"""McNemar's and the permutation test of two models: what they count, and what they are flagged with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from cadkit import metrics
from cadkit.evaluation.pair_tests import Called, mcnemar_tests, permutation_test

# Six positives, of which a calls five and b two; four negatives, of which a calls one and b none.
TRUTH = np.array([1] * 6 + [0] * 4)
A = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.1, 0.5, 0.2, 0.1, 0.0])
B = np.array([9.0, 1.0, 2.0, 3.0, 4.0, 8.0, 1.0, 2.0, 3.0, 4.0])


def test_calls_are_scores_at_or_above_each_models_threshold() -> None:
    a, b = Called(A, 0.5, "sensitivity 0.8", False), Called(B, 8.0, "sensitivity 0.8", True)
    of_positives, of_negatives = mcnemar_tests(TRUTH, a, b, clustered=False)
    # Called by a alone: positives 1 to 4; by b alone: positive 5.
    assert (of_positives.metric, of_positives.difference) == ("sensitivity", pytest.approx((5 - 2) / 6))
    assert (of_positives.given["b"], of_positives.given["c"]) == (4, 1)
    assert of_positives.p == pytest.approx(binomtest(4, 5).pvalue)
    assert (of_negatives.metric, of_negatives.difference) == ("specificity", pytest.approx(-1 / 4))
    for one in (of_positives, of_negatives):
        assert (one.at, one.flags) == (None, ("in-sample",))
        assert one.given["threshold_for"] == "sensitivity 0.8"
    assert {one.flags for one in mcnemar_tests(TRUTH, b, a, clustered=False)} == {("in-sample",)}


def test_one_threshold_for_both_is_told_and_patients_are_flagged() -> None:
    one = Called(A, 0.5, "", False)
    (found,) = mcnemar_tests(TRUTH, one, one._replace(score=A[::-1]), clustered=True, names=["specificity"])
    assert (found.metric, found.at, found.flags) == ("specificity", 0.5, ("rows-independent",))
    assert "threshold_for" not in found.given


@pytest.mark.parametrize(
    ("metric", "ranks", "flags"),
    [
        ("auc", False, ()),
        ("auc", True, ("by-rank",)),
        (("sensitivity", 0.5), False, ()),
        (("sensitivity", 0.5, {"in_sample": True}), False, ()),
        (("sensitivity_at_specificity", 0.5, {"interpolate": False}), False, ()),
        (("sensitivity_at_specificity", 0.5, {"interpolate": True}), True, ("interpolated", "by-rank")),
    ],
)
def test_a_permutation_test_says_how_it_was_done(metric: Any, ranks: bool, flags: tuple[str, ...]) -> None:
    found = permutation_test(TRUTH, (A, B / 9), metric, cluster=None, n=20, seed=1, ranks=ranks)
    assert tuple(flag for flag in found.flags if flag in ("interpolated", "by-rank")) == flags
    assert found.method == "permutation"


def test_a_permutation_test_has_the_seed_that_it_is_given() -> None:
    cluster = np.arange(10) // 2
    options: dict[str, Any] = {"cluster": cluster, "n": 50, "ranks": True}
    found = [permutation_test(TRUTH, (A, B), "auc", seed=seed, **options).p for seed in range(6)]
    assert found == [metrics.permutation(TRUTH, A, B, "auc", seed=seed, **options).p for seed in range(6)]
    assert len(set(found)) > 1
