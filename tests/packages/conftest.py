"""The packages, built once, and environments that have them, each made once, also where several processes test."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "docs")]

from clean_environment import EXAMPLE, PROJECTS, Environment, build, declared  # noqa: E402 - lies beside this file

Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """`once(name, make)`: the folder that `make` fills; of several processes the first calls it and the others wait."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker has a folder of its own in the session's

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, whole = base / name, base / f"{name}.made"
        with (base / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def dist(once: Once) -> Path:
    """A folder with the wheels and source distributions of the core, its plugins and the example of a stranger's."""

    def make(folder: Path) -> None:
        for project in (*PROJECTS, EXAMPLE):
            build(project, folder, "sdist", "wheel")

    return once("dist", make)


@pytest.fixture(scope="session")
def core(once: Once, dist: Path) -> Environment:
    """An environment that has cadkit without an extra: no torch, no dask."""

    def make(folder: Path) -> None:
        Environment.make(folder, declared()).install(["cadkit"], folder, dist)

    return Environment(once("core", make) / "bin")


@pytest.fixture(scope="session")
def full(once: Once, dist: Path) -> Environment:
    """An environment that has cadkit, its plugins and the example of a stranger's."""

    def make(folder: Path) -> None:
        names = [project.name.replace("_", "-") for project in PROJECTS[1:]]
        words = ["cadkit[torch]", *(f"cadkit-{name}" for name in names), "cadkit-spots"]
        Environment.make(folder, declared("torch")).install(words, folder, dist)

    return Environment(once("full", make) / "bin")
