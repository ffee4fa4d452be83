"""Prepare on what importers bring: DICOM of two vendors, and the films of mini-MIAS."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import ndimage

from cadkit.data.tables import Meta, read_problems, write_tables
from cadkit.dicom import stored_values, write_mammogram
from cadkit.importers.mias import import_mias
from cadkit.prepare import open_dataset, prepare
from cadkit.prepare.arrays import array_path, read_record


def test_two_vendors_of_one_breast_look_alike(tmp_path: Path) -> None:
    """MONOCHROME2 with a LUT and padding, and MONOCHROME1 with a window: bright tissue on 0, inverted at most once."""
    y, x = np.mgrid[:300, :200]
    depth = np.clip(1 - ((y - 150) / 120) ** 2 - (x / 130) ** 2, 0, 1)
    breast = np.where(depth > 0, 0.3 + 0.5 * np.sqrt(depth), 0)
    names = ("lut-L", "lut-R", "window-L", "window-R")
    for name in names:
        vendor, side = name.split("-")
        write_mammogram(
            tmp_path / f"{name}.dcm",
            stored_values(breast if side == "L" else breast[:, ::-1], vendor),
            side=side,  # type: ignore[arg-type]
            view="CC",
            vendor=vendor,
            spacing_mm=0.8,
            patient_id=name,
            accession=name,
            image_id=name,
            date=dt.date(2020, 1, 1),
        )
    write_tables(
        tmp_path,
        Meta("two vendors", {"malignant": ""}),
        exams=pl.DataFrame({"exam_id": ["lut", "window"], "patient_id": ["1", "2"]}),
        breasts=pl.DataFrame({"exam_id": ["lut"], "side": ["L"], "malignant": [0]}),
        images=pl.DataFrame(
            {
                "image_id": names,
                "exam_id": ["lut", "lut", "window", "window"],
                "side": ["L", "R", "L", "R"],
                "view": ["CC"] * 4,
                "file": [f"{name}.dcm" for name in names],
                "pixel_spacing_mm": [0.8] * 4,
            }
        ),
    )
    assert prepare(tmp_path, workers=1, quiet=True).problems == ()
    first, *others = (image.pixels() for image in open_dataset(tmp_path).images)
    assert first[140, 2] > first[140, 100] > 0 == first[140, -1]
    for other in others:
        assert other.shape == first.shape
        np.testing.assert_allclose(other, first, atol=0.01)
    record = read_record(array_path(tmp_path / "store", "window-R"))
    assert record is not None
    chain = ["decode", "bits", "padding", "modality", "voi", "scale", "inversion", "background", "crop", "turn"]
    assert [step for step, _ in record["steps"]] == chain


@pytest.mark.slow
def test_every_film_of_mini_mias_is_a_breast_on_zero(shared: Path, tmp_path: Path) -> None:
    import_mias(shared / "data" / "mini-mias", tmp_path / "M", quiet=True)
    report = prepare(tmp_path / "M", quiet=True)
    assert (report.done, report.failed) == (100, 0)
    # The one circle here that the database itself puts on background (formats.md C1).
    prepared = read_problems(tmp_path / "M").filter(pl.col("step") == "prepare")
    assert prepared.select("rule", "item").rows() == [("finding-on-background", "mdb212-1")]
    index = pl.read_csv(tmp_path / "M" / "store" / "index.csv")
    assert set(index["background"]) == {"air"}
    for image in open_dataset(tmp_path / "M").images:
        mask = image.raw() > 0
        assert ndimage.label(mask)[1] == 1, image.id
        share = mask.mean()
        assert 0.5 < share < 0.95, image.id
        # Facing right: the right edge is air, the left one chest wall.
        assert mask[:, -1].mean() < 0.02, image.id
        assert mask[:, 0].any(), image.id
