"""Running a model over exams, prediction folders and score tables, and combinations of them."""

from cadkit.prediction.combination import Combination
from cadkit.prediction.combining import combine_predictions, combine_sources
from cadkit.prediction.exporting import export_image
from cadkit.prediction.folder import Predictions
from cadkit.prediction.frames import FileSaliency
from cadkit.prediction.journal import Failed
from cadkit.prediction.merging import Merging
from cadkit.prediction.processes import Ended, run_program
from cadkit.prediction.running import predict_model
from cadkit.prediction.sources import as_predictions, dataset_of, predict_with
from cadkit.prediction.table import TablePredictions

__all__ = [
    "Combination",
    "Ended",
    "Failed",
    "FileSaliency",
    "Merging",
    "Predictions",
    "TablePredictions",
    "as_predictions",
    "combine_predictions",
    "combine_sources",
    "dataset_of",
    "export_image",
    "predict_model",
    "predict_with",
    "run_program",
]
