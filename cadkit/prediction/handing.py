"""What another program is handed: a folder per exam with its pictures, and a manifest of all."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from cadkit.data import Exam, Image
from cadkit.files import atomic, safe_name
from cadkit.prediction.exporting import Format, export_with_size

MANIFEST = "manifest.csv"
COLUMNS = ("exam_id", "image_id", "side", "view", "file", "rows", "columns", "pixel_spacing_mm", "frame")
Sizes = dict[str, tuple[int, int]]


def hand_over(exams: Sequence[Exam], folder: Path, format: Format) -> Sizes:
    """Write `<exam>/<image>.dcm` or `.png` of every image (`export_image`), and `manifest.csv`.

    Returns:
        Rows and columns of what was handed over, by image. An image that could not be prepared is not.

    Raises:
        InputError: a file is not there or not what the format asks for; names the image.
    """
    sizes: Sizes = {}
    rows = []
    for exam in exams:
        place = folder / safe_name(exam.id)
        place.mkdir(parents=True)
        for image in exam.images:
            if exam.lacks_pixels(image.id):
                continue
            path, sizes[image.id] = export_with_size(image, place, format)
            rows.append(_row(image, str(path.relative_to(folder)), sizes[image.id], format))
    with atomic(folder / MANIFEST) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerows([COLUMNS, *rows])
    return sizes


def _row(image: Image, name: str, size: tuple[int, int], format: Format) -> list[object]:
    frame = (image.columns.get("frame") or 0) if format == "dicom" else 0
    spacing = "" if image.spacing_mm is None else image.spacing_mm
    return [image.exam.id, image.id, image.side, image.view, name, *size, spacing, frame]
