"""Opening a DICOM file: what is one, where its pixels lie, and how many bytes they claim."""

from __future__ import annotations

import io
import os
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Literal

from pydicom import config, dcmread
from pydicom.dataset import FileDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from cadkit.dicom.errors import DicomError

_PREAMBLE = 128
_LARGE_READ = 2**16
_UNDEFINED = 0xFFFFFFFF
_ITEM = b"\xfe\xff\x00\xe0"
_DELIMITER = b"\xfe\xff\xdd\xe0"
_PIXEL_GROUP = 0x7FE0
_FIRST_GROUPS = (0x0002, 0x0004, 0x0008)
INFLATED_LIMIT = 2**28
"""Bytes that a deflated file may become; reading it takes several times as many."""


@contextmanager
def lenient() -> Iterator[None]:
    """Let pydicom read values that break the standard without a word."""
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.reading_validation_mode = before


def read_dataset(
    path: str | os.PathLike[str], *, pixels: bool, tags: Sequence[BaseTag] | None = None
) -> tuple[FileDataset, int | None]:
    """Read a DICOM file (PS3.10), also one without preamble or file meta information.

    Args:
        path: the file.
        pixels: read the pixel data too; else stop before it.
        tags: those to keep; all if None.

    Returns:
        The dataset, and the bytes of pixel data that the file holds: None where it has no pixel data
        (or `pixels` is set), 0 where compressed data are cut short. With a defined length that is the lesser of
        the claim and what is there.

    Raises:
        DicomError: `empty-file`, `not-dicom`, `unreadable-file` or `unreadable-header`.
    """
    try:
        with _Bounded(io.FileIO(path)) as file:
            start = _start(file)
            _check_inflated(file, start)
            file.seek(0)
            with lenient():
                # pydicom looks at the first element to tell implicit from explicit encoding where
                # the transfer syntax is missing.
                dataset = dcmread(
                    file,
                    force=True,
                    stop_before_pixels=not pixels,
                    specific_tags=None if tags is None else list(tags),
                )
            return dataset, None if pixels else _pixel_bytes(file, dataset)
    except DicomError:
        raise
    except OSError as error:
        raise DicomError("unreadable-file", f"the file cannot be opened: {error.strerror}") from None
    except MemoryError:
        raise
    except Exception as error:  # pydicom raises many kinds on broken headers
        raise DicomError(
            "unreadable-header",
            f"the header cannot be read ({type(error).__name__})",
            "The file is damaged or cut short; fetch it again from the archive.",
        ) from None


def syntax_of(dataset: FileDataset) -> UID:
    """The transfer syntax; for files without one, what pydicom found by looking."""
    meta = getattr(dataset, "file_meta", None)
    written = meta.get("TransferSyntaxUID") if meta is not None else None
    if written:
        return uid_of(str(written))
    implicit, little = dataset.original_encoding
    if little is False:
        return ExplicitVRBigEndian
    return UID("1.2.840.10008.1.2" if implicit is not False else "1.2.840.10008.1.2.1")


def uid_of(text: str) -> UID:
    """A UID as it stands in a file, without pydicom's warning, which would show it."""
    return UID(text, config.IGNORE)


def encapsulated(syntax: UID) -> bool:
    """Whether pixel data of a transfer syntax lie in fragments; so they do in one that is not known (PS3.5 A.4)."""
    return not syntax.is_transfer_syntax or syntax.is_encapsulated


class _Bounded(io.BufferedReader):
    """A file that is not asked for more than it holds: a wrong length would take as much memory as it says."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LARGE_READ:
            here = self.tell()
            size = min(size, max(0, os.fstat(self.fileno()).st_size - here))
        return super().read(size)


def _start(file: BinaryIO) -> int:
    """Offset of the first element, after a look whether the file is DICOM at all."""
    head = file.read(_PREAMBLE + 4)
    if not head:
        raise DicomError("empty-file", "the file is empty")
    if head[_PREAMBLE:] == b"DICM":
        return _PREAMBLE + 4
    if head[:4] == b"DICM":
        return 4
    if not _looks_like_elements(head):
        raise DicomError("not-dicom", f"the file is not DICOM{_known_kind(head)}")
    return 0


def _looks_like_elements(head: bytes) -> bool:
    """True if the bytes begin with an element of a group that can come first (PS3.5 section 7.1)."""
    if len(head) < 16:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(head[:2], order)
        if group not in _FIRST_GROUPS:
            continue
        if head[4:6].isalpha() and head[4:6].isupper():
            return True
        if order == "little" and int.from_bytes(head[4:8], "little") < 2**16:
            return True
    return False


def _known_kind(head: bytes) -> str:
    kinds = {
        b"\xff\xd8\xff": "JPEG",
        b"\x89PNG": "PNG",
        b"II*\0": "TIFF",
        b"MM\0*": "TIFF",
        b"PK\x03\x04": "ZIP",
        b"%PDF": "PDF",
    }
    for magic, name in kinds.items():
        if head.startswith(magic):
            return f" but {name}"
    return ""


def _check_inflated(file: BinaryIO, start: int) -> None:
    """Refuse a deflated file that would fill the memory (PS3.5 A.5)."""
    file.seek(start)
    meta = file.read(400)
    if DeflatedExplicitVRLittleEndian.encode() not in meta:
        return
    length = int.from_bytes(meta[8:12], "little")
    file.seek(start + 12 + length)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    while chunk := file.read(2**16):
        while chunk:
            total += len(inflater.decompress(chunk, 2**20))
            chunk = inflater.unconsumed_tail
            if total > INFLATED_LIMIT:
                raise DicomError("too-large", f"the deflated file holds more than {INFLATED_LIMIT} bytes")


def _pixel_bytes(file: BinaryIO, dataset: FileDataset) -> int | None:
    """Bytes of pixel data behind the header at which reading has stopped."""
    syntax = syntax_of(dataset)
    if syntax == DeflatedExplicitVRLittleEndian:
        return INFLATED_LIMIT  # inflated in memory already, so its size was checked
    order: Literal["little", "big"] = "big" if syntax == ExplicitVRBigEndian else "little"
    at = file.tell()
    head = file.read(12)
    if len(head) < 8 or int.from_bytes(head[:2], order) != _PIXEL_GROUP:
        return None
    implicit = not head[4:6].isalpha()
    length = int.from_bytes(head[4:8] if implicit else head[8:12], order)
    begin = at + (8 if implicit else 12)
    left = file.seek(0, os.SEEK_END) - begin
    if length == _UNDEFINED:
        return left if _fragments_whole(file, begin, begin + left) else 0
    return max(0, min(length, left))


def _fragments_whole(file: BinaryIO, at: int, end: int) -> bool:
    """Whether no fragment of encapsulated pixel data (PS3.5 A.4) reaches beyond the end of the file."""
    while at + 8 <= end:
        file.seek(at)
        head = file.read(8)
        if head[:4] != _ITEM:
            return head[:4] == _DELIMITER
        at += 8 + int.from_bytes(head[4:], "little")
    return at <= end
