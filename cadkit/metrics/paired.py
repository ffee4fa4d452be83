"""Tests of two models on the same rows that assume no distribution: McNemar's, and permutation of whole clusters."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from cadkit.metrics._arrays import BoolArray, FloatArray, midranks, same_length, scores, truths
from cadkit.metrics._kernels import Staircase
from cadkit.metrics._totals import Totals
from cadkit.metrics.classification import Metric, measure, undefined_reason
from cadkit.metrics.resampling import Source, cluster_rows
from cadkit.metrics.results import Comparison

_BLOCK = 64  # permutations per random stream


def mcnemar(
    truth: npt.ArrayLike,
    called_a: npt.ArrayLike,
    called_b: npt.ArrayLike,
    *,
    rows: Literal["all", "positives", "negatives"] = "all",
) -> Comparison:
    """McNemar's exact test of two sets of calls (0 or 1) on independent rows.

    Compares the share of right calls: accuracy over all rows, sensitivity over the positives, specificity over the
    negatives. `given` holds b (only a right) and c (only b right); p is the two-sided binomial one of b among b + c.

    >>> mcnemar([1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 0, 0], [0, 0, 0, 1, 0, 1], rows="positives").p
    0.25
    """
    names = {"all": "accuracy", "positives": "sensitivity", "negatives": "specificity"}
    if rows not in names:
        raise ValueError(f"rows are 'all', 'positives' or 'negatives' (found {rows!r})")
    positive, first, second = truths(truth), truths(called_a, "called_a"), truths(called_b, "called_b")
    same_length(len(positive), called_a=first, called_b=second)
    kept = {"all": np.ones_like(positive), "positives": positive, "negatives": ~positive}[rows]
    right_a, right_b = (first == positive)[kept], (second == positive)[kept]
    n = len(right_a)
    if n == 0:
        return Comparison(names[rows], None, method="mcnemar", reason="no rows" if rows == "all" else f"no {rows}")
    b, c = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    p = min(1.0, 2 * float(special.bdtr(min(b, c), b + c, 0.5))) if b + c else 1.0
    return Comparison(names[rows], (b - c) / n, p=p, method="mcnemar", given={"b": b, "c": c, "n": n})


def permutation(
    truth: npt.ArrayLike,
    score_a: npt.ArrayLike,
    score_b: npt.ArrayLike,
    metric: Metric = "auc",
    *,
    cluster: npt.ArrayLike | None = None,
    n: int = 2000,
    seed: int = 0,
    ranks: bool = False,
) -> Comparison:
    """Permutation test of a difference: the two scores of a whole cluster (row, if None) are swapped by a coin.

    p is the share of permutations whose difference is at least as large, either way, with one added to their count
    and number; permutations in which the metric is undefined are dropped. Swapping asks for scores of one kind:
    `ranks` replaces each model's by their midranks first. Any metric of `classification`, asked for as there.

    >>> permutation([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]).p
    1.0
    """
    if n < 1:
        raise ValueError(f"a permutation test needs at least one permutation (found {n})")
    positive, first, second = truths(truth), scores(score_a, "score_a"), scores(score_b, "score_b")
    same_length(len(positive), score_a=first, score_b=second)
    chosen = measure(metric)
    if not len(positive):
        return Comparison(chosen.name, None, method="permutation", at=chosen.at, reason="no rows", given=chosen.given)
    if ranks:
        first, second = midranks(first), midranks(second)
    rows = cluster_rows(cluster, len(positive), None)
    same_length(len(positive), cluster=rows.index)
    source = _stacked(positive, first, second, rows.index, rows.count, chosen.features)
    ones = np.zeros((2 * rows.count, 1), dtype=np.uint8)
    ones[: rows.count] = 1
    observed = float(_gap(source, chosen.kernel, ones)[0])
    if np.isnan(observed):
        reason = undefined_reason(len(positive), int(positive.sum())) or chosen.needs or "undefined on these data"
        return Comparison(chosen.name, None, method="permutation", at=chosen.at, reason=reason, given=chosen.given)
    gaps = _swapped(source, chosen.kernel, rows.count, n, seed)
    defined = gaps[~np.isnan(gaps)]
    # Equal up to rounding is equal.
    extreme = int((np.abs(defined) >= abs(observed) - 1e-12).sum())
    return Comparison(
        chosen.name, observed, p=(extreme + 1) / (len(defined) + 1), method="permutation", at=chosen.at,
        dropped=n - len(defined), given=chosen.given,
    )  # fmt: skip


def _stacked(
    positive: BoolArray,
    first: FloatArray,
    second: FloatArray,
    index: npt.NDArray[np.int64],
    clusters: int,
    features: object,
) -> Source:
    """Both scores of every row, in clusters c and clusters + c: a count of 0 or 1 says which of them stands."""
    both_index = np.concatenate([index, index + clusters])
    if callable(features):
        summed = np.concatenate([features(positive, first), features(positive, second)], axis=1)
        return Totals(summed, both_index, 2 * clusters)
    twice = np.concatenate([positive, positive])
    values = np.concatenate([first, second])
    return Staircase(values, twice.astype(np.float64), (~twice).astype(np.float64), both_index, 2 * clusters)


def _gap(source: Source, kernel: object, standing: npt.NDArray[np.uint8]) -> FloatArray:
    assert callable(kernel)
    gap: FloatArray = kernel(source.replicates(standing)) - kernel(source.replicates(1 - standing))
    return gap


def _swapped(source: Source, kernel: object, clusters: int, n: int, seed: int) -> FloatArray:
    """The difference in n permutations, coins from PCG64 streams spawned per block."""
    gaps = []
    width = min(_BLOCK, source.columns())
    for number, stream in enumerate(np.random.SeedSequence(seed).spawn(-(-n // _BLOCK))):
        coins = np.random.Generator(np.random.PCG64(stream)).integers(2, size=(_BLOCK, clusters), dtype=np.uint8).T
        coins = coins[:, : n - number * _BLOCK]
        for start in range(0, coins.shape[1], width):
            heads = coins[:, start : start + width]
            gaps.append(_gap(source, kernel, np.concatenate([heads, 1 - heads])))
    return np.concatenate(gaps)
