"""Predictions: order, augmentations, skips, and independence of who else is asked about."""

from __future__ import annotations

import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import cadkit.training as ct
from cadkit.data import Affine, TruthHidden
from cadkit.plugin import ExamPrediction, ModelInfo
from cadkit.training.units import address_of


def ready(tiny: ModuleType, model_class: type[Any] | None = None, **values: Any) -> Any:
    """A model with random weights."""
    model = (model_class or tiny.Tiny)(tiny.config(**values))
    torch.manual_seed(3)
    model._network = model.network()
    model.device = "cpu"
    return model


def scores(answers: list[ExamPrediction]) -> dict[str, dict[str, float]]:
    return {image: dict(given.scores) for answer in answers for image, given in answer.images.items()}


def test_an_exams_bits_do_not_depend_on_the_other_exams_or_on_the_batch(tiny: ModuleType) -> None:
    exams = tiny.dataset(9).view(access="prediction").exams
    model = ready(tiny, tta=2)
    together = list(model.predict(exams))
    assert [list(a.images) for a in together] == [[i.id for i in e.images] for e in exams]
    for exam, answer in zip(exams, together, strict=True):
        (alone,) = model.predict([exam])
        assert scores([alone]) == scores([answer])
    one_by_one = scores(list(ready(tiny, tta=2, batch=1).predict(exams)))
    for image, given in scores(together).items():
        assert given == pytest.approx(one_by_one[image], abs=1e-6)


def test_scores_are_the_mean_of_the_draws_and_places_those_of_the_plain_picture(tiny: ModuleType) -> None:
    data = tiny.dataset(3).view(access="prediction")
    image = data.images[0]
    model = ready(tiny, tta=3)
    model.wants = frozenset({"rois", "saliency"})
    given = next(model.predict(data.exams)).images[image.id]
    plain = next(ready(tiny).predict(data.exams)).images[image.id]
    assert given.rois.points.tolist() == plain.rois.points.tolist()
    assert given.saliency.window == (2.0, 4.0, 30.0, 44.0)  # 40 x 28 about the centre of 48 x 32
    drawn = []
    seed = zlib.crc32(repr(address_of(image)).encode())
    for n in range(3):
        crop = model.crops(image, None, np.random.default_rng((0, seed, n)))["image"]
        assert crop.matrix != image.window((40, 28)).matrix
        network, x = model._network, torch.from_numpy(_read(crop))[None, None]
        with torch.no_grad():
            drawn.append(network(ct.standardize(x)).sigmoid().amax((2, 3))[0].numpy())
    assert [given.scores[label] for label in model.info.labels] == pytest.approx(np.mean(drawn, 0), abs=1e-6)


def _read(crop: Any) -> np.ndarray:
    from cadkit.data.resampling import read_crop
    from cadkit.training.batch import to_device
    from cadkit.training.reading import Sample, collate

    raw = collate([Sample({"image": read_crop(crop)})])
    return to_device(raw, [crop.image], torch.device("cpu")).image[0, 0].numpy()


def test_places_are_told_in_prepared_pixels(tiny: ModuleType) -> None:
    class Corner(tiny.Tiny):  # type: ignore[name-defined, misc]
        def outputs(self, network: Any, batch: ct.Batch) -> ct.Outputs:
            out = super().outputs(network, batch)
            out.rois = [ct.Marks(1.0, points=[[3.0, 5.0]]) for _ in batch.units]
            expected = [Affine(tuple(m.flatten().tolist()))(3.0, 5.0) for m in batch.matrix["image"]]  # type: ignore[arg-type]
            self.expected = [(float(x), float(y)) for x, y in expected]
            return out

    model = ready(tiny, Corner, scale=0.5, window=(20, 20))
    answer = next(model.predict(tiny.dataset(3).view(access="prediction").exams))
    points = [tuple(given.rois.points[0]) for given in answer.images.values()]
    assert points == model.expected
    assert points[0] == (16 - 5 + 1.5, 24 - 5 + 2.5)


