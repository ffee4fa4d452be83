"""Fingerprints of code: what an edited plugin or program predicted is another prediction, whatever its version says."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path

from cadkit.files import sha256_of
from cadkit.plugin.registry import find


def code_of(name: str) -> str:
    """SHA-256 of a plugin's code: of the .py files of its top-level package or module, found without importing it.

    Of a plugin in a file, `path/to/file.py:Class`, it is that of the file and of the .py files beside it, which it may
    import.

    Args:
        name: as `cadkit.plugin.registry.load` takes it.

    Returns:
        `sha256:` and 16 hexadecimal digits; empty where no code is to be found, such as of a module that is not Python.

    Raises:
        InputError: there is no such plugin.
    """
    path, colon, _ = name.rpartition(":")
    if colon and path.endswith(".py"):
        return _digest([(file.name, file) for file in sorted(Path(path).parent.glob("*.py"))])
    plugin, _ = find(name)
    return _digest(_files_of(plugin.target.partition(":")[0].partition(".")[0].strip()))


def program_of(words: Sequence[str]) -> str:
    """SHA-256 of the files that a command names: its program, and the script, weights or settings that it is given.

    Args:
        words: of the command; those that name no file are left out.
    """
    return _digest([(word, Path(word)) for word in words if Path(word).is_file()])


def _files_of(module: str) -> list[tuple[str, Path]]:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    folders = [Path(place) for place in spec.submodule_search_locations or ()]
    found = [(path.relative_to(folder).as_posix(), path) for folder in folders for path in sorted(folder.rglob("*.py"))]
    if not folders and spec.origin is not None and Path(spec.origin).is_file():
        found = [(Path(spec.origin).name, Path(spec.origin))]
    return found


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    """Of names and contents; a place in the file system plays no part."""
    lines = [f"{name} {sha256_of(path)}\n" for name, path in files if path.is_file()]
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()[:16]}" if lines else ""
