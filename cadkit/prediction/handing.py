"""What another program is handed: a folder per exam with its pictures, and a manifest of all."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cadkit.data import Exam, Image
from cadkit.dicom.pseudonymous import write_pseudonymous
from cadkit.errors import InputError
from cadkit.files import atomic
from cadkit.prediction.folder import safe_name

Format = Literal["dicom", "png16"]
MANIFEST = "manifest.csv"
COLUMNS = ("exam_id", "image_id", "side", "view", "file", "rows", "columns", "pixel_spacing_mm", "frame")
Sizes = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Handing:
    """How exams are handed over.

    Attributes:
        format: `dicom`, the files as they came under pseudonyms, or `png16`, the prepared pictures (16 bits, the breast
            facing right).
        files: of each image, for `dicom`.
    """

    format: Format
    files: Mapping[str, Path]

    @property
    def in_file(self) -> bool:
        """Whether pixel coordinates of the answer are those of the image's file, not of the prepared picture."""
        return self.format == "dicom"

    def write(self, exams: Sequence[Exam], folder: Path) -> Sizes:
        """Write `<exam>/<image>.dcm` or `.png` of every image, and `manifest.csv`.

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
                path = place / f"{safe_name(image.id)}.{'dcm' if self.in_file else 'png'}"
                sizes[image.id] = self._one(image, path)
                rows.append(self._row(image, str(path.relative_to(folder)), sizes[image.id]))
        with atomic(folder / MANIFEST) as part, part.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerows([COLUMNS, *rows])
        return sizes

    def _one(self, image: Image, path: Path) -> tuple[int, int]:
        if not self.in_file:
            image.export(path.parent).rename(path)
            return image.shape
        if image.id not in self.files:
            raise InputError(f"image {image.id} has no file", mend="Hand it over with --format png16.")
        exam = image.exam
        try:
            return write_pseudonymous(
                self.files[image.id],
                path,
                patient_id=exam.patient_id,
                exam_id=exam.id,
                image_id=image.id,
                date=str(exam.columns.get("date") or ""),
                age=exam.columns.get("age"),
            )
        except InputError as error:
            raise InputError(f"image {image.id}: {error}") from None

    def _row(self, image: Image, name: str, size: tuple[int, int]) -> list[object]:
        frame = image.columns.get("frame") or 0
        spacing = "" if image.spacing_mm is None else image.spacing_mm
        return [image.exam.id, image.id, image.side, image.view, name, *size, spacing, frame if self.in_file else 0]
