"""A vendor's program with ways of its own as a plugin: many exams a start, its table read back.

cadkit predict vendor_plugin.py:Vendor --data D --set program=./vendor
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import cadkit
from cadkit.prediction import Failed, export_image, run_program

Answer = cadkit.ExamPrediction | cadkit.Skipped


class Vendor(cadkit.Model):
    """Whatever reads a folder of DICOM files and writes a table."""

    class Config(cadkit.Config):
        """How it is started."""

        program: str = "./vendor"
        format: Literal["dicom", "png16"] = "dicom"
        exams_per_start: int = 50
        seconds_per_exam: float = 600

    info = cadkit.ModelInfo(("malignant",), "risk", localizes="marks")

    def predict(self, exams: Iterable[cadkit.Exam]) -> Iterator[Answer]:
        """One answer per exam; where a start fails, each of its exams is asked about alone."""
        exams = iter(exams)
        while group := list(islice(exams, self.config.exams_per_start)):
            answers = self.start(group)
            if len(group) > 1 and isinstance(answers[0], Failed):
                answers = [self.start([exam])[0] for exam in group]
            yield from answers

    def start(self, group: Sequence[cadkit.Exam]) -> Sequence[Answer]:
        """The answers of one start."""
        with tempfile.TemporaryDirectory() as folder:
            files, table = Path(folder) / "files", Path(folder) / "table.csv"
            files.mkdir()
            try:
                names = {
                    image.id: export_image(image, files, self.config.format).name
                    for exam in group
                    for image in exam.images
                    if not exam.lacks_pixels(image.id)
                }
            except cadkit.InputError as error:  # an original is not there, or is no DICOM file
                return [Failed(str(error)) for _ in group]
            words = [self.config.program, "--in", str(files), "--out", str(table)]
            ended = run_program(words, timeout=self.config.seconds_per_exam * len(group))
            if ended.status != 0:
                return [Failed(f"{ended}: {ended.last_words}") for _ in group]
            try:
                with table.open(encoding="utf-8", newline="") as lines:
                    rows = {row["file"]: self.answer(row) for row in csv.DictReader(lines)}
            except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
                return [Failed(f"its table cannot be read: {type(error).__name__}") for _ in group]
        unsaid = cadkit.Skipped("the program said nothing of it")
        return [
            cadkit.ExamPrediction(images={image.id: rows.get(names.get(image.id), unsaid) for image in exam.images})
            for exam in group
        ]

    def answer(self, row: dict[str, str]) -> cadkit.ImagePrediction | cadkit.Skipped:
        """A row of the table; its places are in the pixels of what the program was handed."""
        if row["error"]:
            return cadkit.Skipped(row["error"])
        marks = cadkit.Marks([float(row["certainty"])], [(float(row["x"]), float(row["y"]))])
        frame: Literal["file", "prepared"] = "file" if self.config.format == "dicom" else "prepared"
        return cadkit.ImagePrediction({"malignant": float(row["score"])}, marks=marks, frame=frame)
