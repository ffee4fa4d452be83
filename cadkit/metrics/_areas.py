"""Partial areas under the ROC polygon, and the largest F1, from the steps of the staircase.

Between (before, passed) and (through, passed + gain) the polygon is straight, else level or upright. A step's share
of an area is therefore known by itself, and areas are sums over steps.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from cadkit.metrics._arrays import FloatArray
from cadkit.metrics._kernels import Kernel, Steps, _total

Focus = Literal["specificity", "sensitivity"]


def _under(steps: Steps, limit: FloatArray) -> FloatArray:
    """Area below the polygon from no negatives to so much of their weight (one per column), unnormalised."""
    width = steps.through - steps.before
    along = np.clip(limit - steps.before, 0, width)
    # The step's gain is reached in proportion while its ties are passed, and holds from there on.
    ramp = np.divide(along**2, 2 * width, out=np.zeros_like(width), where=width > 0)
    return _total(steps.gain * (ramp + np.maximum(limit - steps.through, 0)))


def _beside(steps: Steps, limit: FloatArray) -> FloatArray:
    """Area right of the polygon (true negatives) from no positives to so much of their weight."""
    passed = np.cumsum(steps.gain, axis=0)
    along = np.clip(limit - (passed - steps.gain), 0, steps.gain)
    width = steps.through - steps.before
    slope = np.divide(width, steps.gain, out=np.zeros_like(width), where=steps.gain > 0)
    return _total(along * (steps.exposure - steps.before) - slope * along**2 / 2)


def partial_auc(low: float, high: float, focus: Focus, corrected: bool) -> Kernel:
    """Area between two specificities (or sensitivities); corrected after McClish (1989), 0.5 being chance."""
    least = (high - low) * (2 - low - high) / 2

    def kernel(steps: Steps) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            if focus == "specificity":
                area = _under(steps, (1 - low) * steps.exposure) - _under(steps, (1 - high) * steps.exposure)
            else:
                area = _beside(steps, high * steps.positives) - _beside(steps, low * steps.positives)
            area = area / (steps.positives * steps.exposure)
        area = np.where((steps.positives > 0) & (steps.exposure > 0), area, np.nan)
        if not corrected:
            return area
        most = high - low
        # Up to rounding a curve along the diagonal is not below it.
        excess = np.where(area < least - 1e-12, np.nan, area - least)
        result: FloatArray = (1 + excess / (most - least)) / 2
        return result

    return kernel


def largest_f1(steps: Steps) -> FloatArray:
    """Largest F1 over thresholds: 2 TP / (positives + called); the best threshold is a positive's score."""
    if not len(steps.gain):
        return np.where(steps.positives > 0, 0.0, np.nan)
    passed = np.cumsum(steps.gain, axis=0)
    called = steps.positives + passed + steps.through
    f1 = np.divide(2 * passed, called, out=np.zeros_like(passed), where=called > 0)
    best: FloatArray = np.where(steps.positives > 0, f1.max(axis=0), np.nan)
    return best
