"""What one sample of a torch model is: an image, a breast or an exam with exactly one image per view."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from cadkit.data import Breast, Dataset, Exam, Image
from cadkit.plugin import ModelInfo, Skipped

Unit = Image | Breast | Exam


@dataclass(frozen=True)
class Address:
    """Names a unit within a dataset, so that another process finds it.

    Attributes:
        kind: image, breast or exam.
        exam_id: of its exam.
        side: of a breast, else empty.
        image_ids: the images that it is made of.
    """

    kind: Literal["image", "breast", "exam"]
    exam_id: str
    side: str
    image_ids: tuple[str, ...]


def exam_of(unit: Unit) -> Exam:
    """The exam that a unit belongs to."""
    return unit if isinstance(unit, Exam) else unit.exam


def images_by_slot(unit: Unit) -> dict[str, Image]:
    """The images of a unit: `image`, in a breast by view (`CC`), in an exam by side and view (`L-CC`)."""
    if isinstance(unit, Image):
        return {"image": unit}
    if isinstance(unit, Breast):
        return {image.view: image for image in unit.images}
    return {f"{image.side}-{image.view}": image for image in unit.images}


def address_of(unit: Unit) -> Address:
    """The address of a unit."""
    ids = tuple(image.id for image in images_by_slot(unit).values())
    if isinstance(unit, Image):
        return Address("image", unit.exam.id, "", ids)
    if isinstance(unit, Breast):
        return Address("breast", unit.exam.id, unit.side, ids)
    return Address("exam", unit.id, "", ids)


class Finder:
    """Finds units of a dataset by address; keeps the last few exams."""

    def __init__(self, data: Dataset, kept: int = 64) -> None:
        self._data, self._kept = data, kept
        self._exams: dict[str, Exam] = {}

    def __call__(self, address: Address) -> Unit:
        exam = self._exam(address.exam_id)
        images = tuple(image for image in exam.images if image.id in address.image_ids)
        if address.kind == "image":
            return images[0]
        if address.kind == "breast":
            return restricted(exam, images).breasts[address.side]
        return restricted(exam, images)

    def _exam(self, exam_id: str) -> Exam:
        if exam_id not in self._exams:
            if len(self._exams) >= self._kept:
                self._exams.pop(next(iter(self._exams)))
            self._exams[exam_id] = Exam(self._data, exam_id)
        return self._exams[exam_id]


def restricted(exam: Exam, images: Iterable[Image]) -> Exam:
    """The exam as if it had these images only."""
    part = copy.copy(exam)
    part.__dict__.pop("breasts", None)
    part.__dict__["images"] = tuple(images)
    return part


def units_of(exam: Exam, info: ModelInfo) -> tuple[list[Unit], list[tuple[Unit, Skipped]]]:
    """The units of an exam, and those that a model does not score with the reason.

    A breast or exam model wants exactly one image of each of `info.views` (of each view that is there,
    where it names none). A repeated view gives one unit per combination; a missing one none.
    """
    there = tuple(image for image in exam.images if not exam.lacks_pixels(image.id))
    unprepared = Skipped("the picture could not be prepared, see problems.csv")
    if info.unit == "image":
        units: list[Unit] = []
        skipped: list[tuple[Unit, Skipped]] = []
        for image in exam.images:
            if info.views and image.view not in info.views:
                reason = f"view {image.view}: the model scores {', '.join(info.views)} only"
                skipped.append((image, Skipped(reason)))
            elif image not in there:
                skipped.append((image, unprepared))
            else:
                units.append(image)
        return units, skipped
    if info.unit == "breast":
        found = [_combined(exam, there, info.views, side) for side in exam.breasts]
    else:
        found = [_combined(exam, there, info.views, "")]
    return [u for units, _ in found for u in units], [s for _, skips in found for s in skips]


def _combined(
    exam: Exam, images: tuple[Image, ...], views: tuple[str, ...], side: str
) -> tuple[list[Unit], list[tuple[Unit, Skipped]]]:
    mine = [image for image in images if not side or image.side == side]
    whole: Unit = exam.breasts[side] if side else exam
    wanted = [(s, v) for s in ((side,) if side else ("L", "R")) for v in views]
    wanted = wanted or list(dict.fromkeys((image.side, image.view) for image in mine))
    choices = [[image for image in mine if (image.side, image.view) == slot] for slot in wanted]
    missing = [f"{s}-{v}" for (s, v), images_of_slot in zip(wanted, choices, strict=True) if not images_of_slot]
    if missing or not wanted:
        return [], [(whole, Skipped(f"no image of {', '.join(missing) or 'any view'}"))]
    units: list[Unit] = []
    for chosen in itertools.product(*choices):
        part = restricted(exam, chosen)
        units.append(part.breasts[side] if side else part)
    return units, []
