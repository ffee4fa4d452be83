"""Correlations of several scores against scipy's, pair by pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from cadkit import metrics


def test_every_pair_is_scipys_with_heavy_ties() -> None:
    values = np.random.default_rng(5).integers(0, 4, (60, 3)) + np.arange(60)[:, None] % 5
    for kind, theirs in (("pearson", pearsonr), ("spearman", spearmanr)):
        found = metrics.correlations(values, kind)  # type: ignore[arg-type]
        wanted = [[theirs(a, b).statistic for b in values.T] for a in values.T]
        np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_what_does_not_vary_has_none() -> None:
    found = metrics.correlations([[1.0, 2, 0.1], [1, 3, 0.1], [1, 5, 0.1]])
    assert np.isnan(found).tolist() == [[True] * 3, [True, False, True], [True] * 3]
    assert np.isnan(metrics.correlations([[1.0, 2.0]])).all()
    assert metrics.correlations(np.empty((0, 4))).shape == (4, 4)


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [([1, 2], "pearson", "a row per case"), ([[1, np.nan]], "pearson", "finite"), ([[1, 2]], "kendall", "'kendall'")],
)
def test_bad_scores(values: Any, kind: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.correlations(values, kind)
