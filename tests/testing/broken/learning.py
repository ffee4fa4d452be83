"""Plugins with a network. `Good` keeps the contract; each of the others breaks one check, and no other."""

from __future__ import annotations

import copy
import os
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

import cadkit
import cadkit.training as ct


class Config(ct.TorchConfig):
    window: tuple[int, int] = (80, 52)
    scale: float = 0.0
    noise: float = 2.0
    lr: float = 1e-3
    presets: ClassVar = {"tiny": {}}


class Good(ct.TorchModel):
    """Scores the highest cell of a map."""

    Config = Config
    info = cadkit.ModelInfo(("malignant",), "probability", localizes="saliency")

    def network(self) -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 4, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))

    def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
        maps = network(ct.standardize(batch.image))
        return {"bce": ct.bce(maps.amax((2, 3)), batch.targets["image"], logits=True)}

    def outputs(self, network: nn.Module, batch: ct.Batch) -> ct.Outputs:
        maps = network(ct.standardize(batch.image)).sigmoid()
        return ct.Outputs(maps.amax((2, 3)), saliency=maps)


class SoftmaxOverTheBatch(Good):
    def outputs(self, network: nn.Module, batch: ct.Batch) -> ct.Outputs:
        return ct.Outputs(network(ct.standardize(batch.image)).amax((2, 3)).softmax(0))


class HasNoSuchSetting(Good):
    def optimizer(self, network: nn.Module, steps: int) -> Any:
        return torch.optim.SGD(network.parameters(), lr=self.config.learning_rate), None


class LogOfZero(Good):
    def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
        found = super().losses(network, batch)
        return {**found, "entropy": (found["bce"] * 0).log()}


class OptimizesACopy(Good):
    def optimizer(self, network: nn.Module, steps: int) -> Any:
        return super().optimizer(copy.deepcopy(network), steps)


class KeepsALearntNumber(Good):
    factor = 1.0

    def train(self, data: cadkit.Dataset, run: cadkit.Run) -> None:
        super().train(data, run)
        self.factor = 0.5

    def outputs(self, network: nn.Module, batch: ct.Batch) -> ct.Outputs:
        found = super().outputs(network, batch)
        return ct.Outputs(found.scores * self.factor, saliency=found.saliency)


class CountsSteps(Good):
    steps = 0

    def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
        self.steps += 1
        return {name: value * self.steps for name, value in super().losses(network, batch).items()}


class SeedsByRank(Good):
    def epoch(self, data: cadkit.Dataset, rng: np.random.Generator) -> Any:
        return super().epoch(data, np.random.default_rng(int(os.environ.get("RANK", "0"))))


class WeighsByAllTables(Good):
    share = 1.0

    def train(self, data: cadkit.Dataset, run: cadkit.Run) -> None:
        self.share = float(data.tables["breasts"]["malignant"].to_numpy().mean())
        super().train(data, run)

    def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
        maps = network(ct.standardize(batch.image))
        weights = 1 + self.share * batch.targets["image"]
        return {"bce": (weights * nn.functional.softplus(-maps.amax((2, 3)))).mean()}


class AsksAndGoesOn(Good):
    def train(self, data: cadkit.Dataset, run: cadkit.Run) -> None:
        for exam in data.exams:
            try:
                exam.truth("malignant")
            except cadkit.TruthHidden:
                continue
        super().train(data, run)
