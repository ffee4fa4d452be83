"""Faster R-CNN as a cadkit plugin: what it reads, learns and answers (Févry et al. 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from cadkit.data import Dataset
from cadkit.plugin import Config, ModelInfo
from cadkit.training import (
    Batch,
    Outputs,
    TorchModel,
    Validation,
    annotated,
    best_scores,
    in_picture,
    marks_of,
    oversampled,
)
from cadkit.training.sampling import Item
from cadkit_faster_rcnn.config import FasterRcnnConfig
from cadkit_faster_rcnn.network import detector


class FasterRcnn(TorchModel):
    """Boxes about benign and malignant findings; a breast's score is the maximum over boxes, the mean over views."""

    Config: ClassVar[type[Config]] = FasterRcnnConfig
    info = ModelInfo(
        ("benign", "malignant"),
        "probability",
        pooling=("mean", "max"),
        localizes="marks",
        learns=("boxes",),
        paper="Févry et al., Improving localization-based approaches for breast cancer screening exam "
        "classification, MIDL 2019",
    )

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.info = replace(type(self).info, labels=tuple(self.config.labels))

    def network(self) -> nn.Module:
        """The detector of the configuration, with random weights."""
        return detector(self.config)

    def epoch(self, data: Dataset, rng: np.random.Generator) -> Sequence[Item]:
        """Images with boxes, over-sampled, and images without as negatives."""
        items: dict[bool, list[Item]] = {True: [], False: []}
        for exam in data.exams:
            for unit in self.units(exam):
                boxes = annotated(unit, self.info)
                if boxes or (self.config.negatives and self._labelled(unit)):
                    items[boxes].append((unit, None))
        return oversampled(items[True], items[False], self.config.oversample, rng)

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """torchvision's: of the region proposals and of the regions."""
        (found,) = batch.findings.values()
        targets = [{"boxes": scaled(f.boxes, self.config.box_scaling), "labels": f.labels + 1} for f in found]
        return {name.removeprefix("loss_"): loss for name, loss in network(batch.image, targets).items()}

    def outputs(self, network: nn.Module, batch: Batch) -> Outputs:
        """The boxes, and of each label the highest score of a box; 0 where there is none."""
        found = in_picture(network(batch.image), batch)
        return Outputs(best_scores(found, len(self.info.labels)), marks=marks_of(found))

    def optimizer(self, network: nn.Module, steps: int) -> tuple[Optimizer, LRScheduler | None]:
        """Adam, whose learning rate grows linearly over the first `warmup` steps and falls as a cosine to 0."""
        optimizer, _ = super().optimizer(network, steps)
        rising = max(1, self.config.warmup)
        return optimizer, LambdaLR(
            optimizer, lambda step: min(1.0, (step + 1) / rising) * (1 + math.cos(math.pi * min(1, step / steps))) / 2
        )

    def validate(self, predictions: Validation, data: Dataset) -> dict[str, float]:
        """The AUC for malignant over breasts chooses the epoch; where it is undefined, the mean AUC."""
        values = super().validate(predictions, data)
        return {key: value for key, value in values.items() if key == "auc.malignant"} | values

    def weights_from(self, source: str, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A classifier's weights, in torchvision's layout, as the backbone; a detector's as they are."""
        if "conv1.weight" in weights:
            return {f"backbone.body.{name}": tensor for name, tensor in weights.items()}
        return weights


def scaled(boxes: Tensor, by: float) -> Tensor:
    """Each box grown about its centre by a factor of its own, uniform in 1 - by to 1 + by.

    Args:
        boxes: n x 4.
        by: 0 to below 1; 0: the boxes as they are.
    """
    if by == 0:
        return boxes
    factor = torch.empty(len(boxes), 1, device=boxes.device).uniform_(1 - by, 1 + by)
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    return torch.cat([centre - half * factor, centre + half * factor], 1)
