"""Plugins without a network. `Good` keeps the contract; each of the others breaks one check, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict

import cadkit
from cadkit import BreastPrediction, ExamPrediction, ImagePrediction, Marks, ModelInfo, Saliency, Skipped


class Good(cadkit.Model):
    """Scores an image by the mean of its breast; marks its brightest pixel; its map is the picture."""

    info = ModelInfo(("malignant",), "probability", localizes="marks")

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        pixels = image.pixels()
        y, x = np.unravel_index(pixels.argmax(), pixels.shape)
        marks = Marks([0.5], points=[(x + 0.5, y + 0.5)], boxes=[(x, y, x + 1, y + 1)])
        return ImagePrediction({"malignant": self.score(image)}, marks=marks, saliency=Saliency(pixels[None]))

    def score(self, image: cadkit.Image) -> float:
        pixels = image.pixels()
        return float(pixels[pixels > 0].mean())


class ViewsAsText(Good):
    info = ModelInfo(("malignant",), "probability", views=("CC"))  # type: ignore[arg-type]


class NewerApi(Good):
    info = ModelInfo(("malignant",), "probability", api=2)


class LosesNone(Good):
    class Config(cadkit.Config):
        limit: float | None = 0.5
        presets: ClassVar = {"unlimited": {"limit": None}}


class TakesAnyKey(Good):
    class Config(cadkit.Config):
        model_config = ConfigDict(extra="ignore")


class ForgetsTheLast(Good):
    def predict(self, exams: Iterable[cadkit.Exam]) -> Iterator[ExamPrediction | Skipped]:
        for exam in list(exams)[:-1]:
            yield self.predict_exam(exam)


class SkipsAll(Good):
    def predict_exam(self, exam: cadkit.Exam) -> Skipped:
        return Skipped("not today")


class NoProbability(Good):
    def score(self, image: cadkit.Image) -> float:
        return 100 * super().score(image)


class NotFinite(Good):
    def score(self, image: cadkit.Image) -> float:
        return float("nan")


class RowsAsX(Good):
    """Marks the lowest pixel of the breast, rows taken for x."""

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        rows, columns = np.nonzero(image.pixels())
        marks = Marks([0.5], points=[(rows[-1], columns[-1])])
        return ImagePrediction({"malignant": self.score(image)}, marks=marks)


class MapOfLogits(Good):
    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        pixels = 10 * image.pixels()[None] - 5
        return ImagePrediction({"malignant": self.score(image)}, saliency=Saliency(pixels))


class RollsDice(Good):
    def score(self, image: cadkit.Image) -> float:
        return super().score(image) * np.random.default_rng().uniform(0.9, 1)


class RanksAmongOthers(Good):
    """Scores an exam by its share of all the exams' sum."""

    def predict(self, exams: Iterable[cadkit.Exam]) -> Iterator[ExamPrediction | Skipped]:
        everything = list(exams)
        means = [max((self.score(i) for i in e.images if i.prepared), default=0.0) for e in everything]
        for exam, mean in zip(everything, means, strict=True):
            share = {"malignant": mean / sum(means)}
            yield ExamPrediction(share, breasts={side: BreastPrediction(share) for side in exam.breasts})


class SortsExams(Good):
    def predict(self, exams: Iterable[cadkit.Exam]) -> Iterator[ExamPrediction | Skipped]:
        for exam in sorted(exams, key=lambda each: each.id):
            yield self.predict_exam(exam)


class WritesPixels(Good):
    def score(self, image: cadkit.Image) -> float:
        raw = image.raw()
        raw[raw == 0] = 1
        return float(raw[raw > 1].mean() / 65535)


class SeedsNumpy(Good):
    def score(self, image: cadkit.Image) -> float:
        np.random.seed(0)  # noqa: NPY002 (what is wrong with it)
        return super().score(image)


class LeavesGradientsOff(Good):
    def score(self, image: cadkit.Image) -> float:
        import torch

        torch.set_grad_enabled(False)
        return super().score(image)


class WantsBothViews(Good):
    def predict_breast(self, breast: cadkit.Breast) -> BreastPrediction | Skipped:
        by_view = {image.view: image for image in breast.images}
        pair = by_view["CC"], by_view["MLO"]
        if not all(image.prepared for image in pair):
            return Skipped("a view is not prepared")
        return BreastPrediction({"malignant": max(map(self.score, pair))})


class WantsOneOfEachView(Good):
    def predict_breast(self, breast: cadkit.Breast) -> BreastPrediction | Skipped:
        found = {}
        for image in breast.images:
            if image.view in found:
                raise ValueError(f"two images of {image.view}")
            found[image.view] = self.score(image) if image.prepared else 0.0
        return BreastPrediction({"malignant": max(found.values())}) if found else Skipped("no image")


class RefusesImplants(Good):
    def score(self, image: cadkit.Image) -> float:
        if image.columns.get("implant"):
            raise NotImplementedError("implants")
        return super().score(image)


class ReadsEveryImage(Good):
    def predict_exam(self, exam: cadkit.Exam) -> ExamPrediction:
        return ExamPrediction(images={image.id: self.predict_image(image) for image in exam.images})


class KeepsPixels(Good):
    def __init__(self, config: cadkit.Config | None = None) -> None:
        super().__init__(config)
        self.seen: list[np.ndarray] = []

    def score(self, image: cadkit.Image) -> float:
        self.seen.append(image.pixels())
        return super().score(image)


