"""From crop pixels to prepared pixels, and from units to exams."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch

import cadkit.training as ct
from cadkit.data import Affine
from cadkit.errors import Failure
from cadkit.plugin import ModelInfo
from cadkit.training.outputs import ExamAnswer, Place, answers_of, averaged
from cadkit.training.units import restricted

INFO = ModelInfo(("benign", "malignant"), "probability")
# The crop reads 3 prepared columns and 2 rows a pixel, from (10, 20) on.
PLACE = Place(Affine((3, 0, 10, 0, 2, 20)), (8, 6))


def test_marks_regions_and_maps_move_to_prepared_pixels(tiny: ModuleType) -> None:
    outputs = ct.Outputs(
        torch.tensor([[0.25, 0.5]]),
        extra={"global": torch.tensor([[0.125, 0.75]])},
        marks=[ct.Marks([0.9], boxes=[[1, 2, 3, 4]], labels=[1])],
        rois=[ct.Marks(0.5, points=[[0, 0]])],
        saliency=torch.rand(1, 2, 4, 3),
    )
    (answer,) = answers_of(outputs, [{"image": PLACE}], "image")
    image = tiny.dataset(3).exams[0].images[0]
    collected = ExamAnswer(INFO)
    collected.add(image, answer)
    given = collected.prediction().images[image.id]
    assert given.scores == {"benign": 0.25, "malignant": 0.5}
    assert given.extra == {"global": {"benign": 0.125, "malignant": 0.75}}
    assert given.marks.boxes.tolist() == [[13, 24, 19, 28]]
    assert given.marks.points.tolist() == [[16, 26]]
    assert given.rois.points.tolist() == [[10, 20]]
    assert given.saliency.window == (10, 20, 28, 36)
    assert given.saliency.values.shape == (2, 4, 3)


def test_marks_in_the_padding_of_a_crop_are_left_out(tiny: ModuleType) -> None:
    marks = ct.Marks([0.1, 0.2], boxes=[(1, 1, 3, 3), (4, 1, 6, 3)])
    outputs = ct.Outputs(torch.tensor([[0.25, 0.5]]), marks=[marks])
    # The crop begins 5 pixels left of the picture.
    (answer,) = answers_of(outputs, [{"image": Place(Affine.shift(-5, 0), (8, 8))}], "image")
    image = tiny.dataset(3).exams[0].images[0]
    collected = ExamAnswer(INFO)
    collected.add(image, answer)
    given = collected.prediction().images[image.id].marks
    assert (given.scores.tolist(), given.boxes.tolist()) == ([0.2], [[0, 1, 1, 3]])


def test_uneven_cells_move_too() -> None:
    edges = (np.array([0.0, 3, 8]), np.array([0.0, 1, 5, 6]))
    outputs = ct.Outputs(torch.tensor([[0.0, 0.0]]), saliency=[ct.Saliency(np.zeros((2, 2, 3)), edges=edges)])
    (answer,) = answers_of(outputs, [{"image": PLACE}], "image")
    assert answer.saliency["image"].edges[0].tolist() == [20, 26, 36]
    assert answer.saliency["image"].edges[1].tolist() == [10, 13, 25, 28]


def test_a_map_of_a_turned_crop_is_a_defect() -> None:
    turned = Place(Affine((0, -1, 5, 1, 0, 0)), (8, 6))
    with pytest.raises(Failure, match="turned crop has no window"):
        answers_of(ct.Outputs(torch.zeros(1, 2), saliency=torch.zeros(1, 2, 2, 2)), [{"image": turned}], "image")


def test_an_exam_answers_by_slot_side_and_as_a_whole(tiny: ModuleType) -> None:
    exam = tiny.dataset(3).exams[0]
    keys = ("L-CC", "L", "R", "exam")
    outputs = ct.Outputs({key: torch.tensor([[0.1 * n, 0.5]]) for n, key in enumerate(keys)})
    (answer,) = answers_of(outputs, [{}], "exam")
    collected = ExamAnswer(INFO)
    collected.add(exam, answer)
    given = collected.prediction()
    assert given.images["e000-L-CC"].scores["benign"] == 0
    assert given.breasts["L"].scores["benign"] == pytest.approx(0.1)
    assert given.breasts["R"].scores["benign"] == pytest.approx(0.2)
    assert given.scores["benign"] == pytest.approx(0.3)


def test_a_bare_breast_score_is_that_breasts(tiny: ModuleType) -> None:
    exam = tiny.dataset(3).exams[0]
    (answer,) = answers_of(ct.Outputs(torch.tensor([[0.5, 0.25]])), [{}], "breast")
    collected = ExamAnswer(INFO)
    collected.add(exam.breasts["R"], answer)
    collected.skip(exam.breasts["L"], ct.Skipped("no MLO"))
    given = collected.prediction()
    assert given.breasts["R"].scores == {"benign": 0.5, "malignant": 0.25}
    assert given.breasts["L"] == ct.Skipped("no MLO")


def test_combinations_of_repeated_views_are_averaged(tiny: ModuleType) -> None:
    exam = tiny.dataset(3).exams[0]
    collected = ExamAnswer(INFO)
    for chosen, score in ((0, 0.2), (1, 0.6)):
        part = restricted(exam, [exam.images[chosen], *exam.images[2:]])
        (answer,) = answers_of(ct.Outputs(torch.tensor([[score, score]])), [{}], "exam")
        collected.add(part, answer)
    assert collected.prediction().scores["malignant"] == pytest.approx(0.4)


def test_draws_average_scores_alone() -> None:
    marks = [ct.Marks([0.9], points=[[1, 1]])]
    first = ct.Outputs(torch.tensor([[0.2, 0.4]]), {"global": torch.tensor([[0.0, 1.0]])}, marks=marks)
    second = ct.Outputs(torch.tensor([[0.4, 0.8]]), {"global": torch.tensor([[1.0, 1.0]])})
    answers = [answers_of(o, [{"image": PLACE}], "image")[0] for o in (first, second)]
    mean = averaged(answers)
    np.testing.assert_allclose(mean.scores["image"], [0.3, 0.6], rtol=1e-6)
    np.testing.assert_allclose(mean.extra["global"]["image"], [0.5, 1.0])
    assert len(mean.marks["image"]) == 1


@pytest.mark.parametrize(
    ("outputs", "match"),
    [
        (ct.Outputs(torch.zeros(3, 2)), "scored 3 units of 1"),
        (ct.Outputs({"L-CC": torch.zeros(1, 3)}), "for 2 labels"),
        (ct.Outputs({"exam": torch.zeros(1, 2)}, marks={"L-CC": [ct.Marks([1], points=[[0, 0]])]}), "without scores"),
    ],
)
def test_answers_that_do_not_fit_are_defects(tiny: ModuleType, outputs: ct.Outputs, match: str) -> None:
    collected = ExamAnswer(INFO)

    def answer() -> object:
        collected.add(tiny.dataset(3).exams[0], answers_of(outputs, [{"L-CC": PLACE}], "exam")[0])
        return collected.prediction()

    with pytest.raises(Failure, match=match):
        answer()
