"""Marks from a saliency map: its local maxima."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cadkit.metrics._arrays import FloatArray


class Peaks(NamedTuple):
    """Local maxima by falling value, equal ones in row-major order of their first cell."""

    x: FloatArray
    y: FloatArray
    value: FloatArray


def peaks(
    values: npt.ArrayLike,
    *,
    floor: float = 0.0,
    edges: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    radius: float = 0.0,
    spacing: tuple[float, float] = (1.0, 1.0),
) -> Peaks:
    """Local maxima of a map: cells above `floor` of which no neighbour (3x3, fewer at the border) is larger.

    A plateau (cells of one value that touch at a side or a corner) counts once, at the mean of its cells' centres, and
    only if none of its cells has a larger neighbour.

    Args:
        values: the map, rows x columns, without NaN.
        floor: only cells strictly above it.
        edges: x edges (columns + 1) and y edges (rows + 1), rising, of uneven cells or to have the coordinates in
            another frame. Default: cell (r, c) covers [c, c+1) x [r, r+1), its centre is (c + 0.5, r + 0.5).
        radius: greedy non-maximum suppression: a peak within it of one kept before is dropped; 0 drops none.
        spacing: length of one unit of x and of y, in the unit of `radius`.

    >>> peaks([[0.2, 0.1, 0.0], [0.0, 0.0, 0.7]])
    Peaks(x=array([2.5, 0.5]), y=array([1.5, 0.5]), value=array([0.7, 0.2]))
    """
    grid = np.asarray(values, dtype=np.float64)
    if grid.ndim != 2:
        raise ValueError(f"a map has two dimensions (found shape {grid.shape})")
    if np.isnan(grid).any():
        raise ValueError(f"the map has {int(np.isnan(grid).sum())} NaN")
    x_centres, y_centres = _centres(grid.shape, edges)
    none = np.zeros(0)
    if not grid.size:
        return Peaks(none, none, none)
    around = ndimage.maximum_filter(grid, size=3, mode="constant", cval=-np.inf)
    summit = (grid > floor) & (grid >= around)
    plateau, count = ndimage.label(summit, structure=np.ones((3, 3)))
    if not count:
        return Peaks(none, none, none)
    # Summits that touch are equal. A cell of the same height that is no summit touches something larger.
    slope = ndimage.maximum_filter(np.where(summit, -np.inf, grid), size=3, mode="constant", cval=-np.inf)
    spoilt = np.zeros(count + 1, dtype=np.bool_)
    spoilt[plateau[summit & (slope == grid)]] = True
    rows, columns = np.nonzero(summit)
    label = plateau[rows, columns] - 1
    cells = np.bincount(label, minlength=count)
    x = np.bincount(label, x_centres[columns], count) / cells
    y = np.bincount(label, y_centres[rows], count) / cells
    first = np.unique(label, return_index=True)[1]
    height = grid[rows[first], columns[first]]
    kept = np.flatnonzero(~spoilt[1:])
    kept = kept[np.lexsort((first[kept], -height[kept]))]
    found = Peaks(x[kept], y[kept], height[kept])
    return suppress(found, radius, spacing) if radius > 0 else found


def _centres(
    shape: tuple[int, ...], edges: tuple[npt.ArrayLike, npt.ArrayLike] | None
) -> tuple[FloatArray, FloatArray]:
    if edges is None:
        return _middles(np.arange(shape[1] + 1.0)), _middles(np.arange(shape[0] + 1.0))
    x_edges, y_edges = (np.asarray(edge, dtype=np.float64) for edge in edges)
    check_edges(x_edges, shape[1], "x")
    check_edges(y_edges, shape[0], "y")
    return _middles(x_edges), _middles(y_edges)


def _middles(edges: FloatArray) -> FloatArray:
    middles: FloatArray = (edges[1:] + edges[:-1]) / 2
    return middles


def check_edges(edges: FloatArray, cells: int, axis: str) -> None:
    """ValueError unless `edges` are the rising borders of that many cells."""
    if edges.shape != (cells + 1,) or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise ValueError(f"{axis} edges must be {cells + 1} rising numbers")


def suppress(found: Peaks, radius: float, spacing: tuple[float, float] = (1.0, 1.0)) -> Peaks:
    """Peaks (by falling value) without those within `radius` of one that stays."""
    stays: list[int] = []
    for number in range(len(found.value)):
        across = (found.x[stays] - found.x[number]) * spacing[0]
        down = (found.y[stays] - found.y[number]) * spacing[1]
        if not (np.hypot(across, down) <= radius).any():
            stays.append(number)
    return Peaks(found.x[stays], found.y[stays], found.value[stays])
