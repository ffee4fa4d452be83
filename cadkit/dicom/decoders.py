"""From compressed pixel data to stored values: which decoder reads what, fastest first.

pydicom's decoder plugins are asked by name, as its own order is up to 1.6 times slower for JPEG 2000 and
JPEG-LS. GDCM called directly is the last resort: it reads 12-bit JPEG, which pydicom's GDCM plugin refuses, and
scans with a wrong header.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from cadkit.dicom.elements import count_of
from cadkit.dicom.errors import DicomError
from cadkit.dicom.files import lenient, syntax_of
from cadkit.dicom.isolation import TOO_SLOW, DecoderFailed, apart

_ROOT = "1.2.840.10008.1.2"
_GDCM_DIRECT = "gdcm, directly"
# transfer syntax: pydicom's names of the decoders, fastest first
_ORDER: dict[str, tuple[str, ...]] = {
    f"{_ROOT}": (),
    f"{_ROOT}.1": (),
    f"{_ROOT}.1.99": (),
    f"{_ROOT}.2": (),
    f"{_ROOT}.4.50": ("gdcm", "pillow", "pylibjpeg"),
    f"{_ROOT}.4.51": ("pylibjpeg", _GDCM_DIRECT),
    f"{_ROOT}.4.57": ("gdcm", "pylibjpeg", _GDCM_DIRECT),
    f"{_ROOT}.4.70": ("gdcm", "pylibjpeg", _GDCM_DIRECT),
    f"{_ROOT}.4.80": ("pyjpegls", "gdcm", "pylibjpeg", _GDCM_DIRECT),
    f"{_ROOT}.4.81": ("pyjpegls", "gdcm", "pylibjpeg", _GDCM_DIRECT),
    f"{_ROOT}.4.90": ("pylibjpeg", "gdcm", "pillow", _GDCM_DIRECT),
    f"{_ROOT}.4.91": ("pylibjpeg", "gdcm", "pillow", _GDCM_DIRECT),
    f"{_ROOT}.4.201": ("pylibjpeg",),
    f"{_ROOT}.4.202": ("pylibjpeg",),
    f"{_ROOT}.4.203": ("pylibjpeg",),
    f"{_ROOT}.5": ("pylibjpeg", "pydicom"),
}
_SIZE_MARKERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_IN_PYTHON = ("", "pydicom")
_LARGE, _MOST_PIXELS_A_BYTE = 4_000_000, 1000
# Several times what the slowest decoder takes on a slow processor.
_LEAST_SECONDS, _SECONDS_A_PIXEL = 8, 5e-7


@dataclass(frozen=True)
class SyntaxSupport:
    """How one transfer syntax can be read here.

    Attributes:
        uid, name: of the transfer syntax.
        decoders: every decoder that could read it and whether it is installed, in the order of use.
    """

    uid: str
    name: str
    decoders: tuple[tuple[str, bool], ...]

    @property
    def readable(self) -> bool:
        """True if at least one decoder is installed."""
        return any(available for _, available in self.decoders)


def table() -> list[SyntaxSupport]:
    """Transfer syntaxes (PS3.5 annex A) by the decoders installed here."""
    rows = []
    for uid, names in _ORDER.items():
        decoders = tuple((name, _available(uid, name)) for name in names) or (("numpy", True),)
        rows.append(SyntaxSupport(uid, UID(uid).name, decoders))
    return rows


def decode(dataset: FileDataset, path: str | os.PathLike[str], frame: int = 0) -> tuple[NDArray[np.integer[Any]], str]:
    """Decode one frame to its container values, bits above BitsStored and all.

    Args:
        dataset: with pixel data.
        path: the file it was read from; GDCM reads it again where all else fails.
        frame: number of the frame, 0 the first.

    Returns:
        rows x columns integers in the container's own type, and the decoder's name.

    Raises:
        DicomError: `unknown-syntax`, `missing-decoder`, `size-mismatch` or `undecodable`.
    """
    syntax = syntax_of(dataset)
    if str(syntax) not in _ORDER:
        # What has no public name may be any text.
        name = syntax.name if syntax.name != str(syntax) else "nothing known"
        raise DicomError("unknown-syntax", f"pixels are encoded as {name}, which cadkit does not read")
    shape = (count_of(dataset, "Rows", 0), count_of(dataset, "Columns", 0))
    names = [name for name in _ORDER[syntax] if _available(syntax, name)]
    if syntax.is_encapsulated:
        if not names:
            wanted = " or ".join(_ORDER[syntax])
            raise DicomError("missing-decoder", f"no decoder is installed for {syntax.name}", f"Install {wanted}.")
        _check_codestream(dataset, frame, shape)
    faults = []
    for name in names or [""]:
        try:
            pixels = _decode_with(name, dataset, path, frame)
        except MemoryError:
            raise
        except DecoderFailed as error:
            faults.append(f"{name}: {error}")
            if str(error) == TOO_SLOW:
                break  # the next one would be slow too
            continue
        except Exception as error:  # decoders raise what they like on damaged data
            faults.append(f"{name or 'numpy'}: {type(error).__name__}")
            continue
        if pixels.shape != shape:
            raise DicomError(
                "size-mismatch",
                f"the header says {shape[0]} x {shape[1]} pixels, the data hold {' x '.join(map(str, pixels.shape))}",
            )
        return pixels, name or "numpy"
    raise DicomError(
        "undecodable",
        f"no decoder could read the pixels ({syntax.name}; {'; '.join(faults)})",
        "The file is damaged or cut short; fetch it again from the archive.",
    )


def _available(syntax: str, name: str) -> bool:
    if name == _GDCM_DIRECT:
        return _gdcm() is not None
    return name in get_decoder(syntax).available_plugins


def _gdcm() -> Any:
    try:
        import gdcm
    except ImportError:
        return None
    return gdcm


def _decode_with(name: str, dataset: FileDataset, path: str | os.PathLike[str], frame: int) -> NDArray[np.integer[Any]]:
    """Values as the decoder of that name gives them; compiled ones work in a process of their own."""
    pixels = count_of(dataset, "Rows", 0) * count_of(dataset, "Columns", 0)
    seconds = _LEAST_SECONDS + round(pixels * _SECONDS_A_PIXEL)
    if name == _GDCM_DIRECT:
        return apart(lambda: _decode_gdcm(path, frame), seconds)
    if name in _IN_PYTHON:
        return _decode_pydicom(name, dataset, frame)
    return apart(lambda: _decode_pydicom(name, dataset, frame), seconds)


def _decode_pydicom(name: str, dataset: FileDataset, frame: int) -> NDArray[np.integer[Any]]:
    syntax = syntax_of(dataset)
    options: dict[str, Any] = {"correct_unused_bits": False, "transfer_syntax_uid": syntax}
    with lenient():
        # Bits above BitsStored may be overlays or real values: the pixel chain decides.
        pixels, _ = get_decoder(syntax).as_array(dataset, index=frame, raw=True, decoding_plugin=name, **options)
    return pixels


def _decode_gdcm(path: str | os.PathLike[str], frame: int) -> NDArray[np.integer[Any]]:
    gdcm = _gdcm()
    for silence in (gdcm.Trace.WarningOff, gdcm.Trace.ErrorOff, gdcm.Trace.DebugOff):
        silence()
    reader = gdcm.ImageReader()
    reader.SetFileName(os.fspath(path))
    with _quiet():
        if not reader.Read():
            raise ValueError("GDCM does not read the file")
        image = reader.GetImage()
        # GDCM hands its bytes over as text with surrogates for what is not UTF-8.
        data = image.GetBuffer().encode("utf-8", "surrogateescape")
    columns, rows = image.GetDimension(0), image.GetDimension(1)
    stored = image.GetPixelFormat()
    kind = "i" if stored.GetPixelRepresentation() else "u"
    pixels = np.frombuffer(data, dtype=f"={kind}{stored.GetBitsAllocated() // 8}")
    picture: NDArray[np.integer[Any]] = pixels.reshape(-1, rows, columns)[frame].copy()
    return picture


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a C library prints away from the terminal; it does not know of Python's streams."""
    sys.stderr.flush()
    saved = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(nothing)
        os.close(saved)


