"""Bytes to stored values: every transfer syntax, and files that claim what they do not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import FileDataset

from cadkit.dicom import DicomError, read_pixels

STORED = np.array(
    [[0, 1, 255, 256, 300, 1000], [1023, 1024, 1025, 2047, 2048, 2049], [3000, 4000, 4094, 4095, 7, 600]],
    dtype=np.uint16,
)


def picture() -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).integers(0, 4096, (48, 40)).astype(np.uint16)


@pytest.mark.parametrize(
    ("syntax", "encoder", "decoder"),
    [
        ("1.2.840.10008.1.2", "", "numpy"),
        ("1.2.840.10008.1.2.1", "", "numpy"),
        ("1.2.840.10008.1.2.1.99", "", "numpy"),
        ("1.2.840.10008.1.2.2", "", "numpy"),
        ("1.2.840.10008.1.2.5", "pydicom", "pydicom"),
        ("1.2.840.10008.1.2.4.80", "pyjpegls", "pyjpegls"),
        ("1.2.840.10008.1.2.4.90", "pylibjpeg", "pylibjpeg"),
    ],
)
def test_lossless_syntaxes_agree(make: Any, syntax: str, encoder: str, decoder: str) -> None:
    path = make(picture(), syntax=syntax, encoder=encoder, WindowCenter="2048", WindowWidth="4096")
    pixels = read_pixels(path)
    assert pixels.decoder == decoder
    np.testing.assert_allclose(pixels.array, picture() / 4095, atol=1e-6)


@pytest.mark.parametrize("name", ["JPEGLosslessProcess14", "JPEGLosslessProcess14_1"])
def test_jpeg_lossless(make: Any, tmp_path: Path, name: str) -> None:
    import gdcm

    plain = make(picture(), WindowCenter="2048", WindowWidth="4096")
    reader = gdcm.ImageReader()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, name)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    path = tmp_path / "lossless.dcm"
    writer.SetFileName(str(path))
    assert writer.Write()
    pixels = read_pixels(path)
    assert pixels.decoder == "gdcm"
    np.testing.assert_allclose(pixels.array, picture() / 4095, atol=1e-6)


def test_signed_jpeg_2000(make: Any) -> None:
    values = picture().astype(np.int16) - 2048
    path = make(values, syntax="1.2.840.10008.1.2.4.90", encoder="pylibjpeg", PixelRepresentation=1)
    span = float(values.max()) - float(values.min())
    expected = (values - float(values.min())) / span
    np.testing.assert_allclose(read_pixels(path).array, expected, atol=1e-6)


# Trust
def test_a_huge_claim_is_refused_before_memory_is_taken(make: Any) -> None:
    def claim(dataset: FileDataset) -> None:
        dataset.Rows = dataset.Columns = 65535

    with pytest.raises(DicomError, match="claims 4294836225 pixels") as caught:
        read_pixels(make(STORED, change=claim))
    assert caught.value.rule == "too-large"


def test_a_claim_beyond_the_file_is_refused(make: Any) -> None:
    def claim(dataset: FileDataset) -> None:
        dataset.Rows = dataset.Columns = 5000

    with pytest.raises(DicomError) as caught:
        read_pixels(make(STORED, change=claim))
    assert caught.value.rule == "truncated"


def test_a_code_stream_of_another_size_is_refused(make: Any) -> None:
    path = make(picture(), syntax="1.2.840.10008.1.2.4.80", encoder="pyjpegls")
    data = path.read_bytes()
    at = data.index(b"\xff\xf7")
    path.write_bytes(data[: at + 5] + b"\xff\xff\xff\xff" + data[at + 9 :])
    with pytest.raises(DicomError, match="65535 x 65535") as caught:
        read_pixels(path)
    assert caught.value.rule == "size-mismatch"


@pytest.mark.parametrize(
    ("syntax", "encoder"),
    [
        ("1.2.840.10008.1.2.1", ""),
        ("1.2.840.10008.1.2.4.80", "pyjpegls"),
        ("1.2.840.10008.1.2.4.90", "pylibjpeg"),
        ("1.2.840.10008.1.2.5", "pydicom"),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_truncated_file_is_an_error_of_one_line(make: Any, syntax: str, encoder: str, share: float) -> None:
    path = make(picture(), syntax=syntax, encoder=encoder)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DicomError) as caught:
        read_pixels(path)
    assert str(path) not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_decoder_names_the_syntax(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(picture(), syntax="1.2.840.10008.1.2.4.90", encoder="pylibjpeg")
    monkeypatch.setattr("cadkit.dicom.decoders._available", lambda syntax, name: False)
    with pytest.raises(DicomError, match="JPEG 2000") as caught:
        read_pixels(path)
    assert caught.value.rule == "missing-decoder"


def test_gdcm_reads_what_pydicom_refuses(shared: Path) -> None:
    pixels = read_pixels(shared / "data" / "mg-dicom" / "MG1_JPLY.dcm")
    assert pixels.decoder == "gdcm, directly"
    # The window 2047/4095 is the identity: y = (x - 2046.5) / 4094 + 0.5, clipped; the mean is that of the README.
    assert float((pixels.array.astype(np.float64) * 4094 - 0.5).mean()) == pytest.approx(1610.893, abs=0.05)


def test_colour_is_refused(make: Any) -> None:
    with pytest.raises(DicomError) as caught:
        read_pixels(make(STORED, PhotometricInterpretation="RGB"))
    assert caught.value.rule == "not-monochrome"
