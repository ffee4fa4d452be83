"""Pieces of pictures to learn from: half of them around a lesion, turned and mirrored, brightness varied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from benchmarks.phantom.network import STRIDE
from benchmarks.phantom.pictures import MALIGNANT, OTHER, Box, Pictures

SIDE = 224
# Shares of the crops that are drawn around a malignant lesion, around another one, and anywhere in a breast.
SHARES = (0.4, 0.3, 0.3)
_GAIN, _OFFSET = 0.08, 0.02
_MOST_SEEN, _LEAST_SEEN = 0.5, 0.02


@dataclass(frozen=True)
class Batch:
    """n crops.

    Attributes:
        images: n x 1 x 224 x 224, 0 to 1.
        classes: n x 56 x 56, 0 nothing, 1 benign, 2 malignant.
        labels: n x 2, malignant and benign, 0 or 1; with lesions: whether the crop shows one.
        known: n x 2, 0 where a lesion is cut off so that the label is neither.
    """

    images: torch.Tensor
    classes: torch.Tensor
    labels: torch.Tensor
    known: torch.Tensor


class Crops:
    """Draws batches from a population.

    Args:
        pictures: of the training women.
        lesions: True takes the pictures with lesions and labels a crop by what it shows; False those without,
            labels a crop by its breast and draws crops anywhere.
        seed: of the draws.
    """

    def __init__(self, pictures: Pictures, lesions: bool, seed: int) -> None:
        self._pictures, self._lesions = pictures, lesions
        self._random = np.random.default_rng(seed)
        self._source = np.array(pictures.shown if lesions else pictures.clean)
        self._masks = np.array(pictures.masks)
        self._areas = np.stack([(self._masks & bit > 0).sum(axis=(1, 2)) for bit in (MALIGNANT, OTHER)], axis=1)
        self._truth = np.stack([pictures.column("malignant"), pictures.column("benign")], axis=1).repeat(2, axis=0)
        self._around: dict[int, list[tuple[int, Box]]] = {MALIGNANT: [], OTHER: []}
        for number, breast in enumerate(pictures.breasts):
            for view, lesions_seen in enumerate(breast.lesions):
                for box, bit in lesions_seen:
                    self._around[bit].append((2 * number + view, box))

    def batch(self, number: int) -> Batch:
        """Draw crops."""
        drawn = [self._crop() for _ in range(number)]
        images = torch.from_numpy(np.stack([image for image, _, _, _ in drawn]))[:, None]
        bits = torch.from_numpy(np.stack([mask for _, mask, _, _ in drawn]))
        labels = torch.from_numpy(np.stack([label for _, _, label, _ in drawn]).astype(np.float32))
        known = torch.from_numpy(np.stack([known for _, _, _, known in drawn]).astype(np.float32))
        cells = [functional.max_pool2d((bits & bit > 0).float()[:, None], STRIDE)[:, 0] for bit in (MALIGNANT, OTHER)]
        classes = torch.where(cells[0] > 0, 2, torch.where(cells[1] > 0, 1, 0))
        return Batch(images, classes, labels, known)

    def _crop(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.bool_ | np.int64], NDArray[np.bool_]]:
        number, (row, column) = self._place()
        rows, columns = self._source.shape[1:]
        top = int(np.clip(row - SIDE // 2, 0, rows - SIDE))
        left = int(np.clip(column - SIDE // 2, 0, columns - SIDE))
        window = (number, slice(top, top + SIDE), slice(left, left + SIDE))
        image, mask = self._source[window], self._masks[window]
        turns, mirrored = int(self._random.integers(4)), bool(self._random.integers(2))
        image, mask = (np.rot90(part[:, ::-1] if mirrored else part, turns) for part in (image, mask))
        values = image.astype(np.float32) / 255
        gain, offset = np.exp(_GAIN * self._random.standard_normal()), _OFFSET * self._random.standard_normal()
        values = np.where(image > 0, np.clip(values * np.float32(gain) + np.float32(offset), 0.01, 1), 0)
        if not self._lesions:
            truth = self._truth[number]
            return values.astype(np.float32), np.zeros_like(mask), truth, np.ones(2, dtype=bool)
        seen = np.array([(mask & bit > 0).sum() for bit in (MALIGNANT, OTHER)]) / np.maximum(1, self._areas[number])
        known = (seen >= _MOST_SEEN) | (seen < _LEAST_SEEN)
        return values.astype(np.float32), mask.copy(), seen >= _MOST_SEEN, known

    def _place(self) -> tuple[int, tuple[int, int]]:
        """A picture, and the row and column of the crop's middle before it is moved into the picture."""
        kind = int(self._random.choice(3, p=SHARES)) if self._lesions else 2
        around = self._around[(MALIGNANT, OTHER)[kind]] if kind < 2 else []
        if around:
            number, (top, bottom, left, right) = around[int(self._random.integers(len(around)))]
            row, column = self._random.integers(-SIDE // 3, SIDE // 3 + 1, 2)
            return number, ((top + bottom) // 2 + int(row), (left + right) // 2 + int(column))
        number = int(self._random.integers(len(self._source)))
        top, bottom, left, right = self._pictures.breasts[number // 2].boxes[number % 2]
        return number, (int(self._random.integers(top, bottom)), int(self._random.integers(left, right)))
