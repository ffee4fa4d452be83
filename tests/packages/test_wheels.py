"""The packages: what is in them, what they say of themselves, and what can be done with them outside the checkout."""

from __future__ import annotations

import email
import json
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from clean_environment import PROJECTS, ROOT, Environment, build

NAMES = ["cadkit", *(f"cadkit_{project.name}" for project in PROJECTS[1:])]
SOURCES = dict(zip(NAMES, [ROOT / "cadkit", *(p / "src" / f"cadkit_{p.name}" for p in PROJECTS[1:])], strict=True))


def wheel(dist: Path, name: str) -> zipfile.ZipFile:
    (path,) = dist.glob(f"{name}-*.whl")
    return zipfile.ZipFile(path)


def metadata(dist: Path, name: str) -> Message:
    with wheel(dist, name) as file:
        (path,) = (path for path in file.namelist() if path.endswith("/METADATA"))
        return email.message_from_bytes(file.read(path))


@pytest.mark.parametrize("name", NAMES)
def test_a_wheel_has_every_file_of_the_package_and_nothing_else(dist: Path, name: str) -> None:
    folder = SOURCES[name]
    there = {str(path.relative_to(folder.parent)) for path in folder.rglob("*") if path.is_file()}
    with wheel(dist, name) as file:
        packed = {path for path in file.namelist() if ".dist-info/" not in path}
        licences = [path for path in file.namelist() if path.endswith(".dist-info/licenses/LICENSE")]
        assert [file.read(path).decode() for path in licences] == [(ROOT / "LICENSE").read_text()]
    assert packed == {path for path in there if "__pycache__" not in path}
    assert f"{name}/py.typed" in packed
    assert not [path for path in packed if Path(path).suffix not in ("", ".py", ".typed", ".css", ".js", ".j2",
                                                                     ".template")]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_wheel_says_what_it_is(dist: Path, name: str) -> None:
    said = metadata(dist, name)
    assert (said["Requires-Python"], said["License-Expression"]) == (">=3.11", "Apache-2.0")
    assert said["Summary"]
    assert said["Description-Content-Type"] == "text/markdown"
    assert str(said.get_payload()).startswith("# ")
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    needs = said.get_all("Requires-Dist", [])
    if name == "cadkit":
        assert {"torch", "dask"} <= set(said.get_all("Provides-Extra", []))
        assert not [line for line in needs if line.startswith(("torch", "dask")) and "extra ==" not in line]
    else:
        assert needs == ["cadkit[torch]"]


@pytest.mark.parametrize("name", NAMES)
def test_a_source_distribution_builds_the_same_wheel(dist: Path, name: str, tmp_path: Path) -> None:
    (path,) = dist.glob(f"{name}-*.tar.gz")
    with tarfile.open(path) as file:
        file.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    build(unpacked, tmp_path / "again")
    with wheel(dist, name) as one, wheel(tmp_path / "again", name) as other:
        files = [{info.filename: info.CRC for info in archive.infolist()} for archive in (one, other)]
    assert files[0] == files[1]


def test_what_is_installed_is_the_wheel(full: Environment, tmp_path: Path) -> None:
    found = full.said('python -c "import cadkit; print(cadkit.__file__)"', tmp_path)
    assert found.startswith(str(full.programs.parent))


def test_the_commands_and_plugins_are_there(full: Environment, tmp_path: Path) -> None:
    assert "evaluate" in full.said("cadkit --help", tmp_path)
    rows = {row["name"]: row["ok"] for row in json.loads(full.said("cadkit plugins --json", tmp_path))}
    assert rows == {"faster_rcnn": True, "gmic": True, "spots": True}


def test_the_demo_runs_from_its_phantom_to_its_report(full: Environment, tmp_path: Path) -> None:
    script = tmp_path / "demo.py"
    script.write_text((ROOT / "examples" / "demo" / "demo.py").read_text())
    said = full.said("python demo.py demo --exams 12 --epochs 1", tmp_path)
    assert "48 images: the same exams, labels and prepared pixels as the phantom's." in said
    assert (tmp_path / "demo" / "report" / "report.html").stat().st_size > 100_000
    full.said("cadkit info demo/phantom --html D.html", tmp_path)
    assert (tmp_path / "D.html").exists()
    full.said("cadkit plugin new seen --out new", tmp_path)
    assert (tmp_path / "new" / "seen" / "cadkit_seen.py").exists()
