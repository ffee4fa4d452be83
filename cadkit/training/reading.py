"""Reading samples: a unit becomes the stored pixels of its crops and its targets. Runs in worker processes.

Nothing here holds a network. An exception is not raised but carried back with its traceback, so that
the training process can tell what happened where.
"""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cadkit.data import Dataset
from cadkit.data.resampling import RawCrop, Taps, read_crop
from cadkit.errors import CadkitError
from cadkit.plugin import Skipped
from cadkit.training.batch import Found
from cadkit.training.findings import findings_in, learns_places
from cadkit.training.units import Address, Finder, Unit

if TYPE_CHECKING:
    from cadkit.training.model import TorchModel

Key = tuple[int, ...]


@dataclass(frozen=True)
class Request:
    """What to read: a unit, the hint that `epoch` gave, and the seed of the noise (None: without)."""

    address: Address
    hint: Any
    key: Key | None


@dataclass(frozen=True)
class Broken:
    """What went wrong while reading a unit, and where."""

    error: Exception
    trace: str


@dataclass
class Sample:
    """One unit, read.

    Attributes:
        crops: by slot, or why the unit is left out.
        targets: by key.
        found: findings by slot, in crop pixels, if the model learns from them.
        left_out: why further findings of the unit are not among them.
    """

    crops: dict[str, RawCrop] | Skipped
    targets: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    found: dict[str, Found] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def read_unit(model: TorchModel, unit: Unit, hint: Any, key: Key | None, training: bool) -> Sample:
    """Read one unit.

    Args:
        model: asked for crops and, in training, targets.
        unit: what to read.
        hint: as `epoch` gave it; None at prediction.
        key: seed of the noise; None for none.
        training: whether targets and findings are wanted.
    """
    crops = model.crops(unit, hint, None if key is None else np.random.default_rng(key))
    if isinstance(crops, Skipped):
        return Sample(crops)
    raw = {slot: read_crop(crop) for slot, crop in crops.items()}
    if not training:
        return Sample(raw)
    targets = {name: np.asarray(value) for name, value in model.target(unit, hint).items()}
    if not learns_places(model.info):
        return Sample(raw, targets)
    found = {slot: findings_in(crop, model.info) for slot, crop in crops.items()}
    left_out = [reason for _, reasons in found.values() for reason in reasons]
    return Sample(raw, targets, {slot: each for slot, (each, _) in found.items()}, left_out)


@dataclass
class RawSlot:
    """One slot of a batch, on the host.

    Attributes:
        raw: N x rows x columns, uint16; smaller pictures are padded with 0 below and to the right.
        row_index, row_weight: N x taps x H; column_index, column_weight: N x taps x W.
        matrix: N x 6, float64: from the grid to prepared pixels.
        sizes: rows and columns of each crop's own grid.
        to_raw: N x 6, float64, for crops that are not axis-aligned; NaN for those that are.
    """

    raw: Tensor
    row_index: Tensor
    row_weight: Tensor
    column_index: Tensor
    column_weight: Tensor
    matrix: Tensor
    sizes: list[tuple[int, int]]
    to_raw: Tensor

    def pin_memory(self) -> RawSlot:
        """The same in page-locked memory, from which a GPU copies while it computes."""
        names = ("raw", "row_index", "row_weight", "column_index", "column_weight")
        pinned = {name: getattr(self, name).pin_memory() for name in names}
        return RawSlot(**pinned, matrix=self.matrix, sizes=self.sizes, to_raw=self.to_raw)


@dataclass
class RawBatch:
    """Samples of a batch, on the host.

    Attributes:
        slots: by name.
        targets: by key.
        found: by slot, a list of N.
        kept: places in the request of the samples that are there.
        skipped: place and reason of those that the model does not want.
        left_out: why findings of the others are not in `found`.
        broken: the first that could not be read, or None.
    """

    slots: dict[str, RawSlot]
    targets: dict[str, Tensor]
    found: dict[str, list[Found]]
    kept: list[int]
    skipped: list[tuple[int, str]]
    left_out: list[str] = field(default_factory=list)
    broken: tuple[int, Broken] | None = None

    def pin_memory(self) -> RawBatch:
        """The same in page-locked memory."""
        slots = {name: slot.pin_memory() for name, slot in self.slots.items()}
        return replace(self, slots=slots)


