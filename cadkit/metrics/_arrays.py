"""Arrays as the metrics want them: checked once at the door, with an error that says where the fault is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def floats(values: npt.ArrayLike, name: str) -> FloatArray:
    """One-dimensional float64 array of `values`; text or a wrong number of dimensions is a ValueError."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be numbers (found {array.dtype} such as {_first(array)!r})") from None
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension (found shape {array.shape})")
    return array.astype(np.float64, copy=False)


def _first(array: npt.NDArray[Any]) -> object:
    return array.flat[0] if array.size else None


def scores(values: npt.ArrayLike, name: str = "score", *, finite: bool = False) -> FloatArray:
    """Scores without NaN; infinite ones only rank, so they may stand unless `finite`."""
    array = floats(values, name)
    bad = np.isnan(array)
    if bad.any():
        raise ValueError(f"{name} has {int(bad.sum())} NaN, the first in row {int(bad.argmax())} (counted from 0)")
    if finite and not np.isfinite(array).all():
        row = int((~np.isfinite(array)).argmax())
        raise ValueError(f"{name} is infinite in row {row} (counted from 0)")
    return array


def truths(values: npt.ArrayLike, name: str = "truth") -> BoolArray:
    """Truth as booleans; anything but 0 and 1 is a ValueError (NaN, too: the caller leaves unknown rows out)."""
    array = np.asarray(values)
    if array.dtype.kind == "b":
        if array.ndim != 1:
            raise ValueError(f"{name} must have one dimension (found shape {array.shape})")
        return array
    array = floats(array, name)
    bad = (array != 0) & (array != 1)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{name} must be 0 or 1: {int(bad.sum())} rows are not, the first is row {row} "
            f"(counted from 0) with {array[row]:g}; leave rows of unknown truth out"
        )
    positive: BoolArray = array == 1
    return positive


def sums(index: IntArray, weight: npt.NDArray[Any] | None, size: int) -> FloatArray:
    """Sum of the weights (None: of ones) of all rows of each index below `size`."""
    return np.bincount(index, weight, size).astype(np.float64, copy=False)


def weights(values: npt.ArrayLike | None, length: int, name: str = "weight") -> FloatArray | None:
    """Non-negative finite weights, or None."""
    if values is None:
        return None
    array = scores(values, name, finite=True)
    same_length(length, **{name: array})
    if (array < 0).any():
        raise ValueError(f"{name} is negative in row {int((array < 0).argmax())} (counted from 0)")
    return array


def same_length(length: int, **arrays: npt.NDArray[Any]) -> None:
    """ValueError unless every array has `length` entries."""
    for name, array in arrays.items():
        if len(array) != length:
            raise ValueError(f"{name} has {len(array)} rows, {length} were expected")


def identities(values: npt.ArrayLike, name: str = "cluster") -> npt.NDArray[Any]:
    """Identifiers (numbers or text) without gaps: None, NaN and empty text are a ValueError."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension (found shape {array.shape})")
    if array.dtype.kind == "O":
        gap = np.array([value is None or value != value or value == "" for value in array], dtype=np.bool_)
    elif array.dtype.kind == "f":
        gap = np.isnan(array)
    elif array.dtype.kind in "US":
        gap = array == array.dtype.type()
    else:
        gap = np.zeros(len(array), dtype=np.bool_)
    if gap.any():
        raise ValueError(
            f"{name} is missing in {int(gap.sum())} rows, the first is row {int(gap.argmax())} (counted from 0)"
        )
    return array.astype(str) if array.dtype.kind == "O" else array


def indices(values: npt.ArrayLike, name: str, below: int | None = None) -> IntArray:
    """Non-negative integer indices, each smaller than `below`."""
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers in one dimension (found {array.dtype}, shape {array.shape})")
    array = array.astype(np.int64, copy=False)
    if array.size and (array.min() < 0 or (below is not None and array.max() >= below)):
        raise ValueError(
            f"{name} must lie in [0, {below if below is not None else 'n'}): found {array.min()} to {array.max()}"
        )
    return array


def midranks(values: FloatArray) -> FloatArray:
    """Place of every value among all, from 0 to n; equal values share the middle of theirs."""
    rising = np.sort(values)
    ranks: FloatArray = (np.searchsorted(rising, values, "left") + np.searchsorted(rising, values, "right")) / 2
    return ranks
