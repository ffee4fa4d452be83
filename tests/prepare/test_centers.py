"""Best centres against a slow search and the numbers of the NYU sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from cadkit.prepare.centers import best_center
from cadkit.prepare.crop import Scale, breast_window, direction


def slow_cc(mask: np.ndarray, size: tuple[int, int], rightmost_x: int) -> tuple[int, int]:
    """Every centre that keeps the window inside, counted pixel by pixel; the nearest to the middle wins a tie."""
    half_y, half_x = size[0] // 2, size[1] // 2
    x, middle = rightmost_x - half_x - 1, mask.shape[0] // 2
    if size[0] > mask.shape[0]:
        return middle, x
    best = None
    for y in range(half_y, mask.shape[0] - (size[0] - half_y) + 1):
        count = sum(
            bool(mask[row, column])
            for row in range(y - half_y, y - half_y + size[0])
            for column in range(x - half_x, x - half_x + size[1])
            if 0 <= column < mask.shape[1]
        )
        key = (-count, abs(y - middle), y)
        best = min(best, key) if best else key
    assert best is not None
    return best[2], x


@pytest.mark.parametrize("size", [(9, 7), (10, 8), (24, 30), (1, 1)])
def test_cc_is_the_fullest_window(size: tuple[int, int]) -> None:
    for seed in range(6):
        mask = np.random.default_rng(seed).random((24, 18)) < 0.4
        assert best_center(mask, "CC", size, 13, 20) == slow_cc(mask, size, 13)


def test_cc_ties_go_to_the_middle() -> None:
    assert best_center(np.ones((20, 10), bool), "CC", (5, 4), 9, 19) == (10, 6)
    assert best_center(np.ones((20, 10), bool), "CC", (30, 4), 9, 19) == (10, 6)


def test_mlo_puts_the_lower_corner_at_the_breasts() -> None:
    mask = np.zeros((40, 20), bool)
    mask[:31, :5] = True
    mask[:26, 5:15] = True
    # The last row with a pixel among the rightmost 6 columns (14 to 19) is 25, above the bottom row 30.
    assert best_center(mask, "MLO", (10, 6), 14, 30) == (25 - 5 - 1, 14 - 3 - 1)
    # Among the rightmost 18 columns it is row 30.
    assert best_center(mask, "MLO", (10, 18), 14, 30) == (30 - 5 - 1, 14 - 9 - 1)
    assert best_center(mask, "MLO", (10, 18), 14, 28) == (28 - 5 - 1, 14 - 9 - 1)


# data/nyu-sample/README.md; the y of a CC view is that of the image's middle, as the window is taller.
NYU = {"L-CC": (2023 // 2, -211), "R-CC": (2144 // 2, -210), "L-MLO": (1206, -31), "R-MLO": (1126, -5)}


@pytest.mark.parametrize("view", NYU)
def test_the_nyu_sample_gives_gmics_centres(shared: Path, view: str) -> None:
    with Picture.open(shared / "data" / "nyu-sample" / f"0_{view}.png") as picture:
        mask = np.asarray(picture) > 0
    found = breast_window(mask, direction(view[0], False), Scale())
    assert found is not None
    top, bottom, left, right = found.window
    turned = mask[top:bottom, left:right][:, :: 1 if found.faces == "right" else -1]
    assert best_center(turned, view[2:], (2944, 1920), found.rightmost_x, found.bottom_row) == NYU[view]
