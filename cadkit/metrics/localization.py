"""Saliency maps against lesion masks, computed exactly from the map's cells.

A map is expanded to its image by nearest neighbour only in thought: all pixels of a cell share one value, so
the number of pixels and of lesion pixels per cell says everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cadkit.metrics import _kernels
from cadkit.metrics._arrays import FloatArray, IntArray, floats, same_length, sums
from cadkit.metrics._kernels import Staircase
from cadkit.metrics.peaks import check_edges
from cadkit.metrics.resampling import Bootstrap, Replicates, cluster_rows, estimates, settle, with_interval
from cadkit.metrics.results import Result


@dataclass(frozen=True, eq=False)
class CellCounts:
    """Pixels of an image per cell of a map.

    Attributes:
        pixels, lesion: pixels and lesion pixels per cell (rows x columns).
        outside_pixels, outside_lesion: those in no cell; the map is 0 there.
    """

    pixels: IntArray
    lesion: IntArray
    outside_pixels: int
    outside_lesion: int

    def cells(self, values: npt.ArrayLike) -> Cells:
        """The map with its counts, one row per cell and one for the pixels outside.

        Raises:
            ValueError: a map of another shape, with NaN, or with values outside [0, 1].
        """
        grid = np.asarray(values, dtype=np.float64)
        if grid.shape != self.pixels.shape:
            raise ValueError(f"the map has shape {grid.shape}, its counts {self.pixels.shape}")
        if not ((grid >= 0) & (grid <= 1)).all():
            raise ValueError("a saliency map must hold numbers from 0 to 1")
        return Cells(
            np.append(grid.ravel(), 0.0),
            np.append(self.pixels.ravel(), self.outside_pixels),
            np.append(self.lesion.ravel(), self.outside_lesion),
        )


@dataclass(frozen=True, eq=False)
class Cells:
    """Groups of pixels that share a value: the value, its pixels, and those of them in a lesion."""

    value: FloatArray
    pixels: IntArray
    lesion: IntArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", floats(self.value, "value"))
        for name in ("pixels", "lesion"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)).astype(np.int64, casting="safe"))
        same_length(len(self.value), pixels=self.pixels, lesion=self.lesion)
        if np.isnan(self.value).any() or (self.lesion < 0).any() or (self.lesion > self.pixels).any():
            raise ValueError("cells need values without NaN and 0 <= lesion pixels <= pixels")


def cell_counts(
    mask: npt.ArrayLike,
    window: Sequence[float],
    shape: tuple[int, int],
    edges: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> CellCounts:
    """Count pixels and lesion pixels per cell; a pixel belongs to the cell that holds its centre.

    Args:
        mask: lesion pixels of the image (rows x columns), true in a lesion.
        window: x0, y0, x1, y1 that the map covers, in the image's continuous coordinates; it may reach past the image.
        shape: rows and columns of the map; cells are half open and of equal size,
        edges: unless x edges (columns + 1) and y edges (rows + 1) are given, in the same coordinates as the window,
            within which they lie.
    """
    lesion = np.asarray(mask).astype(np.bool_, copy=False)
    if lesion.ndim != 2:
        raise ValueError(f"a mask has two dimensions (found shape {lesion.shape})")
    rows, columns = shape
    if rows < 1 or columns < 1:
        raise ValueError(f"a map has at least one cell (found shape {shape})")
    x0, y0, x1, y1 = (float(value) for value in window)
    if not (x0 < x1 and y0 < y1):
        raise ValueError(f"a window is x0, y0, x1, y1 with x0 < x1 and y0 < y1 (found {tuple(window)})")
    if edges is None:
        x_edges, y_edges = _even(x0, x1, columns), _even(y0, y1, rows)
    else:
        x_edges, y_edges = (np.asarray(edge, dtype=np.float64) for edge in edges)
        check_edges(x_edges, columns, "x")
        check_edges(y_edges, rows, "y")
        if x_edges[0] < x0 or x_edges[-1] > x1 or y_edges[0] < y0 or y_edges[-1] > y1:
            raise ValueError("edges reach past the window; both are coordinates of the image")
    x_starts, y_starts = first_pixels(x_edges, lesion.shape[1]), first_pixels(y_edges, lesion.shape[0])
    pixels = np.outer(np.diff(y_starts), np.diff(x_starts))
    counts = _lesion_counts(lesion, x_starts, y_starts)
    total = int(np.count_nonzero(lesion))
    return CellCounts(pixels, counts, lesion.size - int(pixels.sum()), total - int(counts.sum()))


def _even(start: float, stop: float, cells: int) -> FloatArray:
    # Multiplied before divided: edges at whole or half pixels come out exact.
    edges: FloatArray = start + (stop - start) * np.arange(cells + 1) / cells
    return edges


def first_pixels(edges: FloatArray, length: int) -> IntArray:
    """Per edge the first pixel whose centre (i + 0.5) does not lie before it, kept within the image."""
    return np.clip(np.ceil(edges - 0.5), 0, length).astype(np.int64)


def _lesion_counts(lesion: npt.NDArray[np.bool_], x_starts: IntArray, y_starts: IntArray) -> IntArray:
    counts = np.zeros((len(y_starts) - 1, len(x_starts) - 1), dtype=np.int64)
    rows = np.flatnonzero(lesion.any(axis=1))
    if not len(rows):
        return counts
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(lesion[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    inside = lesion[top:bottom, left:right]
    # Sums up to every row and column of the lesions' bounding box; a cell is a difference of four.
    summed = np.zeros((bottom - top + 1, right - left + 1), dtype=np.int64)
    np.cumsum(inside, axis=0, out=summed[1:, 1:])
    np.cumsum(summed, axis=1, out=summed)
    corner = summed[np.ix_(np.clip(y_starts - top, 0, bottom - top), np.clip(x_starts - left, 0, right - left))]
    counts[:] = np.diff(np.diff(corner, axis=0), axis=1)
    return counts


def dice_soft(cells: Cells) -> float | None:
    """2 sum(A M) / (sum(A^2) + sum(M)) over pixels; None where map and mask are both empty."""
    product = float((cells.value * cells.lesion).sum())
    size = float((cells.value**2 * cells.pixels).sum() + cells.lesion.sum())
    return 2 * product / size if size > 0 else None


def _levels(cells: Cells) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distinct values of non-empty cells, highest first, with pixels and lesion pixels at or above each."""
    held = cells.pixels > 0
    threshold, group = np.unique(-cells.value[held], return_inverse=True)
    pixels = np.bincount(group, cells.pixels[held], len(threshold))
    lesion = np.bincount(group, cells.lesion[held], len(threshold))
    return -threshold + 0.0, np.cumsum(pixels), np.cumsum(lesion)


