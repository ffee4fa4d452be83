"""Crops: a grid laid over an image, and where Wu et al.'s window lies.

A crop says which part of a prepared image a network reads and at what size; nothing is read until
the library asks for its pixels. Findings and answers move by the same affine map.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cadkit.data.affine import Affine

if TYPE_CHECKING:
    from cadkit.data.exam import Image

Size = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A rectangle in prepared pixels; it may reach beyond the image, where the picture is 0."""

    top: float
    left: float
    height: float
    width: float


@dataclass(frozen=True)
class Crop:
    """A grid of `size` (rows, columns) and the affine map from it to prepared pixels.

    Attributes:
        image: the image to be read.
        size: rows and columns of the grid.
        matrix: from continuous grid coordinates to continuous prepared pixels.
        channels: `pixels`, and any `<map>/<label>` of a prediction folder.
    """

    image: Image
    size: Size
    matrix: Affine
    channels: tuple[str, ...] = ("pixels",)

    def at(self, size: Size) -> Crop:
        """The same part of the image on a grid of another size."""
        rows, columns = self.size
        scale = Affine.scale(columns / size[1], rows / size[0])
        return replace(self, size=size, matrix=self.matrix @ scale)

    def centered(self, size: Size) -> Crop:
        """A grid of another size at the same scale about the same centre: cut, or 0 outside."""
        shift = Affine.shift((self.size[1] - size[1]) / 2, (self.size[0] - size[0]) / 2)
        return replace(self, size=size, matrix=self.matrix @ shift)

    def mirrored(self) -> Crop:
        """The same part of the image seen in a mirror: left is right."""
        return replace(self, matrix=self.matrix @ Affine.mirror(self.size[1]))

    def pixels(self, *, outside: float = 0.0) -> NDArray[np.float32]:
        """Read it: float32, rows x columns of the grid, 0 to 1.

        It is resampled (bicubic; averaged where it shrinks the picture) as for a batch of `cadkit.training`.

        Args:
            outside: value where there is no picture.
        """
        from cadkit.data.resampling import picture

        return picture(self, outside)

    def jitter(
        self,
        rng: np.random.Generator,
        *,
        shift: float = 0.0,
        scale: tuple[float, float] = (1.0, 1.0),
        rotate: float = 0.0,
        shear: float = 0.0,
        flip: float = 0.0,
    ) -> Crop:
        """A random affine change about the grid's centre.

        Args:
            rng: where the numbers come from.
            shift: largest translation as a share of the grid's size, along either axis.
            scale: range of the factor by which the picture grows.
            rotate: largest rotation in degrees, either way.
            shear: largest shear in degrees, either way.
            flip: probability of a mirror image.
        """
        rows, columns = self.size
        factor = rng.uniform(*scale)
        turn, lean = np.deg2rad(rng.uniform(-rotate, rotate)), np.tan(np.deg2rad(rng.uniform(-shear, shear)))
        x, y = rng.uniform(-shift, shift, 2) * (columns, rows)
        mirrored = -1.0 if rng.random() < flip else 1.0
        linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        linear = linear @ np.array([[1.0, lean], [0.0, 1.0]]) @ np.diag([mirrored, 1.0]) / factor
        center = np.array([columns / 2, rows / 2])
        offset = center - linear @ (center + np.array([x, y]))
        return replace(self, matrix=self.matrix @ Affine.of(np.column_stack([linear, offset])))


def starts(length: int, tile: int, step: int) -> list[int]:
    """Where tiles of an axis begin that cover it; the last is moved back to end with it."""
    last = max(0, length - tile)
    return [*range(0, last, step), last]


def place_window(
    view: str, size: Size, center: tuple[int, int], image: Size, rng: np.random.Generator | None, noise: float
) -> Window:
    """Where a window of `size` lies over a prepared image (Wu et al. 2019; docs/formats.md "Windows").

    Without `rng`: the window about `center`, shifted back inside the image where it sticks out; an
    image that is too small is padded with 0, in a CC view equally above and below (the odd row
    below), in other views below only, and to the right.

    With `rng`: the location moves by up to `noise` pixels per axis and then each of the four borders
    by up to `noise` (in x in proportion to the window's width), both limited by the free margin of
    the image, whose padding is widened by `noise`.

    Args:
        view: CC, MLO, ...
        size: rows and columns of the window, in prepared pixels.
        center: (row, column) of the best centre; it may lie outside the image.
        image: rows and columns of the prepared image.
        rng: generator of the noise, or None.
        noise: in prepared pixels.
    """
    margin = noise if rng is not None else 0.0
    spare_rows, spare_columns = max(0.0, size[0] + margin - image[0]), max(0.0, size[1] + margin - image[1])
    above = spare_rows // 2 if view == "CC" else 0.0
    top_limit, bottom_limit = -above, image[0] + spare_rows - above
    left_limit, right_limit = 0.0, image[1] + spare_columns
    if size[0] > image[0]:
        top = -((size[0] - image[0]) // 2) if view == "CC" else 0
    else:
        top = center[0] - size[0] // 2
    left = 0 if size[1] > image[1] else center[1] - size[1] // 2
    y = float(np.clip(top, top_limit, bottom_limit - size[0]))
    x = float(np.clip(left, left_limit, right_limit - size[1]))
    if rng is None:
        return Window(y, x, size[0], size[1])
    y += rng.uniform(-min(noise, y - top_limit), min(noise, bottom_limit - size[0] - y))
    x += rng.uniform(-min(noise, x - left_limit), min(noise, right_limit - size[1] - x))
    free = min(noise, y - top_limit, x - left_limit, bottom_limit - size[0] - y, right_limit - size[1] - x)
    free_x = free * size[1] / size[0]
    up, down = rng.uniform(-free, free, 2)
    leftwards, rightwards = rng.uniform(-free_x, free_x, 2)
    return Window(y - up, x - leftwards, size[0] + up + down, size[1] + leftwards + rightwards)
