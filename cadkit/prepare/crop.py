"""Crop to the breast and orientation, as the NYU networks need them.

The rules are those of Wu et al. 2019 (arXiv:1903.08297) as their public pipeline applies them:
erosion, largest component, dilation, bounding box with a buffer, and a few numbers about the shape of
the breast from which the best centre of a window follows. Pixels are counted as breast where they are
above 0, so the background must be exactly 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cadkit.data.affine import Affine

Faces = Literal["left", "right"]
Bools = NDArray[np.bool_]
Bounds = tuple[int, int, int, int]

ITERATIONS = 100
"""Erosions and dilations at `SPACING_MM` or finer."""
BUFFER = 50
"""Pixels kept around the breast at `SPACING_MM` or finer."""
SPACING_MM = 0.1
"""Coarsest pixel for which the numbers above were tuned."""
ROWS = 2000
"""Rows of an image of about that pixel size, for images whose spacing is unknown."""
_STRIP = 64


@dataclass(frozen=True)
class Scale:
    """How many erosions and dilations, and how wide a buffer.

    Attributes:
        share: pixels per mm, relative to the 10 for which the numbers were tuned; at most 1.
    """

    share: float = 1.0

    @property
    def iterations(self) -> int:
        """Of the 4-neighbour erosion and of the dilation."""
        return max(1, round(ITERATIONS * self.share))

    @property
    def buffer(self) -> int:
        """In pixels."""
        return round(BUFFER * self.share)

    @classmethod
    def of(cls, spacing_mm: float | None, rows: int) -> Scale:
        """For pixels of a size in mm, or of an image with so many rows where the size is unknown."""
        return cls(min(1.0, SPACING_MM / spacing_mm if spacing_mm else rows / ROWS))


@dataclass(frozen=True)
class BreastWindow:
    """Where the breast lies in an image, and its shape.

    Attributes:
        faces: the way the nipple points in the image.
        box: top, bottom, left, right (ends exclusive) of the dilated component, in the image.
        window: the same with the buffer: what is kept.
        distance_from_starting_side: columns between the chest wall's edge of the image and the box.
        rightmost_rows: first and last row, in the window, of the column furthest towards the nipple.
        rightmost_x: that column, in the window; where it faces left, the window's width less the column.
        bottom_row: last row of the component, in the window.
        bottom_columns: first and last column of that row, in the window; where it faces left, each is
            subtracted from the window's width, the last coming first.
    """

    faces: Faces
    box: Bounds
    window: Bounds
    distance_from_starting_side: int
    rightmost_rows: tuple[int, int]
    rightmost_x: int
    bottom_row: int
    bottom_columns: tuple[int, int]

    @property
    def to_file(self) -> Affine:
        """From the window, turned to face right, to the pixels of the image."""
        top, _, left, right = self.window
        if self.faces == "right":
            return Affine.shift(left, top)
        return Affine.shift(left, top) @ Affine.mirror(right - left)


def direction(side: str, horizontal_flip: bool) -> Faces:
    """The way a breast faces in its file: L right and R left, the other way round if flipped."""
    return "right" if (side == "L") != horizontal_flip else "left"


def direction_of_content(mask: Bools) -> Faces | None:
    """The way a breast seems to face: away from the side where it is taller; None for a tie.

    A side is the outer tenth of the columns that hold anything.
    """
    heights = np.count_nonzero(mask, axis=0)
    columns = np.flatnonzero(heights)
    tenth = -(-len(columns) // 10)
    first, last = heights[columns[:tenth]].sum(), heights[columns[-tenth:]].sum()
    if first == last:
        return None
    return "right" if first > last else "left"


def eroded(mask: Bools, iterations: int) -> Bools:
    """Binary erosion by the 4-neighbour cross, repeated; what lies outside the image counts as 0.

    A pixel stays if its taxicab distance to the nearest 0 is above `iterations`, which takes two
    sweeps along each axis however many the iterations.
    """
    cap = iterations + 1
    kind = np.uint8 if cap < 255 else np.uint16
    distance: NDArray[Any] = np.multiply(mask, cap, dtype=kind)
    _sweep(distance)
    across = _turned(distance)
    _sweep(across)
    return _turned(across >= cap)


def _turned(array: NDArray[Any]) -> NDArray[Any]:
    """The transposed array, copied in strips that stay in the processor's cache."""
    turned = np.empty(array.shape[::-1], array.dtype)
    for left in range(0, array.shape[1], _STRIP):
        turned[left : left + _STRIP] = array[:, left : left + _STRIP].T
    return turned


def _sweep(distance: NDArray[Any]) -> None:
    """Down and up the rows, in place: each at most one more than the row before it, the first at most 1."""
    for rows in (distance, distance[::-1]):
        np.minimum(rows[0], 1, out=rows[0])
        step = np.empty_like(rows[0])
        for before, row in pairwise(rows):
            np.add(before, 1, out=step)
            np.minimum(row, step, out=row)


