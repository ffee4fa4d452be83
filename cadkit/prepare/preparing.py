"""Preparing a dataset: every image of its tables into the store, only what is missing or changed."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cadkit import __version__
from cadkit.data.dataset import Dataset
from cadkit.data.tables import write_problems
from cadkit.errors import Failure, InputError, Problem
from cadkit.files import atomic, write_toml
from cadkit.prepare.arrays import array_path
from cadkit.prepare.crop import Faces, direction
from cadkit.prepare.image import INDEX, Task, prepare_image
from cadkit.prepare.originals import file_of, sources_of
from cadkit.prepare.recipe import RECIPE, recipe_fingerprint
from cadkit.progress import track
from cadkit.tasks import Workers, run

_ROW = ("frame", "bits", "rows", "columns", "pixel_spacing_mm")


@dataclass(frozen=True)
class PrepareReport:
    """What `prepare` did.

    Attributes:
        folder: the dataset.
        done: images that were prepared now.
        kept: images that were there already.
        failed: images that could not be prepared.
        without_file: images that name no file.
        problems: what failed or is doubtful; also in problems.csv.
    """

    folder: Path
    done: int
    kept: int
    failed: int
    without_file: int
    problems: tuple[Problem, ...]

    @property
    def store(self) -> Path:
        """Where the prepared images are."""
        return self.folder / "store"

    def __str__(self) -> str:
        parts = [f"{self.done} prepared", f"{self.kept} kept"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.without_file} without a file"] if self.without_file else []
        said = f" {len(self.problems)} problem(s) in {self.folder / 'problems.csv'}." if self.problems else ""
        return f"Wrote {self.store}: {', '.join(parts)}.{said}"


def prepare(folder: str | Path, *, workers: Workers = None, quiet: bool = False, verify: bool = False) -> PrepareReport:
    """Prepare every image of a dataset that has a file.

    May be killed at any instant and called again: finished images are kept, and the store comes out
    the same. An image that cannot be read is a row of problems.csv and stops nothing.

    Args:
        folder: the dataset.
        workers: processes; None takes one per processor; or a cluster (`cadkit.tasks.run`), whose workers
            find the dataset and its files under the same paths.
        quiet: show no progress.
        verify: read every image that is there already and compare its checksum.

    Raises:
        InputError: it is no dataset, its tables contradict each other, or no image has a file.
        Failure: the disk is full, a worker was killed, or not one image could be prepared.
    """
    folder = Path(folder).absolute()
    data = Dataset.open(folder)
    paths = files_of(folder, data)
    if not paths:
        raise InputError(
            "no image of the dataset has a file",
            file=folder / "images.csv",
            mend="Fill its column file, or list the paths in sources.csv.",
        )
    store = folder / "store"
    _sweep(store)
    _write_state(store, complete=False)
    counts = {"done": 0, "kept": 0, "failed": 0}
    problems: list[Problem] = []
    digest = hashlib.blake2b(recipe_fingerprint().encode(), digest_size=16)
    outcomes = run(prepare_image, _tasks(data, paths, store, verify), workers)
    with atomic(store / "index.csv") as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, INDEX, lineterminator="\n")
        table.writeheader()
        for outcome in track(outcomes, "preparing images", len(paths), quiet):
            counts[outcome.state] += 1
            problems += outcome.problems
            if outcome.index is not None:
                table.writerow(outcome.index)
                digest.update(f"{outcome.index['image_id']} {outcome.index['pixels_checksum']}\n".encode())
    present = counts["done"] + counts["kept"]
    # A worker that was killed while another did its task has left a part of a file.
    _sweep(store)
    _remove_others(store, present)
    write_problems(folder, "prepare", problems)
    if not present:
        raise _nothing_prepared(folder, problems)
    _write_state(store, complete=True, fingerprint=digest.hexdigest(), images=present, failed=counts["failed"])
    without_file = data.tables["images"].height - len(paths)
    return PrepareReport(folder, **counts, without_file=without_file, problems=tuple(problems))


def _write_state(store: Path, **state: Any) -> None:
    made = {"cadkit": __version__, "recipe_fingerprint": recipe_fingerprint(), "recipe": RECIPE}
    write_toml(store / "store.toml", {**state, **made})


def _nothing_prepared(folder: Path, problems: list[Problem]) -> Failure:
    """What to say where every image failed: most often a disk that is not mounted, or wrong paths."""
    counted = Counter(problem.rule for problem in problems).most_common()
    first = problems[0]
    return Failure(
        f"Not one image could be prepared: {', '.join(f'{rule} {number}' for rule, number in counted)}. "
        f"The first, {first.item}: {first.reason}. {folder / 'problems.csv'} lists all."
    )


def files_of(folder: Path, data: Dataset) -> dict[str, Path]:
    """The file of each image that has one, in the order of images.csv; sources.csv goes first."""
    sources = sources_of(folder)
    images = data.tables["images"]
    files = images["file"] if "file" in images.columns else [None] * images.height
    paths = {name: file_of(folder, name, file, sources) for name, file in zip(images["image_id"], files, strict=True)}
    return {name: path for name, path in paths.items() if path is not None}


def _tasks(data: Dataset, paths: Mapping[str, Path], store: Path, verify: bool) -> Iterator[Task]:
    flips = {}
    if "horizontal_flip" in data.tables["exams"].columns:
        flips = dict(data.tables["exams"].select("exam_id", "horizontal_flip").iter_rows())
    for row in data.tables["images"].iter_rows(named=True):
        image_id = row["image_id"]
        if image_id not in paths:
            continue
        faces: Faces = row.get("faces") or direction(row["side"], bool(flips.get(row["exam_id"])))
        wanted = {name: row.get(name) for name in _ROW}
        findings = tuple(data.findings_of(image_id))
        yield Task(image_id, paths[image_id], wanted, row["view"], faces, findings, store, verify)


def _remove_others(store: Path, present: int) -> None:
    """Remove the arrays of images that are no longer in the tables: of so many as index.csv names, none."""
    if sum(1 for _ in (store / "images").glob("*/*.b2nd")) == present:
        return
    with (store / "index.csv").open(encoding="utf-8", newline="") as file:
        named = {array_path(store, row["image_id"]) for row in csv.DictReader(file)}
    for path in (store / "images").glob("*/*.b2nd"):
        if path not in named:
            path.unlink()


def _sweep(store: Path) -> None:
    """Remove what a killed process left half written."""
    for part in (*store.glob(".*.part"), *store.glob("images/*/.*.part")):
        owner = part.name.split(".")[-2]
        if owner.isdigit() and not _alive(int(owner)):
            part.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
