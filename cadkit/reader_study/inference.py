"""Estimates, tests and the result of an analysis of multiple readers and multiple cases (MRMC)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
from scipy import special

from cadkit.metrics.intervals import check_level
from cadkit.reader_study.ratings import FloatArray

Random = Literal["RRRC", "FRRC", "RRFC"]
"""What is random: readers and cases (RRRC), cases (FRRC, fixed readers) or readers (RRFC, fixed cases)."""

# Rounding leaves about 1e-19 in a covariance of areas and 1e-32 in a mean square of their differences.
_NO_VARIANCE = 1e-17
_NO_SQUARE = 1e-24


def settled(value: float, rounding: float = _NO_VARIANCE) -> float:
    """A variance, with what rounding leaves of none taken for none."""
    return 0.0 if abs(value) < rounding else value


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and interval.

    Attributes:
        value: the estimate.
        se: its standard error; None where its variance cannot be estimated, with the reason.
        df: degrees of freedom of Student's t, None for the normal distribution.
        low, high: the interval; that of a figure of merit within 0 and 1 is cut there, that of a difference is not.
        statistic, p: t or z of the hypothesis that the number is 0, and its two-sided P value; None where the number
            is no difference.
    """

    value: float
    se: float | None = None
    df: float | None = None
    low: float | None = None
    high: float | None = None
    statistic: float | None = None
    p: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Overall:
    """The test of no difference between modalities: F with df1 and df2, or chi-square with df1 (df2 None)."""

    kind: Literal["F", "chi2"]
    value: float | None
    df1: float
    df2: float | None
    p: float | None
    ms_modality: float
    denominator: float
    reason: str | None = None


@dataclass(frozen=True)
class Inference:
    """What follows when readers, cases or both are a sample of many.

    Attributes:
        random: which are.
        overall: test of all modalities; None with one of them.
        means: modality -> mean over readers.
        differences: (modality, other) -> mean difference, the first minus the other.
        reader_values: (modality, reader) -> the reader's own value; where readers are fixed.
        reader_differences: (modality, other, reader) -> the reader's own difference; where readers are fixed.
    """

    random: Random
    overall: Overall | None
    means: dict[str, Estimate]
    differences: dict[tuple[str, str], Estimate] = field(default_factory=dict)
    reader_values: dict[tuple[str, str], Estimate] = field(default_factory=dict)
    reader_differences: dict[tuple[str, str, str], Estimate] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class MrmcResult:
    """An MRMC analysis.

    Attributes:
        fom: figure of merit, such as `auc` or `wafroc`.
        method: `or` (Obuchowski-Rockette), `dbm` (Dorfman-Berbaum-Metz on pseudovalues) or `bdg` (Gallas' one-shot
            U-statistic) or `bdg-centred`.
        covariance: `jackknife`, `delong`, `unbiased`, `pseudovalues` (dbm) or `u-statistic` (bdg).
        design: `crossed`, `cases nested in readers`, `cases nested in modalities`, `not fully crossed` (bdg).
        ci: level of the intervals.
        readers, modalities: their names.
        cases: number of cases (patients, where cases are clustered) that the figure of merit counts.
        values: modalities x readers, each reader's figure of merit.
        inferences: by what is random; `bdg` has RRRC alone.
        components: mean squares and variance components by name, of the whole study.
        modality_components: modality -> `ms_reader`, `var_error`, `cov2` of that modality alone.
        reader_components: reader -> `ms_modality`, `var_error`, `cov1` of that reader alone.
        matrix: covariance of all values, (modality, reader) by (modality, reader), modality the slower; None for dbm.
        normal: `bdg`: as RRRC, by the normal distribution whatever the design.
        freedom: `bdg`: degrees of freedom by modality and pair, before their integer part is taken; None where the
            design has none.
    """

    fom: str
    method: str
    covariance: str
    design: str
    ci: float
    readers: tuple[str, ...]
    modalities: tuple[str, ...]
    cases: int
    values: FloatArray
    inferences: dict[Random, Inference]
    components: dict[str, float] = field(default_factory=dict)
    modality_components: dict[str, dict[str, float]] = field(default_factory=dict)
    reader_components: dict[str, dict[str, float]] = field(default_factory=dict)
    matrix: FloatArray | None = None
    normal: Inference | None = None
    freedom: dict[tuple[str, ...], float | None] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """Every estimate as a flat row: quantity, inference, modality, other, reader and the fields of `Estimate`."""
        rows: list[dict[str, Any]] = []

        def add(quantity: str, estimate: Estimate, inference: str, modality: str, other: str, reader: str) -> None:
            head = {"quantity": quantity, "inference": inference, "modality": modality, "other": other}
            rows.append({**head, "reader": reader, **asdict(estimate)})

        for name, one in self.inferences.items():
            for modality, estimate in one.means.items():
                add("mean", estimate, name, modality, "", "")
            for (modality, other), estimate in one.differences.items():
                add("difference", estimate, name, modality, other, "")
            for (modality, reader), estimate in one.reader_values.items():
                add("reader", estimate, name, modality, "", reader)
            for (modality, other, reader), estimate in one.reader_differences.items():
                add("reader_difference", estimate, name, modality, other, reader)
        return rows


