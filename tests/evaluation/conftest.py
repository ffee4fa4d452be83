"""Predictions written by hand for the dataset of tests/conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cadkit.data import Dataset
from cadkit.evaluation import Settings, evaluate_sources
from cadkit.prediction import Predictions

# Of the ten breasts of the test split; e4-L is of unknown truth. Malignant: e1-L, e3-R, e5-L.
BREASTS = {
    "e1": (0.9, 0.2), "e2": (0.6, 0.1), "e3": (0.3, 0.4), "e4": (0.95, 0.4), "e5": (0.7, 0.05),
}  # fmt: skip
BREASTS_CSV = "exam_id,side,malignant,benign\n" + "".join(
    f"{exam},{side},{score},{score / 2}\n"
    for exam, pair in BREASTS.items()
    for side, score in zip("LR", pair, strict=True)
)
# What each mark is under the default rule (f1, f2, f3 are the findings of tests/conftest.py):
MARKS_CSV = """image_id,label,x,y,score
e1-L-CC,malignant,12,12,0.9
e1-L-CC,malignant,13,13,0.7
e1-R-CC,malignant,5,5,0.8
e3-R-CC,malignant,11.9,27.9,0.6
e3-R-CC,malignant,12,24,0.55
e2-L-CC,malignant,15,15,0.5
e4-L-CC,malignant,5,5,0.95
e5-L-CC,malignant,5,5,0.85
e1-L-MLO,malignant,25,30,0.3
e2-L-CC,benign,15,15,0.4
"""
# hits f1 | hits f1 again | false | hits f3 | false: a box is half open | on a benign finding: false |
# of a breast of unknown truth: left out | of a malignant breast without a finding: left out |
# on the closed circle f2 | of the other label


@pytest.fixture
def hand(tmp_path: Path, write: Callable[[Path, Mapping[str, str]], Path]) -> Callable[..., Predictions]:
    """`hand(name, files)`: a prediction folder; breasts and marks as above by default."""

    def make(name: str = "vendor", files: Mapping[str, str] | None = None) -> Predictions:
        given = {"breasts.csv": BREASTS_CSV, "marks.csv": MARKS_CSV} if files is None else files
        return Predictions.open(write(tmp_path / "predictions" / name, given))

    return make


@pytest.fixture
def pick() -> Callable[..., Any]:
    """`pick(report, metric="auc", ...)`: the one result with those columns."""

    def find(report: Mapping[str, Any], **where: Any) -> Any:
        found = [row for row in report["results"] if all(row[key] == value for key, value in where.items())]
        assert len(found) == 1, found
        return found[0]

    return find


@pytest.fixture
def data(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset(pixels=False)


@pytest.fixture
def judge(data: Dataset, tmp_path: Path) -> Callable[..., Any]:
    """`judge(source, ..., **changes)`: the report of sources as typed."""

    def run(*sources: object, validation: tuple[object, ...] = (), **changes: Any) -> Any:
        words = [str(source) for source in sources]
        report, _ = evaluate_sources(
            words,
            data=data.folder,
            out=tmp_path / "R",
            settings=Settings(**{"split": "test", "bootstrap": 20, "cases": 0, "labels": ("malignant",), **changes}),
            validation=list(map(str, validation)),
        )
        return report

    return run


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str, str], Path]:
    """`table(name, text)`: a file."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def seeds(hand: Callable[..., Predictions]) -> Callable[..., list[Predictions]]:
    """`seeds(n, **files)`: runs of one model; each is unsure of other breasts."""

    def make(n: int, **more: str) -> list[Predictions]:
        rng = np.random.default_rng(5)
        malignant = {("e1", "L"), ("e3", "R"), ("e5", "L")}
        made = []
        for number in range(n):
            rows = [
                f"e{e},{side},{(0.5 if (f'e{e}', side) in malignant else 0.2) + rng.random() / 2:.3f}"
                for e in range(1, 6) for side in "LR"
            ]  # fmt: skip
            files = {"breasts.csv": "exam_id,side,malignant\n" + "\n".join(rows) + "\n", **more}
            made.append(hand(f"seed{number}", files))
        return made

    return make
