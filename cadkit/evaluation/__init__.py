"""Joining truth and predictions into a report."""

from cadkit.evaluation.compare_settings import CompareSettings
from cadkit.evaluation.comparing import compare_columns
from cadkit.evaluation.groups import Group
from cadkit.evaluation.localizing import FrocRule
from cadkit.evaluation.reader_population import StudyDraw, draw_population
from cadkit.evaluation.running import evaluate_predictions
from cadkit.evaluation.settings import Settings
from cadkit.evaluation.sources import evaluate_sources

__all__ = [
    "CompareSettings",
    "FrocRule",
    "Group",
    "Settings",
    "StudyDraw",
    "compare_columns",
    "draw_population",
    "evaluate_predictions",
    "evaluate_sources",
]
