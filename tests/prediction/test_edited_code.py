"""What an edited plugin, program or setting predicted is another prediction: predict refuses, evaluate predicts."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.testing

import cadkit
from cadkit import InputError
from cadkit.data import Dataset
from cadkit.prediction.command import predict_command
from cadkit.prediction.running import predict_model as predict
from cadkit.prediction.sources import predict_with, predictions_of

Install = Callable[[str, str], Path]


@pytest.fixture
def data(twelve: Path) -> Path:
    return twelve


@pytest.fixture
def edit(install: Install, plain: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`edit(score)`: the installed plugin `edited` as it is after its code was changed to answer this score."""
    module = install("edited", plain)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def change(score: str) -> None:
        module.write_text(plain.replace("0.25", score))
        sys.modules.pop(module.stem, None)
        importlib.invalidate_caches()

    return change


def test_an_edited_installed_plugin_is_not_taken_for_the_old_one(
    data: Path, edit: Callable[[str], None], here: Path
) -> None:
    edit("0.25")
    made = predict_with("edited", data=data, split="all", quiet=True)
    assert not made.was_complete
    assert predict_with("edited", data=data, split="all", quiet=True).was_complete
    edit("0.75")
    with pytest.raises(InputError, match=r"another prediction \(differs in code\).*--out"):
        predict_with("edited", data=data, split="all", quiet=True)
    opened = cadkit.open(data)
    for _ in range(2):
        new = predictions_of("edited", opened, split="all")
        assert new.folder == Path("predictions/edited-all-2")
        assert set(new.scores("image")["malignant"]) == {0.75}
    assert new.was_complete


def test_what_is_complete_is_not_said_to_be_written(data: Path, edit: Callable[[str], None]) -> None:
    from cadkit.cli.app import app

    edit("0.5")
    words = ["predict", "edited", "--data", str(data), "--split", "all"]
    first, second = (typer.testing.CliRunner().invoke(app, words).output for _ in range(2))
    assert "Wrote predictions/edited-all: 12 exams." in first
    assert "predictions/edited-all is complete: nothing was done" in second
    assert "Wrote" not in second


def test_an_edited_program_is_not_taken_for_the_old_one(data: Path, here: Path) -> None:
    program = here / "vendor"
    text = (Path(__file__).resolve().parents[2] / "examples" / "own_scores" / "model").read_text()
    program.write_text(text)
    program.chmod(0o755)
    command = f"{program} --in {{exams}} --out {{predictions}}"
    predict_command(command, data, split="all", batch=12, quiet=True)
    assert predict_command(command, data, split="all", batch=12, quiet=True).was_complete
    program.write_text(text + "\n")
    with pytest.raises(InputError, match=r"differs in code"):
        predict_command(command, data, split="all", batch=12, quiet=True)


def test_what_was_begun_and_answered_nothing_is_begun_anew(make_dataset: Callable[..., Dataset], here: Path) -> None:
    class Mended(cadkit.Model):
        info = cadkit.ModelInfo(labels=("malignant",), scores="risk")
        broken = True

        def predict_image(self, image: cadkit.Image) -> cadkit.ImagePrediction:
            if self.broken:
                raise ValueError("no weights")
            return cadkit.ImagePrediction({"malignant": 0.5})

    data, model = make_dataset(), Mended()
    with pytest.raises(cadkit.Failure, match="no weights"):
        predict(model, data, "P", record={"model": "mended", "code": "old"}, quiet=True)
    model.broken = False
    settings = {"model": "mended", "code": "new", "settings": {"level": 3}}  # whatever was mended
    made = predict(model, data, "P", record=settings, quiet=True)
    assert (made.record["code"], made.record["settings"]) == ("new", {"level": 3})
    with pytest.raises(InputError, match="differs in code"):
        predict(model, data, "P", record={**settings, "code": "old"}, quiet=True)


def test_a_run_whose_settings_changed_is_predicted_beside(
    make_dataset: Callable[..., Dataset], here: Path, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cadkit.plugin import Run
    from cadkit.prediction import sources
    from cadkit.training import running

    data = make_dataset()
    monkeypatch.setattr(running, "_open", lambda folder: data)
    monkeypatch.setattr(sources, "open_dataset", lambda folder: data)
    Path("plain.py").write_text(
        plain
        + "    class Config(cadkit.Config):\n        draws: int = 1\n"
        + "    def train(self, data, run):\n        (run.weights / 'w').write_text('')\n"
        + "    def load(self, run): ...\n"
        + "    def predict_exam(self, exam):\n"
        + "        images = {image.id: self.predict_image(image) for image in exam.images}\n"
        + "        return cadkit.ExamPrediction(images=images)\n"
    )
    run = running.train(f"{here}/plain.py:Plain", data.folder, settings={"draws": 3}, runs_folder=Path("runs"))
    assert isinstance(run, Run)
    assert predictions_of("runs/Plain-1", data).folder == Path("predictions/Plain-1-test")
    (run.folder / "config.toml").write_text("draws = 5\n")
    for _ in range(2):
        made = predictions_of("runs/Plain-1", data)
        assert made.folder == Path("predictions/Plain-1-test-2")
        assert made.record["settings"]["draws"] == 5
    assert predictions_of("runs/Plain-1", data, saliency=True).folder == Path("predictions/Plain-1-test-3")
    assert made.title == "Plain-1"


@pytest.mark.parametrize(
    ("localizes", "maps", "froc"),
    [("marks", False, True), ("saliency", False, False), ("saliency", True, True), ("", False, False)],
)
def test_froc_is_proposed_where_there_is_something_for_it(
    localizes: str, maps: bool, froc: bool, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cadkit.cli.models import _told
    from cadkit.prediction import Predictions

    (here / "P").mkdir()
    if maps:
        (here / "P" / "saliency").mkdir()
    _told(Predictions(here / "P", {"localizes": localizes, "exams": 3}))
    said = capsys.readouterr().out
    assert ("--froc" in said) == froc
    assert ("--saliency --out" in said) == (localizes == "saliency" and not maps)
