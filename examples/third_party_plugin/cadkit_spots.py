from typing import ClassVar

from pydantic import Field
from torch import nn

import cadkit
import cadkit.training as ct


class Config(ct.TorchConfig):
    """Settings, besides those of `TorchConfig` (epochs, lr, batch, window, ...)."""

    width: int = Field(16, ge=1, description="Channels of the hidden layers.")
    sparse: float = Field(0.1, ge=0, description="Weight of the map's mean.")
    presets: ClassVar = {
        "tiny": {
            "window": (320, 208),
            "scale": 0.0,
            "noise": 11.0,
            "lr": 2e-3,
            "epochs": 3,
        },
    }


class Spots(ct.TorchModel):
    """Scores an image by the highest cell of a map."""

    Config = Config
    info = cadkit.ModelInfo(
        labels=("malignant",),
        scores="probability",
        localizes="saliency",
    )

    def network(self):
        width = self.config.width
        return nn.Sequential(
            nn.Conv2d(1, width, 5, stride=4, padding=2),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, len(self.info.labels), 3, padding=1),
        )

    def epoch(self, data, rng):
        """As many exams without a cancer as with one."""
        return ct.balanced(
            data.exams,
            lambda exam: exam.truth("malignant"),
            rng,
            self.units,
        )

    def losses(self, network, batch):
        # N x labels x rows x columns, logits
        maps = network(ct.standardize(batch.image))
        return {
            "bce": ct.bce(maps.amax((2, 3)), batch.targets["image"], logits=True),
            "sparse": self.config.sparse * maps.sigmoid().mean(),
        }

    def outputs(self, network, batch):
        maps = network(ct.standardize(batch.image)).sigmoid()
        return ct.Outputs(maps.amax((2, 3)), saliency=maps)