class Learns(Good):
    """Learns one number without torch, from the training split."""

    threshold = 0.0

    def train(self, data: cadkit.Dataset, run: cadkit.Run) -> None:
        means = [self.score(image) for image in data.split("train").images]
        self.threshold = float(np.mean(means))
        (run.weights / "threshold.txt").write_text(repr(self.threshold))

    def load(self, run: cadkit.Run) -> None:
        self.threshold = float((run.weights / "threshold.txt").read_text())

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        return ImagePrediction({"malignant": float(self.score(image) > self.threshold)})


class LearnsInItsFile(Learns):
    """The object that was trained knows nothing before `load`, which is no fault."""

    threshold = None  # type: ignore[assignment]

    def train(self, data: cadkit.Dataset, run: cadkit.Run) -> None:
        super().train(data, run)
        self.threshold = None  # type: ignore[assignment]


class LosesItsFile(Learns):
    def load(self, run: cadkit.Run) -> None:
        self.threshold = float((run.weights / "treshold.txt").read_text())


class CannotBeMade(Good):
    def __init__(self, config: cadkit.Config | None = None) -> None:
        super().__init__(config)
        self.labels = self.config.labels


class Exits(Good):
    def score(self, image: cadkit.Image) -> float:
        raise SystemExit("no licence")


class SwapsXAndY(Good):
    """Marks the brightest pixel, rows taken for x; in a picture of usual shape it lies inside all the same."""

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        pixels = image.pixels()
        y, x = np.unravel_index(pixels.argmax(), pixels.shape)
        inside = min(pixels.shape) > 50
        point = (min(y, 100) + 0.5, x + 0.5) if inside else (y + 0.5, x + 0.5)
        return ImagePrediction({"malignant": self.score(image)}, marks=Marks([0.5], points=[point]))


class KeepsItsNetworksFrame(Good):
    """Marks in the pixels of the 200 x 200 that its network would see."""

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        return ImagePrediction({"malignant": self.score(image)}, marks=Marks([0.5], points=[(150.0, 150.0)]))


class TransposesItsMap(Good):
    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        return ImagePrediction({"malignant": self.score(image)}, saliency=Saliency(image.pixels().T[None]))


class MarksTheFile(Good):
    """Marks in the pixels of the file, and does not say so."""

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        x, y = image.to_file(20.0, image.shape[0] / 2)
        inside = Marks([0.5], points=[(min(float(x), image.shape[1]), min(float(y), image.shape[0]))])
        return ImagePrediction({"malignant": self.score(image)}, marks=inside)


class SaysFile(Good):
    """Marks in prepared pixels and says that they are the file's."""

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        marks = Marks([0.5], points=[(20.5, image.shape[0] / 2)])
        return ImagePrediction({"malignant": self.score(image)}, marks=marks, frame="file")


class LeavesRightBreastsTurned(Good):
    """Turns right breasts round for its network, and not what it found in them."""

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        pixels = image.pixels()[:, ::-1] if image.side == "R" else image.pixels()
        y, x = np.unravel_index(pixels.argmax(), pixels.shape)
        return ImagePrediction({"malignant": self.score(image)}, marks=Marks([0.5], points=[(x + 0.5, y + 0.5)]))


class TurnsRightBreastsAndBack(Good):
    """Marks the first bright pixel, seen from the left in left breasts and from the right in right ones."""

    def predict_image(self, image: cadkit.Image) -> ImagePrediction:
        crop = image.whole().mirrored() if image.side == "R" else image.whole()
        y, x = np.argwhere(crop.pixels() > 0.3)[0]
        marks = Marks([0.5], points=[(x + 0.5, y + 0.5)])
        return ImagePrediction({"malignant": self.score(image)}, marks=marks, frame=crop)


class RemembersByName(Good):
    """Keeps each score under the image's id, for the whole process."""

    known: ClassVar[dict[str, float]] = {}

    def score(self, image: cadkit.Image) -> float:
        return self.known.setdefault(image.id, super().score(image))


class SoftmaxOverOneLabel(Good):
    def score(self, image: cadkit.Image) -> float:
        logits = np.array([super().score(image)])
        return float((np.exp(logits) / np.exp(logits).sum())[0])


class SwapsBreasts(Good):
    """Scores both breasts from their four images, and gives each the other's score."""

    def predict_exam(self, exam: cadkit.Exam) -> ExamPrediction | Skipped:
        scores = {side: [self.score(i) for i in b.images if i.prepared] for side, b in exam.breasts.items()}
        if [len(each) for each in scores.values()] != [2, 2]:
            return Skipped("not four images")
        left, right = (BreastPrediction({"malignant": float(np.mean(scores[side]))}) for side in "RL")
        return ExamPrediction(breasts={"L": left, "R": right})


class DropsOut(Good):
    """Its network has dropout and was never told that it is trained."""

    def score(self, image: cadkit.Image) -> float:
        import torch

        self.networks = [torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Sigmoid())]
        with torch.no_grad():
            return float(self.networks[0](torch.from_numpy(image.pixels())[None, None]).mean())


class StaysInTraining(Good):
    """Its network has batch normalisation and was never told that it is trained."""

    def score(self, image: cadkit.Image) -> float:
        import torch

        if not hasattr(self, "network"):
            with torch.random.fork_rng():
                self.network = torch.nn.Sequential(torch.nn.BatchNorm2d(1), torch.nn.Sigmoid())
        with torch.no_grad():
            return float(self.network(torch.from_numpy(image.pixels())[None, None]).amax())
