"""Ligaments, ducts and vessels: harmless thin things that every breast has, in three dimensions."""

from __future__ import annotations

import numpy as np

from cadkit.phantom.noise import generator
from cadkit.phantom.shape import Breast
from cadkit.phantom.strokes import Points, Strokes

_LIGAMENTS = 70.0
_DUCTS = 9.0
_VESSELS = 4.0
_STEPS = 11
# Walls of arteries calcify with age, in about an eighth of screened women (Hendriks et al. 2015,
# Atherosclerosis 239:11).
_CALCIFIED = 0.10


def ligaments(breast: Breast, seed: int, patient: int, side: str) -> Strokes:
    """Cooper's ligaments: from the gland through the fat to the skin, fading on their way."""
    random = generator(seed, "ligaments", patient, side)
    number = int(random.poisson(_LIGAMENTS))
    way = random.standard_normal((number, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    middle = np.array([0.46 * breast.depth, 4.0, 4.0])
    skin = np.array([0.46 * breast.depth, 0.92 * breast.half_height, 0.80 * breast.half_height])
    inner = middle + way * skin * random.uniform(0.45, 0.80, (number, 1))
    outer = middle + way * skin * random.uniform(0.88, 1.02, (number, 1))
    outer += random.normal(0, 5.0, (number, 3))
    # They lean towards the nipple, as the skin is drawn that way.
    outer[:, 0] -= random.uniform(0, 9.0, number)
    length = np.linalg.norm(outer - inner, axis=1)
    return Strokes(
        outer,
        inner,
        random.normal(0, 0.13, number) * length,
        random.uniform(0.22, 0.55, number),
        random.uniform(0.03, 0.15, number),
        0.5,
    )


def ducts(breast: Breast, seed: int, patient: int, side: str) -> Strokes:
    """Ducts: from behind the nipple into the gland."""
    random = generator(seed, "ducts", patient, side)
    number = 2 + int(random.poisson(_DUCTS))
    start = random.normal(0, 2.0, (number, 3)) + np.array([3.0, 0.0, 0.0])
    length = random.uniform(0.2, 0.6, number) * breast.depth
    way = np.column_stack([np.ones(number), random.normal(0, 0.45, (number, 2))])
    end = start + way / np.linalg.norm(way, axis=1, keepdims=True) * length[:, None]
    return Strokes(
        start,
        end,
        random.normal(0, 0.07, number) * length,
        random.uniform(0.4, 0.9, number),
        random.uniform(0.02, 0.09, number),
        0.8,
    )


def vessels(breast: Breast, seed: int, patient: int, side: str, age: int) -> tuple[Strokes, Strokes | None]:
    """Vessels, which wind through the fat from the chest to the nipple, and the calcified wall of one of them, if any.

    The wall is a pair of rows of short strokes: many calcifications, and harmless.
    """
    random = generator(seed, "vessels", patient, side)
    paths = [_path(breast, random) for _ in range(1 + int(random.poisson(_VESSELS)))]
    number = len(paths) * (_STEPS - 1)
    sigma = np.repeat(random.uniform(0.45, 1.0, len(paths)), _STEPS - 1)
    contrast = np.repeat(random.uniform(0.04, 0.11, len(paths)), _STEPS - 1)
    start, end = np.concatenate([p[:-1] for p in paths]), np.concatenate([p[1:] for p in paths])
    drawn = Strokes(start, end, random.normal(0, 0.4, number), sigma, contrast, 0.0)
    calcified = random.random() < _CALCIFIED * np.clip((age - 45) / 12, 0, 2)
    return drawn, _wall(paths[0], random) if calcified else None


def _path(breast: Breast, random: np.random.Generator) -> Points:
    """A winding way under the skin."""
    angle = random.uniform(0, 2 * np.pi)
    share = np.linspace(random.uniform(0.75, 1.0), random.uniform(0.15, 0.5), _STEPS)
    turn = angle + np.cumsum(random.normal(0, 0.09, _STEPS))
    wide = 0.80 * breast.half_height * np.sqrt(np.maximum(0.05, 1 - (1 - share) ** 2))
    path = np.column_stack([share * breast.depth, wide * np.cos(turn), 0.85 * wide * np.sin(turn)])
    return np.asarray(path + random.normal(0, 1.5, path.shape))


def _wall(path: Points, random: np.random.Generator) -> Strokes:
    first = int(random.integers(0, _STEPS - 5))
    part = path[first : first + 5]
    number = int(random.integers(25, 60))
    place = random.uniform(0, len(part) - 1.001, number)
    step = place.astype(int)
    start, ahead = part[step], part[step + 1]
    way = (ahead - start) / np.linalg.norm(ahead - start, axis=1, keepdims=True)
    aside = np.where(random.random((number, 1)) < 0.5, 0.6, -0.6) * np.array([0.0, 0.7, 0.7])
    middle = start + (ahead - start) * (place - step)[:, None] + aside
    reach = way * random.uniform(0.3, 1.8, (number, 1)) / 2
    return Strokes(
        middle - reach,
        middle + reach,
        np.zeros(number),
        random.uniform(0.18, 0.32, number),
        random.uniform(0.12, 0.32, number),
        0.0,
    )
