"""Answers in the pixels of a crop, moved to the picture with a pencil."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cadkit.data import Affine, Crop, Image
from cadkit.plugin import ImagePrediction, Marks, Saliency


class OneSize:
    """What an image asks of its source for its shape."""

    def shape(self, image_id: str) -> tuple[int, int]:
        return 40, 20


def image(source: OneSize | None = None) -> Image:
    exam: Any = SimpleNamespace(
        _data=SimpleNamespace(pixel_source=source or OneSize()), _columns=lambda row, owner: row
    )
    return Image(exam, {"image_id": "i", "side": "L", "view": "CC"})


def test_a_letterbox_is_taken_off() -> None:
    # 40 rows x 20 columns on a grid of 10 x 10: a quarter of the size, 5 columns, 2.5 of padding at either side.
    crop = image().fitted((10, 10))
    marks = Marks([0.9, 0.5], boxes=[(2.5, 0, 7.5, 10), (3.5, 2, 4.5, 4)])
    given = ImagePrediction({"malignant": 0.9}, marks=marks, frame=crop)
    assert given.frame == "prepared"
    assert given.marks.boxes.tolist() == [[0, 0, 20, 40], [4, 8, 8, 16]]
    assert given.marks.points.tolist() == [[10, 20], [6, 12]]


def test_what_lies_in_the_padding_is_cut_or_left_out() -> None:
    crop = image().fitted((10, 10))
    boxes = [(0, 0, 2, 3), (1.5, 1, 4.5, 2), (8, 8, 9, 9)]
    marks = Marks([0.1, 0.2, 0.3], boxes=boxes, labels=[0, 1, 0])
    given = ImagePrediction({}, marks=marks, frame=crop).marks
    assert given.boxes.tolist() == [[0, 4, 8, 8]]
    assert given.points.tolist() == [[4, 6]]
    assert (given.scores.tolist(), given.labels.tolist()) == ([0.2], [1])


def test_regions_in_the_padding_are_cut_and_none_is_left_out() -> None:
    # Half of the grid's columns show the picture, from 2.5 to 7.5, at a quarter of its size.
    rois = Marks([0.5, 0.3, 0.2], boxes=[(1, 1, 4, 3), (3, 1, 5, 3), (8, 0, 10, 12)])
    given = ImagePrediction({}, rois=rois, frame=image().fitted((10, 10))).rois
    assert given.boxes.tolist() == [[0, 4, 6, 12], [2, 4, 10, 12], [20, 0, 20, 40]]
    assert given.points.tolist() == [[3, 8], [6, 8], [20, 20]]
    assert given.scores.tolist() == [0.5, 0.3, 0.2]
    beside = ImagePrediction({}, rois=Marks([1.0], points=[(-1, 12)]), frame=image().fitted((10, 10))).rois
    assert beside.points.tolist() == [[0, 40]]


@pytest.mark.parametrize("column", [0, 7], ids=["left", "right"])
def test_cells_of_a_map_in_the_padding_are_no_part_of_it(column: int) -> None:
    # A cell is 5 x 5 pixels; columns 0 and 1, 6 and 7 lie beside the picture.
    values = np.zeros((1, 8, 8))
    values[0, 3, column], values[0, 2, 4] = 0.9, 0.5
    given = ImagePrediction({}, saliency=Saliency(values), frame=image().fitted((8, 8))).saliency
    assert given.values.shape == (1, 8, 4)
    assert np.argwhere(given.values).tolist() == [[0, 2, 2]]
    assert (given.window, given.edges[1].tolist()) == ((0, 0, 20, 40), [0, 5, 10, 15, 20])


def test_cells_on_the_border_are_cut() -> None:
    # A cell is 10 x 10 pixels, the grid begins at column -10: half of the middle cells' columns lie in the picture.
    given = ImagePrediction({}, saliency=Saliency([[[0.25, 0.5, 0.75]] * 4]), frame=image().fitted((4, 3))).saliency
    assert given.edges[1].tolist() == [0, 5, 15, 20]
    uneven = Saliency([[[0.25, 0.5, 0.75]]], edges=([0, 4], [0, 0.5, 1, 3]))
    given = ImagePrediction({}, saliency=uneven, frame=image().fitted((4, 3))).saliency
    assert (given.edges[1].tolist(), given.values.tolist()) == ([0, 5, 20], [[[0.5, 0.75]]])


def test_a_map_beside_the_picture_is_0() -> None:
    beside = Crop(image(), (4, 4), Affine.shift(30, 0))
    given = ImagePrediction({}, saliency=Saliency(np.ones((2, 4, 4))), frame=beside).saliency
    assert (given.values.tolist(), given.window) == ([[[0]], [[0]]], None)


def test_a_mirrored_crop_is_turned_back() -> None:
    crop = image().whole().mirrored()
    marks = Marks([1.0], points=[(2.5, 7.5)], boxes=[(1, 7, 3, 8)])
    saliency = Saliency([[[0.1, 0.9], [0.2, 0.3]]], edges=([0, 10, 40], [0, 5, 20]))
    given = ImagePrediction({}, marks=marks, rois=Marks([1.0], points=[(1, 0)]), saliency=saliency, frame=crop)
    assert given.marks.points.tolist() == [[17.5, 7.5]]
    assert given.marks.boxes.tolist() == [[17, 7, 19, 8]]
    assert given.rois.points.tolist() == [[19, 0]]
    assert given.saliency.values.tolist() == np.array([[[0.9, 0.1], [0.3, 0.2]]], np.float32).tolist()
    assert given.saliency.edges[0].tolist() == [0, 10, 40]
    assert given.saliency.edges[1].tolist() == [0, 15, 20]


def test_a_point_that_is_not_the_middle_of_its_box_stays_where_it_is() -> None:
    cut = Marks([1.0], points=[(18, 30)], boxes=[(10, 20, 30, 60)]).within((40, 20))
    assert (cut.points.tolist(), cut.boxes.tolist()) == ([[18, 30]], [[10, 20, 20, 40]])
    assert Marks([1.0, 1.0], points=[(21, 3), (20, 40)]).within((40, 20)).points.tolist() == [[20, 40]]


def test_a_map_of_fewer_cells_is_in_the_frame_of_a_smaller_crop() -> None:
    given = ImagePrediction({}, saliency=Saliency(np.zeros((1, 10, 5))), frame=image().whole((10, 5)))
    assert given.saliency.window == (0, 0, 20, 40)
    given = ImagePrediction({}, marks=Marks([1.0], points=[(0.5, 9.5)]), frame=image().whole((10, 5)))
    assert given.marks.points.tolist() == [[2, 38]]


def test_tiles_become_cells_half_way_between_their_middles() -> None:
    tiles = image().tiles((16, 20), (10, 8))
    assert [row[0].matrix.values[5] for row in tiles] == [0, 10, 20, 24]
    assert [len(row) for row in tiles] == [1, 1, 1, 1]
    made = Saliency.of_tiles([[[0.1], [0.2], [0.3], [0.4]]], tiles)
    # Their middles lie at rows 8, 18, 28 and 32.
    assert made.edges[0].tolist() == [0, 13, 23, 30, 40]
    assert made.edges[1].tolist() == [0, 20]


def test_a_small_picture_has_one_tile() -> None:
    ((tile,),) = image().tiles((64, 64))
    assert (tile.size, tile.matrix) == ((64, 64), Affine())


def test_wrong_frames_are_refused() -> None:
    turned = Crop(image(), (8, 6), Affine((0, -1, 5, 1, 0, 0)))
    with pytest.raises(ValueError, match="turned crop has no window"):
        ImagePrediction({}, saliency=Saliency(np.zeros((1, 2, 2))), frame=turned)
    with pytest.raises(ValueError, match="'prepared', 'file' or a crop of the image, not 'network'"):
        ImagePrediction({}, frame="network")  # type: ignore[arg-type]
    for places in ({}, {"marks": Marks([1.0], points=[(1, 1)])}):
        with pytest.raises(ValueError, match="or a crop of the image, not None"):
            ImagePrediction({}, frame=None, **places)  # type: ignore[arg-type]


def test_tiles_that_are_no_plain_ones_are_refused() -> None:
    tile = image().whole()
    for other in (tile.mirrored(), Crop(tile.image, (8, 6), Affine((0, -1, 5, 1, 0, 0)))):
        with pytest.raises(ValueError, match="one is turned or mirrored"):
            Saliency.of_tiles([[[0.5, 0.5]]], [[tile, other]])


@pytest.mark.parametrize("size", [(0, 3), (4, -1)])
def test_sizes_that_are_not_positive_are_refused(size: tuple[int, int]) -> None:
    for make in (image().fitted, image().tiles, lambda step: image().tiles((4, 4), step)):
        with pytest.raises(ValueError, match=r"(size|step) is two numbers above 0, rows and columns, not \("):
            make(size)


def test_a_file_without_a_stated_size_has_whole_pixels() -> None:
    class Filed(OneSize):
        def to_file(self, image_id: str) -> Affine:
            return Affine((1, 0, 578.9999999999999, 0, 1, 0.0000000001))

    assert image(Filed()).as_filed().size == (40, 599)
