"""The best centre of a window over a breast (Wu et al. 2019, as their public pipeline finds it).

A window of fixed size is laid over the breast so that it holds as much of it as it can: in a CC view
it moves up and down at the nipple's edge, in other views its lower corner towards the nipple is that
of the breast. The centre may lie outside the image where the window is larger; cutting mends that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]


def best_center(mask: NDArray[np.bool_], view: str, size: Size, rightmost_x: int, bottom_row: int) -> tuple[int, int]:
    """Row and column of the best centre.

    Args:
        mask: True where the prepared picture, which faces right, is above 0; rows x columns.
        view: CC, or any other, which is treated as MLO.
        size: rows and columns of the window.
        rightmost_x: column of the breast furthest towards the nipple.
        bottom_row: last row of the breast.
    """
    half_rows, half_columns = size[0] // 2, size[1] // 2
    column = rightmost_x - half_columns - 1
    if view == "CC":
        return _best_row(mask, size, column - half_columns), column
    filled = np.flatnonzero(mask[:, max(0, mask.shape[1] - size[1]) :].any(axis=1))
    last_row = int(filled[-1]) if len(filled) else mask.shape[0] - 1
    return min(bottom_row, last_row) - half_rows - 1, column


def _best_row(mask: NDArray[np.bool_], size: Size, left: int) -> int:
    """The centre row whose window holds most of the mask; of equals the nearest to the middle, then the first."""
    height = int(mask.shape[0])
    middle, half = height // 2, size[0] // 2
    if size[0] > height:
        return middle
    part = mask[:, max(0, left) : max(0, left + size[1])]
    total = np.concatenate([[0], np.cumsum(np.count_nonzero(part, axis=1))])
    held = total[size[0] :] - total[: height - size[0] + 1]
    rows = np.flatnonzero(held == held.max()) + half
    nearest: int = min(rows.tolist(), key=lambda row: abs(row - middle))
    return nearest
