"""Counts of clusters drawn with replacement: the multinomial distribution, whatever the way to it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, chi2

from cadkit import metrics
from cadkit.metrics._draws import draw_counts


@pytest.mark.parametrize("clusters", [1, 5, 255, 256, 300, 3000])
def test_every_column_draws_as_many_as_there_are(clusters: int) -> None:
    counts = draw_counts(np.random.default_rng(0), clusters, 64)
    assert counts.shape == (clusters, 64)
    assert (counts.sum(axis=0, dtype=int) == clusters).all()


@pytest.mark.parametrize("clusters", [200, 400])
def test_counts_are_binomial_and_as_correlated_as_draws_are(clusters: int) -> None:
    counts = np.concatenate(
        [draw_counts(np.random.default_rng(seed), clusters, 64) for seed in range(60)], axis=1
    ).astype(int)
    seen = np.bincount(np.minimum(counts, 6).ravel(), minlength=7)
    share = binom.pmf(np.arange(7), clusters, 1 / clusters)
    share[6] = binom.sf(5, clusters, 1 / clusters)
    statistic = ((seen - counts.size * share) ** 2 / (counts.size * share)).sum()
    assert statistic < chi2.isf(1e-4, 6)
    # Every cluster alike, and no column's first half better than its second: variance of half the draws n/4.
    each = counts.mean(axis=1)
    assert np.abs(each - 1).max() < 5 / np.sqrt(counts.shape[1])
    half = counts[: clusters // 2].sum(axis=0)
    assert half.var() == pytest.approx(clusters / 4, rel=6 * np.sqrt(2 / len(half)))


def test_one_stream_per_block() -> None:
    long, short = (metrics.Replicates(np.arange(400), options=metrics.Bootstrap(n=n, seed=3)) for n in (130, 70))
    assert [block.shape[1] for block in long.counts()] == [64, 64, 2]
    np.testing.assert_array_equal(
        np.concatenate(list(long.counts()), axis=1)[:, :70], np.concatenate(list(short.counts()), axis=1)
    )
    np.testing.assert_array_equal(next(long.blocks()), next(long.counts()))


def test_one_row_per_cluster_is_the_bootstrap_of_rows() -> None:
    generator = np.random.default_rng(6)
    truth, score = generator.integers(0, 2, 300), generator.integers(0, 9, 300)
    rows = metrics.classification(truth, score, bootstrap=100, seed=5)
    named = metrics.classification(truth, score, bootstrap=100, seed=5, cluster=np.arange(300) * 7 + 3)
    for one, other in zip(rows, named, strict=True):
        np.testing.assert_array_equal(one.replicates, other.replicates)
