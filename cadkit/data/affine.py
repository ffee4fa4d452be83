"""Affine maps of the plane, by which crops, findings and answers move between frames.

All frames are continuous pixel coordinates: x to the right, y down, pixel (row r, column c) covers
[c, c + 1) x [r, r + 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Affine:
    """x' = a x + b y + c, y' = d x + e y + f.

    Attributes:
        values: (a, b, c, d, e, f).
    """

    values: tuple[float, float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    @classmethod
    def of(cls, matrix: ArrayLike) -> Affine:
        """From a 2 x 3 or 3 x 3 matrix."""
        rows = np.asarray(matrix, dtype=np.float64)[:2]
        return cls(tuple(float(v) for v in rows.ravel()))  # type: ignore[arg-type]

    @classmethod
    def shift(cls, x: float, y: float) -> Affine:
        """Add (x, y)."""
        return cls((1.0, 0.0, float(x), 0.0, 1.0, float(y)))

    @classmethod
    def scale(cls, x: float, y: float) -> Affine:
        """Multiply by (x, y) about the origin."""
        return cls((float(x), 0.0, 0.0, 0.0, float(y), 0.0))

    @classmethod
    def mirror(cls, width: float) -> Affine:
        """x' = width - x: a picture of that width seen in a mirror."""
        return cls((-1.0, 0.0, float(width), 0.0, 1.0, 0.0))

    @property
    def matrix(self) -> FloatArray:
        """3 x 3, float64."""
        return np.array([self.values[:3], self.values[3:], (0.0, 0.0, 1.0)])

    @property
    def axis_aligned(self) -> bool:
        """Neither rotates nor shears, though it may mirror and scale."""
        return self.values[1] == 0.0 and self.values[3] == 0.0

    def __matmul__(self, first: Affine) -> Affine:
        """The map that applies `first`, then this one."""
        return Affine.of(self.matrix @ first.matrix)

    def inverse(self) -> Affine:
        """The map back.

        Raises:
            numpy.linalg.LinAlgError: the map squeezes the plane into a line.
        """
        return Affine.of(np.linalg.inv(self.matrix))

    def __call__(self, x: ArrayLike, y: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Map points; shapes are kept."""
        a, b, c, d, e, f = self.values
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        return a * x + b * y + c, d * x + e * y + f

    def box(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        """The box (x0, y0, x1, y1) around the image of a box; exact where the map is axis-aligned."""
        x0, y0, x1, y1 = box
        x, y = self([x0, x1, x0, x1], [y0, y0, y1, y1])
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())


IDENTITY = Affine()
