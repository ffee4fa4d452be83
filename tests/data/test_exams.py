"""Exams, breasts, images and findings; what of the truth they show to whom."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from cadkit.data import Box, Circle, Dataset, TruthHidden
from cadkit.errors import InputError

MakeDataset = Callable[..., Dataset]
READERS = (
    "exam_id,side,malignant,benign,biopsied,interval_cancer,reader_1,recall_1,quadrant\n"
    "e1,L,1,0,1,0,0.7,1,upper\ne1,R,0,0,0,0,0.1,0,\nt1,L,0,0,0,0,0.2,0,\nt1,R,1,0,1,0,0.9,1,lower\n"
)


def test_exams_hold_breasts_and_images(make_dataset: MakeDataset) -> None:
    data = make_dataset()
    assert [exam.id for exam in data.exams] == ["e1", "e2", "e3", "e4", "e5", "t1"]
    exam = data.exams[0]
    assert (exam.patient_id, list(exam.breasts), [image.id for image in exam.breasts["L"].images]) == (
        *("p1", ["L", "R"]),
        ["e1-L-CC", "e1-L-MLO"],
    )
    assert (exam.breasts["L"].id, exam.images[2].breast.id) == ("e1/L", "e1/R")
    assert exam.images[0].spacing_mm == 0.5
    assert len(data.breasts) == 12
    assert len(data.images) == 24


def test_a_side_with_images_and_no_row_is_a_breast_of_unknown_labels(make_dataset: MakeDataset) -> None:
    data = make_dataset({"breasts.csv": "exam_id,side,malignant,benign\ne1,L,1,0\n"})
    right = data.exams[0].breasts["R"]
    assert math.isnan(right.truth("malignant"))
    assert data.exams[0].truth("malignant") == 1
    assert math.isnan(data.exams[0].truth("benign"))


def test_truth_of_breasts_and_exams(make_dataset: MakeDataset) -> None:
    data = make_dataset()
    malignant = {exam.id: exam.truth("malignant") for exam in data.exams}
    assert {k: v for k, v in malignant.items() if k != "e4"} == {"e1": 1, "e2": 0, "e3": 1, "e5": 1, "t1": 1}
    # One breast unknown and the other 0: unknown, not 0.
    assert math.isnan(malignant["e4"])
    assert data.exams[1].breasts["L"].truth("benign") == 1
    assert data.exams[0].truth("birads=2") == 1
    assert data.exams[0].truth("birads=3") == 0
    with pytest.raises(InputError, match="no column gives the label nothing"):
        data.exams[0].breasts["L"].truth("nothing")


def test_findings_move_into_the_prepared_frame(make_dataset: MakeDataset) -> None:
    data = make_dataset()
    images = {image.id: image for image in data.images}
    # L: prepared = file - (2, 5). R: prepared x = 40 - file x, y = file y - 5.
    assert [f.region for f in images["e1-L-CC"].findings] == [Box(8, 5, 14, 11)]
    assert [f.region for f in images["e1-L-MLO"].findings] == [Circle(18, 25, 5)]
    assert [f.region for f in images["e3-R-CC"].findings] == [Box(28, 15, 36, 23)]
    assert {f.id: f.region.box for f in data.findings}["f3"] == (4, 20, 12, 28)
    assert images["e1-L-CC"].mask("malignant").sum() == 36
    assert not images["e1-L-CC"].mask("benign").any()
    assert images["e1-L-CC"].findings[0].lesion_id == "A"


def test_a_finding_without_a_lesion_is_one_of_its_own(make_dataset: MakeDataset) -> None:
    data = make_dataset(
        {"findings.csv": "finding_id,image_id,label,shape,coordinates\nf,e1-L-CC,malignant,point,1 1\n"}
    )
    assert [(f.lesion_id, f.kind) for f in data.findings] == [("f", "")]


def test_pixels_are_grey_from_0_to_1(make_dataset: MakeDataset) -> None:
    image = make_dataset().images[0]
    pixels = image.pixels()
    assert pixels.dtype == np.float32
    assert pixels.shape == image.shape == (40, 30)
    np.testing.assert_allclose(pixels, image.raw() / 65535, rtol=1e-6)
    np.testing.assert_array_equal(image.pixels((3, 9, 2, 5)), pixels[3:9, 2:5])
    assert image.prepared


def test_without_a_store_the_mend_is_named(make_dataset: MakeDataset) -> None:
    image = make_dataset(pixels=False).images[0]
    assert not image.prepared
    with pytest.raises(InputError, match=r"not prepared yet.*cadkit prepare"):
        image.pixels()


def test_exported_pictures_have_sixteen_bits(make_dataset: MakeDataset, tmp_path: Path) -> None:
    image = make_dataset().images[0]
    with Picture.open(image.export(tmp_path / "out")) as picture:
        np.testing.assert_array_equal(np.asarray(picture), image.raw())


def asked(data: Dataset) -> dict[str, Callable[[], object]]:
    """Every way to the truth of an exam, and by exam."""
    exam = data.exams[0]
    image = exam.images[0]
    return {
        "exam": lambda: exam.truth("malignant"),
        "breast": lambda: exam.breasts["L"].truth("benign"),
        "image": lambda: image.truth("malignant"),
        "column value": lambda: exam.truth("birads=2"),
        "birads": lambda: exam.columns["birads"],
        "label column": lambda: exam.breasts["L"].columns["malignant"],
        "biopsied": lambda: exam.breasts["L"].columns["biopsied"],
        "interval": lambda: exam.breasts["L"].columns["interval_cancer"],
        "reader": lambda: exam.breasts["L"].columns["reader_1"],
        "recall": lambda: exam.breasts["L"].columns["recall_1"],
        "findings": lambda: image.findings,
        "mask": lambda: image.mask("malignant"),
    }


def test_a_model_that_predicts_sees_no_truth(make_dataset: MakeDataset) -> None:
    data = make_dataset({"breasts.csv": READERS})
    for ask in asked(data).values():
        ask()
    for part in (data.view(access="prediction"), data.split("test").view(access="training")):
        for name, ask in asked(part).items():
            with pytest.raises(TruthHidden, match="hidden here"):
                ask()
            assert name
        exam = part.exams[0]
        assert exam.columns["density"] == "B"
        assert exam.breasts["L"].columns["quadrant"] == "upper"
        assert set(exam.breasts["L"].columns) == {"exam_id", "side", "quadrant"}
        assert len(exam.breasts["L"].columns) == 3
        assert exam.images[0].pixels().any()


def test_training_sees_the_truth_of_all_but_the_test_split(make_dataset: MakeDataset) -> None:
    data = make_dataset().view(access="training")
    visible = []
    for exam in data.exams:
        try:
            visible.append((exam.id, exam.truth("malignant")))
        except TruthHidden:
            continue
    assert visible == [("t1", 1)]


def test_a_view_cannot_be_opened_by_restricting_it(make_dataset: MakeDataset) -> None:
    hidden = make_dataset().view(access="prediction")
    with pytest.raises(TruthHidden):
        hidden.view(["e1"]).exams[0].truth("malignant")
    with pytest.raises(TruthHidden):
        hidden.split("train").exams[0].truth("malignant")


def test_splits_and_views_keep_the_order_and_their_rows(make_dataset: MakeDataset) -> None:
    data = make_dataset()
    assert [exam.id for exam in data.split("test").exams] == ["e1", "e2", "e3", "e4", "e5"]
    part = data.view(["e3", "e1"])
    assert [exam.id for exam in part.exams] == ["e1", "e3"]
    assert [f.id for f in part.findings] == ["f1", "f2", "f3"]
    assert part.tables["breasts"].height == 4
    assert data.split("all") is data


def test_a_split_that_is_not_there(make_dataset: MakeDataset) -> None:
    with pytest.raises(InputError, match=r"no exam is in the split validation; there are test, train"):
        make_dataset().split("validation")
    plain = make_dataset(
        {"exams.csv": "exam_id,patient_id\n" + "".join(f"{e},p{e}\n" for e in ["e1", "e2", "e3", "e4", "e5", "t1"])}
    )
    with pytest.raises(InputError, match=r"not split.*cadkit split"):
        plain.split("test")
