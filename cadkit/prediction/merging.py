"""Marks and maps of several models as those of one.

Marks of different models on one image and label are one mark where they coincide: two boxes whose intersection over
union is at least `Merging.iou`, or, where either has no box, two points no further apart than `Merging.mm`. The mark
with the highest weighted score takes, of every other model, the one that coincides best with it; then the next one that
is left. Its place is kept, and its score is the sum of weight x score: the weighted mean, had the models without such a
mark given it 0. Marks of one model are never merged with each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cadkit.errors import InputError
from cadkit.prediction.columns import BOX, MARK_COLUMNS
from cadkit.prediction.frames import FileSaliency

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_PAIRS = 1 << 21  # of marks held at a time
_SAME = 1e-6  # file pixels: edges of cells that are nearer than this are one


@dataclass(frozen=True)
class Merging:
    """When two marks are one.

    Attributes:
        iou: of two boxes, at least this; by default what the FROC takes for a hit.
        mm: between two points, at most this (pixels without a spacing); about the radius of a mass.
    """

    iou: float = 0.1
    mm: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.iou <= 1:
            raise InputError("takes a share above 0 and up to 1", row="--merge-iou", value=self.iou)
        if not 0 <= self.mm < np.inf:
            raise InputError("takes a distance in mm", row="--merge-mm", value=self.mm)


def merge_marks(
    marks: Sequence[pl.DataFrame],
    weights: Sequence[float],
    rule: Merging,
    spacing: Mapping[str, float | None],
) -> pl.DataFrame:
    """The marks of several models as one table, by image and label, the highest score first.

    Args:
        marks: a table of marks for each model, scores 0 or more.
        weights: of the models; the marks of one with weight 0 are left out.
        rule: when two marks are one.
        spacing: mm per pixel of an image, by its id.
    """
    parts = [
        table.with_columns(pl.col("score") * weight, pl.lit(number).alias("part"))
        for number, (table, weight) in enumerate(zip(marks, weights, strict=True))
        if weight > 0
    ]
    table = pl.concat([part.select(*MARK_COLUMNS, "part") for part in parts])
    if not table.height:
        return table.drop("part")
    first = pl.struct("image_id", "label").rank("dense").alias("place")
    table = table.with_columns(first).sort("place", "score", descending=[False, True], maintain_order=True)
    place, part, score = (table[name].to_numpy() for name in ("place", "part", "score"))
    mm = np.array([spacing.get(image) or 1.0 for image in table["image_id"]])
    found = _coincidences(place, part, table.select("x", "y").to_numpy(), _boxes(table), mm, rule)
    stays, sums = _merged(part, score, *found)
    merged = table.with_columns(pl.Series("score", sums)).filter(pl.Series(stays))
    return merged.sort("place", "score", descending=[False, True], maintain_order=True).drop("part", "place")


def _boxes(table: pl.DataFrame) -> Floats:
    return table.select(pl.col(BOX).cast(pl.Float64).fill_null(np.nan)).to_numpy()


def _merged(part: Ints, score: Floats, seed: Ints, other: Ints) -> tuple[NDArray[np.bool_], Floats]:
    """Which rows stay, and summed scores, from coincident pairs in the order in which they are to be tried."""
    sums = score.copy()
    stays = np.ones(len(part), dtype=np.bool_)
    taken: set[tuple[int, int]] = set()
    for row, rival in zip(seed.tolist(), other.tolist(), strict=True):
        if stays[row] and stays[rival] and (row, part[rival]) not in taken:
            taken.add((row, part[rival]))
            stays[rival] = False
            sums[row] += score[rival]
    return stays, sums


def _coincidences(
    place: Ints, part: Ints, points: Floats, boxes: Floats, spacing: Floats, rule: Merging
) -> tuple[Ints, Ints]:
    """Pairs of rows of one place and different parts that coincide: by the first row, then the best first."""
    behind = np.searchsorted(place, place, side="right") - np.arange(len(place)) - 1
    ends = np.cumsum(behind)
    seeds, others = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    start = 0
    while start < len(place):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS, side="right")))
        first = np.repeat(np.arange(start, stop), behind[start:stop])
        second = first + 1 + np.arange(len(first)) - (ends[first] - behind[first] - before)
        apart = part[first] != part[second]
        first, second = first[apart], second[apart]
        near = _nearness(points, boxes, spacing, first, second, rule)
        kept = np.isfinite(near)
        first, second, near = first[kept], second[kept], near[kept]
        order = np.lexsort((second, -near, first))
        seeds.append(first[order])
        others.append(second[order])
        start = stop
    return np.concatenate(seeds), np.concatenate(others)


def _nearness(points: Floats, boxes: Floats, spacing: Floats, a: Ints, b: Ints, rule: Merging) -> Floats:
    """How well marks a and b coincide, the larger the better; -inf where they do not."""
    distance = spacing[a] * np.hypot(*(points[a] - points[b]).T)
    near = np.where(distance <= rule.mm, -distance, -np.inf)
    shared = np.clip(np.minimum(boxes[a, 2:], boxes[b, 2:]) - np.maximum(boxes[a, :2], boxes[b, :2]), 0, None).prod(1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    union = area[a] + area[b] - shared
    iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return np.where(np.isnan(union), near, np.where(iou >= rule.iou, iou, -np.inf))


def average_maps(maps: Sequence[FileSaliency], weights: Sequence[float]) -> FileSaliency:
    """The weighted mean of maps of one image, labels in the same order.

    Maps of the same cells are averaged cell by cell. Others are constant within their cells and 0 outside their
    windows, and so is their mean within the cells that all their edges make together: nothing is interpolated.
    """
    first = maps[0]
    if all(_same_cells(first, other) for other in maps[1:]):
        mean = sum(weight * one.values.astype(np.float64) for one, weight in zip(maps, weights, strict=True))
        return FileSaliency(np.asarray(mean, dtype=np.float32), first.window, first.edges)
    y, x = (_together([one.cells[axis] for one in maps]) for axis in (0, 1))
    total = np.zeros((len(first.values), len(y) - 1, len(x) - 1))
    for one, weight in zip(maps, weights, strict=True):
        (rows, in_y), (columns, in_x) = _cell_of(one.cells[0], y), _cell_of(one.cells[1], x)
        inside = in_y[:, None] & in_x[None, :]
        total += weight * np.where(inside, one.values[:, rows[:, None], columns[None, :]], 0.0)
    window = float(x[0]), float(y[0]), float(x[-1]), float(y[-1])
    return FileSaliency(total.astype(np.float32), window, (y, x))


def _same_cells(a: FileSaliency, b: FileSaliency) -> bool:
    return a.values.shape[1:] == b.values.shape[1:] and all(
        np.allclose(one, other, rtol=0, atol=_SAME) for one, other in zip(a.cells, b.cells, strict=True)
    )


def _together(edges: Sequence[Floats]) -> Floats:
    every = np.unique(np.concatenate(edges))
    return every[np.r_[True, np.diff(every) > _SAME]]


def _cell_of(edges: Floats, grid: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    """Of every cell of a finer grid the cell that it lies in, and whether it lies in any."""
    middle = (grid[1:] + grid[:-1]) / 2
    found = np.searchsorted(edges, middle, side="right") - 1
    inside = (found >= 0) & (found < len(edges) - 1)
    return np.clip(found, 0, len(edges) - 2), inside
