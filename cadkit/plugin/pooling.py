"""From a model's raw answer to scores of images, breasts and the exam.

What the model answered is kept; a level that it left out is pooled from the one below, never from
above (`ModelInfo.pooling`). Over views: images of the same view are averaged first (or their maximum
taken, where the pooling is max), so that a repeated view does not count twice; then the views are
pooled. Over breasts: the breasts that have scores.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cadkit.data import Exam
from cadkit.errors import Failure
from cadkit.plugin.contract import BreastPrediction, ExamPrediction, ImagePrediction, ModelInfo, Skipped

Row = dict[str, float]


@dataclass
class Pooled:
    """Scores of one exam at every level.

    Attributes:
        exam_id: of the exam.
        images: by image id, columns `<label>` and `<extra>.<label>`.
        breasts: by side.
        exam: of the whole, or None.
        skipped: (level, id, reason) of what has no scores; ids are exam_id, exam_id/side or image_id.
        views: number of views that each pooled breast score was made of.
    """

    exam_id: str
    images: dict[str, Row] = field(default_factory=dict)
    breasts: dict[str, Row] = field(default_factory=dict)
    exam: Row | None = None
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    views: dict[str, int] = field(default_factory=dict)


def pool_exam(exam: Exam, answer: ExamPrediction | Skipped, info: ModelInfo) -> Pooled:
    """Scores of an exam at every level, from a model's answer.

    Raises:
        Failure: the answer names an image or side that the exam has not, lacks a label, or holds a
            number that is not finite (or not a probability where the model promises one): a defect
            of the plugin, named with the exam.
    """
    pooled = Pooled(exam.id)
    if isinstance(answer, Skipped):
        pooled.skipped.append(("exam", exam.id, answer.reason))
        return pooled
    check_kinds(exam, answer)
    images, breasts = images_of(answer), answer.breasts
    _check_ids(exam, images, breasts)
    for image in exam.images:
        given = images.get(image.id)
        if isinstance(given, ImagePrediction):
            pooled.images[image.id] = _row(given.scores, given.extra, info, f"Exam {exam.id}, image {image.id}")
        elif isinstance(given, Skipped):
            pooled.skipped.append(("image", image.id, given.reason))
    for side, breast in exam.breasts.items():
        answered = breasts.get(side)
        if isinstance(answered, Skipped):
            pooled.skipped.append(("breast", breast.id, answered.reason))
        elif answered is not None and answered.scores is not None:
            pooled.breasts[side] = _row(answered.scores, answered.extra, info, f"Exam {exam.id}, side {side}")
        elif images or breasts or answer.scores is None:
            _pool_views(pooled, exam, side, info)
    if answer.scores is not None:
        pooled.exam = _row(answer.scores, answer.extra, info, f"Exam {exam.id}")
    elif pooled.breasts:
        pooled.exam = _pool(list(pooled.breasts.values()), info.pooling[1])
    else:
        pooled.skipped.append(("exam", exam.id, "no breast has a score"))
    return pooled


def images_of(answer: ExamPrediction) -> dict[str, ImagePrediction | Skipped]:
    """Every image's answer, whether it stands in the exam's answer or in a breast's."""
    images = dict(answer.images)
    for breast in answer.breasts.values():
        if isinstance(breast, BreastPrediction):
            images.update(breast.images)
    return images


def check_kinds(exam: Exam, answer: object) -> None:
    """Refuse an answer that is none, or has a part that is none.

    Raises:
        Failure: names the exam and the part; a part of another class would be taken for none, and its unit would be
            missing without a word.
    """
    if isinstance(answer, Skipped):
        return
    if not isinstance(answer, ExamPrediction):
        raise Failure(f"Exam {exam.id}: the model answered {type(answer).__name__}, not ExamPrediction or Skipped.")
    _check_parts(exam, "side", answer.breasts, BreastPrediction)
    whole = [breast for breast in answer.breasts.values() if isinstance(breast, BreastPrediction)]
    for images in (answer.images, *(breast.images for breast in whole)):
        _check_parts(exam, "image", images, ImagePrediction)


