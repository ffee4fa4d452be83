"""The honesty benchmark's scores on pictures small enough for a pencil."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from cadkit import metrics


@pytest.fixture
def scores() -> Iterator[ModuleType]:
    """The benchmarks are scripts of the checkout, not an installed package."""
    top = str(Path(__file__).resolve().parents[2])
    sys.path.insert(0, top)
    try:
        from benchmarks.phantom import scores

        yield scores
    finally:
        sys.path.remove(top)


def flat(grey: int = 102) -> NDArray[np.uint8]:
    """A breast of one grey at the left of 200 x 160 pixels of 0.5 mm."""
    picture = np.zeros((200, 160), dtype=np.uint8)
    picture[20:180, :130] = grey
    return picture


def test_a_flat_breast_has_its_grey_and_nothing_else(scores: ModuleType) -> None:
    found = scores.measure(flat(), 0.5)
    assert found["mean"] == pytest.approx(0.4)
    assert found["maximum raw"] == pytest.approx(0.4)
    for name, value in found.items():
        if name.startswith(("disc", "texture", "blob")) and "peaks" not in name:
            assert value == pytest.approx(0, abs=1e-5), name
        if "peaks" in name:
            assert value == 0


def test_a_bright_disc_stands_out_by_its_contrast(scores: ModuleType) -> None:
    picture = flat()
    y, x = np.ogrid[:200, :160]
    picture[(y - 100) ** 2 + (x - 60) ** 2 <= 10**2] = 153  # radius 5 mm, 0.2 brighter
    found = scores.measure(picture, 0.5)
    assert found["disc 5"] == pytest.approx(0.2, abs=0.004)
    assert found["disc 12"] < 0.06
    assert found["maximum raw"] == pytest.approx(0.6)
    assert found["mean"] == pytest.approx(0.4 + 0.2 * 317 / ((160 - 20) * 120), abs=0.001)


def test_blobs_answer_at_their_own_scale_with_half_their_height(scores: ModuleType) -> None:
    """A Gaussian of height h and width s: the scale-normalised Laplacian at scale s is h / 2 in its middle."""
    picture = flat(100).astype(np.float64)
    y, x = np.ogrid[:200, :160]
    for row, column in ((60, 40), (100, 80), (140, 40)):
        picture += 100 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 3.4**2)) * (picture > 0)
    found = scores.measure(np.rint(picture).astype(np.uint8), 0.5)
    assert found["blob highest 1.7"] == pytest.approx(100 / 255 / 2, rel=0.03)
    assert found["blob peaks 1.7 over 0.1"] == 3
    assert found["blob highest 6"] < 0.5 * found["blob highest 1.7"]


def test_the_skin_line_does_not_count(scores: ModuleType) -> None:
    picture = flat()
    picture[20:24, :130] = 250
    found = scores.measure(picture, 0.5)
    assert found["maximum raw"] == pytest.approx(0.4)


def test_noise_is_texture_of_the_finest_band(scores: ModuleType) -> None:
    picture = flat()
    noise = np.random.default_rng(0).normal(0, 10, picture.shape)
    picture = np.where(picture > 0, np.clip(picture + noise, 1, 255), 0).astype(np.uint8)
    found = scores.measure(picture, 0.5)
    # White noise less its blur by a Gaussian of one pixel keeps this share of its variance.
    kept = 1 - 2 / (2 * np.pi) + 1 / (4 * np.pi)
    assert found["texture 0 to 0.5"] == pytest.approx(10 / 255 * np.sqrt(kept), rel=0.03)
    assert found["texture 0 to 0.5"] > 3 * found["texture 1 to 2"]


def features(scores: ModuleType, values: NDArray[np.float64], truth: NDArray[np.int64]) -> object:
    names = ["mean, mean", "mean, highest"]
    patient = np.array([f"p{k // 2}" for k in range(len(truth))])
    return scores.Features(names, values, truth, patient)


def test_scale_and_direction_come_from_validation(scores: ModuleType) -> None:
    truth = np.array([0, 0, 1, 1])
    values = np.array([[1.0, 9.0], [3.0, 8.0], [2.0, 1.0], [4.0, 2.0]])
    choice = scores.choose("mean", features(scores, values, truth))
    assert (choice.name, choice.sign, choice.validation) == ("mean, highest", -1, 1.0)


def test_a_row_meets_its_bar_by_the_interval(scores: ModuleType) -> None:
    result = metrics.Result("auc", 0.60, 0.52, 0.66, n=10, positives=4)
    assert scores.row("a", result, below=0.65)["met"] is False
    assert scores.row("a", result, below=0.67)["met"] is True
    assert scores.row("a", result, chance=True)["met"] is False
    assert scores.row("a", metrics.Result("auc", 0.55, 0.48, 0.62), chance=True)["met"] is True
    assert scores.row("a", metrics.Result("auc", 0.82, 0.74, 0.9), above=0.8, least=0.75)["met"] is False
    assert scores.row("a", metrics.Result("auc", 0.82, 0.76, 0.9), above=0.8, least=0.75)["met"] is True
    assert scores.row("a", metrics.Result("auc", None), chance=True)["met"] is None
