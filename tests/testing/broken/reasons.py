"""Plugins that are broken in ways that a check tells apart from others which it catches as well."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

import cadkit
from cadkit import BreastPrediction, ExamPrediction, ImagePrediction, Marks, ModelInfo, Saliency, Skipped

Answers = Iterator[ExamPrediction | Skipped]


class Plain(cadkit.Model):
    """Scores an image by the mean of its breast; each of the others changes one thing."""

    info = ModelInfo(("malignant",), "probability", localizes="marks")

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        return ImagePrediction({"malignant": self.score(image)}, **self.places(image))

    def score(self, image: cadkit.Image) -> float:
        pixels = image.pixels()
        return float(pixels[pixels > 0].mean())

    def places(self, image: cadkit.Image) -> dict[str, Any]:
        return {}


class NoInfoOfItsOwn(Plain):
    def __init__(self, config: cadkit.Config | None = None) -> None:
        super().__init__(config)
        self.info = None  # type: ignore[assignment]


class SamplesWomen(Plain):
    info = ModelInfo(("malignant",), "probability", unit="woman")  # type: ignore[arg-type]


class LearnsHope(Plain):
    info = ModelInfo(("malignant",), "probability", learns=("labels", "hope"))


class NamesALabelTwice(Plain):
    info = ModelInfo(("malignant", "malignant"), "probability")


class PresetOutOfRange(Plain):
    class Config(cadkit.Config):
        limit: float = Field(1.0, gt=0)
        presets: ClassVar = {"none": {"limit": 0.0}}


class AnswersForAnotherImage(Plain):
    def predict_exam(self, exam: cadkit.Exam) -> ExamPrediction:
        image = self.predict_image(exam.images[0])
        return ExamPrediction({"malignant": 0.5}, images={"elsewhere": image})


class AnswersForAThirdBreast(Plain):
    def predict_exam(self, exam: cadkit.Exam) -> ExamPrediction:
        return ExamPrediction(breasts={"M": BreastPrediction({"malignant": 0.5})})


class MarksNowhere(Plain):
    def places(self, image: cadkit.Image) -> dict[str, Any]:
        return {"marks": Marks([0.5], points=[(float("nan"), 20.0)])}


class TurnsBoxesOver(Plain):
    def places(self, image: cadkit.Image) -> dict[str, Any]:
        return {"marks": Marks([0.5], points=[(20.0, 20.0)], boxes=[(25.0, 15.0, 15.0, 25.0)])}


class MarksAThirdLabel(Plain):
    def places(self, image: cadkit.Image) -> dict[str, Any]:
        return {"marks": Marks([0.5], points=[(20.0, 20.0)], labels=[1])}


class MarksALabelBelowAll(Plain):
    def places(self, image: cadkit.Image) -> dict[str, Any]:
        return {"marks": Marks([0.5, 0.5], points=[(20.0, 20.0)] * 2, labels=[-1, 0])}


class LooksBesideThePicture(Plain):
    """Its marks are good; a region of interest lies below the picture."""

    def places(self, image: cadkit.Image) -> dict[str, Any]:
        low = float(image.shape[0])
        return {"rois": Marks([0.5], points=[(20.0, low - 5)], boxes=[(10.0, low - 10, 30.0, low + 10)])}


class MapsTwice(Plain):
    def places(self, image: cadkit.Image) -> dict[str, Any]:
        return {"saliency": Saliency(np.zeros((2, *image.shape)))}


class MapsElsewhere(Plain):
    def places(self, image: cadkit.Image) -> dict[str, Any]:
        rows, columns = image.shape
        return {"saliency": Saliency(np.zeros((1, rows, columns)), window=(-columns, 0, 0, rows))}


class EdgesFall(Plain):
    def places(self, image: cadkit.Image) -> dict[str, Any]:
        rows, columns = image.shape
        edges = [rows, 0], [0, columns]
        return {"saliency": Saliency(np.zeros((1, 1, 1)), edges=edges)}


class MarksByChance(Plain):
    """Each time another number of marks."""

    asked = 0

    def places(self, image: cadkit.Image) -> dict[str, Any]:
        self.asked += 1
        return {"marks": Marks([0.5] * self.asked, points=[(20.0, 20.0)] * self.asked)}


class MarksSometimes(Plain):
    asked = 0

    def places(self, image: cadkit.Image) -> dict[str, Any]:
        self.asked += 1
        return {"marks": Marks([0.5], points=[(20.0, 20.0)])} if self.asked < 25 else {}


class FurtherScoreByChance(Plain):
    def places(self, image: cadkit.Image) -> dict[str, Any]:
        return {"extra": {"global": {"malignant": np.random.default_rng().uniform()}}}


class MapByChance(Plain):
    def places(self, image: cadkit.Image) -> dict[str, Any]:
        return {"saliency": Saliency(np.random.default_rng().uniform(size=(1, *image.shape)))}


class DependsOnTheSetting(Plain):
    """Scores by the number of exams that it reads at a time."""

    class Config(cadkit.Config):
        batch: int = 2

    def score(self, image: cadkit.Image) -> float:
        return super().score(image) / self.config.batch


class TakesABreastAway(Plain):
    def predict_exam(self, exam: cadkit.Exam) -> ExamPrediction | Skipped:
        given = super().predict_exam(exam)
        exam.breasts.pop("L", None)
        return given


class GradientsOffBetweenAnswers(Plain):
    def predict(self, exams: Iterable[cadkit.Exam]) -> Answers:
        import torch

        with torch.no_grad():
            yield from super().predict(exams)


class GradientsOffAtTheEnd(Plain):
    def predict(self, exams: Iterable[cadkit.Exam]) -> Answers:
        import torch

        yield from super().predict(exams)
        torch.set_grad_enabled(False)


class InferenceBetweenAnswers(Plain):
    def predict(self, exams: Iterable[cadkit.Exam]) -> Answers:
        import torch

        for exam in exams:
            with torch.inference_mode():
                yield self.predict_exam(exam)


class ComputesInDouble(Plain):
    def score(self, image: cadkit.Image) -> float:
        import torch

        torch.set_default_dtype(torch.float64)
        return super().score(image)


class DrawsFromRandom(Plain):
    def score(self, image: cadkit.Image) -> float:
        import random

        random.random()
        return super().score(image)


class DrawsFromTorch(Plain):
    def score(self, image: cadkit.Image) -> float:
        import torch

        torch.rand(1)
        return super().score(image)


class NoScoreWithImplant(Plain):
    def score(self, image: cadkit.Image) -> float:
        return float("nan") if image.columns.get("implant") else super().score(image)


class KeepsTensors(Plain):
    """Whatever torch allocates, Python's own account of memory does not see."""

    def __init__(self, config: cadkit.Config | None = None) -> None:
        super().__init__(config)
        self.seen: list[Any] = []

    def score(self, image: cadkit.Image) -> float:
        import torch

        self.seen.append(torch.from_numpy(image.pixels()).clone())
        return super().score(image)