def largest_component(mask: Bools) -> Bools | None:
    """The 4-connected component with most pixels (the first of several), or None if the mask is empty."""
    if _plainly_one(mask):
        return mask
    labels, number = ndimage.label(mask)
    if number == 0:
        return None
    if number == 1:
        return mask
    counts = np.bincount(labels[mask], minlength=number + 1)
    return np.asarray(labels == np.argmax(counts))


def _plainly_one(mask: Bools) -> bool:
    """Whether each row is one run that overlaps the next row's, as in most breasts: then labelling can be spared."""
    first, last = _ends(mask)
    held = np.count_nonzero(mask, axis=1)
    rows = np.flatnonzero(held)
    if not len(rows) or rows[-1] - rows[0] + 1 != len(rows):
        return False
    first, last, held = first[rows], last[rows], held[rows]
    one_run = np.array_equal(held, last - first + 1)
    return one_run and bool(np.all((first[1:] <= last[:-1]) & (first[:-1] <= last[1:])))


def _ends(mask: Bools) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last column of each row; of an empty row the image's ends."""
    return mask.argmax(axis=1), mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)


def breast_core(mask: Bools, iterations: int) -> tuple[Bools, tuple[int, int]] | None:
    """The largest component after erosion, within the box of the mask, and that box's (top, left).

    None if nothing is left.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    top, left = int(rows[0]), int(columns[0])
    core = largest_component(eroded(mask[top : rows[-1] + 1, left : columns[-1] + 1], iterations))
    return None if core is None else (core, (top, left))


def breast_window(mask: Bools, faces: Faces, scale: Scale) -> BreastWindow | None:
    """Find the breast in a mask of the pixels above 0.

    The dilated component is not drawn: its first and last column in each row follow from those of the
    eroded one, which is all that is asked of it.

    Args:
        mask: rows x columns, True where the pixel is above 0.
        faces: the way the nipple points.
        scale: iterations and buffer.

    Returns:
        The window, or None if nothing is left after the erosion.
    """
    found = breast_core(mask, scale.iterations)
    if found is None:
        return None
    height, width = mask.shape
    first, last = _dilated_extents(*found, height, scale.iterations)
    np.maximum(first, 0, out=first)
    np.minimum(last, width - 1, out=last)
    there = np.flatnonzero(first <= last)
    box = int(there[0]), int(there[-1]) + 1, int(first[there].min()), int(last[there].max()) + 1
    window = _with_buffer(box, (height, width), faces, scale.buffer)
    top, bottom, left, right = window
    # The column furthest towards the nipple, in the lower two thirds of the window.
    rows = np.arange(top + (bottom - top) // 3, min(bottom, box[1]))
    edge = last[rows] if faces == "right" else first[rows]
    seen = first[rows] <= last[rows]
    furthest = int(edge[seen].max() if faces == "right" else edge[seen].min())
    touching = rows[seen & (edge == furthest)] - top
    low = box[1] - 1
    columns = int(first[low]) - left, int(last[low]) - left
    in_window = furthest - left
    return BreastWindow(
        faces,
        box,
        window,
        box[2] if faces == "right" else width - box[3],
        (int(touching[0]), int(touching[-1])),
        in_window if faces == "right" else right - left - in_window,
        low - top,
        columns if faces == "right" else (right - left - columns[1], right - left - columns[0]),
    )


def _dilated_extents(
    core: Bools, corner: tuple[int, int], height: int, iterations: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last column of each row of the image in the component dilated by `iterations`."""
    far = np.int64(1) << 40
    first, last = np.full(height, far), np.full(height, -far)
    rows = np.flatnonzero(core.any(axis=1))
    left, right = _ends(core)
    first[rows + corner[0]] = left[rows] + corner[1]
    last[rows + corner[0]] = right[rows] + corner[1]
    grown_first, grown_last = np.full(height, far), np.full(height, -far)
    for shift in range(-iterations, iterations + 1):
        to = slice(max(0, shift), height + min(0, shift))
        at = slice(max(0, -shift), height + min(0, -shift))
        if to.start >= to.stop:
            continue
        reach = iterations - abs(shift)
        np.minimum(grown_first[to], first[at] - reach, out=grown_first[to])
        np.maximum(grown_last[to], last[at] + reach, out=grown_last[to])
    return grown_first, grown_last


def _with_buffer(box: Bounds, shape: tuple[int, int], faces: Faces, buffer: int) -> Bounds:
    top, bottom, left, right = box
    top, bottom = max(0, top - buffer), min(shape[0], bottom + buffer)
    if faces == "right":
        return top, bottom, left, min(shape[1], right + buffer)
    return top, bottom, max(0, left - buffer), right
