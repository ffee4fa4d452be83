"""A new plugin: a distribution of four files that installs and passes its checks."""

from __future__ import annotations

import keyword
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from string import Template

from cadkit.errors import InputError
from cadkit.plugin.registry import installed, normalized

TEMPLATES = Path(__file__).with_name("templates")
_CLASSES = ("Config",)  # what the templates name besides
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
        InputError: the name cannot be one or is taken, or the folder is there already or cannot be made.
    """
    if keyword.iskeyword(name):
        raise InputError("this is a keyword of Python", value=name, mend="For instance my_model.")
    if not _NAME.fullmatch(name):
        raise InputError(
            "a plugin's name has lower-case letters, digits and single underscores, and begins with a letter",
            value=name,
            mend=f"For instance {_proposed(name)}.",
        )
    _refuse_taken(name)
    folder = Path(out) / name
    if os.path.lexists(folder):
        raise InputError("there is something of that name already", file=folder, mend="Choose another name or --out.")
    words = {
        "name": name,
        "module": f"cadkit_{name}",
        "distribution": _distribution(name),
        "class_name": _class_name(name),
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
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        why = f"no folder can be made here: {error.strerror}"
        raise InputError(why, file=folder.parent, mend="Choose another --out.") from error
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


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _refuse_taken(name: str) -> None:
    another = f"For instance {name}_model."
    if name in sys.stdlib_module_names or normalized(name) in _libraries():
        raise InputError("a library is called that; a plugin has the name of a model", value=name, mend=another)
    class_name = _class_name(name)
    if keyword.iskeyword(class_name) or class_name in _CLASSES:
        raise InputError(f"the model's class would be called {class_name}, which is taken", value=name, mend=another)
    _refuse_installed(name)


def _refuse_installed(name: str) -> None:
    own = _distribution(name)
    taken = [row for row, point in installed().values() if point.name == name and normalized(row.distribution) != own]
    if taken:
        raise InputError(
            f"a plugin of that name is installed already ({taken[0].package}), and two of one name must be asked for "
            "with the names of their distributions",
            value=name,
            mend=f"For instance {name}_2.",
        )
    try:
        there = metadata.version(own)
    except metadata.PackageNotFoundError:
        return
    raise InputError(
        f"{own} {there} is installed already, and this one would take its place",
        value=name,
        mend=f"Choose another name, or `pip uninstall {own}` first.",
    )


def _libraries() -> set[str]:
    """cadkit and what it requires, with its extras."""
    try:
        required = metadata.requires("cadkit") or []
    except metadata.PackageNotFoundError:
        required = []
    return {"cadkit", *(normalized(re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0]) for each in required)}


def _warnings(name: str) -> tuple[str, ...]:
    module = f"cadkit_{name}"
    if find_spec(module) is None:
        return ()
    return (f"there is a module {module} already, which may be imported in place of this one's",)


def _distribution(name: str) -> str:
    return f"cadkit-{name.replace('_', '-')}"
