"""A region of findings in the tests of matching: a box, half open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass
class Box:
    box: Sequence[float]

    @property
    def center(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (self.box[0] <= x) & (x < self.box[2]) & (self.box[1] <= y) & (y < self.box[3])
