"""Detections of a batch as scores and marks."""

from __future__ import annotations

from types import ModuleType

import torch

import cadkit.training as ct


def found(*rows: tuple[float, int, list[float]]) -> dict[str, torch.Tensor]:
    return {
        "scores": torch.tensor([score for score, _, _ in rows]),
        "labels": torch.tensor([label for _, label, _ in rows], dtype=torch.int64),
        "boxes": torch.tensor([box for _, _, box in rows]).reshape(-1, 4),
    }


BATCH = [
    found((0.5, 2, [1, 2, 3, 4]), (0.25, 1, [5, 6, 7, 8]), (0.75, 2, [0, 0, 1, 1])),
    found(),
    found((0.125, 1, [9, 9, 10, 10])),
]


def test_the_best_score_of_each_label_and_0_without_a_box() -> None:
    assert ct.best_scores(BATCH, 2).tolist() == [[0.25, 0.75], [0, 0], [0.125, 0]]
    assert ct.best_scores([found(), found()], 3).tolist() == [[0] * 3] * 2


def test_marks_have_labels_from_0_on() -> None:
    first, empty, last = ct.marks_of(BATCH)
    assert first.scores.tolist() == [0.5, 0.25, 0.75]
    assert first.labels.tolist() == [1, 0, 1]
    assert first.boxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 1, 1]]
    assert len(empty) == 0
    assert empty.boxes.shape == (0, 4)
    assert last.points.tolist() == [[9.5, 9.5]]


def test_boxes_are_clipped_to_the_picture_and_those_outside_it_are_dropped(tiny: ModuleType) -> None:
    # A crop pixel is 2 prepared columns and 4 rows; the crop begins 6 columns and 8 rows before the picture. Of a
    # picture of R rows and C columns it shows x from 3 to 3 + C/2 and y from 2 to 2 + R/4.
    image = tiny.dataset(3).exams[0].images[0]
    rows, columns = image.shape
    right, bottom = 3 + columns / 2, 2 + rows / 4
    matrix = torch.tensor([[[2.0, 0, -6], [0, 4, -8]]]).expand(2, 2, 3)
    batch = ct.Batch([image, image], frozenset(), {"image": torch.zeros(2, 1, 9, 9)}, {"image": matrix})
    first = found((0.9, 1, [4, 3, 5, 4]), (0.8, 2, [0, 0, 4, 3]), (0.7, 1, [0, 5, 3, 6]), (0.6, 2, [4, 3, 99, 99]))
    inside, none = ct.in_picture([first, found()], batch)
    assert inside["boxes"].tolist() == [[4, 3, 5, 4], [3, 2, 4, 3], [4, 3, right, bottom]]
    assert torch.equal(inside["scores"], torch.tensor([0.9, 0.8, 0.6]))
    assert inside["labels"].tolist() == [1, 2, 2]
    assert len(none["scores"]) == 0
