"""The public interface: its names, and what the steps say of a mistake."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cadkit
from cadkit.data import Dataset
from cadkit.errors import InputError

Make = Callable[..., Dataset]
SCORES = "exam_id,side,malignant,benign\n" + "".join(
    f"e{n},{side},{score},{1 - score}\n"
    for n, pair in enumerate([(0.9, 0.1), (0.4, 0.2), (0.3, 0.8), (0.5, 0.5), (0.7, 0.6)], 1)
    for side, score in zip("LR", pair, strict=True)
)
ROOMS = (
    "data", "evaluation", "importers", "metrics", "phantom", "plugin", "prediction", "prepare", "reader_study",
    "report", "testing", "training",
)  # fmt: skip


@pytest.fixture
def scored(make_dataset: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The working folder holds the dataset `D` and `scores.csv`."""
    data = make_dataset()
    (tmp_path / "scores.csv").write_text(SCORES)
    monkeypatch.chdir(tmp_path)
    return data


def test_no_two_public_names_are_one_word_for_two_things() -> None:
    homes: dict[str, dict[int, str]] = defaultdict(dict)
    for room in ROOMS:
        module = importlib.import_module(f"cadkit.{room}")
        for name in module.__all__:
            homes[name][id(getattr(module, name))] = room
    for name in cadkit.__all__:
        homes[name][id(getattr(cadkit, name))] = "cadkit"
    # Marks, regions and peaks of the metrics are arrays without a dataset. A room may be named as its one step.
    allowed = {"Marks", "Region", "peaks", "prepare", "reader_study"}
    assert {name for name, found in homes.items() if len(found) > 1} <= allowed


def test_every_room_is_there_after_one_import() -> None:
    asked = f"import cadkit\nfor room in {ROOMS!r}: getattr(cadkit, room).__all__"
    subprocess.run([sys.executable, "-c", asked], check=True)


class TestEvaluate:
    def test_a_report_that_shows_itself(self, scored: Dataset) -> None:
        report = cadkit.evaluate("scores.csv", scored, bootstrap=20)
        assert report.tables[0] == "headline"
        html = report._repr_html_()
        assert report.folder == Path("report/scores-all") or str(report.folder) in html
        # Positives of known truth 0.9, 0.8, 0.7 against 0.1, 0.4, 0.2, 0.3, 0.5 and 0.6.
        assert report.table()["auc"][0] == 1.0
        assert ">1.000 (" in html
        assert all(warning in html for warning in report.warnings)

    def test_one_of_several_may_be_given_alone_and_any_sequence(self, scored: Dataset) -> None:
        settings = cadkit.evaluate(
            "scores.csv", scored, labels="benign", sensitivity_at=0.5, fpi=[1, 2], by=["density"], bootstrap=20
        ).report["settings"]
        assert settings["labels"] == ["benign"]
        assert settings["sensitivity_at"] == [0.5]
        assert settings["fpi"] == [1, 2]
        assert settings["by"] == ["density"]

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"bootstraps": 20}, r"no such setting \(found: 'bootstraps'\)\. Do you mean bootstrap\?"),
            ({"colour": "red"}, r"no such setting \(found: 'colour'\)\. There are .*population, levels"),
            ({"bootstrap": "many"}, r"bootstrap: .*integer.* \(found: 'many'\)"),
            ({"labels": 3}, r"labels: .*string \(found: 3\)"),
        ],
    )
    def test_a_setting_that_is_none_or_of_another_type_is_refused(
        self, scored: Dataset, wrong: dict[str, object], said: str
    ) -> None:
        with pytest.raises(InputError, match=said):
            cadkit.evaluate("scores.csv", scored, **wrong)
        assert not Path("report").exists()

    @pytest.mark.parametrize("source", [None, 3, {"ours": None}, [None]])
    def test_what_is_no_source_is_refused(self, scored: Dataset, source: Any) -> None:
        with pytest.raises(InputError, match="a source is predictions, a run, or the path"):
            cadkit.evaluate(source, scored)

    def test_nothing_and_a_dataset_that_is_none_are_refused(self, scored: Dataset) -> None:
        with pytest.raises(InputError, match="there is nothing to evaluate"):
            cadkit.evaluate([], scored)
        with pytest.raises(InputError, match=r"data is a dataset or its folder \(found: 3\)"):
            cadkit.evaluate("scores.csv", 3)  # type: ignore[arg-type]


def test_what_is_no_model_is_refused(scored: Dataset) -> None:
    with pytest.raises(InputError, match=r"a model is a run, a plugin's name or a function.*\(found: 3\)"):
        cadkit.predict(3, scored)  # type: ignore[arg-type]


def test_one_source_cannot_be_combined(scored: Dataset) -> None:
    with pytest.raises(InputError, match="two"):
        cadkit.combine("scores.csv", "C", data=scored)  # type: ignore[arg-type]


class TestCompare:
    def test_one_column_may_be_named_alone(self, scored: Dataset) -> None:
        Path("t.csv").write_text("cancer,ours\n" + "".join(f"{n % 2},{n}\n" for n in range(8)))
        report = cadkit.compare("t.csv", "cancer", "ours", bootstrap=20)
        assert [model["name"] for model in report.report["models"]] == ["ours"]

    def test_what_is_no_table_is_refused(self, scored: Dataset) -> None:
        with pytest.raises(InputError, match=r"a table is a CSV file, or a data frame.*\(found: 3\)"):
            cadkit.compare(3, "cancer")  # type: ignore[arg-type]
        assert not Path("report").exists()

    def test_a_setting_that_is_none_is_refused(self, scored: Dataset) -> None:
        with pytest.raises(InputError, match="Do you mean cluster"):
            cadkit.compare("t.csv", "cancer", ["ours"], clusters="patient")
