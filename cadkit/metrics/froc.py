"""Free-response ROC: sensitivity against false positives per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit.metrics import intervals
from cadkit.metrics._arrays import BoolArray, FloatArray, IntArray, floats, sums
from cadkit.metrics._froc_readout import Question, Readout
from cadkit.metrics._kernels import Staircase, Steps
from cadkit.metrics.froc_sample import FpImages, FrocSample
from cadkit.metrics.resampling import Bootstrap, Replicates, cluster_rows, settle, with_interval
from cadkit.metrics.results import Result

CPM_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

Metric = str | tuple[str, float]


class FrocCurve(NamedTuple):
    """Operating points from (0, 0) on, one per distinct score, marks of one score together: a step function."""

    fpi: FloatArray
    sensitivity: FloatArray
    threshold: FloatArray


class FrocBand(NamedTuple):
    """Sensitivity with pointwise interval at numbers of false positives per image; NaN ends where there is none.

    Attributes:
        dropped: replicates without a positive or an image, left out at every point.
        beyond: where the curve has ended before: the sensitivity is that of its last point.
    """

    fpi: FloatArray
    sensitivity: FloatArray
    low: FloatArray
    high: FloatArray
    dropped: int
    beyond: BoolArray


class FrocSummary(NamedTuple):
    """All that a report says of one FROC: numbers, operating points, band; no curve and band where it is undefined."""

    results: list[Result]
    curve: FrocCurve | None
    band: FrocBand | None


def froc_curve(sample: FrocSample) -> FrocCurve:
    """All operating points.

    Raises:
        ValueError: no positive units or no counted images: the curve is undefined.

    >>> sample = FrocSample([0.9, 0.4], [1, 0], [0.9, 0.5, -np.inf], n_images=2)
    >>> froc_curve(sample).sensitivity.round(2)
    array([0.  , 0.33, 0.67, 0.67])
    """
    reason = sample.undefined()
    if reason is not None:
        raise ValueError(f"the FROC curve is undefined: {reason}")
    counted = sample.counted
    false = sample.false_score if counted is None else sample.false_score[counted[sample.false_image]]
    hit = np.sort(sample.best[np.isfinite(sample.best)])
    # A score ends its run of equal ones where the next differs; up to there all marks are passed.
    every = np.sort(np.concatenate([false, hit]))[::-1]
    last = np.flatnonzero(np.append(every[1:] != every[:-1], True)[: len(every)])
    hit_count = len(hit) - np.searchsorted(hit, every[last], "left")
    return FrocCurve(
        np.concatenate([[0.0], (last + 1 - hit_count) / sample.images.sum()]),
        np.concatenate([[0.0], hit_count / len(sample.best)]),
        np.concatenate([[np.inf], every[last]]),
    )


@dataclass(frozen=True)
class _Compiled:
    staircase: Staircase
    present: IntArray
    clusters: int | None
    replicates: Replicates | None
    max_fpi: float


def _replicates(
    sample: FrocSample, bootstrap: int | Bootstrap | Replicates | None, seed: int, ci: float
) -> Replicates | None:
    """The counts asked for, over the clusters of the sample's images and units."""
    if sample.unit_cluster is None and bootstrap:
        raise ValueError("a bootstrap needs image_cluster and unit_cluster: which units belong to which images")
    every, images = _clusters(sample)
    return settle(bootstrap, seed, ci, every, np.arange(len(every)) >= images) if len(every) else None


def _clusters(sample: FrocSample) -> tuple[npt.NDArray[np.generic], int]:
    """Clusters of all images, then of all units; and the number of images."""
    images = np.arange(sample.n_images) if sample.image_cluster is None else sample.image_cluster
    units = np.zeros(len(sample.best), dtype=np.int64) if sample.unit_cluster is None else sample.unit_cluster
    if len(images) and len(units) and (images.dtype.kind in "OUS") != (units.dtype.kind in "OUS"):
        raise ValueError("image_cluster and unit_cluster must both be text or both be numbers")
    return np.concatenate([images, units]) if len(units) else images, len(images)