def dice_best(cells: Cells) -> float | None:
    """Largest Dice overlap of the mask with the pixels at or above a threshold; None without lesion pixels."""
    _, pixels, lesion = _levels(cells)
    if not len(lesion) or lesion[-1] == 0:
        return None
    return float((2 * lesion / (pixels + lesion[-1])).max())


def pxap(cells: Cells) -> float | None:
    """Pixel average precision (Choe et al. 2020): thresholds at all values; None without lesion pixels."""
    _, pixels, lesion = _levels(cells)
    if not len(lesion) or lesion[-1] == 0:
        return None
    gain = np.diff(lesion, prepend=0.0)
    return float(np.cumsum(gain * lesion / pixels)[-1] / lesion[-1])


def image_mean(
    metric: str,
    values: Sequence[float | None],
    *,
    cluster: npt.ArrayLike | None = None,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> Result:
    """Mean over images with sd (n - 1) and a bootstrap interval; images without a value (None) are left out.

    Args:
        metric: name of the result (`dice_soft`, `dice_best`, `pxap`, ...).
        values: one number per image, None where undefined.
        cluster: patient of every image.
        bootstrap, seed, ci: as in `classification`.
    """
    defined = np.array([value is not None for value in values], dtype=np.bool_)
    numbers = floats([value for value in values if value is not None], metric)
    if np.isnan(numbers).any():
        raise ValueError(f"{metric} holds NaN; an undefined value is None")
    given = np.asarray(np.arange(len(values)) if cluster is None else cluster)
    same_length(len(values), cluster=given)
    given = given[defined]
    if not len(numbers):
        return Result(metric, None, n=0, reason="no image with a value")
    replicates = settle(bootstrap, seed, ci, given, np.ones(len(given)))
    rows = cluster_rows(given, len(given), replicates)
    total, size = sums(rows.index, numbers, rows.count), sums(rows.index, None, rows.count)
    result = Result(
        metric, float(total.sum() / size.sum()), n=len(numbers), positives=len(numbers),
        clusters=None if cluster is None else len(rows.present),
        sd=float(numbers.std(ddof=1)) if len(numbers) > 1 else None,
    )  # fmt: skip
    if replicates is None:
        return result
    drawn = [_quotient(total @ counts, size @ counts) for counts in replicates.blocks()]
    jackknife = None
    if replicates.options.interval == "bca":
        jackknife = _quotient(total.sum() - total, size.sum() - size)[rows.present]
    return with_interval(result, np.concatenate(drawn), replicates, jackknife)


def _quotient(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    quotient = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def pxap_pooled(
    images: Sequence[Cells],
    *,
    cluster: npt.ArrayLike | None = None,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> Result:
    """Average precision over the pixels of all images together (Choe et al. 2020); n counts images."""
    given = np.asarray(np.arange(len(images)) if cluster is None else cluster)
    same_length(len(images), cluster=given)
    replicates = settle(bootstrap, seed, ci, given, np.ones(len(given))) if len(images) else None
    rows = cluster_rows(given, len(given), replicates)
    empty = Result(
        "pxap_pooled", None, n=len(images), positives=sum(bool(each.lesion.any()) for each in images),
        clusters=None if cluster is None else len(rows.present), reason="no lesion pixels",
    )  # fmt: skip
    if not empty.positives:
        return empty
    lesion = np.concatenate([each.lesion for each in images]).astype(np.float64)
    pixels = np.concatenate([each.pixels for each in images]).astype(np.float64)
    index = np.repeat(rows.index, [len(each.value) for each in images])
    values = np.concatenate([each.value for each in images])
    staircase = Staircase(values, lesion, pixels - lesion, index, rows.count)
    # A replicate that is all lesion has no negatives, and an average precision of 1 all the same: defined.
    return estimates(staircase, [_kernels.average_precision], [empty], replicates, rows.present)[0]
