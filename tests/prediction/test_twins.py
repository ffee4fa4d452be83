"""Two distributions with a plugin of one name: a run is predicted by the code that made it, or not at all."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cadkit import InputError, Run
from cadkit.prediction import predict_with
from cadkit.training.running import train

MODEL = """
import cadkit
class Model(cadkit.Model):
    info = cadkit.ModelInfo(labels=("malignant",), scores="risk")
    def train(self, data, run):
        (run.weights / "best.txt").write_text(__name__)
    def load(self, run):
        self.score = float((run.weights / "best.txt").read_text() == __name__)
    def predict_image(self, image):
        return cadkit.ImagePrediction({"malignant": self.score})
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the distributions twin-a and twin-b, each with a plugin called twin."""
    for letter in "ab":
        info = tmp_path / "site" / f"twin_{letter}-1.5.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: twin-{letter}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[cadkit.plugins]\ntwin = twin_{letter}_module:Model\n")
        (tmp_path / "site" / f"twin_{letter}_module.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "site"
    for letter in "ab":
        sys.modules.pop(f"twin_{letter}_module", None)


@pytest.fixture
def halves(tmp_path: Path, data: Path) -> Path:
    """The dataset, with the first woman's exams to train on."""
    folder = tmp_path / "D"
    shutil.copytree(data, folder)
    header, first, *others = (folder / "exams.csv").read_text().splitlines()
    place = header.split(",").index("patient_id")
    woman = first.split(",")[place]
    lines = [line.replace("test", "train") if line.split(",")[place] == woman else line for line in (first, *others)]
    (folder / "exams.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def uninstall(site: Path, letter: str) -> None:
    shutil.rmtree(site / f"twin_{letter}-1.5.dist-info")


def test_a_run_is_predicted_by_its_own_distribution(site: Path, halves: Path) -> None:
    run = train("twin-b:twin", halves)
    assert (run.record["plugin"], run.record["distribution"]) == ("twin", "twin-b")
    made = predict_with(str(run.folder), quiet=True)
    assert set(made.scores("exam")["malignant"]) == {1.0}
    assert made.record["distribution"] == "twin-b"
    uninstall(site, "a")
    assert predict_with(str(run.folder), quiet=True).was_complete


def test_when_it_is_gone_the_other_one_is_not_taken(site: Path, halves: Path) -> None:
    run = train("twin-b:twin", halves)
    uninstall(site, "b")
    with pytest.raises(InputError, match=r"twin of twin-b 1\.5, which is not here; .* twin-a 1\.5\. .*twin-b==1\.5"):
        predict_with(str(run.folder), quiet=True)
    uninstall(site, "a")
    with pytest.raises(InputError, match=r"which is not here\. Install that: `pip install twin-b==1\.5`"):
        Run.open(run.folder).model()
