"""Reading what another program wrote of exams, believing nothing of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from cadkit.data import Exam
from cadkit.errors import InputError
from cadkit.plugin import BreastPrediction, ExamPrediction, ImagePrediction, Marks, Skipped
from cadkit.plugin.contract import Frame
from cadkit.prediction.columns import BOX, ID_COLUMNS, LEVELS
from cadkit.prediction.folder import Predictions
from cadkit.prediction.handing import Sizes
from cadkit.prediction.journal import Failed

SILENT = "the program gave no prediction of it"
_UNPREPARED = "the image could not be prepared"
_TABLES = ("images", "breasts", "exams", "marks", "skipped")
_LARGEST = 64 << 20
_MOST_ROWS = 2_000_000
_LONGEST_LINE = 1 << 20
Row = Mapping[str, Any]


class _Answered(Predictions):
    """The tables of a folder, of which only scores of known labels are used."""

    def __init__(self, folder: Path, labels: Sequence[str]) -> None:
        super().__init__(folder, {})
        self.known = tuple(labels)

    def _is_score(self, column: str) -> bool:
        return column in self.known or ("." in column and column.rpartition(".")[2] in self.known)

    def _used(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(c for c in frame.columns if c in ID_COLUMNS or self._is_score(c))

    def rows(self, level: str) -> list[tuple[int, dict[str, Any]]]:
        """Numbered rows of a level, each with a score of every label."""
        frame = self.scores(level)
        if missing := [label for label in self.known if label not in frame.columns]:
            raise InputError(f"the column {missing[0]} is missing", file=self.file_of(level).name, row="header")
        return list(enumerate(frame.iter_rows(named=True), start=1))


def read_answers(
    folder: Path, exams: Sequence[Exam], labels: Sequence[str], sizes: Sizes, frame: Frame
) -> list[ExamPrediction | Skipped]:
    """The answers for some exams, in their order.

    An exam that the program neither scored nor skipped is `Failed`.

    Args:
        folder: with images, breasts or exams as .csv or .parquet, and marks, skipped.csv where there are any.
        exams: that were handed over.
        labels: of which every row has a score.
        sizes: rows and columns of every picture that was handed over.
        frame: of the coordinates of marks.

    Raises:
        InputError: a table is not what it must be: an id that was not handed over, a score that is no finite number, a
            mark outside its picture. Names the table, row and value.
    """
    try:
        return _read(folder, exams, labels, sizes, frame)
    except InputError as error:
        raise InputError(str(error).replace(f"{folder}/", "")) from None  # the folder is gone when this is read
    except (pl.exceptions.PanicException, pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise InputError(f"its tables cannot be read: {type(error).__name__}") from None


def _read(
    folder: Path, exams: Sequence[Exam], labels: Sequence[str], sizes: Sizes, frame: Frame
) -> list[ExamPrediction | Skipped]:
    if folder.is_symlink():
        raise InputError("the folder for the answers was replaced by a link")
    if not folder.is_dir():
        raise InputError("the folder for the answers is gone")
    for path in folder.iterdir():
        if path.stem in _TABLES and path.suffix in (".csv", ".parquet"):
            _refuse_strange(path)
    tables = _Answered(folder, labels)
    skipped = _skipped(tables, exams)
    if not any(tables.has(level) for level in LEVELS) and not skipped:
        raise InputError("wrote none of images.csv, breasts.csv and exams.csv (nor .parquet)")
    found = {level: dict(_units(tables, level, exams, sizes)) for level in LEVELS if tables.has(level)}
    marks = _marks(tables, labels, sizes)
    if marks and (bare := [image for image in marks if image not in found.get("image", {})]):
        raise InputError(
            "a mark is in an image without a score", file="marks.csv", value=bare[0],
            mend="Score every image in images.csv.",
        )  # fmt: skip
    return [_answer(exam, found, marks, skipped, labels, frame) for exam in exams]


def _refuse_strange(path: Path) -> None:
    """Refuse what would lead elsewhere, or take long or much memory to read."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
        raise InputError(f"a link, no file, or one of more than {_LARGEST >> 20} MiB", file=path.name)
    if path.suffix == ".parquet":
        try:
            rows = pl.scan_parquet(path).select(pl.len()).collect().item()
        except pl.exceptions.PolarsError as error:
            raise InputError(f"cannot be read: {str(error).splitlines()[0]}", file=path.name) from None
        if rows > _MOST_ROWS:
            raise InputError(f"more than {_MOST_ROWS} rows", file=path.name, value=rows)
        return
    with path.open("rb") as file:
        while part := file.read(_LONGEST_LINE):
            if b"\0" in part:
                raise InputError("this is no text in UTF-8", file=path.name, mend="Save it as CSV in UTF-8.")
            if len(part) == _LONGEST_LINE and b"\n" not in part:
                raise InputError(f"a line of more than {_LONGEST_LINE >> 20} MiB", file=path.name)


def _units(tables: _Answered, level: str, exams: Sequence[Exam], sizes: Sizes) -> Iterator[tuple[Any, Row]]:
    handed: dict[str, set[Any]] = {
        "image": set(sizes),
        "breast": {(exam.id, side) for exam in exams for side in exam.breasts},
        "exam": {exam.id for exam in exams},
    }
    for number, row in tables.rows(level):
        unit = tuple(row[key] for key in LEVELS[level])
        name = unit[0] if len(unit) == 1 else unit
        if name not in handed[level]:
            raise InputError(f"this {level} was not handed over", file=tables.file_of(level).name, row=number,
                             value="/".join(unit))  # fmt: skip
        yield name, row