class ReadsAllExamsFirst(Plain):
    def predict(self, exams: Iterable[cadkit.Exam]) -> Answers:
        pictures = [(exam, [image.pixels() for image in exam.images]) for exam in exams]
        for exam, _ in pictures:
            yield self.predict_exam(exam)


class WantsWidth(Plain):
    """Its network needs a larger picture than the elongated ones that `predict-places` adds."""

    def score(self, image: cadkit.Image) -> float:
        if min(image.shape) < 100:
            raise ValueError("the picture is too small")
        return super().score(image)


class CountsMarksByTheMargin(Plain):
    """Marks as many places as its image begins away from the border of the file."""

    def places(self, image: cadkit.Image) -> dict[str, Any]:
        number = int(image.to_file(0.0, 0.0)[1])
        return {"marks": Marks([0.5] * number, points=[(20.0, 20.0)] * number)}


class ReadsTheFile(Plain):
    def score(self, image: cadkit.Image) -> float:
        return float(image.original().mean() / 65535)


class ScoresTheWomanAlone(Plain):
    """One score per exam, whatever its pictures."""

    def predict_exam(self, exam: cadkit.Exam) -> ExamPrediction:
        return ExamPrediction({"malignant": 0.25})


class MapsTheFile(Plain):
    """Keeps the contract: its map lies over the file, in which right breasts face left."""

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        crop = image.as_filed()
        rows, columns = crop.size
        saliency = Saliency(crop.pixels()[None], window=(0, 0, columns, rows))
        return ImagePrediction({"malignant": self.score(image)}, saliency=saliency, frame="file")


class Learner(Plain):
    """Learns one number; each of the others changes one thing."""

    threshold = 0.0

    def train(self, data: cadkit.Dataset, run: cadkit.Run) -> None:
        self.threshold = self.learnt(data, run)
        (run.weights / "threshold.txt").write_text(repr(self.threshold))

    def learnt(self, data: cadkit.Dataset, run: cadkit.Run) -> float:
        return float(np.mean([self.score(image) for image in data.split("train").images]))

    def load(self, run: cadkit.Run) -> None:
        self.threshold = float((run.weights / "threshold.txt").read_text())

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        return ImagePrediction({"malignant": 1 / (1 + np.exp(self.threshold - self.score(image)))})


class LearnsByChance(Learner):
    def learnt(self, data: cadkit.Dataset, run: cadkit.Run) -> float:
        return float(np.random.default_rng().uniform())


class AnswersByChance(Learner):
    def score(self, image: cadkit.Image) -> float:
        return super().score(image) * np.random.default_rng().uniform(0.9, 1)


class AnswersNothingOnceLoaded(Learner):
    def load(self, run: cadkit.Run) -> None:
        super().load(run)
        self.loaded = True

    def score(self, image: cadkit.Image) -> float:
        if hasattr(self, "loaded"):
            raise OSError(f"no licence in process {os.getpid()}")
        return super().score(image)


class ReturnsNothing(Plain):
    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        return None  # type: ignore[return-value]


class ReturnsText(Plain):
    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        return "benign"  # type: ignore[return-value]


class ScoresAsText(Plain):
    def score(self, image: cadkit.Image) -> float:
        return "0.5"  # type: ignore[return-value]


class ScoresAsPicture(Plain):
    def score(self, image: cadkit.Image) -> float:
        return np.zeros((3, 4), np.float32)  # type: ignore[return-value]


class ScoreWithoutLabel(Plain):
    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        return ImagePrediction(self.score(image))  # type: ignore[arg-type]


class Raises(Plain):
    def score(self, image: cadkit.Image) -> float:
        return self.weights  # not there


class Prints(Plain):
    def score(self, image: cadkit.Image) -> float:
        print(f"looking at {image.id}")
        return super().score(image)
