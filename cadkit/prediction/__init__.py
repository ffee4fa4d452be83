"""Running a model over exams, and prediction folders."""

from cadkit.prediction.folder import Predictions
from cadkit.prediction.frames import FileSaliency
from cadkit.prediction.running import predict
from cadkit.prediction.sources import as_predictions, dataset_of, predict_with

__all__ = ["FileSaliency", "Predictions", "as_predictions", "dataset_of", "predict", "predict_with"]