def estimate(
    value: float, variance: float, df: float | None, ci: float, *, test: bool, reason: str | None = None
) -> Estimate:
    """An estimate with its interval, by Student's t with `df` degrees of freedom or, where None, the normal.

    Args:
        value, variance: of the estimate; a variance of NaN means that it cannot be estimated.
        test: whether to test the hypothesis that the number is 0.
        reason: why the variance is NaN.
    """
    variance = settled(variance)
    if not variance >= 0:
        return Estimate(float(value), reason=reason or "the estimate of the variance is negative")
    se = float(np.sqrt(variance))
    known = None if df is None or not np.isfinite(df) else float(df)
    upper = 0.5 + check_level(ci) / 2
    half = se * float(special.ndtri(upper) if known is None else special.stdtrit(known, upper))
    statistic = p = None
    if test and se > 0:
        statistic = float(value / se)
        below = special.ndtr(-abs(statistic)) if known is None else special.stdtr(known, -abs(statistic))
        p = float(2 * below)
    return Estimate(
        float(value), se, known, float(value - half), float(value + half), statistic, p,
        reason="no test: the variance is zero" if test and se == 0 else None,
    )  # fmt: skip


def cut(inference: Inference) -> Inference:
    """Intervals of means and of readers' own values cut at 0 and 1."""

    def inside(one: Estimate) -> Estimate:
        if one.low is None or one.high is None:
            return one
        return replace(one, low=max(one.low, 0.0), high=min(one.high, 1.0))

    return replace(
        inference,
        means={name: inside(one) for name, one in inference.means.items()},
        reader_values={name: inside(one) for name, one in inference.reader_values.items()},
    )


def f_test(ms_modality: float, denominator: float, df1: float, df2: float | None) -> Overall:
    """F test of `ms_modality` over `denominator`; df2 infinite: as chi-square over df1. df2 None: there is no test."""
    top, bottom = settled(ms_modality, _NO_SQUARE), settled(denominator)
    if bottom <= 0 or df2 is None:
        return Overall(
            "F", None, df1, df2, None, ms_modality, denominator, reason="no test: there is no variance to test against"
        )
    ratio = top / bottom
    p = special.fdtrc(df1, df2, ratio) if np.isfinite(df2) else special.chdtrc(df1, df1 * ratio)
    return Overall("F", ratio, df1, df2 if np.isfinite(df2) else None, float(p), ms_modality, denominator)


def chi2_test(ms_modality: float, denominator: float, df1: float) -> Overall:
    """Chi-square test of df1 times `ms_modality` over `denominator`."""
    top, bottom = settled(ms_modality, _NO_SQUARE), settled(denominator)
    if bottom <= 0:
        return Overall(
            "chi2", None, df1, None, None, ms_modality, denominator,
            reason="no test: there is no variance to test against",
        )  # fmt: skip
    value = df1 * top / bottom
    return Overall("chi2", value, df1, None, float(special.chdtrc(df1, value)), ms_modality, denominator)


def hillis(denominator: float, mean_square: float, df: float) -> float | None:
    """Hillis' (2007) degrees of freedom: denominator^2 / (mean_square^2 / df); None (normal) without a mean square."""
    square = settled(mean_square, _NO_SQUARE)
    return None if square == 0 or df <= 0 else float(denominator**2 / (square**2 / df))
