"""A prediction folder from its first file to its last: begun, filled, and only at the end complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from cadkit.errors import InputError
from cadkit.files import atomic, read_toml, refuse_file, write_toml
from cadkit.prediction.columns import FILES, SKIPPED_COLUMNS
from cadkit.prediction.journal import JOURNAL

_KEYS = {"image": ("image_id", "exam_id"), "breast": ("exam_id", "side"), "exam": ("exam_id",)}


@dataclass(frozen=True)
class Tables:
    """What a prediction folder holds besides maps: scores by level, marks, regions of interest, what was skipped."""

    levels: Mapping[str, pl.DataFrame]
    marks: pl.DataFrame
    rois: pl.DataFrame
    skipped: pl.DataFrame


def differing(folder: Path, record: Mapping[str, Any], identity: Sequence[str]) -> list[str]:
    """Keys in which the prediction that a folder holds is another one; none where it holds none.

    Where nothing was answered yet there is none to hold: the model, its settings or the data were mended, perhaps.
    """
    path = folder / "prediction.toml"
    if not path.exists():
        return []
    old = read_toml(path)
    before, now = _without_paths(old), _without_paths(record)
    differs = [key for key in identity if before.get(key) != now.get(key)]
    return [] if _unanswered(folder, old) else differs


def _without_paths(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record without the settings of whose files it has the contents: where these lie plays no part."""
    files, settings = record.get("files") or {}, record.get("settings") or {}
    return {**record, "settings": {name: value for name, value in settings.items() if name not in files}}


def begin(folder: Path, record: Mapping[str, Any], identity: Sequence[str]) -> bool:
    """Whether the folder holds this very prediction, complete. Otherwise make it ready to go on.

    Args:
        folder: of the prediction.
        record: what prediction.toml will say.
        identity: keys of the record that must be as they were for the folder to be gone on with.

    Raises:
        InputError: the folder holds another prediction, or something else.
    """
    path = folder / "prediction.toml"
    if path.exists():
        if differs := differing(folder, record, identity):
            raise InputError(
                f"the folder holds another prediction (differs in {', '.join(differs)})",
                file=folder,
                mend="Give another folder with --out, or remove this one.",
            )
        old = read_toml(path)
        if old.get("complete") and not old.get("failed"):
            (folder / JOURNAL).unlink(missing_ok=True)  # a kill may have come just before it was removed
        elif _unanswered(folder, old):
            write_toml(path, {**record, "complete": False})  # with other settings than it was begun with, perhaps
        return bool(old.get("complete"))
    refuse_file(folder)
    if folder.exists() and any(not name.name.endswith(".part") for name in folder.iterdir()):
        raise InputError("the folder is not empty and holds no prediction", file=folder, mend="Give another --out.")
    write_toml(path, {**record, "complete": False})
    return False


def _unanswered(folder: Path, record: Mapping[str, Any]) -> bool:
    """Whether a prediction was begun and its model answered nothing."""
    journal = folder / JOURNAL
    empty = not journal.exists() or journal.stat().st_size == 0
    return record.get("complete") is False and empty and not (folder / "saliency").exists()


def finish(folder: Path, tables: Tables, record: Mapping[str, Any]) -> None:
    """Write the tables; the last file says that the prediction is complete.

    The journal stays where a program failed on some exams, for whoever asks about them again.
    """
    if (folder / "prediction.toml").exists() and read_toml(folder / "prediction.toml").get("complete"):
        write_toml(folder / "prediction.toml", {**record, "complete": False})  # until all tables are of one answer
    for level, table in tables.levels.items():
        _write_parquet(folder / f"{FILES[level]}.parquet", table)
    _write_parquet(folder / "marks.parquet", tables.marks)
    if tables.rois.height:
        _write_parquet(folder / "rois.parquet", tables.rois)
    with atomic(folder / "skipped.csv") as part:
        tables.skipped.write_csv(part)
    write_toml(folder / "prediction.toml", {**record, "complete": True})
    if not record.get("failed"):
        (folder / JOURNAL).unlink(missing_ok=True)


def scores_table(level: str, rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> pl.DataFrame:
    """Scores of a level from rows with its ids; further scores that some rows lack are null there."""
    schema: dict[str, Any] = {**dict.fromkeys(_KEYS[level], pl.String), **dict.fromkeys(labels, pl.Float64)}
    for row in rows:
        schema.update({name: pl.Float64 for name in row if name not in schema})
    return pl.DataFrame(rows, schema=schema, orient="row")


def places_table(rows: Sequence[Sequence[Any]], columns: tuple[str, ...]) -> pl.DataFrame:
    """Marks or regions of interest."""
    schema = {c: pl.String if c in ("image_id", "label") else pl.Float64 for c in columns}
    return pl.DataFrame(rows, schema=schema, orient="row")


def skipped_table(rows: Sequence[Sequence[str]]) -> pl.DataFrame:
    """(level, id, reason) of what has no scores."""
    return pl.DataFrame(rows, schema=dict.fromkeys(SKIPPED_COLUMNS, pl.String), orient="row")


def _write_parquet(path: Path, frame: pl.DataFrame) -> None:
    with atomic(path) as part:
        frame.write_parquet(part)
