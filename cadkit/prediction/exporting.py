"""Handing an image's file to another program: a copy under pseudonyms, or the prepared picture."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from weakref import WeakKeyDictionary

from cadkit.data import Dataset, Image
from cadkit.dicom.pseudonymous import write_pseudonymous
from cadkit.errors import InputError
from cadkit.prediction.folder import safe_name
from cadkit.prepare.preparing import files_of

Format = Literal["dicom", "png16"]
_files: WeakKeyDictionary[Dataset, Mapping[str, Path]] = WeakKeyDictionary()
_reading = threading.Lock()


def export_image(image: Image, folder: str | Path, format: Format = "dicom") -> Path:
    """Write an image into a folder, for another program to read.

    Args:
        image: of a dataset.
        folder: made where it is not there.
        format: `dicom`, the original as it came, pixel data and grey-scale transform byte by byte, with attributes of
            the picture only and under the dataset's names; a program's pixels are then in the frame `file`. `png16`,
            the prepared picture, 16 bits, 65535 for white, the breast facing right; frame `prepared`.

    Returns:
        The file, `<image>.dcm` or `<image>.png`. A character of an id that no file name should have is replaced.

    Raises:
        InputError: the original is not there or no DICOM file, or the image was not prepared; names the image.
        Failure: the disk is full.
    """
    return export_with_size(image, folder, format)[0]


def export_with_size(image: Image, folder: str | Path, format: Format) -> tuple[Path, tuple[int, int]]:
    """As `export_image`; also rows and columns of the picture in the file."""
    path = Path(folder) / f"{safe_name(image.id)}.{'dcm' if format == 'dicom' else 'png'}"
    if format == "png16":
        image.export(path.parent).rename(path)
        return path, image.shape
    exam = image.exam
    source = _files_of(exam._data).get(image.id)
    if source is None:
        raise InputError(f"image {image.id} has no file", mend="Hand it over as png16.")
    try:
        size = write_pseudonymous(
            source,
            path,
            patient_id=exam.patient_id,
            exam_id=exam.id,
            image_id=image.id,
            date=str(exam.columns.get("date") or ""),
            age=exam.columns.get("age"),
        )
    except InputError as error:
        raise InputError(f"image {image.id}: {error}") from None
    return path, size


def _files_of(data: Dataset) -> Mapping[str, Path]:
    """The file of each image, read once for a dataset."""
    with _reading:
        if data not in _files:
            _files[data] = files_of(data.folder, data)
        return _files[data]
