"""Completion of the shells: their scripts, and what they are answered."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from clean_environment import Environment

IN_BASH = """source <(_CADKIT_COMPLETE=source_bash cadkit)
COMP_WORDS=({line}) COMP_CWORD={number}
$(complete -p cadkit | grep -o -- '-F [^ ]*' | cut -c 4-) cadkit
echo "${{COMPREPLY[@]}}"
"""


def asked(core: Environment, place: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What the program answers a shell that completes."""
    return subprocess.run(
        [core.programs / "cadkit"],
        cwd=place, capture_output=True, text=True, check=False, env={**core.settings, **variables},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "sign"), [("bash", "complete -o"), ("zsh", "#compdef cadkit"), ("fish", "complete --command cadkit")]
)
def test_a_script_prints_for_each_shell(core: Environment, shell: str, sign: str, tmp_path: Path) -> None:
    done = asked(core, tmp_path, _CADKIT_COMPLETE=f"source_{shell}")
    assert done.returncode == 0
    assert sign in done.stdout


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_command_is_completed(core: Environment, shell: str, tmp_path: Path) -> None:
    begun = {"_TYPER_COMPLETE_ARGS": "cadkit eval", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert "evaluate" in asked(core, tmp_path, _CADKIT_COMPLETE=f"complete_{shell}", **begun).stdout


@pytest.mark.parametrize(("line", "answer"), [("cadkit eval", "evaluate"), ("cadkit evaluate --boots", "--bootstrap")])
def test_bash_completes_commands_and_options(core: Environment, line: str, answer: str, tmp_path: Path) -> None:
    script = IN_BASH.format(line=line, number=len(line.split()) - 1)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, env=core.settings
    )
    assert done.stdout.split() == [answer], done.stderr
