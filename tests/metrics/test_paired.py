"""Tests of two models: McNemar, permutation, Holm, non-inferiority."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from statsmodels.stats.multitest import multipletests

from cadkit import metrics


def test_mcnemar_counts_discordant_rows() -> None:
    truth = [1] * 12 + [0] * 3
    a, b = [1] * 9 + [0] * 3 + [1, 0, 0], [0] * 7 + [1] * 3 + [0] * 2 + [0, 0, 1]
    found = metrics.mcnemar(truth, a, b, rows="positives")
    assert (found.given["b"], found.given["c"]) == (7, 1)
    assert found.p == pytest.approx(binomtest(7, 8).pvalue)
    assert found.difference == pytest.approx(6 / 12)
    assert metrics.mcnemar(truth, a, b, rows="negatives").p == 1
    assert metrics.mcnemar(truth, a, a).p == 1
    assert metrics.mcnemar([1], [1], [0], rows="negatives").reason == "no negatives"
    with pytest.raises(ValueError, match="called_b must be 0 or 1"):
        metrics.mcnemar([1], [1], [2])


@pytest.mark.parametrize("metric", ["auc", "prauc", ("sensitivity", 3.0)])
def test_permutation_approaches_all_swaps(metric: metrics.Metric) -> None:
    cluster = np.repeat(np.arange(6), 2)
    truth = np.array([0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0])
    a = np.array([1, 4, 2, 1, 3, 2, 0, 5, 2, 1, 3, 2.0])
    b = np.array([2, 3, 3, 1, 1, 2, 4, 2, 3, 4, 1, 2.0])
    gaps = []
    for coins in product([False, True], repeat=6):
        swap = np.array(coins)[cluster]
        both = np.where(swap, b, a), np.where(swap, a, b)
        values = [metrics.classification(truth, score, [metric])[0].value for score in both]
        gaps.append(values[0] - values[1])
    share = np.mean(np.abs(gaps) >= abs(gaps[0]) - 1e-12)
    found = metrics.permutation(truth, a, b, metric, cluster=cluster, n=3000, seed=2)
    assert found.difference == pytest.approx(gaps[0])
    # Three standard errors of 3,000 coins.
    assert found.p == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / 3000) + 1e-3)
    assert found.method == "permutation"
    again = metrics.permutation(truth, a, b, metric, cluster=cluster, n=3000, seed=2)
    assert again.p == found.p


def test_permutation_on_ranks_ignores_the_scale() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, 60)
    a, b = (generator.normal(size=60) + truth for _ in range(2))
    plain, scaled = (metrics.permutation(truth, a, other, n=200, ranks=True) for other in (b, np.exp(b) * 1000))
    assert plain.p == scaled.p
    assert metrics.permutation([0, 0], [1, 2], [2, 1]).reason == "no positive rows"
    assert metrics.permutation([], [], []).reason == "no rows"


def test_holm() -> None:
    p = np.random.default_rng(4).random(20) ** 3
    np.testing.assert_allclose(metrics.holm(p), multipletests(p, method="holm")[1])
    with pytest.raises(ValueError, match=r"\[0, 1\]|p-values"):
        metrics.holm([0.2, 1.2])
    family = [metrics.Comparison("auc", 0.1, p=value) for value in (0.01, None, 0.02, 0.03)]
    adjusted = metrics.adjust(family, primary=0)
    assert [one.p_adjusted for one in adjusted] == [None, None, pytest.approx(0.04), pytest.approx(0.04)]
    assert [one.p for one in adjusted] == [0.01, None, 0.02, 0.03]


def test_non_inferiority() -> None:
    generator = np.random.default_rng(8)
    truth = np.repeat([0, 1], [150, 50])
    a, b = (generator.normal(size=200) + 1.5 * truth for _ in range(2))
    found = metrics.delong_difference(truth, a, b, margin=0.05)
    error = (found.high - found.low) / 2 / 1.959963984540054
    assert found.p_margin == pytest.approx(norm.sf((found.difference + 0.05) / error))
    replicates = metrics.Replicates(np.arange(200), options=metrics.Bootstrap(n=400))
    pair = [metrics.auc(truth, score, bootstrap=replicates) for score in (a, b)]
    gap = metrics.difference(*pair, margin=0.05)
    each = pair[0].replicates - pair[1].replicates
    assert gap.p_margin == ((each <= -0.05).sum() + 1) / 401
    assert gap.to_dict()["margin"] == 0.05
    assert "against a margin of 0.05" in repr(gap)
    with pytest.raises(ValueError, match="positive number"):
        metrics.difference(*pair, margin=-0.05)
