"""What stands in an image's file, before it was prepared."""

from __future__ import annotations

from collections.abc import Mapping
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


def file_of(folder: Path, image_id: str, file: str | None, sources: Mapping[str, str]) -> Path | None:
    """The file of an image: of sources.csv, else of images.csv; None where neither names one."""
    if sources.get(image_id):
        return folder / sources[image_id]
    return inside(folder, file) if file else None


def read_original(path: Path, row: Mapping[str, Any]) -> NDArray[np.int32]:
    """The grey values of a row of images.csv as they stand in its file: int32, rows x columns.

    Args:
        path: the file.
        row: of images.csv; `frame` (0 is the first) is heeded.

    Raises:
        InputError: whatever is wrong with the file.
    """
    frame, image = row.get("frame") or 0, row["image_id"]
    try:
        with path.open("rb") as file:
            head = file.read(512)
        if head.startswith(PICTURES):
            return decode_picture(path, frame)[0].astype(np.int32)
        return read_pixels(path, frame=frame).stored
    except (DicomError, Unreadable) as error:
        raise InputError(error.reason, file=path, value=image, mend=error.mend) from None
    except OSError as error:
        mend = "Put it back, or correct its path in sources.csv or images.csv."
        raise InputError(f"the file cannot be opened: {error.strerror}", file=path, value=image, mend=mend) from None
