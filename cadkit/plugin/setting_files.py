"""Settings that name files, such as weights: what the files hold is part of what a prediction is."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import to_jsonable_python

from cadkit.errors import InputError
from cadkit.files import sha256_of
from cadkit.plugin.config import Config

_LARGE = 2**24  # bytes of a file that is not read twice in a process
_Config = TypeVar("_Config", bound=Config)


def with_files(config: _Config) -> tuple[_Config, dict[str, Any]]:
    """A configuration as it is predicted with, and what the files hold that its settings name.

    A setting names files where it is a `pathlib.Path`, or a tuple, list or table of them.

    Returns:
        The configuration with absolute paths, and `sha256:` with 64 hexadecimal digits by setting, in the shape of
        its value, as TOML has it. That of a folder is of the names and contents of all files in it. Settings that
        name no file, such as a `Path | None` that is None, are left out.

    Raises:
        InputError: a file is not there or cannot be read; names setting and path.
    """
    absolute: dict[str, Any] = {}
    contents: dict[str, Any] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if _names_files(value):
            absolute[name] = _changed(value, functools.partial(_absolute, name))
            contents[name] = to_jsonable_python(_changed(absolute[name], functools.partial(_content, name)))
    return config.model_copy(update=absolute), contents


def _names_files(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_names_files, value.values()))
    return isinstance(value, Path) or (isinstance(value, tuple | list) and any(map(_names_files, value)))


def _changed(value: Any, change: Callable[[Path], Any]) -> Any:
    """A value with each path in it changed; what is none stays as it is."""
    if isinstance(value, Mapping):
        return {key: _changed(each, change) for key, each in value.items()}
    if isinstance(value, tuple | list):
        each_changed = [_changed(each, change) for each in value]
        return tuple(each_changed) if isinstance(value, tuple) else each_changed
    return change(value) if isinstance(value, Path) else value


def _absolute(setting: str, path: Path) -> Path:
    if path == Path():  # what an empty text becomes; the working folder holds the predictions themselves
        raise InputError(f"the setting {setting} names no file", value=str(path), mend=_mend(setting))
    return path.expanduser().absolute()  # links are kept: the name of one may tell the format


def _content(setting: str, path: Path) -> str:
    try:
        if path.is_dir():
            files = sorted((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
            lines = "".join(f"{_sha256(file)} {name}\n" for name, file in files)
            return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
        if path.is_file():
            return f"sha256:{_sha256(path)}"
    except OSError as error:
        raise InputError(
            f"the setting {setting} names what cannot be read: {error.strerror}", file=path, mend=_mend(setting)
        ) from None
    raise InputError(f"the setting {setting} names no file or folder that is there", file=path, mend=_mend(setting))


def _mend(setting: str) -> str:
    return f"Give it with --set {setting}=PATH; a relative path counts from the working folder."


def _sha256(path: Path) -> str:
    about = path.stat()
    if about.st_size < _LARGE:
        return sha256_of(path)
    return _sha256_once(path, about.st_size, about.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _sha256_once(path: Path, size: int, changed: int) -> str:
    return sha256_of(path)
