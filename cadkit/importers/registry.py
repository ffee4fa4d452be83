"""Finding importers: entry points of the group `cadkit.importers`, loaded when they are used.

Any installed distribution can add one:

    [project.entry-points."cadkit.importers"]
    mysource = "my_package:import_mysource"

where `import_mysource(source: Path, target: Path, options: Options) -> ImportReport`.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from cadkit.errors import InputError

if TYPE_CHECKING:
    from cadkit.importers.frame import ImportReport, Options

GROUP = "cadkit.importers"
Function: TypeAlias = "Callable[[Path, Path, Options], ImportReport]"


@dataclass(frozen=True)
class Listed:
    """An importer that is installed.

    Attributes:
        name: what to type: its own name, or `distribution:name` where two have one name.
        distribution: the package that brings it.
        about: first line of its docstring, or empty if it is broken.
        reason: why it cannot be used, or empty.
    """

    name: str
    distribution: str
    about: str
    reason: str


def names() -> tuple[str, ...]:
    """Names of all installed importers, from metadata alone: nothing is imported."""
    return tuple(_entries())


def listing() -> tuple[Listed, ...]:
    """Every installed importer, loaded; whatever one raises, prints or exits with is its reason."""
    rows = []
    for name, entry in _entries().items():
        loaded, error = _load(entry)
        about = "" if loaded is None else (loaded.__doc__ or "").strip().partition("\n")[0]
        rows.append(Listed(name, _distribution(entry), about, "" if error is None else _reason(error)))
    return tuple(rows)


def find(name: str) -> Function:
    """Load an importer.

    Args:
        name: its name, or `distribution:name`.

    Raises:
        InputError: there is none of that name, two have it, or it cannot be loaded.
    """
    entries = _entries()
    entry = entries.get(name) or {f"{_distribution(e)}:{e.name}": e for e in entries.values()}.get(name)
    if entry is None:
        same = [full for full, e in entries.items() if e.name == name]
        if same:
            raise InputError("several importers have this name", value=name, mend=f"Type one of {', '.join(same)}.")
        known = ", ".join(entries) or "none"
        raise InputError("there is no importer of this name", value=name, mend=f"Installed are: {known}.")
    loaded, error = _load(entry)
    if loaded is None:
        mend = f"Mend or remove the package {_distribution(entry)}."
        raise InputError(f"the importer {name} cannot be loaded: {_reason(error)}", mend=mend) from error
    return loaded


def import_dataset(
    importer: str, source: str | Path, target: str | Path, options: Options | None = None
) -> ImportReport:
    """Import `source` into the dataset folder `target`.

    Args:
        importer: name of an installed importer, such as `mias` or `dicom`.
        source: file or folder to be read.
        target: new or empty folder, or an earlier import of the same source.
        options: what is asked of the importer.

    Raises:
        InputError: no such importer or source, or what the importer refuses.
    """
    from cadkit.importers.frame import Options as AllOptions

    function = find(importer)
    if not Path(source).exists():
        raise InputError("there is no such file or folder", file=source)
    return function(Path(source), Path(target), AllOptions() if options is None else options)


def _entries() -> dict[str, EntryPoint]:
    found = sorted(entry_points(group=GROUP), key=lambda e: (e.name, _distribution(e)))
    count = Counter(entry.name for entry in found)
    return {entry.name if count[entry.name] == 1 else f"{_distribution(entry)}:{entry.name}": entry for entry in found}


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "unknown"


def _load(entry: EntryPoint) -> tuple[Function | None, BaseException | None]:
    """The function and None, or None and why there is none."""
    silence = io.StringIO()
    try:
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            loaded = entry.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module that exits is as broken as one that raises
        return None, error
    if not callable(loaded):
        return None, TypeError(f"{entry.value} is not a function")
    return loaded, None


def _reason(error: BaseException | None) -> str:
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
