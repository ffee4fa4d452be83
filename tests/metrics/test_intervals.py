"""Intervals at their edges: where there is none, it is said why."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from cadkit import metrics
from cadkit.metrics import intervals


@pytest.mark.parametrize("ci", [0.0, 1.0, -0.5, 95])
def test_a_level_lies_between_0_and_1(ci: float) -> None:
    for ask in (
        lambda: metrics.wilson(1, 2, ci),
        lambda: metrics.wilson(0, 0, ci),
        lambda: intervals.percentile(np.zeros(3), ci),
        lambda: metrics.auc_delong([0, 1, 0, 1], [1, 2, 3, 4], ci=ci),
    ):
        with pytest.raises(ValueError, match="between 0 and 1"):
            ask()


def test_a_share_of_nothing_and_a_share_beyond_all() -> None:
    assert metrics.wilson(0, 0) == (None, None, "no rows")
    nothing = metrics.proportion(0, 0)
    assert (nothing.value, nothing.low, nothing.ci, nothing.ci_method, nothing.reason) == (
        None, None, None, None, "no rows",
    )  # fmt: skip
    for successes in (-1, 3):
        with pytest.raises(ValueError, match=f"{successes} of 2 is no proportion"):
            metrics.wilson(successes, 2)


def test_replicates_that_are_all_undefined() -> None:
    undefined = np.full(4, np.nan)
    reason = "the metric is undefined in every replicate"
    assert intervals.percentile(undefined) == (None, None, reason)
    assert intervals.bca(0.5, undefined, np.array([0.4, 0.6])) == (None, None, reason)


def test_bca_without_acceleration_corrects_the_bias_alone() -> None:
    """A jackknife without spread: the ends are the shares Phi(2 z0 -+ 1.96) of the replicates (Efron 1987)."""
    values = np.linspace(0, 1, 101)
    # Thirty replicates lie below the estimate and one is it.
    z0 = norm.ppf(30.5 / 101)
    found = intervals.bca(values[30], values, np.full(7, 0.3))
    wanted = np.quantile(values, norm.cdf([2 * z0 - norm.ppf(0.975), 2 * z0 + norm.ppf(0.975)]))
    assert (found.low, found.high) == pytest.approx(tuple(wanted))
    unknown = intervals.bca(values[30], values, np.array([np.nan]))
    assert (unknown.low, unknown.high) == (found.low, found.high)


def test_bca_ends_where_its_correction_does() -> None:
    for estimate in (-1.0, 2.0):
        found = intervals.bca(estimate, np.linspace(0, 1, 11), np.array([0.4, 0.6]))
        assert (found.low, found.high) == (None, None)
        assert "every replicate lies on one side" in str(found.reason)
    # One of fifty clusters moves the estimate: an acceleration near 1/6, and 1.3 + 6.1 standard errors.
    lonely = np.append(np.zeros(49), -1.0)
    found = intervals.bca(0.9, np.linspace(0, 1, 101), lonely, 1 - 1e-9)
    assert found == (None, None, "the acceleration is too large for a BCa interval at this level")
