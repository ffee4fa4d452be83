"""Reading one picture of any kind: DICOM, PNG, TIFF or PGM, to one scale.

All become uint16 with 65535 for white, by the *known* range of their values: a DICOM file says it; of
a PNG, TIFF or PGM file the column `bits` of images.csv tells how many bits are used.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from cadkit.dicom.errors import DicomError
from cadkit.dicom.pixels import MAX_PIXELS, Steps, read_pixels
from cadkit.errors import CadkitError, Problem

PICTURES = (b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"P5", b"P2")
_OTHERS = {b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"GIF8": "GIF", b"RIFF": "WebP", b"%PDF": "PDF"}
_GREY = {"L": 8, "I;16": 16, "I;16B": 16, "I;16L": 16, "I": 32}
# Magic, columns, rows and largest value, between which comments may stand.
_PGM = re.compile(rb"P[25]" + rb"(?:\s|#[^\n]*\n)+(\d+)" * 3)
_FEW_BITS = 14


class Unreadable(CadkitError):
    """A picture that cannot be used.

    Attributes:
        rule: stable name of the fault.
        reason: what is the matter, in one sentence without a path.
        mend: what to do about it.
    """

    def __init__(self, rule: str, reason: str, mend: str = "") -> None:
        super().__init__(f"{reason}. {mend}".strip())
        self.rule, self.reason, self.mend = rule, reason, mend

    def __reduce__(self) -> tuple[type[Unreadable], tuple[str, str, str]]:
        return Unreadable, (self.rule, self.reason, self.mend)


@dataclass(frozen=True)
class Reading:
    """A picture as stored in its file, on the scale of the store.

    Attributes:
        pixels: uint16, rows x columns, 65535 for white.
        padding: True where the file says that there is no picture, or None.
        steps: name and parameters of each step so far.
        notes: what was doubtful.
    """

    pixels: NDArray[np.uint16]
    padding: NDArray[np.bool_] | None
    steps: Steps
    notes: tuple[Problem, ...]


def read_file(path: Path, row: Mapping[str, Any], max_pixels: int = MAX_PIXELS) -> Reading:
    """Read the picture of a row of images.csv.

    Args:
        path: the file.
        row: of images.csv; `frame` (0 is the first), `bits`, `rows` and `columns` are heeded.
        max_pixels: a header that claims more is refused before its pixels are read.

    Raises:
        Unreadable: whatever is wrong with the file.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError:
        raise Unreadable("missing-file", "the file is not there", "Put it back, or remove the row.") from None
    except ValueError:  # a path that no file can have
        raise Unreadable("missing-file", "its path is no path", "Correct the row of sources.csv.") from None
    except OSError as error:
        raise Unreadable("unreadable", f"the file cannot be opened: {error.strerror}") from None
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            raise Unreadable(
                "not-a-picture", f"the file is {name} whatever its name says", "Use DICOM, PNG, TIFF or PGM."
            )
    try:
        if head.startswith(PICTURES):
            reading = _read_picture(path, head, row, max_pixels)
        else:
            reading = _read_dicom(path, row, max_pixels)
    except DicomError as error:
        raise Unreadable(error.rule, error.reason, error.mend) from None
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("too-large", "the picture does not fit into memory", "Use fewer workers.") from None
    except Exception as error:  # decoders raise what they like, and one file must not stop the rest
        reason = f"the picture cannot be decoded: {type(error).__name__}"
        raise Unreadable("unreadable", reason, "Fetch the file again.") from error
    _check_size(reading.pixels.shape, row)
    return reading


def _check_size(shape: tuple[int, ...], row: Mapping[str, Any]) -> None:
    for name, size in (("rows", shape[0]), ("columns", shape[1])):
        said = row.get(name)
        if said is not None and said != size:
            reason = f"the picture has {size} {name}, images.csv says {said}"
            raise Unreadable("size-differs", reason, f"Correct the column {name}, or the file.")