def _skipped(tables: Predictions, exams: Sequence[Exam]) -> dict[tuple[str, str], str]:
    """Reasons by level and id; ids of breasts are `<exam_id>/<side>`."""
    known = {("exam", exam.id) for exam in exams}
    known |= {("breast", breast.id) for exam in exams for breast in exam.breasts.values()}
    known |= {("image", image.id) for exam in exams for image in exam.images}
    found = {}
    for number, (level, unit, reason) in enumerate(tables.skipped().iter_rows(), start=1):
        if (level, unit) not in known:
            raise InputError("this was not handed over", file="skipped.csv", row=number, value=f"{level} {unit}")
        found[level, unit] = one_line(reason, 300) or "the program skipped it"
    return found


def one_line(text: str, most: int) -> str:
    """A stranger's text without line breaks or signs that a terminal would obey, cut to a length."""
    return "".join(c if c.isprintable() else " " for c in text[:most]).strip()


def _marks(tables: Predictions, labels: Sequence[str], sizes: Sizes) -> dict[str, Marks]:
    frame = tables.marks()
    name = tables.file_of("marks").name
    if len(labels) == 1:
        frame = frame.with_columns(pl.col("label").fill_null(labels[0]))
    by_image: dict[str, list[dict[str, Any]]] = {}
    for number, row in enumerate(frame.iter_rows(named=True), start=1):
        image, label = row["image_id"], row["label"]
        if image not in sizes:
            raise InputError("this image was not handed over", file=name, row=number, value=image)
        if label not in labels:
            raise InputError("no such label", file=name, row=number, value=label, mend=f"Labels: {', '.join(labels)}.")
        rows, columns = sizes[image]
        across = [row[c] for c in ("x", "x0", "x1") if row[c] is not None]
        down = [row[c] for c in ("y", "y0", "y1") if row[c] is not None]
        if min(across) < 0 or max(across) > columns or min(down) < 0 or max(down) > rows:
            place = tuple(row[c] for c in ("x", "y", *BOX) if row[c] is not None)
            raise InputError(
                f"the mark lies outside its picture of {columns} x {rows}", file=name, row=number, value=place
            )
        by_image.setdefault(image, []).append(row)
        if (row["x0"] is None) != (by_image[image][0]["x0"] is None):
            raise InputError("of an image's marks all have a box or none", file=name, row=number, value=image)
    return {image: _as_marks(rows, labels) for image, rows in by_image.items()}


def _as_marks(rows: Sequence[Row], labels: Sequence[str]) -> Marks:
    boxed = rows[0]["x0"] is not None
    return Marks(
        [row["score"] for row in rows],
        [(row["x"], row["y"]) for row in rows],
        [[row[c] for c in BOX] for row in rows] if boxed else None,
        [labels.index(row["label"]) for row in rows],
    )


def _scores(row: Row, labels: Sequence[str]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    extra: dict[str, dict[str, float]] = {}
    for column, value in row.items():
        if "." in column and value is not None:
            name, _, label = column.rpartition(".")
            extra.setdefault(name, {})[label] = value
    return {label: row[label] for label in labels}, extra


def _answer(
    exam: Exam,
    found: Mapping[str, Mapping[Any, Row]],
    marks: Mapping[str, Marks],
    skipped: Mapping[tuple[str, str], str],
    labels: Sequence[str],
    frame: Frame,
) -> ExamPrediction | Skipped:
    if reason := skipped.get(("exam", exam.id)):
        return Skipped(reason)
    images: dict[str, ImagePrediction | Skipped] = {}
    for image in exam.images:
        if reason := skipped.get(("image", image.id)):
            images[image.id] = Skipped(reason)
        elif row := found.get("image", {}).get(image.id):
            images[image.id] = ImagePrediction(*_scores(row, labels), marks=marks.get(image.id), frame=frame)
        elif exam.lacks_pixels(image.id):
            images[image.id] = Skipped(_UNPREPARED)
        elif "image" in found:
            images[image.id] = Skipped(SILENT)
    breasts: dict[str, BreastPrediction | Skipped] = {}
    for side, breast in exam.breasts.items():
        if reason := skipped.get(("breast", breast.id)):
            breasts[side] = Skipped(reason)
        elif row := found.get("breast", {}).get((exam.id, side)):
            breasts[side] = BreastPrediction(*_scores(row, labels))
    whole = found.get("exam", {}).get(exam.id)
    scored = whole or any(not isinstance(one, Skipped) for one in (*images.values(), *breasts.values()))
    if not scored:
        return _unanswered(exam, skipped)
    scores, extra = _scores(whole, labels) if whole else (None, {})
    return ExamPrediction(scores, extra, images=images, breasts=breasts)


def _unanswered(exam: Exam, skipped: Mapping[tuple[str, str], str]) -> Skipped:
    """Of an exam without a score: skipped where each image, or its breast, was skipped; else the program failed."""
    reasons = [
        skipped.get(("image", image.id))
        or skipped.get(("breast", exam.breasts[image.side].id))
        or (_UNPREPARED if exam.lacks_pixels(image.id) else "")
        for image in exam.images
    ]
    return Skipped(reasons[0]) if reasons and all(reasons) else Failed(SILENT)
