"""Without an extra: what works in an environment that has no torch and no dask, and what is said of the rest."""

from __future__ import annotations

import json
import random
import shutil
import tomllib
from pathlib import Path

import pytest
from clean_environment import ROOT, Environment

from cadkit.extras import EXTRA_OF
from cadkit.phantom import make_phantom


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset D that is not prepared, a model in a file, scores and a study of readers."""
    folder = tmp_path_factory.mktemp("without")
    make_phantom(folder / "D", exams=6, size=(96, 72), workers=1, quiet=True)
    shutil.copy(ROOT / "examples" / "smallest_plugin" / "mean_intensity.py", folder)
    draw = random.Random(0)
    scores, readings = ["patient,cancer,a,b"], ["reader,modality,case,rating,truth"]
    for case in range(40):
        ill = case % 4 == 0
        scores.append(f"p{case // 2},{int(ill)},{ill + draw.gauss(0, 1):.3f},{ill + draw.gauss(0, 1):.3f}")
        readings += [
            f"{reader},{modality},{case},{ill + draw.gauss(0, 1):.3f},{int(ill)}"
            for reader in ("r1", "r2", "r3")
            for modality in ("film", "tomo")
        ]
    (folder / "scores.csv").write_text("\n".join(scores) + "\n")
    (folder / "readings.csv").write_text("\n".join(readings) + "\n")
    return folder


def test_there_is_no_torch_and_no_dask(core: Environment, made: Path) -> None:
    names = tuple(EXTRA_OF)
    found = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
    assert core.said(f'python -c "{found}"', made) == "[]\n"


def test_all_but_training_works_without_torch(core: Environment, made: Path, tmp_path: Path) -> None:
    place = tmp_path / "here"
    shutil.copytree(made, place)
    for line in (
        "cadkit --help",
        "cadkit check D",
        "cadkit prepare D --workers 1",
        "cadkit info D",
        "cadkit predict mean_intensity.py:MeanIntensity --data D --split all",
        "cadkit evaluate --bootstrap 20 predictions/MeanIntensity-all",
        "cadkit compare scores.csv --truth cancer --scores a,b --cluster patient --bootstrap 20 --out table",
        "cadkit reader-study readings.csv",
        "cadkit plugin new seen --out new",
    ):
        core.said(line, place)
    assert (place / "report" / "MeanIntensity-all" / "report.html").exists()
    assert (place / "table" / "report.html").exists()


def test_plugins_that_need_torch_are_listed_with_what_to_type(core: Environment, dist: Path, tmp_path: Path) -> None:
    own = Environment(tmp_path / "env" / "bin")
    shutil.copytree(core.programs.parent, tmp_path / "env", symlinks=True)
    program = tmp_path / "env" / "bin" / "cadkit"
    program.write_text(program.read_text().replace(str(core.programs), str(own.programs)))
    own.install(["--no-deps", "cadkit-gmic", "cadkit-spots"], tmp_path, dist)
    rows = {row["name"]: row for row in json.loads(own.typed("cadkit plugins --json", tmp_path).stdout)}
    assert set(rows) == {"gmic", "spots"}
    for row in rows.values():
        assert not row["ok"]
        assert 'pip install "cadkit[torch]"' in row["reason"] + row["mend"]
    done = own.typed("cadkit train gmic --data D", tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert 'pip install "cadkit[torch]"' in done.stderr


def test_a_cluster_without_dask_is_one_line_with_what_to_type(core: Environment, made: Path) -> None:
    done = core.typed("cadkit prepare D --dask tcp://127.0.0.1:1", made)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "pip install 'cadkit[dask]'" in done.stderr


WITHOUT_TORCHVISION = """import sys
sys.modules["torchvision"] = None
sys.argv = ["cadkit", "train", "faster_rcnn", "--data", "D"]
from cadkit.cli import main
main()
"""


def test_a_part_of_an_extra_that_is_missing_is_one_line_with_what_to_type(full: Environment, made: Path) -> None:
    (made / "without.py").write_text(WITHOUT_TORCHVISION)
    done = full.typed("python without.py", made)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert 'pip install "cadkit[torch]"' in done.stderr


def test_every_package_of_an_extra_is_known_by_its_import() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {"dask-jobqueue": "dask_jobqueue", "pyyaml": "yaml"}
    for extra in ("torch", "dask"):
        packages = {requirement.partition(">")[0] for requirement in extras[extra]}
        assert {names.get(one, one) for one in packages} == {name for name, of in EXTRA_OF.items() if of == extra}
