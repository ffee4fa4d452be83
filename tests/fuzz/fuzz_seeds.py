"""Small valid files that the mutations begin with."""

from __future__ import annotations

import datetime as dt
import io
import tempfile
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image as Picture
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from cadkit.dicom import stored_values, write_mammogram

ROWS, COLUMNS = 72, 68
_Y, _X = np.mgrid[:ROWS, :COLUMNS]
_BREAST = np.where((_X / 30) ** 2 + ((_Y - 24) / 22) ** 2 < 1, 0.3 + 0.4 * _X / COLUMNS, 0).astype(np.float32)
LARGEST_SEED = 300_000
_LARGEST_KEPT = 3_000_000


def dicom_seeds(shared: Path | None = None, large: bool = False) -> dict[str, bytes]:
    """Files of both vendors, of every encoding that can be written here, and odd ones; the public samples as well.

    Args:
        shared: the folder of reference material, if it is there.
        large: take its files of more than 300 kB too.
    """
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = _made(Path(name))
    if shared is not None:
        for path in sorted([*shared.glob("data/mg-dicom/*.dcm"), *shared.glob("reference/cad_sr/*.dcm")]):
            if path.stat().st_size <= (_LARGEST_KEPT if large else LARGEST_SEED):
                made[path.name] = path.read_bytes()
    return made


def _made(folder: Path) -> dict[str, bytes]:
    values: dict[str, Any] = {
        "spacing_mm": 0.5, "patient_id": "P-1", "accession": "A-1", "image_id": "i", "age_years": 55,
        "date": dt.date(2020, 1, 2), "birth_date": dt.date(1964, 5, 6),
    }  # fmt: skip
    made = {}
    for vendor in ("lut", "window"):
        path = folder / f"{vendor}.dcm"
        pixels = stored_values(_BREAST, vendor)
        write_mammogram(path, pixels, side="L", view="CC", vendor=vendor, modifiers=("nipple in profile",), **values)
        made[vendor] = path.read_bytes()
    for name, syntax in (("implicit", ImplicitVRLittleEndian), ("big", ExplicitVRBigEndian),
                         ("deflated", DeflatedExplicitVRLittleEndian)):  # fmt: skip
        made[name] = _encoded(made["lut"], syntax)
    for name, syntax in (("rle", RLELossless), ("j2k", JPEG2000Lossless)):
        dataset = _read(made["lut"])
        dataset.compress(syntax, generate_instance_uid=False)
        made[name] = _bytes(dataset)
    made["jpeg"] = _jpeg(made["lut"])
    made["frames"] = _frames(made["lut"])
    made["odd"] = _odd(made["lut"])
    made["no preamble"] = made["lut"][132:]
    return made


def _read(content: bytes) -> FileDataset:
    return pydicom.dcmread(io.BytesIO(content))


def _bytes(dataset: FileDataset) -> bytes:
    buffer = io.BytesIO()
    dataset.set_original_encoding(None, None)
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _encoded(content: bytes, syntax: str) -> bytes:
    dataset = _read(content)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    return _bytes(dataset)


def _jpeg(content: bytes) -> bytes:
    dataset = _read(content)
    stream = io.BytesIO()
    Picture.fromarray((_BREAST * 255).astype(np.uint8)).save(stream, format="JPEG")
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return _bytes(dataset)


def _frames(content: bytes) -> bytes:
    """An enhanced object of two frames, with functional groups."""
    dataset = _read(content)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.13.1.3"
    dataset.NumberOfFrames = 2
    dataset.PixelData = dataset.PixelData * 2
    anatomy, window, rescale, group = Dataset(), Dataset(), Dataset(), Dataset()
    anatomy.FrameLaterality = "L"
    window.WindowCenter, window.WindowWidth = "2048", "4096"
    rescale.RescaleSlope, rescale.RescaleIntercept = "2", "-100"
    group.FrameAnatomySequence = Sequence([anatomy])
    group.FrameVOILUTSequence = Sequence([window])
    group.PixelValueTransformationSequence = Sequence([rescale])
    dataset.SharedFunctionalGroupsSequence = Sequence([group])
    dataset.PerFrameFunctionalGroupsSequence = Sequence([group, group])
    return _bytes(dataset)


def _odd(content: bytes) -> bytes:
    """Signed values of 32 bits with padding, a Modality LUT, overlays and a character set."""
    dataset = _read(content)
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 32, 20, 25, 1
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2").astype("<i4") - 2000).tobytes()
    dataset.PixelPaddingValue = -2000
    dataset.PixelPaddingRangeLimit = -1990
    table = Dataset()
    table.LUTDescriptor = [256, 0, 8]
    table.LUTData = bytes(range(256))
    table["LUTData"].VR = "OW"
    table.ModalityLUTType = "US"
    dataset.ModalityLUTSequence = Sequence([table])
    dataset.add_new((0x6000, 0x0102), "US", 15)
    for name in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        dataset[name].VR = "SS"
    return _bytes(dataset)


def picture_seeds() -> dict[str, bytes]:
    """PNG, TIFF (plain, compressed, of two pages) and PGM (binary and text) files."""
    sixteen = Picture.fromarray((_BREAST * 65535).astype(np.uint16))
    eight = Picture.fromarray((_BREAST * 255).astype(np.uint8))
    made = {}
    for name, picture, options in (
        ("png", sixteen, {"format": "PNG"}),
        ("png 8", eight, {"format": "PNG"}),
        ("tiff", sixteen, {"format": "TIFF"}),
        ("tiff lzw", eight, {"format": "TIFF", "compression": "tiff_lzw"}),
        ("tiff deflate", sixteen, {"format": "TIFF", "compression": "tiff_adobe_deflate"}),
        ("tiff pages", sixteen, {"format": "TIFF", "save_all": True, "append_images": [eight]}),
        ("pgm", eight, {"format": "PPM"}),
    ):
        buffer = io.BytesIO()
        picture.save(buffer, **options)
        made[name] = buffer.getvalue()
    made["pgm 16"] = b"P5\n%d %d\n" % (COLUMNS, ROWS) + b"4095\n" + (_BREAST * 4095).astype(">u2").tobytes()
    made["pgm text"] = b"P2\n# comment\n4 2\n15\n" + b" ".join(str(n).encode() for n in range(8)) + b"\n"
    return made


def deflated(content: bytes, inner: bytes) -> bytes:
    """A deflated DICOM file: the file meta information of one that is, and any content."""
    length = int.from_bytes(content[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return content[: 144 + length] + packer.compress(inner) + packer.flush()


LABELS = (
    "patient_id,accession,side,malignant,benign,density,age,reader_1,split\n"
    "P-1,A-1,L,1,0,B,55,0.5,train\nP-1,A-1,R,0,0,B,55,0.25,train\n"
)
FINDINGS = "file,label,kind,shape,coordinates,mask\nimage.dcm,malignant,mass,circle,20 20 5,\na,benign,,mask,,m.png\n"
TOML = (
    'name = "d"\nseed = 3\nplugin = "gmic"\nstate = "complete"\ncomplete = true\n[labels]\nmalignant = "x"\n'
    "[settings]\na = [1, 2.5]\n"
)
