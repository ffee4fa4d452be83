"""GMIC as a cadkit plugin: what it reads, learns and answers (Shen et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, model_validator
from torch import Tensor, nn

from cadkit.data import Dataset, Exam
from cadkit.plugin import Config, ModelInfo
from cadkit.training import Batch, Marks, Outputs, TorchConfig, TorchModel, Validation, balanced, standardize
from cadkit.training.sampling import Item
from cadkit_gmic.architecture import PRESETS, Architecture
from cadkit_gmic.loss import gmic_losses
from cadkit_gmic.network import GmicNetwork
from cadkit_gmic.published import is_published, weights_from_published

Whole = Annotated[int, Field(ge=1)]
PAPER_NOISE, PAPER_ROWS = 100, 2944


def _preset(name: str, **settings: Any) -> dict[str, Any]:
    """Architecture of a preset, Wu et al.'s noise in proportion to its window, and other settings."""
    numbers = asdict(PRESETS[name])
    architecture = {key: value for key, value in numbers.items() if key not in ("labels", "channels")}
    noise = float(round(PAPER_NOISE * architecture["window"][0] / PAPER_ROWS))
    return {**architecture, "noise": noise, **settings}


class GmicConfig(TorchConfig):
    """Settings of GMIC; the defaults are the paper's."""

    labels: tuple[str, ...] = Field(
        ("benign", "malignant"), min_length=1, description="Label columns that are learnt and scored (section 3.1)."
    )
    epochs: Whole = Field(50, description="Passes over the list of an epoch; the best is kept (section 3.3.1).")
    batch: Whole = Field(8, description="Images per forward pass and device (the paper does not say).")
    lr: float = Field(
        2e-5, gt=0, description="Learning rate of Adam; the paper searches 10^-5.5 to 10^-4 (section 3.3.1)."
    )
    beta: float = Field(
        3e-5,
        ge=0,
        description="Weight of the L1 norm of the saliency maps (eq. 13); searched in 10^-5.5 to 10^-3.5 "
        "(section 3.3.1).",
    )
    top_t: float = Field(
        0.02, gt=0, le=1, description="Share of the cells that top-t% pooling averages (eq. 7); 0.01 to 0.2 tried."
    )
    rois: Whole = Field(6, description="Patches K that the local network sees of an image (section 3.3.1).")
    patch: tuple[Whole, Whole] = Field((256, 256), description="Rows and columns of a patch in pixels (section 2.2).")
    global_widths: tuple[Whole, Whole, Whole, Whole, Whole] = Field(
        (16, 32, 64, 128, 256), description="Channels of the layers of the global ResNet-22 (fig. 2)."
    )
    global_strides: tuple[Whole, Whole, Whole, Whole, Whole] = Field(
        (1, 2, 2, 2, 2), description="Their strides; the total stride is four times their product (fig. 2: 64)."
    )
    global_blocks: Whole = Field(2, description="Residual blocks in each of them (fig. 2: two).")
    prior: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of cells that answer before anything is learnt; gives the saliency convolution a bias. "
        "None: no bias, as published (eq. 2), for a global network that was trained before.",
    )
    local_widths: tuple[Whole, Whole, Whole, Whole] = Field(
        (64, 128, 256, 512), description="Channels of the layers of the local ResNet-18; the last is L (section 3.3.1)."
    )
    local_strides: tuple[Whole, Whole, Whole, Whole] = Field((1, 2, 2, 2), description="Their strides.")
    attention: Whole = Field(128, description="Hidden units M of the gated attention (eq. 8).")

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # Section 3.1: 10 augmentations are averaged at test time, one picture is read whole.
        "paper": _preset("paper", scale=1.0, tta=10),
        # For single GPUs and for film of a few megapixels; fewer augmentations, larger steps from a random start.
        "small": _preset("small", scale=0.0, tta=4, lr=2e-4, epochs=20),
        # For demonstrations and tests on a CPU.
        "tiny": _preset("tiny", scale=0.0, tta=2, lr=5e-4, epochs=8),
    }

    @model_validator(mode="after")
    def _fits(self) -> GmicConfig:
        if self.patch[0] > self.window[0] or self.patch[1] > self.window[1]:
            raise ValueError(f"a patch of {self.patch} does not fit a window of {self.window}")
        return self

    @property
    def architecture(self) -> Architecture:
        """The numbers of the network."""
        return Architecture(
            window=self.window,
            labels=len(self.labels),
            top_t=self.top_t,
            rois=self.rois,
            patch=self.patch,
            global_widths=self.global_widths,
            global_strides=self.global_strides,
            global_blocks=self.global_blocks,
            prior=self.prior,
            local_widths=self.local_widths,
            local_strides=self.local_strides,
            attention=self.attention,
        )


class Gmic(TorchModel):
    """Globally-aware multiple instance classifier: a map of the whole image, patches where it is high, and both.

    Learns from image labels alone (those of the breast).
    """

    Config: ClassVar[type[Config]] = GmicConfig
    info = ModelInfo(
        ("benign", "malignant"),
        "probability",
        localizes="saliency",
        paper="Shen et al., Medical Image Analysis 68 (2021) 101908",
    )

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.info = replace(type(self).info, labels=tuple(self.config.labels))

    def network(self) -> nn.Module:
        """The network of the configuration, with random weights."""
        return GmicNetwork(self.config.architecture)

    def epoch(self, data: Dataset, rng: np.random.Generator) -> Sequence[Item]:
        """All exams with a finding and as many random ones without (section 3.1)."""
        return balanced(data.exams, self._finding, rng, self.units)

    def _finding(self, exam: Exam) -> float:
        """1 with a finding in any breast; 0 with none, as far as is known; NaN where nothing is known."""
        known = [v for b in exam.breasts.values() for v in map(b.truth, self.info.labels) if not math.isnan(v)]
        return max(known, default=math.nan)

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Equation 13."""
        return gmic_losses(network(standardize(batch.image)), batch.targets["image"], self.config.beta)

    def outputs(self, network: nn.Module, batch: Batch) -> Outputs:
        """The fused prediction, those of both branches, the saliency maps and the patches with their attention."""
        out = network(standardize(batch.image))
        attention, boxes = out.attention.float().cpu().numpy(), out.boxes.cpu().numpy()
        return Outputs(
            out.scores["fusion"],
            extra={name: out.scores[name] for name in ("global", "local")},
            saliency=out.saliency if "saliency" in batch.want else None,
            rois=[Marks(a, boxes=b) for a, b in zip(attention, boxes, strict=True)],
        )

    def validate(self, predictions: Validation, data: Dataset) -> dict[str, float]:
        """The AUC for malignant over breasts chooses the epoch (section 3.3.1); where it is undefined, the mean AUC."""
        values = super().validate(predictions, data)
        first = {key: value for key, value in values.items() if key == "auc.malignant"}
        return {**first, **values}

    def weights_from(self, source: str, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Published weights under our names; torchvision's ResNet-18 as the local network; others as they are."""
        if source.startswith("torchvision:"):
            return {f"local_network.{name}": tensor for name, tensor in weights.items()}
        if is_published(weights):
            return weights_from_published(weights, self.config.architecture)
        return weights
