"""The breast without lesions: outline, muscle, gland, strands, skin.

Everything is drawn in the frame of `projection`: chest wall at the left edge, x towards the nipple.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.interpolate import PchipInterpolator

from cadkit.phantom.difficulty import Difficulty
from cadkit.phantom.noise import Floats, generator, mixed_waves, textures
from cadkit.phantom.projection import Frame, Projection

DENSITIES = ("A", "B", "C", "D")
_FAT = 0.22
# By density: extent of the gland relative to the breast, its bias against fat, the fatty rim in mm.
_EXTENT = {"A": 0.50, "B": 0.66, "C": 0.82, "D": 0.94}
_BIAS = {"A": -1.3, "B": -0.6, "C": 0.2, "D": 1.0}
_RIM_MM = {"A": 14.0, "B": 11.0, "C": 8.0, "D": 6.0}
# Anatomical textures are smooth: they are computed on a grid no finer than this and enlarged.
_GRID_MM = 0.4
# ... and those without any fine structure on one no finer than this.
_SMOOTH_GRID_MM = 1.5


@dataclass(frozen=True)
class Breast:
    """The shape of one breast, in mm.

    Attributes:
        density: A to D.
        depth: nipple to chest wall in CC.
        half_height: of the outline in CC.
        roundness: exponent of the outline in CC, 2 for an ellipse.
        middle: y of the nipple in CC.
        fold: y of the inframammary fold in MLO.
        drop: y of the nipple in MLO.
        axilla, waist: width of MLO at the top and at its narrowest, as shares of the depth.
        muscle: width at the top and height of the pectoral muscle in MLO.
        waves: amplitude and phase of two slow undulations of the outline.
    """

    density: str
    depth: float
    half_height: float
    roundness: float
    middle: float
    fold: float
    drop: float
    axilla: float
    waist: float
    muscle: tuple[float, float]
    waves: tuple[float, float, float, float]

    def depth_in(self, view: str) -> float:
        """x of the nipple's base; MLO shows a little more of the chest wall than CC."""
        return self.depth if view == "CC" else self.depth * 1.06 + 4.0

    def projection(self, view: str) -> Projection:
        """Where the view shows a point of the breast."""
        y = self.middle if view == "CC" else self.drop
        return Projection(view, (float(self.width(view, np.array([y]))[0]), y))

    def width(self, view: str, y: NDArray[np.floating]) -> NDArray[np.float64]:
        """x of the skin at each height y (mm); 0 or less where there is no breast."""
        depth = self.depth_in(view)
        if view == "CC":
            t = np.abs(y - self.middle) / self.half_height
            width = depth * np.sqrt(np.clip(1 - t**self.roundness, 0, None))
            nipple = self.middle
        else:
            below = self.fold / self.drop - 1
            heights = np.array([0.0, 0.4, 0.8, 1.0, 1.0 + 0.5 * below, 1.0 + below])
            widths = np.array([self.axilla, self.waist, 0.95, 1.0, 0.76, 0.0]) * depth
            curve = PchipInterpolator(heights * self.drop, widths, extrapolate=False)
            width = np.nan_to_num(curve(np.clip(y, 0, None)), nan=0.0)
            # The outline closes like a circle below, not like a wedge.
            width *= np.clip((self.fold - y) / 6.0, 0, 1) ** 0.5
            nipple = self.drop
        first, second, phase_1, phase_2 = self.waves
        undulation = first * np.sin(y / 17.0 + phase_1) + second * np.sin(y / 31.0 + phase_2)
        bump = 3.0 * np.exp(-0.5 * ((y - nipple) / 3.6) ** 2)
        return np.asarray(np.where(width > 0, width * (1 + undulation) + bump, 0.0))

    def in_muscle(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
        """Signed distance into the pectoral muscle of MLO, mm; positive inside."""
        top, low = self.muscle
        edge = top * (1 - y / low) + 0.10 * top * np.sin(np.pi * np.clip(y / low, 0, 1))
        return np.asarray((edge - x) * (low / np.hypot(top, low)))

    def gland_shape(self, view: str, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
        """1 in the middle of the gland's region, 0 at its border, negative outside."""
        depth, extent = self.depth_in(view), _EXTENT[self.density]
        if view == "CC":
            center, half = (0.50 * depth, self.middle - 0.06 * self.half_height), 0.80 * self.half_height
            tilt = 0.0
        else:
            center, half = (0.56 * depth, self.drop - 8.0), 0.72 * (self.fold - self.drop + 20.0)
            tilt = 0.45
        # In MLO the gland rises from the nipple towards the axilla.
        along, across = x - center[0], y - center[1] - tilt * (x - center[0])
        return np.asarray(1 - np.hypot(along / (0.52 * depth * extent), across / (half * extent)))


def draw_breast(seed: int, patient: int, side: str, density: str, frame: Frame) -> Breast:
    """The shape of a breast: the woman's own, and a little of the side's."""
    woman, own = generator(seed, "shape", patient), generator(seed, "shape", patient, side)
    tall, wide = frame.height_mm, frame.width_mm
    depth = float(np.clip(woman.normal(86, 13), 60, 112) * own.normal(1, 0.02))
    depth = min(depth, 0.80 * wide)
    half_height = min(depth * woman.uniform(1.0, 1.3) * own.normal(1, 0.02), 0.46 * tall)
    fold = tall * float(np.clip(woman.normal(0.90, 0.03) + own.normal(0, 0.01), 0.8, 0.97))
    drop = fold - float(np.clip(0.72 * depth + woman.normal(0, 5) + own.normal(0, 2), 45, 85))
    axilla = woman.uniform(0.55, 0.80) + own.normal(0, 0.02)
    return Breast(
        density=density,
        depth=depth,
        half_height=float(half_height),
        roundness=float(woman.uniform(1.65, 2.2)),
        middle=float(0.5 * tall + own.normal(0, 0.02 * tall)),
        fold=fold,
        drop=drop,
        axilla=float(axilla),
        waist=float(0.5 * axilla + 0.5 * woman.uniform(0.75, 0.92)),
        muscle=(
            float(depth * (woman.uniform(0.50, 0.68) + own.normal(0, 0.02))),
            float(drop * (woman.uniform(0.78, 1.0) + own.normal(0, 0.02))),
        ),
        waves=(
            float(own.uniform(0.004, 0.012)),
            float(own.uniform(0.005, 0.018)),
            float(woman.uniform(0, 6.3)),
            float(own.uniform(0, 6.3)),
        ),
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


def tissue(
    breast: Breast,
    view: str,
    frame: Frame,
    canvas: Canvas,
    look: Difficulty,
    key: tuple[int, int, str, int],
) -> Floats:
    """Brightness of the breast without lesions, before the display curve.

    Args:
        breast, view, frame, canvas: what is drawn where.
        look: brightness of gland, strands and texture.
        key: seed, patient, side and exam. Half of what the large structures are made of is shared by the
            woman's two breasts, 85% by one breast's exams; the fine texture is each image's own.
    """
    coarse = _coarse(frame, _GRID_MM)
    seed, patient, side, exam = key
    woman, own = (seed, "tissue", patient, view), (seed, "tissue", patient, side, view)
    fields: list[Floats] = []
    for name, grid, exponent, band, stretch in (
        ("gland", _SMOOTH_GRID_MM, 3.4, (8.0, 45.0), 1.2),
        ("strands", _GRID_MM, 3.2, (6.0, 30.0), 2.2),
        ("septa", _SMOOTH_GRID_MM, 3.6, (13.0, 60.0), 1.3),
    ):
        small = _coarse(frame, grid)
        sources = [
            (generator(*woman, name), 0.5),
            (generator(*own, name), 0.35),
            (generator(*own, name, exam), 0.15),
        ]
        waves = mixed_waves((small.rows, small.columns), sources)
        fields += [_enlarged(field, coarse) for field in textures(waves, small.spacing_mm, exponent, band, stretch)]
    gland, mottle, strand_1, strand_2, septum_1, septum_2 = fields
    x, y = coarse.centres()
    region = breast.gland_shape(view, x, y).astype(np.float32)
    member = _sigmoid((2.6 * region - 0.9 + 0.85 * gland + _BIAS[breast.density]) / 0.28)
    member *= 0.70 + 0.30 * _sigmoid(1.6 * mottle)
    web = np.maximum(_ridges(strand_1, 0.5, coarse), _ridges(strand_2, 0.4, coarse)) * _sigmoid(2.0 * mottle)
    web = np.maximum(web, 0.8 * np.maximum(_ridges(septum_1, 0.7, coarse), _ridges(septum_2, 0.5, coarse)))
    smooth = np.float32(0.05) * gland + np.float32(look.strands) * web
    member, smooth = _enlarged(member, frame), _enlarged(smooth, frame)
    own_waves = mixed_waves((frame.rows, frame.columns), [(generator(*own, "texture", exam), 1.0)])
    fine, muscle_fine = textures(own_waves, frame.spacing_mm, 2.6, (0.0, 9.0))
    member = member * _sigmoid((canvas.under_skin - _RIM_MM[breast.density]) / 1.6)
    field = _FAT + look.gland * member + smooth + look.texture * fine
    if view == "MLO":
        field = _with_muscle(field, breast, frame, muscle_fine, look)
    return _with_skin(field, canvas, frame)


def _with_muscle(field: Floats, breast: Breast, frame: Frame, fine: Floats, look: Difficulty) -> Floats:
    x, y = frame.centres()
    inside = _sigmoid((breast.in_muscle(x, y).astype(np.float32) + 0.8 * fine) / max(0.7, 0.5 * frame.spacing_mm))
    shade = 0.13 + 0.0006 * (breast.drop - y)
    return field + inside * (shade + 0.5 * look.texture * fine)


def _with_skin(field: Floats, canvas: Canvas, frame: Frame) -> Floats:
    """The breast grows thin towards its border, and the skin is a bright line on it."""
    depth = np.maximum(canvas.under_skin, 0)
    width = max(0.8, 0.7 * frame.spacing_mm)
    thinned = field * (1 - 0.68 * np.exp(-depth / 3.8))
    skinned = thinned + 0.15 * np.exp(-0.5 * ((depth - 0.9) / width) ** 2)
    return np.where(canvas.inside, skinned, 0).astype(np.float32)


def _coarse(frame: Frame, grid_mm: float) -> Frame:
    step = max(1.0, grid_mm / frame.spacing_mm)
    rows, columns = round(frame.rows / step), round(frame.columns / step)
    return Frame(rows, columns, frame.height_mm / rows)


def _enlarged(field: Floats, frame: Frame) -> Floats:
    if field.shape == (frame.rows, frame.columns):
        return field
    picture = Image.fromarray(field.astype(np.float32))
    return np.asarray(picture.resize((frame.columns, frame.rows), Image.Resampling.BICUBIC))


def _ridges(field: Floats, sigma_mm: float, frame: Frame) -> Floats:
    """Thin curves along the zero level of a texture: 1 on the curve, with the given half width."""
    down, right = np.gradient(field, np.float32(frame.spacing_mm))
    steepness = np.sqrt(down * down + right * right) + np.float32(1e-3)
    sigma = np.hypot(sigma_mm, 0.45 * frame.spacing_mm)
    distance = field / (steepness * np.float32(sigma))
    return np.asarray(np.float32(sigma_mm / sigma) * np.exp(np.float32(-0.5) * distance * distance))


def _sigmoid(values: NDArray[np.floating]) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), dtype=np.float32)
