"""What a metric of scores against a truth is made of: its name, what it is computed from, and its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cadkit.metrics._arrays import BoolArray, FloatArray
from cadkit.metrics.intervals import Interval

Features = Callable[[BoolArray, FloatArray], FloatArray]
"""Features to be summed (k x n) of truth and score (n each)."""

Analytic = Callable[[FloatArray, bool, float], tuple[Interval, str]]
"""Interval and its name from the sums per cluster (k x clusters), whether rows are clustered, and the level."""


@dataclass(frozen=True)
class Measure:
    """One metric, ready to be computed.

    Attributes:
        name, at, given: as in its `Result`.
        kernel: values from the steps of a staircase or, with `features`, from their sums.
        features: what is summed over rows; None for metrics of the staircase.
        interval: an interval that needs no bootstrap, for unweighted rows.
        needs: why the metric is undefined where its value is NaN.
        flags: of the result.
    """

    name: str
    kernel: Callable[[Any], FloatArray]
    at: float | None = None
    given: Mapping[str, object] = field(default_factory=dict)
    features: Features | None = None
    interval: Analytic | None = None
    needs: str | None = None
    flags: tuple[str, ...] = ()


def share(value: float | None, name: str, of: str) -> float:
    """A number in [0, 1] that a metric needs, or a ValueError."""
    if value is None or not 0 <= value <= 1:
        raise ValueError(f"{of} needs {name} in [0, 1] (found {value})")
    return float(value)
