"""Mammograms that cadkit writes: conformant, the same bytes again, and read back as they looked."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from cadkit.dicom import classify, read_header, read_pixels, stored_values, write_mammogram
from cadkit.dicom.writing import VENDORS, instance_uid
from cadkit.errors import InputError

Y, X = np.mgrid[:160, :104]
DISPLAY = np.where((X / 80) ** 2 + ((Y - 80) / 70) ** 2 < 1, 0.02 + 0.97 * X / 104, 0).astype(np.float32)


def write(path: Path, vendor: str, **changes: Any) -> str:
    values: dict[str, Any] = {
        "side": "L", "view": "MLO", "vendor": vendor, "spacing_mm": 1.6, "patient_id": "P1", "accession": "A1",
        "image_id": "A1-LMLO", "date": dt.date(2020, 1, 2), "age_years": 55,
    }  # fmt: skip
    return write_mammogram(path, stored_values(DISPLAY, vendor if vendor in VENDORS else "lut"), **(values | changes))


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_is_written_looks_as_it_did(tmp_path: Path, vendor: str) -> None:
    path = tmp_path / "a.dcm"
    write(path, vendor)
    pixels = read_pixels(path)
    np.testing.assert_allclose(pixels.array, DISPLAY, atol=1e-3)
    np.testing.assert_array_equal(pixels.array > 0, DISPLAY > 0)
    assert pixels.notes == ()


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(("side", "view"), [("L", "CC"), ("R", "CC"), ("L", "MLO"), ("R", "ML")])
def test_conformance(tmp_path: Path, vendor: str, side: str, view: str) -> None:
    checker = shutil.which("dciodvfy")
    if checker is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    path = tmp_path / "a.dcm"
    write(path, vendor, side=side, view=view, modifiers=("spot compression",), birth_date=dt.date(1960, 5, 6))
    said = subprocess.run([checker, str(path)], capture_output=True, text=True, check=False)
    lines = (said.stdout + said.stderr).splitlines()
    assert "MammographyImageForPresentation" in lines
    assert not [line for line in lines if "Error" in line]


def test_headers(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    uid = write(path, "window", side="R", view="CC")
    header = read_header(path)
    assert (header.side, header.view.name, header.faces, header.age_years) == ("R", "CC", "left", 55)
    assert (header.pixel_spacing_mm, header.date, header.photometric) == (1.6, dt.date(2020, 1, 2), "MONOCHROME1")
    assert header.sop_instance_uid == uid == instance_uid("P1", "A1", "A1-LMLO")
    assert header.notes == ()
    assert classify(header).take


def test_the_two_vendors_differ_where_devices_do(tmp_path: Path) -> None:
    write(tmp_path / "lut.dcm", "lut")
    write(tmp_path / "window.dcm", "window")
    first, second = (pydicom.dcmread(tmp_path / f"{name}.dcm") for name in ("lut", "window"))
    assert (first.PhotometricInterpretation, first.BitsStored, len(first.VOILUTSequence)) == ("MONOCHROME2", 12, 3)
    assert (second.PhotometricInterpretation, second.BitsStored) == ("MONOCHROME1", 14)
    assert "VOILUTSequence" not in second
    assert not first.file_meta.TransferSyntaxUID.is_compressed
    assert second.file_meta.TransferSyntaxUID.is_compressed
    # Air: the padding value in one, the brightest stored value in the other.
    assert first.pixel_array[0, -1] == 0 == first.PixelPaddingValue
    assert second.pixel_array[0, -1] == 2**14 - 1


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_same_arguments_give_the_same_bytes(tmp_path: Path, vendor: str) -> None:
    write(tmp_path / "a.dcm", vendor)
    write(tmp_path / "b.dcm", vendor)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_uids_follow_their_arguments(tmp_path: Path) -> None:
    names = [("P1", "A1", "x"), ("P1", "A1", "y"), ("P1", "A2", "x"), ("P2", "A1", "x")]
    uids = {instance_uid(*name) for name in names}
    assert len(uids) == 4
    assert all(len(uid) <= 64 and pydicom.uid.UID(uid).is_valid for uid in uids)


@pytest.mark.parametrize("changes", [{"view": "AP"}, {"side": "B"}, {"modifiers": ("blurred",)}, {"vendor": "other"}])
def test_wrong_arguments(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        write(tmp_path / "a.dcm", **({"vendor": "lut"} | changes))
    assert not list(tmp_path.iterdir())
