"""A batch as a plugin sees it, and the warp that makes it on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from cadkit.training.units import Unit

if TYPE_CHECKING:
    from cadkit.training.reading import RawBatch, RawSlot


@dataclass(frozen=True)
class Found:
    """Findings of one crop, in crop pixels.

    Attributes:
        points: n x 2, (x, y) of the centres.
        boxes: n x 4, x0 y0 x1 y1, within the crop.
        labels: n indices into `info.findings` (or `info.labels`).
        masks: labels x rows x columns of the crop, bool: what the findings of a label cover, also those that give
            no box or point; None if the model learns no masks.
    """

    points: Tensor
    boxes: Tensor
    labels: Tensor
    masks: Tensor | None = None

    def to(self, device: torch.device) -> Found:
        """The same on a device."""
        masks = None if self.masks is None else self.masks.to(device)
        return Found(self.points.to(device), self.boxes.to(device), self.labels.to(device), masks)


@dataclass
class Batch:
    """N units on the device.

    Attributes:
        units: the units, in order.
        want: what the user asked for beyond scores: `marks`, `saliency`, `rois`; empty in training.
        images: by slot: N x channels x H x W, float32, 0 (background) to 1.
        matrix: by slot: N x 2 x 3, float32: from crop pixels to prepared pixels.
        targets: by key, in training only; NaN where unknown.
        findings: by slot, N `Found`, in training only and if the model learns points, boxes or masks.
    """

    units: Sequence[Unit]
    want: frozenset[str]
    images: dict[str, Tensor]
    matrix: dict[str, Tensor]
    targets: dict[str, Tensor] = field(default_factory=dict)
    findings: dict[str, list[Found]] = field(default_factory=dict)

    @property
    def image(self) -> Tensor:
        """The pictures of the only slot."""
        if len(self.images) != 1:
            raise KeyError(f"the batch has the slots {', '.join(self.images)}: take one of batch.images")
        return next(iter(self.images.values()))

    @property
    def mask(self) -> Tensor:
        """What findings cover in the only slot: N x labels x H x W, float32, 0 or 1, if the model learns masks.

        Raises:
            KeyError: there are several slots, or `info.learns` does not name masks.
        """
        height, width = self.image.shape[2:]
        (found,) = self.findings.values() or ([],)
        masks = [each.masks for each in found if each.masks is not None]
        if not masks:
            raise KeyError("the batch has no masks: write learns=('masks',) in info; at prediction there are none")
        padded = [functional.pad(m, (0, width - m.shape[2], 0, height - m.shape[1])) for m in masks]
        return torch.stack(padded).float()

    def __len__(self) -> int:
        return len(self.units)


def to_device(raw: RawBatch, units: Sequence[Unit], device: torch.device, want: frozenset[str] = frozenset()) -> Batch:
    """Warp what was read into a batch on the device."""
    return Batch(
        units,
        want,
        {name: warp(slot, device) for name, slot in raw.slots.items()},
        {name: slot.matrix.view(-1, 2, 3).float().to(device, non_blocking=True) for name, slot in raw.slots.items()},
        {key: value.to(device, non_blocking=True) for key, value in raw.targets.items()},
        {slot: [found.to(device) for found in each] for slot, each in raw.found.items()},
    )


def warp(slot: RawSlot, device: torch.device) -> Tensor:
    """The pictures of a slot on their grids.

    Returns:
        N x 1 x H x W, float32, 0 to 1; bicubic interpolation may overshoot by a little, which is cut off.
    """

    def moved(tensor: Tensor) -> Tensor:
        return tensor.to(device, non_blocking=True)

    raw = moved(slot.raw).float() / 65535
    down = _resample_rows(raw, moved(slot.row_index), moved(slot.row_weight))
    out = _resample_columns(down, moved(slot.column_index), moved(slot.column_weight))
    for number in (~slot.to_raw.isnan().any(1)).nonzero().flatten().tolist():
        rows, columns = slot.sizes[number]
        out[number, :rows, :columns] = _turned(raw[number], slot.to_raw[number].view(2, 3), (rows, columns))
    return out.clamp_(0, 1)[:, None]


def _resample_rows(x: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    each = torch.arange(len(x), device=x.device)[:, None]
    out = weight[:, 0, :, None] * x[each, index[:, 0]]
    for tap in range(1, index.shape[1]):
        out += weight[:, tap, :, None] * x[each, index[:, tap]]
    return out


def _resample_columns(x: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    shape = (-1, x.shape[1], -1)
    out = weight[:, 0, None] * x.gather(2, index[:, 0, None].expand(shape))
    for tap in range(1, index.shape[1]):
        out += weight[:, tap, None] * x.gather(2, index[:, tap, None].expand(shape))
    return out


def _turned(raw: Tensor, matrix: Tensor, size: tuple[int, int]) -> Tensor:
    """A crop that is turned or sheared: bicubic at its points; where it shrinks the picture, four points a pixel."""
    scale = torch.linalg.vector_norm(matrix[:, :2], dim=0).max().item()
    dense = 2 if scale > 1 + 1e-3 else 1
    rows, columns = size[0] * dense, size[1] * dense
    y = (torch.arange(rows, device=raw.device, dtype=torch.float32) + 0.5) / dense
    x = (torch.arange(columns, device=raw.device, dtype=torch.float32) + 0.5) / dense
    (a, b, c), (d, e, f) = matrix.tolist()
    across = (a * x[None, :] + b * y[:, None] + c) * (2 / raw.shape[1]) - 1
    down = (d * x[None, :] + e * y[:, None] + f) * (2 / raw.shape[0]) - 1
    grid = torch.stack([across, down], 2)[None]
    out = functional.grid_sample(raw[None, None], grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    return functional.avg_pool2d(out, dense)[0, 0] if dense > 1 else out[0, 0]
