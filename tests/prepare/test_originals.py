"""What stands in the files, as pydicom and Pillow read it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
import pytest
from PIL import Image as Picture

import cadkit
from cadkit import InputError
from cadkit.phantom import make_phantom
from cadkit.prepare import prepare


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals") / "D"
    make_phantom(folder, exams=2, size=(96, 72), workers=1)
    images = pl.read_csv(folder / "images.csv")
    rng = np.random.default_rng(0)
    made = rng.integers(0, 4096, (96, 72)).astype(np.uint16)
    Picture.fromarray(made).save(folder / "own.png")
    first = images["image_id"][0]
    images = images.with_columns(
        pl.when(pl.col("image_id") == first).then(pl.lit("own.png")).otherwise("file").alias("file"),
        pl.when(pl.col("image_id") == first).then(12).otherwise(None).alias("bits"),
    )
    images.write_csv(folder / "images.csv")
    prepare(folder, workers=1, quiet=True)
    return folder


def test_they_are_the_values_of_the_file(folder: Path) -> None:
    first, second, *_ = cadkit.open(folder).images
    assert np.array_equal(first.original(), np.asarray(Picture.open(folder / "own.png")))
    assert np.array_equal(second.original(), pydicom.dcmread(folder / second.columns["file"]).pixel_array)
    assert second.original().dtype == np.int32


def test_a_prepared_pixel_is_that_of_the_file_at_its_place(folder: Path) -> None:
    for image in cadkit.open(folder).images[1:]:
        row, column = np.argwhere(image.raw() > 0)[7]
        x, y = image.to_file(column + 0.5, row + 0.5)
        window = image.original()[int(y), int(x)], image.original().max()
        assert 0 < window[0] <= window[1]


@pytest.mark.parametrize("fault", ["gone", "broken PNG", "no picture"])
def test_no_error_tells_a_path_of_sources(folder: Path, tmp_path: Path, fault: str) -> None:
    moved = tmp_path / "D"
    shutil.copytree(folder, moved)
    image = cadkit.open(moved).images[0]
    source = moved / "Jane Doe, malignant.png"
    pl.DataFrame({"image_id": [image.id], "path": [source.name]}).write_csv(moved / "sources.csv")
    if fault != "gone":
        source.write_bytes(b"\x89PNG\r\n\x1a\n" + b"?" * 40 if fault == "broken PNG" else b"?" * 40)
    with pytest.raises(InputError, match=f"its file in sources.csv.*{image.id}") as told:
        image.original()
    assert "Jane" not in str(told.value)


def test_a_changed_sources_table_is_read_again(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "D"
    shutil.copytree(folder, moved)
    first, *_ = cadkit.open(moved).images
    before = first.original()
    Picture.fromarray((before + 1).astype(np.uint16)).save(moved / "other.png")
    pl.DataFrame({"image_id": [first.id], "path": ["other.png"]}).write_csv(moved / "sources.csv")
    assert np.array_equal(first.original(), before + 1)


def test_a_file_that_went_away_is_named(folder: Path) -> None:
    image = cadkit.open(folder).images[2]
    (folder / image.columns["file"]).rename(folder / "elsewhere")
    with pytest.raises(InputError, match=f"{image.columns['file']}.*cannot be opened.*{image.id}.*Put it back"):
        image.original()
