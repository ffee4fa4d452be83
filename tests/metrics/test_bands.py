"""Bands of ROC and precision-recall curves against the curves of literally repeated rows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cadkit import metrics

FPR, RECALL = np.array([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.9, 1.0]), np.array([0.05, 0.25, 0.5, 2 / 3, 1.0])


def literally(truth: np.ndarray, score: np.ndarray) -> tuple[list[float], list[float]]:
    """Sensitivity of the polygon at FPR and precision at RECALL, threshold by threshold, of given rows."""
    points = [(0.0, 0.0, 1.0)]
    for t in sorted(set(score.tolist()), reverse=True):
        tp, fp = int(((score >= t) & (truth == 1)).sum()), int(((score >= t) & (truth == 0)).sum())
        points.append((fp / (truth == 0).sum(), tp / truth.sum(), tp / (tp + fp)))
    sensitivity = []
    for f in FPR:
        best = max(y for x, y, _ in points if x <= f)
        for (x0, y0, _), (x1, y1, _) in pairwise(points):
            if x0 < f < x1:
                best = max(best, y0 + (f - x0) / (x1 - x0) * (y1 - y0))
        sensitivity.append(best)
    return sensitivity, [next(p for _, y, p in points if y >= r) for r in RECALL]


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    truth = (rng.random(60) < 0.3).astype(int)
    return truth, np.round(rng.normal(truth, 1.0), 1), np.repeat(np.arange(30), 2)


def test_every_replicate_is_the_curve_of_its_repeated_rows() -> None:
    truth, score, patient = data()
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=120, seed=5, ci=0.9))
    found = metrics.curve_bands(truth, score, fpr=FPR, recall=RECALL, cluster=patient, bootstrap=replicates)
    weights = replicates.weights(replicates.index(patient)).astype(int)
    drawn = [literally(np.repeat(truth, w), np.repeat(score, w)) for w in weights.T]
    here = literally(truth, score)
    for band, own, curves in zip(found, here, zip(*drawn, strict=True), strict=True):
        low, high = np.quantile(np.array(curves), [0.05, 0.95], axis=0)
        np.testing.assert_allclose(band.y, own, rtol=0, atol=1e-12)
        np.testing.assert_allclose(band.low, low, rtol=0, atol=1e-12)
        np.testing.assert_allclose(band.high, high, rtol=0, atol=1e-12)
        assert band.dropped == 0


def test_pencil_curve_with_a_tie_across_the_classes() -> None:
    # Thresholds 3, 2, 1: (fp, tp) = (0, 1), (1, 2), (2, 2) of 2 and 2; the polygon passes (1/4, 3/4).
    found = metrics.curve_bands([1, 1, 0, 0], [3, 2, 2, 1], fpr=[0, 0.25, 0.5, 1], recall=[0.5, 0.6, 1], bootstrap=50)
    assert found.roc.y.tolist() == [0.5, 0.75, 1.0, 1.0]
    assert found.pr.y.tolist() == pytest.approx([1.0, 2 / 3, 2 / 3])


def test_no_band_where_too_many_replicates_have_one_class() -> None:
    # Without a draw of the one positive: (3/4)^4 = 0.32 of the replicates.
    found = metrics.curve_bands([1, 0, 0, 0], [3, 2, 2, 1], fpr=[0.5], recall=[1], bootstrap=500, seed=1)
    assert 100 < found.roc.dropped < 220
    assert np.isnan(found.roc.low).all()
    assert found.roc.y.tolist() == [1.0]


@pytest.mark.parametrize(
    ("truth", "grid", "words"),
    [([1, 1], [0.5], "no negative rows"), ([0, 1], [1.5], r"lie in \[0, 1\]"), ([0, 1], [np.nan], r"lie in \[0, 1\]")],
)
def test_what_has_no_band_is_refused(truth: list[int], grid: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        metrics.curve_bands(truth, [0.1, 0.2], fpr=grid, recall=[1], bootstrap=5)
