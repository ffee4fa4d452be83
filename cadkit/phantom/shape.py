"""The outline of a breast, its muscle and the region of its gland."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from cadkit.phantom.noise import Floats, generator
from cadkit.phantom.projection import VIEWS, Frame, Projection

DENSITIES = ("A", "B", "C", "D")
# By density: extent of the gland relative to the breast.
_EXTENT = {"A": 0.72, "B": 0.80, "C": 0.90, "D": 0.98}


@dataclass(frozen=True)
class Breast:
    """The shape of one breast at one exam, in mm.

    Attributes:
        density: A to D.
        depth: nipple to chest wall in CC.
        half_height: of the outline in CC.
        pointed: exponent of the outline in CC: 0.5 is an ellipse, more is a tent.
        flare: how far the outline of CC runs on to the side at the chest wall, as a share of the depth.
        middle: y of the nipple in CC.
        fold: y of the inframammary fold in MLO.
        drop: y of the nipple in MLO.
        axilla, waist: width of MLO at the top and at its narrowest, as shares of the depth.
        muscle: width at the top and height of the pectoral muscle in MLO.
        behind: depth, as a share, from which on there is fat behind the gland.
        waves: amplitude and phase of two slow undulations of the outline.
        turned: degrees, one for each view (see `Projection`).
    """

    density: str
    depth: float
    half_height: float
    pointed: float
    flare: float
    middle: float
    fold: float
    drop: float
    axilla: float
    waist: float
    muscle: tuple[float, float]
    behind: float
    waves: tuple[float, float, float, float]
    turned: tuple[float, float]

    def depth_in(self, view: str) -> float:
        """x of the nipple's base; MLO shows a little more of the chest wall than CC."""
        return self.depth if view == "CC" else self.depth * 1.06 + 4.0

    def nipple_y(self, view: str) -> float:
        return self.middle if view == "CC" else self.drop

    def projection(self, view: str) -> Projection:
        """Where the view shows a point of the breast."""
        y = self.nipple_y(view)
        x = float(self.width(view, np.array([y]))[0])
        return Projection(view, (x, y), self.turned[VIEWS.index(view)])

    def width(self, view: str, y: NDArray[np.floating]) -> NDArray[np.float64]:
        """x of the skin at each height y (mm); 0 or less where there is no breast."""
        depth = self.depth_in(view)
        if view == "CC":
            above = y < self.middle
            t = np.abs(y - self.middle) / np.where(above, 1.06, 0.94) / self.half_height
            width = depth * np.clip(1 - t**2, 0, None) ** np.where(above, self.pointed + 0.06, self.pointed)
            # The side of the chest and the axillary tail, which the paddle catches at the top.
            tail = self.flare * np.exp(-np.maximum(t - 0.6, 0) / 0.32) - 0.08
            tail = depth * np.clip(tail, 0, None) * np.clip((t - 0.3) / 0.5, 0, 1)
            width = np.where(above, (np.maximum(width, 0) ** 3 + tail**3) ** (1 / 3), width)
        else:
            below = self.fold / self.drop - 1
            heights = np.array([0.0, 0.4, 0.75, 1.0, 1.0 + 0.45 * below, 1.0 + 0.8 * below, 1.0 + below])
            widths = np.array([self.axilla, self.waist, 0.90, 1.0, 0.82, 0.40, 0.0]) * depth
            curve = PchipInterpolator(heights * self.drop, widths, extrapolate=False)
            width = np.nan_to_num(curve(np.clip(y, 0, None)), nan=0.0)
            # The outline closes like a circle below, not like a wedge.
            width *= np.clip((self.fold - y) / 6.0, 0, 1) ** 0.5
        first, second, phase_1, phase_2 = self.waves
        undulation = first * np.sin(y / 17.0 + phase_1) + second * np.sin(y / 31.0 + phase_2)
        bump = 3.2 * np.exp(-0.5 * ((y - self.nipple_y(view)) / 3.4) ** 4)
        return np.asarray(np.where(width > 0, width * (1 + undulation) + bump, 0.0))

    def in_muscle(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
        """Signed distance into the pectoral muscle of MLO, mm; positive inside."""
        top, low = self.muscle
        edge = top * (1 - y / low) + 0.16 * top * np.sin(np.pi * np.clip(y / low, 0, 1))
        return np.asarray((edge - x) * (low / np.hypot(top, low)))

    def gland_region(
        self, depth: NDArray[np.floating], lateral: NDArray[np.floating], superior: NDArray[np.floating]
    ) -> NDArray[np.floating]:
        """1 in the middle of the gland's region, 0 at its border, negative outside.

        A fan that opens from the nipple, with fat behind it: deeper in the middle than at the rim, so that
        a dense gland is a crescent.
        """
        extent = _EXTENT[self.density]
        along = (depth - 0.46 * self.depth) / (0.50 * self.depth * extent)
        opening = 0.42 + 0.58 * np.clip(depth / (0.42 * self.depth), 0, 1)
        across = np.hypot((lateral - 5.0) / (0.74 * self.half_height), (superior - 4.0) / (0.62 * self.half_height))
        across = across / (opening * extent)
        back = (self.behind + 0.34 * across**2) * self.depth
        return np.asarray(np.minimum(1 - np.hypot(along, across), (back - depth) / (0.30 * self.depth)))


def draw_breast(seed: int, patient: int, side: str, density: str, frame: Frame, visit: int = 0) -> Breast:
    """The shape of a breast: the woman's own, a little of the side's, and a trace of how she stood this time."""
    woman, own = generator(seed, "shape", patient), generator(seed, "shape", patient, side)
    stand = generator(seed, "stand", patient, side, visit)
    tall, wide = frame.height_mm, frame.width_mm
    depth = float(np.clip(woman.normal(86, 13), 60, 112) * own.normal(1, 0.02) * stand.normal(1, 0.01))
    depth = min(depth, 0.80 * wide)
    half_height = min(depth * woman.uniform(1.0, 1.25) * own.normal(1, 0.02), 0.45 * tall)
    fold = tall * float(np.clip(woman.normal(0.90, 0.03) + own.normal(0, 0.01), 0.8, 0.97))
    drop = fold - float(np.clip(0.72 * depth + woman.normal(0, 5) + own.normal(0, 2), 45, 85))
    axilla = woman.uniform(0.55, 0.80) + own.normal(0, 0.02)
    return Breast(
        density=density,
        depth=depth,
        half_height=float(half_height),
        pointed=float(np.clip(woman.normal(0.62, 0.08), 0.48, 0.80)),
        flare=float(np.clip(woman.normal(0.30, 0.18), 0.0, 0.60)),
        middle=float(0.5 * tall + own.normal(0, 0.015 * tall) + stand.normal(0, 0.006 * tall)),
        fold=fold + float(stand.normal(0, 1.5)),
        drop=drop + float(stand.normal(0, 1.5)),
        axilla=float(axilla),
        waist=float(0.5 * axilla + 0.5 * woman.uniform(0.75, 0.92)),
        muscle=(
            float(depth * (woman.uniform(0.48, 0.68) + own.normal(0, 0.02))),
            float(drop * (woman.uniform(0.76, 1.0) + own.normal(0, 0.02) + stand.normal(0, 0.01))),
        ),
        behind=float(np.clip(woman.normal(0.70, 0.10) + own.normal(0, 0.02), 0.5, 0.95)),
        waves=(
            float(own.uniform(0.006, 0.018)),
            float(own.uniform(0.008, 0.030)),
            float(woman.uniform(0, 6.3)),
            float(own.uniform(0, 6.3)),
        ),
        turned=(float(stand.normal(0, 2.5)), float(stand.normal(0, 2.5))),
    )


@dataclass(frozen=True)
class Canvas:
    """Geometry of a view on its pixels: `inside` the breast, and how deep under the skin (mm)."""

    inside: NDArray[np.bool_]
    under_skin: Floats


def outline(breast: Breast, view: str, frame: Frame) -> Canvas:
    """Which pixels are breast, and their distance from the skin (first order in the outline's slope)."""
    x, y = frame.centres()
    heights = y[:, 0].astype(np.float64)
    width = breast.width(view, heights)
    slope = breast.width(view, heights + 0.5) - breast.width(view, heights - 0.5)
    horizontal = (width[:, None] - x) / np.sqrt(1 + np.minimum(slope**2, 400.0))[:, None]
    inside = (x < width[:, None]) & (width[:, None] > 0)
    return Canvas(inside, horizontal.astype(np.float32))
