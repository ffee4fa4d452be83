"""A new plugin: a distribution of four files that installs and passes its checks."""

from __future__ import annotations

import keyword
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from string import Template

from cadkit.errors import InputError

TEMPLATES = Path(__file__).with_name("templates")
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class NewPlugin:
    """What was written.

    Attributes:
        folder: of the distribution.
        files: in it.
        warnings: what the author should know.
    """

    folder: Path
    files: tuple[str, ...]
    warnings: tuple[str, ...]


def new_plugin(name: str, *, trainable: bool = False, out: str | Path = ".") -> NewPlugin:
    """Write a new plugin to `out/name`: pyproject.toml, the module, its test and a README.

    Args:
        name: lower-case letters, digits and single underscores, such as `my_model`.
        trainable: with a network that cadkit trains; otherwise a model that answers as it is.
        out: folder to make it in.

    Raises:
        InputError: the name cannot be one, or the folder is there already.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise InputError(
            "a plugin's name has lower-case letters, digits and single underscores, and begins with a letter",
            value=name,
            mend=f"For instance {_proposed(name)}.",
        )
    folder = Path(out) / name
    if folder.exists():
        raise InputError("the folder is there already", file=folder, mend="Choose another name or another --out.")
    words = {
        "name": name,
        "module": f"cadkit_{name}",
        "distribution": _distribution(name),
        "class_name": "".join(part.capitalize() for part in name.split("_")),
        "requires": "cadkit[torch]" if trainable else "cadkit",
    }
    kind = TEMPLATES / ("trainable" if trainable else "plain")
    sources = {
        "pyproject.toml": TEMPLATES / "pyproject.toml.template",
        "README.md": kind / "README.md.template",
        f"{words['module']}.py": kind / "model.py.template",
        f"test_{words['module']}.py": TEMPLATES / "test.py.template",
    }
    texts = {file: Template(path.read_text(encoding="utf-8")).substitute(words) for file, path in sources.items()}
    _write(folder, texts)
    return NewPlugin(folder, tuple(texts), _warnings(name))


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write the folder whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        for file, text in texts.items():
            (part / file).write_text(text, encoding="utf-8")
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _proposed(name: str) -> str:
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    proposal = "_".join(words).lstrip("0123456789_")
    return proposal if proposal and not keyword.iskeyword(proposal) else "my_model"


def _warnings(name: str) -> tuple[str, ...]:
    from cadkit.plugin.registry import installed

    taken = [row for row, _ in installed().values() if row.name.rpartition(":")[2] == name]
    if not taken:
        return ()
    there = taken[0].distribution
    if there == _distribution(name):
        return (f"the plugin {name} is installed already ({there} {taken[0].version}); this one would take its place",)
    return (
        f"a plugin called {name} is installed already ({there}); beside this one, both must be asked for with the name "
        "of their distribution",
    )


def _distribution(name: str) -> str:
    return f"cadkit-{name.replace('_', '-')}"
