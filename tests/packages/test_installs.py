"""Every `pip install` of the documentation, typed in a new environment that can get nothing but our own packages."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from clean_environment import ROOT, Environment, declared
from doc_blocks import Block, blocks_of, is_installation
from packaging.requirements import Requirement

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("examples/*/README.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
]
BLOCKS = [(page, block) for page in PAGES for block in blocks_of(page) if "pip install" in block.text]
TOOLS = [Requirement("hatchling"), Requirement("editables")]  # what -e builds with


def test_there_are_blocks_that_install() -> None:
    assert {page.name for page, _ in BLOCKS} >= {"README.md", "index.md", "clusters.md", "plugins.md"}


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=lambda it: it.parent.name if isinstance(it, Path) else it.line)
def test_what_a_page_installs_can_be_installed(page: Path, block: Block, dist: Path, tmp_path: Path) -> None:
    place = page.parent
    if page.name == "plugins.md":  # the tutorial ends at the example
        place = tmp_path
        (tmp_path / "spots").symlink_to(ROOT / "examples" / "third_party_plugin")
    else:
        assert is_installation(block) or page.parent.parent.name == "examples"
    new = Environment.make(tmp_path / "env", [*declared("torch", "dask"), *TOOLS])
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:2] == ["pip", "install"]:
            new.install(words[2:], place, dist)
    assert "evaluate" in new.said("cadkit --help", tmp_path)
