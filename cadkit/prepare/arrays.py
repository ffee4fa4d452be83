"""One prepared image on disk: a compressed array of 16-bit pixels and what is known of it.

Chunks of 512 x 512 and blocks of 128 x 128 pixels: a window reads only those that it touches. The
codec was measured (benchmarks/speed/store.py): ZSTD at level 1 after shuffling bytes and taking their
differences is the smallest of those that write faster than a picture is decoded.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import blosc2
import numpy as np
from numpy.typing import NDArray

from cadkit.errors import Failure
from cadkit.files import write_bytes

Pixels = NDArray[np.uint16]
_CHUNK, _BLOCK = 512, 128
_NOTE = "cadkit"
_LONGEST_NAME = 100


def array_path(store: Path, image_id: str) -> Path:
    """Where an image lies: one of 256 folders by a hash of its id, in a file of its name."""
    digest = hashlib.blake2b(image_id.encode(), digest_size=16).hexdigest()
    name = quote(image_id, safe="")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{digest}"
    return store / "images" / digest[:2] / f"{name}.b2nd"


def checksum(pixels: Pixels) -> str:
    """32 hexadecimal digits of BLAKE2 over the shape and the pixels, row by row, least byte first."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(np.array(pixels.shape, dtype="<u8").tobytes())
    digest.update(np.ascontiguousarray(pixels, dtype="<u2").data)
    return digest.hexdigest()


def write_array(path: Path, pixels: Pixels, record: dict[str, Any]) -> None:
    """Write an image and its record atomically; the same input gives the same bytes.

    Raises:
        Failure: the disk is full.
    """
    array = blosc2.asarray(
        np.ascontiguousarray(pixels),
        chunks=tuple(min(_CHUNK, size) for size in pixels.shape),
        blocks=tuple(min(_BLOCK, size) for size in pixels.shape),
        cparams=blosc2.CParams(
            codec=blosc2.Codec.ZSTD,
            clevel=1,
            filters=[blosc2.Filter.SHUFFLE, blosc2.Filter.BYTEDELTA],
            filters_meta=[0, 2],
            nthreads=1,
        ),
        dparams=blosc2.DParams(nthreads=1),
    )
    array.schunk.vlmeta[_NOTE] = json.dumps(record)
    write_bytes(path, array.to_cframe())


def open_array(path: Path) -> blosc2.NDArray:
    """Open an image for reading; nothing is decompressed yet.

    Raises:
        FileNotFoundError: there is none.
        Damaged: it is not a whole array of 16-bit pixels.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    try:
        array = blosc2.open(str(path), mode="r", dparams=blosc2.DParams(nthreads=1))
        whole = isinstance(array, blosc2.NDArray) and array.dtype == np.uint16 and array.ndim == 2
    except Exception as error:  # blosc2 raises RuntimeError, ValueError, KeyError and others for a broken file
        raise Damaged(str(error)) from error
    if not whole:
        raise Damaged("not a picture of 16-bit pixels")
    return array


class Damaged(Failure):
    """A file of the store is not what was written."""


def read_part(array: blosc2.NDArray, box: tuple[int, int, int, int]) -> Pixels:
    """Pixels of a part (top, bottom, left, right) that lies inside.

    Raises:
        Damaged: it cannot be decompressed.
    """
    top, bottom, left, right = box
    try:
        return np.asarray(array[top:bottom, left:right])
    except Exception as error:
        raise Damaged(str(error)) from error


def read_record(path: Path) -> dict[str, Any] | None:
    """What was written with an image; None if there is no whole file."""
    try:
        array = open_array(path)  # kept by name: its notes are gone once it is
        record = json.loads(array.schunk.vlmeta[_NOTE])
    except (FileNotFoundError, Damaged, KeyError, RuntimeError, ValueError):
        return None
    return record if isinstance(record, dict) else None
