"""What a torch model learns of an image's findings: which of them, and their boxes in a crop.

Every shape gives a box: that of its pixels, its corners or its rim, moved into the crop and clipped there.

- A point has no extent, and a box, polygon or mask may have no area: they give no box.
- Of a lesion that the crop cuts, at least `KEPT_SHARE` of the box must be seen. What is left out counts as
  background, so the share is low; a sliver, though, shows nothing to learn.
- A side shorter than `LEAST_SIDE` grows to it about its middle: a calcification stays a lesion however much
  the crop shrinks it.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from cadkit.data import Crop, Finding
from cadkit.data.shapes import Bounds, Mask, Point
from cadkit.plugin import ModelInfo
from cadkit.training.batch import Found
from cadkit.training.units import Unit, images_by_slot

KEPT_SHARE = 0.25
LEAST_SIDE = 1.0


def finding_labels(info: ModelInfo) -> tuple[str, ...]:
    """Labels of findings by index."""
    return info.findings or info.labels


def learns_places(info: ModelInfo) -> bool:
    """Whether training gives the model the places of findings."""
    return bool({"points", "boxes", "masks"} & set(info.learns))


def unused(finding: Finding, info: ModelInfo) -> str:
    """Why a model does not learn from a finding, or ''. Reads no mask: an empty one is seen by `findings_in`."""
    if finding.label not in finding_labels(info):
        return f"of the label {finding.label}"
    if "boxes" not in info.learns and ("masks" not in info.learns or "points" in info.learns):
        return ""
    if isinstance(finding.region, Point):
        return "without extent (points)"
    return "" if isinstance(finding.region, Mask) or _area(finding.box) > 0 else "of zero area"


def annotated(unit: Unit, info: ModelInfo) -> bool:
    """Whether a unit has a finding that a model learns from."""
    images = images_by_slot(unit).values()
    return any(not unused(finding, info) for image in images for finding in image.findings)


def findings_in(crop: Crop, info: ModelInfo) -> tuple[Found, list[str]]:
    """The findings of a crop's image in crop pixels.

    A model that learns boxes gets those of which enough is seen (see above); one that learns points
    those whose centre lies in the crop; one that learns both, those of which both are true.

    Args:
        crop: where they are looked for.
        info: of the model that learns from them.

    Returns:
        What was found; and for each finding left out for the crop's sake or an empty mask's, the reason.
    """
    back, (rows, columns) = crop.matrix.inverse(), crop.size
    points, boxes, labels, left_out = [], [], [], []
    for finding in crop.image.findings:
        if unused(finding, info):
            continue
        x, y = (float(v) for v in back(*finding.center))
        whole = finding.region.moved(back).box
        seen = _clipped(whole, rows, columns)
        reason = _unseen(whole, seen) if "boxes" in info.learns else ""
        if not reason and "points" in info.learns and not (0 <= x < columns and 0 <= y < rows):
            reason = "a finding whose centre lay outside the crop"
        if reason:
            left_out.append(reason)
            continue
        points.append((x, y))
        boxes.append(_widened(seen, rows, columns))
        labels.append(finding_labels(info).index(finding.label))
    found = Found(
        torch.tensor(points, dtype=torch.float32).reshape(-1, 2),
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(labels, dtype=torch.int64),
        torch.from_numpy(masks_in(crop, info)) if "masks" in info.learns else None,
    )
    return found, left_out


def masks_in(crop: Crop, info: ModelInfo) -> NDArray[np.bool_]:
    """What findings cover in a crop: labels x rows x columns.

    A pixel is covered whose middle lies in a finding. One that is so small that it covers no middle, but lies in the
    crop, covers the pixel that its own middle lies in: a calcification stays a lesion however much the crop shrinks it.
    """
    back, names = crop.matrix.inverse(), finding_labels(info)
    masks = np.zeros((len(names), *crop.size), dtype=np.bool_)
    for finding in crop.image.findings:
        if unused(finding, info):
            continue
        region = finding.region.moved(back)
        covered = region.raster(crop.size)
        if not covered.any() and _area(region.box) > 0:
            column, row = (math.floor(v) for v in region.center)
            if 0 <= row < crop.size[0] and 0 <= column < crop.size[1]:
                covered = covered.copy()
                covered[row, column] = True
        masks[names.index(finding.label)] |= covered
    return masks


def _unseen(whole: Bounds, seen: Bounds) -> str:
    if _area(whole) == 0:
        return "a finding whose mask is empty"
    share = _area(seen) / _area(whole)
    return "" if share >= KEPT_SHARE else f"a finding of which less than {KEPT_SHARE:.0%} lay in the crop"


def _area(box: Bounds) -> float:
    x0, y0, x1, y1 = box
    return max(0.0, x1 - x0) * max(0.0, y1 - y0)


def _clipped(box: Bounds, rows: int, columns: int) -> Bounds:
    x0, y0, x1, y1 = box
    return max(x0, 0.0), max(y0, 0.0), min(x1, float(columns)), min(y1, float(rows))


def _widened(box: Bounds, rows: int, columns: int) -> Bounds:
    x0, x1 = _at_least(box[0], box[2], columns)
    y0, y1 = _at_least(box[1], box[3], rows)
    return x0, y0, x1, y1


def _at_least(low: float, high: float, limit: int) -> tuple[float, float]:
    if high - low >= LEAST_SIDE:
        return low, high
    start = min(max((low + high - LEAST_SIDE) / 2, 0.0), limit - LEAST_SIDE)
    return start, start + LEAST_SIDE
