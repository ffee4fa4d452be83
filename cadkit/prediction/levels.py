"""Scores of a level: those that a prediction gives, or, pooled, those of the level below."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import polars as pl

from cadkit.data import Breast, Dataset, Exam, Image
from cadkit.errors import InputError
from cadkit.prediction.columns import LEVELS
from cadkit.prediction.folder import Predictions

Row = dict[str, float]
Rows = dict[Any, Row]
Unit = Image | Breast | Exam
LOWER = {"exam": "breast", "breast": "image"}


def owners_of(data: Dataset, level: str) -> dict[Any, str]:
    """The exam of every unit of a dataset: by image_id, (exam_id, side) or exam_id."""
    if level == "image":
        return dict(data.tables["images"].select("image_id", "exam_id").iter_rows())
    if level == "breast":
        return {(exam.id, side): exam.id for exam in data.exams for side in exam.breasts}
    return {exam: exam for exam in data.tables["exams"]["exam_id"]}


def answered_exams(predictions: Predictions, data: Dataset) -> set[str]:
    """The exams with a score at some level.

    Raises:
        InputError: a score or mark is of a unit that the dataset has not; names file, row and id.
    """
    answered: set[str] = set()
    for level, keys in LEVELS.items():
        if not predictions.has(level):
            continue
        owner = owners_of(data, level)
        ids = predictions.scores(level).select(keys).rows()
        units = [one[0] if len(one) == 1 else one for one in ids]
        _all_known(units, owner, f"{level}(s)", predictions.file_of(level), data)
        answered |= {owner[unit] for unit in units}
    marked = predictions.marks()["image_id"].to_list()
    _all_known(marked, owners_of(data, "image") if marked else {}, "mark(s)", predictions.file_of("marks"), data)
    return answered


def _all_known(units: Sequence[Any], owner: Mapping[Any, str], what: str, file: object, data: Dataset) -> None:
    strange = [number for number, unit in enumerate(units) if unit not in owner]
    if strange:
        first = units[strange[0]]
        raise InputError(
            f"{len(strange)} {what} of the prediction are not in the dataset {data.meta.name}",
            file=file,
            row=strange[0] + 1,
            value="/".join(first) if isinstance(first, tuple) else first,
            mend="Evaluate it on the dataset that it was made for (--data)."
            + (" Sides are L and R." if isinstance(first, tuple) else ""),
        )


def rows_by_id(predictions: Predictions, level: str) -> Rows:
    """Rows of scores by image_id, (exam_id, side) or exam_id; scores that are not given are left out of a row."""
    frame = predictions.scores(level)
    values = [c for c in frame.columns if c not in ("image_id", "exam_id", "side")]
    ids = frame.select(LEVELS[level]).rows()
    rows = frame.select(values).rows(named=True)
    given = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return dict(zip([i[0] if len(i) == 1 else i for i in ids], given, strict=True))


def pooled(lower: Rows, units: Iterable[tuple[Any, Unit]], pooling: Mapping[str, str]) -> Rows:
    """Scores of breasts from those of images, or of exams from those of breasts.

    Args:
        lower: by id.
        units: (id, breast or exam) to pool for; those without any score below are left out.
        pooling: how over `views` (mean by default) and `breasts` (max).
    """
    found: Rows = {}
    for identity, unit in units:
        if isinstance(unit, Exam):
            way = pooling.get("breasts", "max")
            groups = [[lower[(unit.id, side)]] for side in unit.breasts if (unit.id, side) in lower]
        else:
            assert isinstance(unit, Breast)
            way = pooling.get("views", "mean")
            views: dict[str, list[Row]] = {}
            for image in unit.images:
                if image.id in lower:
                    views.setdefault(image.view, []).append(lower[image.id])
            groups = list(views.values())
        if groups:
            found[identity] = _pool(groups, way)
    return found


def incomplete(lower: Rows, units: Iterable[tuple[Any, Unit]]) -> int:
    """How many breasts (or exams) have a score below, but not of every image (or breast) that the dataset has of them.

    Args:
        lower: scores of the level below, by id.
        units: (id, breast or exam).
    """
    count = 0
    for _, unit in units:
        if isinstance(unit, Exam):
            parts = [(unit.id, side) in lower for side in unit.breasts]
        else:
            assert isinstance(unit, Breast)
            parts = [image.id in lower for image in unit.images]
        count += any(parts) and not all(parts)
    return count


def _pool(groups: list[list[Row]], way: str) -> Row:
    first, *others = [row for rows in groups for row in rows]
    names = [name for name in first if all(name in row for row in others)]
    combine: dict[str, Callable[[list[float]], float]] = {"mean": fmean, "max": max, "sum": math.fsum}
    within = combine["max" if way == "max" else "mean"]
    return {name: combine[way]([within([row[name] for row in rows]) for rows in groups]) for name in names}


def level_frame(predictions: Predictions, level: str, data: Dataset) -> pl.DataFrame | None:
    """Ids and scores of a level over a whole dataset, pooled where the prediction lacks it; None where it cannot be."""
    if predictions.has(level) and predictions.scores(level).height:
        return predictions.scores(level)
    rows = _pooled_rows(predictions, level, data)
    if not rows:
        return None
    keys = LEVELS[level]
    named = [
        {**dict(zip(keys, unit if isinstance(unit, tuple) else (unit,), strict=True)), **row}
        for unit, row in rows.items()
    ]
    scores = dict.fromkeys((name for row in rows.values() for name in row), pl.Float64)
    return pl.DataFrame(named, schema={**dict.fromkeys(keys, pl.String), **scores}, orient="row")


def pooled_from_less(predictions: Predictions, level: str, data: Dataset) -> int:
    """How many units of a level that the prediction lacks are pooled from fewer parts than they have (`incomplete`)."""
    if predictions.has(level) and predictions.scores(level).height:
        return 0
    return incomplete(*_below(predictions, level, data))


def _pooled_rows(predictions: Predictions, level: str, data: Dataset) -> Rows:
    lower, units = _below(predictions, level, data)
    return pooled(lower, units, predictions.record.get("pooling", {})) if lower else {}


def _below(predictions: Predictions, level: str, data: Dataset) -> tuple[Rows, Iterable[tuple[Any, Unit]]]:
    """Scores of the level below, given or pooled, and the units to pool them for."""
    if level not in LOWER:
        return {}, ()
    below = LOWER[level]
    if predictions.has(below) and predictions.scores(below).height:
        lower = rows_by_id(predictions, below)
    else:
        lower = _pooled_rows(predictions, below, data)
    units: Iterable[tuple[Any, Unit]] = ((exam.id, exam) for exam in data.exams)
    if level == "breast":
        units = (((breast.exam.id, breast.side), breast) for breast in data.breasts)
    return lower, units
