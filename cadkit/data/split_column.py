"""Writing a split into exams.csv: what depends on the one before is asked first, and it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import polars as pl

from cadkit.data.dataset import Dataset
from cadkit.data.split_uses import Use, uses_of_split
from cadkit.data.splits import Shares, folds, random_split, split_by_date, split_from_table
from cadkit.data.tables import EXAMS, SPLITS, write_table
from cadkit.errors import InputError, ProblemsError

Way = Literal["random", "date", "folds", "table"]
KEPT = "splits"
_MENDED_BY_SPLITTING = {"split": ("patient-in-two-splits", "unknown-split"), "fold": ("patient-in-two-folds",)}
_USES_SHOWN = 10


@dataclass(frozen=True)
class Plan:
    """How to split.

    Attributes:
        by: `random` and `date` into train, validation and test; `folds`; or as a `table` says.
        shares: of train, validation and test; None for 60, 20, 20 at random and 80, 10, 10 by date.
        folds: how many.
        seed: of what is random.
        labels: labels to be spread over the parts; None for all of the dataset.
        table: the CSV file of `by="table"`.
    """

    by: Way = "random"
    shares: Shares | None = None
    folds: int = 5
    seed: int = 0
    labels: tuple[str, ...] | None = None
    table: Path | None = None


def plan_of(
    *,
    by: str | None = None,
    folds: int | None = None,
    table: Path | None = None,
    shares: Shares | None = None,
    seed: int = 0,
    labels: Sequence[str] | None = None,
) -> Plan:
    """The plan that a person's options mean.

    Raises:
        InputError: two options name two ways of splitting, or one does not belong to the way.
    """
    ways = [name for name, given in (("--by", by), ("--folds", folds), ("--from", table)) if given is not None]
    if len(ways) > 1:
        raise InputError("a split is made in one way", row=" and ".join(ways), mend="Give one of them.")
    if by not in (None, "random", "date"):
        raise InputError("a split is made by random or by date", row="--by", value=by)
    way: Way = "folds" if folds is not None else "table" if table is not None else "date" if by == "date" else "random"
    if shares is not None and way not in ("random", "date"):
        raise InputError(f"shares do not belong to {ways[0]}", row="--shares", mend="Leave them out.")
    if labels and way not in ("random", "folds"):
        raise InputError(f"labels are not spread with {ways[0]}", row="--label", mend="Leave it out.")
    return Plan(way, shares, Plan.folds if folds is None else folds, seed, tuple(labels) if labels else None, table)


@dataclass(frozen=True)
class Part:
    """One part of a split, in numbers.

    Attributes:
        name: of the part; "all" for the whole, "none" for exams that are in no part.
        patients, exams, breasts: how many.
        positives: by label, breasts (exams, where the label is one of exams.csv) that are positive.
        known: by label, those that are positive or negative.
    """

    name: str
    patients: int
    exams: int
    breasts: int
    positives: Mapping[str, int]
    known: Mapping[str, int]


@dataclass(frozen=True)
class SplitReport:
    """What `write_split` did.

    Attributes:
        folder: the dataset.
        column: that was written, `split` or `fold`.
        parts: its balance: every part, then all.
        levels: of each label, `breast` or `exam`: what its positives are counted in.
        kept: the file that holds the column of before, None where there was none.
        uses: runs and predictions that were made with the column of before.
    """

    folder: Path
    column: str
    parts: tuple[Part, ...]
    levels: Mapping[str, str]
    kept: Path | None
    uses: tuple[Use, ...]


def write_split(
    folder: str | Path, plan: Plan | None = None, *, replace: bool = False, force: bool = False
) -> SplitReport:
    """Write the column `split`, or `fold`, of a dataset's exams.csv; nothing else in the table changes.

    The column of before is kept as `splits/<column>-<n>.csv`, from which it can be put back.

    Args:
        folder: of the dataset.
        plan: how to split; at random by default.
        replace: overwrite a split that is there.
        force: overwrite one that runs or predictions were made with, too.

    Raises:
        InputError: there is a split already and neither flag is set; it is in use and `force` is not set;
            or the plan does not fit the dataset.
        ProblemsError: the tables contradict each other, or the file of the plan does not fit them.
    """
    folder, plan = Path(folder), plan or Plan()
    data, problems = Dataset.read(folder)
    every_mended = [rule for rules in _MENDED_BY_SPLITTING.values() for rule in rules]
    if others := [problem for problem in problems if problem.rule not in every_mended]:
        raise ProblemsError(f"{folder}: the dataset has", others)
    made = _made(data, plan)
    if others := [problem for problem in problems if problem.rule not in _MENDED_BY_SPLITTING[made.name]]:
        raise ProblemsError(f"{folder}: the dataset has", others)
    exams = data.tables["exams"]
    uses = uses_of_split(folder, exams, made.name)
    _refuse(folder, exams, made.name, uses, replace, force)
    kept = _keep(folder, exams, made.name)
    text = pl.read_csv(folder / EXAMS.file, infer_schema=False)
    # A column with blanks about its name is that column; it keeps its place in the table.
    there = next((name for name in text.columns if name.strip() == made.name), made.name)
    write_table(folder / EXAMS.file, text.with_columns(made.alias(there)))
    levels = {label: "breast" if label in data.tables["breasts"].columns else "exam" for label in data.meta.labels}
    return SplitReport(folder, made.name, balance(data, made), levels, kept, tuple(uses))


def _made(data: Dataset, plan: Plan) -> pl.Series:
    exams, breasts = data.tables["exams"], data.tables["breasts"]
    labels = tuple(data.meta.labels) if plan.labels is None else plan.labels
    if unknown := [label for label in labels if label not in data.meta.labels]:
        there = ", ".join(data.meta.labels)
        raise InputError(
            "the dataset has no such label", file=data.folder, row="--label", value=unknown[0], mend=f"It has {there}."
        )
    if plan.by == "random":
        return random_split(exams, breasts, labels, plan.shares or (0.6, 0.2, 0.2), plan.seed)
    if plan.by == "date":
        return split_by_date(exams, plan.shares or (0.8, 0.1, 0.1))
    if plan.by == "folds":
        return folds(exams, breasts, labels, plan.folds, plan.seed)
    if plan.by == "table" and plan.table is not None:
        return split_from_table(exams, plan.table)
    raise InputError("a split by a table needs the table")


def _refuse(folder: Path, exams: pl.DataFrame, column: str, uses: Sequence[Use], replace: bool, force: bool) -> None:
    if force or column not in exams.columns or exams[column].null_count() == exams.height:
        return
    if uses:
        shown = [f"  {use}" for use in uses[:_USES_SHOWN]]
        shown += [f"  ... and {len(uses) - _USES_SHOWN} more"] if len(uses) > _USES_SHOWN else []
        what = f"the column {column} is in use by {len(uses)} run(s) and prediction(s)"
        raise InputError(
            f"{what}; with another split, what they learnt from and what they are tested on would no longer be told "
            "apart:\n" + "\n".join(shown),
            file=folder / EXAMS.file,
            mend=f"\nCopy the tables into a dataset of its own, or give --force (the column is kept in {KEPT}/).",
        )
    if not replace:
        what = "split" if column == "split" else "put into folds"
        raise InputError(
            f"the dataset is {what} already",
            file=folder / EXAMS.file,
            mend=f"Give --replace to do it anew; the column of now is kept in {KEPT}/.",
        )


def _keep(folder: Path, exams: pl.DataFrame, column: str) -> Path | None:
    """Write the column as it is now to the first free `splits/<column>-<n>.csv`."""
    if column not in exams.columns or exams[column].null_count() == exams.height:
        return None
    for number in count(1):
        path = folder / KEPT / f"{column}-{number}.csv"
        if not path.exists():
            break
    write_table(path, exams.select("exam_id", column))
    return path


def balance(data: Dataset, column: pl.Series) -> tuple[Part, ...]:
    """Patients, exams, breasts and positives of each part of a column of exams.csv, and of all.

    Exams that are in no part are a part named "none", where there are any.
    """
    exams = data.tables["exams"].with_columns(column.cast(pl.String).alias("part")).select("exam_id", "part")
    names = exams["part"].drop_nulls().unique().to_list()
    ordered = sorted(names, key=lambda name: (SPLITS.index(name) if name in SPLITS else int(name), name))
    parts = [_part(data.view(exams.filter(pl.col("part") == name)["exam_id"]), name) for name in ordered]
    if left_out := exams.filter(pl.col("part").is_null())["exam_id"].to_list():
        parts.append(_part(data.view(left_out), "none"))
    return (*parts, _part(data, "all"))


def _part(data: Dataset, name: str) -> Part:
    exams, breasts = data.tables["exams"], data.tables["breasts"]
    positives, known = {}, {}
    for label in data.meta.labels:
        column: Any = (breasts if label in breasts.columns else exams)[label]
        positives[label], known[label] = int((column == 1).sum()), int(column.is_not_null().sum())
    return Part(name, exams["patient_id"].n_unique(), exams.height, breasts.height, positives, known)
