"""Dice and pixel average precision of a 46x30 map with a 2944x1920 mask, against scikit-learn pixel by pixel.

python benchmarks/speed/localization.py

Seconds are processor seconds of one thread, the least of some runs.
"""

from __future__ import annotations

import os

import numpy as np
from froc import least
from sklearn.metrics import average_precision_score

from cadkit import metrics

ROWS, COLUMNS = 2944, 1920


def pixelwise(grid: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """The map expanded to the image, then as a script would have it."""
    rows = (np.arange(ROWS) + 0.5) * grid.shape[0] // ROWS
    columns = (np.arange(COLUMNS) + 0.5) * grid.shape[1] // COLUMNS
    full = grid[rows.astype(int)[:, None], columns.astype(int)[None, :]]
    dice = 2 * (full * mask).sum() / ((full**2).sum() + mask.sum())
    return float(dice), float(average_precision_score(mask.ravel(), full.ravel()))


def by_cells(grid: np.ndarray, mask: np.ndarray) -> tuple[float | None, float | None]:
    """Counting included."""
    cells = metrics.cell_counts(mask, (0, 0, COLUMNS, ROWS), (46, 30)).cells(grid)
    return metrics.dice_soft(cells), metrics.pxap(cells)


def main() -> None:
    generator = np.random.default_rng(0)
    grid = generator.random((46, 30)) ** 4
    y, x = np.mgrid[:ROWS, :COLUMNS]
    mask = (x - 800) ** 2 / 160**2 + (y - 1400) ** 2 / 220**2 < 1
    slow = least(lambda: pixelwise(grid, mask), 2)
    fast = least(lambda: by_cells(grid, mask), 15)
    gap = np.abs(np.subtract(pixelwise(grid, mask), by_cells(grid, mask))).max()
    print(f"DSC + PxAP, map 46 x 30, mask {ROWS} x {COLUMNS} (largest difference {gap:.1g})")
    print(f"  pixelwise {slow:.2f} s, by cells {fast * 1e3:.2f} ms: {slow / fast:.0f} times (bar 100)")
    print(f"load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
