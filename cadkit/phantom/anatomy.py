"""One view of the breast without lesions: gland, fat, ligaments, vessels, muscle, skin.

Everything is drawn in the frame of `projection`: chest wall at the left edge, x towards the nipple.
Brightness stands for attenuation, after the thickness equalisation of an image for presentation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from cadkit.phantom.curves import ducts, ligaments, vessels
from cadkit.phantom.difficulty import Difficulty
from cadkit.phantom.noise import Floats, generator, mixed_waves, textures
from cadkit.phantom.projection import Frame
from cadkit.phantom.shape import Breast, Canvas
from cadkit.phantom.strokes import Strokes, draw_strokes
from cadkit.phantom.volume import Volume

_FAT = 0.16
# mm of gland along the beam that bring brightness to 63% of what any amount of gland brings.
_GLAND_MM = 34.0
_RIM_MM = {"A": 12.0, "B": 9.0, "C": 6.5, "D": 4.5}
# Anatomical textures are smooth: they are computed on a grid no finer than this and enlarged.
_GRID_MM = 0.4
# ... and those without any fine structure on one no finer than this.
_SEPTA_MM = 1.5


def tissue(
    breast: Breast,
    volume: Volume,
    view: str,
    frame: Frame,
    canvas: Canvas,
    look: Difficulty,
    key: tuple[int, int, str, int],
    age: int,
) -> Floats:
    """Brightness of the breast without lesions, before the acquisition.

    Args:
        breast, volume, view, frame, canvas: what is drawn where.
        look: brightness of gland, strands and texture.
        key: seed, patient, side and visit. Half of what strands are made of is shared by the woman's two
            breasts, 85% by one breast's exams; the fine texture is each image's own.
        age: in years; calcified vessels grow more frequent with it.

    Returns:
        rows x columns, 0 outside the breast.
    """
    seed, patient, side, visit = key
    coarse = frame.coarser(_GRID_MM)
    projection = breast.projection(view)
    shadow = gaussian_filter(volume.shadow(projection, coarse), 0.45 * volume.voxel_mm / coarse.spacing_mm)
    dense = _enlarged(1 - np.exp(-shadow / np.float32(_GLAND_MM)), frame)
    dense *= _sigmoid((canvas.under_skin - _RIM_MM[breast.density]) / 1.8)
    web = _enlarged(_web(coarse, view, key), frame)
    own = generator(seed, "texture", patient, side, visit, view)
    waves = mixed_waves((frame.rows, frame.columns), [(own, 1.0)])
    fine, muscle_fine = textures(waves, frame.spacing_mm, 2.9, (0.0, 9.0))
    field = _FAT + look.gland * dense + np.float32(look.strands) * web * (np.float32(0.6) + np.float32(0.4) * dense)
    field += look.texture * fine * (np.float32(0.6) + np.float32(0.8) * dense)
    field += _lines(breast, view, frame, seed, patient, side, age)
    if view == "MLO":
        field = _with_muscle(field, breast, frame, muscle_fine, look, generator(seed, "muscle", patient, side))
    return _with_skin(field, breast, view, canvas, frame, generator(seed, "skin", patient, side, view))


def _web(frame: Frame, view: str, key: tuple[int, int, str, int]) -> Floats:
    """Thin strands, which fade in and out: level lines of smooth textures."""
    seed, patient, side, visit = key
    strands: list[Floats] = []
    for name, grid, band, stretch in (("strands", _GRID_MM, (5.0, 26.0), 2.4), ("septa", _SEPTA_MM, (13.0, 60.0), 1.3)):
        small = frame.coarser(grid)
        waves = mixed_waves(
            (small.rows, small.columns),
            [
                (generator(seed, name, patient, view), 0.5),
                (generator(seed, name, patient, side, view), 0.35),
                (generator(seed, name, patient, side, view, visit), 0.15),
            ],
        )
        pair = textures(waves, small.spacing_mm, 3.4, band, stretch)
        first, second = (_enlarged(field, frame) for field in pair)
        # Each of the two decides where the other's lines are seen.
        strands.append(_ridges(first, 0.40, frame) * _sigmoid(3.0 * second - 0.8))
        strands.append(_ridges(second, 0.55, frame) * _sigmoid(3.0 * first - 0.8))
    return np.asarray(np.maximum.reduce(strands))


def _lines(breast: Breast, view: str, frame: Frame, seed: int, patient: int, side: str, age: int) -> Floats:
    """Ligaments, ducts and vessels."""
    lines = np.zeros((frame.rows, frame.columns), dtype=np.float32)
    vein, wall = vessels(breast, seed, patient, side, age)
    for strokes in (ligaments(breast, seed, patient, side), ducts(breast, seed, patient, side), vein, wall):
        if strokes is not None:
            _draw_in_place(lines, strokes, breast, view, frame)
    return lines


def _draw_in_place(field: Floats, strokes: Strokes, breast: Breast, view: str, frame: Frame) -> None:
    """Strokes whose centre is the nipple."""
    x, y = frame.centres()
    ends = breast.projection(view).project(np.stack([strokes.start, strokes.end], axis=1))
    draw_strokes(field, strokes, ends, x[0], y[:, 0], frame.spacing_mm)


def _with_muscle(
    field: Floats, breast: Breast, frame: Frame, fine: Floats, look: Difficulty, random: np.random.Generator
) -> Floats:
    """The pectoral muscle: brighter towards the axilla, with fibres along its edge."""
    x, y = frame.centres()
    coarse = frame.coarser(2 * _GRID_MM)
    top, low = breast.muscle
    waves = mixed_waves((coarse.rows, coarse.columns), [(random, 1.0)])
    fibre, cloud = textures(waves, coarse.spacing_mm, 3.0, (2.5, 40.0), 5.0, float(np.arctan2(low, -top)))
    depth = breast.in_muscle(x, y).astype(np.float32) + np.float32(0.7) * _enlarged(cloud, frame)
    inside = _sigmoid(depth / max(1.1, 0.7 * frame.spacing_mm))
    shade = random.uniform(0.10, 0.18) + 0.0008 * (breast.drop - y) + 0.05 * _sigmoid((depth - 12) / 6)
    grain = 0.045 * _enlarged(fibre, frame) + 0.5 * look.texture * fine
    # Breast tissue lies before the muscle and shines through it.
    return np.asarray(field + inside * (shade + grain - 0.35 * (field - _FAT)), dtype=np.float32)


def _with_skin(
    field: Floats, breast: Breast, view: str, canvas: Canvas, frame: Frame, random: np.random.Generator
) -> Floats:
    """The breast grows thin towards its border; the skin is a bright line on it, brightest where it is folded."""
    _, y = frame.centres()
    depth = np.maximum(canvas.under_skin, 0)
    thick = random.uniform(0.8, 1.1)
    below = np.clip((y - breast.nipple_y(view)) / 45.0, -1, 1)
    bright = np.float32(0.15) + np.float32(0.06) * below
    wave = sum(random.normal(0, 0.02) * np.sin(y / length + random.uniform(0, 6.3)) for length in (4.0, 9.0, 21.0))
    thinned = field * (1 - np.float32(0.55) * np.exp(-depth / np.float32(3.2)))
    width = max(0.55 * thick, 0.7 * frame.spacing_mm)
    line = np.exp(np.float32(-0.5) * ((depth - np.float32(thick)) / np.float32(width)) ** 2)
    nipple = np.exp(-0.5 * ((y - breast.nipple_y(view)) / 4.2) ** 2) * np.exp(-depth / 7.0)
    skinned = thinned + np.maximum(bright + wave, 0.05) * line + np.float32(0.13) * nipple.astype(np.float32)
    return np.where(canvas.inside, skinned, 0).astype(np.float32)


def _enlarged(field: Floats, frame: Frame) -> Floats:
    if field.shape == (frame.rows, frame.columns):
        return field
    picture = Image.fromarray(field.astype(np.float32))
    return np.array(picture.resize((frame.columns, frame.rows), Image.Resampling.BICUBIC))


def _ridges(field: Floats, sigma_mm: float, frame: Frame) -> Floats:
    """Thin curves along the zero level of a texture: 1 on the curve, with the given half width."""
    down, right = np.gradient(field, np.float32(frame.spacing_mm))
    steepness = np.sqrt(down * down + right * right) + np.float32(1e-3)
    sigma = np.hypot(sigma_mm, 0.45 * frame.spacing_mm)
    distance = field / (steepness * np.float32(sigma))
    return np.asarray(np.float32(sigma_mm / sigma) * np.exp(np.float32(-0.5) * distance * distance))


def _sigmoid(values: NDArray[np.floating]) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), dtype=np.float32)
