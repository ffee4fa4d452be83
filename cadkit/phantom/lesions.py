"""Lesions: masses, clusters of calcifications, distortions of the architecture, asymmetries.

Everything is made in three dimensions (mm from its own centre) and projected: a body, seen in every
view as an irregular disc, and strokes (spicules, calcifications, lines). Benign and malignant lesions draw
size and contrast from the same distributions; form alone tells them apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cadkit.phantom.difficulty import Difficulty, Range
from cadkit.phantom.noise import Floats, generator
from cadkit.phantom.projection import VIEWS, Frame
from cadkit.phantom.shape import Breast
from cadkit.phantom.strokes import Points, Strokes, draw_strokes, flattened
from cadkit.phantom.volume import Volume

# The share of the peak from which on a pixel belongs to the mask of a mass.
MASK_LEVEL = 0.15
# Share of its contrast that a density keeps in pure gland: tumours attenuate little more than gland does
# (Johns and Yaffe 1987, Phys Med Biol 32:675).
_IN_GLAND = 0.8
_GLAND_RICH = 0.3


@dataclass(frozen=True)
class Body:
    """A roundish density. Lengths in mm.

    Attributes:
        radius: mean radius.
        contrast: brightness at the middle, in fat.
        softness: width of the border as a share of the radius.
        lobes: amplitudes of the outline's harmonics 2, 3, ... as shares of the radius.
        phases: of the harmonics, a row for each view.
        stretch: length over width, a number for each view.
    """

    radius: float
    contrast: float
    softness: float
    lobes: tuple[float, ...]
    phases: tuple[tuple[float, ...], ...]
    stretch: tuple[float, ...] = (1.0,) * len(VIEWS)


@dataclass(frozen=True)
class Structure:
    """Something with a place in the breast.

    Attributes:
        form: as in a plan's lesion, or `clump`, `dot`, `knot`, `node` of what is harmless.
        center: depth, lateral, superior (mm, see `projection`).
        body, strokes: what it consists of.
        views: the views that show it; one for an accident of superposition.
        kept: share of the body's contrast that the gland about it leaves.
    """

    form: str
    center: Points
    body: Body | None
    strokes: Strokes | None
    views: tuple[str, ...] = VIEWS
    kept: float = 1.0

    @property
    def reach(self) -> float:
        """Distance from the centre (mm) beyond which the structure adds almost nothing."""
        far = self.strokes.reach if self.strokes is not None else 0.0
        if self.body is not None:
            extent = self.body.radius * (1 + sum(self.body.lobes) + 2 * self.body.softness)
            far = max(far, extent * max(self.body.stretch))
        return far


@dataclass(frozen=True)
class Patch:
    """A structure in one view: added brightness and mask of the pixels from (top, left) on."""

    top: int
    left: int
    brightness: Floats
    mask: NDArray[np.bool_]


# Width of the border and roughness of the outline, as shares of the radius.
_BORDERS = {
    "spiculated": (0.25, 0.16),
    "ill-defined": (0.45, 0.14),
    "lobulated": (0.12, 0.10),
    "smooth": (0.10, 0.05),
    "clump": (0.50, 0.14),
    "lined": (0.60, 0.22),
    "plain": (0.60, 0.22),
}
_CLUSTERS = ("pleomorphic", "segmental", "scattered", "round")


def structure(form: str, look: Difficulty, random: np.random.Generator, size: float = 1.0) -> Structure:
    """A structure of that form around the origin; `place` puts it into a breast.

    Args:
        form: one of the forms of a plan's lesion, or `clump`, `knot`, `dot`.
        look: ranges of size and contrast.
        random: of this structure; the same generator gives the same structure at every size.
        size: share of its final size, above 0 to 1.
    """
    origin = np.zeros(3)
    if form in _BORDERS:
        body = _body(form, look, random)
        strokes = _strokes_of(form, body, look, random)
        grown = Structure(form, origin, body, strokes)
    elif form in ("radiating", "sparse"):
        grown = Structure(form, origin, None, _radiating(form, look, random))
    elif form == "knot":
        grown = Structure(form, origin, None, _knot(look, random))
    elif form == "dot":
        grown = Structure(form, origin, None, _dots(np.zeros((1, 3)), look, random))
    elif form in ("scattered", "round"):
        number = look.round_number if form == "round" else look.scattered_number
        extent = look.round_extent if form == "round" else look.scattered_extent
        places = _in_ball(random, _count(random, number)) * random.uniform(*extent)
        grown = Structure(form, origin, None, _dots(places, look, random))
    else:
        grown = Structure(form, origin, None, _branching(form, look, random))
    return grown if size == 1 else _scaled(grown, size)


def _scaled(item: Structure, size: float) -> Structure:
    """The lesion as it was when it had that share of its size."""
    body, strokes = item.body, item.strokes
    if body is not None:
        body = replace(body, radius=body.radius * size, contrast=body.contrast * (0.5 + 0.5 * size))
    if strokes is not None:
        kept = max(1, round(size * len(strokes.sigma)))
        strokes = Strokes(
            strokes.start[:kept] * size,
            strokes.end[:kept] * size,
            strokes.bend[:kept] * size,
            strokes.sigma[:kept],
            strokes.contrast[:kept],
            strokes.fade,
        )
    return replace(item, body=body, strokes=strokes)


def _body(form: str, look: Difficulty, random: np.random.Generator) -> Body:
    # Size and contrast come first, so that every form draws them alike.
    radius, spread = _log_uniform(random, look.mass_radius), random.standard_normal()
    median, sigma = look.mass_contrast
    if form in ("lined", "plain"):
        radius, median = radius * look.asymmetry_radius, median * look.asymmetry_contrast
    softness, rough = _BORDERS[form]
    lobes = [float(rough * random.uniform(0.5, 1.2) / order**0.5) for order in range(1, 6)]
    if form == "lobulated":
        lobes[1:3] = [2.0 * lobe for lobe in lobes[1:3]]
    phases = tuple(tuple(random.uniform(0, 2 * math.pi, len(lobes)).tolist()) for _ in VIEWS)
    stretch = tuple(random.uniform(1.0, 1.35, len(VIEWS)).tolist())
    return Body(radius, median * math.exp(sigma * spread), softness, tuple(lobes), phases, stretch)


def _strokes_of(form: str, body: Body, look: Difficulty, random: np.random.Generator) -> Strokes | None:
    """Spicules; or the lines that cross most other densities, of which the breast is full."""
    if form == "spiculated":
        return _spicules(body, look, random)
    if form == "lined":
        return _lines_from(look.lined_number, 0.2 * body.radius, look, random)
    if random.random() >= look.crossed:
        return None
    number = int(random.integers(1, 5))
    middle = _in_ball(random, number) * body.radius
    half = _directions(random, number) * random.uniform(0.8, 2.0, (number, 1)) * max(body.radius, 4.0)
    contrast = look.mass_contrast[0] * random.uniform(*look.spicule_contrast, number)
    return Strokes(
        middle - half,
        middle + half,
        random.normal(0, 0.1, number) * body.radius,
        random.uniform(*look.spicule_sigma, number),
        contrast,
        0.3,
    )


def _spicules(body: Body, look: Difficulty, random: np.random.Generator) -> Strokes:
    number = _count(random, look.spicules)
    direction = _directions(random, number)
    length = random.uniform(*look.spicule_length, number)[:, None] * body.radius
    # They begin at the margin, so that they do not meet in a bright middle.
    start = direction * body.radius * random.uniform(0.7, 1.1, number)[:, None]
    return Strokes(
        start,
        start + direction * np.maximum(length, 6.0),
        random.normal(0, 0.08, number) * length[:, 0],
        random.uniform(*look.spicule_sigma, number),
        look.mass_contrast[0] * random.uniform(*look.spicule_contrast, number),
        0.55,
    )


def _radiating(form: str, look: Difficulty, random: np.random.Generator) -> Strokes:
    """Lines that run together without a mass: many of a distortion by cancer, fewer of a scar."""
    return _lines_from(look.radiating_number if form == "radiating" else look.sparse_number, 4.0, look, random)


def _lines_from(span: tuple[int, int], inner: float, look: Difficulty, random: np.random.Generator) -> Strokes:
    number = _count(random, span)
    direction = _directions(random, number)
    start = direction * random.uniform(0.5, 1.5, (number, 1)) * inner + random.normal(0, 0.8, (number, 3))
    length = random.uniform(7.0, 17.0, number)
    return Strokes(
        start,
        start + direction * length[:, None],
        random.normal(0, 0.09, number) * length,
        random.uniform(*look.spicule_sigma, number),
        look.mass_contrast[0] * random.uniform(*look.spicule_contrast, number),
        0.5,
    )


def _knot(look: Difficulty, random: np.random.Generator) -> Strokes:
    """Lines that cross without a common centre."""
    number = int(random.integers(5, 14))
    middle = _in_ball(random, number) * 12.0
    half = _directions(random, number) * random.uniform(5.0, 14.0, number)[:, None]
    contrast = 0.75 * look.mass_contrast[0] * random.uniform(*look.spicule_contrast, number)
    sigma = random.uniform(*look.spicule_sigma, number)
    return Strokes(middle - half, middle + half, random.normal(0, 2.2, number), sigma, contrast, 0.4)


def _dots(places: Points, look: Difficulty, random: np.random.Generator) -> Strokes:
    number = len(places)
    contrast = random.uniform(*look.calcification_contrast, number)
    sigma = random.uniform(*look.calcification_radius, number)
    return Strokes(places, places, np.zeros(number), sigma, contrast, 0.0)


def _branching(form: str, look: Difficulty, random: np.random.Generator) -> Strokes:
    """Calcifications of many shapes in a cluster (pleomorphic), or in a duct that runs to the nipple (segmental)."""
    number = _count(random, look.linear_number)
    half = random.uniform(*look.linear_extent)
    narrow = 0.22 if form == "pleomorphic" else 0.10
    half = half if form == "pleomorphic" else 1.7 * half
    along = random.uniform(-half, half, number)
    across = random.normal(0, narrow * half, (number, 2))
    middle = np.column_stack([along, across])
    heading = np.array([1.0, 0.0, 0.0]) + random.normal(0, 0.35, (number, 3))
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    reach = heading * random.uniform(*look.stroke_length, number)[:, None] / 2
    sigma = random.uniform(*look.stroke_radius, number)
    contrast = random.uniform(*look.calcification_contrast, number)
    return Strokes(middle - reach, middle + reach, random.normal(0, 0.3, number), sigma, contrast, 0.2)


def place(
    item: Structure, breast: Breast, volume: Volume, frame: Frame, random: np.random.Generator, tries: int = 400
) -> Structure:
    """Put a structure into the gland-rich part of a breast, seen whole in every view where that is possible.

    Of `tries` random points the first is taken that lies in gland and, in both views, far enough from
    skin, chest wall, muscle and the image's border; if none does, the one nearest to that. Gland takes
    contrast from a density within it.
    """
    core = min(item.body.radius if item.body is not None else item.reach, 10.0)
    depth = random.uniform(0.12, 0.85, tries) * breast.depth
    wide = 0.75 * breast.half_height * np.sqrt(np.maximum(0.05, 1 - (1 - depth / breast.depth) ** 2))
    points = np.column_stack([depth, random.uniform(-wide, wide), random.uniform(-wide, wide)])
    gland = volume.at(points)
    room = np.minimum(*(_room(breast, view, points, frame, core) for view in VIEWS))
    room = np.minimum(room, 10.0 * (gland - _GLAND_RICH))
    chosen = int(np.argmax(np.minimum(room, 0)))
    kept = 1 - (1 - _IN_GLAND) * float(gland[chosen])
    return replace(item, center=points[chosen], kept=kept)


def _room(breast: Breast, view: str, points: Points, frame: Frame, core: float) -> Points:
    """For each point 0 or more (mm) if a structure with that core fits there."""
    x, y = breast.projection(view).project(points).T
    width = breast.width(view, np.stack([y - core, y, y + core])).min(axis=0)
    room = np.minimum(width - x - core - 4.0, x - core - 3.0)
    room = np.minimum(room, np.minimum(y, frame.height_mm - y) - core - 2.0)
    if view == "MLO":
        room = np.minimum(room, -breast.in_muscle(x, y) - core)
    return np.asarray(room)


def draw(item: Structure, breast: Breast, view: str, frame: Frame) -> Patch | None:
    """The structure as this view shows it; None if it lies outside the image."""
    projection = breast.projection(view)
    center = projection.project(item.center)
    reach, step = item.reach + frame.spacing_mm, frame.spacing_mm
    left, right = max(0, int((center[0] - reach) / step)), min(frame.columns, int((center[0] + reach) / step) + 1)
    top, bottom = max(0, int((center[1] - reach) / step)), min(frame.rows, int((center[1] + reach) / step) + 1)
    if left >= right or top >= bottom:
        return None
    x = ((np.arange(left, right) + 0.5) * step - center[0]).astype(np.float32)[None, :]
    y = ((np.arange(top, bottom) + 0.5) * step - center[1]).astype(np.float32)[:, None]
    brightness = np.zeros((bottom - top, right - left), dtype=np.float32)
    ends = np.zeros((0, 2, 2))
    if item.body is not None:
        disc = np.float32(item.kept) * _disc(item.body, VIEWS.index(view), x, y)
        np.maximum(brightness, disc, out=brightness)
    own = brightness.copy()
    if item.strokes is not None:
        ends = flattened(item.strokes, projection)
        draw_strokes(brightness, item.strokes, ends, x[0], y[:, 0], step)
    return Patch(top, left, brightness, _mask(item, own, brightness, ends, x, y))


def _disc(body: Body, view: int, x: Floats, y: Floats) -> Floats:
    turn, stretch = body.phases[view][0], math.sqrt(body.stretch[view])
    along = (math.cos(turn) * x + math.sin(turn) * y) / np.float32(stretch)
    across = (math.cos(turn) * y - math.sin(turn) * x) * np.float32(stretch)
    angle = np.arctan2(across, along)
    radius = np.full(angle.shape, np.float32(body.radius))
    for order, (lobe, phase) in enumerate(zip(body.lobes, body.phases[view], strict=True), start=2):
        radius += np.float32(body.radius * lobe) * np.cos(order * angle + np.float32(phase))
    share = np.hypot(along, across) / radius
    if body.softness >= 0.4:
        return np.asarray(np.float32(body.contrast) * np.exp(np.float32(-1.2) * share**3))
    edge = 1 / (1 + np.exp(np.clip((share - 1) / np.float32(0.5 * body.softness), -30, 30)))
    dome = np.float32(0.72) + np.float32(0.28) * np.sqrt(np.clip(1 - share * share, 0, 1))
    return np.asarray(np.float32(body.contrast) * edge * dome)


def _mask(item: Structure, body: Floats, brightness: Floats, ends: Points, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """What a radiologist would outline.

    A mass or asymmetry: what is brighter than 15% of its peak, lines included. A cluster: the hull of its
    calcifications. A distortion: the hull of the inner half of its lines, and the lines.
    """
    inside = brightness > MASK_LEVEL * brightness.max(initial=0.0)
    if item.body is not None or item.strokes is None:
        return np.asarray(inside | (body > MASK_LEVEL * body.max(initial=0.0)))
    from scipy.spatial import ConvexHull

    corners = ends
    if item.form not in _CLUSTERS:
        corners = np.stack([ends[:, 0], ends.mean(axis=1)], axis=1)
    margin = 2.5 * float(item.strokes.sigma.max())
    ring = margin * np.array([[math.cos(a), math.sin(a)] for a in np.arange(8) * math.pi / 4])
    cloud = (corners.reshape(-1, 1, 2) + ring).reshape(-1, 2)
    hull = np.ones_like(inside)
    for a, b, c in ConvexHull(cloud).equations:
        hull &= a * x + b * y + c <= 0
    return np.asarray(inside | hull)


def lesion(
    form: str,
    size: float,
    key: tuple[int | str, ...],
    breast: Breast,
    volume: Volume,
    frame: Frame,
    look: Difficulty,
) -> Structure:
    """A lesion of a plan, at its place. It has the same shape and place in every exam.

    Args:
        form, size: of the plan's lesion.
        key: of the lesion's randomness.
        breast, volume, frame: where it lies.
        look: of the phantom.
    """
    final = structure(form, look, generator(*key))
    placed = place(final, breast, volume, frame, generator(*key, "place"))
    shown = structure(form, look, generator(*key), size)
    return replace(shown, center=placed.center, kept=placed.kept)


def _count(random: np.random.Generator, span: tuple[int, int]) -> int:
    return int(random.integers(span[0], span[1] + 1))


def _log_uniform(random: np.random.Generator, span: Range) -> float:
    return float(math.exp(random.uniform(math.log(span[0]), math.log(span[1]))))


def _directions(random: np.random.Generator, number: int) -> Points:
    """Unit vectors all around."""
    raw = random.standard_normal((number, 3))
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True))


def _in_ball(random: np.random.Generator, number: int) -> Points:
    return np.asarray(_directions(random, number) * random.uniform(0, 1, (number, 1)) ** (1 / 3))
