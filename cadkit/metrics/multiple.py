"""Several comparisons at once: Holm's adjustment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import FloatArray, floats
from cadkit.metrics.results import Comparison


def holm(p: npt.ArrayLike) -> FloatArray:
    """P-values adjusted so that the chance of any false rejection stays below the level (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    values = floats(p, "p")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p-values lie in [0, 1]")
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted


def adjust(comparisons: Sequence[Comparison], primary: int | None = None) -> list[Comparison]:
    """The comparisons of one family (one label, level and metric) with Holm's `p_adjusted` beside the raw p.

    Args:
        comparisons: the family, all by one method; those without p stay as they are and do not count.
        primary: index of the one comparison that was named beforehand: it is not adjusted and does not count.
    """
    members = {number: one.p for number, one in enumerate(comparisons) if one.p is not None and number != primary}
    adjusted = dict(zip(members, holm(list(members.values())).tolist(), strict=True))
    return [replace(one, p_adjusted=adjusted.get(number)) for number, one in enumerate(comparisons)]
