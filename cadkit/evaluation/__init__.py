"""Joining truth and predictions into a report."""

from cadkit.evaluation.localizing import FrocRule
from cadkit.evaluation.running import Settings, evaluate

__all__ = ["FrocRule", "Settings", "evaluate"]
