"""Predictions of a plain Python function, such as one typed in a notebook."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import cadkit
from cadkit.data import Image
from cadkit.errors import InputError
from cadkit.files import read_toml, write_toml
from cadkit.plugin import ImagePrediction, Model, ModelInfo, Skipped
from cadkit.prediction.folder import Predictions
from cadkit.prediction.function_identity import identity_of
from cadkit.prediction.running import CALLED, predict_model
from cadkit.prediction.sources import usual_labels
from cadkit.prepare import open_dataset

Answer = float | Mapping[str, float] | ImagePrediction | Skipped
ImageFunction = Callable[[Image], Answer]


class FunctionModel(Model):
    """A function that scores an image: a number, scores by label, an `ImagePrediction` or `Skipped`."""

    def __init__(self, function: ImageFunction, info: ModelInfo) -> None:
        super().__init__()
        self.function, self.info = function, info
        setattr(self, CALLED, f"The function {name_of(function)}")

    def predict_image(self, image: Image) -> ImagePrediction | Skipped:
        """The function's answer; a bare number is the score of the only label."""
        answer: Any = self.function(image)
        if isinstance(answer, ImagePrediction | Skipped):
            return answer
        if isinstance(answer, Mapping):
            return ImagePrediction(answer)
        if answer is None:
            name = name_of(self.function)
            raise InputError(
                f"the function {name} answered None for image {image.id} of exam {image.exam.id}",
                mend="Let it return a number, scores by label, a cadkit.ImagePrediction, or cadkit.Skipped(reason).",
            )
        return ImagePrediction({self.info.labels[0]: float(answer)})


def name_of(function: ImageFunction) -> str:
    """Its name; that of its class where it has none."""
    return str(getattr(function, "__name__", type(function).__name__)).strip("<>")


def predict_function(
    function: ImageFunction,
    data: str | Path,
    *,
    split: str = "test",
    out: str | Path | None = None,
    labels: Sequence[str] = (),
    scores: Literal["probability", "risk"] = "risk",
    quiet: bool = False,
) -> Predictions:
    """Predict the exams of a split with a function of an image, always anew: a function may have changed unseen.

    Args:
        function: takes a `cadkit.Image`, which tells no truth.
        data: a prepared dataset.
        split: train, validation, test or all.
        out: folder; `predictions/<function>-<8 digits of its code>-<split>` by default. Predictions of a function of
            this name are replaced.
        labels: that it scores; malignant by default, or the dataset's only label.
        scores: probabilities, or any scale.
        quiet: show no progress.

    Raises:
        InputError: the dataset is not prepared, or the folder holds something else.
        Failure: the function raised, or answered what the contract forbids; the exam is named.
    """
    dataset = open_dataset(data).split(split)
    name = name_of(function)
    folder = Path(out) if out is not None else Path("predictions") / f"{name}-{identity_of(function)}-{split}"
    record = {
        "model": f"function {name}",
        "name": name,
        "cadkit": cadkit.__version__,
        "split": split,
        "store_fingerprint": dataset.store_fingerprint,
    }
    if (folder / "prediction.toml").is_file():
        if read_toml(folder / "prediction.toml").get("model") != record["model"]:
            raise InputError("the folder holds other predictions", file=folder, mend="Give another one with out=.")
        shutil.rmtree(folder)
    model = FunctionModel(function, ModelInfo(tuple(labels) or usual_labels(dataset), scores, localizes="marks"))
    return without_empty_marks(predict_model(model, dataset, folder, record=record, quiet=quiet))


def without_empty_marks(made: Predictions) -> Predictions:
    """The predictions, which say that they localize only if there is a mark; before the first answer nobody knew."""
    if made.localizes != "marks" or made.marks().height:
        return made
    write_toml(made.folder / "prediction.toml", {**made.record, "localizes": ""})
    opened = Predictions.open(made.folder)
    opened.notes = made.notes
    return opened
