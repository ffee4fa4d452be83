"""The recipes of docs/plugins.md are whole files, and keep the contract."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from cadkit.testing import check_plugin

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## What the network was made for")[1].split("\n## ")[0]
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^(?:    .*)?\n)+", SECTION, re.M) if "import" in block]


def test_there_are_five() -> None:
    assert len(BLOCKS) == 5


@pytest.mark.parametrize("number", range(5))
def test_a_recipe_keeps_the_contract(tmp_path: Path, number: int) -> None:
    (name,) = re.findall(r"class (\w+)\(cadkit.Model\)", BLOCKS[number])
    path = tmp_path / f"recipe_{number}.py"
    path.write_text(BLOCKS[number])
    report = check_plugin(f"{path}:{name}", only=["static-info", "static-config", "predict"])
    assert report.ok, report
    assert report.counts["passed"] >= 18