def _check_codestream(dataset: FileDataset, frame: int, shape: tuple[int, int]) -> None:
    """Refuse a code stream whose own size differs from the header's before a decoder takes memory for it.

    One that is much too short for its size is refused too: lossy compression of mammograms leaves a byte for some
    tens of pixels, and a decoder would fill a large picture with nothing for minutes.
    """
    frames = max(1, count_of(dataset, "NumberOfFrames", 1))
    try:
        stream = get_frame(dataset.PixelData, frame, number_of_frames=frames)
    except Exception:  # a broken encapsulation; the decoders say more
        return
    pixels = shape[0] * shape[1]
    if pixels > _LARGE and pixels > _MOST_PIXELS_A_BYTE * len(stream):
        reason = f"the header claims {pixels} pixels in {len(stream)} bytes of compressed data"
        raise DicomError("size-mismatch", reason, "The file is damaged or cut short; fetch it again from the archive.")
    found = codestream_shape(stream)
    if found is not None and found != shape:
        raise DicomError(
            "size-mismatch",
            f"the header says {shape[0]} x {shape[1]} pixels, the compressed data {found[0]} x {found[1]}",
        )


def codestream_shape(stream: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 code stream claims; None for another kind."""
    start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start >= 0:
        size = [int.from_bytes(stream[start + at : start + at + 4], "big") for at in (8, 12, 16, 20)]
        return size[1] - size[3], size[0] - size[2]
    if not stream.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _SIZE_MARKERS:
            rows, columns = (int.from_bytes(stream[at + k : at + k + 2], "big") for k in (5, 7))
            return (rows, columns) if rows else None
        if marker == 0xFF:
            at += 1
        elif marker in _STANDALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None
