"""The population of a reader study, drawn at random: biopsied exams and exams without a biopsy, some for practice.

As Wu et al. (2019, "Reader study"): of the test set 368 exams with a biopsied breast and 372 without, shuffled; the
first 20 familiarise the readers and are left out of the analysis.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cadkit.data import Dataset, Exam
from cadkit.data.tables import write_table
from cadkit.errors import InputError
from cadkit.evaluation.population import BIOPSIED, ONE_OF_TWO, SCREENING
from cadkit.evaluation.population_lists import PRACTICE, READ, is_list_name, list_path
from cadkit.files import write_toml

UNMATCHED = "unmatched"
_RESERVED = (SCREENING, BIOPSIED, ONE_OF_TWO)


@dataclass(frozen=True)
class StudyDraw:
    """What is drawn: so many biopsied and unmatched exams of a split, so many of both for practice."""

    biopsied: int = 368
    unmatched: int = 372
    practice: int = 20
    split: str = "test"
    seed: int = 0

    def check(self) -> None:
        """InputError where the numbers contradict each other."""
        for option, number in (("--biopsied", self.biopsied), ("--unmatched", self.unmatched)):
            if number < 0:
                raise InputError("takes a number from 0 up", row=option, value=number)
        if not 0 <= self.practice < self.biopsied + self.unmatched:
            raise InputError(
                f"of {self.biopsied + self.unmatched} exams none would be left to read", row="--practice",
                value=self.practice, mend="Draw more exams, or fewer of them for practice.",
            )  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A drawn population.

    Attributes:
        path: of the list.
        table: exam_id, part, drawn_as (biopsied, unmatched), reading (place in the readers' order, from 1).
        there: exams of the split that could have been drawn, by `biopsied` and `unmatched`.
        unknown: exams of the split without a known biopsy, of which some breast's is not known.
        breasts: of the exams that are read.
        positives: by label, those of them that are positive.
    """

    path: Path
    table: pl.DataFrame
    there: Mapping[str, int]
    unknown: int
    breasts: int
    positives: Mapping[str, int]


def draw_population(
    folder: str | Path, name: str = "reader-study", plan: StudyDraw | None = None, *, force: bool = False
) -> Drawn:
    """Draw the population of a reader study and write it as `D/populations/<name>.csv`.

    The same seed draws the same exams whatever the order of the tables' rows; a larger draw holds the smaller one.

    Args:
        folder: of the dataset.
        name: by which `cadkit evaluate --population` calls it.
        plan: the numbers; Wu et al.'s by default.
        force: overwrite another list of that name.

    Raises:
        InputError: there are too few exams, no column `biopsied`, or another list of that name.
    """
    plan = plan or StudyDraw()
    plan.check()
    data = Dataset.open(folder)
    _check_name(data, name)
    part = data.split(plan.split)
    groups, unknown = _groups(part)
    for option, wanted in ((BIOPSIED, plan.biopsied), (UNMATCHED, plan.unmatched)):
        if wanted > len(groups[option]):
            left_out = f"; of {unknown} more it is not known" if unknown else ""
            raise InputError(
                f"the split {plan.split} has {len(groups[option])} {option} exams{left_out}", file=data.folder,
                row=f"--{option}", value=wanted, mend="Draw fewer, or from all exams with --split all.",
            )  # fmt: skip
    table = draw(groups, plan)
    path = list_path(data.folder, name)
    _write(path, table, plan, name, data.fingerprint, force)
    read = part.view(table.filter(pl.col("part") == READ)["exam_id"])
    positives = {label: sum(breast.truth(label) == 1 for breast in read.breasts) for label in data.meta.labels}
    return Drawn(path, table, {k: len(v) for k, v in groups.items()}, unknown, len(read.breasts), positives)


def _check_name(data: Dataset, name: str) -> None:
    columns = {*data.tables["exams"].columns, *data.tables["breasts"].columns}
    if not is_list_name(name) or name in _RESERVED or name in columns:
        raise InputError(
            "cannot be the name of a population", row="--name", value=name,
            mend=f"Take letters, digits and hyphens, but no column's name and not {', '.join(_RESERVED)}.",
        )  # fmt: skip


def _groups(data: Dataset) -> tuple[dict[str, list[str]], int]:
    """Exams with a biopsied breast and exams all of whose breasts were not, and the number of the others."""
    if "biopsied" not in data.breast_columns:
        raise InputError(
            "the dataset does not say which breasts were biopsied", file=data.folder / "breasts.csv",
            mend="Add the column biopsied (1 or 0).",
        )  # fmt: skip
    groups: dict[str, list[str]] = {BIOPSIED: [], UNMATCHED: []}
    unknown = 0
    for exam in data.exams:
        group = _group(exam)
        if group is None:
            unknown += 1
        else:
            groups[group].append(exam.id)
    return groups, unknown


def _group(exam: Exam) -> str | None:
    biopsied = [breast.columns.get("biopsied") for breast in exam.breasts.values()]
    if 1 in biopsied:
        return BIOPSIED
    return UNMATCHED if biopsied and all(one == 0 for one in biopsied) else None


def draw(groups: Mapping[str, Sequence[str]], plan: StudyDraw) -> pl.DataFrame:
    """The exams with the smallest hashes of seed and id: a simple random sample that no order of rows can change.

    Args:
        groups: ids of the exams that can be drawn, by `biopsied` and `unmatched`.
        plan: how many of each.

    Returns:
        The columns exam_id, part, drawn_as and reading, in the readers' order.
    """
    rows = [
        (exam, group)
        for group, number in ((BIOPSIED, plan.biopsied), (UNMATCHED, plan.unmatched))
        for exam in sorted(groups[group], key=lambda exam: _place(plan.seed, "draw", exam))[:number]
    ]
    rows.sort(key=lambda row: _place(plan.seed, "reading", row[0]))
    parts = [PRACTICE if number < plan.practice else READ for number in range(len(rows))]
    return pl.DataFrame(
        {
            "exam_id": [exam for exam, _ in rows],
            "part": parts,
            "drawn_as": [group for _, group in rows],
            "reading": range(1, len(rows) + 1),
        }
    )


def _place(seed: int, what: str, exam: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{what}\n{exam}".encode()).digest()


def _write(path: Path, table: pl.DataFrame, plan: StudyDraw, name: str, dataset: str, force: bool) -> None:
    if path.exists() and not force:
        if path.read_text(encoding="utf-8") == table.write_csv():
            return
        raise InputError(
            "there is another population of this name", file=path,
            mend="Give another --name, or --force to overwrite it.",
        )  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    record = {
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataset_fingerprint": dataset,
        "split": plan.split,
        "seed": plan.seed,
        "biopsied": plan.biopsied,
        "unmatched": plan.unmatched,
        "practice": plan.practice,
    }
    # The list comes last: a folder with it has both.
    write_toml(path.with_suffix(".toml"), record)
    write_table(path, table)
