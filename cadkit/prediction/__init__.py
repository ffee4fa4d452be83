"""Running a model over exams, and prediction folders."""

from cadkit.prediction.folder import Predictions
from cadkit.prediction.frames import FileSaliency
from cadkit.prediction.running import predict

__all__ = ["FileSaliency", "Predictions", "predict"]
