"""Regions of findings: box, circle, polygon, mask and point.

Each region answers the same questions, in continuous pixel coordinates: which points lie in it, its
bounding box, its centre of mass, its area, its pixels, and what it looks like after an affine map.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cadkit.data.affine import IDENTITY, Affine
from cadkit.errors import InputError

Bools = NDArray[np.bool_]
_MASK_FORMATS = ("PNG", "TIFF", "PPM", "GIF", "BMP")
_LARGEST_MASK = 100_000_000
Bounds = tuple[float, float, float, float]


class Region(Protocol):
    """What a finding's shape can be asked. Membership: box and pixel half open, circle closed."""

    @property
    def box(self) -> Bounds:
        """x0, y0, x1, y1, half open."""
        ...

    @property
    def center(self) -> tuple[float, float]:
        """Centre of mass (x, y)."""
        ...

    def contains(self, x: ArrayLike, y: ArrayLike) -> Bools:
        """Whether each point lies in the region."""
        ...

    def raster(self, shape: tuple[int, int]) -> Bools:
        """Pixels (rows, columns) whose centre lies in the region."""
        ...

    def moved(self, affine: Affine) -> Region:
        """The region after a map."""
        ...


def _pixel_centres(region: Region, shape: tuple[int, int]) -> Bools:
    out = np.zeros(shape, dtype=bool)
    x0, y0, x1, y1 = region.box
    left, top = max(0, int(np.floor(x0))), max(0, int(np.floor(y0)))
    right, bottom = min(shape[1], int(np.ceil(x1)) + 1), min(shape[0], int(np.ceil(y1)) + 1)
    if left < right and top < bottom:
        y, x = np.mgrid[top:bottom, left:right] + 0.5
        out[top:bottom, left:right] = region.contains(x, y)
    return out


