"""Warnings that reports on tables of scores give in the same words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadkit.evaluation.schema import ComparisonRow, ResultRow
from cadkit.evaluation.subgroups import FEW
from cadkit.metrics.intervals import MAX_DROPPED

_ENOUGH = 1000  # replicates


def counted(count: int, word: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {word if count == 1 else word + 's'}"


def unknown_truth(row: str, count: int, first: str, column: str) -> str:
    """That rows (or units) of unknown truth were left out."""
    were = "was left out: it" if count == 1 else "were left out, the first"
    return f"{counted(count, row)} of unknown {column} {were} is {first}."


def few_classes(truth: NDArray[Any]) -> str:
    """That positives or negatives (0/1 per row) are few; empty where they are not."""
    positives = int(np.count_nonzero(truth))
    negatives = len(truth) - positives
    if min(positives, negatives) >= FEW:
        return ""
    return (
        f"Only {positives} positives and {negatives} negatives; intervals from so few are rough and tend to be too "
        "narrow."
    )


def too_many_undefined(rows: Sequence[ResultRow], replicates: int, stratified: bool) -> str:
    """What helps where replicates were undefined too often for an interval; empty where none was."""
    lost = [row for row in rows if row["value"] is not None and (row["dropped"] or 0) > MAX_DROPPED * replicates]
    if not lost:
        return ""
    mend = "" if stratified else "--stratify draws positives and negatives apart; "
    return (
        f"{len(lost)} of {len(rows)} numbers have no interval, as they are undefined in more than a fifth of the "
        f"replicates, mostly those that drew no positive. {mend}more cases help, more replicates alone do not."
    )


def disagreeing(comparisons: Sequence[ComparisonRow], replicates: int, ci: float) -> str:
    """That a P and an interval of few replicates say different things of a difference; empty where none do."""
    if replicates >= _ENOUGH:
        return ""
    apart = [
        row
        for row in comparisons
        if row["p"] is not None and row["low"] is not None and row["high"] is not None
        and str(row["method"]).startswith("bootstrap")
        and (row["p"] < 1 - ci) == (row["low"] <= 0 <= row["high"])
    ]  # fmt: skip
    if not apart:
        return ""
    return (
        f"P and the interval disagree about {counted(len(apart), 'difference')}, as they may with {replicates:,} "
        f"replicates: both are rough. Take --bootstrap {_ENOUGH} or more."
    )


def constant_scores(scores: Mapping[str, NDArray[np.float64]]) -> dict[str, str]:
    """A warning, by its id, for each name whose scores are all equal."""
    return {
        f"constant-{name}": f"All scores of {name} are equal: it tells nothing apart, and its AUC is 0.5 by its ties."
        for name, score in scores.items()
        if (score == score[0]).all()
    }
