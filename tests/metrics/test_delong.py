"""DeLong's variance and its clustered form: by pencil, and where there is none."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pytest

from cadkit import metrics

Z = 1.959963984540054
# Placements 2/3, 1, 1 of the positives and 1, 1, 2/3 of the negatives: an AUC of 8/9 with a variance of
# (1/27)/3 + (1/27)/3.
TRUTH, SCORE = [0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6]


def test_delong_with_one_row_per_cluster_is_delong() -> None:
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 2, 80)
    a, b = (np.round(generator.normal(size=80) + truth, 1) for _ in range(2))
    names = [f"w{number}" for number in generator.permutation(80)]
    plain, clustered = metrics.delong_difference(truth, a, b), metrics.delong_difference(truth, a, b, cluster=names)
    assert clustered.p == pytest.approx(plain.p, abs=1e-12)
    assert (plain.method, clustered.method) == ("delong", "delong-clustered")
    assert metrics.auc(truth, a, cluster=names).high == pytest.approx(metrics.auc(truth, a).high, abs=1e-12)


def test_delong_edges() -> None:
    perfect = metrics.auc([0, 0, 1, 1], [1, 2, 3, 4])
    assert (perfect.low, perfect.high) == (1, 1)
    assert "infinite" in str(metrics.auc_delong([0, 0, 1, 1], [1, 2, 3, 4], transform="logit").reason)
    inside = metrics.auc_delong([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6], transform="logit")
    # Placements 2/3, 1, 1 and 1, 1, 2/3: variances 1/27, so the standard error is sqrt(2/81).
    width = 1.959963984540054 * np.sqrt(2 / 81) / (8 / 9 / 9)
    assert inside.low == pytest.approx(1 / (1 + np.exp(-(np.log(8) - width))))
    same = metrics.delong_difference([0, 0, 1, 1], [1, 3, 2, 4], [10, 30, 20, 40])
    assert (same.difference, same.p) == (0, 1)


def test_an_interval_is_clipped_only_where_rows_are_independent() -> None:
    plain = metrics.auc_delong(TRUTH, SCORE)
    clustered = metrics.auc_delong(TRUTH, SCORE, cluster=list("abcdef"))
    spread = Z * np.sqrt(2 / 81)
    assert (plain.value, clustered.value) == (pytest.approx(8 / 9), pytest.approx(8 / 9))
    assert (plain.low, plain.high) == (pytest.approx(8 / 9 - spread), 1.0)
    assert (clustered.low, clustered.high) == pytest.approx((8 / 9 - spread, 8 / 9 + spread))
    assert (plain.n, plain.positives, plain.clusters) == (6, 3, None)
    assert (clustered.n, clustered.positives, clustered.clusters) == (6, 3, 6)


@pytest.mark.parametrize(
    ("truth", "score", "transform", "reason"),
    [
        ([0, 1, 0, 0], [1, 2, 3, 0], "none", "no interval: .*positive row in one cluster"),
        ([1, 0, 1, 1], [1, 2, 3, 0], "none", "no interval: .*negative row in one cluster"),
        ([0, 1, 1, 0], [1, 2, 3, 0], "logit", "no interval: the logit of an AUC of 1 is infinite"),
        ([1, 0, 0, 1], [1, 2, 3, 0], "logit", "no interval: the logit of an AUC of 0 is infinite"),
        ([0, 0, 0, 0], [1, 2, 3, 0], "none", "no positive rows"),
    ],
)
def test_what_has_no_interval_is_counted_all_the_same(
    truth: list[int], score: list[int], transform: Literal["none", "logit"], reason: str
) -> None:
    found = metrics.auc_delong(truth, score, transform=transform)
    rows = metrics.auc_delong(truth, score, cluster=list("abcd"), transform=transform)
    assert (found.n, found.positives, found.clusters) == (4, sum(truth), None)
    assert (rows.n, rows.positives, rows.clusters) == (4, sum(truth), 4)
    for one in (found, rows):
        assert (one.low, one.high, one.ci_method) == (None, None, None)
        assert re.fullmatch(reason + ".*", str(one.reason))


def test_a_difference_of_two_certain_areas_has_no_p() -> None:
    """A perfect score and its reverse: 1 and 0, neither of which varies."""
    truth, score = np.array([0, 0, 1, 1]), np.array([1, 2, 3, 4])
    found = metrics.delong_difference(truth, score, -score)
    assert (found.difference, found.low, found.high, found.p) == (1, 1, 1, None)
    assert found.reason == "the difference has no variance on these rows"
    same = metrics.delong_difference(truth, score, score * 2)
    assert (same.difference, same.p, same.reason) == (0, 1, None)


def test_one_class_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="the AUC is undefined: no negative rows"):
        metrics.auc_covariance([1, 1], [1, 2])
    found = metrics.delong_difference([1, 1], [1, 2], [2, 1], cluster=["a", "b"])
    assert (found.difference, found.method, found.reason) == (None, "delong-clustered", "no negative rows")
    assert metrics.auc_delong([1, 1], [1, 2], cluster=["a", "a"]).clusters == 1
    with pytest.raises(ValueError, match="score 2 has 1 rows, 2 were expected"):
        metrics.auc_covariance([0, 1], [1, 2], [1])


def test_the_interval_of_a_difference_ends_where_differences_do_and_its_test_does_not_know() -> None:
    """By pencil: AUCs 1 and 1/4; the second has the variance 1/8, the first none."""
    one, other = [1, 2, 3, 4], [2, 4, 1, 3]
    found = metrics.delong_difference([0, 0, 1, 1], one, other)
    spread = Z * 0.125**0.5
    assert (found.difference, found.high) == (0.75, 1.0)
    assert found.low == pytest.approx(0.75 - spread)
    assert found.statistic == pytest.approx(0.75 / 0.125**0.5)
    turned = metrics.delong_difference([0, 0, 1, 1], other, one)
    assert (turned.difference, turned.low) == (-0.75, -1.0)
    assert turned.high == pytest.approx(spread - 0.75)
