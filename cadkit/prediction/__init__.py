"""Running a model over exams, prediction folders and score tables, and combinations of them."""

from cadkit.prediction.combination import Combination
from cadkit.prediction.combining import combine, combine_sources
from cadkit.prediction.folder import Predictions
from cadkit.prediction.frames import FileSaliency
from cadkit.prediction.merging import Merging
from cadkit.prediction.running import predict
from cadkit.prediction.sources import as_predictions, dataset_of, predict_with
from cadkit.prediction.table import TablePredictions

__all__ = [
    "Combination",
    "FileSaliency",
    "Merging",
    "Predictions",
    "TablePredictions",
    "as_predictions",
    "combine",
    "combine_sources",
    "dataset_of",
    "predict",
    "predict_with",
]
