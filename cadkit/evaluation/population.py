"""Populations: which breasts of a dataset are evaluated.

`screening` is all of them; `biopsied` those with a biopsy (at the exam level exams with such a breast);
`malignant-vs-benign` breasts with exactly one of the two, scored m / (m + b) (Wu et al. 2020). The name of a list of
exams of the dataset (`D/populations/<name>.csv`) is all their breasts. Anything else is a condition on columns of
exams.csv and breasts.csv, such as `age >= 50 AND density = 'D'`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.evaluation.population_lists import list_names, read_list

SCREENING, BIOPSIED, ONE_OF_TWO = "screening", "biopsied", "malignant-vs-benign"
PAIR = ("malignant", "benign")
Key = tuple[str, str]


@dataclass(frozen=True)
class Population:
    """Breasts as (exam_id, side), side empty for an exam without any; `kept` is None for all of them.

    Attributes:
        name: as the user wrote it.
        reason: why the others are left out.
        kept: the breasts.
        fingerprint: of the list that it is, or None.
    """

    name: str = SCREENING
    reason: str = ""
    kept: frozenset[Key] | None = None
    fingerprint: str | None = None

    @property
    def normalised(self) -> bool:
        """Whether the scores of malignant and benign are made to sum to one."""
        return self.name == ONE_OF_TWO

    @property
    def of_validation(self) -> Population:
        """Of the validation split, on which thresholds are locked: a list of exams says nothing of others."""
        return self if self.fingerprint is None else EVERYONE

    def has(self, exam_id: str, side: str) -> bool:
        """Whether a breast belongs to it."""
        return self.kept is None or (exam_id, side) in self.kept

    def exam_ids(self) -> set[str] | None:
        """Exams with such a breast; None for all."""
        return None if self.kept is None else {exam for exam, _ in self.kept}


EVERYONE = Population()


def population_of(data: Dataset, name: str, levels: tuple[str, ...] = ()) -> Population:
    """The breasts of a dataset that a population names.

    Raises:
        InputError: the dataset lacks a column, or the condition cannot be read.
    """
    if name == SCREENING:
        return EVERYONE
    if name == BIOPSIED:
        if "biopsied" not in data.breast_columns:
            raise InputError(
                "the dataset does not say which breasts were biopsied",
                file="breasts.csv",
                mend="Add the column biopsied (1 or 0), or choose another --population.",
            )
        kept = [b for b in data.breasts if b.columns.get("biopsied") == 1]
        return Population(name, "no biopsy", frozenset((b.exam.id, b.side) for b in kept))
    if name == ONE_OF_TWO:
        if "exam" in levels:
            raise InputError(
                "is a population of breasts: an exam may have one of each",
                row="--population",
                value=name,
                mend="Evaluate it with --level breast.",
            )
        kept = [b for b in data.breasts if sorted(b.truth(label) for label in PAIR) == [0.0, 1.0]]
        reason = "not exactly one of malignant and benign"
        return Population(name, reason, frozenset((b.exam.id, b.side) for b in kept))
    listed = read_list(data, name)
    if listed is not None:
        practice = f", or one of {listed.practice} for practice" if listed.practice else ""
        kept_keys = frozenset(key for key in _keys(data) if key[0] in listed.exam_ids)
        return Population(name, f"not on the list{practice}", kept_keys, listed.fingerprint)
    return Population(name, f"not so that {name}", frozenset(_asked(data, name)))


def _keys(data: Dataset) -> list[Key]:
    """Every breast; an exam without any has one key with an empty side."""
    return [(exam.id, side) for exam in data.exams for side in (list(exam.breasts) or [""])]


def _asked(data: Dataset, condition: str) -> list[Key]:
    frame = _breasts(data)
    there = ", ".join(frame.columns)
    try:
        wanted = pl.sql_expr(condition)
        unknown = [name for name in wanted.meta.root_names() if name not in frame.columns]
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"cannot be read as a condition ({_plain(error)})",
            row="--population",
            value=condition,
            mend=f"Write {SCREENING}, {BIOPSIED}, {ONE_OF_TWO}, or a condition such as \"age >= 50 AND side = 'L'\" "
            f"on {there}.",
        ) from None
    if unknown:
        named = (SCREENING, BIOPSIED, ONE_OF_TWO, *list_names(data.folder))
        raise InputError(
            f"there is no column {unknown[0]} in exams.csv or breasts.csv",
            row="--population",
            value=condition,
            mend=f"Name one of {there}; or write one of {', '.join(named)}.",
        )
    try:
        answer = frame.with_columns(wanted.alias("\0wanted"))["\0wanted"]
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"does not fit the columns ({_first_line(error)})", row="--population", value=condition
        ) from None
    if answer.dtype != pl.Boolean:
        raise InputError(
            "is not a condition: it is neither true nor false", row="--population", value=condition,
            mend="Compare with something, as in \"age >= 50\".",
        )  # fmt: skip
    return frame.filter(answer.fill_null(False)).select("exam_id", "side").rows()


def _breasts(data: Dataset) -> pl.DataFrame:
    """A row per breast (per exam that has none), with the columns of breasts.csv and exams.csv."""
    frame = pl.DataFrame(_keys(data), schema={"exam_id": pl.String, "side": pl.String}, orient="row")
    exams = data.tables["exams"]
    frame = frame.join(data.tables["breasts"], on=["exam_id", "side"], how="left", maintain_order="left")
    further = [name for name in exams.columns if name == "exam_id" or name not in frame.columns]
    return frame.join(exams.select(further), on="exam_id", how="left", maintain_order="left")


def _plain(error: Exception) -> str:
    """What is wrong with a condition, without the parser's own names of operators."""
    line = _first_line(error)
    return "it holds an operator that is not known" if line.startswith("operator ") else line


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def share_of_malignant(malignant: float, benign: float) -> float:
    """m / (m + b); NaN where both are 0.

    Raises:
        InputError: a score is below 0, so that shares make no sense.
    """
    if malignant < 0 or benign < 0:
        raise InputError(
            "scores below 0 cannot be made to sum to one",
            row=f"--population {ONE_OF_TWO}",
            value=min(malignant, benign),
            mend="Give probabilities, or evaluate another population.",
        )
    return malignant / (malignant + benign) if malignant + benign > 0 else math.nan
