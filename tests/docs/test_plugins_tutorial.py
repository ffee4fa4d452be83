"""The tutorial: its files keep the contract, its commands run, and it ends at the example."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cadkit.testing import check_plugin, checks
from cadkit.testing.new import new_plugin

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "plugins.md").read_text(encoding="utf-8")
EXAMPLE = REPOSITORY / "examples" / "third_party_plugin"
BLOCK = re.compile(r'^```(python title="(?P<file>[^"]+)"|sh)\n(?P<text>.*?)^```', re.M | re.S)
BLOCKS = [(match["file"], match["text"]) for match in BLOCK.finditer(PAGE)]
FILES = [(file, text) for file, text in BLOCKS if file]


def test_every_code_block_is_one_that_is_run() -> None:
    assert PAGE.count("\n```") == 2 * len(BLOCKS)
    assert len(FILES) == 6


def test_the_first_file_is_a_dozen_lines() -> None:
    assert len(FILES[0][1].splitlines()) <= 12


@pytest.mark.parametrize("number", range(len(FILES)))
def test_every_file_keeps_the_contract(tmp_path: Path, number: int) -> None:
    file, text = FILES[number]
    path = tmp_path / Path(file).name
    path.write_text(text)
    only = [each.id for each in checks() if each.id not in ("static-loads", "train-ranks")]
    report = check_plugin(f"{path}:Spots", only=only)
    assert report.ok, report


def test_the_last_file_is_the_examples_which_was_begun_by_the_command(tmp_path: Path) -> None:
    made = new_plugin("spots", trainable=True, out=tmp_path).folder
    assert FILES[-1] == ("spots/cadkit_spots.py", (EXAMPLE / "cadkit_spots.py").read_text())
    for name in ("pyproject.toml", "test_cadkit_spots.py"):
        assert (EXAMPLE / name).read_text() == (made / name).read_text()
    assert {path.name for path in made.iterdir()} <= {path.name for path in EXAMPLE.iterdir()}


def test_the_table_of_checks_is_that_of_the_code() -> None:
    rows = [f"| `{each.id}` | {each.means} | {each.mend} |" for each in checks()]
    assert [line for line in PAGE.splitlines() if line.startswith("| `")] == rows


def test_the_trained_model_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    section = PAGE.split("## A model that is already trained")[1].split("It predicts with")[0]
    text = textwrap.dedent(section[section.index("    from pathlib") :])
    (tmp_path / "mine.py").write_text(text)
    names: dict[str, Any] = {}
    exec(text, names)
    torch.save(names["network"]().state_dict(), tmp_path / "net.pt")
    report = check_plugin(f"{tmp_path}/mine.py:Mine", config={"weights": str(tmp_path / "net.pt")}, train=False)
    assert report.ok, report
    assert report.counts["passed"] > 15


def installed(folder: Path, site: Path) -> None:
    """What pip does with a distribution, from a wheel, beside whatever else is installed."""
    wheels = site.with_name(f"wheels-{folder.name}")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        wheel.extractall(site)


def run(line: str, folder: Path, site: Path) -> None:
    words = shlex.split(line)
    if words[:3] == ["pip", "install", "-e"]:
        installed(folder / words[3], site)
        (site / "cadkit_spots.py").unlink()  # as with -e, the file that is imported is the author's own
        return
    assert words[0] == "cadkit", line
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(folder / "spots")))}
    program = [sys.executable, "-P", "-c", "from cadkit.cli import main; main()", *words[1:]]
    done = subprocess.run(program, cwd=folder, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def test_the_commands_run_from_the_first_to_the_last(tmp_path: Path) -> None:
    folder, site = tmp_path / "work", tmp_path / "site"
    folder.mkdir()
    for file, text in BLOCKS:
        if file:
            (folder / file).write_text(text)
        else:
            for line in text.splitlines():
                run(line, folder, site)
    assert (folder / "runs" / "spots-2" / "run.toml").exists()
