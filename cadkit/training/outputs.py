"""What a network answers for a batch, and how it becomes predictions of exams in prepared pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cadkit.data import Affine, Breast, Image
from cadkit.errors import Failure
from cadkit.plugin import BreastPrediction, ExamPrediction, ImagePrediction, Marks, ModelInfo, Saliency, Skipped
from cadkit.training.units import Unit, images_by_slot

Floats = NDArray[np.float64]
KeyedScores = Tensor | Mapping[str, Tensor]
KeyedMarks = Sequence[Marks] | Mapping[str, Sequence[Marks]]
KeyedMaps = Tensor | Sequence[Saliency] | Mapping[str, Tensor | Sequence[Saliency]]


@dataclass
class Outputs:
    """A prediction with a batch axis, in crop pixels.

    A bare value answers the unit itself; a mapping answers by key: a slot (`CC` in a breast, `L-CC`
    in an exam), a side (`L`) or `exam`.

    Attributes:
        scores: N x labels.
        extra: further scores by name, N x labels; judged like scores.
        marks: N marks, scored points or boxes. What of a box lies in a crop's padding is cut off, and marks that
            lie there are left out.
        rois: N marks whose score is the attention.
        saliency: N x labels x h x w in 0..1 on equal cells over the crop, or N `Saliency`.
    """

    scores: KeyedScores
    extra: Mapping[str, KeyedScores] = field(default_factory=dict)
    _: KW_ONLY
    marks: KeyedMarks | None = None
    rois: KeyedMarks | None = None
    saliency: KeyedMaps | None = None


@dataclass
class Answer:
    """What was said of one unit, on the host and in prepared pixels.

    Attributes:
        scores: by key: labels.
        extra: by name and key.
        marks, rois, saliency: by slot.
    """

    scores: dict[str, Floats]
    extra: dict[str, dict[str, Floats]] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)
    rois: dict[str, Marks] = field(default_factory=dict)
    saliency: dict[str, Saliency] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a slot's crop lies: its affine map to prepared pixels, and its rows and columns."""

    matrix: Affine
    size: tuple[int, int]


def _keyed(value: Any, own: str) -> dict[str, Any]:
    if value is None:
        return {}
    return dict(value) if isinstance(value, Mapping) else {own: value}


def _numbers(value: KeyedScores, own: str) -> dict[str, Floats]:
    return {key: tensor.detach().double().cpu().numpy() for key, tensor in _keyed(value, own).items()}


def answers_of(outputs: Outputs, places: Sequence[Mapping[str, Place]], own: str) -> list[Answer]:
    """Take outputs apart into one answer per unit.

    Args:
        outputs: of a batch of N.
        places: N times, by slot.
        own: key of a bare value: `image`, `breast` or `exam`.
    """
    scores = _numbers(outputs.scores, own)
    extra = {name: _numbers(value, own) for name, value in outputs.extra.items()}
    for key, rows in scores.items():
        if len(rows) != len(places):
            raise Failure(f"The network scored {len(rows)} units of {len(places)} ({key}).")
    marks, rois, maps = (_keyed(value, own) for value in (outputs.marks, outputs.rois, outputs.saliency))
    maps = {k: v.detach().float().cpu().numpy() if isinstance(v, Tensor) else v for k, v in maps.items()}
    return [
        Answer(
            {key: rows[n] for key, rows in scores.items()},
            {name: {key: rows[n] for key, rows in value.items()} for name, value in extra.items()},
            {slot: value[n].moved(slots[slot].matrix) for slot, value in marks.items()},
            {slot: value[n].moved(slots[slot].matrix) for slot, value in rois.items()},
            {slot: placed_map(value[n], slots[slot]) for slot, value in maps.items()},
        )
        for n, slots in enumerate(places)
    ]


def placed_map(given: NDArray[np.float32] | Saliency, place: Place) -> Saliency:
    """A saliency map of a crop, over its window in prepared pixels.

    Raises:
        Failure: the crop is turned, so that its cells cannot be given as a window.
    """
    own = given if isinstance(given, Saliency) else Saliency(given)
    try:
        return own.moved(place.matrix, place.size)
    except ValueError as error:
        raise Failure(f"The network's saliency cannot be placed: {error}.") from error


