"""From a crop to the numbers that read it: which stored pixels, and how they are weighed.

An axis-aligned crop is resampled along rows and along columns by bicubic interpolation (Keys with
a = -0.75, as torch's and OpenCV's); where it shrinks the picture the kernel widens with the scale, so that nothing
aliases, and from twice on whole blocks are averaged first. Outside the picture there is 0. A crop at scale 1 and whole
pixels gives the pixels themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cadkit.data.affine import Affine

if TYPE_CHECKING:
    from cadkit.data.crop import Crop

Floats = NDArray[np.float64]
_A = -0.75
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Taps:
    """How each pixel of an axis is a weighted sum of stored ones.

    Attributes:
        index: taps x length, int64, within the raw picture.
        weight: taps x length, float32; 0 where the tap lies outside.
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float32]


@dataclass(frozen=True)
class RawCrop:
    """The part of a stored picture that a crop touches.

    Attributes:
        pixels: rows x columns, uint16, possibly averaged over blocks.
        size: rows and columns of the crop's grid.
        matrix: from the grid to prepared pixels.
        rows, columns: taps of an axis-aligned crop, or None.
        to_raw: of any other crop: from the grid to `pixels`; None for an axis-aligned one.
    """

    pixels: NDArray[np.uint16]
    size: tuple[int, int]
    matrix: Affine
    rows: Taps | None = None
    columns: Taps | None = None
    to_raw: Affine | None = None


def cubic(distance: Floats) -> Floats:
    """Keys' cubic kernel with a = -0.75."""
    t = np.abs(distance)
    near = ((_A + 2) * t - (_A + 3)) * t * t + 1
    far = ((_A * t - 5 * _A) * t + 8 * _A) * t - 4 * _A
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


def taps(length: int, scale: float, offset: float, limit: int) -> Taps:
    """Taps of an axis of `length` pixels whose pixel i lies at scale * (i + 1/2) + offset of `limit` stored ones.

    Args:
        length: pixels of the axis.
        scale: stored pixels per pixel; negative: mirrored.
        offset: position of the axis' start, in stored pixels.
        limit: number of stored pixels; beyond them there is 0.
    """
    position = scale * (np.arange(length) + 0.5) + offset - 0.5
    wide = max(1.0, abs(scale))
    reach = math.ceil(2 * wide - _ROUNDING)
    index = np.floor(position).astype(np.int64)[None] + np.arange(1 - reach, reach + 1)[:, None]
    weight = cubic((index - position[None]) / wide)
    weight /= weight.sum(0, keepdims=True)
    inside = (index >= 0) & (index < limit)
    return Taps(index.clip(0, limit - 1), np.where(inside, weight, 0.0).astype(np.float32))


@dataclass(frozen=True)
class Blocks:
    """Blocks of one axis that a crop touches: `count` of `size` stored pixels each, from `start` on."""

    start: int
    size: int
    count: int


def _blocks(low: float, high: float, scale: float, limit: int, size: int) -> Blocks:
    margin = math.ceil(2 * max(1.0, scale / size)) + 1
    start = math.floor(low) - margin * size
    count = math.ceil((high - start) / size) + margin
    ahead = max(0, -start // size)
    start, count = start + ahead * size, count - ahead
    count = min(count, -(-(limit - start) // size))
    return Blocks(start, size, max(0, count))


def read_crop(crop: Crop) -> RawCrop:
    """Read what a crop needs of its image."""
    matrix, (rows, columns) = crop.matrix, crop.size
    a, b, c, d, e, f = matrix.values
    across, down = math.hypot(a, d), math.hypot(b, e)
    block_x, block_y = (max(1, math.floor(s + _ROUNDING)) for s in (across, down))
    if not matrix.axis_aligned:
        block_x = block_y = min(block_x, block_y)
    x0, y0, x1, y1 = matrix.box((0, 0, columns, rows))
    image_rows, image_columns = crop.image.shape
    x = _blocks(x0, x1, across, image_columns, block_x)
    y = _blocks(y0, y1, down, image_rows, block_y)
    pixels = _averaged(crop, y, x)
    if not matrix.axis_aligned:
        to_raw = Affine.scale(1 / x.size, 1 / y.size) @ Affine.shift(-x.start, -y.start) @ matrix
        return RawCrop(pixels, crop.size, matrix, to_raw=to_raw)
    return RawCrop(
        pixels,
        crop.size,
        matrix,
        rows=taps(rows, e / y.size, (f - y.start) / y.size, pixels.shape[0]),
        columns=taps(columns, a / x.size, (c - x.start) / x.size, pixels.shape[1]),
    )


def _averaged(crop: Crop, y: Blocks, x: Blocks) -> NDArray[np.uint16]:
    """Means of the blocks, rounded; 0 where they leave the image."""
    if y.count == 0 or x.count == 0:
        return np.zeros((1, 1), dtype=np.uint16)
    rows, columns = crop.image.shape
    height, width = y.count * y.size, x.count * x.size
    top, left = max(0, y.start), max(0, x.start)
    bottom, right = min(rows, y.start + height), min(columns, x.start + width)
    read = crop.image.raw((top, bottom, left, right))
    if read.shape != (height, width):
        whole = np.zeros((height, width), dtype=np.uint16)
        whole[top - y.start : bottom - y.start, left - x.start : right - x.start] = read
        read = whole
    area = y.size * x.size
    if area == 1:
        return np.ascontiguousarray(read)
    sums = read.reshape(y.count, y.size, width).sum(1, dtype=np.uint32)
    sums = sums.reshape(y.count, x.count, x.size).sum(2, dtype=np.uint32)
    means: NDArray[np.uint16] = ((sums + area // 2) // area).astype(np.uint16)
    return means


def picture(crop: Crop, outside: float = 0.0) -> NDArray[np.float32]:
    """The picture of a crop on its grid.

    An axis-aligned crop is resampled as for a batch of `cadkit.training`; one that is turned or sheared bilinearly.

    Args:
        crop: what to read.
        outside: value of pixels whose centre lies outside the picture.

    Returns:
        rows x columns, float32, 0 to 1.
    """
    read, (rows, columns) = read_crop(crop), crop.size
    raw = read.pixels.astype(np.float32) / np.float32(65535)
    y, x = np.mgrid[:rows, :columns] + 0.5
    if read.rows is None or read.columns is None:
        assert read.to_raw is not None
        across, down = read.to_raw(x, y)
        made = ndimage.map_coordinates(raw, [down - 0.5, across - 0.5], np.float32, order=1, mode="constant")
    else:
        made = _summed(_summed(raw, read.rows).T, read.columns).T
    made = np.ascontiguousarray(made).clip(0, 1)
    if outside:
        across, down = crop.matrix(x, y)
        height, width = crop.image.shape
        made[(across < 0) | (across > width) | (down < 0) | (down > height)] = outside
    return made


def _summed(raw: NDArray[np.float32], given: Taps) -> NDArray[np.float32]:
    """Each pixel of the first axis as the weighted sum of its taps."""
    made = np.zeros((given.index.shape[1], raw.shape[1]), dtype=np.float32)
    for index, weight in zip(given.index, given.weight, strict=True):
        made += weight[:, None] * raw[index]
    return made