def test_units_that_are_not_scored_are_skipped_in_place(tiny: ModuleType) -> None:
    class Cc(tiny.Tiny):  # type: ignore[name-defined, misc]
        info = ModelInfo(("benign", "malignant"), "probability", views=("CC",))

        def crops(self, unit: Any, hint: Any, rng: Any) -> Any:
            return ct.Skipped("not today") if unit.id == "e001-R-CC" else super().crops(unit, hint, rng)

    data = tiny.dataset(3).view(access="prediction")
    del data.pixel_source.pictures["e001-L-CC"]
    for image_id in ("e002-L-CC", "e002-R-CC"):
        del data.pixel_source.pictures[image_id]
    answers = list(ready(tiny, Cc).predict(data.exams))
    reasons = {i: a.reason for answer in answers for i, a in answer.images.items() if isinstance(a, ct.Skipped)}
    assert reasons["e001-R-CC"] == "not today"
    assert "could not be prepared" in reasons["e001-L-CC"]
    assert "view MLO" in reasons["e000-L-MLO"]
    assert len(answers) == 3
    assert len(reasons) == 10
    assert not isinstance(answers[0].images["e000-L-CC"], ct.Skipped)


def test_truth_is_hidden_at_prediction(tiny: ModuleType) -> None:
    class Peeking(tiny.Tiny):  # type: ignore[name-defined, misc]
        def crops(self, unit: Any, hint: Any, rng: Any) -> Any:
            unit.truth("malignant")
            return super().crops(unit, hint, rng)

    with pytest.raises(TruthHidden):
        list(ready(tiny, Peeking).predict(tiny.dataset(3).view(access="prediction").exams))


def test_exams_are_read_as_they_are_asked_for(tiny: ModuleType) -> None:
    exams = tiny.dataset(30).view(access="prediction").exams
    asked = []

    def handed() -> Any:
        for exam in exams:
            asked.append(exam.id)
            yield exam

    answers = ready(tiny, batch=2).predict(handed())
    next(answers)
    assert len(asked) < 6
    answers.close()


def test_four_views_go_through_one_exam_model(tiny: ModuleType, tmp_path: Path) -> None:
    """Slots, targets and keyed answers of a network that reads an exam at once."""

    class FourViews(tiny.Tiny):  # type: ignore[name-defined, misc]
        info = ModelInfo(("malignant",), "probability", unit="exam", views=("CC", "MLO"))

        def losses(self, network: Any, batch: ct.Batch) -> dict[str, torch.Tensor]:
            views = self._views(network, batch)
            loss = {side: ct.bce(views[side], batch.targets[side], logits=True) for side in ("L", "R")}
            return loss | {"exam": ct.bce(torch.maximum(views["L"], views["R"]), batch.targets["exam"], logits=True)}

        def outputs(self, network: Any, batch: ct.Batch) -> ct.Outputs:
            return ct.Outputs({side: x.sigmoid() for side, x in self._views(network, batch).items()})

        def _views(self, network: Any, batch: ct.Batch) -> dict[str, torch.Tensor]:
            each = {slot: network(ct.standardize(x)).amax((2, 3)) for slot, x in batch.images.items()}
            assert list(each) == ["L-CC", "L-MLO", "R-CC", "R-MLO"]
            return {side: (each[f"{side}-CC"] + each[f"{side}-MLO"]) / 2 for side in ("L", "R")}

    settings = tiny.config(epochs=4, batch=2)
    run = tiny.run_in(tmp_path, settings)
    data = tiny.dataset(24)
    model = FourViews(settings)
    model.train(data, run)
    rows = run.history()
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    answer = next(model.predict(data.split("validation").view(access="prediction").exams))
    assert set(answer.breasts) == {"L", "R"}
    assert answer.scores is None
