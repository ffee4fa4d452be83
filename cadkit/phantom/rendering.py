"""One image: the breast, what lies in it, the display curve and the noise of the acquisition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadkit.phantom.anatomy import Breast, draw_breast, outline, tissue
from cadkit.phantom.difficulty import difficulty_of
from cadkit.phantom.lesions import Structure, draw, harmless, place, structure
from cadkit.phantom.noise import Floats, generator
from cadkit.phantom.population import BreastPlan, ExamPlan, LesionPlan
from cadkit.phantom.projection import Frame, frame_of
from cadkit.phantom.settings import Settings

_KNEE = 0.72
# The darkest tissue is clearly above air, so that no pixel of the breast is taken for background.
_FLOOR = 0.04
_NOISE = 0.011


@dataclass(frozen=True)
class Picture:
    """One view as a reader sees it.

    Attributes:
        display: rows x columns, 0 (air, exactly) to 1; L faces right, R faces left.
        masks: for each visible lesion, in the order of the plan, its pixels.
    """

    display: Floats
    masks: tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True)
class Scene:
    """What one breast holds in one exam; the same for both of its views."""

    breast: Breast
    lesions: tuple[Structure, ...]
    harmless: tuple[Structure, ...]


def scene(settings: Settings, exam: ExamPlan, plan: BreastPlan) -> Scene:
    """Shape, lesions and harmless structures of a breast. A lesion keeps its place in every exam."""
    frame, look = frame_of(settings.rows, settings.columns), difficulty_of(settings.difficulty)
    breast = draw_breast(settings.seed, exam.patient, plan.side, exam.density, frame)
    lesions = tuple(_lesion(settings, exam, plan, lesion, breast, frame) for lesion in plan.lesions)
    rest = harmless(settings.seed, exam.patient, plan.side, breast, frame, look)
    return Scene(breast, lesions, tuple(rest))


def _lesion(
    settings: Settings, exam: ExamPlan, plan: BreastPlan, lesion: LesionPlan, breast: Breast, frame: Frame
) -> Structure:
    random = generator(settings.seed, "lesion", exam.patient, plan.side, lesion.number)
    item = structure(lesion.form, difficulty_of(settings.difficulty), random)
    return place(item, breast, frame, random)


def render(
    settings: Settings, exam: ExamPlan, plan: BreastPlan, view: str, content: Scene, lesions: bool = True
) -> Picture:
    """Draw one view.

    Args:
        settings: of the phantom.
        exam, plan: whose breast it is.
        view: `CC` or `MLO`.
        content: of the breast, from `scene`.
        lesions: False draws the same image without its lesions: whatever else is random stays the same.
    """
    frame, look = frame_of(settings.rows, settings.columns), difficulty_of(settings.difficulty)
    breast = content.breast
    canvas = outline(breast, view, frame)
    key = (settings.seed, exam.patient, plan.side, exam.visit)
    field = tissue(breast, view, frame, canvas, look, key)
    for item in content.harmless:
        if view in item.views:
            _add(field, item, breast, view, frame, canvas.inside)
    masks = []
    for item in content.lesions:
        before = field if lesions else field.copy()
        masks.append(_add(before, item, breast, view, frame, canvas.inside))
    random = generator(settings.seed, "noise", exam.patient, plan.side, exam.visit, view)
    display = _acquired(field, canvas.inside, frame, random)
    if plan.side == "R":
        return Picture(display[:, ::-1], tuple(mask[:, ::-1] for mask in masks))
    return Picture(display, tuple(masks))


def _add(
    field: Floats, item: Structure, breast: Breast, view: str, frame: Frame, inside: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Add a structure's brightness inside the breast, in place; its mask on the whole image."""
    mask = np.zeros(field.shape, dtype=bool)
    patch = draw(item, breast, view, frame)
    if patch is None:
        return mask
    rows = slice(patch.top, patch.top + patch.brightness.shape[0])
    columns = slice(patch.left, patch.left + patch.brightness.shape[1])
    field[rows, columns] += patch.brightness * inside[rows, columns]
    mask[rows, columns] = patch.mask & inside[rows, columns]
    return mask


def _acquired(field: Floats, inside: NDArray[np.bool_], frame: Frame, random: np.random.Generator) -> Floats:
    """Noise that grows with the signal and falls with the pixel's size, then a curve that saturates."""
    noise = random.standard_normal(field.shape, dtype=np.float32)
    scale = np.float32(_NOISE * (0.1 / frame.spacing_mm) ** 0.5)
    value = field + scale * np.sqrt(np.maximum(field, 0) / np.float32(0.4)) * noise
    room = np.float32(1 - _KNEE)
    value = np.where(value > _KNEE, _KNEE + room * (1 - np.exp(-(value - np.float32(_KNEE)) / room)), value)
    return np.where(inside, np.clip(value, _FLOOR, 1), 0).astype(np.float32)
