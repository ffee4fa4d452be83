"""The tables of a dataset: their columns, reading and writing (docs/formats.md, "A dataset").

A dataset is a folder of CSV files that people can open and edit. Every reader of a table goes
through `read_table`, so that a wrong value is reported with its file, row and mend, and all of them
at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from cadkit.data.csv_lines import refuse_ragged
from cadkit.errors import InputError, Problem
from cadkit.files import atomic, fingerprint, read_toml, write_toml

SIDES = ("L", "R")
SHAPES = ("box", "circle", "polygon", "mask", "point")
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Table:
    """Columns of one table: those it must have, the types of those it may have, and its key.

    Columns that are not named here are kept: numbers as numbers where every value is one, else text.
    """

    file: str
    required: tuple[str, ...]
    key: tuple[str, ...]
    types: Mapping[str, type[pl.DataType]] = field(default_factory=dict)


EXAMS = Table(
    "exams.csv",
    required=("exam_id", "patient_id"),
    key=("exam_id",),
    types={
        "exam_id": pl.String,
        "patient_id": pl.String,
        "date": pl.Date,
        "age": pl.Float64,
        "density": pl.String,
        "birads": pl.String,
        "split": pl.String,
        "horizontal_flip": pl.Int64,
    },
)
BREASTS = Table(
    "breasts.csv",
    required=("exam_id", "side"),
    key=("exam_id", "side"),
    types={"exam_id": pl.String, "side": pl.String, "biopsied": pl.Int64, "interval_cancer": pl.Int64},
)
IMAGES = Table(
    "images.csv",
    required=("image_id", "exam_id", "side", "view"),
    key=("image_id",),
    types={
        "image_id": pl.String,
        "exam_id": pl.String,
        "side": pl.String,
        "view": pl.String,
        "file": pl.String,
        "frame": pl.Int64,
        "rows": pl.Int64,
        "columns": pl.Int64,
        "bits": pl.Int64,
        "faces": pl.String,
        "pixel_spacing_mm": pl.Float64,
        "manufacturer": pl.String,
        "laterality_source": pl.String,
    },
)
FINDINGS = Table(
    "findings.csv",
    required=("finding_id", "image_id", "label", "shape"),
    key=("finding_id",),
    types={
        "finding_id": pl.String,
        "image_id": pl.String,
        "lesion_id": pl.String,
        "label": pl.String,
        "kind": pl.String,
        "shape": pl.String,
        "coordinates": pl.String,
        "mask": pl.String,
    },
)
SOURCES = Table(
    "sources.csv", required=("image_id", "path"), key=("image_id",), types={"image_id": pl.String, "path": pl.String}
)
TABLES = {"exams": EXAMS, "breasts": BREASTS, "images": IMAGES, "findings": FINDINGS, "sources": SOURCES}
PROBLEM_COLUMNS = ("step", "rule", "item", "file", "row", "value", "reason", "mend")


@dataclass(frozen=True)
class Meta:
    """What `dataset.toml` says.

    Attributes:
        name: of the dataset.
        labels: name of each label column and what a 1 means.
        licence: terms of use, or empty.
        source: where the images come from, or empty.
        created_by: the command that made it, or empty.
        sources_fingerprint: of the files that it was made from, or empty.
        settings: how it was made, as the maker chose to record it.
    """

    name: str
    labels: Mapping[str, str]
    licence: str = ""
    source: str = ""
    created_by: str = ""
    sources_fingerprint: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_meta(folder: Path) -> Meta:
    """Read `dataset.toml`.

    Raises:
        InputError: the folder or the file is missing, or a key is missing or of the wrong kind.
    """
    path = folder / "dataset.toml"
    if not folder.is_dir():
        raise InputError(
            "there is no such dataset folder",
            file=folder,
            mend="Make one with `cadkit phantom`, `cadkit import` or by hand.",
        )
    if not path.exists():
        raise InputError(
            "not a dataset: it holds no dataset.toml",
            file=folder,
            mend="Write one with `name` and a [labels] table, or import with `cadkit import`.",
        )
    content = read_toml(path)
    labels = content.get("labels")
    if isinstance(labels, list) and all(isinstance(name, str) for name in labels):
        labels = dict.fromkeys(labels, "")
    if not isinstance(labels, dict) or not labels:
        raise InputError(
            "the table [labels] is missing or empty",
            file=path,
            row="labels",
            mend='Add for instance `[labels]` and `malignant = "proven by biopsy"`.',
        )
    return Meta(
        name=str(content.get("name", folder.name)),
        labels={str(name): str(meaning) for name, meaning in labels.items()},
        licence=str(content.get("licence", "")),
        source=str(content.get("source", "")),
        created_by=str(content.get("created_by", "")),
        sources_fingerprint=str(content.get("sources_fingerprint", "")),
        settings=content.get("settings", {}),
    )


def write_meta(folder: Path, meta: Meta) -> None:
    """Write `dataset.toml`."""
    write_toml(
        folder / "dataset.toml",
        {
            "name": meta.name,
            "licence": meta.licence or None,
            "source": meta.source or None,
            "created_by": meta.created_by or None,
            "sources_fingerprint": meta.sources_fingerprint or None,
            "labels": dict(meta.labels),
            "settings": dict(meta.settings) or None,
        },
    )


def read_table(folder: Path, table: Table, labels: Iterable[str] = ()) -> tuple[pl.DataFrame, list[Problem]]:
    """Read one table, every wrong value a `Problem`.

    Args:
        folder: of the dataset.
        table: which one.
        labels: names of the 0/1 columns, which are read as such from breasts and exams.

    Returns:
        The table (an empty one with the required columns if the file is missing and may be) and the
        problems found: missing required columns, values of the wrong type, empty or repeated keys.
    """
    path = folder / table.file
    if not path.exists():
        empty = pl.DataFrame(schema=dict.fromkeys(table.required, pl.String))
        return empty, []
    refuse_ragged(path, table.file)
    try:
        raw = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.NoDataError:
        raw = pl.DataFrame()
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        first_line = str(error).splitlines()[0]
        raise InputError(f"not a readable CSV file: {first_line}", file=table.file) from None
    if repeated := _repeated(raw.columns):
        raise InputError("two columns have one name", file=table.file, value=repeated, mend="Rename one of them.")
    raw = raw.rename({name: name.strip() for name in raw.columns}).with_columns(
        pl.all().str.strip_chars().replace("", None)
    )
    problems = [
        Problem("missing-column", f"the column {name} is missing", table.file, mend=f"Add the column {name}.")
        for name in table.required
        if name not in raw.columns
    ]
    raw = raw.with_columns(pl.lit(None, pl.String).alias(n) for n in table.required if n not in raw.columns)
    columns = []
    for name in raw.columns:
        if name in labels:
            column, wrong = _label(raw[name], table.file)
        elif name in table.types:
            column, wrong = _typed(raw[name], table.types[name], table.file)
        else:
            column, wrong = _free(raw[name]), []
        columns.append(column)
        problems += wrong
    frame = pl.DataFrame(columns)
    return frame, problems + ([] if problems else _keys(frame, table))


def _repeated(names: Sequence[str]) -> str:
    """The first column name that comes twice (the reader has renamed it then), or nothing."""
    seen: set[str] = set()
    for name in names:
        plain = re.sub(r"_duplicated_\d+$", "", name).strip()
        if plain in seen:
            return plain
        seen.add(plain)
    return ""


def _label(column: pl.Series, file: str) -> tuple[pl.Series, list[Problem]]:
    known = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
    wrong = [
        Problem(
            "label-not-0-or-1",
            f"{column.name} is neither 0, 1 nor empty",
            file,
            row,
            str(value),
            "Write 1 for present, 0 for absent, nothing for unknown.",
        )
        for row, value in enumerate(column, start=1)
        if value is not None and value not in known
    ]
    return column.replace_strict(known, default=None, return_dtype=pl.Int8), wrong


def _typed(column: pl.Series, kind: type[pl.DataType], file: str) -> tuple[pl.Series, list[Problem]]:
    if kind is pl.String:
        return column, []
    if kind is pl.Date:
        cast = column.str.to_date("%Y-%m-%d", strict=False)
        expected = "a date such as 2021-03-28"
    elif kind is pl.Int64:
        cast = column.cast(pl.Float64, strict=False)
        whole = [int(v) if v is not None and math.isfinite(v) and v == int(v) else None for v in cast]
        cast = pl.Series(column.name, whole, dtype=pl.Int64)
        expected = "a whole number"
    else:
        cast = column.cast(kind, strict=False)
        cast = pl.Series(column.name, [v if v is not None and math.isfinite(v) else None for v in cast], dtype=kind)
        expected = "a number"
    wrong = [
        Problem(
            "wrong-type", f"{column.name} is not {expected}", file, row, str(value), f"Write {expected} or nothing."
        )
        for row, (value, number) in enumerate(zip(column, cast, strict=True), start=1)
        if value is not None and number is None
    ]
    return cast.alias(column.name), wrong


def _free(column: pl.Series) -> pl.Series:
    for kind in (pl.Int64, pl.Float64):
        cast = column.cast(kind, strict=False)
        if cast.null_count() == column.null_count():
            return cast
    return column


def _keys(frame: pl.DataFrame, table: Table) -> list[Problem]:
    problems = []
    seen: dict[tuple[Any, ...], int] = {}
    for row, key in enumerate(frame.select(table.key).iter_rows(), start=1):
        name = " ".join(str(part) for part in key)
        if any(part is None for part in key):
            problems.append(
                Problem("empty-key", f"{' and '.join(table.key)} must be filled", table.file, row, mend="Fill it in.")
            )
        elif key in seen:
            problems.append(
                Problem(
                    "duplicate-key",
                    f"{' and '.join(table.key)} stands in row {seen[key]} already",
                    table.file,
                    row,
                    name,
                    "Remove one of the two rows.",
                )
            )
        else:
            seen[key] = row
    return problems


def write_table(path: Path, frame: pl.DataFrame) -> None:
    """Write a table atomically as CSV; floats with up to 10 significant digits, null as nothing."""
    with atomic(path) as part:
        frame.write_csv(part, date_format="%Y-%m-%d")


def write_tables(
    folder: Path,
    meta: Meta,
    *,
    exams: pl.DataFrame,
    breasts: pl.DataFrame,
    images: pl.DataFrame,
    findings: pl.DataFrame | None = None,
    sources: pl.DataFrame | None = None,
) -> None:
    """Write a whole dataset; `dataset.toml` comes last, so that a folder with it is complete.

    `sources.csv`, the only table that may show an identity, is made readable by its owner alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / EXAMS.file, exams)
    write_table(folder / BREASTS.file, breasts)
    write_table(folder / IMAGES.file, images)
    if findings is not None:
        write_table(folder / FINDINGS.file, findings)
    if sources is not None:
        write_sources(folder, sources)
    write_meta(folder, meta)


