"""Regions against pencil values and a slow literal raster."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from cadkit.data import Affine, Box, Circle, Mask, Point, Polygon, Region
from cadkit.data.shapes import parse_region
from cadkit.errors import InputError

# A concave quadrilateral (an arrow head) and its area by hand: 12 - 3 = 9... see test_polygon_centre.
ARROW = Polygon(((1.0, 1.0), (7.0, 4.0), (1.0, 7.0), (3.0, 4.0)))
MIRROR = Affine((-1.0, 0.0, 40.0, 0.0, 1.0, -5.0))


@pytest.fixture
def mask(tmp_path: Path) -> Mask:
    pixels = np.zeros((12, 10), np.uint8)
    pixels[2:5, 3:9] = 255
    pixels[5:8, 3:5] = 1
    Picture.fromarray(pixels).save(tmp_path / "m.png")
    return Mask(tmp_path / "m.png")


def slow_raster(region: Region, shape: tuple[int, int]) -> np.ndarray:
    return np.array(
        [[bool(region.contains(c + 0.5, r + 0.5)) for c in range(shape[1])] for r in range(shape[0])], dtype=bool
    )


def test_a_box_is_half_open() -> None:
    box = Box(2, 3, 5, 7)
    assert box.contains([2, 4.999, 5, 2], [3, 6.999, 4, 7]).tolist() == [True, True, False, False]
    assert box.box == (2, 3, 5, 7)
    assert box.center == (3.5, 5)
    assert box.raster((10, 10)).sum() == 3 * 4
    # A pixel belongs if its centre does.
    assert Box(2.5, 3.5, 3.5, 4.5).raster((10, 10)).nonzero() == (np.array([3]), np.array([2]))
    assert not Box(2.6, 3.6, 3.4, 4.4).raster((10, 10)).any()


def test_a_circle_is_closed() -> None:
    circle = Circle(5, 5, 2)
    assert circle.contains([7, 7.001, 5, 6.5], [5, 5, 3, 6.5]).tolist() == [True, False, True, False]
    assert circle.box == (3, 3, 7, 7)
    # Centres at distance up to 2: rows 3 and 6 hold 2 of them, rows 4 and 5 hold 4 (1.5^2 + 1.5^2 > 4).
    assert circle.raster((10, 10)).sum(axis=1).tolist() == [0, 0, 0, 2, 4, 4, 2, 0, 0, 0]


def test_a_polygon_by_the_even_odd_rule() -> None:
    # Right of the notch is inside, in the notch is not.
    assert ARROW.contains([4, 2, 6.9, 1.5], [4, 4, 4, 1.5]).tolist() == [True, False, True, True]
    star = Polygon(((0, 0), (8, 0), (8, 8), (0, 8), (0, 0), (2, 2), (6, 2), (6, 6), (2, 6), (2, 2)))
    assert star.contains([1, 4], [1, 4]).tolist() == [True, False]


def test_polygon_centre() -> None:
    assert Polygon(((0, 0), (4, 0), (4, 2), (0, 2))).center == (2, 1)
    # Triangle (1,1) (7,4) (1,7), area 18, centroid (3, 4), less the notch (1,1) (3,4) (1,7), area 6, (5/3, 4).
    x, y = ARROW.center
    assert (x, y) == (pytest.approx((18 * 3 - 6 * 5 / 3) / 12), pytest.approx(4))
    assert Polygon(((1, 1), (3, 3), (5, 5))).center == (3, 3)


def test_a_mask(mask: Mask) -> None:
    assert mask.box == (3, 2, 9, 8)
    # 18 pixels with centre (6, 3.5) and 6 with (4, 6.5).
    assert mask.center == (pytest.approx((18 * 6 + 6 * 4) / 24), pytest.approx((18 * 3.5 + 6 * 6.5) / 24))
    assert mask.contains([3, 8.99, 9, 6, -1, 100], [2, 4.99, 3, 6, 3, 3]).tolist() == [True, True, False] + [False] * 3
    assert mask.raster((12, 10)).sum() == 24


def test_a_point_has_no_extent() -> None:
    assert not Point(3, 3).contains(3, 3)
    assert not Point(3, 3).raster((9, 9)).any()
    assert Point(3, 3).moved(MIRROR) == Point(37, -2)


@pytest.mark.parametrize("shape", [(12, 10), (5, 30), (30, 5)])
def test_rasters_are_the_slow_ones(mask: Mask, shape: tuple[int, int]) -> None:
    turned = Affine((0.8, -0.6, 3.0, 0.6, 0.8, 1.0))
    regions = [Box(-2, 1.2, 6.5, 99), Circle(4, 8, 5.3), ARROW, ARROW.moved(turned), Box(1, 1, 7, 5).moved(turned)]
    regions += [mask, mask.moved(turned), mask.moved(Affine.shift(2, -3))]
    for region in regions:
        np.testing.assert_array_equal(region.raster(shape), slow_raster(region, shape), err_msg=repr(region))


def test_regions_move_with_the_picture(mask: Mask) -> None:
    """A point is in the region if and only if its image is in the moved one."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 12, 500), rng.uniform(0, 12, 500)
    turned = Affine((0.8, -0.6, 3.0, 0.6, 0.8, 1.0))
    for affine in (MIRROR, turned, Affine.scale(2, 2)):
        for region in (Box(2, 3, 5, 7), Circle(5, 5, 3), ARROW, mask):
            np.testing.assert_array_equal(region.moved(affine).contains(*affine(x, y)), region.contains(x, y))


def test_a_box_stays_a_box_where_axes_stay_axes() -> None:
    assert Box(2, 3, 5, 7).moved(MIRROR) == Box(35, -2, 38, 2)
    quarter = Box(0, 0, 2, 1).moved(Affine((0, -1, 0, 1, 0, 0)))
    assert quarter.box == (-1, 0, 0, 2)


def test_a_circle_keeps_its_area_under_uneven_scales() -> None:
    moved = Circle(1, 1, 2).moved(Affine.scale(4, 1))
    assert moved == Circle(4, 1, 4)
    assert math.pi * 4**2 == pytest.approx(4 * math.pi * 2**2)


def test_parsing() -> None:
    assert parse_region("box", "1 2, 3.5  4", None) == Box(1, 2, 3.5, 4)
    assert parse_region("circle", "1 2 3", None) == Circle(1, 2, 3)
    assert parse_region("point", "1 2", None) == Point(1, 2)
    assert parse_region("polygon", "0 0 1 0 1 1", None) == Polygon(((0, 0), (1, 0), (1, 1)))
    assert parse_region("mask", None, Path("m.png")) == Mask(Path("m.png"))
    for shape, text in (("box", "1 2 3"), ("line", "1 2"), ("mask", "1"), ("circle", "1 2 -3"), ("point", "a b")):
        with pytest.raises(ValueError, match=r"\w"):
            parse_region(shape, text, None)


def test_a_mask_that_is_no_picture_says_so(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_text("no")
    with pytest.raises(InputError, match=r"m\.png: the mask cannot be read"):
        Mask(tmp_path / "m.png").center  # noqa: B018
    Picture.fromarray(np.zeros((3, 3, 3), np.uint8)).save(tmp_path / "c.png")
    with pytest.raises(InputError, match="one channel"):
        Mask(tmp_path / "c.png").center  # noqa: B018
