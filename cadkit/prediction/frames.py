"""From prepared pixels back to the file: saliency maps.

Whoever reads a prediction needs to know nothing of crops and flips: everything is written in the
frame of the file, with saliency windows of positive width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadkit.data import Affine
from cadkit.plugin import Saliency


@dataclass(frozen=True)
class FileSaliency:
    """A saliency map in the file's frame.

    Attributes:
        values: float32, labels x rows x columns.
        window: x0, y0, x1, y1 in the file's pixels, x0 < x1 and y0 < y1.
        edges: (y, x) edges of uneven cells in the file's pixels, increasing, or None.
    """

    values: NDArray[np.float32]
    window: tuple[float, float, float, float]
    edges: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    @property
    def cells(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(y, x) edges of the cells in the file's pixels; equal parts of the window unless it says otherwise."""
        if self.edges is not None:
            return self.edges
        x0, y0, x1, y1 = self.window
        rows, columns = self.values.shape[1:]
        return np.linspace(y0, y1, rows + 1), np.linspace(x0, x1, columns + 1)


def saliency_to_file(saliency: Saliency, shape: tuple[int, int], to_file: Affine) -> FileSaliency:
    """A map over prepared pixels in the file's frame; a mirrored picture mirrors the map.

    Args:
        saliency: the map; without a window it covers the whole picture.
        shape: rows and columns of the picture that it lies over.
        to_file: the map of the plane to the file's frame, axis-aligned.
    """
    made = saliency.moved(to_file, shape)
    window = made.window or (0.0, 0.0, float(shape[1]), float(shape[0]))
    if made.edges is not None:
        y, x = made.edges
        window = float(x[0]), float(y[0]), float(x[-1]), float(y[-1])
    return FileSaliency(np.ascontiguousarray(made.values), window, made.edges)
