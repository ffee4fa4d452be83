"""What is read off FROC curves: one pass over the steps answers every question, for any number of replicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cadkit.metrics._arrays import FloatArray, IntArray
from cadkit.metrics._kernels import Steps


@dataclass(frozen=True)
class Question:
    """One number of a curve.

    Attributes:
        metric: `froc_sensitivity`, `fpi_at_sensitivity`, `max_sensitivity` or `cpm`.
        at: false positives per image, or sensitivity; None where the metric has no operating point.
        rates: false positives per image over which `cpm` averages.
    """

    metric: str
    at: float | None = None
    rates: tuple[float, ...] = ()

    @property
    def last(self) -> float | None:
        """The largest number of false positives per image at which the curve is read."""
        return max(self.rates) if self.metric == "cpm" else self.at if self.metric == "froc_sensitivity" else None


class Readout:
    """Curves (one per column of `steps`) ready to be read.

    Args:
        steps: detections and false positives per step.
        interpolate: follow straight lines between points; at a vertical step the better end.
    """

    def __init__(self, steps: Steps, interpolate: bool = False) -> None:
        self._steps = steps
        self._interpolate = interpolate
        self._columns = np.arange(steps.gain.shape[1])
        self._defined = (steps.positives > 0) & (steps.exposure > 0)
        # Rows: before the first step, then after each.
        self._passed = np.vstack([np.zeros(len(self._columns)), np.cumsum(steps.gain, axis=0)])
        # A replicate without an image has an undefined curve; any number keeps its rates finite.
        exposure = np.where(steps.exposure > 0, steps.exposure, 1.0)
        self._fpi = np.ascontiguousarray((steps.through / exposure).T)
        self._known: dict[float, FloatArray] = {}

    def answers(self, questions: Sequence[Question]) -> FloatArray:
        """One row per question, one column per curve, NaN where undefined."""
        self._look_up(questions)
        rows = np.empty((len(questions), len(self._columns)))
        for row, question in zip(rows, questions, strict=True):
            row[:] = np.where(self._defined, self._answer(question), np.nan)
        return rows

    def _answer(self, question: Question) -> FloatArray:
        if question.metric == "max_sensitivity":
            return self._share(self._passed[-1])
        if question.metric == "froc_sensitivity" and question.at is not None:
            return self._known[question.at]
        if question.metric == "fpi_at_sensitivity" and question.at is not None:
            return self._fpi_at(question.at)
        # Added one by one: a sum in another order would differ between one column and many.
        return np.asarray(sum(self._known[rate] for rate in question.rates) / len(question.rates))

    def _look_up(self, questions: Sequence[Question]) -> None:
        """Sensitivity of every curve at all rates that are asked for."""
        asked = {q.at for q in questions if q.metric == "froc_sensitivity" and q.at is not None}
        rates = np.array(sorted(asked.union(*(q.rates for q in questions))))
        taken = np.empty((len(self._columns), len(rates)), dtype=np.int64)
        for column, curve in enumerate(self._fpi):
            taken[column] = np.searchsorted(curve, rates, "right")
        for number, rate in enumerate(rates.tolist()):
            count = taken[:, number]
            passed = self._passed[count, self._columns]
            if self._interpolate and len(self._steps.gain):
                passed = passed + self._beyond(count, rate)
            self._known[rate] = self._share(passed)

    def _beyond(self, count: IntArray, rate: float) -> FloatArray:
        """What a straight line from the last point within the rate towards the next adds."""
        following = np.minimum(count, len(self._steps.gain) - 1)
        before, through, gain = (
            table[following, self._columns] for table in (self._steps.before, self._steps.through, self._steps.gain)
        )
        width = through - before
        share = np.zeros(len(width))
        np.divide(rate * self._steps.exposure - before, width, out=share, where=width > 0)
        sloped: FloatArray = np.where(count < len(self._steps.gain), np.clip(share, 0.0, 1.0) * gain, 0.0)
        return sloped

    def _fpi_at(self, sensitivity: float) -> FloatArray:
        """Smallest number of false positives per image that reaches the sensitivity, NaN if none does."""
        if sensitivity <= 0:
            return np.zeros(len(self._columns))
        taken = (self._share(self._passed) < sensitivity).sum(axis=0)
        reached = taken < len(self._passed)
        if not len(self._steps.gain):
            return np.full(len(self._columns), np.nan)
        step = np.clip(taken - 1, 0, len(self._steps.gain) - 1)
        return np.where(reached, self._fpi[self._columns, step], np.nan)

    def _share(self, weight: FloatArray) -> FloatArray:
        return np.asarray(weight / np.where(self._steps.positives > 0, self._steps.positives, 1.0))
