"""Which file an original is read from, and which of its frames."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cadkit import InputError
from cadkit.dicom import write_mammogram
from cadkit.prepare.originals import file_of, read_original, sources_of


def test_a_frame_is_that_of_its_row(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 4096, (2, 30, 20)).astype(np.uint16)
    path = tmp_path / "two.dcm"
    write_mammogram(path, frames[0], side="L", view="CC", spacing_mm=0.1, patient_id="p", accession="a", image_id="i",
                    date=dt.date(2020, 1, 2))  # fmt: skip
    dataset = pydicom.dcmread(path)
    first = dataset.pixel_array.copy()
    dataset.NumberOfFrames = 2
    dataset.PixelData = first.tobytes() + first[::-1].tobytes()
    dataset.save_as(path)
    assert np.array_equal(read_original(tmp_path, {"image_id": "i", "file": "two.dcm", "frame": None}), first)
    assert np.array_equal(read_original(tmp_path, {"image_id": "i", "file": "two.dcm", "frame": 1}), first[::-1])


def test_sources_come_before_the_file_of_images(tmp_path: Path) -> None:
    (tmp_path / "sources.csv").write_text("image_id,path\na,../archive/a.dcm\n")
    sources = sources_of(tmp_path)
    assert file_of(tmp_path, "a", "a.png", sources) == tmp_path / "../archive/a.dcm"
    assert file_of(tmp_path, "b", "b.png", sources) == tmp_path / "b.png"
    assert file_of(tmp_path, "b", None, sources) is None


def test_a_wrong_table_of_sources_is_said(tmp_path: Path) -> None:
    (tmp_path / "sources.csv").write_text("image_id\na\n")
    with pytest.raises(InputError, match=r"sources\.csv.*path"):
        sources_of(tmp_path)


def test_a_file_that_is_no_picture_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"no picture" * 100)
    with pytest.raises(InputError, match=r"a\.dcm: the file is not DICOM \(found: 'i1'\)"):
        read_original(tmp_path, {"image_id": "i1", "file": "a.dcm", "frame": 0})
