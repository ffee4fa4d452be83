"""Settings that every torch plugin has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cadkit.plugin import Config

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]


class TorchConfig(Config):
    """Training and reading of a torch model. A plugin adds its own fields and presets."""

    epochs: Positive = Field(10, description="Passes over the list of an epoch, 1 or more.")
    batch: Positive = Field(4, description="Units per forward pass and device, 1 or more.")
    accumulate: Positive = Field(
        1, description="Forward passes whose gradients are averaged for one optimiser step, 1 or more."
    )
    lr: float = Field(1e-4, gt=0, description="Learning rate of Adam, above 0.")
    weight_decay: float = Field(0.0, ge=0, description="L2 penalty of Adam, 0 or more.")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="Of the forward pass; auto: bf16 on a GPU that has it, else fp32."
    )
    tta: Natural = Field(
        0,
        description="Random augmentations whose scores are averaged at prediction; 0: the plain picture alone. "
        "Never used in validation.",
    )
    window: tuple[Positive, Positive] = Field(
        (2944, 1920), description="Rows and columns of the picture that the network reads."
    )
    scale: float = Field(
        1.0,
        ge=0,
        description="Prepared pixels per pixel of the window. 0: chosen when training starts, from the training "
        "split, so that the window covers 95% of its pictures, at least 1; the run's config.toml holds the number.",
    )
    noise: float = Field(
        100.0,
        ge=0,
        description="Largest random displacement of the window and of each of its borders in training and "
        "test-time augmentation, in pixels of the window (Wu et al. 2019: 100 at 2944x1920).",
    )
    patience: Natural = Field(
        0, description="Validations without improvement after which training ends; 0: all epochs are run."
    )
    validate_every: Positive = Field(1, description="Epochs between validations; the last epoch is always validated.")
    workers: int = Field(
        -1,
        ge=-1,
        description="Processes that read pictures; 0: read in the training process; -1: on a GPU one per "
        "processor and at most 8, on a CPU none.",
    )
    save_every: float = Field(
        120.0,
        ge=0,
        description="Seconds of work that a kill may cost: how often the state is saved within an epoch. "
        "0: after every optimiser step.",
    )
    init_from: tuple[str, ...] = Field(
        (),
        description="Where weights come from before training: run folders, weight files "
        "(safetensors, or torch files without pickled objects), torchvision:NAME. Later ones win.",
    )
