"""The crop to the breast against scipy's operators and the numbers of the NYU sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

from cadkit.prepare.crop import (
    BreastWindow,
    Scale,
    breast_window,
    direction,
    direction_of_content,
    eroded,
)


def blobs(seed: int, shape: tuple[int, int] = (90, 70)) -> NDArray[np.bool_]:
    """A few overlapping ellipses, some cut by the edge, and specks."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    mask = rng.random(shape) < 0.01
    for _ in range(4):
        cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        ry, rx = rng.uniform(6, 30), rng.uniform(6, 30)
        mask |= ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
    return np.asarray(mask)


def literal_mask(mask: NDArray[np.bool_], iterations: int) -> NDArray[np.bool_] | None:
    small = ndimage.binary_erosion(mask, iterations=iterations)
    labels, number = ndimage.label(small)
    if number == 0:
        return None
    sizes = [np.count_nonzero(labels == n) for n in range(1, number + 1)]
    return np.asarray(ndimage.binary_dilation(labels == 1 + int(np.argmax(sizes)), iterations=iterations))


def literal_window(mask: NDArray[np.bool_], faces: str, iterations: int, buffer: int) -> tuple[object, ...] | None:
    """The rules of the public pipeline step by step on whole pictures."""
    whole = literal_mask(mask, iterations)
    if whole is None:
        return None
    ys, xs = np.nonzero(whole)
    box = top, bottom, left, right = int(ys.min()), int(ys.max()) + 1, int(xs.min()), int(xs.max()) + 1
    height, width = mask.shape
    distance = left if faces == "right" else width - right
    top, bottom = max(0, top - buffer), min(height, bottom + buffer)
    if faces == "right":
        right = min(width, right + buffer)
    else:
        left = max(0, left - buffer)
    crop = whole[top:bottom, left:right]
    lower = crop.copy()
    lower[: int(crop.shape[0] / 3)] = False
    ys, xs = np.nonzero(lower)
    x = int(xs.max() if faces == "right" else xs.min())
    rows = ys[xs == x]
    low = int(np.nonzero(crop)[0].max())
    first, last = int(np.nonzero(crop[low])[0].min()), int(np.nonzero(crop[low])[0].max())
    if faces == "left":
        x, first, last = crop.shape[1] - x, crop.shape[1] - last, crop.shape[1] - first
    return box, (top, bottom, left, right), distance, (int(rows.min()), int(rows.max())), x, low, (first, last)


def numbers(found: BreastWindow) -> tuple[object, ...]:
    return (
        found.box,
        found.window,
        found.distance_from_starting_side,
        found.rightmost_rows,
        found.rightmost_x,
        found.bottom_row,
        found.bottom_columns,
    )


@pytest.mark.parametrize("iterations", [1, 2, 7, 20, 254, 300])
def test_erosion_is_scipys(iterations: int) -> None:
    for seed in range(5):
        mask = blobs(seed)
        np.testing.assert_array_equal(
            eroded(mask, iterations), ndimage.binary_erosion(mask, iterations=iterations), err_msg=str(seed)
        )


def test_erosion_counts_the_outside_as_zero() -> None:
    np.testing.assert_array_equal(np.argwhere(eroded(np.ones((7, 5), bool), 2)), [[2, 2], [3, 2], [4, 2]])


@pytest.mark.parametrize("faces", ["left", "right"])
def test_the_window_is_that_of_the_whole_picture(faces: str) -> None:
    scale = Scale(0.05)
    assert (scale.iterations, scale.buffer) == (5, 2)
    for seed in range(60):
        mask = blobs(seed)
        expected = literal_window(mask, faces, 5, 2)
        found = breast_window(mask, faces, scale)  # type: ignore[arg-type]
        assert (found is None) == (expected is None)
        if found is not None:
            assert numbers(found) == expected, seed


def test_an_empty_or_thin_mask_has_no_breast() -> None:
    thin = np.zeros((50, 50), bool)
    thin[:, 10:18] = True
    assert breast_window(np.zeros((50, 50), bool), "right", Scale(0.05)) is None
    assert breast_window(thin, "right", Scale(0.05)) is None


def test_the_scale_follows_the_pixel_size_or_the_rows() -> None:
    assert (Scale.of(0.07, 100).iterations, Scale.of(0.07, 100).buffer) == (100, 50)
    assert (Scale.of(0.2, 9999).iterations, Scale.of(0.2, 9999).buffer) == (50, 25)
    assert (Scale.of(None, 500).iterations, Scale.of(None, 500).buffer) == (25, 12)
    assert Scale.of(None, 3000).iterations == 100
    assert Scale.of(None, 3).iterations == 1


def test_l_faces_right_unless_flipped() -> None:
    assert [direction(side, flip) for side in "LR" for flip in (False, True)] == ["right", "left", "left", "right"]


def test_the_content_faces_away_from_its_taller_side() -> None:
    mask = np.zeros((40, 60), bool)
    mask[5:35, 10:20] = True
    mask[15:25, 20:40] = True
    assert direction_of_content(mask) == "right"
    assert direction_of_content(mask[:, ::-1]) == "left"
    assert direction_of_content(mask | mask[:, ::-1]) is None


@pytest.mark.parametrize("faces", ["left", "right"])
def test_prepared_pixels_map_back_to_the_file(faces: str) -> None:
    rng = np.random.default_rng(0)
    picture = np.zeros((60, 80))
    picture[10:50, 20:60] = rng.random((40, 40)) + 1
    found = breast_window(picture > 0, faces, Scale(0.05))  # type: ignore[arg-type]
    assert found is not None
    top, bottom, left, right = found.window
    prepared = picture[top:bottom, left:right]
    prepared = prepared if faces == "right" else prepared[:, ::-1]
    for row, column in [(0, 0), (7, 11), (prepared.shape[0] - 1, prepared.shape[1] - 1)]:
        x, y = found.to_file(column + 0.5, row + 0.5)
        assert picture[int(y), int(x)] == prepared[row, column]


# data/nyu-sample/README.md: a literal reading of the rules by another script.
NYU = {
    "L-CC": ((50, 1973, 0, 751), (0, 2023, 0, 801), (948, 957), 750, 1972),
    "R-CC": ((50, 2094, 50, 801), (0, 2144, 0, 801), (1232, 1249), 751, 2093),
    "L-MLO": ((12, 2680, 0, 931), (0, 2730, 0, 981), (1733, 1749), 930, 2679),
    "R-MLO": ((12, 2600, 50, 1006), (0, 2650, 0, 1006), (1571, 1648), 956, 2599),
}


@pytest.mark.parametrize("view", NYU)
def test_the_nyu_sample_gives_its_published_windows(shared: Path, view: str) -> None:
    with Picture.open(shared / "data" / "nyu-sample" / f"0_{view}.png") as picture:
        mask = np.asarray(picture) > 0
    found = breast_window(mask, direction(view[0], False), Scale.of(None, mask.shape[0]))
    assert found is not None
    assert (found.box, found.window, found.rightmost_rows, found.rightmost_x, found.bottom_row) == NYU[view]
    assert found.distance_from_starting_side == 0
    assert direction_of_content(mask) == found.faces
