"""The public interface: its names, and what the steps say of a mistake."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

import cadkit
from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.phantom import make_phantom

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
    # Marks and regions of the metrics are arrays without a dataset. A room may be named as its one step.
    allowed = {"Marks", "Region", "prepare", "reader_study"}
    assert {name for name, found in homes.items() if len(found) > 1} <= allowed


def test_every_room_is_there_after_one_import() -> None:
    asked = f"import cadkit\nfor room in {ROOMS!r}: getattr(cadkit, room).__all__"
    subprocess.run([sys.executable, "-c", asked], check=True)


def test_a_star_import_hides_nothing_of_pythons_own() -> None:
    import builtins

    assert [name for name in cadkit.__all__ if hasattr(builtins, name)] == []
    assert "open" in dir(cadkit)
    assert cadkit.open is cadkit.prepare.open_dataset


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


WIDE = "label,Reader1,Reader2,Recall1,Recall2,AI\n" + "".join(
    f"{int(n % 3 == 0)},{(7 * n) % 5},{(3 * n) % 7},{n % 2},{int(n % 5 == 0)},{(5 * n) % 11}\n" for n in range(24)
)
LONG = "reader,modality,case,rating,truth\n" + "".join(
    f"{reader},{modality},{case},{(case * 7 + r * 3 + m * case) % 11},{int(case % 3 == 0)}\n"
    for r, reader in enumerate("abc")
    for m, modality in enumerate(("film", "tomo"))
    for case in range(30)
)


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder holds a wide and a long table of readings."""
    monkeypatch.chdir(tmp_path)
    # Drawings are of another test.
    monkeypatch.setattr("cadkit.report.reader_page.svg", lambda spec: "<svg/>")
    Path("wide.csv").write_text(WIDE)
    Path("long.csv").write_text(LONG)
    return tmp_path


class TestEvaluateReaders:
    def test_readers_beside_a_model(self, read: Path) -> None:
        report = cadkit.evaluate_readers(
            "wide.csv", readers=["Reader*"], models="AI", recalls="Recall*", truth="label", bootstrap=20
        )
        assert report.folder == Path("report/wide")
        assert Path("report/wide/report.html").is_file()
        assert report.report["command"] == "cadkit.evaluate_readers"
        found = {(row["model"], row["metric"]): row["value"] for row in report.report["results"]}
        truth = [n % 3 == 0 for n in range(24)]
        assert found["Reader1", "auc"] == pytest.approx(roc_auc_score(truth, [(7 * n) % 5 for n in range(24)]))
        assert found["AI", "auc"] == pytest.approx(roc_auc_score(truth, [(5 * n) % 11 for n in range(24)]))
        assert {"curves-ai", "lambda-ai", "distributions"} <= {kind for kind, _, _ in report.plots}
        assert "mean(readers)" in report._repr_html_()

    def test_what_is_typed_with_commas_may_be_given_so(self, read: Path) -> None:
        typed = cadkit.evaluate_readers("wide.csv", readers="Reader1, Reader2", truth="label", bootstrap=0)
        assert typed.report["reader_study"]["readers"] == ["Reader1", "Reader2"]

    def test_readers_in_modalities(self, read: Path) -> None:
        columns = ["reader", "modality", "case", "rating"]
        report = cadkit.evaluate_readers("long.csv", columns=columns, size="6x60", effect=0.1, export="imrmc", out="R")
        assert Path("R/study.imrmc").is_file()
        assert 0 < report.report["reader_study"]["mrmc"]["power"][0]["power"] < 1
        means = {
            row["model"]: row["value"]
            for row in report.report["results"]
            if row.get("given", {}).get("inference") == "RRRC"
        }
        truth = [case % 3 == 0 for case in range(30)]
        for m, name in enumerate(("film", "tomo")):
            areas = [roc_auc_score(truth, [(c * 7 + r * 3 + m * c) % 11 for c in range(30)]) for r in range(3)]
            assert means[name] == pytest.approx(sum(areas) / 3)

    def test_the_readers_of_a_dataset(self, read: Path) -> None:
        data = cadkit.open(make_phantom(read / "D", exams=10, size=(64, 40), readers=2, seed=3, workers=1, quiet=True))
        breasts = pl.read_csv("D/breasts.csv").select("exam_id", "side", malignant=pl.col("reader_1"))
        breasts.write_csv("ours.csv")
        report = cadkit.evaluate_readers({"ours": "ours.csv"}, data, split="all", bootstrap=20, gallery=0)
        assert report.folder == Path(f"report/readers-{data.meta.name}-all")
        found = {(row["model"], row["metric"]): row["value"] for row in report.report["results"]}
        assert found["ours", "auc"] == found["reader_1", "auc"]

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"reeders": "R*"}, r"there is no such setting \(found: 'reeders'\)\. Do you mean readers\?"),
            ({"readers": "Reader*"}, r"--readers: needs a table and its column of truth\. Add --truth"),
            ({"readers": "Reader*", "truth": "label", "size": "6x60"}, "--size: is for readers in modalities"),
            ({"readers": "Reader*", "truth": "label", "split": "test"}, "--split: is for the predictions of a dataset"),
            ({"weight": 0.3}, "--lambda: is for readers beside models"),
            ({"columns": "a,b"}, r"--columns: takes four columns .*\(found: 'a,b'\)"),
            ({"export": ["matlab"]}, r"--export: there is no such layout \(found: 'matlab'\)\. Known are imrmc"),
            ({"readers": "Reader*", "truth": "label", "scale": "log"}, "scale: .*'as-is', 'rank' or 'calibrated'"),
            ({"data": "D", "truth": "label"}, "--truth: is for a table.*--label names"),
        ],
    )
    def test_a_mistake_is_named_and_nothing_is_written(self, read: Path, given: dict[str, Any], said: str) -> None:
        with pytest.raises(InputError, match=said):
            cadkit.evaluate_readers("wide.csv", **given)
        assert not Path("report").exists()

    def test_two_tables_and_a_frame_are_refused(self, read: Path) -> None:
        with pytest.raises(InputError, match="takes one table"):
            cadkit.evaluate_readers(["wide.csv", "long.csv"], readers="Reader*", truth="label")
        with pytest.raises(InputError, match="a data frame is no source"):
            cadkit.evaluate_readers(pl.read_csv("wide.csv"), readers="Reader*", truth="label")  # type: ignore[arg-type]
