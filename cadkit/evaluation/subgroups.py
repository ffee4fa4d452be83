"""Subgroups of the cohort: by the values of a column, by decade of age, by bins of a number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadkit.data import Breast, Dataset, Exam, Image
from cadkit.errors import InputError

FEW = 20  # positives or negatives below which intervals are known to be too narrow
SMALLEST = 5  # positives and negatives below which nothing is estimated
_VALUES = 10  # a numeric column with more values than these is binned
_MOST = 30  # groups of text; more of them are identifiers, not groups
_TABLES = {"exam": ("exams",), "breast": ("exams", "breasts"), "image": ("exams", "breasts", "images")}
Groups = dict[str, NDArray[np.bool_]]


def subgroups(data: Dataset, by: Sequence[str], level: str, units: Sequence[Any]) -> Groups:
    """Which units belong to each subgroup, by name (`density B`, `age 50-59`), column by column in rising order.

    Args:
        data: whose tables the columns are in.
        by: columns, each with the edges of its bins if it has some: `age:40/50/70`. Without, an age goes by decade
            and another number of more than 10 values by quarters of the units.
        level: image, breast or exam; what columns there are depends on it.
        units: images, breasts or exams.

    Raises:
        InputError: a column that the tables of the level do not have, edges that are no rising numbers.
    """
    groups: Groups = {}
    for one in by:
        column, edges = column_and_edges(one)
        there = list(dict.fromkeys(c for table in _TABLES[level] for c in data.tables[table].columns))
        if column not in there:
            raise InputError(
                f"there is no column {column} at the level {level}",
                row="--by",
                value=one,
                mend=f"Name one of {', '.join(there)}.",
            )
        groups |= groups_of(column, edges, [_value(unit, column) for unit in units])
    return groups


def too_small(truth: NDArray[np.int64]) -> str | None:
    """Why nothing is estimated on so few rows; None where it is."""
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if min(positives, negatives) >= SMALLEST:
        return None
    return f"{positives} positives and {negatives} negatives; at least {SMALLEST} of each are asked for in a subgroup"


def few_in(groups: Groups, truth: NDArray[Any]) -> str:
    """What must be said of the subgroups that are estimated from few positives or negatives; empty without such.

    Args:
        groups: which of n units belong to each.
        truth: n values, 1 or 0.
    """
    found = []
    for name, members in groups.items():
        positives = int(truth[members].sum())
        negatives = int(members.sum()) - positives
        if SMALLEST <= min(positives, negatives) < FEW:
            found.append(f"{name} ({positives} and {negatives:,})")
    if not found:
        return ""
    return (
        f"Subgroups of fewer than {FEW} positives or negatives: {', '.join(found)}; "
        "intervals from so few are rough and tend to be too narrow."
    )


def column_and_edges(text: str) -> tuple[str, tuple[float, ...]]:
    """The parts of `age:40/50/70`; no edges where only a column is named."""
    column, colon, given = text.partition(":")
    if not colon:
        return column, ()
    try:
        edges = tuple(float(part) for part in given.split("/"))
    except ValueError:
        edges = ()
    if not edges or list(edges) != sorted(set(edges)) or not all(map(math.isfinite, edges)):
        raise InputError("edges are rising numbers, as in age:40/50/70", row="--by", value=text)
    return column, edges


def _value(unit: Exam | Breast | Image, column: str) -> Any:
    owners: list[Mapping[str, Any]] = [unit.columns]
    if isinstance(unit, Image):
        owners.append(unit.breast.columns)
    if not isinstance(unit, Exam):
        owners.append(unit.exam.columns)
    return next((owner[column] for owner in owners if column in owner), None)


def groups_of(column: str, edges: tuple[float, ...], values: Sequence[Any], file: Path | None = None) -> Groups:
    """Which of the values (None is unknown) belong to each group of a column of a file, groups in rising order."""
    known = [value for value in values if value is not None]
    numeric = bool(known) and all(isinstance(value, int | float) for value in known)
    if edges and known and not numeric:
        raise InputError(
            f"edges are of numbers, and the column {column} holds others", file=file, row="--by",
            value=next(value for value in known if not isinstance(value, int | float)),
            mend=f"Write --by {column}, which takes its values as they are.",
        )  # fmt: skip
    if numeric and (edges or (column != "age" and len(set(known)) > _VALUES)):
        bins = edges or tuple(np.unique(np.quantile(known, [0.25, 0.5, 0.75])).tolist())
        names = {value: _bin(column, bins, value) for value in set(known)}
    elif numeric and column == "age":
        names = {value: f"age {math.floor(value / 10) * 10}-{math.floor(value / 10) * 10 + 9}" for value in set(known)}
    else:
        names = {value: f"{column} {value:g}" if numeric else f"{column} {value}" for value in set(known)}
        if len(names) > _MOST:
            raise InputError(
                f"the column has {len(names)} values, which are no groups", file=file, row="--by", value=column,
                mend=f"A column of groups has at most {_MOST}.",
            )  # fmt: skip
    order = dict.fromkeys(names[value] for value in sorted(names))
    of_unit = np.array([f"{column} unknown" if value is None else names[value] for value in values], dtype=str)
    groups: Groups = {name: of_unit == name for name in order}
    if len(known) < len(values):
        groups[f"{column} unknown"] = of_unit == f"{column} unknown"
    return groups


def _bin(column: str, edges: Sequence[float], value: float) -> str:
    """The bin [a, b) of a value."""
    place = int(np.searchsorted(edges, value, side="right"))
    if place == 0:
        return f"{column} < {edges[0]:g}"
    if place == len(edges):
        return f"{column} >= {edges[-1]:g}"
    return f"{column} {edges[place - 1]:g} to < {edges[place]:g}"
