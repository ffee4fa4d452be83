"""`TorchModel`: three things to write, and a default for everything else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cadkit.data import Breast, Crop, Dataset, Exam
from cadkit.errors import InputError
from cadkit.plugin import Config as BaseConfig
from cadkit.plugin import ExamPrediction, Model, Run, Skipped
from cadkit.training.batch import Batch
from cadkit.training.config import TorchConfig
from cadkit.training.ddp import pick_device, placed
from cadkit.training.loop import train
from cadkit.training.outputs import Outputs
from cadkit.training.precision import resolved_precision
from cadkit.training.predicting import Settings, predict_exams
from cadkit.training.sampling import Item, shuffled
from cadkit.training.units import Unit, images_by_slot, units_of
from cadkit.training.validating import Validation, breast_aucs
from cadkit.training.weights import load_whole


class TorchModel(Model):
    """A model with a network. Write `network`, `losses` and `outputs`; override what differs, and call
    `super()` to add.

    Attributes:
        device: where it computes: `auto`, `cpu`, `cuda`, `cuda:1`.
    """

    Config: ClassVar[type[BaseConfig]] = TorchConfig
    config: Any
    device: str = "auto"

    def __init__(self, config: BaseConfig | None = None) -> None:
        super().__init__(config)
        self._network: nn.Module | None = None

    def network(self) -> nn.Module:
        """A new network with random weights; downloads nothing."""
        raise NotImplementedError

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """The terms of the loss by name: scalars, means over the batch. Training mode only."""
        raise NotImplementedError

    def outputs(self, network: nn.Module, batch: Batch) -> Outputs:
        """What the network says of a batch; evaluation mode, under no_grad."""
        raise NotImplementedError

    def stages(self) -> Sequence[TorchConfig]:
        """Configurations that one network goes through in turn, each with a new optimiser."""
        return [self.config]

    def epoch(self, data: Dataset, rng: np.random.Generator) -> Sequence[Item]:
        """The (unit, hint) pairs of an epoch; alike on every rank. Default: every labelled unit once, shuffled."""
        units = (unit for exam in data.exams for unit in self.units(exam))
        return shuffled([(unit, None) for unit in units if self._labelled(unit)], rng)

    def _labelled(self, unit: Unit) -> bool:
        return any(not math.isnan(unit.truth(label)) for label in self.info.labels)

    def units(self, exam: Exam) -> list[Unit]:
        """The units of an exam that this model scores."""
        return units_of(exam, self.info)[0]

    def crops(self, unit: Unit, hint: Any, rng: np.random.Generator | None) -> dict[str, Crop] | Skipped:
        """How a unit is read, by slot. Default: Wu et al.'s window of each image, with noise where `rng` is given.

        Args:
            unit: an image, breast or exam.
            hint: as `epoch` gave it; None: as at prediction.
            rng: of the augmentation; None: without noise and axis-aligned.
        """
        config = self.config
        if config.scale == 0:
            raise InputError(
                "the scale of the window was not chosen yet",
                row="scale",
                value=0,
                mend="Train first, or say how many prepared pixels one pixel of the window takes.",
            )
        field = (round(config.window[0] * config.scale), round(config.window[1] * config.scale))
        noise = config.noise * config.scale
        return {slot: i.window(field, rng, noise=noise).at(config.window) for slot, i in images_by_slot(unit).items()}

    def target(self, unit: Unit, hint: Any) -> Mapping[str, ArrayLike]:
        """What is to be learnt of a unit, by key; NaN where unknown. Default: its labels, 0 or 1.

        Keys: `image`, or `breast`, or for an exam `L`, `R` and `exam`.
        """
        labels = self.info.labels
        if not isinstance(unit, Exam):
            key = "breast" if isinstance(unit, Breast) else "image"
            return {key: [unit.truth(label) for label in labels]}
        sides = {
            side: [unit.breasts[side].truth(label) if side in unit.breasts else math.nan for label in labels]
            for side in ("L", "R")
        }
        return sides | {"exam": [unit.truth(label) for label in labels]}

    def optimizer(self, network: nn.Module, steps: int) -> tuple[Optimizer, LRScheduler | None]:
        """The optimiser of a stage and its schedule, stepped after each of about `steps` steps. Default: Adam."""
        learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
        return torch.optim.Adam(learning, lr=self.config.lr, weight_decay=self.config.weight_decay), None

    def validate(self, predictions: Validation, data: Dataset) -> dict[str, float]:
        """Numbers of the validation split, larger is better; the first chooses the epoch.

        Default: the mean over labels of the AUC over breasts, then each label's. A label with one
        class only has none; with no label left the dict is empty, and the last epoch is kept.
        """
        found = breast_aucs(predictions, data, self.info.labels)
        each = {f"auc.{label}": value for label, value in found.items()}
        if len(each) < 2:
            return each
        return {"auc": sum(each.values()) / len(each)} | each

    def weights_from(self, source: str, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Another model's weights under this network's names. Default: as they are.

        Args:
            source: the other run's plugin, `file`, or `torchvision:NAME`.
            weights: its tensors.
        """
        return weights

    def train(self, data: Dataset, run: Run) -> None:
        """Train from the start, or from where the run stands, and write its weights."""
        self._network = train(self, data, run)

    def load(self, run: Run) -> None:
        """Read the best weights of a run.

        Raises:
            InputError: they are missing or do not fit.
        """
        network = self.network()
        load_whole(network, run.weights / "best.safetensors")
        self._network = network

    def predict(self, exams: Iterable[Exam]) -> Iterator[ExamPrediction | Skipped]:
        """One answer per exam, in order; scores averaged over `tta` augmentations."""
        if self._network is None:
            raise InputError(f"{type(self).__name__} has no weights yet", mend="Train it, or load a run.")
        device, config = pick_device(self.device), self.config
        network = placed(self._network, device)
        precision = resolved_precision(config.precision, device)
        settings = Settings(device, precision, config.batch, config.tta, self.wants)
        return predict_exams(self, network, exams, settings)

    def __getstate__(self) -> dict[str, Any]:
        """For worker processes: everything but the network."""
        return {**self.__dict__, "_network": None}
