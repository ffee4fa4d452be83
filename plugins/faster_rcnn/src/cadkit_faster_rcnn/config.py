"""Settings of the detector; the defaults are the poster's, and torchvision's where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from cadkit.training import TorchConfig

Whole = Annotated[int, Field(ge=1)]
Side = Annotated[float, Field(gt=0)]
Backbone = Literal["resnet10", "resnet18", "resnet50", "resnet101", "resnext101_32x8d"]


class FasterRcnnConfig(TorchConfig):
    """Settings of Faster R-CNN; the defaults are those of the poster's best model."""

    labels: tuple[str, ...] = Field(
        ("benign", "malignant"),
        min_length=1,
        description="Labels of findings that are learnt, and label columns that are scored.",
    )
    window: tuple[Whole, Whole] = Field(
        (2100, 1300), description="Rows and columns of the picture that the network reads (Resolution)."
    )
    scale: float = Field(
        0.0,
        ge=0,
        description="Prepared pixels per pixel of the window. 0: chosen when training starts, from the training "
        "split, so that the window covers 95% of its pictures, at least 1; the run's config.toml holds the number.",
    )
    noise: float = Field(
        71.0,
        ge=0,
        description="Largest random displacement of the window and of each of its borders in training, in pixels of "
        "the window; Wu et al.'s 100 at 2944 rows in proportion (the poster does not say).",
    )
    batch: Whole = Field(
        4, description="Images per forward pass and device; with `accumulate` and devices at least 4 (Resolution)."
    )
    epochs: Whole = Field(20, description="Passes over the list of an epoch; the best is kept (table 1).")
    lr: float = Field(
        1e-4, gt=0, description="Largest learning rate of Adam; it rises over `warmup` steps and falls as a cosine."
    )
    warmup: int = Field(200, ge=0, description="Optimiser steps over which the learning rate grows from 0.")
    backbone: Backbone = Field("resnext101_32x8d", description="torchvision's network under the pyramid (table 1).")
    norm: Literal["frozen", "group"] = Field(
        "frozen",
        description="Normalisation in the backbone. frozen: the statistics that came with the weights; group: learnt "
        "in groups of 32 channels, whatever the batch, for a random start.",
    )
    trainable_layers: int = Field(
        3, ge=0, le=5, description="Layers of the backbone that learn, from its end; 5: all (torchvision: 3)."
    )
    fpn_channels: Whole = Field(256, description="Channels of the feature pyramid.")
    head_width: Whole = Field(1024, description="Hidden units of the two layers that judge a region.")
    anchors: tuple[Side, Side, Side, Side, Side] = Field(
        (32, 64, 128, 256, 512),
        description="Sides of the anchors at strides 4, 8, 16, 32 and 64, in pixels of the window; each in the "
        "proportions 1:2, 1:1 and 2:1.",
    )
    rpn_iou: float = Field(
        0.5,
        ge=0.3,
        le=1,
        description="Overlap with a finding from which on an anchor is one (thresholds; torchvision: 0.7). "
        "Below 0.3 it is background.",
    )
    nms_iou: float = Field(
        0.1, ge=0, le=1, description="Overlap above which the weaker of two detections goes (thresholds; default: 0.5)."
    )
    min_score: float = Field(
        0.001, ge=0, lt=1, description="Least score of a detection at prediction (Inference; default: 0.05)."
    )
    detections: Whole = Field(100, description="Most detections of an image.")
    proposals: Whole = Field(
        1000,
        description="Most regions of an image that the first stage proposes. Where it is small, the second "
        "learns from those that look most like a finding.",
    )
    anchor_samples: Whole = Field(256, description="Anchors of an image that the first stage learns from.")
    region_samples: Whole = Field(512, description="Regions of an image that the second stage learns from.")
    negatives: bool = Field(True, description="Whether images without boxes train, as negatives (images).")
    oversample: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of an epoch that images with boxes make up at least, for which images without are drawn "
        "anew each epoch; 0: every image once (non-annotated images).",
    )
    box_scaling: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="In training each box grows about its centre by a factor of 1 - x to 1 + x; the poster's separate "
        "experiment has 0.2 (augmentation).",
    )
    init_from: tuple[str, ...] = Field(
        ("torchvision:resnext101_32x8d",),
        description="Where weights come from before training: torchvision:NAME for ImageNet, run folders, weight "
        "files. Later ones win; () with norm=group is a random start.",
    )

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "paper_resnet101": {
            "backbone": "resnet101",
            "window": (2700, 1700),
            "noise": 92.0,
            "init_from": ("torchvision:resnet101",),
        },
        "paper_resnet50": {
            "backbone": "resnet50",
            "window": (3000, 2200),
            "noise": 102.0,
            "init_from": ("torchvision:resnet50",),
        },
        "box_scaling": {"box_scaling": 0.2},
        # For single GPUs and for film of a few megapixels.
        "small": {
            "backbone": "resnet50",
            "window": (800, 608),
            "noise": 27.0,
            "anchors": (16, 32, 64, 128, 256),
            "init_from": ("torchvision:resnet50",),
        },
        # For demonstrations and tests on a CPU, from a random start. Few proposals: the second stage then learns from
        # the background that looks most like a finding, and needs fewer steps.
        "tiny": {
            "backbone": "resnet10",
            "norm": "group",
            "trainable_layers": 5,
            "init_from": (),
            "window": (288, 160),
            "noise": 10.0,
            "fpn_channels": 32,
            "head_width": 128,
            "anchors": (12, 24, 48, 96, 192),
            "proposals": 100,
            "anchor_samples": 32,
            "region_samples": 32,
            "lr": 7e-4,
            "warmup": 50,
            "epochs": 6,
        },
    }

    @model_validator(mode="after")
    def _learns(self) -> FasterRcnnConfig:
        if self.norm == "frozen" and not self.init_from:
            raise ValueError("norm=frozen needs weights to start from (init_from); a random start needs norm=group")
        if self.norm == "group" and self.trainable_layers < 5 and not self.init_from:
            raise ValueError("a random start needs trainable_layers=5: layers that do not learn would stay random")
        return self