def averaged(answers: Sequence[Answer]) -> Answer:
    """The mean of scores and extra scores; everything else from the first answer."""
    first, count = answers[0], len(answers)
    if count == 1:
        return first
    scores = {key: np.stack([a.scores[key] for a in answers]).mean(0) for key in first.scores}
    extra = {
        name: {key: np.stack([a.extra[name][key] for a in answers]).mean(0) for key in value}
        for name, value in first.extra.items()
    }
    return Answer(scores, extra, first.marks, first.rois, first.saliency)


def with_scores_of(plain: Answer | None, draws: Sequence[Answer]) -> Answer:
    """The mean scores of the draws with the marks, regions and maps of the plain picture."""
    mean = averaged(draws)
    if plain is None:
        return mean
    return Answer(mean.scores, mean.extra, plain.marks, plain.rois, plain.saliency)


class ExamAnswer:
    """Collects the answers of an exam's units into an `ExamPrediction`.

    Where a repeated view gives several units of one breast or exam, their scores are averaged, and an
    image's over the units that it is in; its marks, regions and map are those of the first.
    """

    def __init__(self, info: ModelInfo) -> None:
        self._info = info
        self._images: dict[str, list[Answer]] = {}
        self._breasts: dict[str, list[Answer]] = {}
        self._exam: list[Answer] = []
        self._skipped: dict[str, Skipped] = {}
        self._skipped_sides: dict[str, Skipped] = {}
        self._whole: Skipped | None = None

    def skip(self, unit: Unit, reason: Skipped) -> None:
        """A unit that the model does not score."""
        if isinstance(unit, Image):
            self._skipped[unit.id] = reason
        elif isinstance(unit, Breast):
            self._skipped_sides[unit.side] = reason
        else:
            self._whole = reason

    def add(self, unit: Unit, answer: Answer) -> None:
        """The answer of a unit: its images by slot, its breasts by side, the exam."""
        for slot, image in images_by_slot(unit).items():
            if slot in answer.scores:
                part = _part(answer, slot)
                if "" in part.marks:
                    part.marks[""] = part.marks[""].within(image.shape)
                self._images.setdefault(image.id, []).append(part)
            elif slot in answer.marks or slot in answer.saliency or slot in answer.rois:
                raise Failure(f"The network gave marks or maps for {slot} without scores: give its scores too.")
        sides = {unit.side: "breast"} if isinstance(unit, Breast) else {"L": "L", "R": "R"}
        for side, key in sides.items():
            if key in answer.scores:
                self._breasts.setdefault(side, []).append(_part(answer, key))
        if "exam" in answer.scores:
            self._exam.append(_part(answer, "exam"))

    def prediction(self) -> ExamPrediction | Skipped:
        """The whole exam's answer."""
        if self._whole is not None and not self._exam:
            return self._whole
        images: dict[str, ImagePrediction | Skipped] = dict(self._skipped)
        for image_id, parts in self._images.items():
            first = parts[0]
            images[image_id] = ImagePrediction(
                *self._scores(parts),
                marks=first.marks.get(""),
                saliency=first.saliency.get(""),
                rois=first.rois.get(""),
            )
        breasts: dict[str, BreastPrediction | Skipped] = dict(self._skipped_sides)
        for side, parts in self._breasts.items():
            breasts[side] = BreastPrediction(*self._scores(parts))
        whole = self._scores(self._exam) if self._exam else (None, {})
        return ExamPrediction(whole[0], whole[1], images=images, breasts=breasts)

    def _scores(self, parts: Sequence[Answer]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
        mean, labels = averaged(parts), self._info.labels
        if mean.scores[""].shape != (len(labels),):
            raise Failure(f"The network gave scores of shape {mean.scores[''].shape} for {len(labels)} labels.")
        scores = dict(zip(labels, mean.scores[""].tolist(), strict=True))
        extra = {name: dict(zip(labels, value[""].tolist(), strict=True)) for name, value in mean.extra.items()}
        return scores, extra


def _part(answer: Answer, key: str) -> Answer:
    """What an answer says under one key."""
    by_slot = ({"": value[key]} if key in value else {} for value in (answer.marks, answer.rois, answer.saliency))
    extra = {name: {"": value[key]} for name, value in answer.extra.items() if key in value}
    return Answer({"": answer.scores[key]}, extra, *by_slot)  # type: ignore[arg-type]