def _compile(sample: FrocSample, replicates: Replicates | None) -> _Compiled:
    every, images = _clusters(sample)
    rows = cluster_rows(every, len(every), replicates)
    image_index, unit_index = rows.index[:images], rows.index[images:]
    counted = sample.images[sample.false_image]
    hit = np.isfinite(sample.best)
    n_false, n_hit = int(counted.sum()), int(hit.sum())
    staircase = Staircase(
        np.concatenate([sample.best[hit], sample.false_score[counted]]),
        np.concatenate([np.ones(n_hit), np.zeros(n_false)]),
        np.concatenate([np.zeros(n_hit), np.ones(n_false)]),
        np.concatenate([unit_index[hit], image_index[sample.false_image[counted]]]),
        rows.count,
        positives=sums(unit_index, None, rows.count),
        exposure=sums(image_index, sample.images, rows.count),
    )
    exposure = int(sample.images.sum())
    clusters = None if sample.image_cluster is None else len(rows.present)
    return _Compiled(staircase, rows.present, clusters, replicates, n_false / exposure if exposure else 0.0)


def _question(metric: Metric, rates: tuple[float, ...]) -> Question:
    if metric == "cpm":
        if not rates or not all(0 <= rate < np.inf for rate in rates):
            raise ValueError(f"cpm averages over numbers of false positives per image (found {rates})")
        return Question("cpm", rates=rates)
    if metric == "max_sensitivity":
        return Question("max_sensitivity")
    if isinstance(metric, tuple) and metric[0] == "froc_sensitivity":
        if not 0 <= metric[1] < np.inf:
            raise ValueError(f"froc_sensitivity needs a number of false positives per image (found {metric[1]})")
        return Question("froc_sensitivity", float(metric[1]))
    if isinstance(metric, tuple) and metric[0] == "fpi_at_sensitivity":
        if not 0 <= metric[1] <= 1:
            raise ValueError(f"fpi_at_sensitivity needs a sensitivity in [0, 1] (found {metric[1]})")
        return Question("fpi_at_sensitivity", float(metric[1]))
    raise ValueError(
        f"unknown FROC metric {metric!r}; known are 'cpm', 'max_sensitivity', ('froc_sensitivity', FPI) "
        "and ('fpi_at_sensitivity', SENSITIVITY)"
    )


def _answers(
    sample: FrocSample, questions: Sequence[Question], interpolate: bool, replicates: Replicates | None
) -> list[Result]:
    """Every question in the data, in all replicates, and (for BCa) with every cluster left out."""
    compiled = _compile(sample, replicates)
    staircase = compiled.staircase

    def read(steps: Steps) -> FloatArray:
        return Readout(steps, interpolate).answers(questions)

    values = read(staircase.estimate())[:, 0].tolist()
    results = [_result(sample, compiled, q, v, interpolate) for q, v in zip(questions, values, strict=True)]
    if replicates is None or not questions:
        return results
    width = staircase.columns()
    drawn = [
        read(staircase.replicates(counts[:, start : start + width]))
        for counts in replicates.counts()
        for start in range(0, counts.shape[1], width)
    ]
    left_out: Sequence[FloatArray | None] = [None] * len(questions)
    if replicates.options.interval == "bca":
        count = staircase.n_clusters
        without = [read(staircase.without(s, min(s + width, count))) for s in range(0, count, width)]
        left_out = list(np.concatenate(without, axis=1)[:, compiled.present])
    rows = zip(results, np.concatenate(drawn, axis=1), left_out, strict=True)
    return [with_interval(result, row, replicates, jackknife) for result, row, jackknife in rows]


def _result(sample: FrocSample, compiled: _Compiled, question: Question, value: float, interpolate: bool) -> Result:
    flags = []
    reason = sample.undefined()
    if reason is None and question.last is not None and question.last > compiled.max_fpi:
        flags.append("beyond")
    if interpolate and question.metric in ("cpm", "froc_sensitivity"):
        flags.append("interpolated")
    if reason is None and np.isnan(value):
        reason = f"the curve reaches a sensitivity of {np.isfinite(sample.best).mean():.4g} only"
    return Result(
        question.metric, None if np.isnan(value) else value, n=int(sample.images.sum()), positives=len(sample.best),
        clusters=compiled.clusters, at=question.at, reason=reason, flags=tuple(flags),
    )  # fmt: skip


def froc(
    sample: FrocSample,
    metrics: Sequence[Metric] = ("cpm", "max_sensitivity"),
    *,
    interpolate: bool = False,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
    rates: Sequence[float] = CPM_RATES,
) -> list[Result]:
    """Numbers read off the FROC curve, each with a bootstrap interval if asked for.

    Args:
        sample: false positives, best scores of the positives, and images.
        metrics: `cpm` (mean sensitivity at `rates`), `max_sensitivity`, pairs of `froc_sensitivity` and a number
            of false positives per image (largest sensitivity among points with at most that many; past the last
            point its sensitivity, flagged `beyond`), or of `fpi_at_sensitivity` and a sensitivity (smallest
            number that reaches it).
        interpolate: follow straight lines between points (at a vertical step the better end) for the sensitivities.
        bootstrap: number of replicates, a `Bootstrap`, or ready `Replicates`; needs the sample's clusters.
        seed, ci: of a bootstrap given as a number.
        rates: false positives per image of `cpm`.

    Returns:
        One `Result` per metric; n counts images, positives units.
    """
    questions = [_question(metric, tuple(rates)) for metric in metrics]
    return _answers(sample, questions, interpolate, _replicates(sample, bootstrap, seed, ci))


