"""What stands in an image's file, before it was prepared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadkit.data.tables import SOURCES, read_table
from cadkit.dicom.errors import DicomError
from cadkit.dicom.pixels import read_pixels
from cadkit.errors import InputError
from cadkit.files import inside
from cadkit.prepare.reading import PICTURES, Unreadable, decode_picture


def sources_of(folder: Path) -> dict[str, str]:
    """Paths by image id as sources.csv has them.

    Raises:
        InputError: the table is wrong.
    """
    sources, problems = read_table(folder, SOURCES)
    if problems:
        raise InputError(str(problems[0]))
    return dict(zip(sources["image_id"], sources["path"], strict=True))


def read_sources(folder: Path) -> Mapping[str, str]:
    """As `sources_of`, kept in memory until the table changes: for whoever asks image by image."""
    table = folder / SOURCES.file
    return _kept_sources(folder, table.stat().st_mtime_ns if table.exists() else 0)


@lru_cache(maxsize=4)
def _kept_sources(folder: Path, changed: int) -> Mapping[str, str]:
    return sources_of(folder)


def file_of(folder: Path, image_id: str, file: str | None, sources: Mapping[str, str]) -> Path | None:
    """The file of an image: of sources.csv, else of images.csv; None where neither names one."""
    if sources.get(image_id):
        return folder / sources[image_id]
    return inside(folder, file) if file else None


def read_original(folder: Path, row: Mapping[str, Any]) -> NDArray[np.int32]:
    """The grey values of a row of images.csv as they stand in its file: int32, rows x columns.

    Args:
        folder: of the dataset.
        row: of images.csv; `frame` (0 is the first) is heeded.

    Raises:
        InputError: no table names a file, or whatever is wrong with it. A model may write what the error says, so
            a path of sources.csv, which often tells who a woman is and what she had, is not in it.
    """
    frame, image = row.get("frame") or 0, row["image_id"]
    sources = read_sources(folder)
    path = file_of(folder, image, row.get("file"), sources)
    if path is None:
        mend = "Name it in the column file, or in sources.csv."
        raise InputError("the image has no file", file=folder / "images.csv", value=image, mend=mend)
    shown = "its file in sources.csv" if sources.get(image) else path
    try:
        with path.open("rb") as file:
            head = file.read(512)
        if head.startswith(PICTURES):
            return decode_picture(path, frame)[0].astype(np.int32)
        return read_pixels(path, frame=frame).stored
    except (DicomError, Unreadable) as error:
        raise InputError(error.reason, file=shown, value=image, mend=error.mend) from None
    except OSError as error:
        # Pillow's errors of a broken picture are of this kind too, and quote the path.
        reason = f"cannot be opened: {error.strerror}" if error.strerror else "cannot be decoded"
        mend = "Put it back, or correct its path in sources.csv or images.csv."
        raise InputError(f"the file {reason}", file=shown, value=image, mend=mend) from None
    except (SyntaxError, ValueError, EOFError) as error:  # what Pillow makes of the rest
        reason = f"the file cannot be decoded: {type(error).__name__}"
        raise InputError(reason, file=shown, value=image, mend="Fetch it again.") from None
