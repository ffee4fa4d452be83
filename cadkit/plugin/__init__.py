"""The plugin contract, the registry of installed plugins, configurations and run folders."""

from cadkit.plugin.config import Config
from cadkit.plugin.contract import (
    BreastPrediction,
    ExamPrediction,
    ImagePrediction,
    Marks,
    Model,
    ModelInfo,
    Saliency,
    Skipped,
)
from cadkit.plugin.run import Run

__all__ = [
    "BreastPrediction",
    "Config",
    "ExamPrediction",
    "ImagePrediction",
    "Marks",
    "Model",
    "ModelInfo",
    "Run",
    "Saliency",
    "Skipped",
]
