"""Free-response ROC: sensitivity against false positives per image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit.metrics import _kernels, intervals
from cadkit.metrics._arrays import BoolArray, FloatArray, IntArray, floats, indices, same_length, scores, sums
from cadkit.metrics._kernels import Kernel, Staircase
from cadkit.metrics.matching import Marks, Matches
from cadkit.metrics.resampling import Bootstrap, Replicates, cluster_rows, estimates, resample, settle
from cadkit.metrics.results import Result

CPM_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

Metric = str | tuple[str, float]


class FrocCurve(NamedTuple):
    """Operating points from (0, 0) on, one per distinct score, marks of one score together: a step function."""

    fpi: FloatArray
    sensitivity: FloatArray
    threshold: FloatArray


class FrocBand(NamedTuple):
    """Sensitivity with pointwise interval at numbers of false positives per image; NaN ends where there is none."""

    fpi: FloatArray
    sensitivity: FloatArray
    low: FloatArray
    high: FloatArray
    dropped: int


def pool_units(best: npt.ArrayLike, unit: npt.ArrayLike, n_units: int) -> FloatArray:
    """Best score per unit (lesion, breast or exam): the largest over its findings.

    Args:
        best: best hitting score per finding, -inf if none.
        unit: index of each finding's unit in [0, n_units).
        n_units: number of units; one without any finding (occult) is never hit: -inf.
    """
    values = scores(best, "best")
    index = indices(unit, "unit", n_units)
    same_length(len(values), unit=index)
    pooled = np.full(n_units, -np.inf)
    np.maximum.at(pooled, index, values)
    return pooled


@dataclass(frozen=True, eq=False)
class FrocSample:
    """What an FROC curve is made of.

    Attributes:
        false_score: score of every false positive.
        false_image: its image's index in [0, n_images).
        best: best hitting score of every positive unit (finding, lesion, breast or exam); -inf: never hit.
        n_images: number of images.
        image_cluster: patient of every image; None: every image is its own cluster.
        unit_cluster: patient of every unit; None (only if `image_cluster` is None, too): the index of its image.
        counted: images over which false positives are counted, numerator and denominator alike; None: all.
    """

    false_score: FloatArray
    false_image: IntArray
    best: FloatArray
    n_images: int
    image_cluster: npt.NDArray[np.generic] | None = None
    unit_cluster: npt.NDArray[np.generic] | None = None
    counted: BoolArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "false_score", scores(self.false_score, "false_score", finite=True))
        object.__setattr__(self, "false_image", indices(self.false_image, "false_image", self.n_images))
        object.__setattr__(self, "best", scores(self.best, "best"))
        same_length(len(self.false_score), false_image=self.false_image)
        if np.isposinf(self.best).any():
            raise ValueError("best holds an infinite score; only -inf (never hit) is allowed")
        for name, length in (
            ("image_cluster", self.n_images),
            ("unit_cluster", len(self.best)),
            ("counted", self.n_images),
        ):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, np.asarray(value))
                same_length(length, **{name: np.asarray(value)})
        if (self.image_cluster is None) != (self.unit_cluster is None):
            raise ValueError("give the clusters of both the images and the units, or of neither")

    @classmethod
    def from_matches(
        cls,
        marks: Marks,
        matches: Matches,
        n_images: int,
        *,
        best: npt.ArrayLike | None = None,
        image_cluster: npt.ArrayLike | None = None,
        unit_cluster: npt.ArrayLike | None = None,
        counted: npt.ArrayLike | None = None,
    ) -> FrocSample:
        """Sample of a match; `best` (default: of each finding) may have been pooled to other units (`pool_units`)."""
        false = matches.false_positive
        return cls(
            marks.score[false],
            marks.image[false],
            matches.best if best is None else np.asarray(best, dtype=np.float64),
            n_images,
            None if image_cluster is None else np.asarray(image_cluster),
            None if unit_cluster is None else np.asarray(unit_cluster),
            None if counted is None else np.asarray(counted, dtype=np.bool_),
        )

    @property
    def images(self) -> BoolArray:
        """Which images false positives are counted over."""
        return np.ones(self.n_images, dtype=np.bool_) if self.counted is None else self.counted

    def undefined(self) -> str | None:
        """Why the curve does not exist, if so."""
        if not len(self.best):
            return "no positive findings"
        return None if self.images.any() else "no images to count false positives over"


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
    false = np.sort(sample.false_score[sample.images[sample.false_image]])
    hit = np.sort(sample.best[np.isfinite(sample.best)])
    threshold = np.unique(np.concatenate([false, hit]))[::-1]
    false_count = len(false) - np.searchsorted(false, threshold, "left")
    hit_count = len(hit) - np.searchsorted(hit, threshold, "left")
    return FrocCurve(
        np.concatenate([[0.0], false_count / sample.images.sum()]),
        np.concatenate([[0.0], hit_count / len(sample.best)]),
        np.concatenate([[np.inf], threshold]),
    )


@dataclass(frozen=True)
class _Compiled:
    staircase: Staircase
    present: IntArray
    clusters: int | None
    replicates: Replicates | None
    max_fpi: float


def _compile(sample: FrocSample, bootstrap: int | Bootstrap | Replicates | None, seed: int, ci: float) -> _Compiled:
    images = np.arange(sample.n_images) if sample.image_cluster is None else sample.image_cluster
    if sample.unit_cluster is None and bootstrap:
        raise ValueError("a bootstrap needs image_cluster and unit_cluster: which units belong to which images")
    units = np.zeros(len(sample.best), dtype=np.int64) if sample.unit_cluster is None else sample.unit_cluster
    if len(images) and len(units) and (images.dtype.kind in "OUS") != (units.dtype.kind in "OUS"):
        raise ValueError("image_cluster and unit_cluster must both be text or both be numbers")
    every = np.concatenate([images, units]) if len(units) else images
    replicates = None
    if len(every):
        positive = np.concatenate([np.zeros(len(images)), np.ones(len(units))])
        replicates = settle(bootstrap, seed, ci, every, positive)
    rows = cluster_rows(every, len(every), replicates)
    image_index, unit_index = rows.index[: len(images)], rows.index[len(images) :]
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


def _kernel(metric: Metric, interpolate: bool, rates: tuple[float, ...]) -> tuple[str, float | None, Kernel]:
    if metric == "cpm":
        return "cpm", None, _kernels.cpm(rates, interpolate)
    if metric == "max_sensitivity":
        return "max_sensitivity", None, _kernels.max_sensitivity
    if isinstance(metric, tuple) and metric[0] == "froc_sensitivity":
        if not 0 <= metric[1] < np.inf:
            raise ValueError(f"froc_sensitivity needs a number of false positives per image (found {metric[1]})")
        return "froc_sensitivity", float(metric[1]), _kernels.froc_sensitivity(float(metric[1]), interpolate)
    if isinstance(metric, tuple) and metric[0] == "fpi_at_sensitivity":
        if not 0 <= metric[1] <= 1:
            raise ValueError(f"fpi_at_sensitivity needs a sensitivity in [0, 1] (found {metric[1]})")
        return "fpi_at_sensitivity", float(metric[1]), _kernels.fpi_at_sensitivity(float(metric[1]))
    raise ValueError(
        f"unknown FROC metric {metric!r}; known are 'cpm', 'max_sensitivity', ('froc_sensitivity', FPI) "
        "and ('fpi_at_sensitivity', SENSITIVITY)"
    )


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
    chosen = [_kernel(metric, interpolate, tuple(rates)) for metric in metrics]
    compiled = _compile(sample, bootstrap, seed, ci)
    reason = sample.undefined()
    empty = []
    for name, at, _ in chosen:
        flags = []
        last = max(rates) if name == "cpm" else at if name == "froc_sensitivity" else None
        if reason is None and last is not None and last > compiled.max_fpi:
            flags.append("beyond")
        if interpolate and name in ("cpm", "froc_sensitivity"):
            flags.append("interpolated")
        why = reason
        if reason is None and name == "fpi_at_sensitivity":
            share = np.isfinite(sample.best).mean()
            why = f"the curve reaches a sensitivity of {share:.4g} only"
        empty.append(
            Result(
                name, None, n=int(sample.images.sum()), positives=len(sample.best),
                clusters=compiled.clusters, at=at, reason=why, flags=tuple(flags),
            )
        )  # fmt: skip
    kernels = [kernel for _, _, kernel in chosen]
    return estimates(compiled.staircase, kernels, empty, compiled.replicates, compiled.present)


def froc_band(
    sample: FrocSample,
    fpi: npt.ArrayLike,
    *,
    interpolate: bool = False,
    bootstrap: int | Bootstrap | Replicates = 2000,
    seed: int = 0,
    ci: float = 0.95,
) -> FrocBand:
    """Sensitivity with a pointwise percentile band on a grid of false positives per image, for a figure."""
    grid = floats(fpi, "fpi")
    compiled = _compile(sample, bootstrap, seed, ci)
    kernels = [_kernels.froc_sensitivity(float(rate), interpolate) for rate in grid]
    steps = compiled.staircase.estimate()
    centre = np.array([float(kernel(steps)[0]) for kernel in kernels])
    low, high = np.full(len(grid), np.nan), np.full(len(grid), np.nan)
    dropped = 0
    if compiled.replicates is not None and sample.undefined() is None:
        level = compiled.replicates.options.ci
        drawn = resample(compiled.staircase, kernels, compiled.replicates)
        for number, values in enumerate(drawn):
            dropped = int(np.isnan(values).sum())
            if dropped <= intervals.MAX_DROPPED * len(values):
                ends = intervals.percentile(values, level)
                low[number], high[number] = ends.low, ends.high
    return FrocBand(grid, centre, low, high, dropped)


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
