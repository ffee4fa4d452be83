"""Handing an image's file to another program: a copy under pseudonyms, or the prepared picture."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cadkit.data import Image
from cadkit.data.exam import drawn_file_of, folder_of
from cadkit.dicom.pseudonymous import write_pseudonymous
from cadkit.errors import InputError
from cadkit.files import safe_name
from cadkit.prepare.originals import file_of, read_sources

Format = Literal["dicom", "png16"]


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
    if format == "png16":
        return image.export(folder), image.shape
    path = Path(folder) / f"{safe_name(image.id)}.dcm"
    exam = image.exam
    dataset = folder_of(exam)
    source = file_of(dataset, image.id, image.columns.get("file"), read_sources(dataset)) or drawn_file_of(image)
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
