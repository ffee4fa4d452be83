"""Looking at every file of a tree: its header, or why it has none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cadkit.dicom import DicomError, Header, read_header
from cadkit.errors import Problem
from cadkit.progress import track
from cadkit.tasks import Workers, run

_BATCH = 32


@dataclass(frozen=True)
class Scan:
    """One file: its path and its header, or the fault that keeps it from being read."""

    path: Path
    header: Header | None
    fault: Problem | None


def files_below(source: Path, leave_out: Iterable[Path]) -> list[Path]:
    """Every file of a tree, in the order of their paths; folders that are hidden or left out are not entered.

    Args:
        source: a folder, or a single file.
        leave_out: files and folders that are the user's tables or the dataset itself.
    """
    if source.is_file():
        return [source]
    skipped = {path.resolve() for path in leave_out}
    found: list[Path] = []
    for folder, folders, names in os.walk(source):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (here / name).resolve() not in skipped
        )
        found += [here / name for name in sorted(names) if (here / name).resolve() not in skipped]
    return found


def scan(paths: list[Path], workers: Workers, quiet: bool) -> Iterator[Scan]:
    """Read the headers of files, in their order, over several processes."""
    batches = [paths[at : at + _BATCH] for at in range(0, len(paths), _BATCH)]
    few = workers if len(batches) > 1 else 1
    scans = (one for batch in run(_scan_batch, batches, workers=few) for one in batch)
    return track(scans, "reading headers", len(paths), quiet)


def _scan_batch(paths: list[Path]) -> list[Scan]:
    return [_scan_one(path) for path in paths]


def _scan_one(path: Path) -> Scan:
    if path.name.startswith("."):
        return Scan(path, None, Problem("hidden-file", "a hidden file; it was not read"))
    try:
        return Scan(path, read_header(path), None)
    except DicomError as error:
        return Scan(path, None, error.problem())
