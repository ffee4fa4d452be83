"""Bringing batches to the device: in this process, or from worker processes that read ahead."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from cadkit.data import Dataset
from cadkit.errors import CadkitError, Failure, InputError
from cadkit.tasks import processors
from cadkit.training.batch import Batch, to_device
from cadkit.training.reading import RawBatch, Reader, Request, collate
from cadkit.training.units import Unit, address_of

if TYPE_CHECKING:
    from cadkit.training.model import TorchModel

Numbered = tuple[int, tuple[Unit, Any]]
_AHEAD = 2
_MOST_WORKERS = 8


class Loader:
    """Reads the batches of a training, in order.

    Workers are started once and read at most `_AHEAD` batches each ahead. They import torch and the
    plugin anew: nothing is inherited from this process but the model's configuration and the tables.
    """

    def __init__(self, model: TorchModel, data: Dataset, batch: int, workers: int, device: torch.device) -> None:
        self._reader = Reader(model, data, training=True)
        self._batch, self._device = batch, device
        self.workers = workers if workers >= 0 else (min(_MOST_WORKERS, processors()) if device.type == "cuda" else 0)
        self._requests: list[list[Request]] = []
        self._workers: DataLoader[Any] | None = None
        self.skipped: dict[str, int] = {}

    def epoch(self, items: Sequence[Numbered], key: tuple[int, ...], start: int) -> Iterator[tuple[int, Batch]]:
        """Batches of an epoch with their numbers, from batch `start` on.

        Args:
            items: place in the whole epoch's list, and (unit, hint).
            key: what, with the place, seeds the noise of a sample.
            start: number of the first batch wanted.

        Raises:
            Failure: reading failed; the unit is named and the traceback of the process that read is shown.
        """
        groups = [items[at : at + self._batch] for at in range(start * self._batch, len(items), self._batch)]
        for number, (group, raw) in enumerate(zip(groups, self._raw(groups, key), strict=True), start=start):
            units = [unit for _, (unit, _) in group]
            if raw.broken is not None:
                place, broken = raw.broken
                raise _reading_failed(units[place], broken.error, broken.trace)
            for reason in (*(reason for _, reason in raw.skipped), *raw.left_out):
                self.skipped[reason] = self.skipped.get(reason, 0) + 1
            if not raw.kept:
                raise InputError(f"the model skips every unit of a batch: {raw.skipped[0][1]}")
            yield number, to_device(raw, [units[place] for place in raw.kept], self._device)

    def _raw(self, groups: Sequence[Sequence[Numbered]], key: tuple[int, ...]) -> Iterator[RawBatch]:
        requests = [
            [Request(address_of(unit), hint, (*key, place)) for place, (unit, hint) in group] for group in groups
        ]
        if self.workers == 0:
            for group in requests:
                yield collate([self._reader[request] for request in group])
            return
        self._requests[:] = requests
        try:
            yield from self._started()
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise Failure(
                "A process that reads pictures was killed, most likely because memory ran out. Resume with fewer: "
                f"--set workers={self.workers // 2}."
            ) from error

    def _started(self) -> DataLoader[Any]:
        if self._workers is None:
            served = "forkserver" in multiprocessing.get_all_start_methods()
            context = multiprocessing.get_context("forkserver" if served else "spawn")
            if served:
                # torch is imported once, in the server that every worker is forked from.
                context.set_forkserver_preload(["cadkit.training.reading", "cadkit.training.model"])
            self._workers = DataLoader(
                self._reader,
                batch_sampler=self._requests,
                collate_fn=collate,
                num_workers=self.workers,
                prefetch_factor=_AHEAD,
                persistent_workers=True,
                pin_memory=self._device.type == "cuda",
                multiprocessing_context=context,
                generator=torch.Generator(),
            )
        return self._workers


def _reading_failed(unit: Unit, error: Exception, trace: str) -> CadkitError:
    if isinstance(error, CadkitError):
        error.add_note(trace)
        return error
    address = address_of(unit)
    which = ", ".join(address.image_ids)
    return Failure(f"Reading exam {address.exam_id} (images {which}) failed: {error}\n{trace}")