def write_sources(folder: Path, sources: pl.DataFrame) -> None:
    """Write sources.csv, readable by its owner alone."""
    with atomic(folder / SOURCES.file) as part:
        part.touch(mode=0o600)
        sources.write_csv(part)


def read_problems(folder: Path) -> pl.DataFrame:
    """The rows of `problems.csv`, all columns text; empty where there is none.

    Raises:
        InputError: somebody edited it, and it cannot be read any more.
    """
    path = folder / "problems.csv"
    if not path.exists():
        return pl.DataFrame(schema=dict.fromkeys(PROBLEM_COLUMNS, pl.String))
    mend = "Delete the file; the next import or prepare writes its own rows anew."
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        raise InputError("not a readable CSV file", file=path, mend=mend) from None
    if missing := [name for name in PROBLEM_COLUMNS if name not in table.columns]:
        raise InputError("a column is missing", file=path, value=missing[0], mend=mend)
    return table


def write_problems(folder: Path, step: str, problems: Iterable[Problem]) -> None:
    """Set the rows of one step (`import`, `prepare`, ...) in `problems.csv`; other steps' rows stay.

    A problem must not show an identity: files are named by their id in `sources.csv`.
    """
    rows = [{"step": step, **{k: None if v in ("", None) else str(v) for k, v in p.as_row().items()}} for p in problems]
    new = pl.DataFrame(rows, schema=dict.fromkeys(PROBLEM_COLUMNS, pl.String))
    kept = read_problems(folder).filter(pl.col("step") != step)
    merged = pl.concat([kept.select(PROBLEM_COLUMNS), new])
    if merged.height or (folder / "problems.csv").exists():
        write_table(folder / "problems.csv", merged)


def dataset_fingerprint(folder: Path) -> str:
    """Fingerprint of what a dataset says: its tables, not the problems, sources or pixels."""
    names = ("dataset.toml", EXAMS.file, BREASTS.file, IMAGES.file, FINDINGS.file)
    return fingerprint(*((folder / name).read_bytes() if (folder / name).exists() else b"" for name in names))