def _read_dicom(path: Path, row: Mapping[str, Any], max_pixels: int) -> Reading:
    read = read_pixels(path, frame=row.get("frame") or 0, max_pixels=max_pixels)
    return Reading(read.levels(65535), read.padding, read.steps, read.notes)


def _read_picture(path: Path, head: bytes, row: Mapping[str, Any], max_pixels: int) -> Reading:
    array, kind = decode_picture(path, row.get("frame") or 0, max_pixels)
    container, bits = 8 * array.dtype.itemsize, row.get("bits")
    notes: list[Problem] = []
    header = _PGM.match(head)
    declared = int(header[3]) if header else None
    if bits is None and container == 8:
        reason = "the picture has 8 bits, where mammograms have 12 to 16"
        raise Unreadable("eight-bits", reason, "Say bits = 8 in images.csv if that is all there is.")
    if declared not in (None, 255, 65535):
        # The decoder has stretched the values from the largest that the header declares.
        white, bits = 2**container - 1, container
    elif bits is not None and not 1 <= bits <= container:
        raise Unreadable("impossible-bits", f"bits = {bits} in a file of {container} bits", "Correct the column bits.")
    else:
        bits = bits or container
        white = 2**bits - 1
        largest = int(array.max())
        if largest > white:
            reason = f"values reach {largest}, more than {bits} bits hold"
            raise Unreadable("bits-exceeded", reason, "Correct the column bits of images.csv.")
        if row.get("bits") is None and largest < 2**_FEW_BITS:
            reason = f"a file of 16 bits holds no value above {largest}: its picture is dark"
            mend = f"Say bits = {max(8, largest.bit_length())} in images.csv if that is its range."
            notes.append(Problem("bits-not-said", reason, mend=mend))
    steps = (
        ("decode", {"format": kind, "container": str(array.dtype)}),
        ("bits", {"used": bits}),
        ("scale", {"range": [0, white]}),
    )
    return Reading(_scaled(array, white), None, steps, tuple(notes))


def _scaled(array: NDArray[np.unsignedinteger[Any]], white: int) -> NDArray[np.uint16]:
    if white == 65535:
        return array.astype(np.uint16)
    table = ((np.arange(white + 1, dtype=np.uint64) * 65535 + white // 2) // white).astype(np.uint16)
    scaled: NDArray[np.uint16] = table[array]
    return scaled


def decode_picture(
    path: Path, frame: int, max_pixels: int = MAX_PIXELS
) -> tuple[NDArray[np.unsignedinteger[Any]], str]:
    """A frame of a PNG, TIFF or PGM file as it stands there, and the name of the format.

    Raises:
        Unreadable: it has no such frame, is not grey, or claims too many pixels.
    """
    with warnings.catch_warnings():
        # The limit on size is ours, and checked below before anything is decoded; doubts about tags that are not
        # read may quote what stands in them.
        warnings.simplefilter("ignore")
        try:
            picture = Picture.open(path, formats=("PNG", "TIFF", "PPM"))
        except Picture.DecompressionBombError:
            raise Unreadable("too-large", "the header claims too many pixels", f"The limit is {max_pixels}.") from None
        with picture:
            if picture.width * picture.height > max_pixels:
                reason = f"the header claims {picture.width * picture.height} pixels"
                raise Unreadable("too-large", reason, f"The limit is {max_pixels}.")
            frames = getattr(picture, "n_frames", 1)
            if not 0 <= frame < frames:
                raise Unreadable("no-frame", f"the file has {frames} frame(s), none of number {frame}")
            if frame:
                picture.seek(frame)
            if picture.mode not in _GREY:
                reason = f"the picture is not grey with 8 or 16 bits (mode {picture.mode})"
                raise Unreadable("not-monochrome", reason, "Write it as 16-bit greyscale.")
            array = np.asarray(picture)
            kind = str(picture.format)
    if array.dtype == np.uint8:
        return array, kind
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65535:
        raise Unreadable("not-16-bits", f"values run from {low} to {high}", "Write it with 16 bits.")
    return array.astype(np.uint16), kind
