"""Bootstrap over clusters: counts drawn once and shared by every model, label and metric.

Because the counts are shared, the replicates of two results stand in pairs, and their difference needs no
further drawing (`difference`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from cadkit.metrics import intervals
from cadkit.metrics._arrays import FloatArray, IntArray, floats, identities, same_length
from cadkit.metrics._draws import Counts, draw_counts
from cadkit.metrics.results import AT_A_THRESHOLD, NO_SPREAD, Comparison, Result

BLOCK = 64  # replicates per random stream; another size would be other numbers
_KEPT_BYTES = 256 << 20

IntervalKind = Literal["percentile", "bca"]


@dataclass(frozen=True)
class Bootstrap:
    """How to resample.

    Attributes:
        n: number of replicates.
        seed: of all counts.
        interval: `percentile` or `bca` (bias-corrected and accelerated, exact jackknife over clusters).
        ci: confidence level.
        stratify: draw clusters with and without a positive row apart, so that their numbers stay.
    """

    n: int = 2000
    seed: int = 0
    interval: IntervalKind = "percentile"
    ci: float = 0.95
    stratify: bool = False

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"a bootstrap needs at least one replicate (found n={self.n})")
        if self.interval not in ("percentile", "bca"):
            raise ValueError(f"interval must be 'percentile' or 'bca' (found {self.interval!r})")
        intervals.check_level(self.ci)

    def replicates(self, cluster: npt.ArrayLike, positive: npt.ArrayLike | None = None) -> Replicates:
        """Counts over the distinct entries of `cluster`; `positive` (0/1 per entry) makes the strata."""
        if self.stratify and positive is None:
            raise ValueError("a stratified bootstrap needs to know which rows are positive")
        return Replicates(cluster, strata=positive if self.stratify else None, options=self)


class Replicates:
    """Counts of clusters in every replicate.

    Made once per cohort from the clusters (patients) of all its rows, then given as `bootstrap` to every metric of
    every model; rows may be any subset of the cohort's.

    Args:
        cluster: cluster of every row, numbers or text; repeated entries are one cluster.
        strata: stratum of every row as a number; a cluster's is the largest of its rows. Each
            stratum keeps its number of clusters.
        options: number of replicates, seed, kind of interval and level.

    >>> replicates = Replicates(["a", "a", "b", "c"], options=Bootstrap(n=3, seed=1))
    >>> replicates.weights(replicates.index(["a", "b", "c"])).sum(axis=0)
    array([3., 3., 3.])
    """

    def __init__(
        self,
        cluster: npt.ArrayLike,
        *,
        strata: npt.ArrayLike | None = None,
        options: Bootstrap | None = None,
    ) -> None:
        self.options = options or Bootstrap()
        ids = identities(cluster)
        if not len(ids):
            raise ValueError("there is no cluster to draw from")
        self.clusters, rows = np.unique(ids, return_inverse=True)
        self._strata = [np.arange(len(self.clusters))]
        if strata is not None:
            values = floats(strata, "strata")
            same_length(len(ids), strata=values)
            largest = np.full(len(self.clusters), -np.inf)
            np.maximum.at(largest, rows, values)
            self._strata = [np.flatnonzero(largest == value) for value in np.unique(largest)]
        self._kept: dict[int, Counts] = {}

    def __len__(self) -> int:
        return self.options.n

    def __repr__(self) -> str:
        return f"<{self.options.n} replicates of {len(self.clusters)} clusters, seed {self.options.seed}>"

    def index(self, cluster: npt.ArrayLike) -> IntArray:
        """Index into `clusters` of every row's cluster; a cluster that is not there is a ValueError."""
        ids = identities(cluster)
        if not len(ids):
            return np.zeros(0, dtype=np.int64)
        if (ids.dtype.kind in "US") != (self.clusters.dtype.kind in "US"):
            raise ValueError("clusters are text here and numbers there: give the same identifiers to both")
        found = np.minimum(np.searchsorted(self.clusters, ids), len(self.clusters) - 1)
        strange = self.clusters[found] != ids
        if strange.any():
            raise ValueError(
                f"{int(strange.sum())} rows belong to clusters that are not among the replicates', "
                f"the first is row {int(strange.argmax())} (counted from 0)"
            )
        return found.astype(np.int64)

    def counts(self) -> Iterator[Counts]:
        """Counts of the replicates in order, as arrays of bytes (clusters x at most 64 replicates)."""
        streams = np.random.SeedSequence(self.options.seed).spawn(-(-self.options.n // BLOCK))
        keep = len(streams) * BLOCK * len(self.clusters) <= _KEPT_BYTES
        for number, stream in enumerate(streams):
            counts = self._kept.get(number)
            if counts is None:
                counts = self._draw(np.random.Generator(np.random.PCG64(stream)))
                if keep:
                    self._kept[number] = counts
            yield counts[:, : self.options.n - number * BLOCK]

    def blocks(self) -> Iterator[FloatArray]:
        """The same counts as numbers to reckon with (float64)."""
        for counts in self.counts():
            yield counts.astype(np.float64, order="C")

    def _draw(self, generator: np.random.Generator) -> Counts:
        """A whole block, whatever is used of it: a shorter block is the start of a longer one."""
        if len(self._strata) == 1:
            return draw_counts(generator, len(self.clusters), BLOCK)
        counts = np.empty((len(self.clusters), BLOCK), dtype=np.uint8)
        for members in self._strata:
            counts[members] = draw_counts(generator, len(members), BLOCK)
        return counts

    def weights(self, index: IntArray) -> FloatArray:
        """How often each row (given by its cluster's index) stands in each replicate: rows x replicates."""
        return np.concatenate([block[index] for block in self.blocks()], axis=1)


def settle(
    bootstrap: int | Bootstrap | Replicates | None,
    seed: int,
    ci: float,
    cluster: npt.ArrayLike | None,
    positive: npt.NDArray[Any],
) -> Replicates | None:
    """What a caller of a metric asked for: a number of replicates, a plan, or ready counts (with seed and level)."""
    if bootstrap is None or isinstance(bootstrap, Replicates):
        return bootstrap
    if not isinstance(bootstrap, Bootstrap):
        if bootstrap == 0:
            return None
        bootstrap = Bootstrap(bootstrap, seed, ci=ci)
    return bootstrap.replicates(np.arange(len(positive)) if cluster is None else cluster, positive)


class Source(Protocol):
    """Data compiled so that replicates are cheap: what the kernels of its kind take, a column per replicate."""

    n_clusters: int

    def estimate(self) -> Any: ...

    def replicates(self, counts: Counts, /) -> Any: ...

    def without(self, start: int, stop: int) -> Any: ...

    def columns(self) -> int: ...


Kernel = Callable[[Any], FloatArray]


def resample(source: Source, kernels: Sequence[Kernel], replicates: Replicates) -> list[FloatArray]:
    """Every kernel in every replicate: one array of n numbers per kernel, NaN where undefined."""
    values: list[list[FloatArray]] = [[] for _ in kernels]
    width = source.columns()
    for counts in replicates.counts():
        for start in range(0, counts.shape[1], width):
            steps = source.replicates(counts[:, start : start + width])
            for kernel, into in zip(kernels, values, strict=True):
                into.append(kernel(steps))
    return [np.concatenate(parts) for parts in values]


def leave_one_out(source: Source, kernels: Sequence[Kernel], present: IntArray) -> list[FloatArray]:
    """Every kernel without one cluster, for each cluster that has rows (`present`)."""
    values: list[list[FloatArray]] = [[] for _ in kernels]
    width = source.columns()
    for start in range(0, source.n_clusters, width):
        steps = source.without(start, min(start + width, source.n_clusters))
        for kernel, into in zip(kernels, values, strict=True):
            into.append(kernel(steps))
    return [np.concatenate(parts)[present] for parts in values]


def with_interval(result: Result, values: FloatArray, replicates: Replicates, jackknife: FloatArray | None) -> Result:
    """The result with its bootstrap interval, or with the reason why there is none."""
    options = replicates.options
    dropped = int(np.isnan(values).sum())
    value = result.value
    result = replace(result, dropped=dropped, replicates=values, jackknife=jackknife, resampling=replicates)
    if value is None:
        return result
    if dropped > intervals.WARN_DROPPED * len(values):
        result = replace(result, flags=(*result.flags, "replicates-dropped"))
    if dropped > intervals.MAX_DROPPED * len(values):
        return replace(result, reason=f"no interval: undefined in {dropped} of {len(values)} replicates")
    if jackknife is None:
        low, high, reason = intervals.percentile(values, options.ci)
    else:
        low, high, reason = intervals.bca(value, values, jackknife, options.ci)
    if reason is not None:
        return replace(result, reason=f"no interval: {reason}")
    flags = (*result.flags, NO_SPREAD) if low == high else result.flags
    return replace(result, low=low, high=high, ci=options.ci, ci_method=f"bootstrap-{options.interval}", flags=flags)


def estimates(
    source: Source,
    kernels: Sequence[Kernel],
    results: Sequence[Result],
    replicates: Replicates | None,
    present: IntArray,
) -> list[Result]:
    """Results (so far with names and counts alone) filled with value and bootstrap interval."""
    steps = source.estimate()
    filled = []
    for kernel, result in zip(kernels, results, strict=True):
        value = float(kernel(steps)[0])
        missing = np.isnan(value)
        reason = (result.reason or "undefined on these data") if missing else None
        filled.append(replace(result, value=None if missing else value, reason=reason))
    if replicates is None:
        return filled
    drawn = resample(source, kernels, replicates)
    left_out: Sequence[FloatArray | None] = [None] * len(kernels)
    if replicates.options.interval == "bca":
        left_out = leave_one_out(source, kernels, present)
    return [with_interval(*row) for row in zip(filled, drawn, [replicates] * len(filled), left_out, strict=True)]


@dataclass(frozen=True)
class Clustering:
    """Cluster index of rows, among the replicates' clusters or their own; `present` are the clusters that have rows."""

    index: IntArray
    count: int
    present: IntArray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "present", np.flatnonzero(np.bincount(self.index, minlength=self.count)))


def cluster_rows(cluster: npt.ArrayLike | None, rows: int, replicates: Replicates | None) -> Clustering:
    """Index of every row's cluster; without clusters every row is its own."""
    if replicates is not None:
        return Clustering(replicates.index(np.arange(rows) if cluster is None else cluster), len(replicates.clusters))
    if cluster is None:
        return Clustering(np.arange(rows), rows)
    ids = identities(cluster)
    distinct, index = np.unique(ids, return_inverse=True)
    return Clustering(index.astype(np.int64), len(distinct))


def difference(a: Result, b: Result, *, margin: float | None = None) -> Comparison:
    """Paired bootstrap difference a - b of one metric of two models.

    Both results must come from the same `Replicates`. The interval has the replicates' kind and level; p is
    2 min(share <= 0, share >= 0), with one added to each count and to their number, at most 1. Where no replicate lies
    on the other side, p is the smallest that so many replicates can show (flag `p-floor`): read it as "at most".

    Args:
        a, b: the metric of two models. Locked thresholds may differ between them, other points may not.
        margin: also test non-inferiority: `p_margin` is the share of replicates at or below -margin, one added to
            count and number; small means that a is worse than b by less than the margin.
    """
    same_metric(a, b)
    check_margin(margin)
    replicates = a.resampling
    if replicates is None or a.replicates is None or b.replicates is None or replicates is not b.resampling:
        raise ValueError("both results must come from the same Replicates; make them once and give them to both")
    at = a.at if a.at == b.at else None
    if a.value is None or b.value is None:
        return Comparison(a.metric, None, at=at, reason=a.reason or b.reason, given=a.given)
    gap = a.replicates - b.replicates
    both = None
    if a.jackknife is not None and b.jackknife is not None:
        if len(a.jackknife) != len(b.jackknife):
            raise ValueError("a BCa interval of a difference needs both models on the same clusters")
        both = a.jackknife - b.jackknife
    whole = with_interval(Result(a.metric, a.value - b.value), gap, replicates, both)
    defined = gap[~np.isnan(gap)]
    p = p_margin = None
    flags = tuple(flag for flag in whole.flags if flag != NO_SPREAD)  # two models alike differ by nothing, surely
    if len(defined) and whole.dropped is not None and whole.dropped <= intervals.MAX_DROPPED * len(gap):
        # Equal up to rounding is equal, as in the BCa interval.
        tails = ((defined <= 1e-12).sum(), (defined >= -1e-12).sum())
        p = min(1.0, 2 * float(min(tails) + 1) / (len(defined) + 1))
        if not min(tails) and p < 1:
            flags = (*flags, "p-floor")
        if margin is not None:
            p_margin = float((defined <= 1e-12 - margin).sum() + 1) / (len(defined) + 1)
    return Comparison(
        a.metric, whole.value, whole.low, whole.high, whole.ci, p, "bootstrap", at, dropped=whole.dropped,
        reason=whole.reason, flags=flags, margin=margin, p_margin=p_margin, given=a.given,
    )  # fmt: skip


def check_margin(margin: float | None) -> None:
    """ValueError unless the margin of a non-inferiority test is positive."""
    if margin is not None and not margin > 0:
        raise ValueError(f"a non-inferiority margin is a positive number (found {margin})")


def same_metric(a: Result, b: Result) -> None:
    """ValueError unless two results are of one metric on the same rows."""
    if a.metric != b.metric or a.given != b.given or (a.at != b.at and a.metric not in AT_A_THRESHOLD):
        raise ValueError(f"{_named(a)} cannot be compared with {_named(b)}")
    if (a.n, a.positives) != (b.n, b.positives):
        raise ValueError(
            f"a paired difference needs the same rows: {a.n} and {b.n}, positives {a.positives} and {b.positives}"
        )


def _named(result: Result) -> str:
    point = "" if result.at is None else f" at {result.at:g}"
    return f"{result.metric}{point}" + (f" with {dict(result.given)}" if result.given else "")
