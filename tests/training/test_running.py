"""Starting and resuming by name, for models with and without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cadkit.data import Dataset, TruthHidden
from cadkit.errors import InputError
from cadkit.files import read_toml
from cadkit.plugin import Run
from cadkit.training import running

PLAIN = '''
"""A plugin without torch."""
import numpy as np
import cadkit
from cadkit.plugin import Config, ImagePrediction, Model, ModelInfo


class Settings(Config):
    power: float = 1.0
    presets = {"square": {"power": 2.0}}


class Plain(Model):
    Config = Settings
    info = ModelInfo(("malignant",), "risk")

    def train(self, data, run):
        images = data.split("train").images
        values = [i.pixels().mean() ** self.config.power for i in images if i.truth("malignant") == 1]
        np.savez(run.weights / "mean.npz", mean=np.mean(values))
        run.log({"mean": float(np.mean(values))})

    def load(self, run):
        with np.load(run.weights / "mean.npz") as file:
            self.mean = float(file["mean"])

    def predict_image(self, image):
        return ImagePrediction({"malignant": float(image.pixels().mean() - self.mean)})


class Peeking(Plain):
    def train(self, data, run):
        data.split("test").images[0].truth("malignant")


class StopsLate(Plain):
    def train(self, data, run):
        run.log({"loss": 1.0})
        raise cadkit.InputError("stopped after an epoch")


class Untrained(Model):
    info = ModelInfo(("malignant",), "risk")
'''


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    (tmp_path / "plain.py").write_text(PLAIN)
    return f"{tmp_path}/plain.py"


@pytest.fixture
def opened(tiny: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Dataset]:
    data = [tiny.dataset()]
    monkeypatch.setattr(running, "_open", lambda folder: data[0])
    return data


def test_starting_a_training_needs_no_torch() -> None:
    code = (
        "import sys, cadkit.training.running, cadkit.training; assert 'TorchModel' in dir(cadkit.training);"
        "assert not any(name.partition('.')[0] in ('torch', 'torchvision') for name in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_model_without_torch_is_trained_and_loaded(tmp_path: Path, plugin: str, opened: list[Dataset]) -> None:
    run = running.train(
        f"{plugin}:Plain", tmp_path, preset="square", runs_folder=tmp_path / "runs", seed=5, settings={"power": 3.0}
    )
    record = read_toml(run.folder / "run.toml")
    assert record["state"] == "complete"
    assert record["plugin"] == f"{plugin}:Plain"
    assert record["preset"] == "square"
    assert record["dataset_fingerprint"] == "tiny-0"
    assert record["labels"] == ["malignant"]
    assert record["seed"] == 5
    assert read_toml(run.folder / "config.toml") == {"power": 3.0}
    assert run.name == "Plain-1"
    assert Run.open(run.folder).model().mean > 0


def test_a_torch_model_is_trained_by_name_and_resumed(tiny: ModuleType, tmp_path: Path, opened: list[Dataset]) -> None:
    values = {"epochs": 1, "window": (40, 28), "noise": 3.0, "lr": 1e-2}
    run = running.train(
        f"{tiny.__file__}:Tiny", tmp_path, settings=values, runs_folder=tmp_path / "runs", device="cpu", seed=2
    )
    assert run.complete
    before = (run.weights / "best.safetensors").read_bytes()
    run.update(state="started")
    for path in (run.folder / "state" / "state.pt", run.weights / "best.safetensors"):
        path.unlink()
    again = running.train(None, None, resume=_with_dataset(run, tmp_path))
    assert again.complete
    assert (again.weights / "best.safetensors").read_bytes() == before


def test_a_run_that_did_not_begin_is_gone_and_one_that_failed_stays(
    tiny: ModuleType, tmp_path: Path, plugin: str, opened: list[Dataset]
) -> None:
    runs, torch_model = tmp_path / "runs", f"{tiny.__file__}:Tiny"
    with pytest.raises(InputError, match="there is no GPU 99 here"):
        running.train(torch_model, tmp_path, runs_folder=runs, device="cuda:99")
    assert list(runs.iterdir()) == []
    with pytest.raises(TruthHidden):
        running.train(f"{plugin}:Peeking", tmp_path, runs_folder=runs)
    with pytest.raises(InputError, match="after an epoch"):
        running.train(f"{plugin}:StopsLate", tmp_path, runs_folder=runs)
    assert sorted(path.name for path in runs.iterdir()) == ["Peeking-1", "StopsLate-1"]
    assert (runs / "StopsLate-1" / "history.csv").read_text() == "loss\n1.0\n"


def _with_dataset(run: Run, folder: Path) -> Path:
    run.update(dataset=str(folder))
    return run.folder


def test_a_dataset_that_changed_is_refused_on_resume(
    tiny: ModuleType, tmp_path: Path, plugin: str, opened: list[Dataset]
) -> None:
    run = running.train(f"{plugin}:Plain", tmp_path, runs_folder=tmp_path / "runs")
    assert running.train(None, None, resume=run.folder).complete  # complete: nothing is looked at
    run.update(state="started")
    opened[0] = tiny.dataset(seed=1)
    with pytest.raises(InputError, match=r"tables of the dataset changed since the run began.*tiny-1"):
        running.train(None, None, resume=run.folder)
    run.update(dataset=str(tmp_path / "gone"))
    with pytest.raises(InputError, match="dataset is not there"):
        running.train(None, None, resume=run.folder)


def test_processes_of_a_launcher_do_not_each_begin_a_run(
    tmp_path: Path, plugin: str, opened: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="give `--resume RUN` to every process"):
        running.train(f"{plugin}:Plain", tmp_path, runs_folder=tmp_path / "runs")


def test_what_cannot_be_trained_is_said(tmp_path: Path, plugin: str, opened: list[Dataset]) -> None:
    with pytest.raises(InputError, match="is not trained; it predicts as it is"):
        running.train(f"{plugin}:Untrained", tmp_path, runs_folder=tmp_path)
    with pytest.raises(InputError, match="powr: there is no such key; did you mean power"):
        running.train(f"{plugin}:Plain", tmp_path, settings={"powr": 2}, runs_folder=tmp_path)
    with pytest.raises(InputError, match="a seed is 0 or more"):
        running.train(f"{plugin}:Plain", tmp_path, seed=-1, runs_folder=tmp_path)
    assert not list(tmp_path.glob("*/run.toml"))


def test_the_truth_of_the_test_split_is_hidden_from_every_model(
    tmp_path: Path, plugin: str, opened: list[Dataset]
) -> None:
    from cadkit.data import TruthHidden

    with pytest.raises(TruthHidden):
        running.train(f"{plugin}:Peeking", tmp_path, runs_folder=tmp_path / "runs")
    (log,) = tmp_path.glob("runs/*/train.log")
    assert "stopped: " in log.read_text()
