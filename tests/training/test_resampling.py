"""The warp against slices, torch's own bicubic interpolation, and a literal sum over the kernel."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.nn import functional

from cadkit.data import Affine, Crop, Image
from cadkit.data.resampling import read_crop
from cadkit.training.batch import to_device
from cadkit.training.reading import Sample, collate

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def image(tiny: ModuleType) -> Image:
    return tiny.dataset(3, shape=(60, 44)).exams[0].images[0]


def warped(*crops: Crop) -> np.ndarray:
    raw = collate([Sample({"image": read_crop(crop)}) for crop in crops])
    return to_device(raw, [crop.image for crop in crops], CPU).image[:, 0].numpy()


def keys(t: float) -> float:
    t, a = abs(t), -0.75
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def literal(picture: np.ndarray, crop: Crop) -> np.ndarray:
    """Keys' kernel, widened where the crop shrinks the picture, over every stored pixel; 0 outside."""
    a, _, c, _, e, f = crop.matrix.values
    reach = 20

    def axis(count: int, scale: float, offset: float, limit: int) -> np.ndarray:
        wide, out = max(1.0, abs(scale)), np.zeros((count, limit))
        for i in range(count):
            place = scale * (i + 0.5) + offset - 0.5
            weights = {j: keys((j - place) / wide) for j in range(-reach, limit + reach)}
            for j in range(limit):
                out[i, j] = weights[j] / sum(weights.values())
        return out

    rows = axis(crop.size[0], e, f, picture.shape[0])
    columns = axis(crop.size[1], a, c, picture.shape[1])
    return np.clip(rows @ (picture / 65535) @ columns.T, 0, 1)


def test_a_crop_at_scale_one_is_the_slice_itself(image: Image) -> None:
    crop = Crop(image, (20, 16), Affine.shift(7, 11))
    assert np.abs(warped(crop)[0] - image.pixels()[11:31, 7:23]).max() < 1e-6
    whole = warped(image.whole())[0]
    assert np.abs(whole - image.pixels()).max() < 1e-6


def test_beyond_the_picture_there_is_zero(image: Image) -> None:
    crop = Crop(image, (30, 30), Affine.shift(-10, 45))
    expected = np.zeros((30, 30), dtype=np.float32)
    expected[:15, 10:] = image.pixels()[45:, :20]
    assert np.abs(warped(crop)[0] - expected).max() < 1e-6
    far = Crop(image, (5, 5), Affine.shift(500, -300))
    assert not warped(far).any()


def test_enlarging_equals_torchs_bicubic_interpolation(image: Image) -> None:
    got = warped(image.whole(size=(150, 110)))[0]
    stored = torch.from_numpy(image.pixels())[None, None]
    expected = functional.interpolate(stored, size=(150, 110), mode="bicubic", align_corners=False)[0, 0].clamp(0, 1)
    inside = slice(8, -8)  # at the border torch repeats the last pixel, here there is 0
    np.testing.assert_allclose(got[inside, inside], expected.numpy()[inside, inside], atol=2e-6)


@pytest.mark.parametrize("matrix", [(0.9, 0, 3.3, 0, 1.07, -2.6), (1.6, 0, -4.2, 0, 1.9, 5.5), (-1, 0, 40, 0, 1.25, 0)])
def test_any_axis_aligned_crop_equals_the_literal_sum(image: Image, matrix: tuple[float, ...]) -> None:
    crop = Crop(image, (25, 21), Affine(matrix))
    np.testing.assert_allclose(warped(crop)[0], literal(image.raw(), crop), atol=2e-6)


def test_a_whole_scale_gives_means_of_blocks_to_the_pixel(image: Image) -> None:
    crop = Crop(image, (20, 14), Affine((3, 0, 1, 0, 3, 0)))
    padded = np.zeros((60, 46))
    padded[:, :44] = image.raw()
    expected = padded[:, 1:43].reshape(20, 3, 14, 3).mean((1, 3)) / 65535
    np.testing.assert_allclose(warped(crop)[0], expected, atol=1 / 65535)


def test_shrinking_keeps_the_mean_of_noise_and_removes_its_detail(tiny: ModuleType) -> None:
    image = tiny.dataset(3, shape=(60, 44)).exams[0].images[2]
    for scale in (1.4, 2.7, 4.0):
        size = (int(40 / scale), int(30 / scale))
        small = warped(Crop(image, size, Affine((scale, 0, 6, 0, scale, 8))))[0]
        stored = image.pixels()[8:48, 6:36]
        assert abs(small.mean() - stored.mean()) < 0.02
        assert small.std() < stored.std() / (0.8 * scale) ** 0.9


def test_a_turned_crop_shows_the_picture_turned(tiny: ModuleType) -> None:
    data = tiny.dataset(3, shape=(40, 40))
    image = data.exams[0].images[0]
    y, x = np.mgrid[:40, :40]
    image._source.pictures[image.id] = (20000 + 300 * x + 150 * y).astype(np.uint16)
    crop = image.around((20, 20), (12, 12), angle=30)
    out = warped(crop)[0]
    rows, columns = np.mgrid[:12, :12] + 0.5
    u, v = crop.matrix(columns, rows)
    expected = (20000 + 300 * (u - 0.5) + 150 * (v - 0.5)) / 65535
    # With a = -0.75 even a plane is read with a ripple of a tenth of its slope.
    np.testing.assert_allclose(out, expected, atol=0.1 * 335 / 65535)
    quarter = image.around((20, 20), (12, 12), angle=90)
    np.testing.assert_allclose(warped(quarter)[0], np.rot90(image.pixels()[14:26, 14:26]), atol=1e-4)


def test_a_turned_crop_that_shrinks_averages(tiny: ModuleType) -> None:
    image = tiny.dataset(3, shape=(40, 40)).exams[0].images[2]
    small = warped(image.around((20, 20), (20, 20), to=(12, 12), angle=45))[0]
    assert small.std() < 0.75 * image.pixels()[10:30, 10:30].std()


def test_a_picture_does_not_depend_on_the_others_of_its_batch(image: Image) -> None:
    crops = [image.window((40, 28), np.random.default_rng(seed), noise=9).at((40, 28)) for seed in range(4)] + [
        image.whole(),
        Crop(image, (10, 12), Affine((2.4, 0, -5, 0, 1.2, 3))),
    ]
    together = warped(*crops)
    for crop, row in zip(crops, together, strict=True):
        alone = warped(crop)[0]
        rows, columns = crop.size
        assert np.array_equal(row[:rows, :columns], alone)
        assert not row[rows:].any()
        assert not row[:, columns:].any()


def test_crops_of_a_mirrored_grid_move_with_it(image: Image) -> None:
    plain = Crop(image, (20, 16), Affine.shift(7, 11))
    mirrored = replace(plain, matrix=plain.matrix @ Affine.mirror(16))
    assert np.array_equal(warped(mirrored)[0], warped(plain)[0][:, ::-1])