@dataclass(frozen=True)
class Box:
    """A rectangle, half open: x0 <= x < x1, y0 <= y < y1."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def box(self) -> Bounds:
        return self.x0, self.y0, self.x1, self.y1

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def contains(self, x: ArrayLike, y: ArrayLike) -> Bools:
        x, y = np.asarray(x), np.asarray(y)
        return (x >= self.x0) & (x < self.x1) & (y >= self.y0) & (y < self.y1)

    def raster(self, shape: tuple[int, int]) -> Bools:
        return _pixel_centres(self, shape)

    def moved(self, affine: Affine) -> Region:
        if affine.axis_aligned:
            return Box(*affine.box(self.box))
        x, y = affine([self.x0, self.x1, self.x1, self.x0], [self.y0, self.y0, self.y1, self.y1])
        return Polygon(tuple(zip(x.tolist(), y.tolist(), strict=True)))


@dataclass(frozen=True)
class Circle:
    """A disc with its rim. Under a map that does not keep circles it keeps its area."""

    x: float
    y: float
    radius: float

    @property
    def box(self) -> Bounds:
        return self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius

    @property
    def center(self) -> tuple[float, float]:
        return self.x, self.y

    def contains(self, x: ArrayLike, y: ArrayLike) -> Bools:
        return np.asarray(
            (np.asarray(x) - self.x) ** 2 + (np.asarray(y) - self.y) ** 2 <= self.radius**2, dtype=np.bool_
        )

    def raster(self, shape: tuple[int, int]) -> Bools:
        return _pixel_centres(self, shape)

    def moved(self, affine: Affine) -> Region:
        x, y = affine(self.x, self.y)
        growth = abs(np.linalg.det(affine.matrix[:2, :2])) ** 0.5
        return Circle(float(x), float(y), self.radius * float(growth))


@dataclass(frozen=True)
class Polygon:
    """A closed polygon, even-odd rule."""

    points: tuple[tuple[float, float], ...]

    @property
    def box(self) -> Bounds:
        x, y = np.array(self.points).T
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @property
    def center(self) -> tuple[float, float]:
        x, y = np.array(self.points).T
        x_next, y_next = np.roll(x, -1), np.roll(y, -1)
        cross = x * y_next - x_next * y
        area = cross.sum() / 2
        if area == 0:
            return float(x.mean()), float(y.mean())
        return (
            float(((x + x_next) * cross).sum() / (6 * area)),
            float(((y + y_next) * cross).sum() / (6 * area)),
        )

    def contains(self, x: ArrayLike, y: ArrayLike) -> Bools:
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        inside = np.zeros(np.broadcast(x, y).shape, dtype=bool)
        for (x0, y0), (x1, y1) in zip(self.points, self.points[1:] + self.points[:1], strict=True):
            if y0 == y1:
                continue
            crosses = (y0 <= y) != (y1 <= y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
        return inside

    def raster(self, shape: tuple[int, int]) -> Bools:
        return _pixel_centres(self, shape)

    def moved(self, affine: Affine) -> Region:
        x, y = affine(*np.array(self.points).T)
        return Polygon(tuple(zip(x.tolist(), y.tolist(), strict=True)))


@dataclass(frozen=True)
class Point:
    """A place without extent: it is hit only by distance."""

    x: float
    y: float

    @property
    def box(self) -> Bounds:
        return self.x, self.y, self.x, self.y

    @property
    def center(self) -> tuple[float, float]:
        return self.x, self.y

    def contains(self, x: ArrayLike, y: ArrayLike) -> Bools:
        return np.zeros(np.broadcast(np.asarray(x), np.asarray(y)).shape, dtype=bool)

    def raster(self, shape: tuple[int, int]) -> Bools:
        return np.zeros(shape, dtype=bool)

    def moved(self, affine: Affine) -> Region:
        x, y = affine(self.x, self.y)
        return Point(float(x), float(y))


@dataclass(frozen=True)
class Mask:
    """The non-zero pixels of a PNG, seen through an affine map.

    Attributes:
        path: the picture, in the file's frame, of the size of the image.
        affine: from the picture's frame to this region's.
    """

    path: Path
    affine: Affine = IDENTITY

    @cached_property
    def pixels(self) -> Bools:
        """The picture itself (rows, columns), in the file's frame.

        Raises:
            InputError: it cannot be read as a picture of one channel.
        """
        from PIL import Image as Picture

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Picture.open(self.path, formats=_MASK_FORMATS) as picture:
                    if picture.width * picture.height > _LARGEST_MASK:
                        raise InputError("the mask claims too many pixels", file=self.path.name, value=picture.size)
                    array = np.asarray(picture)
        except InputError:
            raise
        except Exception as error:  # a damaged picture raises one of many kinds
            raise InputError(f"the mask cannot be read: {error}", file=self.path.name) from None
        if array.ndim != 2:
            raise InputError("a mask must have one channel", file=self.path.name, value=array.shape)
        return np.asarray(array != 0)

    @cached_property
    def _extent(self) -> tuple[Bounds, tuple[float, float]]:
        rows, columns = np.nonzero(self.pixels)
        if not len(rows):
            return (0.0, 0.0, 0.0, 0.0), (0.0, 0.0)
        box = float(columns.min()), float(rows.min()), float(columns.max()) + 1, float(rows.max()) + 1
        return box, (float(columns.mean()) + 0.5, float(rows.mean()) + 0.5)

    @property
    def box(self) -> Bounds:
        return self.affine.box(self._extent[0])

    @property
    def center(self) -> tuple[float, float]:
        x, y = self.affine(*self._extent[1])
        return float(x), float(y)

    def contains(self, x: ArrayLike, y: ArrayLike) -> Bools:
        x, y = self.affine.inverse()(x, y)
        column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
        rows, columns = self.pixels.shape
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        return np.asarray(inside & self.pixels[np.where(inside, row, 0), np.where(inside, column, 0)])

    def raster(self, shape: tuple[int, int]) -> Bools:
        if self.affine == IDENTITY and self.pixels.shape == shape:
            return self.pixels
        return _pixel_centres(self, shape)

    def moved(self, affine: Affine) -> Region:
        return Mask(self.path, affine @ self.affine)


def mask_size(path: Path) -> tuple[int, int] | None:
    """Columns and rows of a mask by its header; None if it is not a picture."""
    from PIL import Image as Picture

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Picture.open(path, formats=_MASK_FORMATS) as picture:
                return picture.size
    except Exception:  # a damaged picture raises one of many kinds
        return None


_COUNTS = {"box": 4, "circle": 3, "point": 2}


def parse_region(shape: str, coordinates: str | None, mask: Path | None) -> Region:
    """The region of a row of `findings.csv`.

    Args:
        shape: box (x0 y0 x1 y1), circle (x y radius), polygon (x y x y ...), point (x y) or mask.
        coordinates: numbers separated by blanks.
        mask: the PNG of a mask.

    Raises:
        ValueError: the coordinates do not fit the shape; the text says what was expected.
    """
    if shape == "mask":
        if mask is None:
            raise ValueError("a mask needs a file in the column mask")
        return Mask(mask)
    try:
        numbers = [float(part) for part in (coordinates or "").replace(",", " ").split()]
    except ValueError:
        raise ValueError("coordinates are not numbers separated by blanks") from None
    if not all(np.isfinite(numbers)):
        raise ValueError("coordinates are not finite")
    if shape == "polygon":
        if len(numbers) < 6 or len(numbers) % 2:
            raise ValueError("a polygon needs at least three points, as x y x y x y")
        return Polygon(tuple(zip(numbers[::2], numbers[1::2], strict=True)))
    if shape not in _COUNTS:
        raise ValueError("shape is not one of box, circle, polygon, mask, point")
    if len(numbers) != _COUNTS[shape]:
        raise ValueError(f"a {shape} needs {_COUNTS[shape]} numbers, not {len(numbers)}")
    if shape == "box":
        region: Region = Box(*numbers)
        if numbers[2] <= numbers[0] or numbers[3] <= numbers[1]:
            raise ValueError("a box needs x0 < x1 and y0 < y1")
    elif shape == "circle":
        region = Circle(*numbers)
        if numbers[2] <= 0:
            raise ValueError("a circle needs a radius above 0")
    else:
        region = Point(*numbers)
    return region
