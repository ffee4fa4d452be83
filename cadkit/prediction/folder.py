"""Prediction folders: what a model said of every exam, at every level (docs/formats.md, "Predictions").

    predictions/<name>/
      prediction.toml    model, run, dataset fingerprint, pooling, settings, complete or not
      images.parquet     image_id, exam_id, a column per label, further scores as <name>.<label>
      breasts.parquet    exam_id, side, ...
      exams.parquet      exam_id, ...
      marks.parquet      image_id, label, x, y, x0, y0, x1, y1, score
      rois.parquet       image_id, x, y, x0, y0, x1, y1, attention
      saliency/          a small compressed array per image, with its window in the file's frame
      skipped.csv        level, id, reason

CSV files of the same columns are read as well, so that any program can write a prediction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cadkit.data.csv_lines import refuse_ragged
from cadkit.errors import InputError
from cadkit.files import atomic, fingerprint, read_toml, safe_name
from cadkit.prediction.columns import BOX, FILES, ID_COLUMNS, LEVELS, MARK_COLUMNS, ROI_COLUMNS, SKIPPED_COLUMNS
from cadkit.prediction.frames import FileSaliency
from cadkit.prediction.naming import title_of


class Predictions:
    """A prediction folder, read.

    Attributes:
        folder: where it lies.
        record: what prediction.toml says; {} where somebody else's program wrote none.
    """

    absent = ""
    """Why an exam that is neither scored nor listed as skipped has no answer; empty where that is a fault."""

    called = ""
    """The name that a person gave it; empty where none did."""

    was_complete = False
    """Whether it was complete before it was asked for, so that nothing was written."""

    notes: tuple[str, ...] = ()
    """What whoever asked for it should know of it."""

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self.folder, self.record = folder, dict(record)
        self._tables: dict[str, pl.DataFrame] = {}

    @classmethod
    def open(cls, folder: str | Path) -> Predictions:
        """Read a prediction folder.

        Raises:
            InputError: it holds no predictions, or is not complete.
        """
        folder = Path(folder)
        path = folder / "prediction.toml"
        record = read_toml(path) if path.exists() else {}
        made = cls(folder, record)
        if record.get("complete") is False:
            raise InputError(
                "the prediction was not finished",
                file=folder,
                mend=f"Type the same `cadkit predict` again (with --out {folder}); it goes on where it stopped.",
            )
        if not any(made.has(level) for level in LEVELS):
            raise InputError(
                "no predictions lie here: neither images, breasts nor exams as .parquet or .csv", file=folder
            )
        return made

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.resolve().name

    @property
    def title(self) -> str:
        """What it is called: as a person named it, else by `cadkit.prediction.naming`."""
        return self.called or title_of(self.record, self.name)

    @property
    def probability(self) -> bool:
        """Whether the scores are probabilities."""
        return bool(self.record.get("scores") == "probability")

    @property
    def localizes(self) -> str:
        """What an FROC is made of: `marks`, `saliency` or nothing."""
        if "localizes" in self.record:
            return str(self.record["localizes"])
        if self._path("marks"):
            return "marks"
        return "saliency" if self.has_saliency else ""

    def has(self, level: str) -> bool:
        """Whether there is a table of `image`, `breast` or `exam`."""
        return self._path(FILES[level]) is not None

    def file_of(self, level: str) -> Path:
        """The file of the scores of a level, or of `marks`; the folder where there is none."""
        return self._path(FILES.get(level, level)) or self.folder

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Labels that are scored."""
        if "labels" in self.record:
            return tuple(self.record["labels"])
        for level in LEVELS:
            if self._path(FILES[level]):
                columns = self.scores(level).columns
                return tuple(c for c in columns if c not in ID_COLUMNS and "." not in c)
        return ()

    @cached_property
    def fingerprint(self) -> str:
        """Fingerprint of the scores, marks and regions of interest."""
        names = [*FILES.values(), "marks", "rois"]
        return fingerprint(*(path.read_bytes() for name in names if (path := self._path(name))))

    def _path(self, name: str) -> Path | None:
        for ending in (".parquet", ".csv"):
            if (path := self.folder / (name + ending)).exists():
                return path
        return None

    def scores(self, level: str) -> pl.DataFrame:
        """The scores of one level: its ids and a float column per score.

        A further score (`<name>.<label>`) may be null where the model did not give it.

        Raises:
            InputError: the level is not there, or scores nothing; a score is not a number or not
                finite; an id is empty or stands twice. The message names file, row and value.
        """
        if level not in self._tables:
            self._tables[level] = self._scores(level)
        return self._tables[level]

    def _scores(self, level: str) -> pl.DataFrame:
        path = self._path(FILES[level])
        if path is None:
            raise InputError(f"the prediction has no {FILES[level]}", file=self.folder)
        frame = self._used(read_table(path))
        keys = LEVELS[level]
        for key in keys:
            if key not in frame.columns:
                raise InputError(f"the column {key} is missing", file=path, row="header")
        frame = frame.with_columns(pl.col(c).cast(pl.String) for c in ID_COLUMNS if c in frame.columns)
        scores = [c for c in frame.columns if c not in ID_COLUMNS]
        if not scores:
            raise InputError("there is no column of scores", file=path, row="header", mend="Add one for each label.")
        frame = _numbers(frame, [c for c in scores if "." not in c], path)
        frame = _numbers(frame, [c for c in scores if "." in c], path, may_be_empty=True)
        empty = frame.select(pl.any_horizontal(pl.col(k).is_null() for k in keys)).to_series()
        if empty.any():
            raise InputError(f"{' and '.join(keys)} must be filled", file=path, row=int(empty.arg_true()[0]) + 1)
        again = ~frame.select(pl.struct(keys).is_first_distinct()).to_series()
        if again.any():
            row = int(again.arg_true()[0])
            unit = frame.select(keys).row(row)
            first = frame.select(keys).rows().index(unit) + 1
            raise InputError(
                f"the same id stands twice, first in row {first}", file=path, row=row + 1, value="/".join(unit),
                mend="Keep one score of each.",
            )  # fmt: skip
        return frame

    def _used(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The columns of a table that are ids or scores: here all of them."""
        return frame

    def marks(self) -> pl.DataFrame:
        """The marks in the file's frame; an empty table where there are none."""
        return self._marks

    @cached_property
    def _marks(self) -> pl.DataFrame:
        return self._points("marks", MARK_COLUMNS, "score")

    def rois(self) -> pl.DataFrame:
        """The regions of interest in the file's frame; an empty table where there are none."""
        return self._points("rois", ROI_COLUMNS, "attention")

    def _points(self, name: str, columns: tuple[str, ...], score: str) -> pl.DataFrame:
        path = self._path(name)
        if path is None:
            kinds = {c: pl.String if c in ("image_id", "label") else pl.Float64 for c in columns}
            return pl.DataFrame(schema=kinds)
        frame = read_table(path)
        needed = [c for c in columns if c not in BOX]
        for column in needed:
            if column not in frame.columns:
                raise InputError(f"the column {column} is missing", file=path, row="header")
        frame = frame.with_columns(pl.col(c).cast(pl.String) for c in ("image_id", "label") if c in columns)
        frame = frame.with_columns(pl.lit(None, pl.Float64).alias(c) for c in columns if c not in frame.columns)
        frame = _numbers(frame, ["x", "y", score], path)
        return _boxes(_numbers(frame, list(BOX), path, may_be_empty=True), path).select(columns)

    def skipped(self) -> pl.DataFrame:
        """What has no scores: level, id, reason."""
        path = self.folder / "skipped.csv"
        if not path.exists():
            return pl.DataFrame(schema=dict.fromkeys(SKIPPED_COLUMNS, pl.String))
        frame = read_table(path)
        for column in SKIPPED_COLUMNS:
            if column not in frame.columns:
                raise InputError(f"the column {column} is missing", file=path, row="header")
        return frame.select(pl.col(SKIPPED_COLUMNS).fill_null(""))

    def saliency(self, image_id: str) -> FileSaliency | None:
        """The map of an image, or None where there is none."""
        path = saliency_path(self.folder, image_id)
        return read_saliency(path) if path.exists() else None

    @property
    def has_saliency(self) -> bool:
        """Whether maps were written."""
        return (self.folder / "saliency").is_dir()

    def __repr__(self) -> str:
        from cadkit.prediction.display import predictions_text

        return predictions_text(self)

    def _repr_html_(self) -> str:
        from cadkit import html
        from cadkit.prediction.display import predictions_html

        return html.shown(lambda: predictions_html(self))


def read_table(path: Path) -> pl.DataFrame:
    """A CSV (columns of text, empty cells null) or Parquet table.

    Raises:
        InputError: it cannot be read.
    """
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        refuse_ragged(path)
        frame = pl.read_csv(path, infer_schema=False)
        names = set(frame.columns)
        for name in frame.columns:
            first, again, _ = name.partition("_duplicated_")  # what polars calls the second column of a name
            if again and first in names:
                raise InputError(
                    "a column stands twice", file=path, row="header", value=first, mend="Keep one of them."
                )
        return frame.rename({name: name.strip() for name in frame.columns}).with_columns(
            pl.all().str.strip_chars().replace("", None)
        )
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise InputError(f"the table cannot be read: {str(error).splitlines()[0]}", file=path) from None


def _boxes(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """A mark has a whole box or none; the first other one is an error."""
    given = pl.sum_horizontal(pl.col(c).is_not_null().cast(pl.Int8) for c in BOX)
    turned = ((pl.col("x1") < pl.col("x0")) | (pl.col("y1") < pl.col("y0"))).fill_null(False)
    wrong = frame.select((given % 4 != 0) | turned).to_series()
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise InputError(
            "a box is x0, y0, x1, y1 with x0 <= x1 and y0 <= y1, or four empty fields",
            file=path,
            row=row + 1,
            value=frame.select(BOX).row(row),
        )
    return frame


def _numbers(frame: pl.DataFrame, columns: list[str], path: Path, may_be_empty: bool = False) -> pl.DataFrame:
    """Cast columns to float64; the first value that is not a finite number is an error."""
    for column in columns:
        cast = frame[column].cast(pl.Float64, strict=False)
        wrong = (cast.is_null() | ~cast.is_finite()).fill_null(True)
        if may_be_empty:
            wrong &= frame[column].is_not_null()
        if wrong.any():
            row = int(wrong.arg_true()[0]) + 1
            raise InputError(
                f"the column {column} must hold finite numbers; {int(wrong.sum())} of {len(wrong)} rows do not",
                file=path,
                row=row,
                value=frame[column][row - 1],
                mend="Write the score, or leave the row out: what is left out is counted as not answered.",
            )
        frame = frame.with_columns(cast.alias(column))
    return frame


def saliency_path(folder: Path, image_id: str) -> Path:
    """Where the map of an image lies; 256 folders keep each of them small."""
    shard = hashlib.blake2b(image_id.encode(), digest_size=1).hexdigest()
    return folder / "saliency" / shard / f"{safe_name(image_id)}.b2nd"


def write_saliency(path: Path, saliency: FileSaliency) -> None:
    """Write a map, compressed without loss."""
    import blosc2

    array = blosc2.asarray(saliency.values)
    array.schunk.vlmeta["window"] = json.dumps(saliency.window)
    if saliency.edges is not None:
        array.schunk.vlmeta["edges"] = json.dumps([e.tolist() for e in saliency.edges])
    with atomic(path) as part:
        part.write_bytes(array.to_cframe())


def read_saliency(path: Path) -> FileSaliency:
    """Read a map.

    Raises:
        InputError: the file is damaged.
    """
    import blosc2

    try:
        array = blosc2.ndarray_from_cframe(path.read_bytes(), copy=True)
        meta = array.schunk.vlmeta
        edges = json.loads(meta["edges"]) if "edges" in meta else None
        values = np.asarray(array[:], dtype=np.float32)
        window = tuple(json.loads(meta["window"]))
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"the saliency map is damaged: {error}", file=path, mend="Predict again.") from None
    return FileSaliency(values, window, None if edges is None else (np.array(edges[0]), np.array(edges[1])))
