"""Affine maps, crops and Wu et al.'s windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadkit.data import Affine, Dataset, Image
from cadkit.data.crop import Window, place_window

MakeDataset = Callable[..., Dataset]
numbers = st.floats(-50, 50).map(lambda v: round(v, 3))
invertible = st.tuples(*[numbers] * 6).map(Affine).filter(lambda a: abs(np.linalg.det(a.matrix)) > 0.01)


@given(invertible, invertible, numbers, numbers)
def test_composition_is_one_after_the_other(second: Affine, first: Affine, x: float, y: float) -> None:
    together = (second @ first)(x, y)
    apart = second(*first(x, y))
    np.testing.assert_allclose(together, apart, rtol=1e-9, atol=1e-6)


@given(invertible, numbers, numbers)
def test_the_inverse_leads_back(affine: Affine, x: float, y: float) -> None:
    np.testing.assert_allclose(affine.inverse()(*affine(x, y)), (x, y), atol=1e-3)


def test_pencil_values() -> None:
    assert [float(v) for v in Affine((2, 0, 1, 0, 3, -1))(5, 7)] == [11, 20]
    assert [float(v) for v in Affine.mirror(40)(0.5, 3)] == [39.5, 3]
    assert Affine.mirror(40).box((2, 3, 5, 7)) == (35, 3, 38, 7)
    assert Affine((0, -1, 0, 1, 0, 0)).box((0, 0, 2, 1)) == (-1, 0, 0, 2)
    assert Affine.mirror(4).axis_aligned
    assert not Affine((0, -1, 0, 1, 0, 0)).axis_aligned
    assert Affine().matrix.tolist() == np.eye(3).tolist()


@pytest.fixture
def image(make_dataset: MakeDataset) -> Image:
    """40 rows and 30 columns; the best centre is (20, 15)."""
    return make_dataset().images[0]


def test_a_whole_image_at_any_size(image: Image) -> None:
    assert (image.whole().size, image.whole().matrix) == ((40, 30), Affine())
    # The grid's last corner is the image's last corner.
    for crop in (image.whole((80, 15)), image.whole(width=15)):
        assert [float(v) for v in crop.matrix(crop.size[1], crop.size[0])] == [30, 40]
    assert image.whole(width=15).size == (20, 15)


def test_at_keeps_the_part_and_centered_keeps_the_scale(image: Image) -> None:
    crop = image.around((10, 20), (8, 6))
    assert [float(v) for v in crop.matrix(0, 0)] == [7, 16]
    twice = crop.at((16, 12))
    assert [float(v) for v in twice.matrix(12, 16)] == [13, 24]
    assert twice.matrix.values[0] == 0.5
    cut = twice.centered((4, 4))
    # 4 grid pixels of half a pixel each, about the same centre.
    assert [float(v) for v in cut.matrix(0, 0)] == [9, 19]
    assert [float(v) for v in cut.matrix(4, 4)] == [11, 21]
    padded = crop.centered((10, 10))
    assert [float(v) for v in padded.matrix(0, 0)] == [5, 15]


def test_a_patch_may_be_turned(image: Image) -> None:
    crop = image.around((10, 20), (4, 4), to=(8, 8), angle=90)
    assert crop.size == (8, 8)
    np.testing.assert_allclose(crop.matrix(4, 4), (10, 20))
    # x of the grid runs along y of the picture.
    np.testing.assert_allclose(crop.matrix(8, 4), (10, 22))


def test_jitter_stays_in_its_ranges(image: Image) -> None:
    rng = np.random.default_rng(0)
    crop = image.whole()
    scales, shifts, angles, mirrored = [], [], [], 0
    for _ in range(400):
        made = crop.jitter(rng, shift=0.1, scale=(0.8, 1.6), rotate=15, flip=0.5)
        a, b, _, d, e, _ = made.matrix.values
        factor = np.hypot(a, d)
        scales.append(1 / factor)
        mirrored += a * e - b * d < 0
        angles.append(np.rad2deg(np.arctan2(-b, e)))
        # The grid's centre shows what lies a shift away from the picture's centre.
        back = made.matrix.inverse()(15, 20)
        shifts.append(((back[0] - 15) / 30, (back[1] - 20) / 40))
    assert 0.8 <= min(scales) < 0.85
    assert 1.55 < max(scales) <= 1.6
    assert -15 <= min(angles) < -14
    assert 14 < max(angles) <= 15
    assert 0.095 < np.abs(shifts).max() <= 0.1 + 1e-9
    assert 160 < mirrored < 240


def test_jitter_of_nothing_changes_nothing(image: Image) -> None:
    made = image.whole().jitter(np.random.default_rng(0))
    np.testing.assert_allclose(made.matrix.values, Affine().values, atol=1e-12)
    flipped = image.whole().jitter(np.random.default_rng(0), flip=1.0)
    np.testing.assert_allclose(flipped.matrix.values, Affine.mirror(30).values, atol=1e-12)


def literal_window(view: str, size: tuple[int, int], center: tuple[int, int], image: tuple[int, int]) -> Window:
    """Cut at the centre; pad an image that is too small and start at 0; shift back what sticks out."""
    above = below = right = 0
    top, left = center[0] - size[0] // 2, center[1] - size[1] // 2
    if image[0] < size[0]:
        missing = size[0] - image[0]
        above = missing // 2 if view == "CC" else 0
        below = missing - above
        top = 0
    else:
        top += above
    if image[1] < size[1]:
        right, left = size[1] - image[1], 0
    rows, columns = above + image[0] + below, image[1] + right
    if top < 0:
        top = 0
    if top + size[0] > rows:
        top = rows - size[0]
    if left < 0:
        left = 0
    if left + size[1] > columns:
        left = columns - size[1]
    return Window(top - above, left, size[0], size[1])


@given(
    st.sampled_from(["CC", "MLO", "ML"]),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(-80, 120), st.integers(-80, 120)),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
)
def test_windows_without_noise_are_the_literal_ones(
    view: str, size: tuple[int, int], center: tuple[int, int], image: tuple[int, int]
) -> None:
    assert place_window(view, size, center, image, None, 100) == literal_window(view, size, center, image)


def test_the_window_of_gmics_sample() -> None:
    """R-CC of 2144x801 lies at row 400 of its 2944x1920 window, R-MLO of 2650x1006 at row 0 (nyu-sample/README.md)."""
    assert place_window("CC", (2944, 1920), (1072, -210), (2144, 801), None, 0) == Window(-400, 0, 2944, 1920)
    assert place_window("MLO", (2944, 1920), (1126, -5), (2650, 1006), None, 0) == Window(0, 0, 2944, 1920)


def draws(
    view: str, size: tuple[int, int], center: tuple[int, int], image: tuple[int, int], noise: float
) -> np.ndarray:
    rng = np.random.default_rng(0)
    windows = [place_window(view, size, center, image, rng, noise) for _ in range(2000)]
    return np.array([(w.top, w.top + w.height, w.left, w.left + w.width) for w in windows])


def test_noise_moves_the_window_and_then_its_borders() -> None:
    """In the middle of a large image: up to 100 pixels of place and 100 of size, the shorter axis in proportion."""
    made = draws("CC", (400, 200), (1000, 1000), (2000, 2000), 100)
    plain = np.array([800, 1200, 900, 1100])
    limits = np.array([200, 200, 150, 150])
    assert (np.abs(made - plain) <= limits).all()
    assert (np.abs(made - plain).max(axis=0) > 0.85 * limits).all()
    assert np.allclose((made - plain).mean(axis=0), 0, atol=8)


def test_noise_is_one_sided_at_the_edge_and_never_leaves_the_image() -> None:
    # Twice as large as the window plus margin: no padding; the window touches top and left.
    made = draws("CC", (400, 200), (200, 100), (2000, 2000), 100)
    assert made[:, [0, 2]].min() >= 0
    assert made[:, 0].mean() > 20


@pytest.mark.parametrize(("view", "above"), [("CC", 75), ("MLO", 0)])
def test_padding_has_room_for_the_noise(view: str, above: int) -> None:
    """An image of 350 rows under a window of 400 and a margin of 100: 150 rows of padding, in CC half above."""
    made = draws(view, (400, 200), (175, 100), (350, 1000), 100)
    assert made[:, 0].min() >= -above
    assert made[:, 1].max() <= 350 + 150 - above
    assert made[:, 1].max() > 350 + 150 - above - 10


def test_noise_is_the_generators() -> None:
    one, two = (place_window("CC", (40, 20), (50, 50), (99, 99), np.random.default_rng(3), 10) for _ in range(2))
    assert one == two


def test_an_images_window_is_a_crop(image: Image) -> None:
    crop = image.window((20, 10))
    # Centre (20, 15): rows 10 to 30, columns 10 to 20.
    assert (crop.size, crop.matrix) == ((20, 10), Affine((1, 0, 10, 0, 1, 10)))
    noisy = image.window((20, 10), np.random.default_rng(0), noise=4)
    assert noisy.size == (20, 10)
    assert noisy.matrix.axis_aligned
    assert noisy.matrix != crop.matrix
