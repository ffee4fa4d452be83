"""Answers taken apart into numbers, to be compared, and the places in them, to be judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cadkit.data import Affine, Exam, Image
from cadkit.plugin import ImagePrediction, ModelInfo, Saliency, Skipped
from cadkit.plugin.pooling import images_of
from cadkit.testing.subject import Answer

_SLACK = 1.0  # pixels: a box that a model rounds outwards is no fault


def difference(one: Sequence[Answer], other: Sequence[Answer], names: Sequence[str], tolerance: float = 0.0) -> str:
    """Where two lists of answers differ first, in words; '' where they do not.

    Args:
        one, other: answers for the same exams.
        names: of the exams.
        tolerance: relative and absolute; 0: to the last bit.
    """
    for name, first, second in zip(names, one, other, strict=True):
        a, b = dict(_numbers(first)), dict(_numbers(second))
        if a.keys() != b.keys():
            return f"exam {name}: {', '.join(sorted(a.keys() ^ b.keys())[:3])} only in one of two answers"
        for key, values in a.items():
            if values.shape != b[key].shape:
                return f"exam {name}: {key} has {len(values)} and {len(b[key])} entries"
            if not np.allclose(values, b[key], rtol=tolerance, atol=tolerance, equal_nan=True):
                worst = float(np.nanmax(np.abs(values - b[key])))
                return f"exam {name}: {key} differs by up to {worst:.3g}"
    return ""


def _numbers(answer: Answer) -> Iterator[tuple[str, NDArray[np.float64]]]:
    if isinstance(answer, Skipped):
        yield "skipped", np.zeros(0)
        return
    parts: dict[str, Any] = {"exam": answer}
    parts |= {f"side {side}": breast for side, breast in answer.breasts.items()}
    parts |= {f"image {name}": image for name, image in images_of(answer).items()}
    for where, part in parts.items():
        if isinstance(part, Skipped):
            yield f"{where} skipped", np.zeros(0)
            continue
        for label, value in (part.scores if isinstance(part.scores, Mapping) else {}).items():
            yield f"{where} {label}", _array([value])
        for name, scores in part.extra.items():
            for label, value in scores.items():
                yield f"{where} {name}.{label}", _array([value])
        if isinstance(part, ImagePrediction):
            for name, values in _places(part):
                yield f"{where} {name}", values


def _places(answer: ImagePrediction) -> Iterator[tuple[str, NDArray[np.float64]]]:
    for name, marks in (("marks", answer.marks), ("rois", answer.rois)):
        if marks is not None:
            yield f"{name} scores", _array(marks.scores)
            yield f"{name} points", _array(marks.points)
            if marks.boxes is not None:
                yield f"{name} boxes", _array(marks.boxes)
    if answer.saliency is not None:
        yield "saliency", _array(answer.saliency.values)
        yield "saliency window", _array(answer.saliency.window or ())


def _array(values: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return np.full(1, np.nan)


class Placed(NamedTuple):
    """Places of one kind in one image.

    Attributes:
        image_id: of the image.
        where: which, in words.
        frame: that the answer states.
        points: n x 2 (x, y), points or corners of boxes and windows, in prepared pixels.
    """

    image_id: str
    where: str
    frame: str
    points: NDArray[np.float64]


def placed(exam: Exam, answer: Answer) -> Iterator[Placed]:
    """All places of an answer in prepared pixels."""
    if isinstance(answer, Skipped):
        return
    known = {image.id: image for image in exam.images}
    for name, given in images_of(answer).items():
        if not isinstance(given, ImagePrediction) or name not in known:
            continue
        back = Affine() if given.frame == "prepared" else known[name].to_file.inverse()
        for what, marks in (("marks", given.marks), ("regions of interest", given.rois)):
            if marks is None:
                continue
            points = np.stack(back(marks.points[:, 0], marks.points[:, 1]), 1)
            boxes = [] if marks.boxes is None else [back.box(box) for box in marks.boxes.tolist()]
            yield Placed(name, f"{what} of image {name}", str(given.frame), np.vstack([points, *_corners(boxes)]))
        # A window that is the whole picture of its frame places nothing: it moves with the file's border, as it should.
        whole = _extent(known[name], given)
        if given.saliency is not None and (given.saliency.window or whole) != whole:
            window = np.vstack(_corners([back.box(given.saliency.window or whole)]))
            yield Placed(name, f"the map of image {name}", str(given.frame), window)


def _corners(boxes: Sequence[tuple[float, float, float, float]]) -> list[NDArray[np.float64]]:
    return [np.reshape(box, (2, 2)) for box in boxes]


def misplaced(exam: Exam, answer: Answer, info: ModelInfo) -> Iterator[str]:
    """What of an answer lies outside its picture, or has not the form of a place."""
    if isinstance(answer, Skipped):
        return
    known: Mapping[str, Image] = {image.id: image for image in exam.images}
    for name, given in images_of(answer).items():
        if isinstance(given, ImagePrediction) and name in known:
            if given.crop_of not in (None, name):
                yield f"image {name}: its places are in pixels of a crop of image {given.crop_of}"
            for fault in _faults(known[name], given, info):
                yield f"image {name}: {fault}"


def _faults(image: Image, given: ImagePrediction, info: ModelInfo) -> Iterator[str]:
    frame = _extent(image, given)
    window, columns, rows = frame, int(frame[2]), int(frame[3])
    if given.saliency is not None:
        yield from _map_faults(given.saliency, frame, info)
        if given.saliency.window is not None:
            x0, y0, x1, y1 = given.saliency.window
            window = min(x0, 0.0), min(y0, 0.0), max(x1, frame[2]), max(y1, frame[3])
    for what, marks, limits in (("mark", given.marks, frame), ("region of interest", given.rois, window)):
        if marks is None or not len(marks):
            continue
        if not (np.isfinite(marks.points).all() and np.isfinite(marks.scores).all()):
            yield f"a {what} has a point or a score that is not finite"
            continue
        low, high = marks.points.min(0), marks.points.max(0)
        boxes = marks.boxes
        if boxes is not None:
            if not np.isfinite(boxes).all() or (boxes[:, 2:] < boxes[:, :2]).any():
                yield f"a {what}'s box is not x0, y0, x1, y1 with x0 <= x1 and y0 <= y1"
                continue
            low, high = np.minimum(low, boxes[:, :2].min(0)), np.maximum(high, boxes[:, 2:].max(0))
        if (low < np.array(limits[:2]) - _SLACK).any() or (high > np.array(limits[2:]) + _SLACK).any():
            span = f"x {low[0]:.1f} to {high[0]:.1f}, y {low[1]:.1f} to {high[1]:.1f}"
            yield f"a {what} lies outside the {given.frame} picture of {columns} x {rows} ({span})"
        labels = [] if marks.labels is None else marks.labels.tolist()
        if strange := [label for label in labels if not 0 <= label < len(info.labels)]:
            yield f"a {what} has the label {strange[0]}; the model has {len(info.labels)}"


def _extent(image: Image, given: ImagePrediction) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of the whole picture in the frame that an answer states."""
    of_file = int(image.columns["rows"]), int(image.columns["columns"])
    rows, columns = image.shape if given.frame == "prepared" else of_file
    return 0.0, 0.0, float(columns), float(rows)


