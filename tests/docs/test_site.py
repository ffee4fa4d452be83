"""The documentation site: every page is in it, what it lists of the interface is all of it, and it builds strictly."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import cadkit

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def _pages(entries: list[dict[str, object]]) -> list[str]:
    found: list[str] = []
    for entry in entries:
        for value in entry.values():
            found += _pages(value) if isinstance(value, list) else [str(value)]
    return found


def test_every_page_is_in_the_navigation() -> None:
    nav = _pages(tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"])
    assert sorted(nav) == sorted(page.name for page in DOCS.glob("*.md"))


def test_every_public_name_is_described() -> None:
    page = (DOCS / "api.md").read_text()
    words = set(re.findall(r"\w+", page))
    assert [name for name in cadkit.__all__ if name not in words and name not in ("__version__", "evaluation")] == []


@pytest.mark.parametrize("name", cadkit.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(cadkit, name).__doc__


@pytest.mark.slow
def test_the_site_builds_without_a_warning() -> None:
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("zensical is not installed (make docs installs it)")
    words = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
