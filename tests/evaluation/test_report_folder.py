"""Where a report goes that nobody named a folder for: never over one of other predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cadkit.data import Dataset
from cadkit.evaluation import Settings, evaluate_sources


@pytest.fixture
def judge(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, list[str]]]:
    """`judge(source, command)`: the report's folder, and what was told."""
    monkeypatch.chdir(tmp_path)
    settings = Settings(split="test", bootstrap=20, cases=0, labels=("malignant",))

    def run(source: str, command: str) -> tuple[str, list[str]]:
        told: list[str] = []
        _, where = evaluate_sources([source], data=data.folder, settings=settings, command=command, tell=told.append)
        return str(where), told

    return run


def test_a_report_of_other_predictions_is_left_alone(judge: Callable[..., Any], hand: Callable[..., Any]) -> None:
    folder = hand().folder
    assert judge(str(folder), "evaluate one") == ("report/vendor-test", [])
    assert judge(str(folder), "evaluate one --froc")[0] == "report/vendor-test"  # of the same predictions
    scores = folder / "breasts.csv"
    scores.write_text(scores.read_text().replace("e1,L,0.9", "e1,L,0.91"))
    where, told = judge(str(folder), "evaluate two")
    assert where == "report/vendor-test-2"
    assert told == ["report/vendor-test is of other predictions: this report goes to report/vendor-test-2."]
    assert json.loads(Path("report/vendor-test/report.json").read_text())["command"] == "evaluate one --froc"
    assert judge(str(folder), "evaluate two")[0] == "report/vendor-test-2"
    scores.write_text(scores.read_text().replace("e1,L,0.91", "e1,L,0.92"))
    assert judge(str(folder), "evaluate two")[0] == "report/vendor-test-2"  # the same command again
    Path("report/vendor-test/report.json").write_text("{")
    assert judge(str(folder), "evaluate three")[0] == "report/vendor-test"


def test_the_folder_that_a_plugin_predicted_into_is_told(
    judge: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, hand: Callable[..., Any]
) -> None:
    from cadkit.evaluation import sources

    made = hand()
    monkeypatch.setattr(sources, "predictions_of", lambda path, data, **options: made)
    told = judge("spots.py:Spots", "evaluate spots")[1]
    assert told == [f"The predictions of spots.py:Spots were written in {made.folder}."]
    made.was_complete = True
    assert f"The predictions of spots.py:Spots are in {made.folder}." in judge("spots.py:Spots", "evaluate spots")[1]
