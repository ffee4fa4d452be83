"""Drawing clusters with replacement, fast: the counts of a bootstrap without its draws.

How often each of K clusters appears among K draws is multinomial. Counts that are independent and Poisson are,
given their sum S, just the counts of S draws; so K Poisson counts with a mean a little below one, topped up with
K - S draws, have exactly that distribution (in the rare column with S > K all is drawn anew). A Poisson count is a
look-up of 16 random bits; where these leave it open, 53 more settle it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from cadkit.metrics._arrays import FloatArray

Counts = npt.NDArray[np.uint8]

_FEW = 256  # fewer clusters are simply drawn; their counts then fit a byte as well
_CHUNK = 2048  # clusters at a time, so that the bits stay in the cache
_OPEN = 255
_BITS = 1 << 16


def draw_counts(generator: np.random.Generator, clusters: int, width: int) -> Counts:
    """How often each cluster is drawn in `clusters` draws: clusters x width, a column per replicate."""
    if clusters < _FEW:
        draws = generator.integers(clusters, size=(width, clusters))
        draws += np.arange(width)[:, None] * clusters
        counted = np.bincount(draws.ravel(), minlength=width * clusters).reshape(width, clusters)
        return np.ascontiguousarray(counted.T, dtype=np.uint8)
    counts = _poisson(generator, clusters, width)
    missing = clusters - counts.sum(axis=0, dtype=np.int64)
    for column in np.flatnonzero(missing < 0):
        counts[:, column] = np.bincount(generator.integers(clusters, size=clusters), minlength=clusters)
    missing = np.maximum(missing, 0)
    extra = generator.integers(clusters, size=int(missing.sum()))
    np.add.at(counts.reshape(-1), extra * width + np.repeat(np.arange(width), missing), np.uint8(1))
    return counts


def _poisson(generator: np.random.Generator, clusters: int, width: int) -> Counts:
    """Independent Poisson counts, clusters x width, whose sums seldom exceed the number of clusters."""
    below, table = _look_up(clusters)
    counts = np.empty(clusters * width, dtype=np.uint8)
    for start in range(0, len(counts), _CHUNK * width):
        chunk = counts[start : start + _CHUNK * width]
        raw = generator.bit_generator.random_raw(-(-len(chunk) // 4))
        bits = np.asarray(raw, dtype="<u8").view("<u2")[: len(chunk)]
        np.take(table, bits, out=chunk, mode="clip")
        unsettled = np.flatnonzero(chunk == _OPEN)
        uniform = (bits[unsettled] + generator.random(len(unsettled))) / _BITS
        chunk[unsettled] = np.searchsorted(below, uniform, side="right")
    return counts.reshape(clusters, width)


@lru_cache(maxsize=16)
def _look_up(clusters: int) -> tuple[FloatArray, Counts]:
    """P(count <= k), and the count for every 16-bit beginning of a uniform number, `_OPEN` where it has two."""
    below = special.pdtr(np.arange(60), 1 - 3 / np.sqrt(clusters))
    edge = np.arange(_BITS + 1) / _BITS
    least, most = np.searchsorted(below, edge[:-1], side="right"), np.searchsorted(below, edge[1:], side="left")
    return below, np.where(least == most, least, _OPEN).astype(np.uint8)
