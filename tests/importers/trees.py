"""Trees of DICOM files to import, and what became of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cadkit.data import Dataset
from cadkit.data.tables import read_problems
from cadkit.dicom import stored_values, write_mammogram
from cadkit.importers.dicom import import_dicom

ROWS, COLUMNS = 96, 80
Y, X = np.mgrid[:ROWS, :COLUMNS]
BREAST = np.where((X / 60) ** 2 + ((Y - 48) / 44) ** 2 < 1, 0.6, 0).astype(np.float32)


def image(folder: Path, exam: str, side: str = "L", view: str = "CC", *, name: str = "", **changes: Any) -> Path:
    """A mammogram of the exam `A1` of the patient `Miller-1`, or so."""
    path = folder / exam / (name or f"{side}{view}.dcm")
    values: dict[str, Any] = {
        "spacing_mm": 2.0, "patient_id": "Miller-1", "accession": exam, "image_id": path.name, "age_years": 55,
        "date": dt.date(2020, 1, 2), "patient_name": "Miller^Jane", "birth_date": dt.date(1964, 5, 6),
    }  # fmt: skip
    pixels = stored_values(BREAST if side == "L" else BREAST[:, ::-1])
    write_mammogram(path, pixels, side=side, view=view, **(values | changes))  # type: ignore[arg-type]
    return path


def four(folder: Path, exam: str, **changes: Any) -> None:
    for side in "LR":
        for view in ("CC", "MLO"):
            image(folder, exam, side, view, **changes)


def imported(source: Path, tmp_path: Path, **arguments: Any) -> Dataset:
    import_dicom(source, tmp_path / "D", workers=1, quiet=True, **arguments)
    return Dataset.open(tmp_path / "D")


def csv(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
    return path


def rules(tmp_path: Path) -> dict[str, int]:
    return dict(read_problems(tmp_path / "D")["rule"].value_counts().iter_rows())


def paths(tmp_path: Path) -> dict[str, str]:
    table = pl.read_csv(tmp_path / "D" / "sources.csv")
    return {Path(path).relative_to(tmp_path / "files").as_posix(): name for name, path in table.iter_rows()}


def exam_of(data: Dataset, tmp_path: Path, folder: str) -> str:
    name = next(name for path, name in paths(tmp_path).items() if path.startswith(f"{folder}/"))
    return str(data.tables["images"].filter(pl.col("image_id") == name)["exam_id"].item())