def _check_parts(exam: Exam, what: str, parts: object, kind: type) -> None:
    if not isinstance(parts, Mapping):
        raise Failure(f"Exam {exam.id}: the model's answers by {what} are {type(parts).__name__}, not a dictionary.")
    for name, part in parts.items():
        if not isinstance(part, kind | Skipped):
            raise Failure(
                f"Exam {exam.id}, {what} {name}: the model answered {type(part).__name__}, "
                f"not {kind.__name__} or Skipped."
            )


def _check_ids(exam: Exam, images: Mapping[str, object], breasts: Mapping[str, object]) -> None:
    known = {image.id for image in exam.images}
    if strange := [name for name in images if name not in known]:
        raise Failure(f"The model answered for image {strange[0]}, which exam {exam.id} has not.")
    if strange := [side for side in breasts if side not in exam.breasts]:
        raise Failure(f"The model answered for side {strange[0]}, which exam {exam.id} has not.")


def _row(scores: Mapping[str, float], extra: Mapping[str, Mapping[str, float]], info: ModelInfo, who: str) -> Row:
    if not isinstance(scores, Mapping):
        raise Failure(f"{who}: the model's scores are {type(scores).__name__}, not a dictionary of a number by label.")
    missing = [label for label in info.labels if label not in scores]
    if missing or len(scores) != len(info.labels):
        raise Failure(f"{who}: the model's labels are {', '.join(info.labels)}; it answered {', '.join(scores)}.")
    row = {label: _number(scores[label], label, who) for label in info.labels}
    for label, value in row.items():
        if info.scores == "probability" and not -1e-6 <= value <= 1 + 1e-6:
            raise Failure(f"{who}: the model promises probabilities; its score for {label} is {value}.")
    for name, values in extra.items():
        for label, value in values.items():
            row[f"{name}.{label}"] = _number(value, f"{name}.{label}", who)
    return row


def _number(value: object, name: str, who: str) -> float:
    try:
        if isinstance(value, str | bytes):  # which float would read, and nobody meant
            raise TypeError
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):  # the last is torch's, of a tensor of several numbers
        raise Failure(f"{who}: the model's score for {name} is {_described(value)}, not a number.") from None
    if not math.isfinite(number):
        raise Failure(f"{who}: the model's score for {name} is {number}; a score must be finite.")
    return number


def _described(value: object) -> str:
    """A value with its type; of an array its shape and type alone, which fit in a line."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        shape = " x ".join(str(length) for length in value.shape) or "no axes"
        return f"an array of {shape}, {value.dtype}"
    return "None" if value is None else f"{reprlib.repr(value)} ({type(value).__name__})"


def _pool_views(pooled: Pooled, exam: Exam, side: str, info: ModelInfo) -> None:
    by_view: dict[str, list[Row]] = {}
    for image in exam.images:
        if image.side == side and image.id in pooled.images:
            by_view.setdefault(image.view, []).append(pooled.images[image.id])
    if not by_view:
        pooled.skipped.append(("breast", f"{exam.id}/{side}", "no image of the breast has a score"))
        return
    within = "max" if info.pooling[0] == "max" else "mean"
    pooled.breasts[side] = _pool([_pool(rows, within) for rows in by_view.values()], info.pooling[0])
    pooled.views[side] = len(by_view)


def _pool(rows: Sequence[Row], way: str) -> Row:
    columns = [name for name in rows[0] if all(name in row for row in rows)]
    values = {name: [row[name] for row in rows] for name in columns}
    if way == "max":
        return {name: max(column) for name, column in values.items()}
    total = {name: math.fsum(column) for name, column in values.items()}
    return total if way == "sum" else {name: value / len(rows) for name, value in total.items()}
