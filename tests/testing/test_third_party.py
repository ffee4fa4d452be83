"""The example plugin, installed from a wheel into an environment outside the checkout, through the command line."""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from cadkit.phantom import make_phantom
from cadkit.prepare import prepare

REPOSITORY = Path(__file__).parents[2]


def environment(folder: Path) -> Path:
    """A new virtual environment that borrows libraries from this one, but neither cadkit nor its plugins."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # Folders named in a .pth are searched, their own .pth files are not read: what is installed with -e stays behind.
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return folder / "bin" / "python"


def install(python: Path, project: Path, wheels: Path) -> None:
    """Build a wheel and install it with pip."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=project, check=True, capture_output=True)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--ignore-installed", *map(str, wheels.glob("*.whl"))], check=True, capture_output=True)


@pytest.mark.slow
def test_a_strangers_plugin_is_checked_trained_and_evaluated(tmp_path: Path) -> None:
    make_phantom(tmp_path / "D", exams=16, size=(320, 208), difficulty="easy", workers=1, progress=False)
    prepare(tmp_path / "D", workers=1, quiet=True)
    python = environment(tmp_path / "venv")
    install(python, REPOSITORY, tmp_path / "core")
    install(python, REPOSITORY / "examples" / "third_party_plugin", tmp_path / "plugin")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def cadkit(*words: str) -> str:
        program = [str(python.with_name("cadkit")), *words]
        done = subprocess.run(program, cwd=tmp_path, env=clean, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    where = [str(python), "-c", "import cadkit, cadkit_spots; print(cadkit.__file__, cadkit_spots.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=clean, check=True, capture_output=True, text=True).stdout
    assert str(REPOSITORY) not in found
    rows = {row["name"]: row for row in json.loads(cadkit("plugins", "--json"))}
    assert (rows["spots"]["ok"], rows["spots"]["distribution"]) == (True, "cadkit-spots")
    assert json.loads(cadkit("plugin", "check", "spots", "--json"))["counts"] == {"passed": 25, "skipped": 1}
    cadkit("train", "spots", "--data", "D", "--preset", "tiny", "--set", "epochs=1")
    cadkit("predict", "--saliency", "runs/spots-1")
    cadkit("evaluate", "--froc", "predictions/spots-1-test")
    cadkit("plugin", "new", "another", "--trainable")
    assert (tmp_path / "another" / "cadkit_another.py").exists()
