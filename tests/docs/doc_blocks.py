"""The code blocks of a Markdown page, and running them in order as a reader would."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MARK = re.compile(r"<!--\s*not run:\s*(.+?)\s*-->\s*$")
_FENCE = re.compile(r"^```(\w*)(.*)$")
_COMMAND = re.compile(r"^    (cadkit|pip|make|python|dask) ")
_CLASS = re.compile(r"^class (\w+)\(cadkit\.Model\)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        page, line: where it stands.
        language: sh, python, or another that nobody runs.
        text: without the fence.
        reason: why it is not run; empty if it is.
    """

    page: str
    line: int
    language: str
    text: str
    reason: str


def blocks_of(path: Path) -> list[Block]:
    """Fenced blocks, and indented ones whose first line is a command."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found: list[Block] = []
    number, reason = 0, ""
    while number < len(lines):
        line = lines[number]
        if mark := _MARK.search(line):
            reason = mark[1]
        elif fence := _FENCE.match(line):
            end = next(n for n in range(number + 1, len(lines)) if lines[n].startswith("```"))
            text = "\n".join(lines[number + 1 : end])
            found.append(Block(path.name, number + 1, fence[1] or "text", text, reason))
            number, reason = end, ""
        elif _COMMAND.match(line) and not (number and lines[number - 1].strip()):
            end = next((n for n in range(number, len(lines)) if not lines[n].startswith("    ")), len(lines))
            text = "\n".join(one[4:] for one in lines[number:end])
            found.append(Block(path.name, number + 1, "sh", text, reason))
            number, reason = end, ""
        elif line.strip():
            reason = ""
        number += 1
    return found


def is_installation(block: Block) -> bool:
    """Whether a block does nothing but install packages."""
    return block.text.lstrip().startswith("pip install ")


def commands_of(block: Block, smaller: Mapping[str, str]) -> list[list[str]]:
    """The words of each command of a block, comments left out, with sizes replaced."""
    commands = []
    for line in block.text.replace("\\\n", " ").splitlines():
        for pattern, replacement in smaller.items():
            line = re.sub(pattern, replacement, line)
        if words := shlex.split(line, comments=True):
            commands.append(words)
    return commands


def run_command(words: list[str]) -> None:
    """Run a cadkit command in this process; it raises where the command would end with another status than 0."""
    from cadkit.cli.app import app

    if words[0] != "cadkit":
        raise AssertionError(f"not a cadkit command; mark the block as not run: {' '.join(words)}")
    try:
        status = app(words[1:], prog_name="cadkit", standalone_mode=False)
    except SystemExit as ended:
        status = ended.code
    if status:
        raise AssertionError(f"status {status}: {' '.join(words)}")


def run_python(block: Block, page: str, names: dict[str, Any]) -> None:
    """Run a Python block among the names of those before it; a model is also saved as the file that the page names."""
    exec(compile(block.text, f"{block.page}:{block.line}", "exec"), names)
    if (model := _CLASS.search(block.text)) and (file := re.search(rf"(\w+\.py):{model[1]}", page)):
        Path(file[1]).write_text(block.text)
