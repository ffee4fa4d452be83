"""cadkit: mammography CAD models as plugins, and one core that trains, runs and evaluates them alike.

The names below are the public Python interface (docs/api.md); each is imported when it is first used,
so that `import cadkit` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cadkit import (
        data,
        evaluation,
        importers,
        metrics,
        phantom,
        plugin,
        prediction,
        prepare,
        reader_study,
        report,
        testing,
        training,
    )
    from cadkit.api import combine, compare, evaluate, evaluate_readers, predict, train
    from cadkit.data import Breast, Crop, Dataset, Exam, Finding, Image, TruthHidden
    from cadkit.errors import CadkitError, Failure, InputError
    from cadkit.plugin import (
        BreastPrediction,
        Config,
        ExamPrediction,
        ImagePrediction,
        Marks,
        Model,
        ModelInfo,
        Run,
        Saliency,
        Skipped,
    )
    from cadkit.prediction import Predictions
    from cadkit.prepare import open_dataset
    from cadkit.report import EvaluationReport

    open = open_dataset

__version__ = "0.1.0"

_HOME = {
    "cadkit.api": ("combine", "compare", "evaluate", "evaluate_readers", "predict", "train"),
    "cadkit.data": ("Breast", "Crop", "Dataset", "Exam", "Finding", "Image", "TruthHidden"),
    "cadkit.errors": ("CadkitError", "Failure", "InputError"),
    "cadkit.plugin": (
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
    ),
    "cadkit.prediction": ("Predictions",),
    "cadkit.report": ("EvaluationReport",),
}
_ROOMS = (
    "data",
    "evaluation",
    "importers",
    "metrics",
    "phantom",
    "plugin",
    "prediction",
    "prepare",
    "reader_study",
    "report",
    "testing",
    "training",
)
_NAMES = {name: (module, name) for module, names in _HOME.items() for name in names} | {
    "open": ("cadkit.prepare", "open_dataset")
}

# `open` is as public as the others, but stands apart: `from cadkit import *` must not hide Python's own.
__all__ = [
    "Breast",
    "BreastPrediction",
    "CadkitError",
    "Config",
    "Crop",
    "Dataset",
    "EvaluationReport",
    "Exam",
    "ExamPrediction",
    "Failure",
    "Finding",
    "Image",
    "ImagePrediction",
    "InputError",
    "Marks",
    "Model",
    "ModelInfo",
    "Predictions",
    "Run",
    "Saliency",
    "Skipped",
    "TruthHidden",
    "__version__",
    "combine",
    "compare",
    "data",
    "evaluate",
    "evaluate_readers",
    "evaluation",
    "importers",
    "metrics",
    "phantom",
    "plugin",
    "predict",
    "prediction",
    "prepare",
    "reader_study",
    "report",
    "testing",
    "train",
    "training",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"cadkit.{name}")
    if name not in _NAMES:
        raise AttributeError(f"module 'cadkit' has no attribute {name!r}")
    module, attribute = _NAMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*__all__, "open"])
