"""Replicates of a reader study: how often every case and every reader was drawn, shared by all numbers.

Readers are drawn apart from cases, each with replacement, so that a replicate of both is one of independent draws of
cases and readers. With cases alone the readers are those of the study; with readers alone the cases are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit import metrics
from cadkit.metrics._kernels import Staircase, Steps, auc, average_precision, both_classes
from cadkit.metrics.resampling import with_interval
from cadkit.reader_study.ensembles import hybrid_ensemble, reader_ensemble, settled
from cadkit.reader_study.settings import Resample
from cadkit.reader_study.sweeps import areas
from cadkit.reader_study.wide import BoolArray, FloatArray

_CELLS = 1 << 20  # scores held at a time where every replicate has its own
_READERS = (0, 1)  # place of the readers' stream among those of the seed; cases have (0,), (1,), ...


class Number(NamedTuple):
    """An estimate and its value in every replicate, NaN where undefined."""

    value: float
    replicates: FloatArray


class Target(NamedTuple):
    """A sensitivity at which specificities are read, and whose it is; drawn anew in every replicate."""

    of: str
    sensitivity: Number


@dataclass(frozen=True)
class Judged:
    """One score: areas, and by target the specificity there, on steps and on straight lines."""

    auc: Number
    prauc: Number
    specificity: dict[str, Number]
    interpolated: dict[str, Number]


class Draws:
    """Counts of cases and shares of readers.

    Args:
        truth: n booleans.
        cluster: the case of each of the n units.
        readers: number of readers.
        resample: cases, readers or both.
        options: number of replicates, seed, level.
    """

    def __init__(
        self,
        truth: BoolArray,
        cluster: npt.NDArray[Any],
        readers: int,
        resample: Resample,
        options: metrics.Bootstrap | None,
    ) -> None:
        self.truth = truth
        self.resample: Resample = resample
        self.n = 0 if options is None else options.n
        self.replicates = metrics.Replicates(cluster, options=options or metrics.Bootstrap(1))
        self.index = self.replicates.index(cluster)
        self.cases = resample != "readers"
        self.shares = np.full((readers, self.n), 1 / readers)
        if resample != "cases" and self.n:
            stream = np.random.SeedSequence(self.replicates.options.seed, spawn_key=_READERS)
            drawn = np.random.Generator(np.random.PCG64(stream)).multinomial(readers, [1 / readers] * readers, self.n)
            self.shares = drawn.T / readers

    @property
    def clusters(self) -> int:
        """Number of cases."""
        return len(self.replicates.clusters)

    def blocks(self) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
        """Replicates and their counts of cases (clusters x so many); none where cases are not drawn."""
        if self.n and self.cases:
            start = 0
            for counts in self.replicates.counts():
                yield slice(start, start + counts.shape[1]), counts
                start += counts.shape[1]

    def mean(self, numbers: Sequence[Number]) -> Number:
        """The mean over readers; in a replicate over the readers drawn, undefined where one of them is."""
        values = np.array([number.value for number in numbers])
        every = np.stack([number.replicates for number in numbers])
        drawn = self.shares > 0
        total = np.where(drawn, self.shares * np.where(np.isnan(every), 0.0, every), 0.0).sum(axis=0)
        return Number(float(values.mean()), np.where((drawn & np.isnan(every)).any(axis=0), np.nan, total))

    def judge(self, score: FloatArray, targets: Sequence[Target] = ()) -> Judged:
        """Areas of a score, and its specificity at the targets, with the values of all replicates."""
        truth = self.truth.astype(np.float64)
        stairs = Staircase(score, truth, 1 - truth, self.index, self.clusters)
        whole = stairs.estimate()
        points = [np.array([target.sensitivity.value]) for target in targets]
        first = _numbers(whole, points)
        found = [np.full(self.n, value) for value in (float(one[0]) for one in first)]
        if not self.cases and self.n:
            found = found[:2] + _specificities(whole, [target.sensitivity.replicates for target in targets])
        width = stairs.columns()
        for place, counts in self.blocks():
            for start in range(0, counts.shape[1], width):
                part = slice(place.start + start, min(place.start + start + width, place.stop))
                steps = stairs.replicates(counts[:, start : start + width])
                numbers = _numbers(steps, [target.sensitivity.replicates[part] for target in targets])
                for into, values in zip(found, numbers, strict=True):
                    into[part] = values
        made = [Number(float(one[0]), values) for one, values in zip(first, found, strict=True)]
        names = [target.of for target in targets]
        return Judged(
            made[0], made[1], dict(zip(names, made[2::2], strict=True)), dict(zip(names, made[3::2], strict=True))
        )

    def shares_called(self, called: BoolArray, among: BoolArray) -> list[Number]:
        """Share of the units `among` (n) that each row of `called` (k x n) calls: sensitivities or specificities."""
        values = (called & among).sum(axis=1) / among.sum()
        found = np.repeat(values[:, None], self.n, axis=1)
        hits = np.stack([np.bincount(self.index, row & among, self.clusters) for row in called])
        size = np.bincount(self.index, among, self.clusters)
        for place, counts in self.blocks():
            numbers = counts.astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                found[:, place] = (hits @ numbers) / (size @ numbers)
        return [Number(float(value), row) for value, row in zip(values, found, strict=True)]

    def voted(self, recalls: BoolArray, among: BoolArray, right: bool) -> Number:
        """Share of the units `among` on which the majority of the readers (ties: recall) votes as is `right`."""
        if self.resample == "cases":
            return self.shares_called(((2 * recalls.sum(axis=0) >= len(recalls)) == right)[None], among)[0]
        value = float((((2 * recalls.sum(axis=0) >= len(recalls)) == right) & among).sum() / among.sum())
        found = np.full(self.n, np.nan)
        for place, counts in self._unit_counts():
            # Shares are multiples of 1 / readers, so that a tie misses one half by rounding at most.
            called = (recalls.T.astype(np.float64) @ self.shares[:, place] >= 0.5 - 1e-9) == right
            weight = counts * among[:, None]
            with np.errstate(divide="ignore", invalid="ignore"):
                found[place] = (called * weight).sum(axis=0) / weight.sum(axis=0)
        return Number(value, found)

    def judge_mean(self, readers: FloatArray, model: FloatArray | None = None) -> Judged:
        """Areas of the readers' mean score (readers x n), averaged with a model where one is given.

        Where readers are drawn, the mean is that of the readers of the replicate.
        """
        score = reader_ensemble(readers) if model is None else hybrid_ensemble(readers, model)
        if self.resample == "cases":
            return self.judge(score)
        auc_, prauc = areas(self.truth, score[None])
        found = np.full((2, self.n), np.nan)
        for place, counts in self._unit_counts():
            drawn = self.shares[:, place].T @ readers
            drawn = settled(drawn if model is None else (drawn + model) / 2)
            found[:, place] = areas(self.truth, drawn, counts.T)
        return Judged(Number(float(auc_[0]), found[0]), Number(float(prauc[0]), found[1]), {}, {})

    def _unit_counts(self) -> Iterator[tuple[slice, FloatArray]]:
        """Replicates and how often every unit counts in them: n x so many."""
        if self.cases:
            for place, counts in self.blocks():
                yield place, counts[self.index].astype(np.float64)
            return
        width = max(1, _CELLS // len(self.truth))
        for start in range(0, self.n, width):
            place = slice(start, min(start + width, self.n))
            yield place, np.ones((len(self.truth), place.stop - place.start))

    def result(
        self, metric: str, number: Number, *, of_one: bool = False, sd: float | None = None, **given: Any
    ) -> metrics.Result:
        """The row of a number, with its interval.

        Args:
            metric: its name.
            number: its value and replicates.
            of_one: it is one reader's or model's: to draw readers alone tells nothing of it.
            sd: over readers.
            given: fields of `cadkit.metrics.Result`.
        """
        missing = bool(np.isnan(number.value))
        row = metrics.Result(
            metric, None if missing else number.value, n=len(self.truth), positives=int(self.truth.sum()),
            clusters=self.clusters, sd=sd, reason="undefined on these data" if missing else None, **given,
        )  # fmt: skip
        if not self.n:
            return row
        found = with_interval(row, number.replicates, self.replicates, None)
        if of_one and not self.cases:
            # The constant replicates stay: a difference from the readers' mean is made of them.
            why = "no interval: readers alone are resampled"
            return replace(found, low=None, high=None, ci=None, ci_method=None, dropped=None, reason=why)
        return found


def _numbers(steps: Steps, targets: Sequence[FloatArray]) -> list[FloatArray]:
    """AUC, PRAUC, then per target the specificity on steps and on straight lines; a number per replicate."""
    return [both_classes(auc)(steps), both_classes(average_precision)(steps), *_specificities(steps, targets)]


def _specificities(steps: Steps, targets: Sequence[FloatArray]) -> list[FloatArray]:
    return [specificity_at(steps, target, line) for target in targets for line in (False, True)]


def specificity_at(steps: Steps, sensitivity: FloatArray, interpolate: bool = False) -> FloatArray:
    """Largest specificity that reaches a sensitivity, one for every replicate; NaN where either is undefined.

    Args:
        steps: of the replicates, or of the data (one column).
        sensitivity: one per replicate.
        interpolate: on the ROC polygon instead.
    """
    width = len(sensitivity)
    shape = (len(steps.gain), width)
    gain, before, through, passed = (
        np.broadcast_to(one, shape) for one in (steps.gain, steps.before, steps.through, np.cumsum(steps.gain, axis=0))
    )
    positives, exposure = (np.broadcast_to(one, width) for one in (steps.positives, steps.exposure))
    wanted = sensitivity * positives
    # A mean of shares may miss an operating point by rounding.
    short = (passed < wanted - 1e-9 * np.maximum(positives, 1)).sum(axis=0)
    columns = np.arange(width)
    step = np.minimum(short, len(steps.gain) - 1)
    false = through[step, columns]
    if interpolate:
        own, from_ = gain[step, columns], before[step, columns]
        along = wanted - (passed[step, columns] - own)
        share = np.clip(np.divide(along, own, out=np.zeros(width), where=own > 0), 0.0, 1.0)
        false = from_ + share * (false - from_)
    none = wanted <= 0
    defined = (positives > 0) & (exposure > 0) & ~np.isnan(sensitivity) & (none | (short < len(steps.gain)))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: FloatArray = np.where(defined, np.where(none, 1.0, (exposure - false) / exposure), np.nan)
    return found
