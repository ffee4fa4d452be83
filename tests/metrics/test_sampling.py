"""Every metric of scores takes weights, clusters, replicates, seed and level, and all of them count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cadkit import metrics

POINTS: dict[str, tuple[Any, ...]] = {
    "auc": (), "prauc": (), "average_precision": (), "prauc_trapezoid": (), "brier": (), "ece": (), "pf1": (),
    "pf1_max": (), "sensitivity_at_specificity": (0.6,), "specificity_at_sensitivity": (0.6,), "net_benefit": (0.3,),
    "sensitivity": (0.5,), "specificity": (0.5,), "ppv": (0.5,), "npv": (0.5,), "recall_rate": (0.5,),
    "cancer_detection_rate": (0.5,), "partial_auc": (0.2, 0.9),
}  # fmt: skip


@pytest.mark.parametrize("name", POINTS)
def test_weights_are_repeated_rows_and_replicates_repeated_patients(name: str) -> None:
    generator = np.random.default_rng(7)
    patient = np.repeat(np.arange(10), 4)
    truth = np.array([1, 0, 0, 0, 1, 0, 1, 0] * 5)
    score = np.round(np.clip(generator.normal(0.4 + 0.2 * truth, 0.25), 0, 1) * 8) / 8
    weight = generator.integers(1, 4, 40)

    def plain(rows: Any) -> float | None:
        return getattr(metrics, name)(truth[rows], score[rows], *POINTS[name]).value

    found = getattr(metrics, name)(
        truth, score, *POINTS[name], weight=weight, cluster=patient, bootstrap=20, seed=3, ci=0.6
    )  # fmt: skip
    assert found.value == pytest.approx(plain(np.repeat(np.arange(40), weight)), abs=1e-12)
    drawn = metrics.Replicates(patient, options=metrics.Bootstrap(20, seed=3))
    counts = drawn.weights(drawn.index(patient)).astype(int)
    slow = [plain(np.repeat(np.arange(40), weight * column)) for column in counts.T]
    np.testing.assert_allclose(found.replicates, slow, atol=1e-12)
    # Twenty replicates at 60%: the quantiles 0.2 and 0.8.
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(slow, [0.2, 0.8])), abs=1e-12)
    assert (found.ci, found.ci_method, found.clusters) == (0.6, "bootstrap-percentile", 10)


@pytest.mark.parametrize("name", POINTS)
def test_an_interval_is_of_95_percent_and_of_the_seed_0_unless_said(name: str) -> None:
    truth, score = [0, 1, 0, 1, 0, 0, 1, 0], [0.2, 0.4, 0.3, 0.9, 0.6, 0.1, 0.5, 0.7]
    plan = metrics.Bootstrap(200, stratify=False)
    assert (plan.seed, plan.ci, plan.interval) == (0, 0.95, "percentile")
    usual, said = (getattr(metrics, name)(truth, score, *POINTS[name], bootstrap=how) for how in (200, plan))
    assert usual.to_dict() == said.to_dict()
    np.testing.assert_array_equal(usual.replicates, said.replicates)


def test_no_replicates_are_no_interval() -> None:
    found = metrics.prauc([0, 1, 0, 1], [1, 2, 3, 4], bootstrap=0)
    assert (found.low, found.ci_method, found.replicates) == (None, None, None)
