"""From the breast in three dimensions to the two standard views.

A point of a breast is given in mm relative to the nipple: depth towards the chest wall, lateral
(towards the arm) and superior (towards the head). The beam of a view runs across the depth axis, so
that the depth behind the nipple is the same in every view, as a radiologist uses it to find a lesion
of one view in the other. Compression squeezes the breast along the beam alone; lengths in the plane of
the detector stay what they are. Views are drawn in the breast's frame, in mm: x right, from the chest
wall (0) to the nipple, y down, lateral (CC) or superolateral (MLO) at the top. A left image is stored in
this frame, a right one mirrored (Wu et al. 2019, data as stored).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cadkit.errors import InputError

VIEWS = ("CC", "MLO")
# Tilt of the detector's upright axis from head-to-feet towards the side: CC sees the breast from above.
TILT_DEGREES: Mapping[str, float] = MappingProxyType({"CC": 90.0, "MLO": 45.0})
_FIELD_MM = (240.0, 150.0)


@dataclass(frozen=True)
class Frame:
    """Pixels of an image: rows, columns and the distance of their centres in mm."""

    rows: int
    columns: int
    spacing_mm: float

    @property
    def height_mm(self) -> float:
        return self.rows * self.spacing_mm

    @property
    def width_mm(self) -> float:
        return self.columns * self.spacing_mm

    def centres(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """x (1 x columns) and y (rows x 1) of the pixel centres, in mm."""
        x = (np.arange(self.columns, dtype=np.float32) + 0.5) * np.float32(self.spacing_mm)
        y = (np.arange(self.rows, dtype=np.float32) + 0.5) * np.float32(self.spacing_mm)
        return x[None, :], y[:, None]

    def coarser(self, spacing_mm: float) -> Frame:
        """The same field of view in pixels of about that size, or this frame if its own are larger."""
        step = max(1.0, spacing_mm / self.spacing_mm)
        rows, columns = round(self.rows / step), round(self.columns / step)
        return Frame(rows, columns, self.height_mm / rows)


def frame_of(rows: int, columns: int) -> Frame:
    """The frame of an image of that size: a field of view of at least 240 mm x 150 mm.

    Raises:
        InputError: the image would be smaller than 64 x 40.
    """
    if rows < 64 or columns < 40:
        raise InputError("a phantom image has at least 64 rows and 40 columns", value=f"{rows}x{columns}")
    spacing = max(_FIELD_MM[0] / rows, _FIELD_MM[1] / columns)
    return Frame(rows, columns, round(spacing, 6))


@dataclass(frozen=True)
class Projection:
    """One view of one breast.

    Attributes:
        view: `CC` or `MLO`.
        nipple: x and y of the nipple in the view, mm.
        turned: degrees by which the breast lies turned about its depth axis against the nominal view;
            the technician never places it twice alike.
    """

    view: str
    nipple: tuple[float, float]
    turned: float = 0.0

    def upright(self, lateral: NDArray[np.floating], superior: NDArray[np.floating]) -> NDArray[np.floating]:
        """Distance above the nipple in the view, mm."""
        tilt = math.radians(TILT_DEGREES[self.view] + self.turned)
        return superior * math.cos(tilt) + lateral * math.sin(tilt)

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 3: depth, lateral, superior) to (..., 2: x, y), all in mm."""
        upright = self.upright(points[..., 1], points[..., 2])
        return np.stack([self.nipple[0] - points[..., 0], self.nipple[1] - upright], axis=-1)
