"""Pixels of crops at their own borders, and of crops that leave the picture."""

from __future__ import annotations

import numpy as np
import pytest

from cadkit.data import Affine, Crop, Image
from cadkit.plugin import ModelInfo
from cadkit.testing.exams import Plan, draw


@pytest.fixture(scope="module")
def image() -> Image:
    plan = Plan("e", "test", 0, slots=("L-CC",), shape=(96, 64))
    return draw([plan], ModelInfo(("malignant",), "risk")).exams[0].images[0]


@pytest.mark.parametrize("scale", [0.4, 1.0, 1.3, 1.5, 1.95])
def test_a_part_of_a_larger_crop_has_its_pixels_up_to_the_border(image: Image, scale: float) -> None:
    whole = Crop(image, (45, 30), Affine.scale(scale, scale))
    part = Crop(image, (11, 9), Affine.shift(8 * scale, 14 * scale) @ Affine.scale(scale, scale))
    assert np.abs(part.pixels() - whole.pixels()[14:25, 8:17]).max() < 1e-6


@pytest.mark.parametrize("scale", [1.5, 1.99, 2.0, 2.5, 2.99, 5.7])
def test_a_part_of_an_even_picture_is_even(scale: float) -> None:
    data = draw([Plan("e", "test", 0, slots=("L-CC",), shape=(160, 144))], ModelInfo(("malignant",), "risk"))
    image = data.exams[0].images[0]
    data.pixel_source.pictures[image.id][:] = 52428  # 0.8
    part = Crop(image, (8, 6), Affine.shift(40.3, 47.1) @ Affine.scale(scale, scale))
    assert np.abs(part.pixels() - 0.8).max() < 1e-5


@pytest.mark.parametrize("angle", [0, 30])
@pytest.mark.parametrize("center", [(-100, 48), (164, 48), (32, -100), (32, 196), (1e4, 1e4)])
@pytest.mark.parametrize("size", [(9, 7), (40, 40)])
def test_a_crop_beside_the_picture_is_black(
    image: Image, center: tuple[float, float], size: tuple[int, int], angle: float
) -> None:
    crop = image.around(center, (20, 20), size, angle=angle)
    assert crop.pixels().tolist() == np.zeros(size).tolist()
    assert (crop.pixels(outside=0.5) == 0.5).all()
