"""Run folders: numbering, record, history, and reading a model back."""

from __future__ import annotations

from pathlib import Path

import pytest

from cadkit import Config, InputError, Run
from cadkit.files import read_toml
from cadkit.plugin.run import newest_run

MODEL = """
import cadkit
class Config(cadkit.Config):
    width: int = 3
class Learner(cadkit.Model):
    Config = Config
    info = cadkit.ModelInfo(labels=("malignant",), scores="risk")
    def train(self, data, run): ...
    def load(self, run):
        self.learnt = (run.weights / "best.txt").read_text()
"""


class Width(Config):
    width: int = 3


def make(parent: Path, plugin: str = "gmic", config: Config = Width(width=5), **record: object) -> Run:  # noqa: B008
    return Run.create(parent, plugin, config, {"seed": 7, **record})


def test_numbers_count_up_and_fill_gaps(tmp_path: Path) -> None:
    assert [make(tmp_path).name for _ in range(3)] == ["gmic-1", "gmic-2", "gmic-3"]
    assert make(tmp_path, "other").name == "other-1"
    assert make(tmp_path, "some-distribution:gmic").name == "gmic-4"
    assert make(tmp_path, "models/own.py:Own").name == "Own-1"


def test_the_record_says_what_and_when_and_how_far(tmp_path: Path) -> None:
    run = make(tmp_path, dataset="D", absent=None)
    record = read_toml(run.folder / "run.toml")
    assert record["plugin"] == "gmic"
    assert (record["seed"], record["dataset"], record["state"]) == (7, "D", "started")
    assert "absent" not in record
    assert read_toml(run.folder / "config.toml") == {"width": 5}
    run.update(state="complete")
    again = Run.open(run.folder)
    assert again.complete
    assert (again.seed, again.name) == (7, "gmic-1")
    assert not make(tmp_path).complete


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no run\.toml"):
        Run.open(tmp_path)
    (tmp_path / "run.toml").write_text("seed = 1\n")
    with pytest.raises(InputError, match=r"run\.toml, plugin"):
        Run.open(tmp_path).model()


def test_the_newest_run_is_the_one_made_last_even_within_a_second(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cadkit train gmic"):
        newest_run(tmp_path)
    first, second = make(tmp_path, "b"), make(tmp_path, "a")
    first.update(state="complete")
    first.log({"loss": 1.0}, epoch=1)
    assert newest_run(tmp_path).folder == second.folder


def test_a_row_of_the_same_place_is_replaced(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.log({"loss": 0.5}, stage=0, epoch=1)
    run.log({"loss": 0.25}, stage=0, epoch=2)
    run.log({"loss": 0.125}, stage=1, epoch=1)
    again = Run.open(run.folder)
    again.log({"loss": 0.75, "auc": 0.5}, stage=0, epoch=2)
    for one in (run, again):
        one.close()
    assert Run.open(run.folder).history() == [
        {"stage": "0", "epoch": "1", "loss": "0.5"},
        {"stage": "0", "epoch": "2", "loss": "0.75", "auc": "0.5"},
        {"stage": "1", "epoch": "1", "loss": "0.125"},
    ]


def test_history_keeps_every_digit(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.log({"loss": 0.1 + 0.2}, epoch=1)
    run.close()
    assert float(run.history()[0]["loss"]) == 0.1 + 0.2


def test_notes_are_appended(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.note("began")
    Run.open(run.folder).note("went on")
    lines = (run.folder / "train.log").read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["began", "went on"]


def test_a_model_comes_back_with_its_settings_and_what_it_learnt(tmp_path: Path) -> None:
    path = tmp_path / "learner.py"
    path.write_text(MODEL)
    run = make(tmp_path / "runs", f"{path}:Learner")
    with pytest.raises(InputError, match=r"no weights yet.*cadkit train --resume"):
        run.model()
    assert run.untrained_model().config.width == 5
    (run.weights / "best.txt").write_text("something")
    assert run.model().learnt == "something"  # type: ignore[attr-defined]


def test_a_configuration_that_the_plugin_no_longer_has_is_named(tmp_path: Path) -> None:
    path = tmp_path / "learner.py"
    path.write_text(MODEL.replace("width", "depth"))
    run = make(tmp_path / "runs", f"{path}:Learner")
    with pytest.raises(InputError, match=r"config\.toml.*\n.*width: there is no such key"):
        run.model()


def test_a_run_asks_for_the_plugin_of_its_own_distribution(tmp_path: Path, site: Path) -> None:
    run = make(tmp_path, "twin", Config(), distribution="twin-a", version="1.5")
    assert run.plugin == "twin-a:twin"
    assert type(run.untrained_model()).__module__ == "fk_good"
    other = make(tmp_path, "twin", distribution="twin-c", version="2.0")
    with pytest.raises(InputError, match=r"run\.toml: .*twin of twin-c 2\.0, .*belongs to twin-a 1\.5 and twin-b 1\.5"):
        other.untrained_model()
