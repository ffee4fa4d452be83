"""One image: the breast, what lies in it, the display curve and the noise of the acquisition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cadkit.phantom.acquisition import ACQUISITIONS, acquire
from cadkit.phantom.anatomy import tissue
from cadkit.phantom.clutter import clutter
from cadkit.phantom.difficulty import difficulty_of
from cadkit.phantom.lesions import Structure, draw, lesion
from cadkit.phantom.noise import Floats, generator
from cadkit.phantom.population import BreastPlan, ExamPlan
from cadkit.phantom.projection import Frame, frame_of
from cadkit.phantom.settings import PhantomSettings
from cadkit.phantom.shape import Breast, draw_breast, outline
from cadkit.phantom.volume import Volume, gland_volume


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
    volume: Volume
    lesions: tuple[Structure, ...]
    harmless: tuple[Structure, ...]


def scene(settings: PhantomSettings, exam: ExamPlan, plan: BreastPlan) -> Scene:
    """Shape, gland, lesions and harmless structures of a breast.

    Lesions and harmless structures are put into the breast of the woman's first exam, and stay where they are.
    """
    frame, look = frame_of(settings.rows, settings.columns), difficulty_of(settings.difficulty)
    seed, patient, side = settings.seed, exam.patient, plan.side
    first, home = _breast(settings, patient, side, exam.first_density, 0, frame)
    breast, volume = first, home
    if exam.visit > 0:
        breast, volume = _breast(settings, patient, side, exam.density, exam.visit, frame)
    lesions = tuple(
        lesion(item.form, item.size, (seed, "lesion", patient, side, item.number), first, home, frame, look)
        for item in plan.lesions
    )
    return Scene(breast, volume, lesions, tuple(clutter(seed, patient, side, first, home, frame, look)))


def _breast(
    settings: PhantomSettings, patient: int, side: str, density: str, visit: int, frame: Frame
) -> tuple[Breast, Volume]:
    breast = draw_breast(settings.seed, patient, side, density, frame, visit)
    return breast, gland_volume(breast, (settings.seed, patient, side, visit), frame.spacing_mm)


def render(
    settings: PhantomSettings, exam: ExamPlan, plan: BreastPlan, view: str, content: Scene, lesions: bool = True
) -> Picture:
    """Draw one view.

    Args:
        settings: of the phantom.
        exam, plan: whose breast it is.
        view: `CC` or `MLO`.
        content: of the breast, from `scene`.
        lesions: False draws the same image without its lesions: whatever else is random stays the same.
    """
    shown, healthy = render_twins(settings, exam, plan, view, content)
    return shown if lesions else replace(shown, display=healthy())


def render_twins(
    settings: PhantomSettings, exam: ExamPlan, plan: BreastPlan, view: str, content: Scene
) -> tuple[Picture, Callable[[], Floats]]:
    """Draw one view, and have its healthy twin at hand: the display of the same image without its lesions.

    Args:
        settings, exam, plan, view, content: as for `render`.

    Returns:
        The picture, and a function that draws the twin at the price of the acquisition alone.
    """
    frame, look = frame_of(settings.rows, settings.columns), difficulty_of(settings.difficulty)
    breast = content.breast
    canvas = outline(breast, view, frame)
    key = (settings.seed, exam.patient, plan.side, exam.visit)
    healthy = tissue(breast, content.volume, view, frame, canvas, look, key, exam.age)
    for item in content.harmless:
        if view in item.views:
            _add(healthy, item, breast, view, frame, canvas.inside)
    field = healthy.copy()
    masks = [_add(field, item, breast, view, frame, canvas.inside) for item in content.lesions]
    facing = slice(None, None, -1 if plan.side == "R" else 1)

    def acquired(brightness: Floats) -> Floats:
        random = generator(settings.seed, "noise", exam.patient, plan.side, exam.visit, view)
        return acquire(brightness, canvas.inside, frame, ACQUISITIONS[exam.site, exam.vendor], random)[:, facing]

    return Picture(acquired(field), tuple(mask[:, facing] for mask in masks)), lambda: acquired(healthy)


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
