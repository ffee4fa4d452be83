"""One picture of a phantom: a contact sheet."""

from __future__ import annotations

import os
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cadkit.files import atomic
from cadkit.phantom.making import read_settings
from cadkit.phantom.population import BreastPlan, ExamPlan, population
from cadkit.phantom.rendering import Picture, render, scene
from cadkit.phantom.settings import PhantomSettings

_TILE_HEIGHT = 400
_HANGING = (("CC", "R"), ("CC", "L"), ("MLO", "R"), ("MLO", "L"))
_COLORS = {"malignant": (255, 96, 80), "benign": (96, 200, 255), "high_risk": (255, 200, 60)}


def preview(
    folder: str | os.PathLike[str], out_png: str | os.PathLike[str], *, n: int = 6, outlines: bool = True
) -> Path:
    """Draw exams of a phantom, a row each, hung as readers do: right and left CC, right and left MLO.

    Exams with a malignant breast, with a benign one and with neither take turns.

    Args:
        folder: a phantom; its images are drawn again from its settings.
        out_png: the picture to write.
        n: number of exams.
        outlines: draw the border of lesions, malignant in red, benign in blue, high-risk in amber.

    Raises:
        InputError: the folder is no phantom.
    """
    settings = read_settings(Path(folder))
    rows = [_row(settings, exam, outlines) for exam in _chosen(population(settings), n)]
    sheet = Image.fromarray(np.concatenate(rows, axis=0))
    out = Path(out_png)
    with atomic(out) as part:
        sheet.save(part, format="PNG")
    return out


def _chosen(exams: list[ExamPlan], n: int) -> list[ExamPlan]:
    groups: dict[str, list[ExamPlan]] = {"malignant": [], "benign": [], "none": []}
    for exam in exams:
        malignant = any(breast.malignant for breast in exam.breasts)
        benign = any(breast.benign for breast in exam.breasts)
        groups["malignant" if malignant else "benign" if benign else "none"].append(exam)
    turns = (exam for turn in zip_longest(*groups.values()) for exam in turn if exam is not None)
    return [exam for exam, _ in zip(turns, range(n), strict=False)]


def _row(settings: PhantomSettings, exam: ExamPlan, outlines: bool) -> NDArray[np.uint8]:
    tiles = []
    for view, side in _HANGING:
        plan = next(breast for breast in exam.breasts if breast.side == side)
        picture = render(settings, exam, plan, view, scene(settings, exam, plan))
        tiles.append(_tile(picture, plan, f"{exam.exam_id} {side}-{view} {exam.density}", outlines))
    return np.concatenate(tiles, axis=1)


def _tile(picture: Picture, plan: BreastPlan, text: str, outlines: bool) -> NDArray[np.uint8]:
    rows, columns = picture.display.shape
    size = (round(_TILE_HEIGHT * columns / rows), _TILE_HEIGHT)
    grey = Image.fromarray(np.ascontiguousarray(picture.display)).resize(size, Image.Resampling.BOX)
    tile = np.repeat(np.rint(np.asarray(grey) * 255).astype(np.uint8)[..., None], 3, axis=2)
    for lesion, mask in zip(plan.lesions, picture.masks, strict=True):
        if outlines:
            small = np.asarray(Image.fromarray(np.ascontiguousarray(mask)).resize(size, Image.Resampling.NEAREST))
            tile[_border(small)] = _COLORS[lesion.label]
    labelled = Image.fromarray(tile)
    at = (4 if plan.side == "R" else size[0] - 6 * len(text) - 4, 4)
    ImageDraw.Draw(labelled).text(at, text, fill=(150, 150, 150))
    return np.asarray(labelled)


def _border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels outside a mask that touch it."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown & ~mask
