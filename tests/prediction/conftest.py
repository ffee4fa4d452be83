"""What the tests of predictions share."""

from __future__ import annotations

from pathlib import Path

import pytest

from cadkit.prediction import Predictions

TABLES = ("images", "breasts", "exams", "marks", "rois")


@pytest.fixture
def rows():
    """`rows(predictions, level)`: scores by id."""

    def read(predictions: Predictions, level: str) -> dict[object, dict[str, float]]:
        keys = {"image": ["image_id"], "breast": ["exam_id", "side"], "exam": ["exam_id"]}[level]
        found = {}
        for row in predictions.scores(level).iter_rows(named=True):
            identity = tuple(row.pop(key) for key in keys)
            row.pop("exam_id", None)
            found[identity[0] if len(identity) == 1 else identity] = row
        return found

    return read


@pytest.fixture
def contents():
    """`contents(folder)`: the bytes of every file of a prediction folder by its name."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }

    return read
