"""Pooling of answers: what is given is kept, what is left out is pooled from below, never from above."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cadkit import BreastPrediction, ExamPrediction, Failure, ImagePrediction, ModelInfo, Skipped
from cadkit.data import Dataset, Exam
from cadkit.plugin.pooling import pool_exam

INFO = ModelInfo(labels=("malignant",), scores="risk")
L_CC, L_MLO, R_CC, R_MLO = (f"e1-{s}-{v}" for s in "LR" for v in ("CC", "MLO"))


def scores(**values: float) -> dict[str, ImagePrediction | Skipped]:
    names = {"l_cc": L_CC, "l_mlo": L_MLO, "r_cc": R_CC, "r_mlo": R_MLO, "l_cc2": "e1-L-CC2"}
    return {names[name]: ImagePrediction({"malignant": value}) for name, value in values.items()}


@pytest.fixture
def exam(make_dataset: Callable[..., Dataset]) -> Exam:
    return make_dataset().exams[0]


@pytest.fixture
def repeated(make_dataset: Callable[..., Dataset]) -> Exam:
    """The exam with a second left CC."""
    data = make_dataset()
    text = (data.folder / "images.csv").read_text()
    return make_dataset({"images.csv": text + "e1-L-CC2,e1,L,CC,50,40,0.5\n"}).exams[0]


def test_views_are_averaged_and_the_worse_breast_is_the_exam(exam: Exam) -> None:
    pooled = pool_exam(exam, ExamPrediction(images=scores(l_cc=0.2, l_mlo=0.6, r_cc=0.1, r_mlo=0.3)), INFO)
    assert pooled.images == {
        L_CC: {"malignant": 0.2},
        L_MLO: {"malignant": 0.6},
        R_CC: {"malignant": 0.1},
        R_MLO: {"malignant": 0.3},
    }
    assert pooled.breasts == {"L": {"malignant": pytest.approx(0.4)}, "R": {"malignant": pytest.approx(0.2)}}
    assert pooled.exam == {"malignant": pytest.approx(0.4)}
    assert pooled.skipped == []


@pytest.mark.parametrize(("ways", "breast", "whole"), [
    (("mean", "mean"), (0.4, 0.2), 0.3),
    (("max", "max"), (0.6, 0.3), 0.6),
    (("max", "mean"), (0.6, 0.3), 0.45),
    (("sum", "sum"), (0.8, 0.4), 1.2),
])  # fmt: skip
def test_the_ways_of_pooling(exam: Exam, ways: Any, breast: tuple[float, float], whole: float) -> None:
    answer = ExamPrediction(images=scores(l_cc=0.2, l_mlo=0.6, r_cc=0.1, r_mlo=0.3))
    pooled = pool_exam(exam, answer, replace(INFO, pooling=ways))
    assert [pooled.breasts[side]["malignant"] for side in "LR"] == pytest.approx(breast)
    assert pooled.exam == {"malignant": pytest.approx(whole)}


@pytest.mark.parametrize(("way", "expected"), [("mean", (0.5 + 0.6) / 2), ("max", 0.8), ("sum", 0.5 + 0.6)])
def test_a_repeated_view_does_not_count_twice(repeated: Exam, way: Any, expected: float) -> None:
    # CC: 0.2 and 0.8 (mean 0.5, maximum 0.8); MLO 0.6.
    answer = ExamPrediction(images=scores(l_cc=0.2, l_cc2=0.8, l_mlo=0.6))
    pooled = pool_exam(repeated, answer, replace(INFO, pooling=(way, "max")))
    assert pooled.breasts["L"]["malignant"] == pytest.approx(expected)
    assert pooled.views["L"] == 2


def test_a_missing_view_leaves_the_mean_of_the_others(exam: Exam) -> None:
    pooled = pool_exam(exam, ExamPrediction(images=scores(l_cc=0.2, r_cc=0.1, r_mlo=0.5)), INFO)
    assert pooled.breasts["L"] == {"malignant": 0.2}
    assert pooled.breasts["R"] == {"malignant": pytest.approx(0.3)}
    assert pooled.views == {"L": 1, "R": 2}


def test_given_levels_are_kept(exam: Exam) -> None:
    answer = ExamPrediction(
        scores={"malignant": 0.05},
        images=scores(r_cc=0.1, r_mlo=0.3),
        breasts={"L": BreastPrediction(scores={"malignant": 0.9}, images=scores(l_cc=0.2, l_mlo=0.6))},
    )
    pooled = pool_exam(exam, answer, INFO)
    assert pooled.breasts == {"L": {"malignant": 0.9}, "R": {"malignant": pytest.approx(0.2)}}
    assert pooled.exam == {"malignant": 0.05}
    assert pooled.images.keys() == {L_CC, L_MLO, R_CC, R_MLO}


def test_nothing_is_pooled_from_above(exam: Exam) -> None:
    pooled = pool_exam(exam, ExamPrediction(scores={"malignant": 0.7}), INFO)
    assert (pooled.images, pooled.breasts, pooled.exam) == ({}, {}, {"malignant": 0.7})
    assert pooled.skipped == [], "levels that an exam model does not answer are not skipped units"
    pooled = pool_exam(exam, ExamPrediction(breasts={"R": BreastPrediction({"malignant": 0.7})}), INFO)
    assert (pooled.images, pooled.exam) == ({}, {"malignant": 0.7})
    assert pooled.skipped == [("breast", "e1/L", "no image of the breast has a score")]


def test_skipped_at_every_level(exam: Exam) -> None:
    whole = pool_exam(exam, Skipped("only three views"), INFO)
    assert (whole.exam, whole.breasts, whole.images) == (None, {}, {})
    assert whole.skipped == [("exam", "e1", "only three views")]

    breast = pool_exam(exam, ExamPrediction(images=scores(r_cc=0.1), breasts={"L": Skipped("implant")}), INFO)
    assert breast.breasts == {"R": {"malignant": 0.1}}
    assert breast.skipped == [("breast", "e1/L", "implant")]
    assert breast.exam == {"malignant": 0.1}

    images = {**scores(l_cc=0.4, r_cc=0.1, r_mlo=0.1), L_MLO: Skipped("blurred")}
    image = pool_exam(exam, ExamPrediction(images=images), INFO)
    assert image.breasts["L"] == {"malignant": 0.4}
    assert image.skipped == [("image", L_MLO, "blurred")]

    none = pool_exam(exam, ExamPrediction(images=dict.fromkeys((L_CC, L_MLO, R_CC, R_MLO), Skipped("film"))), INFO)
    assert none.exam is None
    assert none.skipped[-1] == ("exam", "e1", "no breast has a score")
    assert len(none.skipped) == 4 + 2 + 1


def test_further_scores_are_pooled_like_scores_where_all_have_them(exam: Exam) -> None:
    def image(score: float, **extra: float) -> ImagePrediction:
        return ImagePrediction({"malignant": score}, {name: {"malignant": v} for name, v in extra.items()})

    answer = ExamPrediction(images={L_CC: image(0.1, world=0.2, local=0.3), L_MLO: image(0.5, world=0.8)})
    pooled = pool_exam(exam, answer, INFO)
    assert pooled.breasts["L"] == {"malignant": pytest.approx(0.3), "world.malignant": pytest.approx(0.5)}


@pytest.mark.parametrize(("answer", "pattern"), [
    (ExamPrediction({"malignant": math.nan}), r"Exam e1: .*malignant is nan; a score must be finite"),
    (ExamPrediction({"malignant": math.inf}), r"Exam e1: .*inf"),
    (ExamPrediction({"malignant": 1.5}), r"Exam e1: .*promises probabilities.*1\.5"),
    (ExamPrediction({"malignant": -0.1}), r"Exam e1: .*promises probabilities.*-0\.1"),
    (ExamPrediction({"malignant": None}), r"Exam e1: .*None, not a number"),  # type: ignore[dict-item]
    (ExamPrediction({"malignant": np.zeros(2)}), r"Exam e1: .*not a number"),  # type: ignore[dict-item]
    (ExamPrediction({"benign": 0.1}), r"Exam e1: .*labels are malignant; it answered benign"),
    (ExamPrediction({"malignant": 0.1, "benign": 0.1}), r"Exam e1: .*labels are malignant"),
    (ExamPrediction({"malignant": 0.1}, {"world": {"malignant": math.nan}}), r"Exam e1: .*world\.malignant is nan"),
    (ExamPrediction(images={L_CC: ImagePrediction({"malignant": math.nan})}), r"Exam e1, image e1-L-CC: "),
    (ExamPrediction(breasts={"R": BreastPrediction({"malignant": math.nan})}), r"Exam e1, side R: "),
    (ExamPrediction(images={"e2-L-CC": ImagePrediction({"malignant": 0.1})}), r"image e2-L-CC, which exam e1 has not"),
    (ExamPrediction(breasts={"X": BreastPrediction({"malignant": 0.1})}), r"side X, which exam e1 has not"),
    (ExamPrediction(images={L_CC: 0.4}), r"Exam e1, image e1-L-CC: the model answered float"),  # type: ignore[dict-item]
    (ExamPrediction(images={L_CC: None}), r"Exam e1, image e1-L-CC: the model answered NoneType"),  # type: ignore[dict-item]
    (ExamPrediction(breasts={"L": ImagePrediction({"malignant": 0.1})}), r"Exam e1, side L: "),  # type: ignore[dict-item]
])  # fmt: skip
def test_an_impossible_answer_is_the_models_defect_and_names_the_exam(
    exam: Exam, answer: ExamPrediction, pattern: str
) -> None:
    with pytest.raises(Failure, match=pattern):
        pool_exam(exam, answer, replace(INFO, scores="probability"))


def test_a_risk_may_be_any_number_and_is_left_as_it_is(exam: Exam) -> None:
    pooled = pool_exam(exam, ExamPrediction({"malignant": -37.5}), INFO)
    assert pooled.exam == {"malignant": -37.5}


@pytest.mark.parametrize(
    ("changes", "pattern"),
    [
        ({"labels": ()}, "at least one name"),
        ({"labels": "malignant"}, "tuple"),
        ({"scores": "logit"}, "'probability' or 'risk'"),
        ({"pooling": ("mean", "median")}, "mean, max, sum"),
        ({"localizes": "heatmap"}, "'saliency'"),
    ],
)
def test_a_model_that_states_nonsense_is_told_at_once(changes: dict[str, Any], pattern: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        ModelInfo(**{"labels": ("malignant",), "scores": "risk", **changes})
