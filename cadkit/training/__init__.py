"""What torch plugins share: reading, warping, the loop, exact resume, distribution and prediction.

A plugin subclasses `TorchModel` and writes `network()`, `losses(network, batch)` and
`outputs(network, batch)`. Names are imported when they are first used, so that `cadkit.training.running`
and everything else that only starts a training stay free of torch.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cadkit.plugin import Marks, Saliency, Skipped
    from cadkit.training.batch import Batch, Found
    from cadkit.training.config import TorchConfig
    from cadkit.training.detections import best_scores, in_picture, marks_of
    from cadkit.training.findings import annotated
    from cadkit.training.functions import bce, standardize
    from cadkit.training.maps import peak_marks, slide
    from cadkit.training.model import TorchModel
    from cadkit.training.outputs import Outputs
    from cadkit.training.sampling import balanced, oversampled
    from cadkit.training.validating import Validation

# Threads that wait by spinning stand in the way of whatever else runs: on a busy machine training became ten
# times slower. Read by OpenMP when torch is first imported; a user's own setting stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOMES = {
    "Batch": "cadkit.training.batch",
    "Found": "cadkit.training.batch",
    "Marks": "cadkit.plugin",
    "Outputs": "cadkit.training.outputs",
    "Saliency": "cadkit.plugin",
    "Skipped": "cadkit.plugin",
    "TorchConfig": "cadkit.training.config",
    "TorchModel": "cadkit.training.model",
    "Validation": "cadkit.training.validating",
    "annotated": "cadkit.training.findings",
    "balanced": "cadkit.training.sampling",
    "bce": "cadkit.training.functions",
    "best_scores": "cadkit.training.detections",
    "in_picture": "cadkit.training.detections",
    "marks_of": "cadkit.training.detections",
    "oversampled": "cadkit.training.sampling",
    "peak_marks": "cadkit.training.maps",
    "slide": "cadkit.training.maps",
    "standardize": "cadkit.training.functions",
}

__all__ = [
    "Batch",
    "Found",
    "Marks",
    "Outputs",
    "Saliency",
    "Skipped",
    "TorchConfig",
    "TorchModel",
    "Validation",
    "annotated",
    "balanced",
    "bce",
    "best_scores",
    "in_picture",
    "marks_of",
    "oversampled",
    "peak_marks",
    "slide",
    "standardize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
