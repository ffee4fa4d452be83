"""Joining truth and predictions into a report."""

from cadkit.evaluation.localizing import FrocRule
from cadkit.evaluation.running import Settings, evaluate
from cadkit.evaluation.sources import evaluate_sources

__all__ = ["FrocRule", "Settings", "evaluate", "evaluate_sources"]
