"""What a dataset holds, in numbers."""

from __future__ import annotations

from pathlib import Path

from cadkit.data.dataset import Dataset


def summarize(folder: str | Path) -> list[dict[str, str | int]]:
    """Counts by split: patients, exams, breasts, images, findings, and positives and unknowns of every label.

    Raises:
        InputError: it is no dataset, or its tables contradict each other.
    """
    data = Dataset.open(folder)
    exams = data.tables["exams"]
    names = ["all"]
    if "split" in exams.columns:
        names += [s for s in ("train", "validation", "test") if (exams["split"] == s).any()]
    rows = []
    for name in names:
        tables = data.split(name).tables
        row: dict[str, str | int] = {
            "split": name,
            "patients": tables["exams"]["patient_id"].n_unique(),
            "exams": tables["exams"].height,
            "breasts": tables["breasts"].height,
            "images": tables["images"].height,
            "findings": tables["findings"].height,
        }
        for label in data.meta.labels:
            table = tables["breasts"] if label in tables["breasts"].columns else tables["exams"]
            row[label] = int((table[label] == 1).sum())
            row[f"{label} unknown"] = int(table[label].is_null().sum())
        rows.append(row)
    return rows
