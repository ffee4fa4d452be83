"""Measures of scores that are probabilities: Brier score, calibration error, net benefit, probabilistic F1."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from cadkit.metrics._arrays import BoolArray, FloatArray, IntArray
from cadkit.metrics._measures import Measure
from cadkit.metrics._rates import features as called_features
from cadkit.metrics._totals import ratio

Mass = Literal["width", "mass"]


def probabilities(score: FloatArray, of: str) -> None:
    """ValueError where a score is no probability."""
    bad = (score < 0) | (score > 1)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{of} needs probabilities: {int(bad.sum())} scores lie outside [0, 1], "
            f"the first is row {row} (counted from 0) with {score[row]:g}"
        )


def brier() -> Measure:
    """Mean squared difference of probability and truth."""

    def rows(positive: BoolArray, score: FloatArray) -> FloatArray:
        probabilities(score, "brier")
        return np.stack([(score - positive) ** 2, np.ones(len(score))])

    return Measure("brier", lambda totals: ratio(totals[0], totals[1]), features=rows, needs="no rows")


def decimal_edges(bins: int, real: type[np.float32 | np.float64] = np.float64) -> FloatArray:
    """Inner edges k/bins of equal bins, such that a score lies at or above one if its shortest decimal does.

    The float nearest to an edge may stand for a decimal just below it (a third); the next float is taken then.
    """
    edges = []
    for number in range(1, bins):
        edge = real(number / bins)
        if Fraction(np.format_float_positional(edge, unique=True, trim="0")) < Fraction(number, bins):
            edge = real(np.nextafter(edge, real(1)))
        edges.append(float(edge))
    return np.array(edges)


def bin_index(score: FloatArray, bins: int, mass: Mass = "width", *, single: bool = False) -> tuple[IntArray, int]:
    """Bin of every score, and the number of bins.

    `width`: [a, b), the last closed. `mass`: edges at the percentiles of the scores (linear interpolation), bins
    (a, b], equal scores never apart. `single`: the scores were float32, whose decimals are shorter.
    """
    if bins < 1:
        raise ValueError(f"a calibration error needs at least one bin (found {bins})")
    if mass == "width":
        edges = decimal_edges(bins, np.float32 if single else np.float64)
        return np.searchsorted(edges, score, side="right").astype(np.int64), bins
    if mass != "mass":
        raise ValueError(f"bins are of equal 'width' or equal 'mass' (found {mass!r})")
    if not len(score):
        return np.zeros(0, dtype=np.int64), bins
    inner = np.percentile(score, np.linspace(0, 1, bins + 1)[1:-1] * 100)
    return np.searchsorted(inner, score, side="left").astype(np.int64), bins


def ece(options: Mapping[str, Any]) -> Measure:
    """Expected calibration error: mean over rows of |mean score - share of positives| of the row's bin."""
    bins, mass = int(options.get("bins", 10)), options.get("mass", "width")
    single = bool(options.get("single", False))

    def rows(positive: BoolArray, score: FloatArray) -> FloatArray:
        probabilities(score, "ece")
        index, count = bin_index(score, bins, mass, single=single)
        of_bin = index == np.arange(count)[:, None]
        return np.concatenate([of_bin * (score - positive), np.ones((1, len(score)))])

    def kernel(totals: FloatArray) -> FloatArray:
        return ratio(np.abs(totals[:-1]).sum(axis=0), totals[-1])

    return Measure("ece", kernel, given={"bins": bins, "mass": mass}, features=rows, needs="no rows")


def net_benefit(threshold: float | None) -> Measure:
    """True positives less false positives at their odds, per row (Vickers and Elkin 2006)."""
    if threshold is None or not 0 <= threshold < 1:
        raise ValueError(f"net_benefit needs a threshold probability in [0, 1) (found {threshold})")
    odds = threshold / (1 - threshold)
    called = called_features(threshold)

    def rows(positive: BoolArray, score: FloatArray) -> FloatArray:
        probabilities(score, "net_benefit")
        return called(positive, score)

    def kernel(totals: FloatArray) -> FloatArray:
        true, false, positives, negatives = totals
        return ratio(true - odds * false, positives + negatives)

    return Measure("net_benefit", kernel, float(threshold), features=rows, needs="no rows")


def pf1() -> Measure:
    """Harmonic mean of sum(p of positives)/sum(p) and sum(p of positives)/positives."""

    def rows(positive: BoolArray, score: FloatArray) -> FloatArray:
        probabilities(score, "pf1")
        return np.stack([score * positive, score, positive.astype(np.float64)])

    def kernel(totals: FloatArray) -> FloatArray:
        hit, called, positives = totals
        # 2 P R / (P + R), with P = hit / called and R = hit / positives; 0 where nothing is called.
        return np.where(positives > 0, ratio(2 * hit, called + positives), np.nan)

    return Measure("pf1", kernel, features=rows, needs="no positive rows")
