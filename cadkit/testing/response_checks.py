"""Checks of what a plugin's answers go by: other margins in the files, other pixels, in both breasts or in one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cadkit.data import Exam
from cadkit.errors import Failure
from cadkit.plugin import ImagePrediction, Skipped
from cadkit.plugin.pooling import images_of, pool_exam
from cadkit.testing import exams
from cadkit.testing.answers import placed
from cadkit.testing.check import Fails, NotApplicable, check
from cadkit.testing.predict_checks import TOLERANCE, first_answers
from cadkit.testing.subject import Answer, Subject
from cadkit.testing.watching import in_training, networks_of


@check(
    "predict-frame",
    "Places are in the frame that the answer states: where the breast lies in the file moves those in the file's frame "
    "and no others.",
    "State frame='file' for places in the pixels of the file, and leave it out for those in the prepared picture, of "
    "which `image.pixels()` and `image.shape` speak.",
)
def frame(subject: Subject) -> None:
    first = first_answers(subject)
    data = subject.data(margin=exams.WIDE_MARGIN).view(access="prediction")
    other = subject.answers(subject.ready(), data.exams)
    drawn = data.pixel_source
    if isinstance(drawn, exams.DrawnPixels) and drawn.asked_original:
        raise NotApplicable("it reads what stands in the files, which is other than before")
    near = [place for exam, answer in zip(subject.handed(), first, strict=True) for place in placed(exam, answer)]
    far = [place for exam, answer in zip(data.exams, other, strict=True) for place in placed(exam, answer)]
    if not near and not far:
        raise NotApplicable("it answers no places")
    for one, moved in zip(near, far, strict=False):
        if one.where != moved.where or one.points.shape != moved.points.shape:
            raise Fails(f"with a wider margin in the files, places are {moved.where} that were {one.where}")
        if not np.allclose(one.points, moved.points, rtol=0, atol=0.01):
            by = float(np.abs(one.points - moved.points).max())
            raise Fails(
                f"{one.where}: stated in the {one.frame} frame, they move by {by:g} pixels with the file's margin"
            )


@check(
    "predict-turned",
    "Where the model turns right breasts round for its network, it turns their places back.",
    "Mirror the places of right breasts as you mirrored their pictures (`crop.mirrored()` and frame=crop do), or turn "
    "none: prepared pictures all have the breast on the left.",
)
def turned_back(subject: Subject) -> None:
    first_answers(subject)
    if not (alike := _by_side(subject, exams.ALIKE)):
        raise NotApplicable("it answers no places")
    if all(_same(left, right) for left, right in alike):
        return  # the same picture has the same places on either side: it turns nothing
    # Turned or not, a symmetric picture is the same to the network; the places of one that was turned are mirrored.
    symmetric = _by_side(subject, exams.SYMMETRIC)
    if symmetric and all(_same(left, right) for left, right in symmetric):
        raise Fails("it treats right breasts otherwise than left ones, and their places in a symmetric picture alike")


def _same(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return one.shape == other.shape and np.allclose(one, other, rtol=0, atol=1e-3)


def _by_side(subject: Subject, plans: Sequence[exams.Plan]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Places, and values of maps, in the left and in the right pictures of each exam."""
    handed = subject.handed(plans)
    pairs = []
    for exam, answer in zip(handed, subject.answers(subject.ready(), handed), strict=True):
        places, given = list(placed(exam, answer)), {} if isinstance(answer, Skipped) else images_of(answer)
        sides: dict[str, list[NDArray[np.float64]]] = {"L": [], "R": []}
        for image in exam.images:
            sides[image.side] += [place.points.ravel() for place in places if place.image_id == image.id]
            one = given.get(image.id)
            if isinstance(one, ImagePrediction) and one.saliency is not None and one.frame == "prepared":
                sides[image.side].append(one.saliency.values.astype(np.float64).ravel())
        left, right = (np.concatenate(sides[side] or [np.zeros(0)]) for side in "LR")
        pairs += [(left, right)] if len(left) + len(right) else []
    return pairs


@check(
    "predict-pixels",
    "Other pixels under the same ids get other answers.",
    "Keep no cache by image id. A softmax runs over the labels (dim=1), not over the batch; a single label wants a "
    "sigmoid. A model that looks at no pixels expects this failure.",
)
def other_pixels(subject: Subject) -> None:
    first, handed = _scores(subject, subject.handed(), subject.ordinary()), subject.handed(redrawn="LR")
    if first != _scores(subject, handed, subject.answers(subject.ready(), handed)):
        return
    if not any(first):
        raise NotApplicable("it found nothing in any picture")
    if len(set(first)) == 1:
        raise Fails(f"whatever the picture, every score is {first[0]:g}")
    raise Fails("no score changes when the pixels do: they are those of other pictures with these ids")


def _scores(subject: Subject, handed: Sequence[Exam], given: Sequence[Answer]) -> list[float]:
    """Every score at every level."""
    found: list[float] = []
    for exam, answer in zip(handed, given, strict=True):
        try:
            pooled = pool_exam(exam, answer, subject.ready().info)
        except Failure:
            raise NotApplicable("its scores are wrong: see predict-scores") from None
        for row in (*pooled.images.values(), *pooled.breasts.values(), pooled.exam or {}):
            found += row.values()
    return found


@check(
    "predict-sides",
    "What changes in one breast alone changes that breast's score, and not the other's alone.",
    "Look up which breast a score belongs to by `image.side` or `breast.side`, and not by the order of images or "
    "outputs.",
)
def sides(subject: Subject) -> None:
    info, first = subject.ready().info, first_answers(subject)
    handed = subject.handed(redrawn="R")
    second = subject.answers(subject.ready(), handed)
    changed = {"L": 0.0, "R": 0.0}
    for exam, before, after in zip(handed, first, second, strict=True):
        try:
            rows = pool_exam(exam, before, info).breasts, pool_exam(exam, after, info).breasts
        except Failure:
            raise NotApplicable("its scores are wrong: see predict-scores") from None
        for side in rows[0].keys() & rows[1].keys():
            changed[side] = max(changed[side], *(abs(rows[0][side][x] - rows[1][side][x]) for x in info.labels))
    if changed["L"] > TOLERANCE and changed["R"] == 0:
        raise Fails("with other pixels in the right breasts, scores of left breasts change and of right ones none")


@check(
    "predict-eval-mode",
    "Networks that the model holds are in evaluation mode when they predict.",
    "Call `network.eval()` after loading: in training mode dropout draws numbers, and batch normalisation takes each "
    "batch's own mean.",
)
def eval_mode(subject: Subject) -> None:
    subject.ordinary()
    networks = networks_of(subject.ready())
    if not networks:
        raise NotApplicable("it keeps no network of torch as its attribute")
    if found := in_training(networks):
        raise Fails(found)