def _map_faults(saliency: Saliency, frame: tuple[float, float, float, float], info: ModelInfo) -> Iterator[str]:
    values, window = saliency.values, saliency.window or frame
    if len(values) != len(info.labels):
        yield f"{len(values)} saliency maps for {len(info.labels)} labels"
    if not np.isfinite(values).all() or values.min() < -1e-6 or values.max() > 1 + 1e-6:
        yield f"saliency lies between 0 and 1; the map reaches from {values.min():.3g} to {values.max():.3g}"
    x0, y0, x1, y1 = window
    if not (x0 < min(x1, frame[2]) and y0 < min(y1, frame[3]) and x1 > 0 and y1 > 0):
        yield f"the saliency window {tuple(round(v, 1) for v in window)} does not touch the {frame[2]:g} x {frame[3]:g}"
    if saliency.edges is not None and any((np.diff(edges) <= 0).any() for edges in saliency.edges):
        yield "the edges of the saliency's cells do not increase"
    elif saliency.edges is None and _transposed(values.shape[1:], (y1 - y0, x1 - x0)):
        rows, columns = values.shape[1:]
        yield f"a map of {rows} rows and {columns} columns over a window of {y1 - y0:g} and {x1 - x0:g}: transposed"


def _transposed(cells: tuple[int, ...], size: tuple[float, float]) -> bool:
    """Whether cells are more elongated than any map of this window has them: one of square cells, or a square one."""
    cell, window = (size[0] / cells[0]) / (size[1] / cells[1]), size[0] / size[1]
    return max(cell, 1 / cell) > 2 * max(window, 1 / window)
