"""Regions of interest against findings, and masks that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadkit import metrics


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 9999),
    st.lists(st.tuples(*[st.sampled_from([-2, 0, 0.4, 0.5, 1, 2.5, 3.6, 5, 9])] * 4), max_size=3),
)
def test_share_is_counted_pixel_by_pixel(seed: int, corners: list[tuple[float, ...]]) -> None:
    mask = np.random.default_rng(seed).random((5, 6)) < 0.5
    rois = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    inside = sum(
        any(x0 <= column + 0.5 < x1 and y0 <= row + 0.5 < y1 for x0, y0, x1, y1 in rois)
        for row, column in np.argwhere(mask)
    )
    assert metrics.covered_share(mask, rois) == (inside / mask.sum() if mask.any() else None)


def test_seventy_percent_counts() -> None:
    mask = np.zeros((2, 20))
    mask[0, :10] = 1
    shares = [metrics.covered_share(mask, [[0, 0, right, 1]]) for right in (7, 6)]
    assert shares == [0.7, 0.6]
    findings, images = metrics.roi_coverage([0.7, 0.6, 0.0, None, 1.0], ["a", "a", "b", "c", "d"])
    assert (findings.value, findings.positives, findings.n) == (0.5, 4, 3)
    assert (images.value, images.positives, images.n) == (pytest.approx(2 / 3), 3, 3)
    assert (findings.low, findings.high) == metrics.wilson(2, 4)[:2]
    assert metrics.roi_coverage([0.6, 0.7], [0, 1], threshold=0.6)[0].value == 1


def test_patients_are_resampled() -> None:
    shares, image = [0.9, 0.1, 0.8, 0.2, 0.0], np.array([0, 0, 1, 2, 3])
    patient = np.array([0, 0, 0, 1, 2])
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=40, seed=2))
    findings, images = metrics.roi_coverage(shares, image, cluster=patient, bootstrap=replicates)
    a, b, c = replicates.weights(np.arange(3))
    np.testing.assert_allclose(findings.replicates, 2 * a / (3 * a + b + c))
    np.testing.assert_allclose(images.replicates, 2 * a / (2 * a + b + c))
    assert (findings.clusters, findings.ci_method) == (3, "bootstrap-percentile")
    assert metrics.difference(findings, findings).difference == 0


def test_nothing_to_cover() -> None:
    for result in metrics.roi_coverage([], []):
        assert (result.value, result.reason) == (None, "no image with a value")
    assert metrics.roi_coverage([None], ["a"])[1].value is None
    assert metrics.covered_share(np.zeros((2, 2)), [[0, 0, 1, 1]]) is None
    assert metrics.covered_share(np.ones((2, 2)), []) == 0


def test_masks_of_an_image() -> None:
    left, top = np.array([[1, 0], [1, 0]]), np.array([[1, 1], [0, 0]])
    assert metrics.union_mask([left, top], (2, 2)).tolist() == [[True, True], [True, False]]
    assert not metrics.union_mask([], (2, 2)).any()
    with pytest.raises(ValueError, match="mask 1 has 3 x 2 pixels, its image 2 x 2"):
        metrics.union_mask([left, np.ones((3, 2))], (2, 2))


def test_bad_regions_are_named() -> None:
    cases: list[tuple[Any, str]] = [
        (lambda: metrics.covered_share([1, 0], [[0, 0, 1, 1]]), "two dimensions"),
        (lambda: metrics.covered_share([[1]], [[0, 0, 1]]), "n x 4"),
        (lambda: metrics.covered_share([[1]], [[1, 0, 0, 1]]), "x0 <= x1"),
        (lambda: metrics.roi_coverage([np.nan], ["a"]), "between 0 and 1"),
        (lambda: metrics.roi_coverage([0.5], ["a", "b"]), "image has 2 rows, 1 were expected"),
        (lambda: metrics.roi_coverage([0.5], ["a"], threshold=0), "lies in"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
