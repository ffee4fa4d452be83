"""What depends on a dataset's split: a note in the dataset for every run and prediction made with it.

    D/uses/<name>-<digits>.toml    kind, folder, column, split_fingerprint, created

A note is a file of its own, named by the folder that it speaks of, so that many trainings may begin at
once and one typed again writes the same note (docs/decisions/009-split-guard.md).
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cadkit.data.tables import EXAMS, read_table
from cadkit.files import fingerprint, read_toml, write_toml

USES = "uses"


@dataclass(frozen=True)
class Use:
    """Something that was made with a split.

    Attributes:
        kind: `run` or `prediction`.
        folder: where it was written, absolute.
        created: when, as an ISO time in UTC.
        there: whether the folder can be seen from here now.
    """

    kind: str
    folder: Path
    created: str
    there: bool

    def __str__(self) -> str:
        seen = "" if self.there else ", not to be seen from here"
        return f"{self.kind} {self.folder} ({self.created[:10]}{seen})"


def split_fingerprint(exams: pl.DataFrame, column: str = "split") -> str | None:
    """Fingerprint of which exam is in which part, whatever the order of the rows; None where nothing is split."""
    if column not in exams.columns or exams[column].null_count() == exams.height:
        return None
    rows = exams.select("exam_id", pl.col(column).cast(pl.String)).drop_nulls().sort("exam_id")
    return fingerprint(*(f"{exam}\n{part}" for exam, part in rows.iter_rows()))


def record_use(dataset: Path, kind: str, folder: Path, column: str = "split") -> bool:
    """Note in a dataset that a run or prediction depends on its split.

    Args:
        dataset: its folder.
        kind: `run` or `prediction`.
        folder: of the run or prediction.
        column: of the split: `split`, or `fold`.

    Returns:
        Whether there is a note now: not where nothing is split, and not where the dataset cannot be
        written to (whoever may not write there cannot split it anew either).
    """
    made_with = split_fingerprint(read_table(dataset, EXAMS)[0], column)
    if made_with is None:
        return False
    folder, path = folder.resolve(), _note_of(dataset, folder)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    note = {"kind": kind, "folder": str(folder), "column": column, "split_fingerprint": made_with, "created": now}
    try:
        if path.exists() and all(read_toml(path).get(key) == note[key] for key in note if key != "created"):
            return True
        write_toml(path, note)
    except OSError:
        return False
    return True


def forget_use(dataset: Path, folder: Path) -> None:
    """Take a note back, as of a run that ended before it read anything."""
    with contextlib.suppress(OSError):
        _note_of(dataset, folder).unlink(missing_ok=True)


def _note_of(dataset: Path, folder: Path) -> Path:
    folder = folder.resolve()
    name = re.sub(r"[^A-Za-z0-9._-]", "_", folder.name)[:60]
    return dataset / USES / f"{name}-{fingerprint(str(folder))[:8]}.toml"


def uses_of_split(dataset: Path, exams: pl.DataFrame, column: str = "split") -> list[Use]:
    """What was made with the split as it is now, the oldest first.

    Notes of an earlier split, replaced or edited since, do not count.
    """
    now = split_fingerprint(exams, column)
    uses = []
    for path in sorted((dataset / USES).glob("*.toml")):
        note = {"column": "split", **read_toml(path)}
        if now is not None and note["column"] == column and note.get("split_fingerprint") == now:
            folder = Path(str(note.get("folder", "")))
            uses.append(Use(str(note.get("kind", "use")), folder, str(note.get("created", "")), folder.is_dir()))
    return sorted(uses, key=lambda use: (use.created, str(use.folder)))
