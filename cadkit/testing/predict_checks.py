"""Checks of what a plugin answers."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from typing import Any

from cadkit.data import Dataset, Exam
from cadkit.errors import Failure
from cadkit.plugin import Skipped
from cadkit.plugin.pooling import Pooled, images_of, pool_exam
from cadkit.testing import exams
from cadkit.testing.answers import difference, misplaced
from cadkit.testing.check import Fails, NotApplicable, check
from cadkit.testing.subject import Answer, Subject
from cadkit.testing.watching import globals_kept, in_training, networks_of

# What may differ between sums in another order: float32 has seven digits, and a network adds up thousands of terms.
TOLERANCE = 1e-4
_FEW, _MANY = 2, 8
_KEPT_SHARE = 0.25


@check(
    "predict-each-once",
    "Every exam gets one answer, in order, from whichever method the model has; and not all are skipped.",
    "Return what your method is asked for (`predict_image` an `ImagePrediction`), or `cadkit.Skipped(reason)`; where "
    "an exception was raised, it says what went wrong.",
)
def each_once(subject: Subject) -> None:
    handed, given = subject.handed(), subject.ordinary()
    for exam, answer in zip(handed, given, strict=True):
        if isinstance(answer, Skipped):
            continue
        strange = images_of(answer).keys() - {image.id for image in exam.images} | answer.breasts.keys() - exam.breasts
        if strange:
            raise Fails(f"the answer for exam {exam.id} speaks of {sorted(strange)[0]}, which it has not")
    skipped = [answer.reason for answer in given if isinstance(answer, Skipped)]
    if len(skipped) == len(given):
        raise Fails(f"it skipped every ordinary exam, so that nothing can be checked ({skipped[0]})")


@check(
    "predict-scores",
    "Scores are there for every label, finite, and between 0 and 1 where the model promises probabilities.",
    "Answer a finite number (no NaN, no text) for every name of `info.labels`, and state `scores='risk'` unless they "
    "are probabilities.",
)
def scores(subject: Subject) -> None:
    given = subject.ordinary()
    for exam, answer in zip(subject.handed(), given, strict=True):
        try:
            pool_exam(exam, answer, subject.ready().info)
        except (Failure, TypeError, AttributeError) as error:
            raise Fails(str(error)) from error


@check(
    "predict-places",
    "Marks, regions of interest and saliency maps lie in the picture and have the form that the contract gives them.",
    "Give places in prepared pixels (x right, y down), moved back from the crop and clipped to the picture; or in the "
    "file's pixels with frame='file', or in a crop's with frame=crop. A row is y, a column is x.",
)
def places(subject: Subject) -> None:
    info = subject.ready().info
    handed, given = list(subject.handed()), list(subject.ordinary())
    for plan in exams.ELONGATED:  # where x taken for y, or the frame of the network, shows
        exam = subject.handed([plan])
        try:
            given += subject.answers(subject.ready(), exam)
        except Fails:  # a network may need a larger picture
            continue
        handed += exam
    faults = [f for e, a in zip(handed, given, strict=True) for f in misplaced(e, a, info)]
    if faults:
        raise Fails(faults[0] + (f", and {len(faults) - 1} more" if len(faults) > 1 else ""))


@check(
    "predict-repeatable",
    "The same exams asked about twice get the same answers to the last bit.",
    "Draw random numbers from a generator whose seed is made from the id of the image, and keep nothing between exams.",
)
def repeatable(subject: Subject) -> None:
    _skip_if_in_training(subject)
    if found := _changes(subject):
        raise Fails(found)


def _changes(subject: Subject) -> str:
    names = [exam.id for exam in subject.handed()]
    return difference(subject.ordinary(), subject.ordinary_again(), names)


def _skip_if_in_training(subject: Subject) -> None:
    subject.ordinary()
    if found := in_training(networks_of(subject.ready())):
        raise NotApplicable(f"{found}: see predict-eval-mode")


def first_answers(subject: Subject) -> list[Answer]:
    """Answers to compare others with, of a model that repeats itself."""
    _skip_if_in_training(subject)
    if _changes(subject):
        raise NotApplicable("its answers differ from one call to the next: see predict-repeatable")
    return subject.ordinary()


@check(
    "predict-batch",
    "An exam's answer does not depend on how many others are asked about with it, nor on the setting `batch`.",
    "Standardise each picture by itself; batch normalisation belongs in evaluation mode.",
)
def batch(subject: Subject) -> None:
    first, handed = first_answers(subject), subject.handed()
    names = [exam.id for exam in handed]
    alone = [answer for exam in handed for answer in subject.answers(subject.ready(), [exam])]
    if found := difference(first, alone, names, TOLERANCE):
        raise Fails(f"asked about one exam at a time: {found}")
    if "batch" in type(subject.config).model_fields:
        number = subject.config.batch + 1  # type: ignore[attr-defined]
        other = subject.answers(subject.loaded(subject.new_model(batch=number)), handed)
        if found := difference(first, other, names, TOLERANCE):
            raise Fails(f"with batch={number}: {found}")


@check(
    "predict-order",
    "Exams in another order get the same answers, in that order.",
    "Yield the answers in the order in which the exams were handed over, and keep nothing between exams.",
)
def order(subject: Subject) -> None:
    first, handed = first_answers(subject), subject.handed()
    back = subject.answers(subject.ready(), handed[::-1])[::-1]
    if found := difference(first, back, [exam.id for exam in handed], TOLERANCE):
        raise Fails(f"asked about the last exam first: {found}")


@check(
    "predict-inputs-untouched",
    "What the model is handed is as it was: pixels and columns.",
    "Copy an array before you write to it.",
)
def inputs_untouched(subject: Subject) -> None:
    subject.ordinary()
    data = subject.data().view(access="prediction")
    before, columns = _pixels(data), _columns(data.exams)
    subject.answers(subject.ready(), data.exams)
    after = _pixels(data)
    if changed := [name for name, pixels in before.items() if pixels != after[name]]:
        raise Fails(f"the pixels of image {changed[0]} were changed")
    if columns != _columns(data.exams):
        raise Fails("the exams' images or columns were changed")


def _pixels(data: Dataset) -> dict[str, bytes]:
    return {image.id: data.pixel_source.read(image.id, None).tobytes() for image in data.images}


def _columns(handed: Sequence[Exam]) -> list[Any]:
    return [
        (e.id, dict(e.columns), [(i.id, i.side, i.view, dict(i.columns)) for i in e.images], list(e.breasts))
        for e in handed
    ]


@check(
    "predict-random-state",
    "The generators that everybody shares (random, numpy.random, torch) stand where they stood.",
    "Use a generator of your own: numpy.random.default_rng(seed), torch.Generator().",
)
def random_state(subject: Subject) -> None:
    subject.ordinary()
    with globals_kept(seeded=True) as before:
        for _ in _watched_answers(subject):
            pass
        if drawn := before.drawn_since():
            _skip_if_in_training(subject)
            raise Fails(f"the shared generator of {', '.join(drawn)} was drawn from or seeded")


@check(
    "predict-grad-mode",
    "Whether torch records gradients, and its default type, are as they were, also between two answers.",
    "Write `with torch.no_grad():` around the computation only, not around a `yield`.",
)
def grad_mode(subject: Subject) -> None:
    subject.ordinary()
    with globals_kept() as before:
        for _ in _watched_answers(subject):
            if changed := before.modes_since():
                raise Fails(f"after an answer {', '.join(changed)}")
        if changed := before.modes_since():
            raise Fails(f"at the end {', '.join(changed)}")


def _watched_answers(subject: Subject) -> Iterator[Answer]:
    """Answers as they come; the model's own generator is running between them."""
    yield from subject.ready().predict(iter(subject.handed()))


