"""Joining truth and predictions into a report."""

from cadkit.evaluation.compare_settings import CompareSettings
from cadkit.evaluation.comparing import compare
from cadkit.evaluation.localizing import FrocRule
from cadkit.evaluation.running import evaluate
from cadkit.evaluation.settings import Settings
from cadkit.evaluation.sources import evaluate_sources

__all__ = ["CompareSettings", "FrocRule", "Settings", "compare", "evaluate", "evaluate_sources"]
