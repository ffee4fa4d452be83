"""Thin things: segments with a Gaussian profile, made in three dimensions and drawn in a view.

Spicules, calcifications, ligaments, ducts and vessels are all strokes. Where strokes of one thing overlap
the brightest counts, so that they do not pile up to a bright middle: shape, not brightness, tells what
a lesion is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadkit.phantom.noise import Floats
from cadkit.phantom.projection import Projection

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Strokes:
    """n segments with a Gaussian profile. Lengths in mm.

    Attributes:
        start, end: n x 3, relative to a centre.
        bend: n, sideways deflection of the middle in the view.
        sigma: n, half width.
        contrast: n, brightness at the start.
        fade: share of the brightness that is lost towards the end.
    """

    start: Points
    end: Points
    bend: Points
    sigma: Points
    contrast: Points
    fade: float

    @property
    def reach(self) -> float:
        """Distance from the centre (mm) beyond which nothing is drawn."""
        ends = np.concatenate([self.start, self.end])
        return float(np.linalg.norm(ends, axis=1).max() + 3 * self.sigma.max() + np.abs(self.bend).max() + 1)


def flattened(strokes: Strokes, projection: Projection) -> Points:
    """n x 2 (start, end) x 2 (x, y), relative to the projected centre."""
    ends = np.stack([strokes.start, strokes.end], axis=1)
    return np.asarray(projection.project(ends) - projection.project(np.zeros(3)))


def draw_strokes(brightness: Floats, strokes: Strokes, ends: Points, x: Floats, y: Floats, step: float) -> None:
    """Set the brightest of what is there and each stroke, in place.

    Args:
        brightness: rows x columns.
        strokes: what to draw.
        ends: their ends in the coordinates of `x` and `y` (see `flattened`).
        x, y: of the columns and rows, mm.
        step: pixel spacing, mm.
    """
    for number in range(len(strokes.sigma)):
        _add_stroke(brightness, strokes, number, ends[number], x, y, step)


def _add_stroke(
    brightness: Floats, strokes: Strokes, number: int, ends: Points, x: Floats, y: Floats, step: float
) -> None:
    """One stroke, in the small window that it needs."""
    start, end = ends
    length = float(np.hypot(*(end - start)))
    sigma = float(strokes.sigma[number])
    wide = math.hypot(sigma, 0.35 * step)
    # A pixel larger than the stroke sees only its share of it, in one direction (line) or two (dot).
    solid = length / (length + 2 * wide)
    peak = float(strokes.contrast[number]) * (sigma / wide) ** (2 - solid)
    margin = 3 * wide + abs(float(strokes.bend[number]))
    low, high = np.minimum(start, end) - margin, np.maximum(start, end) + margin
    columns = slice(*np.searchsorted(x, [low[0], high[0]]).tolist())
    rows = slice(*np.searchsorted(y, [low[1], high[1]]).tolist())
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return
    heading = (end - start) / length if length > 1e-6 else np.array([1.0, 0.0])
    right, down = x[None, columns] - np.float32(start[0]), y[rows, None] - np.float32(start[1])
    along = right * np.float32(heading[0]) + down * np.float32(heading[1])
    across = down * np.float32(heading[0]) - right * np.float32(heading[1])
    inside = np.clip(along, 0, length)
    share = inside / np.float32(max(length, 1e-6))
    off = across - np.float32(4 * strokes.bend[number]) * share * (1 - share)
    distance = (along - inside) ** 2 + off * off
    profile = np.float32(peak) * (1 - np.float32(strokes.fade) * share)
    profile *= np.exp(np.float32(-0.5 / wide**2) * distance)
    window = brightness[rows, columns]
    np.maximum(window, profile, out=window)
