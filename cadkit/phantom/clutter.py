"""What lies in every breast whatever its label, and looks like lesions: what makes the phantom no game of blobs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cadkit.phantom.difficulty import Difficulty
from cadkit.phantom.lesions import Body, Structure, place, structure
from cadkit.phantom.noise import generator
from cadkit.phantom.projection import VIEWS, Frame
from cadkit.phantom.shape import Breast
from cadkit.phantom.volume import Volume


def clutter(
    seed: int, patient: int, side: str, breast: Breast, volume: Volume, frame: Frame, look: Difficulty
) -> list[Structure]:
    """Clumps of gland, single and grouped round calcifications, crossing lines, lymph nodes; the same in each exam."""
    random = generator(seed, "harmless", patient, side)
    # The variance of these counts is above their mean, as of real calcifications (negative binomial).
    numbers = (
        ("clump", int(random.poisson(look.clumps))),
        ("scattered", int(random.poisson(0.5 * look.harmless_groups))),
        ("round", int(random.poisson(0.5 * look.harmless_groups))),
        ("dot", int(random.poisson(look.loose_calcifications * random.gamma(1.2) / 1.2))),
        ("knot", int(random.poisson(2 * look.knots))),
    )
    found = []
    for form, number in numbers:
        for _ in range(number):
            item = place(structure(form, look, random), breast, volume, frame, random, tries=60)
            # Half of the clumps and all knots are superpositions: one view alone shows them.
            alone = form == "knot" or (form == "clump" and random.random() < 0.5)
            found.append(replace(item, views=(VIEWS[int(random.integers(2))],) if alone else VIEWS))
    return [*found, *_nodes(breast, random)]


def _nodes(breast: Breast, random: np.random.Generator) -> list[Structure]:
    """Lymph nodes in the armpit, which MLO alone shows: smooth, on the muscle."""
    nodes = []
    for _ in range(int(random.poisson(0.6))):
        radius = random.uniform(2.5, 6.0)
        lobes, phases = tuple(random.uniform(0.01, 0.05, 3)), tuple(random.uniform(0, 6.3, 3))
        body = Body(radius, random.uniform(0.08, 0.2), 0.12, lobes, (phases, phases), (1.0, random.uniform(1.1, 1.9)))
        # On the muscle's edge in MLO, high up: x and y there, turned back into the breast's frame.
        y = random.uniform(0.10, 0.55) * breast.muscle[1]
        x = float(np.clip(breast.muscle[0] * (1 - y / breast.muscle[1]) + random.normal(0, 6.0), 6.0, None))
        nipple = breast.projection("MLO").nipple
        upright = (nipple[1] - y) / np.sqrt(2)
        nodes.append(Structure("node", np.array([nipple[0] - x, upright, upright]), body, None, ("MLO",)))
    return nodes
