"""Correlation of several scores of the same cases."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import FloatArray, midranks


def correlations(values: npt.ArrayLike, kind: Literal["pearson", "spearman"] = "pearson") -> FloatArray:
    """The correlation matrix of k scores of n cases (n x k); NaN where a score does not vary or n is below 2.

    `spearman` is Pearson's correlation of the midranks.

    >>> correlations([[1, 10], [2, 30], [3, 20], [4, 40]], "spearman")
    array([[1. , 0.8],
           [0.8, 1. ]])
    """
    columns = np.asarray(values, dtype=np.float64)
    if columns.ndim != 2:
        raise ValueError(f"scores are a row per case and a column per score (found {columns.ndim} dimension(s))")
    if not np.isfinite(columns).all():
        raise ValueError("scores to correlate are finite numbers")
    if kind not in ("pearson", "spearman"):
        raise ValueError(f"a correlation is 'pearson' or 'spearman' (found {kind!r})")
    if kind == "spearman" and len(columns):
        columns = np.stack([midranks(column) for column in columns.T], axis=1)
    if len(columns) < 2:
        return np.full((columns.shape[1],) * 2, np.nan)
    varies = (columns != columns[0]).any(axis=0)
    centred = columns - columns.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    scaled = centred / np.where(varies, length, 1.0)
    found: FloatArray = np.clip(scaled.T @ scaled, -1.0, 1.0)
    np.fill_diagonal(found, 1.0)
    found[~varies, :] = np.nan
    found[:, ~varies] = np.nan
    return found
