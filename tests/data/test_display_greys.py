"""Greys and outlines of a drawn picture, with a pencil."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cadkit.data import Dataset
from cadkit.data.display import draw as drawn
from cadkit.plugin import ModelInfo
from cadkit.testing.exams import Plan, draw

INFO = ModelInfo(("malignant", "benign"), "risk")


def dataset(turn: int) -> Dataset:
    """One image of 64 rows and 48 columns; in turn 1 with a benign finding."""
    return draw([Plan("e", "test", turn, slots=("L-CC",), shape=(64, 48))], INFO)


def shown(raw: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Red, green and blue of a picture of these grey values, which has no finding."""
    data = dataset(2)
    image = data.exams[0].images[0]
    assert image.findings == ()
    data.pixel_source.pictures[image.id] = raw
    return np.asarray(drawn(image, raw.shape[0]).convert("RGB"))


def test_the_breast_reaches_from_dark_to_white_and_what_is_around_it_is_black() -> None:
    raw = np.zeros((64, 48), dtype=np.uint16)
    raw[:, :12], raw[:, 12:24], raw[:, 24:36] = 20_000, 30_000, 40_000
    raw[0, 0] = 1  # it is of the breast, though darker than the darkest half per cent
    grey = shown(raw)
    assert (grey == grey[:, :, :1]).all()
    # From 20 to 255, on 248 greys.
    assert grey[32, [6, 18, 30, 42], 0] == pytest.approx([20, 137.5, 255, 0], abs=1.5)
    assert grey[0, 0, 0] == grey[32, 6, 0]


def test_an_even_breast_is_white_and_an_empty_picture_black() -> None:
    assert (shown(np.full((64, 48), 30_000, dtype=np.uint16)) == 255).all()
    assert (shown(np.zeros((64, 48), dtype=np.uint16)) == 0).all()


def test_the_outline_of_a_finding_has_the_colour_of_its_label() -> None:
    image = dataset(1).exams[0].images[0]
    (finding,) = image.findings
    assert finding.label == "benign"
    picture = np.asarray(drawn(image, 64).convert("RGB"))
    blue = (picture == (0x56, 0xB4, 0xE9)).all(axis=2)  # the second of Okabe and Ito's colours
    assert (picture[~blue] == picture[~blue][:, :1]).all()
    rows, columns = np.nonzero(blue)
    x0, y0, x1, y1 = finding.region.box
    # Two pixels around the box, and none in it.
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x0 - 2, y0 - 2, x1 + 2, y1 + 2)
    assert not blue[int(y0) : int(y1), int(x0) : int(x1)].any()
