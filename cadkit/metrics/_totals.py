"""Metrics that are functions of sums over rows: shares at a threshold, Brier score, calibration error, net benefit.

What a replicate needs of the data is then a few sums per cluster. Sums of whole numbers are exact, so a replicate
gives the same bits as the data with its rows repeated.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import FloatArray, IntArray, sums

TotalsKernel = Callable[[FloatArray], FloatArray]

_CELLS = 1 << 23


class Totals:
    """Sums of k features per cluster.

    Args:
        features: k x rows.
        cluster: index of the row's cluster in [0, n_clusters).
        n_clusters: number of clusters.
    """

    def __init__(self, features: FloatArray, cluster: IntArray, n_clusters: int) -> None:
        self.n_clusters = n_clusters
        self.per_cluster = np.stack([sums(cluster, feature, n_clusters) for feature in features])

    def estimate(self) -> FloatArray:
        """Sums over the data: k x 1."""
        total: FloatArray = self.per_cluster.sum(axis=1, keepdims=True)
        return total

    def replicates(self, counts: npt.NDArray[np.uint8]) -> FloatArray:
        """Sums in replicates, given how often each cluster was drawn (n_clusters x b): k x b."""
        total: FloatArray = self.per_cluster @ counts.astype(np.float64)
        return total

    def without(self, start: int, stop: int) -> FloatArray:
        """Sums without cluster start, start + 1, ..., stop - 1: k x (stop - start)."""
        total: FloatArray = self.estimate() - self.per_cluster[:, start:stop]
        return total

    def columns(self) -> int:
        """Replicates to hold at a time so that memory stays bounded."""
        return max(1, _CELLS // max(1, self.n_clusters, len(self.per_cluster)))


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient, NaN where the denominator is not positive."""
    result = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0)
    return result
