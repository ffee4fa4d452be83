"""Writing files so that a kill or a full disk never leaves half of one."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

from cadkit.errors import Failure, InputError

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORMULA = re.compile(r"^[=+@\t\r]|^-(?![\d.])")


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends well.

    A reader sees the old file or the whole new one. If the block raises, or the process is killed,
    `path` is as it was (a kill may leave a `.<name>.<pid>.part`, which nothing reads).

    Raises:
        Failure: the disk is full or a size limit was reached; the message names the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno in _DISK_FULL:
            raise disk_full(path, error) from error
        raise
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def disk_full(path: Path, error: OSError) -> Failure:
    """The failure to raise when `path` could not be written for want of room."""
    return Failure(
        f"{path} could not be written: {error.strerror}. Free some space and type the same command again; "
        "what was finished is kept."
    )


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file (UTF-8) atomically."""
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file atomically."""
    with atomic(path) as part:
        part.write_bytes(data)


def write_toml(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write a TOML file atomically; keys whose value is None are left out, as TOML has no null."""
    write_text(path, tomli_w.dumps(_without_none(content)))


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: the file is missing or is not TOML; the message names the line.
    """
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("the file is missing", file=path) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not a TOML file: {error}", file=path) from None
    except RecursionError:
        raise InputError("not a TOML file: its values are nested too deeply", file=path) from None


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write JSON atomically, with sorted keys left as given; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def fingerprint(*parts: bytes | str) -> str:
    """32 hexadecimal digits of BLAKE2 over the parts, each preceded by its length."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def spreadsheet_text(text: str) -> str:
    """A text for a CSV that no spreadsheet runs as a formula: with an apostrophe before what would be one."""
    return f"'{text}" if _FORMULA.match(text) else text


def safe_name(identity: str) -> str:
    """A file name of an id: the id itself where that is safe, with a hash where it had to be changed."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", identity).lstrip(".")
    if plain == identity and len(plain) <= 120:
        return plain
    return f"{plain[:100]}-{hashlib.blake2b(identity.encode(), digest_size=6).hexdigest()}"


def refuse_file(folder: Path) -> None:
    """Refuse a file where a folder is to be written, or in the way to it.

    Raises:
        InputError: names the file.
    """
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if there is not None and not there.is_dir():
        raise InputError("is a file, and a folder is to be written", file=there, mend="Give another folder with --out.")


def inside(folder: Path, name: str) -> Path:
    """`folder / name`, refused if it leaves the folder.

    Tables come from elsewhere; a name such as `../../etc/passwd` must not be followed.

    Raises:
        InputError: `name` is absolute or leads out of `folder`.
    """
    path = (folder / name).resolve()
    if Path(name).is_absolute() or not path.is_relative_to(folder.resolve()):
        raise InputError(
            "a file named in a table must lie inside the dataset's folder",
            file=folder,
            value=name,
            mend="Move the file there, or list its path in sources.csv.",
        )
    return path
