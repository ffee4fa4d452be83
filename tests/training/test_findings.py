"""Boxes of findings of every shape in a crop, and what is said of those that give none."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image as Picture

import cadkit.training as ct
from cadkit.data import Affine, Crop, Dataset, Image
from cadkit.errors import InputError
from cadkit.plugin import ModelInfo
from cadkit.training.findings import annotated, findings_in

BOXES = ModelInfo(("benign", "malignant"), "probability", learns=("boxes",))
POINTS = ModelInfo(("benign", "malignant"), "probability", learns=("points",))


def with_findings(tiny: ModuleType, folder: Path, *rows: tuple[str, str], label: str = "malignant") -> Dataset:
    """The small dataset with these shapes and coordinates (of the file) in the first image, and no others.

    The stored picture begins at column 3, row 5 of the file.
    """
    data = tiny.dataset()
    image = data.images[0].id
    findings = pl.DataFrame(
        [
            {"finding_id": f"f{n}", "image_id": image, "label": label, "shape": shape, "coordinates": given}
            for n, (shape, given) in enumerate(rows)
        ]
    ).with_columns(mask=pl.when(pl.col("shape") == "mask").then(pl.col("coordinates")))
    tables = {**data.tables, "findings": findings}
    return Dataset(folder, data.meta, tables, data.fingerprint, pixel_source=data.pixel_source)


def mask(folder: Path, *pixels: tuple[int, int]) -> str:
    """A PNG of 60 x 50 with these (row, column) set."""
    array = np.zeros((60, 50), dtype=np.uint8)
    for row, column in pixels:
        array[row, column] = 255
    Picture.fromarray(array).save(folder / "mask.png")
    return "mask.png"


def boxes(
    image: Image, info: ModelInfo = BOXES, matrix: Affine | None = None, size: Any = (48, 32)
) -> list[list[float]]:
    return findings_in(Crop(image, size, matrix or Affine()), info)[0].boxes.tolist()


@pytest.mark.parametrize(
    ("shape", "coordinates", "box"),
    [
        ("box", "13 15 23 35", [10, 10, 20, 30]),
        ("circle", "18 25 5", [10, 15, 20, 25]),
        ("polygon", "13 15 23 15 13 35", [10, 10, 20, 30]),
    ],
)
def test_every_shape_gives_its_box(
    tiny: ModuleType, tmp_path: Path, shape: str, coordinates: str, box: list[float]
) -> None:
    image = with_findings(tiny, tmp_path, (shape, coordinates)).images[0]
    assert boxes(image) == [box]
    # a grid of half the size: two stored pixels a pixel
    assert boxes(image, matrix=Affine.scale(2, 2), size=(24, 16)) == [[value / 2 for value in box]]


def test_a_mask_gives_the_box_of_its_pixels(tiny: ModuleType, tmp_path: Path) -> None:
    image = with_findings(tiny, tmp_path, ("mask", mask(tmp_path, (15, 13), (34, 22)))).images[0]
    assert boxes(image) == [[10, 10, 20, 30]]


def test_several_findings_and_labels_of_one_image(tiny: ModuleType, tmp_path: Path) -> None:
    image = with_findings(tiny, tmp_path, ("box", "4 6 10 12"), ("circle", "18 25 5")).images[0]
    found, left_out = findings_in(Crop(image, (48, 32), Affine()), BOXES)
    assert found.boxes.tolist() == [[1, 1, 7, 7], [10, 15, 20, 25]]
    assert found.labels.tolist() == [1, 1]
    assert left_out == []


def test_a_quarter_of_a_box_is_kept_and_less_is_told(tiny: ModuleType, tmp_path: Path) -> None:
    # 10 columns wide in stored pixels 0 to 10; a crop from x on sees 10 - x of them.
    image = with_findings(tiny, tmp_path, ("box", "3 15 13 35")).images[0]
    assert boxes(image, matrix=Affine.shift(7.5, 0)) == [[0, 10, 2.5, 30]]
    found, left_out = findings_in(Crop(image, (48, 32), Affine.shift(7.6, 0)), BOXES)
    assert found.boxes.shape == (0, 4)
    assert left_out == ["a finding of which less than 25% lay in the crop"]


def test_a_tiny_box_grows_to_one_pixel_inside_the_crop(tiny: ModuleType, tmp_path: Path) -> None:
    image = with_findings(tiny, tmp_path, ("box", "13 15 13.2 15.4"), ("box", "3 5 3.2 25")).images[0]
    first, second = boxes(image)
    assert first == pytest.approx([9.6, 9.7, 10.6, 10.7], abs=1e-5)
    assert second == pytest.approx([0, 0, 1, 20], abs=1e-5)


def test_a_model_that_learns_points_gets_centres_that_lie_in_the_crop(tiny: ModuleType, tmp_path: Path) -> None:
    image = with_findings(tiny, tmp_path, ("point", "13 15"), ("box", "3 15 13 35")).images[0]
    found, left_out = findings_in(Crop(image, (48, 32), Affine.shift(6, 0)), POINTS)
    assert found.points.tolist() == [[4, 10]]
    assert left_out == ["a finding whose centre lay outside the crop"]
    assert annotated(image, POINTS)


@pytest.mark.parametrize(
    ("shape", "coordinates", "reason"),
    [
        ("point", "13 15", "1 are without extent"),
        ("polygon", "13 15 20 15 17 15", "1 are of zero area"),
    ],
)
def test_findings_without_area_give_no_box_and_are_told(
    tiny: ModuleType, tmp_path: Path, shape: str, coordinates: str, reason: str
) -> None:
    data = with_findings(tiny, tmp_path, (shape, coordinates))
    assert boxes(data.images[0]) == []
    assert not annotated(data.images[0], BOXES)

    class Boxes(tiny.Tiny):  # type: ignore[name-defined, misc]
        info = BOXES

    model, settings = Boxes(tiny.config()), tiny.config()
    with pytest.raises(InputError, match=f"learns from boxes of benign, malignant.*has none.*{reason}"):
        model.train(data, tiny.run_in(tmp_path / "runs", settings))


def test_an_empty_mask_is_left_out_and_told(tiny: ModuleType, tmp_path: Path) -> None:
    data = with_findings(tiny, tmp_path, ("mask", mask(tmp_path)), ("box", "13 15 23 35"))

    class Boxes(tiny.Tiny):  # type: ignore[name-defined, misc]
        info = BOXES

    settings = tiny.config(epochs=1)
    run = tiny.run_in(tmp_path / "runs", settings)
    model = Boxes(settings)
    model.device = "cpu"
    model.train(data, run)
    assert "left out 1 times in training: a finding whose mask is empty" in (run.folder / "train.log").read_text()


def test_findings_of_other_labels_are_told_where_there_are_no_others(tiny: ModuleType, tmp_path: Path) -> None:
    data = with_findings(tiny, tmp_path, ("box", "13 15 23 35"), label="cyst")

    class Boxes(tiny.Tiny):  # type: ignore[name-defined, misc]
        info = BOXES

    with pytest.raises(InputError, match="1 are of the label cyst"):
        Boxes(tiny.config()).train(data, tiny.run_in(tmp_path / "runs", tiny.config()))


def test_oversampled_holds_all_of_the_first_and_its_share() -> None:
    often, others = [(f"a{n}", None) for n in range(6)], [(f"b{n}", None) for n in range(50)]

    def drawn(share: float, seed: int = 0) -> set[str]:
        items = ct.oversampled(often, others, share, np.random.default_rng(seed))
        names = [name for name, _ in items]
        assert len(set(names)) == len(names)
        return set(names)

    half = drawn(0.5)
    assert {name for name, _ in often} <= half
    assert len(half) == 12
    assert half != drawn(0.5, seed=1)
    assert len(drawn(0.25)) == 24
    assert len(drawn(0.0)) == len(drawn(0.01)) == 56
    assert len(drawn(1.0)) == 6


MASKS = ModelInfo(("benign", "malignant"), "probability", learns=("masks",))


def covered(image: Image, matrix: Affine, size: tuple[int, int], info: ModelInfo = MASKS) -> list[list[int]]:
    """(label, row, column) of what is covered."""
    return findings_in(Crop(image, size, matrix), info)[0].masks.nonzero().tolist()


def test_masks_are_what_findings_cover_in_the_crop(tiny: ModuleType, tmp_path: Path) -> None:
    # In prepared pixels: x 10 to 12 and y 10 to 11; the mask's two pixels lie at (row, column) (4, 7) and (4, 8).
    rows = ("box", "13 15 15 16"), ("mask", mask(tmp_path, (9, 10), (9, 11))), ("point", "20 20")
    image = with_findings(tiny, tmp_path, *rows).images[0]
    assert covered(image, Affine(), (48, 32)) == [[1, 4, 7], [1, 4, 8], [1, 10, 10], [1, 10, 11]]
    assert covered(image, Affine.shift(8, 4), (4, 4)) == [[1, 0, 0]]
    assert findings_in(Crop(image, (4, 4), Affine()), BOXES)[0].masks is None


def test_a_small_finding_covers_one_pixel_of_a_coarse_crop(tiny: ModuleType, tmp_path: Path) -> None:
    image = with_findings(tiny, tmp_path, ("box", "13 15 15 16")).images[0]
    # Eight to one: no middle of a pixel (12, 12) lies in the box, whose own (11, 10.5) lies in pixel (1, 1).
    assert covered(image, Affine.scale(8, 8), (6, 4)) == [[1, 1, 1]]
    assert covered(image, Affine((8, 0, 64, 0, 8, 0)), (6, 4)) == []


def test_a_model_of_points_and_masks_keeps_its_points(tiny: ModuleType, tmp_path: Path) -> None:
    image = with_findings(tiny, tmp_path, ("point", "20 20")).images[0]
    both = ModelInfo(("benign", "malignant"), "probability", learns=("points", "masks"))
    assert findings_in(Crop(image, (48, 32), Affine()), both)[0].points.tolist() == [[17, 15]]
    assert not annotated(image, MASKS)
