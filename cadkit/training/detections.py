"""What a detector found in a batch, as torchvision's detection models tell it, and what becomes of it.

Per image a mapping of `boxes` (n x 4, crop pixels), `scores` (n) and `labels` (n, from 1 on: 0 is the background).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cadkit.plugin import Marks
from cadkit.training.batch import Batch
from cadkit.training.units import images_by_slot

Detections = Mapping[str, Tensor]


def in_picture(found: Sequence[Detections], batch: Batch, slot: str = "image") -> list[dict[str, Tensor]]:
    """Detections whose boxes are clipped to the pictures; those that lie outside them are dropped.

    A crop may be larger than its picture, and what is read there is no breast: a box may reach there, but no score and
    no mark may come from there alone.

    Args:
        found: of the N crops of a slot.
        batch: that they were found in.
        slot: of the batch.
    """
    counts = torch.tensor([len(each["scores"]) for each in found])
    boxes = torch.cat([each["boxes"] for each in found])
    limits = torch.repeat_interleave(_pictures(batch, slot), counts, dim=0).to(boxes)
    low, high = limits[:, :2].repeat(1, 2), limits[:, 2:].repeat(1, 2)
    clipped = torch.minimum(torch.maximum(boxes, low), high)
    seen = (clipped[:, 2:] > clipped[:, :2]).all(1)
    parts = zip(found, *(torch.split(each, counts.tolist()) for each in (clipped, seen)), strict=True)
    return [
        {name: (box if name == "boxes" else value)[kept] for name, value in each.items()} for each, box, kept in parts
    ]


def _pictures(batch: Batch, slot: str) -> Tensor:
    """The borders of each picture in the pixels of its axis-aligned crop, N x 4 (x0, y0, x1, y1)."""
    matrix = batch.matrix[slot].double().cpu()
    shapes = torch.tensor([images_by_slot(unit)[slot].shape for unit in batch.units], dtype=torch.float64)
    scale, start = torch.stack([matrix[:, 0, 0], matrix[:, 1, 1]], 1), matrix[:, :, 2]
    return torch.cat([-start / scale, (shapes.flip(1) - start) / scale], 1)


def best_scores(found: Sequence[Detections], labels: int) -> Tensor:
    """The highest score of each label in each image; 0 where nothing was found.

    Args:
        found: of N images.
        labels: how many there are besides the background.

    Returns:
        N x labels, float32.
    """
    counts = torch.tensor([len(each["scores"]) for each in found])
    scores = torch.cat([each["scores"] for each in found]).float()
    image = torch.repeat_interleave(torch.arange(len(found)), counts).to(scores.device)
    place = image * labels + torch.cat([each["labels"] for each in found]) - 1
    best = torch.zeros(len(found) * labels, device=scores.device)
    return best.scatter_reduce(0, place, scores, "amax").view(len(found), labels)


def marks_of(found: Sequence[Detections]) -> list[Marks]:
    """The detections of N images as marks; they come to the host in one go."""
    columns = [torch.cat([each[name].double() for each in found]) for name in ("boxes", "scores", "labels")]
    table = torch.column_stack(columns).cpu()
    rows = torch.split(table, [len(each["scores"]) for each in found])
    return [Marks(row[:, 4].numpy(), boxes=row[:, :4].numpy(), labels=row[:, 5].numpy() - 1) for row in rows]
