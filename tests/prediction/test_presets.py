"""Presets and settings of models that need no training, at prediction."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer.testing

import cadkit
from cadkit import InputError
from cadkit.cli.app import app
from cadkit.prediction import Predictions, predict_with

PLUGIN = """
import cadkit

class Level(cadkit.Model):
    info = cadkit.ModelInfo(labels=("malignant",), scores="risk")

    class Config(cadkit.Config):
        level: float = 0.5
        steps: int = 1
        presets = {"low": {"level": 0.25}, "high": {"level": 0.75}}

    def predict_image(self, image):
        return cadkit.ImagePrediction({"malignant": self.config.level * self.config.steps})
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("level.py").write_text(PLUGIN)
    return "level.py:Level"


def scores_of(made: Predictions) -> set[float]:
    return set(made.scores("exam")["malignant"])


def test_two_presets_have_a_folder_each_and_are_called_by_it(plugin: str, data: Path) -> None:
    low, high = (cadkit.predict(plugin, data, preset=preset) for preset in ("low", "high"))
    plain = cadkit.predict(plugin, data)
    assert [str(made.folder) for made in (low, high, plain)] == [
        "predictions/Level-low-test", "predictions/Level-high-test", "predictions/Level-test"
    ]  # fmt: skip
    assert [scores_of(made) for made in (low, high, plain)] == [{0.25}, {0.75}, {0.5}]
    assert [made.title for made in (low, high, plain)] == ["Level-low", "Level-high", "Level"]
    assert (low.record["preset"], low.record["settings"]) == ("low", {"level": 0.25, "steps": 1})
    assert cadkit.predict(plugin, data, preset="low").was_complete


def test_settings_win_over_the_preset_and_are_part_of_what_a_prediction_is(plugin: str, data: Path) -> None:
    words = ["predict", plugin, "--data", str(data), "--preset", "low", "--set", "steps=2"]
    assert typer.testing.CliRunner().invoke(app, words).exit_code == 0
    assert scores_of(Predictions.open("predictions/Level-low-test")) == {0.5}
    with pytest.raises(InputError, match=r"another prediction \(differs in settings\).*--out"):
        predict_with(plugin, data=data, preset="low", quiet=True)
    with pytest.raises(InputError, match=r"another prediction \(differs in settings\)"):
        predict_with(plugin, data=data, preset="high", out="predictions/Level-low-test", quiet=True)


def test_a_preset_is_refused_where_it_has_no_meaning(plugin: str, data: Path) -> None:
    with pytest.raises(InputError, match=r"--preset: there is no such preset; there are low, high \(found: 'mid'\)"):
        cadkit.predict(plugin, data, preset="mid")
    Path("R").mkdir()
    Path("R/run.toml").write_text('plugin = "level.py:Level"\n')
    with pytest.raises(InputError, match=r"--preset: a run has its settings.*'low'"):
        predict_with("R", data=data, preset="low", quiet=True)
    with pytest.raises(InputError, match=r"--set: a run has its settings"):
        predict_with("R", data=data, settings={"level": 1.0}, quiet=True)
    with pytest.raises(InputError, match=r"a function takes no preset"):
        cadkit.predict(lambda image: 0.5, data, preset="low")
    with pytest.raises(InputError, match=r"--command takes --data, and neither --saliency, --preset nor --set"):
        typer.testing.CliRunner().invoke(
            app, ["predict", "--command", "true {exams} {predictions}", "--data", str(data), "--preset", "low"],
            catch_exceptions=False,
        )  # fmt: skip
    assert not Path("predictions").exists()
