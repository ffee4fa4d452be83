"""Background to 0 on drawn pictures: exact zeros are left alone, film air, frames and labels go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from cadkit.prepare.background import zero_background
from cadkit.prepare.crop import Scale

FILM = Scale.of(0.4, 512)


def breast(shape: tuple[int, int] = (512, 400)) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A half ellipse facing right that darkens towards the skin, 0 to 1, and where it is."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    depth = 1 - ((y - shape[0] / 2) / (shape[0] * 0.4)) ** 2 - (x / (shape[1] * 0.6)) ** 2
    noise = np.random.default_rng(1).normal(1, 0.03, shape)
    return np.where(depth > 0, (0.25 + 0.5 * np.sqrt(np.clip(depth, 0, 1))) * noise, 0), depth > 0


def grey(picture: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.round(np.clip(picture, 0, 1) * 65535).astype(np.uint16)


def test_a_background_of_zeros_is_left_as_it_is() -> None:
    picture = grey(breast()[0])
    made, found = zero_background(picture, Scale.of(None, 512))
    np.testing.assert_array_equal(made, picture)
    assert (found.method, found.threshold, found.level) == ("zero", 0, 0.0)
    assert found.share == np.mean(picture == 0)


def test_a_wide_dark_rim_is_no_air() -> None:
    """The edge of a breast may fade over centimetres; with zeros beyond it there is nothing to threshold."""
    y, x = np.mgrid[:512, :400]
    depth = np.clip(1 - ((y - 256) / 230) ** 2 - (x / 330) ** 2, 0, None)
    picture = grey(np.where(depth > 0, 0.02 + 0.6 * depth, 0))
    made, found = zero_background(picture, Scale.of(0.4, 512))
    np.testing.assert_array_equal(made, picture)
    assert found.method == "zero"


def test_a_marker_on_zeros_goes() -> None:
    picture = grey(breast()[0])
    marked = picture.copy()
    marked[20:50, 340:380] = 65535
    made, _ = zero_background(marked, FILM)
    np.testing.assert_array_equal(made, picture)


def test_film_air_frame_and_label_go_and_the_breast_stays() -> None:
    tissue, inside = breast()
    rng = np.random.default_rng(2)
    film = np.where(inside, tissue, rng.normal(0.05, 0.01, inside.shape))
    film[:, 390:] = 1.0  # the frame
    film[20:60, 320:370] = 0.9  # a label, near the frame
    film[480:, :] = 0.0  # padding below the film
    made, found = zero_background(grey(film), FILM)
    assert found.method == "air"
    assert 0.05 * 65535 < found.threshold < 0.2 * 65535
    assert found.level == pytest.approx(0.05 * 65535, rel=0.1)
    kept = made > 0
    # Half of the skin's last pixels are as dark as air; everything else is the breast and only the breast.
    assert np.mean(kept[inside]) > 0.98
    assert np.mean(kept[~inside]) < 0.01
    assert not kept[:, 300:].any()


def test_named_padding_goes_whatever_its_value() -> None:
    tissue, inside = breast()
    picture = grey(np.where(inside, tissue, 0.8))
    made, found = zero_background(picture, FILM, ~inside)
    np.testing.assert_array_equal(made, np.where(inside, picture, 0))
    assert found.method == "zero"


@pytest.mark.parametrize("value", [0, 1, 65535])
def test_a_flat_picture_does_not_fail(value: int) -> None:
    made, found = zero_background(np.full((64, 48), value, np.uint16), Scale())
    assert made.shape == (64, 48)
    assert 0 <= found.share <= 1


def test_the_picture_given_is_not_changed() -> None:
    picture = grey(breast()[0])
    picture[0, 399] = 9
    before = picture.copy()
    zero_background(picture, FILM)
    np.testing.assert_array_equal(picture, before)


# Rows and columns of film labels and frames, read off the films by eye; breast: a place inside it.
FILMS = {
    "mdb003": ((0, 90, 180, 330), (500, 650)),
    "mdb006": ((0, 120, 620, 760), (700, 500)),
    "mdb016": ((0, 300, 720, 800), (500, 350)),
    "mdb131": ((0, 1024, 0, 190), (600, 800)),
    "mdb145": ((0, 1024, 0, 110), (600, 700)),
    "mdb147": ((0, 1024, 0, 150), (500, 800)),
}


@pytest.mark.parametrize("film", FILMS)
def test_films_lose_their_labels(shared: Path, film: str) -> None:
    with Picture.open(shared / "data" / "mini-mias" / f"{film}.png") as picture:
        pixels = np.asarray(picture).astype(np.uint16) * 257
    (top, bottom, left, right), inside = FILMS[film]
    assert pixels[top:bottom, left:right].max() > 80 * 257, "there is something to remove"
    made, found = zero_background(pixels, Scale.of(0.2, 1024))
    assert found.method == "air"
    assert made[top:bottom, left:right].max() == 0
    assert made[inside] == pixels[inside] > 0
