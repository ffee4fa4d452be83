"""The documentation site: every page is in it, what it lists of the interface is all of it, and it builds strictly."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import suppress
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import cadkit

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)[^)]*\)")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")


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


def test_every_public_name_of_a_room_is_described() -> None:
    words = set(re.findall(r"\w+", (DOCS / "api.md").read_text()))
    listed = set(re.findall(r"^::: ([\w.]+)", (DOCS / "reference.md").read_text(), re.M))
    rooms = [getattr(cadkit, room) for room in cadkit.__all__ if isinstance(getattr(cadkit, room), ModuleType)]
    names = [(room.__name__, name) for room in rooms for name in room.__all__ if room.__name__ not in listed]
    assert len({room for room, _ in names}) > 8
    assert [f"{room}.{name}" for room, name in names if name not in words and f"{room}.{name}" not in listed] == []


_SPEAKS_OF = {"cadkit": cadkit, "image": cadkit.Image, "crop": cadkit.Crop, "metrics": cadkit.metrics,
              "evaluation": cadkit.evaluation, "prediction": cadkit.prediction}  # fmt: skip


def _resolved(words: str, homes: list[Any]) -> Any:
    """What a dotted name of the page is: from a word that the page speaks of, or of what was named before it."""
    first, *others = words.split(".")
    found = _SPEAKS_OF.get(first)
    if found is None:
        found = next((getattr(home, first) for home in homes if hasattr(home, first)), None)
    for name in others:
        if found is not None and not hasattr(found, name) and isinstance(found, ModuleType):
            with suppress(ModuleNotFoundError):
                import_module(f"{found.__name__}.{name}")
        found = getattr(found, name, None)
    return found


def _wrong(span: str, homes: list[Any]) -> str:
    """What of a name, or a call, is not there."""
    match = re.fullmatch(r"([A-Za-z_][\w.]*)(?:\((.*)\))?", span)
    assert match, span
    found = _resolved(match[1], homes)
    if found is None:
        return span
    given = [word.partition("=") for word in re.split(r",\s*", match[2] or "") if word not in ("", "...")]
    taken = set(inspect.signature(found).parameters) if given else set()
    if found is cadkit.evaluate:
        taken |= {field.name for field in fields(cadkit.evaluation.Settings)}
    return ", ".join(name for name, _, _ in given if name.isidentifier() and name not in taken)


def test_every_name_of_the_interface_page_is_there_with_the_arguments_that_it_says() -> None:
    page = re.sub(r"^```.*?^```", "", (DOCS / "api.md").read_text(), flags=re.M | re.S)
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert len(cells) > 20
    wrong = []
    for cell in cells:
        spans = re.findall(r"`([^`]+)`", cell)
        start = _resolved(spans[0].partition("(")[0].rpartition(".")[0], [])
        wrong += [_wrong(span, [start]) for span in spans]
    calls = re.findall(r"`((?:predict|evaluate|predict_command)\([^`]*\))`", page)
    assert len(calls) == 3
    wrong += [_wrong(call, [cadkit, import_module("cadkit.prediction.command")]) for call in calls]
    assert [one for one in wrong if one] == []


@pytest.mark.parametrize("name", [*cadkit.__all__, "open"])
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(cadkit, name).__doc__


def test_every_link_of_a_page_that_is_not_on_the_site_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("examples/*/*.md"), *ROOT.glob("plugins/*/*.md")]
    links = [(page, link) for page in pages for link in _LINK.findall(page.read_text()) if "://" not in link]
    assert links
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []


def test_every_picture_is_there() -> None:
    shown = [(page, link) for page in DOCS.rglob("*.md") for link in _PICTURE.findall(page.read_text())]
    assert shown
    assert [(page.name, link) for page, link in shown if not (page.parent / link).exists()] == []


def built(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site that is in a folder, as `make docs` does."""
    words = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    (tmp_path / "cadkit").symlink_to(ROOT / "cadkit")
    done = built(tmp_path)
    assert (done.returncode, done.stderr) == (0, "No issues found\n"), done.stdout
    assert {path.parent.name for path in (tmp_path / "build" / "site").glob("*/index.html")} >= {"guide", "reference"}


MISTAKES = {
    "": "No issues found",
    "[a page](nowhere.md)": "page does not exist",
    "[a heading](index.md#nowhere)": "anchor does not exist",
    "[a page][nowhere]": "unresolved autoref",
    "::: cadkit.nowhere": "cadkit.nowhere could not be found",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_page_with_a_mistake_does_not_build(tmp_path: Path, mistake: str) -> None:
    settings = (ROOT / "zensical.toml").read_text()
    nav = settings[settings.index("nav = [") : settings.index("[project.theme]")]
    (tmp_path / "zensical.toml").write_text(settings.replace(nav, 'nav = [{ "Start" = "index.md" }]\n'))
    (tmp_path / "cadkit").symlink_to(ROOT / "cadkit")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# Start\n\n::: cadkit.errors.InputError\n\n{mistake}\n")
    done = built(tmp_path)
    assert (done.returncode != 0) == bool(mistake)
    assert MISTAKES[mistake] in done.stdout + done.stderr
