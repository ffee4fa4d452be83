"""Who is evaluated, and on which scores."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cadkit import InputError, Predictions
from cadkit.data import Dataset
from cadkit.evaluation.cohort import Scored, choose, level_scores, rows_of

Hand = Callable[..., Predictions]


def test_only_a_part_of_the_dataset_is_a_step_of_the_way(data: Dataset, hand: Hand) -> None:
    text = (hand().folder / "breasts.csv").read_text() + "t1,L,0.1,0\nt1,R,0.8,0\n"
    for split, steps in (
        ("test", [("in the dataset", 6, 12), ("in the split test", 5, 10), ("answered by m", 5, 10)]),
        ("all", [("in the dataset", 6, 12), ("answered by m", 6, 12)]),
    ):
        chosen = choose(data, split, [Scored("m", hand("whole", {"breasts.csv": text}))])
        assert [(step["step"], step["exams"], step["breasts"]) for step in chosen.steps] == steps


def test_rows_are_known_and_scored_by_all(data: Dataset, hand: Hand) -> None:
    lines = (hand().folder / "breasts.csv").read_text().splitlines()
    short = hand("short", {"breasts.csv": "\n".join(line for line in lines if not line.startswith("e2,R"))})
    models = [Scored("a", hand()), Scored("b", short)]
    chosen = choose(data, "test", models)
    alone = rows_of(chosen, models[:1], "breast", "malignant")
    # Ten breasts; of e4-L it is not known.
    assert (len(alone.ids), alone.unknown, alone.unanswered) == (9, 1, 0)
    for both in (
        rows_of(chosen, models, "breast", "malignant"),
        rows_of(chosen, models[:1], "breast", "malignant", also=models),
    ):
        assert (len(both.ids), both.unknown, both.unanswered) == (8, 1, 1)
        assert ("e2", "R") not in both.ids
        assert both.truth.tolist() == [1, 0, 0, 0, 1, 0, 1, 0]
        assert both.score[0].tolist() == [0.9, 0.2, 0.6, 0.3, 0.4, 0.4, 0.7, 0.05]
        assert both.patient.tolist() == ["p1", "p1", "p1", "p2", "p2", "p3", "p4", "p4"]


def test_a_score_that_a_model_has_not_is_named(data: Dataset, hand: Hand) -> None:
    model = Scored("m", hand())
    chosen = choose(data, "test", [model])
    with pytest.raises(InputError, match=r"m has no score cc; it has malignant, benign.*--label"):
        rows_of(chosen, [model], "breast", "malignant", "cc")
    with pytest.raises(InputError, match=r"m has no scores of images\..*never back"):
        level_scores(model, chosen, "image")


def test_an_empty_table_is_filled_from_the_level_below(data: Dataset, hand: Hand) -> None:
    images = "image_id,malignant\n" + "".join(
        f"e{n}-{side}-{view},{score}\n"
        for n in range(1, 6)
        for side in "LR"
        for view, score in (("CC", 0.2), ("MLO", 0.6))
    )
    model = Scored("m", hand("m", {"images.csv": images, "breasts.csv": "exam_id,side,malignant\n"}))
    chosen = choose(data, "test", [model])
    found = level_scores(model, chosen, "breast")
    assert len(found) == 10
    assert found["e1", "L"]["malignant"] == pytest.approx(0.4), "the mean over the views"
