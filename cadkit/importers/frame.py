"""What all importers share: their options, their report, and the rules of the folder they write to.

An importer reads a source and ends with `Target.write`. The folder is then a dataset, or still what
it was: a kill in between leaves a folder without `dataset.toml`, and the same command goes on.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import polars as pl

from cadkit.data.splits import Shares
from cadkit.data.tables import TABLES, Meta, read_problems, write_problems, write_tables
from cadkit.errors import InputError, Problem
from cadkit.files import fingerprint, read_toml, write_toml
from cadkit.tasks import Workers

STEP = "import"
_RECORD = ".import.toml"
_STAGE = ".import"
_META_FILE = "dataset.toml"
# dataset.toml is put in place last: a folder that holds it is complete.
_FILES = (*(table.file for table in TABLES.values()), _META_FILE)
NoSplit: TypeAlias = Literal["none"]
_ALWAYS_USED = ("workers", "quiet", "more")


@dataclass(frozen=True)
class Options:
    """What a person may ask of an importer; one that has no use for an option refuses it.

    Attributes:
        labels: a table of labels to join.
        findings: a table of findings to join.
        split: shares of train, validation and test, `none` for no split; None for the importer's own.
        seed: of whatever is done at random.
        keep_ids: keep patient ids instead of pseudonyms.
        shift_dates: move the dates of each patient by a number of days of her own.
        workers: processes; None for one per processor; or a cluster (`cadkit.tasks.run`).
        quiet: show no progress.
        more: options of a single importer by name.
    """

    labels: Path | None = None
    findings: Path | None = None
    split: Shares | NoSplit | None = None
    seed: int = 0
    keep_ids: bool = False
    shift_dates: bool = False
    workers: Workers = None
    quiet: bool = False
    more: Mapping[str, str] = field(default_factory=dict)

    def only(self, importer: str, *used: str, more: Iterable[str] = ()) -> None:
        """Refuse options that an importer would not heed.

        Args:
            importer: its name.
            used: names of the attributes that it heeds (`workers`, `quiet` are always allowed).
            more: names that it knows in `more`.

        Raises:
            InputError: another option was given; it is named.
        """
        for item in fields(self):
            if item.name in used or item.name in _ALWAYS_USED or getattr(self, item.name) == item.default:
                continue
            raise InputError(f"the importer {importer} has no use for the option {item.name}", mend="Leave it out.")
        known = tuple(more)
        for name in self.more:
            if name not in known:
                mend = f"It knows {', '.join(known)}." if known else "It knows none."
                raise InputError(f"the importer {importer} has no option of that name", value=name, mend=mend)


@dataclass(frozen=True)
class ImportReport:
    """What an import made.

    Attributes:
        target: the dataset's folder.
        exams, breasts, images, findings: rows of its tables.
        problems: number of rows of `problems.csv` by rule.
        unchanged: the folder held the same already, and nothing was written.
        notes: what else a person should be told, a line each.
    """

    target: Path
    exams: int
    breasts: int
    images: int
    findings: int
    problems: Mapping[str, int]
    unchanged: bool = False
    notes: tuple[str, ...] = ()

    @property
    def next_command(self) -> str:
        """What to type next."""
        return f"cadkit prepare {self.target}"

    def __str__(self) -> str:
        wrote = "is as it was" if self.unchanged else "was written"
        lines = [
            f"{self.target} {wrote}: {self.exams} exams, {self.breasts} breasts, {self.images} images, "
            f"{self.findings} findings"
        ]
        if self.problems:
            counts = ", ".join(f"{count} {rule}" for rule, count in sorted(self.problems.items()))
            lines.append(f"{self.target / 'problems.csv'}: {counts}")
        return "\n".join([*lines, *self.notes, f"Next: {self.next_command}"])


class Importer(Protocol):
    """What an entry point of the group `cadkit.importers` loads."""

    def __call__(self, source: Path, target: Path, options: Options) -> ImportReport:
        """Write the dataset `target` from `source`."""
        ...


@dataclass(frozen=True)
class Target:
    """The folder that an importer writes to, claimed before the long work begins.

    A hidden record, readable by its owner alone, says which importer wrote the folder, from which
    source, and the fingerprint of each table as written, so that no edit is ever overwritten.
    """

    folder: Path
    importer: str
    origin: str
    contents: str

    @classmethod
    def claim(cls, folder: Path, importer: str, source: Path, contents: str) -> Target:
        """Make sure that `folder` may be written.

        Args:
            folder: new, empty, or written by the same importer from the same source.
            importer: its name.
            source: where the data come from.
            contents: fingerprint of the source's contents; a source that was moved is known by it.

        Raises:
            InputError: the folder is not empty and holds something else, or one of its tables was
                edited since it was imported.
        """
        target = cls(folder, importer, fingerprint(str(source.resolve())), contents)
        if folder.exists() and not folder.is_dir():
            raise InputError("the dataset's folder is a file", file=folder, mend="Name another folder.")
        # A write that was killed before the record was in place leaves nothing but its temporary file.
        if not folder.exists() or all(path.name.startswith(f".{_RECORD}.") for path in folder.iterdir()):
            return target
        elsewhere = "Import into an empty or a new folder."
        if not (folder / _RECORD).exists():
            raise InputError("the folder is not empty, and no importer wrote it", file=folder, mend=elsewhere)
        record = read_toml(folder / _RECORD)
        if record.get("importer") != importer:
            other = record.get("importer")
            raise InputError("the folder was written by another importer", file=folder, value=other, mend=elsewhere)
        if record.get("origin") != target.origin and record.get("contents") != contents:
            raise InputError("the folder was imported from another source", file=folder, mend=elsewhere)
        for name, written in record.get("written", {}).items():
            path = folder / name
            if path.exists() and fingerprint(path.read_bytes()) != written:
                raise InputError(
                    "the file was edited since it was imported, and importing again would undo that",
                    file=path,
                    mend="Import into another folder, or delete the file to have it written anew.",
                )
        return target

    def begin(self) -> None:
        """Mark the folder as this importer's, so that files can be put into it before the tables."""
        if not (self.folder / _RECORD).exists():
            self._record({})

    def write(
        self,
        meta: Meta,
        problems: Iterable[Problem],
        *,
        exams: pl.DataFrame,
        breasts: pl.DataFrame,
        images: pl.DataFrame,
        findings: pl.DataFrame,
        sources: pl.DataFrame | None = None,
    ) -> ImportReport:
        """Write the tables, `dataset.toml` last; where they are as they were, nothing is touched."""
        stage = self.folder / _STAGE
        shutil.rmtree(stage, ignore_errors=True)
        self.begin()
        write_tables(stage, meta, exams=exams, breasts=breasts, images=images, findings=findings, sources=sources)
        unchanged = all(_same(stage / name, self.folder / name) for name in _FILES)
        if not unchanged:
            self._record({})
            (self.folder / _META_FILE).unlink(missing_ok=True)
        problems = list(problems)
        write_problems(self.folder, STEP, problems)
        if not unchanged:
            for name in _FILES:
                if (stage / name).exists():
                    os.replace(stage / name, self.folder / name)
                else:
                    (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(stage)
        here = (name for name in _FILES if (self.folder / name).exists())
        self._record({name: fingerprint((self.folder / name).read_bytes()) for name in here})
        counts = Counter(read_problems(self.folder)["rule"].to_list())
        return ImportReport(
            self.folder, exams.height, breasts.height, images.height, findings.height, dict(counts), unchanged
        )

    def _record(self, written: Mapping[str, str]) -> None:
        path = self.folder / _RECORD
        write_toml(
            path,
            {"importer": self.importer, "origin": self.origin, "contents": self.contents, "written": dict(written)},
        )
        path.chmod(0o600)


def _same(one: Path, other: Path) -> bool:
    if not one.exists() or not other.exists():
        return one.exists() == other.exists()
    return one.read_bytes() == other.read_bytes()
