"""Several predictions as one: means of scores, what is lost, what is refused, and the command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cadkit import InputError, Predictions
from cadkit.cli.app import app
from cadkit.data import Dataset
from cadkit.prediction import Merging, combine_sources
from cadkit.prediction import combine_predictions as combine

MakeDataset = Callable[..., Dataset]
Make = Callable[..., Predictions]
Rows = Callable[[Predictions, str], Mapping[Any, Mapping[str, float]]]
A = "exam_id,side,malignant,benign\ne1,L,0.9,0.1\ne1,R,0.2,0.4\ne2,L,0.5,0.5\n"
B = "exam_id,side,benign,malignant\ne2,L,0.1,0.3\ne1,L,0.3,0.1\ne1,R,0.4,0.6\n"


@pytest.fixture
def data(make_dataset: MakeDataset) -> Dataset:
    return make_dataset(pixels=False)


def test_scores_are_the_weighted_mean_at_every_level(data: Dataset, made: Make, tmp_path: Path, rows: Rows) -> None:
    a, b = made("a", {"breasts.csv": A}), made("b", {"breasts.csv": B})
    found = combine([a, b], data, tmp_path / "C", weights=[3, 1])
    assert found.labels == ("malignant", "benign")
    assert rows(found, "breast")[("e1", "L")] == pytest.approx({"malignant": 0.7, "benign": 0.15})
    # Of an exam the mean of what each says of it: e1 is 0.9 by the one and 0.6 by the other.
    assert rows(found, "exam")["e1"] == pytest.approx({"malignant": 0.825, "benign": 0.4})
    assert not found.has("image")
    assert [(p["name"], p["weight"]) for p in found.record["parts"]] == [("a", 0.75), ("b", 0.25)]
    equal = combine([a, b], data, tmp_path / "E", name="both")
    assert rows(equal, "breast")[("e2", "L")]["malignant"] == pytest.approx(0.4)
    assert equal.record["name"] == "both"


def test_scores_of_another_range_and_labels_that_vanish_are_told(data: Dataset, made: Make, tmp_path: Path) -> None:
    a = made("a", {"breasts.csv": A})
    percent = made("v", {"breasts.csv": "exam_id,side,malignant\ne1,L,46\ne1,R,7\ne2,L,30\n"})
    told = [row[2] for row in combine([a, percent], data, tmp_path / "C").skipped().rows() if row[0] == "warning"]
    assert told == [
        "scores of different kinds were averaged (a: risk, 0.2 to 0.9, v: risk, 7 to 46); the larger range rules",
        "benign of a left out: not scored by v",
        # The right breast of e2 is scored by none.
        "1 exam(s) of a were pooled from fewer parts than they have",
        "1 exam(s) of v were pooled from fewer parts than they have",
    ]
    alike = combine([a, made("b", {"breasts.csv": B})], data, tmp_path / "alike").skipped()
    assert not [row for row in alike.rows() if row[0] == "warning" and "pooled" not in row[2]]


def test_labels_and_levels_in_common(data: Dataset, made: Make, tmp_path: Path, rows: Rows) -> None:
    images = "image_id,malignant,cyst\ne1-L-CC,0.2,1\ne1-L-MLO,0.6,1\n"
    toml = '[pooling]\nviews = "max"\nbreasts = "max"\n'
    found = combine(
        [made("a", {"breasts.csv": A}), made("i", {"images.csv": images, "prediction.toml": toml})],
        data,
        tmp_path / "C",
    )
    # The images are pooled as their own record says, 0.6; the other breasts have no image with a score.
    assert rows(found, "breast") == {("e1", "L"): {"malignant": pytest.approx(0.75)}}
    skipped = set(found.skipped().rows())
    assert ("breast", "e1/R", "i: no score") in skipped
    assert ("exam", "e2", "i: no prediction") in skipped
    with pytest.raises(InputError, match=r"no label in common.*a: malignant, benign; c: cancer"):
        combine(
            [made("a", {"breasts.csv": A}), made("c", {"breasts.csv": "exam_id,side,cancer\ne1,L,0.5\n"})],
            data,
            tmp_path / "F",
        )
    with pytest.raises(InputError, match=r"no level in common.*a: breast; j: image"):
        combine(
            [made("a", {"breasts.csv": A}), made("j", {"images.csv": "image_id,malignant\n"})], data, tmp_path / "F"
        )
    assert not (tmp_path / "F").exists()


def test_what_one_skipped_is_skipped_with_its_reason(data: Dataset, made: Make, tmp_path: Path, rows: Rows) -> None:
    a = made("a", {"breasts.csv": A, "skipped.csv": "level,id,reason\nexam,e3,film\nwarning,e1,two views\n"})
    b = made("b", {"breasts.csv": B + "e3,L,0,0\n", "skipped.csv": "level,id,reason\nbreast,e3/R,implant\n"})
    found = combine([a, b], data, tmp_path / "C")
    assert set(rows(found, "exam")) == {"e1", "e2"}
    assert found.skipped().rows() == [
        ("exam", "e3", "a: film"),
        ("warning", "e1", "a: two views"),
        # No part scores the right breast of e2, and b not that of e3.
        ("warning", "C", "1 exam(s) of a were pooled from fewer parts than they have"),
        ("warning", "C", "2 exam(s) of b were pooled from fewer parts than they have"),
    ]
    assert found.record["exams"] == 3


def test_other_exams_splits_and_weights_are_refused(data: Dataset, made: Make, tmp_path: Path) -> None:
    a = made("a", {"breasts.csv": A, "prediction.toml": 'split = "test"\n'})
    strange = made("x", {"breasts.csv": "exam_id,side,malignant\ne1,L,0\nx9,R,1\n"})
    other = made("v", {"breasts.csv": B, "prediction.toml": 'split = "validation"\n'})
    b = made("b", {"breasts.csv": B})
    faults: list[tuple[list[Predictions], list[float] | None, str]] = [
        ([a, strange], None, r"x/breasts\.csv, row 2: 1 breast\(s\).*'x9/R'"),
        ([a, other], None, r"different splits.*a of test, v of validation"),
        ([a], None, "at least two"),
        ([a, a], None, "each once"),
        ([a, b], [1], r"--weights: 1 weight\(s\) for 2"),
        ([a, b], [1, -0.5], r"--weights.*0 or more.*-0\.5"),
        ([a, b], [float("nan"), 1], r"--weights.*nan"),
        ([a, b], [0, 0], "all weights are 0"),
    ]
    for parts, weights, pattern in faults:
        with pytest.raises(InputError, match=pattern):
            combine(parts, data, tmp_path / "C", weights=weights)
    with pytest.raises(InputError, match=r"--merge-iou.*0"):
        Merging(iou=0)
    assert not (tmp_path / "C").exists()


def test_a_folder_of_something_else_is_refused_and_the_same_is_returned(
    data: Dataset, made: Make, tmp_path: Path
) -> None:
    a, b = made("a", {"breasts.csv": A}), made("b", {"breasts.csv": B})
    (tmp_path / "N").mkdir()
    (tmp_path / "N" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no prediction"):
        combine([a, b], data, tmp_path / "N")
    first = combine([a, b], data, tmp_path / "C")
    before = {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    combine([a, b], data, tmp_path / "C")
    assert before == {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    with pytest.raises(InputError, match=r"another prediction \(differs in parts\)"):
        combine([a, b], data, tmp_path / "C", weights=[2, 1])


def test_the_command_says_weights_and_warnings(
    data: Dataset, made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    toml = f'name = "one"\ndataset = "{data.folder}"\ndataset_fingerprint = "old"\nscores = "probability"\n'
    a = made("a", {"breasts.csv": A, "prediction.toml": toml})
    (tmp_path / "vendor.csv").write_text("exam_id,side,device,malignant\ne1,L,x,0.5\ne1,R,y,0.25\n")
    words = ["combine", str(a.folder), "vendor.csv", "--out", "C", "--weights", "0.7,0.3"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    for said in ("0.7  one", "0.3  vendor", "changed after one was made", "different kinds", "1 of them skipped"):
        assert said in done.output
    found = Predictions.open(tmp_path / "C")
    assert found.labels == ("malignant",)
    assert ("exam", "e2", "vendor: not in the score table") in found.skipped().rows()
    with pytest.raises(InputError, match=r"--weights: takes numbers.*'a,b'"):
        CliRunner().invoke(app, [*words[:-1], "a,b"], catch_exceptions=False)
    with pytest.raises(InputError, match=r"no source says what dataset.*--data"):
        CliRunner().invoke(app, ["combine", "vendor.csv", "vendor.csv", "--out", "D"], catch_exceptions=False)


PLUGIN = """
import numpy as np
from cadkit.plugin import BreastPrediction, Config, ExamPrediction, Model, ModelInfo


