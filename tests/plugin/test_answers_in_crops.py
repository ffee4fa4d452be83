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


def image() -> Image:
    exam: Any = SimpleNamespace(_data=SimpleNamespace(pixel_source=OneSize()), _columns=lambda row, owner: row)
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


def test_a_mirrored_crop_is_turned_back() -> None:
    crop = image().whole().mirrored()
    marks = Marks([1.0], points=[(2.5, 7.5)], boxes=[(1, 7, 3, 8)])
    saliency = Saliency([[[0.1, 0.9], [0.2, 0.3]]], edges=([0, 10, 40], [0, 5, 20]))
    given = ImagePrediction({}, marks=marks, rois=Marks([1.0], points=[(-1, 0)]), saliency=saliency, frame=crop)
    assert given.marks.points.tolist() == [[17.5, 7.5]]
    assert given.marks.boxes.tolist() == [[17, 7, 19, 8]]
    assert given.rois.points.tolist() == [[21, 0]]
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
