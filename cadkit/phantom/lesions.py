"""Masses and calcifications, and the harmless things that look like them.

Everything is made in three dimensions (mm from its own centre) and projected: a body, seen in every
view as an irregular disc, and strokes (spicules, calcifications, crossing lines), each a segment from
one point to another. Where strokes overlap the brightest counts, so that they do not pile up to a
bright middle: shape, not brightness, tells what a lesion is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadkit.phantom.anatomy import Breast
from cadkit.phantom.difficulty import Difficulty, Range
from cadkit.phantom.noise import Floats, generator
from cadkit.phantom.projection import VIEWS, Frame

Points = NDArray[np.float64]
# The share of the peak from which on a pixel belongs to the mask of a mass.
MASK_LEVEL = 0.15


@dataclass(frozen=True)
class Body:
    """A roundish density. Lengths in mm.

    Attributes:
        radius: mean radius.
        contrast: brightness at the middle.
        softness: width of the border as a share of the radius.
        lobes: amplitudes of the outline's harmonics 2, 3, ... as shares of the radius.
        phases: of the harmonics, a row for each view.
    """

    radius: float
    contrast: float
    softness: float
    lobes: tuple[float, ...]
    phases: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Strokes:
    """n segments with a Gaussian profile. Lengths in mm.

    Attributes:
        start, end: n x 3, relative to the structure's centre.
        bend: n, sideways deflection of the middle in the view.
        sigma: n, half width.
        contrast: n, brightness at the start.
        fade: share of the brightness that is lost towards the end.
    """

    start: Points
    end: Points
    bend: Points
    sigma: Points
    contrast: Points
    fade: float


@dataclass(frozen=True)
class Structure:
    """Something with a place in the breast.

    Attributes:
        form: spiculated, smooth, ill-defined, pleomorphic, round, clump, knot.
        center: depth, lateral, superior (mm, see `projection`).
        body, strokes: what it consists of.
        views: the views that show it; one for an accident of superposition.
    """

    form: str
    center: Points
    body: Body | None
    strokes: Strokes | None
    views: tuple[str, ...] = VIEWS


@dataclass(frozen=True)
class Patch:
    """A structure in one view: added brightness and mask of the pixels from (top, left) on."""

    top: int
    left: int
    brightness: Floats
    mask: NDArray[np.bool_]


MASSES = ("spiculated", "smooth", "ill-defined")
CLUSTERS = ("pleomorphic", "round")


def structure(form: str, look: Difficulty, random: np.random.Generator) -> Structure:
    """A structure of that form around the origin; `place` puts it into a breast."""
    origin = np.zeros(3)
    if form in (*MASSES, "clump"):
        body = _body(form, look, random)
        return Structure(form, origin, body, _spicules(body, look, random) if form == "spiculated" else None)
    if form == "knot":
        return Structure(form, origin, None, _knot(look, random))
    if form == "dot":
        return Structure(form, origin, None, _dots(np.zeros((1, 3)), look, random))
    if form == "round":
        number = int(random.integers(look.round_number[0], look.round_number[1] + 1))
        spread = random.uniform(*look.round_extent)
        return Structure(form, origin, None, _dots(_in_ball(random, number) * spread, look, random))
    return Structure(form, origin, None, _branching(look, random))


def _body(form: str, look: Difficulty, random: np.random.Generator) -> Body:
    median, spread = look.mass_contrast
    # Size and contrast come first, so that every form draws them alike.
    radius = _log_uniform(random, look.mass_radius)
    contrast = median * math.exp(spread * random.standard_normal())
    softness, rough = {
        "spiculated": (0.22, 0.16),
        "smooth": (0.10, 0.05),
        "ill-defined": (0.45, 0.12),
        "clump": (0.50, 0.14),
    }[form]
    lobes = tuple(float(rough * random.uniform(0.5, 1.2) / order**0.5) for order in range(1, 6))
    phases = tuple(tuple(random.uniform(0, 2 * math.pi, len(lobes)).tolist()) for _ in VIEWS)
    return Body(radius, contrast, softness, lobes, phases)


def _spicules(body: Body, look: Difficulty, random: np.random.Generator) -> Strokes:
    number = int(random.integers(look.spicules[0], look.spicules[1] + 1))
    direction = _directions(random, number)
    length = random.uniform(*look.spicule_length, number)[:, None] * body.radius
    start = direction * body.radius * random.uniform(0.6, 0.9, number)[:, None]
    return Strokes(
        start,
        start + direction * np.maximum(length, 6.0),
        random.normal(0, 0.08, number) * length[:, 0],
        random.uniform(*look.spicule_sigma, number),
        body.contrast * random.uniform(*look.spicule_contrast, number),
        0.55,
    )


def _knot(look: Difficulty, random: np.random.Generator) -> Strokes:
    number = int(random.integers(5, 14))
    middle = _in_ball(random, number) * 12.0
    half = _directions(random, number) * random.uniform(5.0, 14.0, number)[:, None]
    contrast = look.mass_contrast[0] * random.uniform(*look.spicule_contrast, number)
    sigma = random.uniform(*look.spicule_sigma, number)
    return Strokes(middle - half, middle + half, random.normal(0, 1.5, number), sigma, contrast, 0.3)


def _dots(places: Points, look: Difficulty, random: np.random.Generator) -> Strokes:
    number = len(places)
    contrast = random.uniform(*look.calcification_contrast, number)
    sigma = random.uniform(*look.calcification_radius, number)
    return Strokes(places, places, np.zeros(number), sigma, contrast, 0.0)


def _branching(look: Difficulty, random: np.random.Generator) -> Strokes:
    """Fine linear calcifications along a duct that runs towards the nipple (linear, segmental)."""
    number = int(random.integers(look.linear_number[0], look.linear_number[1] + 1))
    half = random.uniform(*look.linear_extent)
    along = random.uniform(-half, half, number)
    across = random.normal(0, 0.22 * half, (number, 2))
    middle = np.column_stack([along, across])
    heading = np.array([1.0, 0.0, 0.0]) + random.normal(0, 0.35, (number, 3))
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    reach = heading * random.uniform(*look.stroke_length, number)[:, None] / 2
    sigma = random.uniform(*look.calcification_radius, number)
    contrast = random.uniform(*look.calcification_contrast, number)
    return Strokes(middle - reach, middle + reach, random.normal(0, 0.3, number), sigma, contrast, 0.2)


def reach_of(item: Structure) -> float:
    """Distance from the centre (mm) beyond which the structure adds almost nothing."""
    far = 0.0
    if item.body is not None:
        far = item.body.radius * (1 + sum(item.body.lobes) + 2 * item.body.softness)
    if item.strokes is not None:
        ends = np.concatenate([item.strokes.start, item.strokes.end])
        far = max(far, float(np.linalg.norm(ends, axis=1).max() + 3 * item.strokes.sigma.max() + 2))
    return far


def place(item: Structure, breast: Breast, frame: Frame, random: np.random.Generator, tries: int = 400) -> Structure:
    """Put a structure into the gland-rich part of a breast, seen whole in every view where that is possible.

    Of `tries` random points the first is taken that lies in the gland's region and, in both views, far
    enough from skin, chest wall, muscle and the image's border; if none does, the one nearest to that.
    """
    core = item.body.radius if item.body is not None else min(reach_of(item), 10.0)
    depth = random.uniform(0.15, 0.85, tries) * breast.depth
    wide = 0.75 * breast.half_height * np.sqrt(np.maximum(0.05, 1 - (1 - depth / breast.depth) ** 2))
    points = np.column_stack([depth, random.uniform(-wide, wide), random.uniform(-wide, wide)])
    room = np.minimum(*(_room(breast, view, points, frame, core) for view in VIEWS))
    chosen = int(np.argmax(np.minimum(room, 0)))
    return Structure(item.form, points[chosen], item.body, item.strokes, item.views)


def _room(breast: Breast, view: str, points: Points, frame: Frame, core: float) -> Points:
    """For each point 0 or more (mm) if a structure with that core fits there."""
    x, y = breast.projection(view).project(points).T
    width = breast.width(view, np.stack([y - core, y, y + core])).min(axis=0)
    room = np.minimum(width - x - core - 4.0, x - core - 3.0)
    room = np.minimum(room, np.minimum(y, frame.height_mm - y) - core - 2.0)
    room = np.minimum(room, 20.0 * breast.gland_shape(view, x, y))
    if view == "MLO":
        room = np.minimum(room, -breast.in_muscle(x, y) - core)
    return np.asarray(room)


def draw(item: Structure, breast: Breast, view: str, frame: Frame) -> Patch | None:
    """The structure as this view shows it; None if it lies outside the image."""
    center = breast.projection(view).project(item.center)
    reach, step = reach_of(item) + frame.spacing_mm, frame.spacing_mm
    left, right = max(0, int((center[0] - reach) / step)), min(frame.columns, int((center[0] + reach) / step) + 1)
    top, bottom = max(0, int((center[1] - reach) / step)), min(frame.rows, int((center[1] + reach) / step) + 1)
    if left >= right or top >= bottom:
        return None
    x = ((np.arange(left, right) + 0.5) * step - center[0]).astype(np.float32)[None, :]
    y = ((np.arange(top, bottom) + 0.5) * step - center[1]).astype(np.float32)[:, None]
    brightness = np.zeros((bottom - top, right - left), dtype=np.float32)
    if item.body is not None:
        np.maximum(brightness, _disc(item.body, VIEWS.index(view), x, y), out=brightness)
    if item.strokes is not None:
        flat = _flattened(item.strokes, breast, view)
        for number in range(len(item.strokes.sigma)):
            _add_stroke(brightness, item.strokes, number, flat[number], x[0], y[:, 0], step)
    return Patch(top, left, brightness, _mask(item, brightness, breast, view, x, y))


def _flattened(strokes: Strokes, breast: Breast, view: str) -> Points:
    """n x 2 (start, end) x 2 (x, y), relative to the projected centre."""
    projection = breast.projection(view)
    ends = np.stack([strokes.start, strokes.end], axis=1)
    return np.asarray(projection.project(ends) - projection.project(np.zeros(3)))


def _disc(body: Body, view: int, x: Floats, y: Floats) -> Floats:
    angle = np.arctan2(y, x)
    radius = np.full(angle.shape, np.float32(body.radius))
    for order, (lobe, phase) in enumerate(zip(body.lobes, body.phases[view], strict=True), start=2):
        radius += np.float32(body.radius * lobe) * np.cos(order * angle + np.float32(phase))
    share = np.hypot(x, y) / radius
    if body.softness >= 0.4:
        return np.float32(body.contrast) * np.exp(np.float32(-1.2) * share**3)
    edge = 1 / (1 + np.exp(np.clip((share - 1) / np.float32(0.5 * body.softness), -30, 30)))
    dome = np.float32(0.72) + np.float32(0.28) * np.sqrt(np.clip(1 - share * share, 0, 1))
    return np.asarray(np.float32(body.contrast) * edge * dome)


def _add_stroke(
    brightness: Floats, strokes: Strokes, number: int, ends: Points, x: Floats, y: Floats, step: float
) -> None:
    """Set the brightest of what is there and the stroke, in the small window that the stroke needs."""
    start, end = ends
    length = float(np.hypot(*(end - start)))
    sigma = float(strokes.sigma[number])
    wide = math.hypot(sigma, 0.35 * step)
    # A pixel larger than the stroke sees only its share of it, in one direction (line) or two (dot).
    solid = length / (length + 2 * wide)
    peak = float(strokes.contrast[number]) * (sigma / wide) ** (2 - solid)
    margin = 3 * wide + abs(float(strokes.bend[number]))
    low, high = np.minimum(start, end) - margin, np.maximum(start, end) + margin
    columns = slice(*np.searchsorted(x, [low[0], high[0]]).tolist())
    rows = slice(*np.searchsorted(y, [low[1], high[1]]).tolist())
    if columns.start >= columns.stop or rows.start >= rows.stop:
        return
    heading = (end - start) / length if length > 1e-6 else np.array([1.0, 0.0])
    right, down = x[None, columns] - np.float32(start[0]), y[rows, None] - np.float32(start[1])
    along = right * np.float32(heading[0]) + down * np.float32(heading[1])
    across = down * np.float32(heading[0]) - right * np.float32(heading[1])
    inside = np.clip(along, 0, length)
    share = inside / max(length, 1e-6)
    off = across - np.float32(4 * strokes.bend[number]) * share * (1 - share)
    distance = (along - inside) ** 2 + off * off
    profile = np.float32(peak) * (1 - np.float32(strokes.fade) * share)
    profile *= np.exp(np.float32(-0.5 / wide**2) * distance)
    window = brightness[rows, columns]
    np.maximum(window, profile, out=window)


def _mask(item: Structure, brightness: Floats, breast: Breast, view: str, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """A mass: what is brighter than 15% of its peak. A cluster: the hull of its calcifications."""
    if item.body is not None or item.strokes is None:
        return np.asarray(brightness > MASK_LEVEL * brightness.max(initial=0.0))
    from scipy.spatial import ConvexHull

    corners = _flattened(item.strokes, breast, view)
    margin = 2.5 * float(item.strokes.sigma.max())
    ring = margin * np.array([[math.cos(a), math.sin(a)] for a in np.arange(8) * math.pi / 4])
    cloud = (corners.reshape(-1, 1, 2) + ring).reshape(-1, 2)
    inside = brightness > MASK_LEVEL * brightness.max(initial=0.0)
    hull = np.ones_like(inside)
    for a, b, c in ConvexHull(cloud).equations:
        hull &= a * x + b * y + c <= 0
    return np.asarray(inside | hull)


def harmless(seed: int, patient: int, side: str, breast: Breast, frame: Frame, look: Difficulty) -> list[Structure]:
    """What lies in every breast whatever its label; the same in each exam of a woman."""
    random = generator(seed, "harmless", patient, side)
    # The variance of these counts is above their mean, as of real calcifications (negative binomial).
    numbers = (
        ("clump", int(random.poisson(look.clumps))),
        ("round", int(random.poisson(look.harmless_groups))),
        ("dot", int(random.poisson(look.loose_calcifications * random.gamma(1.2) / 1.2))),
        ("knot", int(random.poisson(2 * look.knots))),
    )
    found = []
    for form, number in numbers:
        for _ in range(number):
            item = place(structure(form, look, random), breast, frame, random, tries=60)
            # Half of the clumps and all knots are superpositions: one view alone shows them.
            alone = form == "knot" or (form == "clump" and random.random() < 0.5)
            views = (VIEWS[int(random.integers(2))],) if alone else VIEWS
            found.append(Structure(item.form, item.center, item.body, item.strokes, views))
    return found


def _log_uniform(random: np.random.Generator, span: Range) -> float:
    return float(math.exp(random.uniform(math.log(span[0]), math.log(span[1]))))


def _directions(random: np.random.Generator, number: int) -> Points:
    """Unit vectors all around."""
    raw = random.standard_normal((number, 3))
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True))


def _in_ball(random: np.random.Generator, number: int) -> Points:
    return _directions(random, number) * random.uniform(0, 1, (number, 1)) ** (1 / 3)
