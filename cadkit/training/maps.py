"""From maps to marks, and from a classifier of patches to maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cadkit import metrics
from cadkit.data.crop import starts
from cadkit.plugin import Marks, Saliency
from cadkit.plugin.contract import halfway_edges


def peak_marks(maps: Tensor, size: tuple[int, int], *, floor: float = 0.0, radius: float = 0.0) -> list[Marks]:
    """The local maxima of maps as marks in crop pixels, for `Outputs.marks`.

    Args:
        maps: N x labels x h x w, of the whole crop.
        size: rows and columns of the crop, such as `batch.image.shape[2:]`.
        floor: only cells above it.
        radius: of two peaks of a label within so many crop pixels the lower one is dropped.

    Returns:
        N marks with the labels' indices, each label's by falling value.
    """
    scale = size[1] / maps.shape[3], size[0] / maps.shape[2]
    edges = np.arange(maps.shape[3] + 1) * scale[0], np.arange(maps.shape[2] + 1) * scale[1]
    made = []
    for image in maps.detach().double().cpu().numpy():
        found = [metrics.peaks(each, floor=floor, radius=radius, edges=edges) for each in image]
        places = np.concatenate([np.stack([f.x, f.y], 1) for f in found])
        labels = np.repeat(np.arange(len(found)), [len(f.value) for f in found])
        made.append(Marks(np.concatenate([f.value for f in found]), places, labels=labels))
    return made


def slide(
    score: Callable[[Tensor], Tensor],
    pictures: Tensor,
    size: tuple[int, int],
    step: tuple[int, int],
    *,
    batch: int = 32,
) -> list[Saliency]:
    """Maps of a classifier of patches that slides over pictures, for `Outputs.saliency`.

    Every place has the score of the patch whose middle is nearest. The last patch of a row or column is moved back to
    end with the picture; a picture smaller than a patch is padded with 0.

    Args:
        score: from patches, n x channels x rows x columns, to their scores, n x labels in 0..1.
        pictures: N x channels x H x W.
        size: rows and columns of a patch.
        step: from one patch to the next, down and across.
        batch: patches scored at a time.

    Returns:
        N maps; `values.max((1, 2))` of one are its image's highest scores.
    """
    height, width = pictures.shape[2:]
    short = max(0, size[0] - height), max(0, size[1] - width)
    padded = torch.nn.functional.pad(pictures, (0, short[1], 0, short[0]))
    tops, lefts = starts(height, size[0], step[0]), starts(width, size[1], step[1])
    middles = [top + size[0] / 2 for top in tops], [left + size[1] / 2 for left in lefts]
    edges = halfway_edges(middles[0], height), halfway_edges(middles[1], width)
    made = []
    for picture in padded:
        patches = [picture[:, y : y + size[0], x : x + size[1]] for y in tops for x in lefts]
        groups = [torch.stack(patches[first : first + batch]) for first in range(0, len(patches), batch)]
        scores = torch.cat([score(group) for group in groups])
        values = scores.T.reshape(-1, len(tops), len(lefts))
        made.append(Saliency(values.detach().float().cpu().numpy(), edges=edges))
    return made
