"""What the tests of predictions share."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cadkit.phantom import make_phantom
from cadkit.prediction import Predictions

TABLES = ("images", "breasts", "exams", "marks", "rois")
HEAD = f"""#!{sys.executable} -IS
import csv, os, pathlib, sys, time
exams, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
rows = list(csv.DictReader(open(exams / "manifest.csv")))
def write(name, header, lines):
    (out / name).write_text("\\n".join([header, *lines]) + "\\n")
def score():
    write("images.csv", "image_id,malignant,global.malignant,note",
          [f"{{r['image_id']}},{{os.path.getsize(exams / r['file']) / 1e6}},2,seen" for r in rows])
"""
PLAIN = """
import cadkit
class Plain(cadkit.Model):
    info = cadkit.ModelInfo(labels=("malignant",), scores="risk")
    def predict_image(self, image):
        return cadkit.ImagePrediction({"malignant": 0.25})
"""


@pytest.fixture
def rows():
    """`rows(predictions, level)`: scores by id."""

    def read(predictions: Predictions, level: str) -> dict[object, dict[str, float]]:
        keys = {"image": ["image_id"], "breast": ["exam_id", "side"], "exam": ["exam_id"]}[level]
        found = {}
        for row in predictions.scores(level).iter_rows(named=True):
            identity = tuple(row.pop(key) for key in keys)
            row.pop("exam_id", None)
            found[identity[0] if len(identity) == 1 else identity] = row
        return found

    return read


@pytest.fixture
def made(tmp_path: Path, write: Callable[[Path, Mapping[str, str]], Path]) -> Callable[..., Predictions]:
    """`made(name, files)`: a prediction folder."""
    return lambda name, files: Predictions.open(write(tmp_path / "P" / name, files))


@pytest.fixture
def contents():
    """`contents(folder)`: the bytes of every file of a prediction folder by its name."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }

    return read


@pytest.fixture(scope="package")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five exams of a phantom, prepared, all in the split test."""
    from cadkit.prepare import prepare

    folder = tmp_path_factory.mktemp("command") / "D"
    make_phantom(folder, exams=5, size=(160, 120), workers=1, seed=3)
    with (folder / "exams.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "exams.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows({**row, "split": "test"} for row in rows)
    prepare(folder, workers=1)
    return folder


@pytest.fixture(scope="package")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve small exams of a phantom, prepared; for reading only."""
    from cadkit.prepare import prepare

    folder = tmp_path_factory.mktemp("twelve") / "D"
    make_phantom(folder, exams=12, size=(96, 72), workers=1, seed=2, quiet=True)
    prepare(folder, workers=1)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def plain() -> str:
    """Text of a module with a model `Plain` that scores every image 0.25."""
    return PLAIN


@pytest.fixture
def install(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Path]]:
    """`install(name, text)`: the plugin `name`, `Plain` of a module of this text, as pip leaves it, and its file."""
    site, before = here / "site", set(sys.modules)

    def make(name: str, text: str) -> Path:
        info = site / f"fake_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fake-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[cadkit.plugins]\n{name} = fk_{name}:Plain\n")
        module = site / f"fk_{name}.py"
        module.write_text(text)
        monkeypatch.syspath_prepend(str(site))
        return module

    yield make
    for name in {name for name in sys.modules if name.startswith("fk_")} - before:
        del sys.modules[name]


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """`program(body)`: a command that runs this body with the exams' folder and the answers' folder."""

    def make(body: str) -> str:
        path = tmp_path / "model"
        path.write_text(HEAD + body)
        path.chmod(0o755)
        return f"{path} {{exams}} {{predictions}}"

    return make


@pytest.fixture
def first(data: Path) -> Callable[[int], Path]:
    """`first(count)`: the dataset with its first exams alone in the split test."""

    def make(count: int) -> Path:
        folder = data.with_name(f"first-{count}")
        if not folder.exists():
            shutil.copytree(data, folder)
            with (folder / "exams.csv").open(newline="") as file:
                rows = list(csv.DictReader(file))
            with (folder / "exams.csv").open("w", newline="") as file:
                table = csv.DictWriter(file, rows[0])
                table.writeheader()
                table.writerows({**row, "split": "test" if n < count else "train"} for n, row in enumerate(rows))
        return folder

    return make
