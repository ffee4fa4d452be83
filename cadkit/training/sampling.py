"""Which units an epoch is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from cadkit.data import Exam
from cadkit.errors import InputError
from cadkit.training.units import Unit

Item = tuple[Unit, Any]


def shuffled(items: Sequence[Item], rng: np.random.Generator) -> list[Item]:
    """The items in random order."""
    return [items[index] for index in rng.permutation(len(items))]


def balanced(
    exams: Iterable[Exam],
    positive: Callable[[Exam], float | bool | None],
    rng: np.random.Generator,
    units: Callable[[Exam], Sequence[Unit]],
) -> list[Item]:
    """Units of all positive exams and of as many random negative ones, shuffled (Shen et al. 2021, section 3.1).

    Args:
        exams: to choose from.
        positive: 1 or True for a positive exam, 0 or False for a negative one, None or NaN where that is
            unknown: such exams are left out.
        rng: of the draw and of the order.
        units: units of an exam.

    Returns:
        (unit, None) pairs. Where there are fewer negative exams than positive ones, all of them.

    Raises:
        InputError: no exam is positive.
    """
    chosen: dict[bool, list[Exam]] = {True: [], False: []}
    for exam in exams:
        value = positive(exam)
        if value is not None and not math.isnan(value):
            chosen[bool(value)].append(exam)
    if not chosen[True]:
        raise InputError("no exam of the training split has a finding to learn from", file="breasts.csv")
    count = min(len(chosen[True]), len(chosen[False]))
    drawn = rng.choice(len(chosen[False]), count, replace=False)
    kept = chosen[True] + [chosen[False][index] for index in sorted(drawn)]
    return shuffled([(unit, None) for exam in kept for unit in units(exam)], rng)


def oversampled(often: Sequence[Item], others: Sequence[Item], share: float, rng: np.random.Generator) -> list[Item]:
    """All of `often`, and so many random `others` that the former are at least `share` of the epoch, shuffled.

    Over epochs the units of `often` are thus seen more often than the others.

    Args:
        often: such as images with annotations.
        others: such as images without.
        share: of the epoch that `often` makes up, 0 to 1; 0: every unit once.
        rng: of the draw and of the order.
    """
    wanted = len(others) if share == 0 else min(len(others), round(len(often) * (1 - share) / share))
    drawn = rng.choice(len(others), wanted, replace=False)
    return shuffled([*often, *(others[index] for index in sorted(drawn))], rng)


def pad_to_multiple(items: Sequence[Item], size: int) -> list[Item]:
    """The items, begun anew until their number is a multiple of `size`; () stays ()."""
    missing = -len(items) % size
    return [*items, *(items[index % len(items)] for index in range(missing))]