def _unusual(subject: Subject, plans: Sequence[exams.Plan]) -> None:
    """Scores or `Skipped` at every level, and no exception."""
    subject.ordinary()
    info, handed = subject.ready().info, subject.handed(plans)
    given = subject.answers(subject.ready(), handed)
    for exam, answer in zip(handed, given, strict=True):
        try:
            pooled: Pooled = pool_exam(exam, answer, info)
        except Failure as error:
            _skip_if_ordinary_ones_fail(subject)
            raise Fails(str(error)) from error
        if pooled.exam is None and not pooled.skipped:
            raise Fails(f"exam {exam.id} has neither a score nor a reason why not")


def _skip_if_ordinary_ones_fail(subject: Subject) -> None:
    try:
        scores(subject)
    except Fails:
        raise NotApplicable("its scores are wrong for ordinary exams as well: see predict-scores") from None


_ANSWER_ALL = "Answer for the images that are there, or `cadkit.Skipped(reason)`."


@check(
    "predict-missing-view",
    "An exam that lacks a view, or a whole side, gets scores or `Skipped`, never an exception.",
    _ANSWER_ALL,
)
def missing_view(subject: Subject) -> None:
    _unusual(subject, exams.MISSING_VIEW)


@check(
    "predict-extra-image",
    "An exam with a view taken twice, or with a view besides CC and MLO, gets scores or `Skipped`.",
    _ANSWER_ALL + " A view may have several images: do not take the only one.",
)
def extra_image(subject: Subject) -> None:
    _unusual(subject, exams.EXTRA_IMAGE)