def collate(samples: Sequence[Sample | Broken]) -> RawBatch:
    """Samples as one batch; crops of unequal grids are padded with 0 below and to the right."""
    for place, sample in enumerate(samples):
        if isinstance(sample, Broken):
            return RawBatch({}, {}, {}, [], [], broken=(place, sample))
    read = [(place, sample) for place, sample in enumerate(samples) if isinstance(sample, Sample)]
    skipped = [(place, s.crops.reason) for place, s in read if isinstance(s.crops, Skipped)]
    kept = [(place, s, s.crops) for place, s in read if not isinstance(s.crops, Skipped)]
    if not kept:
        return RawBatch({}, {}, {}, [], skipped)
    names = list(kept[0][2])
    return RawBatch(
        {name: _stack([crops[name] for _, _, crops in kept]) for name in names},
        {key: _tensor([s.targets[key] for _, s, _ in kept]) for key in kept[0][1].targets},
        {slot: [s.found[slot] for _, s, _ in kept] for slot in kept[0][1].found},
        [place for place, _, _ in kept],
        skipped,
        [reason for _, s, _ in kept for reason in s.left_out],
    )


def _tensor(values: Sequence[NDArray[Any]]) -> Tensor:
    stacked = torch.from_numpy(np.stack(values))
    return stacked.long() if stacked.dtype in (torch.int32, torch.int64) else stacked.float()


def _stack(crops: Sequence[RawCrop]) -> RawSlot:
    height, width = (max(crop.pixels.shape[axis] for crop in crops) for axis in (0, 1))
    raw = np.zeros((len(crops), height, width), dtype=np.uint16)
    for row, crop in zip(raw, crops, strict=True):
        row[: crop.pixels.shape[0], : crop.pixels.shape[1]] = crop.pixels
    rows, columns = (max(crop.size[axis] for crop in crops) for axis in (0, 1))
    row_index, row_weight = _stack_taps([crop.rows for crop in crops], rows)
    column_index, column_weight = _stack_taps([crop.columns for crop in crops], columns)
    nowhere = (np.nan,) * 6
    to_raw = [crop.to_raw.values if crop.to_raw is not None else nowhere for crop in crops]
    return RawSlot(
        torch.from_numpy(raw),
        row_index,
        row_weight,
        column_index,
        column_weight,
        torch.tensor([crop.matrix.values for crop in crops], dtype=torch.float64),
        [crop.size for crop in crops],
        torch.tensor(to_raw, dtype=torch.float64),
    )


def _stack_taps(given: Sequence[Taps | None], length: int) -> tuple[Tensor, Tensor]:
    """Index and weight of all samples, N x taps x length, without taps that weigh nothing in any."""
    count = max((len(one.index) for one in given if one is not None), default=1)
    index = np.zeros((len(given), count, length), dtype=np.int64)
    weight = np.zeros((len(given), count, length), dtype=np.float32)
    for number, one in enumerate(given):
        if one is not None:
            index[number, : len(one.index), : one.index.shape[1]] = one.index
            weight[number, : len(one.index), : one.index.shape[1]] = one.weight
    used = np.flatnonzero(weight.any((0, 2)))
    used = used if len(used) else np.array([0])
    return torch.from_numpy(index[:, used]), torch.from_numpy(weight[:, used])


class Reader(torch.utils.data.Dataset[Any]):
    """Reads requests; goes to worker processes, where a plugin's module may have to be imported from its file."""

    def __init__(self, model: TorchModel, data: Dataset, training: bool) -> None:
        self.model, self.data, self.training = model, data.view(), training
        self._finder = Finder(self.data)

    def __getitem__(self, request: Request) -> Sample | Broken:
        try:
            unit = self._finder(request.address)
            return read_unit(self.model, unit, request.hint, request.key, self.training)
        except Exception as error:
            trace = traceback.format_exc()
            carried = error if isinstance(error, CadkitError) else RuntimeError(f"{type(error).__name__}: {error}")
            return Broken(carried, trace)

    def __reduce__(self) -> tuple[Any, ...]:
        inner = pickle.dumps((self.model, self.data, self.training))
        return _rebuilt, (modules_of(type(self.model)), inner)


def modules_of(cls: type) -> list[tuple[str, str]]:
    """Modules that hold a class and its bases, with their files, outside of cadkit."""
    names = dict.fromkeys(base.__module__ for base in cls.__mro__ if base is not object)
    files = ((name, getattr(sys.modules.get(name), "__file__", None)) for name in names)
    return [(name, str(file)) for name, file in files if file and not name.startswith("cadkit.")]


def _rebuilt(modules: Sequence[tuple[str, str]], inner: bytes) -> Reader:
    """A reader in a worker process; the bytes came from the process that started it."""
    for name, file in modules:
        _import(name, Path(file))
    return Reader(*pickle.loads(inner))


def _import(name: str, file: Path) -> None:
    if name in sys.modules or name == "__main__":
        return
    try:
        importlib.import_module(name)
    except ImportError:
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
