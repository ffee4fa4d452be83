"""Weights that a setting names: what they hold is part of what a prediction is, and where they lie is not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import typer.testing

import cadkit
from cadkit import InputError
from cadkit.cli.app import app
from cadkit.files import read_toml
from cadkit.prediction.sources import predict_with, predictions_of
from cadkit.testing import check_plugin

PLUGIN = """
from pathlib import Path
import cadkit

class Config(cadkit.Config):
    weights: Path = Path("net.txt")
    others: tuple[Path, ...] = ()

class Weighed(cadkit.Model):
    Config = Config
    info = cadkit.ModelInfo(labels=("malignant",), scores="risk")

    def predict_image(self, image):
        return cadkit.ImagePrediction({"malignant": float(self.config.weights.read_text())})
"""
NAME = "weighed.py:Weighed"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("weighed.py").write_text(PLUGIN)
    Path("net.txt").write_text("0.25")
    return tmp_path


def test_overwritten_weights_are_not_taken_for_the_old_ones(data: Path, here: Path) -> None:
    made = predict_with(NAME, data=data, quiet=True)
    record = read_toml(made.folder / "prediction.toml")
    assert record["settings"] == {"weights": str(here / "net.txt"), "others": []}
    assert record["files"] == {"weights": f"sha256:{hashlib.sha256(b'0.25').hexdigest()}"}
    assert predict_with(NAME, data=data, quiet=True).was_complete
    Path("net.txt").write_text("0.75")
    with pytest.raises(InputError, match=r"another prediction \(differs in files\).*--out"):
        predict_with(NAME, data=data, quiet=True)
    for _ in range(2):
        new = predictions_of(NAME, cadkit.open(data))
        assert new.folder == Path("predictions/Weighed-test-2")
        assert set(new.scores("image")["malignant"]) == {0.75}
    assert new.was_complete


def test_weights_may_move(data: Path) -> None:
    predict_with(NAME, data=data, quiet=True)
    Path("elsewhere").mkdir()
    Path("net.txt").rename("elsewhere/net.txt")
    assert predict_with(NAME, data=data, quiet=True, settings={"weights": "elsewhere/net.txt"}).was_complete


def test_of_several_files_each_counts_and_their_order(data: Path) -> None:
    for name in ("a", "b"):
        Path(f"{name}.txt").write_text(name)
    made = predict_with(NAME, data=data, quiet=True, settings={"others": ["a.txt", "b.txt"]})
    assert made.record["files"]["others"] == [f"sha256:{hashlib.sha256(name).hexdigest()}" for name in (b"a", b"b")]
    assert predict_with(NAME, data=data, quiet=True, settings={"others": ["a.txt", "b.txt"]}).was_complete
    with pytest.raises(InputError, match="differs in files"):
        predict_with(NAME, data=data, quiet=True, settings={"others": ["b.txt", "a.txt"]})


def test_weights_that_are_not_there_end_it_before_anything_is_written(data: Path, here: Path) -> None:
    words = ["predict", NAME, "--data", str(data), "--set", "weights=gone.txt"]
    with pytest.raises(InputError) as caught:
        typer.testing.CliRunner().invoke(app, words, catch_exceptions=False)
    assert str(caught.value).startswith(f"{here}/gone.txt: the setting weights names no file or folder that is there")
    assert "--set weights=PATH" in str(caught.value)
    assert not Path("predictions").exists()


def test_the_checks_say_which_setting_lacks_its_file(here: Path) -> None:
    only = ["static-config", "predict-each-once", "predict-scores"]
    good = check_plugin(NAME, only=only)
    assert good.ok, good
    report = check_plugin(NAME, only=only, config={"weights": "gone.txt"})
    outcomes = {result.id: (result.outcome, result.reason) for result in report.results}
    assert outcomes["static-config"][0] == "passed"
    assert "the setting weights names no file" in outcomes["predict-each-once"][1]
    assert outcomes["predict-scores"] == ("skipped", "first mend what predict-each-once says")
