"""Plugins with a network whose trainings go wrong in ways that a check tells apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

import cadkit
import cadkit.training as ct


class Config(ct.TorchConfig):
    window: tuple[int, int] = (80, 52)
    lr: float = 1e-3
    presets: ClassVar = {"tiny": {}}


class Plain(ct.TorchModel):
    """Scores the highest cell of a map; each of the others changes one thing."""

    Config = Config
    info = cadkit.ModelInfo(("malignant",), "probability")

    def network(self) -> nn.Module:
        return nn.Conv2d(1, 1, 5, stride=2)

    def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
        scores = network(ct.standardize(batch.image)).amax((2, 3))
        return {"bce": ct.bce(scores, batch.targets["image"], logits=True)}

    def outputs(self, network: nn.Module, batch: ct.Batch) -> ct.Outputs:
        return ct.Outputs(network(ct.standardize(batch.image)).amax((2, 3)).sigmoid())


class MovesWeightsByRank(Plain):
    """Draws the same list on both processes, and writes to the network past the optimiser."""

    def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
        found = super().losses(network, batch)
        with torch.no_grad():
            network.bias += 0.001 * int(os.environ.get("RANK", "0"))
        return found


class RaisesOnTheSecondProcess(Plain):
    def epoch(self, data: cadkit.Dataset, rng: np.random.Generator) -> Sequence[Any]:
        if os.environ.get("RANK") == "1":
            raise RuntimeError("one card, one licence")
        return super().epoch(data, rng)


class IsNotGoneOnWith(Plain):
    def train(self, data: cadkit.Dataset, run: cadkit.Run) -> None:
        (run.folder / "lock").touch(exist_ok=False)
        super().train(data, run)


class TrainsByItself(Plain):
    """Writes its own loop, of which nobody can promise anything."""

    def train(self, data: cadkit.Dataset, run: cadkit.Run) -> None:
        (run.weights / "nothing.txt").write_text("learnt")

    def load(self, run: cadkit.Run) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self._network = self.network().eval()
