"""Warnings that reports on tables of scores give in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadkit.evaluation.subgroups import FEW


def unknown_truth(rows: str, count: int, first: str, column: str) -> str:
    """That rows (or units) of unknown truth were left out."""
    return f"{count:,} {rows} of unknown {column} were left out, the first is {first}."


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


def constant_scores(scores: Mapping[str, NDArray[np.float64]]) -> dict[str, str]:
    """A warning, by its id, for each name whose scores are all equal."""
    return {
        f"constant-{name}": f"All scores of {name} are equal: it tells nothing apart, and its AUC is 0.5 by its ties."
        for name, score in scores.items()
        if (score == score[0]).all()
    }
