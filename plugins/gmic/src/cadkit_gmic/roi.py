"""Where GMIC looks closer: Algorithm 1 of Shen et al. 2021, for a whole batch and on its device.

Nothing here loops over images or reads a tensor's value on the host, so a graphics card is never waited for.
Choices and positions are made in integers: they do not depend on the order in which a device adds.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

# Normalised saliency lies in [0, labels]. As a multiple of 2^-30 a window of any size sums within 63 bits.
UNITS = float(2**30)


def window_on_map(patch: tuple[int, int], image: tuple[int, int], cells: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the window of saliency cells that a patch covers (Algorithm 1, line 6).

    patch * cells / image, rounded half to even; at least one cell, at most the map. The rounding is the
    published code's, the paper says nothing of it.

    Args:
        patch, image: height and width in pixels.
        cells: rows and columns of the saliency map.
    """
    rows, columns = (
        min(of, max(1, round(Fraction(small * of, whole))))
        for small, whole, of in zip(patch, image, cells, strict=True)
    )
    return rows, columns


@torch.no_grad()
def retrieve_roi(saliency: Tensor, window: tuple[int, int], count: int) -> Tensor:
    """Choose the most salient windows greedily (Algorithm 1).

    Every map is min-max normalised by itself and the maps of an image are added. Then, `count` times, the
    window of the largest sum is taken, the first in row-major order where several tie, and set to zero. Once
    everything is zero the window at (0, 0) is taken again. A constant map, whose normalisation would divide
    by zero, counts as zero everywhere: it says nothing about where to look, and the other labels decide.

    Args:
        saliency: N x labels x h x w.
        window: rows and columns of a window, not larger than the map.
        count: number of windows for each image.

    Returns:
        N x count x 2 integers, row and column of the upper left cell, in the order of choice.
    """
    maps = saliency.detach().float()
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    spread = high - low
    normal = torch.where(spread > 0, (maps - low) / torch.where(spread > 0, spread, 1.0), 0.0)
    left = (normal.sum(1) * UNITS).round().long()
    height, width = window
    across = left.shape[2] - width + 1
    row_index = torch.arange(left.shape[1], device=left.device)[None, :, None]
    column_index = torch.arange(left.shape[2], device=left.device)[None, None, :]
    chosen = []
    for _ in range(count):
        sums = left.unfold(1, height, 1).unfold(2, width, 1).sum((3, 4)).flatten(1)
        first = _first_of_the_largest(sums)[:, None, None]
        row, column = first // across, first % across
        chosen.append(torch.cat([row, column], 2))
        inside = (row_index >= row) & (row_index < row + height)
        inside = inside & (column_index >= column) & (column_index < column + width)
        left = torch.where(inside, 0, left)
    return torch.cat(chosen, 1)


def _first_of_the_largest(values: Tensor) -> Tensor:
    """Index of the first of the largest values of each row; argmax promises none of equal ones."""
    index = torch.arange(values.shape[1], device=values.device)
    largest = values == values.amax(1, keepdim=True)
    return torch.where(largest, index, values.shape[1]).amin(1)


def on_image(cells: Tensor, map_size: tuple[int, int], image_size: tuple[int, int]) -> Tensor:
    """Upper left pixels of windows on the map: index * image / map, rounded half to even, exactly.

    Args:
        cells: ... x 2 integers, row and column on the map.
        map_size: rows and columns of the map.
        image_size: height and width of the image in pixels.

    Returns:
        ... x 2 integers, row and column on the image.
    """
    axes = []
    for axis in (0, 1):
        exact = cells[..., axis] * image_size[axis]
        whole = torch.div(exact, map_size[axis], rounding_mode="floor")
        twice = 2 * (exact - whole * map_size[axis])
        up = (twice > map_size[axis]) | ((twice == map_size[axis]) & (whole % 2 == 1))
        axes.append(whole + up.long())
    return torch.stack(axes, -1)


def cut_patches(image: Tensor, positions: Tensor, patch: tuple[int, int]) -> Tensor:
    """Cut patches out of images.

    A patch that would leave its image holds the part inside in its lower right corner and the minimum of its
    own image elsewhere, as published.

    Args:
        image: N x H x W.
        positions: N x K x 2, row and column of the upper left pixels, inside the image.
        patch: height and width in pixels.

    Returns:
        N x K x height x width.
    """
    rows, rows_inside = _indices(positions[..., 0], patch[0], image.shape[1])
    columns, columns_inside = _indices(positions[..., 1], patch[1], image.shape[2])
    each = torch.arange(image.shape[0], device=image.device)[:, None, None, None]
    cut = image[each, rows[..., :, None], columns[..., None, :]]
    inside = rows_inside[..., :, None] & columns_inside[..., None, :]
    return torch.where(inside, cut, image.amin((1, 2))[:, None, None, None])


def _indices(start: Tensor, length: int, limit: int) -> tuple[Tensor, Tensor]:
    """Pixel indices along one axis, shifted back inside the image, and which of them the patch covers."""
    shift = (start + length - limit).clamp(min=0)
    index = (start - shift)[..., None] + torch.arange(length, device=start.device)
    return index.clamp(min=0), index >= start[..., None]


def boxes_of(positions: Tensor, patch: tuple[int, int], image_size: tuple[int, int]) -> Tensor:
    """What the patches cover of the image: ... x 4 float32, x0 y0 x1 y1 in pixels, within its borders."""
    row, column = positions[..., 0], positions[..., 1]
    bottom = (row + patch[0]).clamp(max=image_size[0])
    right = (column + patch[1]).clamp(max=image_size[1])
    return torch.stack([column, row, right, bottom], -1).float()


def turn_patches(patches: Tensor) -> Tensor:
    """Turn every patch by 0, 90, 180 or 270 degrees with equal probability (section 3.1, training only).

    Drawn from torch's generator of the device. Patches that are not square turn by 0 or 180 degrees.

    Args:
        patches: N x K x height x width.
    """
    shape = (*patches.shape[:2], 1, 1)
    step = 1 if patches.shape[2] == patches.shape[3] else 2
    turns = step * torch.randint(4 // step, shape, device=patches.device)
    turned = patches
    for turn in range(step, 4, step):
        turned = torch.where(turns == turn, torch.rot90(patches, turn, (2, 3)), turned)
    return turned