def froc_band(
    sample: FrocSample,
    fpi: npt.ArrayLike,
    *,
    interpolate: bool = False,
    bootstrap: int | Bootstrap | Replicates = 2000,
    seed: int = 0,
    ci: float = 0.95,
) -> FrocBand:
    """Sensitivity with a pointwise interval on a grid of false positives per image, for a figure."""
    asked: list[Metric] = [("froc_sensitivity", rate) for rate in floats(fpi, "fpi").tolist()]
    return _band(froc(sample, asked, interpolate=interpolate, bootstrap=bootstrap, seed=seed, ci=ci))


def _band(results: Sequence[Result]) -> FrocBand:
    def column(name: str) -> FloatArray:
        found = [getattr(result, name) for result in results]
        return np.array([np.nan if value is None else value for value in found], dtype=np.float64)

    return FrocBand(
        column("at"), column("value"), column("low"), column("high"),
        dropped=results[0].dropped or 0 if results else 0,
        beyond=np.array(["beyond" in result.flags for result in results], dtype=np.bool_),
    )  # fmt: skip


def froc_summary(
    sample: FrocSample,
    metrics: Sequence[Metric] = ("cpm", "max_sensitivity"),
    *,
    grid: npt.ArrayLike = (),
    fp_images: Sequence[FpImages] = ("all", "normal"),
    interpolate: bool = False,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
    rates: Sequence[float] = CPM_RATES,
) -> dict[FpImages, FrocSummary]:
    """Numbers, curve and band with false positives counted over all images and over normal ones, from one resampling.

    Args:
        sample: with `normal` if `fp_images` holds it.
        metrics, interpolate, bootstrap, seed, ci, rates: as in `froc`.
        grid: false positives per image of the band; none without a bootstrap or a grid.
        fp_images: which images false positives are counted over; one summary each.
    """
    asked = [_question(metric, tuple(rates)) for metric in metrics]
    points = [_question(("froc_sensitivity", rate), ()) for rate in floats(grid, "grid").tolist()]
    replicates = _replicates(sample, bootstrap, seed, ci)
    summaries: dict[FpImages, FrocSummary] = {}
    for which in fp_images:
        one = sample.over(which)
        exists = one.undefined() is None
        results = _answers(one, asked + (points if replicates is not None else []), interpolate, replicates)
        band = _band(results[len(asked) :]) if exists and len(results) > len(asked) else None
        summaries[which] = FrocSummary(results[: len(asked)], froc_curve(one) if exists else None, band)
    return summaries


def froc_sensitivity(
    sample: FrocSample,
    fpi: float,
    *,
    interpolate: bool = False,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> Result:
    """Largest sensitivity with at most `fpi` false positives per image."""
    asked: list[Metric] = [("froc_sensitivity", fpi)]
    return froc(sample, asked, interpolate=interpolate, bootstrap=bootstrap, seed=seed, ci=ci)[0]


def fpi_at_sensitivity(sample: FrocSample, sensitivity: float) -> Result:
    """Smallest number of false positives per image that reaches the sensitivity; undefined if none does."""
    asked: list[Metric] = [("fpi_at_sensitivity", sensitivity)]
    return froc(sample, asked)[0]


def max_sensitivity(sample: FrocSample, *, ci: float = 0.95) -> Result:
    """Share of the positives that any mark hits, with Wilson's interval where there are no clusters."""
    result = froc(sample, ["max_sensitivity"])[0]
    if result.value is None or sample.unit_cluster is not None:
        return result
    low, high, _ = intervals.wilson(int(np.isfinite(sample.best).sum()), len(sample.best), ci)
    return replace(result, low=low, high=high, ci=ci, ci_method="wilson")


def cpm(sample: FrocSample, rates: Sequence[float] = CPM_RATES, *, interpolate: bool = False) -> Result:
    """Mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per image."""
    return froc(sample, ["cpm"], interpolate=interpolate, rates=rates)[0]
