"""Running a network over exams: read ahead in a thread, one shape a batch, one answer per exam in order."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from cadkit.data import Affine, Exam
from cadkit.data.resampling import RawCrop
from cadkit.plugin import ExamPrediction, Skipped
from cadkit.training.batch import to_device
from cadkit.training.outputs import Answer, ExamAnswer, Place, answers_of, with_scores_of
from cadkit.training.precision import autocast
from cadkit.training.reading import Sample, collate, read_unit
from cadkit.training.units import Unit, address_of, units_of

if TYPE_CHECKING:
    from cadkit.training.model import TorchModel

Item = TypeVar("Item")
Answered = TypeVar("Answered")
_PLAIN = -1


@dataclass
class _Open:
    """An exam whose units are not all answered yet."""

    exam: Exam
    units: list[Unit]
    collected: ExamAnswer
    left: int
    skipped: dict[int, Skipped] = field(default_factory=dict)
    plain: dict[int, Answer] = field(default_factory=dict)
    draws: dict[int, list[Answer]] = field(default_factory=dict)

    def prediction(self) -> ExamPrediction | Skipped:
        for number, unit in enumerate(self.units):
            if number in self.skipped:
                self.collected.skip(unit, self.skipped[number])
            else:
                plain = self.plain.get(number)
                draws = self.draws.get(number) or ([plain] if plain is not None else [])
                self.collected.add(unit, with_scores_of(plain, draws))
        return self.collected.prediction()


@dataclass(frozen=True)
class _Job:
    """One sample to read: a unit of an exam, plain or the n-th draw; unit -1: the exam has none."""

    exam: _Open
    unit: int
    draw: int = _PLAIN


@dataclass(frozen=True)
class Settings:
    """How a network is run over exams.

    Attributes:
        device, precision: where and in which numbers.
        batch: samples per forward pass.
        draws: augmentations that scores are averaged over; 0: the plain picture.
        want: what is wanted beyond scores.
        together: whether a batch may hold several exams. Where it may not, the bits of an exam's
            scores do not depend on which other exams are asked about.
    """

    device: torch.device
    precision: str
    batch: int
    draws: int = 0
    want: frozenset[str] = frozenset()
    together: bool = False


def predict_exams(
    model: TorchModel, network: nn.Module, exams: Iterable[Exam], settings: Settings
) -> Iterator[ExamPrediction | Skipped]:
    """One answer per exam, in order."""
    waiting: deque[_Open] = deque()
    pending: list[tuple[_Job, Sample]] = []
    jobs = _jobs(model, exams, settings)
    for job, sample in _read_ahead(lambda job: _read(model, job), jobs, 2 * settings.batch):
        if not waiting or waiting[-1] is not job.exam:
            waiting.append(job.exam)
            if not settings.together:
                _answer(model, network, pending, settings)
        if sample is None or isinstance(sample.crops, Skipped):
            job.exam.left -= 1
            if sample is not None and isinstance(sample.crops, Skipped):
                job.exam.skipped[job.unit] = sample.crops
        else:
            if pending and (len(pending) == settings.batch or not _alike(pending[-1], (job, sample))):
                _answer(model, network, pending, settings)
            pending.append((job, sample))
        while waiting and waiting[0].left == 0:
            yield waiting.popleft().prediction()
    _answer(model, network, pending, settings)
    while waiting:
        yield waiting.popleft().prediction()


def _jobs(model: TorchModel, exams: Iterable[Exam], settings: Settings) -> Iterator[_Job]:
    plain = bool(settings.want) or settings.draws == 0
    for exam in exams:
        units, skipped = units_of(exam, model.info)
        collected = ExamAnswer(model.info)
        for unit, reason in skipped:
            collected.skip(unit, reason)
        opened = _Open(exam, units, collected, len(units) * (settings.draws + plain) or 1)
        if not units:
            yield _Job(opened, -1)
        if plain:
            yield from (_Job(opened, number) for number in range(len(units)))
        yield from (_Job(opened, number, draw) for number in range(len(units)) for draw in range(settings.draws))


def _read(model: TorchModel, job: _Job) -> tuple[_Job, Sample | None]:
    if job.unit < 0:
        return job, None
    unit = job.exam.units[job.unit]
    # The published code draws from a generator of seed 0; here every unit has its own.
    key = None if job.draw == _PLAIN else (0, zlib.crc32(repr(address_of(unit)).encode()), job.draw)
    return job, read_unit(model, unit, None, key, training=False)


def _read_ahead(function: Callable[[Item], Answered], items: Iterable[Item], depth: int) -> Iterator[Answered]:
    # One thread, as a store is read by one at a time; it decompresses while the network computes.
    with ThreadPoolExecutor(1, thread_name_prefix="cadkit-read") as pool:
        queue: deque[Future[Answered]] = deque()
        try:
            for item in items:
                queue.append(pool.submit(function, item))
                if len(queue) > depth:
                    yield queue.popleft().result()
            while queue:
                yield queue.popleft().result()
        finally:
            for future in queue:
                future.cancel()


def _alike(one: tuple[_Job, Sample], other: tuple[_Job, Sample]) -> bool:
    """Whether two samples may share a batch: the same slots and shapes, and both plain or both drawn."""
    return _shape(one) == _shape(other)


def _shape(entry: tuple[_Job, Sample]) -> tuple[object, ...]:
    job, sample = entry
    crops = sample.crops
    assert not isinstance(crops, Skipped)
    return (job.draw == _PLAIN, *((slot, crop.size) for slot, crop in crops.items()))


def _answer(model: TorchModel, network: nn.Module, pending: list[tuple[_Job, Sample]], settings: Settings) -> None:
    """Ask the network about what is pending, and empty it."""
    if not pending:
        return
    jobs = [job for job, _ in pending]
    samples = [sample for _, sample in pending]
    pending.clear()
    want = settings.want if jobs[0].draw == _PLAIN else frozenset[str]()
    network.eval()
    with torch.no_grad(), autocast(settings.precision, settings.device):
        batch = to_device(collate(samples), [job.exam.units[job.unit] for job in jobs], settings.device, want)
        outputs = model.outputs(network, batch)
    places = [{slot: _place(crop) for slot, crop in _crops(sample).items()} for sample in samples]
    for job, answer in zip(jobs, answers_of(outputs, places, model.info.unit), strict=True):
        job.exam.left -= 1
        if job.draw == _PLAIN:
            job.exam.plain[job.unit] = answer
        else:
            job.exam.draws.setdefault(job.unit, []).append(answer)


def _crops(sample: Sample) -> dict[str, RawCrop]:
    assert not isinstance(sample.crops, Skipped)
    return sample.crops


def _place(crop: RawCrop) -> Place:
    matrix: Affine = crop.matrix
    return Place(matrix, crop.size)
