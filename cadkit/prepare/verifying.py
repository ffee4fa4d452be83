"""Are the files and the store still what they were? Every checksum, read again in parallel.

Of a file: its SHA-256, as images.csv says it (column `sha256`, where somebody wrote one) and as
`store/index.csv` does. Of the store: each array is read whole and compared with its checksum, and what is
written inside it with its row of the index. Paths come from the tables, and from sources.csv, which no
answer shows: an image is named by its id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from cadkit.data.dataset import Dataset
from cadkit.data.tables import IMAGES, SOURCES, read_table
from cadkit.errors import InputError, Problem
from cadkit.files import inside, read_toml, sha256_of
from cadkit.prepare.arrays import Damaged, array_path, checksum, open_array, read_part, read_record
from cadkit.progress import track
from cadkit.tasks import run

_INDEX = "store/index.csv"


@dataclass(frozen=True)
class PixelReport:
    """What `verify_pixels` found.

    Attributes:
        folder: the dataset.
        files: files that were read and have a checksum.
        files_without_checksum: files that have none, so that nothing can be said of them.
        images_without_file: images that name no file.
        stored: images of the store that were read.
        images: of the dataset.
        store: `complete`, `unfinished` or `none`.
        problems: whatever is not as it was.
    """

    folder: Path
    files: int
    files_without_checksum: int
    images_without_file: int
    stored: int
    images: int
    store: str
    problems: tuple[Problem, ...]

    def as_row(self) -> dict[str, Any]:
        """The numbers, without the problems."""
        names = ("files", "files_without_checksum", "images_without_file", "stored", "images", "store")
        return {name: getattr(self, name) for name in names}

    def lines(self) -> list[str]:
        """What was verified and what could not be, as sentences."""
        said = [f"Files: {self.files:,} compared with their checksums."]
        if self.files_without_checksum:
            said.append(
                f"Files: {self.files_without_checksum:,} have no checksum yet; "
                f"`cadkit prepare {self.folder}` records one for each that it reads."
            )
        if self.images_without_file:
            said.append(f"Files: {self.images_without_file:,} images name none.")
        said.append(f"Store: {self.stored:,} of {self.images:,} images read and compared with their checksums.")
        if self.store != "complete":
            state = "there is none" if self.store == "none" else "preparing was not finished"
            said[-1] = f"Store: {state}; `cadkit prepare {self.folder}` makes it."
            said[-1] += f" {self.stored:,} images of it were compared." if self.stored else ""
        return said


@dataclass(frozen=True)
class _File:
    """A file with what tables say of it: (table, row, SHA-256)."""

    path: Path
    item: str
    said: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class _Array:
    """An image of the store with its row of the index, all text."""

    path: Path
    row: int
    index: Mapping[str, str]


def verify_pixels(folder: str | Path, *, workers: int | None = None, quiet: bool = False) -> PixelReport:
    """Read every file and every prepared image of a dataset, and compare them with their checksums.

    Args:
        folder: the dataset.
        workers: processes; None takes one per processor.
        quiet: show no progress.

    Returns:
        What was compared, and every problem: `missing-file`, `unreadable`, `file-changed`,
        `missing-array`, `damaged-array`, `array-changed`, `missing-index`, `empty-key`.

    Raises:
        InputError: it is no dataset, or sources.csv or the index of the store cannot be read.
        Failure: a worker was killed.
    """
    folder = Path(folder)
    data, _ = Dataset.read(folder)
    images = data.tables["images"]
    index, state, problems = _index(folder)
    files, unnamed, without = _files(folder, images, index)
    arrays = [
        _Array(array_path(folder / "store", row["image_id"]), number, row)
        for number, row in enumerate(index.iter_rows(named=True), start=1)
    ]
    tasks: Iterator[_File | _Array] = chain(files, arrays)
    outcomes = track(
        run(_verify, tasks, workers), "comparing files and prepared images", len(files) + len(arrays), quiet
    )
    problems += [problem for found in outcomes for problem in found]
    return PixelReport(folder, len(files), without, unnamed, len(arrays), images.height, state, tuple(problems))


def _index(folder: Path) -> tuple[pl.DataFrame, str, list[Problem]]:
    """The index of the store as text, the state of the store, and what is wrong with the index."""
    empty = pl.DataFrame(schema={"image_id": pl.String})
    state_file, path = folder / "store" / "store.toml", folder / "store" / "index.csv"
    if not state_file.is_file():
        return empty, "none", []
    state = "complete" if read_toml(state_file).get("complete") else "unfinished"
    mend = f"Type `cadkit prepare {folder}`; what is whole is kept."
    if not path.is_file():
        return empty, state, [Problem("missing-index", "the index of the store is not there", _INDEX, mend=mend)]
    try:
        index = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError(f"not a readable CSV file: {str(error).splitlines()[0]}", file=path, mend=mend) from None
    if missing := [name for name in ("image_id", "sha256", "pixels_checksum") if name not in index.columns]:
        raise InputError(f"the column {missing[0]} is missing", file=path, mend=mend)
    if index["image_id"].null_count():
        row = int(index["image_id"].is_null().arg_true()[0]) + 1
        index = index.filter(pl.col("image_id").is_not_null())
        return index, state, [Problem("empty-key", "the image_id is empty", _INDEX, row, mend=mend)]
    return index, state, []


def _files(folder: Path, images: pl.DataFrame, index: pl.DataFrame) -> tuple[list[_File], int, int]:
    """Every file that has a checksum, once; the numbers of images without a file and of files without a checksum."""
    sources, problems = read_table(folder, SOURCES)
    if problems:
        raise InputError(str(problems[0]))
    listed = dict(zip(sources["image_id"], sources["path"], strict=True))
    prepared: dict[str, tuple[int, str]] = {}
    if "sha256" in index.columns:
        rows = enumerate(index.select("image_id", "sha256").iter_rows(), start=1)
        prepared = {image: (row, sha256) for row, (image, sha256) in rows if sha256}
    said: dict[Path, dict[tuple[str, str], int]] = {}
    first: dict[Path, str] = {}
    unnamed = 0
    for row, image in enumerate(images.iter_rows(named=True), start=1):
        name = image["image_id"]
        if listed.get(name):
            path = folder / listed[name]
        elif image.get("file"):
            try:
                path = inside(folder, image["file"])
            except InputError:
                continue  # a problem of the tables, which their own check reports
        else:
            unnamed += 1
            continue
        first.setdefault(path, name)
        of_file = said.setdefault(path, {})
        if image.get("sha256"):
            of_file.setdefault((IMAGES.file, str(image["sha256"]).lower()), row)
        if name in prepared:
            in_index, sha256 = prepared[name]
            of_file.setdefault((_INDEX, sha256), in_index)
    files = [
        _File(path, first[path], tuple((table, row, sha256) for (table, sha256), row in of_file.items()))
        for path, of_file in said.items()
        if of_file
    ]
    return files, unnamed, len(said) - len(files)


def _verify(task: _File | _Array) -> list[Problem]:
    return _verify_file(task) if isinstance(task, _File) else _verify_array(task)


def _verify_file(task: _File) -> list[Problem]:
    table, row, _ = task.said[0]
    try:
        found = sha256_of(task.path)
    except FileNotFoundError:
        mend = "Put it back, or correct where the dataset looks for it."
        return [Problem("missing-file", "the file of the image is not there", table, row, mend=mend, item=task.item)]
    except OSError as error:
        reason = f"the file of the image cannot be read: {error.strerror}"
        return [Problem("unreadable", reason, table, row, mend="Fetch the file again.", item=task.item)]
    return [
        Problem(
            "file-changed",
            f"the file of image {task.item} is not the one whose SHA-256 was recorded",
            table,
            row,
            sha256,
            "Fetch the file again; or, if the new one is right, correct the table or prepare anew.",
            task.item,
        )
        for table, row, sha256 in task.said
        if sha256 != found
    ]


def _verify_array(task: _Array) -> list[Problem]:
    item = task.index["image_id"]

    def problem(rule: str, reason: str) -> list[Problem]:
        mend = "Remove its file from the store if it is there, and prepare again."
        return [Problem(rule, f"the prepared image {item} {reason}", _INDEX, task.row, mend=mend, item=item)]

    try:
        array = open_array(task.path)
        rows, columns = array.shape
        found = checksum(read_part(array, (0, rows, 0, columns)))
    except FileNotFoundError:
        return problem("missing-array", "is not in the store")
    except (Damaged, OSError, MemoryError) as error:
        return problem("damaged-array", f"cannot be read: {str(error).splitlines()[0] if str(error) else error!r}")
    if found != task.index["pixels_checksum"]:
        return problem("array-changed", "has other pixels than were written")
    record = read_record(task.path)
    inner = record.get("index") if record else None
    if not isinstance(inner, dict):
        return problem("damaged-array", "has lost what was written with its pixels")
    differs = [name for name, value in task.index.items() if (value or "") != _text(inner.get(name))]
    return problem("array-changed", f"differs from its row of the index in {', '.join(differs)}") if differs else []


def _text(value: Any) -> str:
    """A value as the index writes it."""
    return "" if value is None else str(value)
