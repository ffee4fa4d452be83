"""Places in answers, moved to prepared pixels and judged, with a pencil."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cadkit.data import Exam
from cadkit.plugin import ExamPrediction, ImagePrediction, Marks, ModelInfo, Saliency, Skipped
from cadkit.testing.answers import difference, misplaced, placed
from cadkit.testing.exams import Plan, draw

INFO = ModelInfo(("malignant",), "probability")
LEFT, RIGHT = "exam-L-CC", "exam-R-CC"


@pytest.fixture
def exam() -> Exam:
    """Two pictures of 320 rows and 208 columns; their files have 5 more on each border, the right one is mirrored."""
    (drawn,) = draw([Plan("exam", "test", 0, ("L-CC", "R-CC"))], INFO).exams
    return drawn


def answer(image: str = LEFT, **places: Any) -> ExamPrediction:
    return ExamPrediction(images={image: ImagePrediction({"malignant": 0.5}, **places)})


def faults(exam: Exam, image: str = LEFT, **places: Any) -> list[str]:
    return list(misplaced(exam, answer(image, **places), INFO))


@pytest.mark.parametrize(
    ("image", "x", "span"),
    [(LEFT, 35.0, (35.0, 55.0)), (RIGHT, 183.0, (163.0, 183.0))],  # 5 + 30, and 213 - 30
)
def test_places_in_the_file_are_moved_to_the_prepared_picture(
    exam: Exam, image: str, x: float, span: tuple[float, float]
) -> None:
    marks = Marks([0.5], points=[(x, 75.0)], boxes=[(span[0], 75.0, span[1], 85.0)])
    found = list(placed(exam, answer(image, marks=marks, frame="file")))
    assert [(one.where, one.frame) for one in found] == [(f"marks of image {image}", "file")]
    assert found[0].points.tolist() == [[30, 70], [30, 70], [50, 80]]


def test_regions_and_windows_are_places_too_and_those_of_other_images_are_not(exam: Exam) -> None:
    given = answer(RIGHT, rois=Marks([1.0], points=[(3, 4)]), saliency=Saliency(np.zeros((1, 2, 2)), (0, 10, 20, 40)))
    assert [(one.where, one.points.tolist()) for one in placed(exam, given)] == [
        (f"regions of interest of image {RIGHT}", [[3, 4]]),
        (f"the map of image {RIGHT}", [[0, 10], [20, 40]]),
    ]
    assert list(placed(exam, Skipped("film"))) == []
    for frame, size in (("prepared", (208, 320)), ("file", (218, 330))):  # a map of the whole picture
        for window in (None, (0, 0, *size)):
            assert list(placed(exam, answer(saliency=Saliency(np.zeros((1, 2, 2)), window), frame=frame))) == []
    assert list(placed(exam, answer("elsewhere", marks=Marks([1.0], points=[(3, 4)])))) == []


@pytest.mark.parametrize(
    ("point", "frame", "inside"),
    [
        ((209, 321), "prepared", True),  # a pixel beyond is no fault
        ((-1, -1), "prepared", True),
        ((209.1, 10), "prepared", False),
        ((10, 321.1), "prepared", False),
        ((-1.1, 10), "prepared", False),
        ((10, -1.1), "prepared", False),
        ((218, 330), "file", True),
        ((219.1, 10), "file", False),
        ((10, 331.1), "file", False),
    ],
)
def test_marks_lie_in_the_picture_of_their_frame(
    exam: Exam, point: tuple[float, float], frame: str, inside: bool
) -> None:
    found = faults(exam, marks=Marks([0.5, 0.5], points=[(100, 100), point]), frame=frame)
    size = "208 x 320" if frame == "prepared" else "218 x 330"
    assert [f"outside the {frame} picture of {size}" in fault for fault in found] == [True] * (not inside)


def test_one_bad_box_or_point_among_good_ones_is_a_fault(exam: Exam) -> None:
    points = [(20, 20), (30, 30)]
    turned = Marks([0.5, 0.5], points, boxes=[(10, 10, 30, 30), (40, 20, 20, 40)])
    assert "x0 <= x1 and y0 <= y1" in faults(exam, marks=turned)[0]
    beyond = Marks([0.5, 0.5], points, boxes=[(10, 10, 30, 30), (20, 20, 40, 330)])
    assert "x 10.0 to 40.0, y 10.0 to 330.0" in faults(exam, marks=beyond)[0]
    before = Marks([0.5, 0.5], points, boxes=[(10, -10, 30, 30), (20, 20, 40, 40)])
    assert "x 10.0 to 40.0, y -10.0 to 40.0" in faults(exam, marks=before)[0]
    assert "not finite" in faults(exam, marks=Marks([0.5, np.inf], points))[0]
    assert faults(exam, marks=Marks([], points=np.zeros((0, 2)))) == []


@pytest.mark.parametrize(("labels", "said"), [([0, 0], ""), ([0, 1], "has the label 1"), ([-1, 0], "has the label -1")])
def test_marks_have_labels_of_the_model(exam: Exam, labels: list[int], said: str) -> None:
    found = faults(exam, marks=Marks([0.5, 0.5], [(20, 20), (30, 30)], labels=labels))
    assert [f"{said}; the model has 1" in fault for fault in found] == [True] * bool(said)


def test_regions_of_interest_may_reach_as_far_as_the_map(exam: Exam) -> None:
    wide = Saliency(np.zeros((1, 4, 4)), (-40, -30, 250, 400))
    corners = Marks([1.0, 1.0], points=[(-40, -30), (250, 400)])
    assert faults(exam, rois=corners, saliency=wide) == []
    assert "a mark lies outside" in faults(exam, marks=corners, saliency=wide)[0]
    for point in ((-42, 0), (252, 0), (0, -32), (0, 402)):
        assert "a region of interest lies outside" in faults(exam, rois=Marks([1.0], [point]), saliency=wide)[0]
    narrow = Saliency(np.zeros((1, 4, 4)), (20, 20, 200, 200))
    assert faults(exam, rois=Marks([1.0], points=[(208, 320)]), saliency=narrow) == []
    assert faults(exam, rois=Marks([1.0], points=[(210, 320)]), saliency=narrow) != []


@pytest.mark.parametrize(
    ("window", "touches"),
    [
        ((-100, 0, 0, 320), False),
        ((-100, 0, 0.5, 320), True),
        ((208, 0, 300, 320), False),
        ((207.5, 0, 300, 320), True),
        ((0, -200, 208, 0), False),
        ((0, -200, 208, 0.5), True),
        ((0, 320, 208, 500), False),
        ((0, 319.5, 208, 500), True),
        ((50, 0, 50, 320), False),
        ((0, 90, 208, 80), False),
    ],
)
def test_the_window_of_a_map_touches_the_picture(exam: Exam, window: tuple[float, ...], touches: bool) -> None:
    # Edges, so that nobody asks whether the cells are elongated.
    edges = ([0, 1], [0, 1])
    found = faults(exam, saliency=Saliency(np.zeros((1, 1, 1)), window, edges))  # type: ignore[arg-type]
    assert ["does not touch the 208 x 320" in fault for fault in found] == [True] * (not touches)


@pytest.mark.parametrize(
    ("cells", "well"),
    # The picture is 1.54 times as high as wide: cells may be 3.08 times as high as wide, or as wide as high.
    [((320, 208), True), ((10, 10), True), ((10, 19), True), ((10, 21), False), ((47, 10), True), ((48, 10), False)],
)
def test_a_map_whose_cells_are_too_elongated_is_transposed(exam: Exam, cells: tuple[int, int], well: bool) -> None:
    found = faults(exam, saliency=Saliency(np.zeros((1, *cells))))
    assert [fault.endswith("transposed") for fault in found] == [True] * (not well)


@pytest.mark.parametrize(
    ("low", "high", "well"), [(0, 1, True), (-0.01, 1, False), (0, 1.01, False), (0, np.nan, False)]
)
def test_a_map_lies_between_0_and_1(exam: Exam, low: float, high: float, well: bool) -> None:
    found = faults(exam, saliency=Saliency([[[low, high]] * 2]))
    assert ["saliency lies between 0 and 1" in fault for fault in found] == [True] * (not well)


def test_edges_rise_along_both_axes(exam: Exam) -> None:
    for edges in (([0, 9, 9], [0, 9]), ([0, 9, 18], [9, 0])):
        assert "do not increase" in faults(exam, saliency=Saliency(np.zeros((1, 2, 1)), edges=edges))[0]
    assert faults(exam, saliency=Saliency(np.zeros((1, 2, 1)), edges=([0, 9, 18], [0, 9]))) == []


def test_answers_differ_beyond_the_tolerance_by_the_worst_of_their_numbers() -> None:
    one, other = (answer(marks=Marks([0.5, high], [(1, 2), (3, 4)])) for high in (0.25, 0.2501))
    assert difference([one], [one], ["e"]) == ""
    assert difference([one], [other], ["e"]) == f"exam e: image {LEFT} marks scores differs by up to 0.0001"
    assert difference([one], [other], ["e"], 1e-3) == ""
    low, high = (ExamPrediction({"malignant": score}, {"raw": {"malignant": 2}}) for score in (0.25, 0.5))
    assert difference([low], [high], ["e"]) == "exam e: exam malignant differs by up to 0.25"
    skipped = ExamPrediction(images={LEFT: Skipped("film")})
    assert difference([Skipped("a")], [Skipped("b")], ["e"]) == ""
    assert difference([Skipped("a")], [ExamPrediction()], ["e"]) == "exam e: skipped only in one of two answers"
    assert difference([skipped], [Skipped("film")], ["e"]).endswith("only in one of two answers")
    assert difference([skipped], [ExamPrediction()], ["e"]).endswith(f"image {LEFT} skipped only in one of two answers")
    unknown = answer(saliency=Saliency([[[np.nan, 0.5]]]))  # another check says what is wrong with it
    assert difference([unknown], [unknown], ["e"]) == ""


def test_a_crop_of_another_image_is_a_fault(exam: Exam) -> None:
    (left, right), marks = exam.images, Marks([0.5], points=[(30, 70)])
    assert faults(exam, LEFT, marks=marks, frame=left.whole()) == []
    told = f"image {LEFT}: its places are in pixels of a crop of image {RIGHT}"
    assert faults(exam, LEFT, marks=marks, frame=right.whole()) == [told]
