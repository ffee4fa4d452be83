"""What a header tells, and what is made of headers that are wrong."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from cadkit.dicom import DicomError, Header, read_header

PIXELS = np.arange(96, dtype=np.uint16).reshape(12, 8)


def test_a_plain_file(make: Any) -> None:
    header = read_header(make(PIXELS, PatientOrientation=["A", "R"], Manufacturer="Made Up", KVP="29"))
    assert (header.side, header.laterality_source, header.view.name) == ("L", "ImageLaterality", "CC")
    assert (header.rows, header.columns, header.frames, header.bits_stored) == (12, 8, 1, 12)
    assert (header.pixel_bytes, header.faces, header.manufacturer, header.kvp) == (192, "right", "Made Up", 29.0)
    assert (header.patient_id, header.accession, header.standard) == ("P-7", "A-7", True)
    assert header.notes == ()


def strip(path: Path, meta: bool) -> Path:
    data = path.read_bytes()
    start = 132 if meta else 132 + 12 + int.from_bytes(data[140:144], "little")
    path.write_bytes(data[start:])
    return path


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_without_preamble_and_file_meta(make: Any, syntax: str) -> None:
    header = read_header(strip(make(PIXELS, syntax=syntax), meta=False))
    assert (header.side, header.view.name, header.rows, header.pixel_bytes) == ("L", "CC", 12, 192)
    assert header.transfer_syntax == syntax


def test_without_preamble(make: Any) -> None:
    assert read_header(strip(make(PIXELS), meta=True)).side == "L"


def test_without_a_transfer_syntax(make: Any) -> None:
    path = make(PIXELS, syntax="1.2.840.10008.1.2")
    path.write_bytes(path.read_bytes().replace(b"\x02\0\x10\0UI", b"\x02\0\x11\0UI"))
    header = read_header(path)
    assert (header.side, header.transfer_syntax) == ("L", "1.2.840.10008.1.2")


def test_a_jpeg_renamed(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    Image.new("L", (8, 8)).save(path, format="JPEG")
    with pytest.raises(DicomError, match="not DICOM but JPEG") as caught:
        read_header(path)
    assert caught.value.rule == "not-dicom"


@pytest.mark.parametrize(
    ("content", "rule"), [(b"", "empty-file"), (b"text " * 99, "not-dicom"), (b"\x08\0", "not-dicom")]
)
def test_no_dicom(tmp_path: Path, content: bytes, rule: str) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(content)
    with pytest.raises(DicomError) as caught:
        read_header(path)
    assert caught.value.rule == rule
    assert "image.dcm" not in str(caught.value)


def test_a_deflated_file_that_would_fill_the_memory(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(np.zeros((500, 400), dtype=np.uint16), syntax="1.2.840.10008.1.2.1.99")
    assert read_header(path).rows == 500
    monkeypatch.setattr("cadkit.dicom.files.INFLATED_LIMIT", 100_000)
    with pytest.raises(DicomError, match="holds more than 100000 bytes"):
        read_header(path)


def test_every_truncation_is_a_header_or_a_dicom_error(make: Any, tmp_path: Path) -> None:
    data = make(PIXELS).read_bytes()
    path = tmp_path / "cut.dcm"
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        try:
            header = read_header(path)
        except DicomError:
            continue
        assert header.pixel_bytes is None or header.pixel_bytes < 192


@pytest.mark.parametrize(
    ("values", "side", "source"),
    [
        ({"ImageLaterality": " r "}, "R", "ImageLaterality"),
        ({"ImageLaterality": "BILATERAL"}, "B", "ImageLaterality"),
        ({"ImageLaterality": None, "Laterality": "R"}, "R", "Laterality"),
        ({"ImageLaterality": "", "PatientOrientation": ["A", "R"]}, "L", "PatientOrientation"),
        ({"ImageLaterality": None, "PatientOrientation": ["P", "FL"]}, "R", "PatientOrientation"),
        ({"ImageLaterality": None, "PatientOrientation": ["A", "F"]}, "", ""),
        ({"ImageLaterality": None}, "", ""),
    ],
)
def test_side(make: Any, values: dict[str, Any], side: str, source: str) -> None:
    header = read_header(make(PIXELS, **values))
    assert (header.side, header.laterality_source) == (side, source)


def test_side_of_an_enhanced_object(make: Any) -> None:
    anatomy, group = Dataset(), Dataset()
    anatomy.FrameLaterality = "R"
    group.FrameAnatomySequence = Sequence([anatomy])
    header = read_header(make(PIXELS, ImageLaterality=None, SharedFunctionalGroupsSequence=Sequence([group])))
    assert (header.side, header.laterality_source) == ("R", "FrameLaterality")


def test_contradicting_sides_are_noted(make: Any) -> None:
    header = read_header(make(PIXELS, Laterality="R"))
    assert header.side == "L"
    assert [note.rule for note in header.notes] == ["side-conflict"]


@pytest.mark.parametrize(
    ("values", "spacing", "source"),
    [
        ({"ImagerPixelSpacing": ["0.07", "0.07"]}, 0.07, "ImagerPixelSpacing"),
        (
            {"ImagerPixelSpacing": ["0.5", "0.5"], "EstimatedRadiographicMagnificationFactor": "1.25"},
            0.4,
            "ImagerPixelSpacing",
        ),
        ({"ImagerPixelSpacing": ["0.1", "0.1"], "PixelSpacing": ["0.09", "0.09"]}, 0.1, "ImagerPixelSpacing"),
        (
            {
                "ImagerPixelSpacing": ["0.5", "0.5"],
                "PixelSpacing": ["0.25", "0.25"],
                "PixelSpacingCalibrationType": "FIDUCIAL",
                "EstimatedRadiographicMagnificationFactor": "1.5",
            },
            0.25,
            "PixelSpacing",
        ),
        (
            {
                "ImagerPixelSpacing": ["0.1", "0.1"],
                "PixelSpacing": ["0.4", "0.4"],
                "DerivationDescription": "Scaled image",
            },
            0.4,
            "PixelSpacing",
        ),
        ({"PixelSpacing": ["0.05", "0.05"]}, 0.05, "PixelSpacing"),
        ({"PixelSpacing": ["70", "70"]}, None, ""),
        ({}, None, ""),
    ],
)
def test_spacing(make: Any, values: dict[str, Any], spacing: float | None, source: str) -> None:
    header = read_header(make(PIXELS, **values))
    assert (header.pixel_spacing_mm, header.spacing_source) == (spacing, source)


@pytest.mark.parametrize(
    ("text", "born", "years"),
    [
        ("053Y", None, 53), ("53", None, 53), ("53Y", None, 53), ("636M", None, 53), ("100Y", None, 100),
        ("001D", None, None), ("000Y", "19600103", 59), (None, "19600102", 60), ("", "20200101", None),
        ("old", None, None),
    ],
)  # fmt: skip
def test_age(make: Any, text: str | None, born: str | None, years: int | None) -> None:
    assert read_header(make(PIXELS, PatientAge=text, PatientBirthDate=born)).age_years == years


def test_dates(make: Any) -> None:
    header = read_header(make(PIXELS, AcquisitionDate="20150304", AcquisitionTime="101112"))
    assert (header.date, header.date_source, header.time) == (dt.date(2015, 3, 4), "AcquisitionDate", "101112")
    assert header.study_date == dt.date(2020, 1, 2)
    assert [note.rule for note in header.notes] == ["date-differs"]
    assert read_header(make(PIXELS)).date_source == "StudyDate"
    assert read_header(make(PIXELS, StudyDate="2020.01.02")).date == dt.date(2020, 1, 2)


def test_text_where_a_number_belongs(make: Any) -> None:
    def broken(dataset: FileDataset) -> None:
        dataset.NumberOfFrames = 1
        dataset.KVP = "29"

    path = make(PIXELS, change=broken)
    data = path.read_bytes()
    data = data.replace(b"\x28\0\x08\0IS\x02\x001 ", b"\x28\0\x08\0IS\x02\0No").replace(b"DS\x02\x0029", b"DS\x02\0??")
    path.write_bytes(data)
    header = read_header(path)
    assert (header.frames, header.kvp) == (1, None)


def test_nothing_that_names_a_person_leaves(make: Any) -> None:
    secret = "Zyx^Secret"

    def private(dataset: FileDataset) -> None:
        block = dataset.private_block(0x0019, "MAKER", create=True)
        block.add_new(1, "LO", secret)

    header: Header = read_header(
        make(
            PIXELS,
            change=private,
            PatientName=secret,
            StudyDescription=secret,
            SeriesDescription=secret,
            OperatorsName=secret,
            InstitutionName=secret,
            StationName="Zyx",
            PatientBirthDate="19600102",
            PaddleDescription=secret,
            DerivationDescription=secret,
        )
    )
    text = repr(header)
    assert "Zyx" not in text
    assert "1960" not in text