class Settings(Config):
    score: float = 0.5


class Plain(Model):
    Config = Settings
    info = ModelInfo(("malignant",), "probability")

    def train(self, data, run):
        np.savez(run.weights / "score.npz", score=self.config.score)

    def load(self, run):
        with np.load(run.weights / "score.npz") as file:
            self.score = float(file["score"])

    def predict_exam(self, exam):
        return ExamPrediction(breasts={side: BreastPrediction({"malignant": self.score}) for side in exam.breasts})
"""


def test_runs_predict_first_and_only_once(
    make_dataset: MakeDataset, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cadkit.training import running

    data = make_dataset()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "_open", lambda folder: data)
    Path("plain.py").write_text(PLUGIN)
    for score in (0.25, 0.75):
        running.train(f"{tmp_path}/plain.py:Plain", data.folder, settings={"score": score}, runs_folder=Path("runs"))
    found = combine_sources(["runs/Plain-1", "runs/Plain-2"], "C")
    assert set(rows(found, "breast")) == {(f"e{n}", side) for n in range(1, 6) for side in "LR"}
    assert {row["malignant"] for row in rows(found, "breast").values()} == {0.5}
    assert (found.record["split"], found.probability) == ("test", True)
    assert [Path(part["run"]).name for part in found.record["parts"]] == ["Plain-1", "Plain-2"]
    before = {path: path.stat().st_mtime_ns for path in Path("predictions").rglob("*.parquet")}
    assert {path.parent.name for path in before} == {"Plain-1-test", "Plain-2-test"}
    combine_sources(["runs/Plain-1", "runs/Plain-2"], "C")
    assert before == {path: path.stat().st_mtime_ns for path in Path("predictions").rglob("*.parquet")}
    with pytest.raises(InputError, match="different splits"):
        combine_sources(["runs/Plain-1", "predictions/Plain-2-test"], "V", split="train")