@check(
    "predict-implant",
    "An exam of breasts with implants gets scores or `Skipped`.",
    _ANSWER_ALL,
)
def implant(subject: Subject) -> None:
    _unusual(subject, exams.WITH_IMPLANT)


@check(
    "predict-unprepared",
    "An exam of which an image could not be prepared gets scores or `Skipped`.",
    "Ask `image.prepared` before its pixels, or let the core ask image by image (`predict_image`).",
)
def unprepared(subject: Subject) -> None:
    _unusual(subject, exams.UNPREPARED)


@check(
    "predict-memory",
    "What the model needs does not grow with the number of exams.",
    "Answer each exam before you read the next one, and keep neither pixels nor tensors of those that are done.",
)
def memory(subject: Subject) -> None:
    subject.ordinary()
    _needed(subject, 1)  # whatever is made once is made here
    few, many = _needed(subject, _FEW), _needed(subject, _MANY)
    each = 4 * len(exams.FOUR) * exams.ROWS * exams.COLUMNS  # bytes of an exam's pictures in float32
    grown = (many - few) / (_MANY - _FEW)
    if grown > _KEPT_SHARE * each:
        raise Fails(f"each further exam takes {grown / 2**20:.2f} MiB that stay; its pictures have {each / 2**20:.2f}")


def _needed(subject: Subject, number: int) -> float:
    """Bytes that a prediction of so many exams took at most, and those of tensors that it left behind."""
    plans = [exams.Plan(f"exam-{n}", "test", n) for n in range(number)]
    data = subject.data(plans).view(access="prediction")
    gc.collect()
    left = _tensor_bytes()
    tracemalloc.start()
    try:
        with globals_kept():
            # Exams are made when they are asked for, so that none is held here.
            for _ in subject.ready().predict(Exam(data, plan.id) for plan in plans):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    gc.collect()
    return peak + _tensor_bytes() - left


def _tensor_bytes() -> int:
    torch = sys.modules.get("torch")
    if torch is None:
        return 0
    tensors = (each for each in gc.get_objects() if type(each) is torch.Tensor or type(each) is torch.nn.Parameter)
    return sum(tensor.untyped_storage().nbytes() for tensor in tensors if tensor.device.type == "cpu")
