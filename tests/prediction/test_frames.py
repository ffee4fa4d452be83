"""Marks and maps of prepared pixels in the frame of the file, by pencil."""

from __future__ import annotations

import numpy as np
import pytest

from cadkit.data import Affine
from cadkit.plugin import Marks, Saliency
from cadkit.prediction.frames import saliency_to_file

# A picture of 4 rows and 6 columns: cut at column 30 and row 5 of the file; mirrored, its column 0 at 40 of the file;
# turned upside down, its row 0 at 9; and both.
CUT = Affine((1.0, 0.0, 30.0, 0.0, 1.0, 5.0))
MIRRORED = Affine((-1.0, 0.0, 40.0, 0.0, 1.0, 5.0))
UPSIDE_DOWN = Affine((1.0, 0.0, 30.0, 0.0, -1.0, 9.0))
TURNED = Affine((-1.0, 0.0, 40.0, 0.0, -1.0, 9.0))
MAP = np.array([[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], [[0.7, 0.7, 0.8], [0.9, 0.0, 1.0]]], dtype=np.float32)


@pytest.mark.parametrize(
    ("to_file", "points", "boxes"),
    [
        (CUT, [[31, 7], [35, 6]], [[30, 6, 32, 8], [34, 5, 36, 7]]),
        (MIRRORED, [[39, 7], [35, 6]], [[38, 6, 40, 8], [34, 5, 36, 7]]),
        (UPSIDE_DOWN, [[31, 7], [35, 8]], [[30, 6, 32, 8], [34, 7, 36, 9]]),
    ],
)
def test_marks(to_file: Affine, points: list[list[float]], boxes: list[list[float]]) -> None:
    made = Marks([0.9, 0.4], boxes=[[0, 1, 2, 3], [4, 0, 6, 2]], labels=[1, 0]).moved(to_file)
    assert made.points.tolist() == points
    assert made.boxes.tolist() == boxes
    assert (made.scores.tolist(), made.labels.tolist()) == ([0.9, 0.4], [1, 0])
    assert Marks([0.9], [[1.0, 2.0]]).moved(to_file).boxes is None


@pytest.mark.parametrize(
    ("to_file", "whole", "part", "values"),
    [
        (CUT, (30, 5, 36, 9), (31, 5, 35, 7), MAP),
        (MIRRORED, (34, 5, 40, 9), (35, 5, 39, 7), MAP[:, :, ::-1]),
        (UPSIDE_DOWN, (30, 5, 36, 9), (31, 7, 35, 9), MAP[:, ::-1]),
        (TURNED, (34, 5, 40, 9), (35, 7, 39, 9), MAP[:, ::-1, ::-1]),
    ],
)
def test_a_map_of_equal_cells(
    to_file: Affine, whole: tuple[int, ...], part: tuple[int, ...], values: np.ndarray
) -> None:
    made = saliency_to_file(Saliency(MAP), (4, 6), to_file)
    assert made.window == whole
    np.testing.assert_array_equal(made.values, values)
    y, x = made.cells
    assert y.tolist() == [whole[1], whole[1] + 2, whole[3]]
    assert x.tolist() == [whole[0], whole[0] + 2, whole[0] + 4, whole[2]]
    made = saliency_to_file(Saliency(MAP, (1.0, 0.0, 5.0, 2.0)), (4, 6), to_file)
    assert made.window == part
    np.testing.assert_array_equal(made.values, values)


@pytest.mark.parametrize(
    ("to_file", "y", "x", "values"),
    [
        (CUT, [5, 6, 9], [31, 32, 33, 36], MAP),
        (MIRRORED, [5, 6, 9], [34, 37, 38, 39], MAP[:, :, ::-1]),
        (UPSIDE_DOWN, [5, 8, 9], [31, 32, 33, 36], MAP[:, ::-1]),
        (TURNED, [5, 8, 9], [34, 37, 38, 39], MAP[:, ::-1, ::-1]),
    ],
)
def test_a_map_of_uneven_cells(to_file: Affine, y: list[float], x: list[float], values: np.ndarray) -> None:
    made = saliency_to_file(Saliency(MAP, edges=([0, 1, 4], [1, 2, 3, 6])), (4, 6), to_file)
    assert [edge.tolist() for edge in made.cells] == [y, x]
    assert made.window == (x[0], y[0], x[-1], y[-1])
    np.testing.assert_array_equal(made.values, values)
