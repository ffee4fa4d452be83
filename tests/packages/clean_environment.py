"""Environments outside the checkout, which have what a requirement names and nothing else."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = (ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml")))
EXAMPLE = ROOT / "examples" / "third_party_plugin"


def build(project: Path, folder: Path, *targets: str) -> None:
    """Build a wheel, or the targets that are named (wheel, sdist), into a folder."""
    words = [word for target in targets or ("wheel",) for word in ("-t", target)]
    program = [sys.executable, "-m", "hatchling", "build", *words, "-d", str(folder)]
    subprocess.run(program, cwd=project, check=True, capture_output=True)


def declared(*extras: str) -> list[Requirement]:
    """What pyproject.toml says that cadkit needs, with some of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for one in extras for line in project["optional-dependencies"][one])]
    return [Requirement(line) for line in lines]


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """Names of the distributions that the requirements bring, of those that are installed here."""
    found: set[tuple[str, str]] = set()
    open_ones = [(one.name, extra) for one in requirements for extra in ("", *one.extras)]
    while open_ones:
        name, extra = open_ones.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for line in distribution(name).requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                open_ones += [(needed.name, more) for more in ("", *needed.extras)]
    return {name for name, _ in found}


@dataclass(frozen=True)
class Environment:
    """A virtual environment; `programs` is its folder of programs."""

    programs: Path

    @classmethod
    def make(cls, folder: Path, requirements: Iterable[Requirement]) -> Environment:
        """A new one, in which what the requirements bring is linked from this one: neither cadkit nor its plugins."""
        venv.create(folder, symlinks=True)
        (packages,) = folder.glob("lib/python*/site-packages")
        for name in closure(requirements):
            installed = distribution(name)
            tops = {file.parts[0] for file in installed.files or ()} - {"..", "__pycache__"}
            for top in tops:
                if not (packages / top).exists():
                    (packages / top).symlink_to(Path(str(installed.locate_file(top))))
        return cls(folder / "bin")

    @property
    def settings(self) -> dict[str, str]:
        """The variables of a shell in which it was activated, in a new home."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CADKIT_"))}
        home = self.programs.parent / "home"
        home.mkdir(exist_ok=True)
        path = os.pathsep.join((str(self.programs), os.environ["PATH"]))
        return {
            **kept, "PATH": path, "VIRTUAL_ENV": str(self.programs.parent), "HOME": str(home), "COLUMNS": "200",
        }  # fmt: skip

    def typed(self, line: str, place: Path) -> subprocess.CompletedProcess[str]:
        """A command line of one of its programs, typed in a folder."""
        program, *words = shlex.split(line)
        return subprocess.run(
            [self.programs / program, *words],
            cwd=place, capture_output=True, text=True, check=False, env=self.settings,
        )  # fmt: skip

    def said(self, line: str, place: Path) -> str:
        """What a command line prints, after making sure that it succeeds."""
        done = self.typed(line, place)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def pip(self, words: list[str], place: Path, wheels: Path) -> subprocess.CompletedProcess[str]:
        """`pip WORDS`, where nothing can be had but what lies in a folder of wheels."""
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_BUILD_ISOLATION": "0",
                   "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}  # fmt: skip
        return subprocess.run(
            [sys.executable, "-m", "pip", "--python", str(self.programs / "python"), *words],
            cwd=place, capture_output=True, text=True, check=False, env={**self.settings, **offline},
        )  # fmt: skip

    def install(self, words: list[str], place: Path, wheels: Path) -> None:
        """`pip install WORDS`, which must find everything and complain of nothing."""
        done = self.pip(["install", *words], place, wheels)
        assert done.returncode == 0, done.stderr
        assert done.stderr == "", done.stderr
