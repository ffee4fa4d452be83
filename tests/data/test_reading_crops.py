"""A crop's own pixels against those of a batch, and against slices."""

from __future__ import annotations

import numpy as np
import pytest

from cadkit.data import Crop, Image
from cadkit.plugin import ModelInfo
from cadkit.testing.exams import Plan, draw


@pytest.fixture(scope="module")
def image() -> Image:
    plan = Plan("e", "test", 0, slots=("L-CC",), shape=(96, 64))
    return draw([plan], ModelInfo(("malignant",), "risk")).exams[0].images[0]


def test_whole_pixels_are_the_pixels(image: Image) -> None:
    pixels = image.pixels()
    assert np.array_equal(image.whole().pixels(), pixels)
    assert np.array_equal(image.whole().mirrored().pixels(), pixels[:, ::-1])
    assert np.array_equal(image.around((20, 30), (10, 8)).pixels(), pixels[25:35, 16:24])


def test_halved_both_ways_it_is_the_mean_of_four(image: Image) -> None:
    raw = image.raw().astype(np.float64)
    means = raw.reshape(48, 2, 32, 2).mean((1, 3)) / 65535
    assert np.abs(image.whole((48, 32)).pixels() - means).max() < 1 / 65535


def test_beside_the_picture_there_is_what_was_asked_for(image: Image) -> None:
    crop = image.fitted((96, 96))  # 16 columns at either side
    assert np.array_equal(crop.pixels()[:, 16:80], image.pixels())
    padded = crop.pixels(outside=0.5)
    assert np.array_equal(padded[:, 16:80], image.pixels())
    assert (padded[:, :16] == 0.5).all()
    assert (padded[:, 80:] == 0.5).all()


def test_as_filed_it_is_what_was_cut_and_turned(image: Image) -> None:
    # Drawn files have a margin of 5 pixels, and right breasts lie mirrored in them.
    left = image.as_filed()
    assert left.size == (106, 74)
    assert np.array_equal(left.pixels(), np.pad(image.pixels(), 5))
    plan = Plan("e", "test", 0, slots=("R-CC",), shape=(96, 64))
    right = draw([plan], ModelInfo(("malignant",), "risk")).exams[0].images[0]
    assert np.array_equal(right.as_filed().pixels(), np.pad(right.pixels()[:, ::-1], 5))


@pytest.mark.parametrize("name", ["stretched", "enlarged", "window", "jittered"])
def test_it_is_what_a_batch_has(image: Image, name: str) -> None:
    torch = pytest.importorskip("torch")
    from cadkit.data.resampling import read_crop
    from cadkit.training.batch import to_device
    from cadkit.training.reading import Sample, collate

    crop: Crop = {
        "stretched": image.whole((31, 40)),
        "enlarged": image.around((30.5, 40), (20, 20), (33, 33)),
        "window": image.window((120, 40)).at((50, 20)).mirrored(),
        "jittered": image.whole().jitter(np.random.default_rng(1), shift=0.1, scale=(0.8, 1.2), flip=1.0),
    }[name]
    batch = to_device(collate([Sample({"image": read_crop(crop)})]), [image], torch.device("cpu"))
    assert np.abs(batch.image[0, 0].numpy() - crop.pixels()).max() < 1e-5


def test_a_quarter_turn_is_a_quarter_turn(image: Image) -> None:
    crop = image.around((32, 48), (40, 40), angle=90)
    # The grid's x runs down the picture and its y to the left.
    straight = image.pixels()[28:68, 12:52]
    assert np.allclose(crop.pixels(), np.rot90(straight), atol=1e-5)
