"""Dice and pixel average precision of a 46x30 map with a 2944x1920 mask, against scikit-learn pixel by pixel.

python -m benchmarks.speed.localization [--small]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks.speed.measuring import Row, least, main
from cadkit import metrics

MAP = (46, 30)


def pixelwise(grid: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """The map expanded to the image, then as a script would have it."""
    height, width = mask.shape
    rows = (np.arange(height) + 0.5) * grid.shape[0] // height
    columns = (np.arange(width) + 0.5) * grid.shape[1] // width
    full = grid[rows.astype(int)[:, None], columns.astype(int)[None, :]]
    dice = 2 * (full * mask).sum() / ((full**2).sum() + mask.sum())
    return float(dice), float(average_precision_score(mask.ravel(), full.ravel()))


def by_cells(grid: np.ndarray, mask: np.ndarray) -> tuple[float | None, float | None]:
    """Counting included."""
    height, width = mask.shape
    cells = metrics.cell_counts(mask, (0, 0, width, height), MAP).cells(grid)
    return metrics.dice_soft(cells), metrics.pxap(cells)


def measure(small: bool) -> Iterator[Row]:
    """The row of the table."""
    height, width = (368, 240) if small else (2944, 1920)
    grid = np.random.default_rng(0).random(MAP) ** 4
    y, x = np.mgrid[:height, :width]
    mask = (x / width - 0.42) ** 2 / 0.083**2 + (y / height - 0.476) ** 2 / 0.075**2 < 1
    slow = least(lambda: pixelwise(grid, mask), 2)
    fast = least(lambda: by_cells(grid, mask), 15)
    gap = np.abs(np.subtract(pixelwise(grid, mask), by_cells(grid, mask))).max()
    how = f"pixelwise {slow:.2f} s, by cells {fast * 1e3:.2f} ms; largest difference {gap:.1g}"
    work = f"DSC + PxAP, map 46 x 30, mask {height} x {width}, against pixelwise"
    yield Row(work, slow / fast, "times", 100, note=how)


if __name__ == "__main__":
    main(measure)
