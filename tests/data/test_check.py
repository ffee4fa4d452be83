"""Checks of a dataset: each rule with row, value and mend, all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from cadkit.data import Dataset
from cadkit.errors import Problem

MakeDataset = Callable[..., Dataset]
FINDINGS = "finding_id,image_id,lesion_id,label,kind,shape,coordinates,mask\n"
IMAGES = "image_id,exam_id,side,view,rows,columns,file,frame\n"


@pytest.fixture
def problems(make_dataset: MakeDataset) -> Callable[[Mapping[str, str]], list[Problem]]:
    """The problems of the dataset made by hand (tests/conftest.py) after changing it."""
    folder = make_dataset(pixels=False).folder

    def of(changes: Mapping[str, str]) -> list[Problem]:
        for name, text in changes.items():
            (folder / name).write_text(text)
        return Dataset.read(folder)[1]

    of.folder = folder  # type: ignore[attr-defined]
    return of


Problems = Callable[[Mapping[str, str]], list[Problem]]


def short(found: list[Problem]) -> list[tuple[str, str, int | None, str]]:
    assert all(problem.reason and problem.mend for problem in found if problem.rule != "file-outside")
    return [(problem.rule, problem.file, problem.row, problem.value) for problem in found]


def test_a_sound_dataset_has_none(problems: Problems) -> None:
    assert problems({}) == []


def test_a_label_needs_a_column(problems: Problems) -> None:
    found = problems({"dataset.toml": "labels = ['malignant', 'benign', 'high_risk']\n"})
    assert short(found) == [("label-without-column", "dataset.toml", None, "")]
    assert "high_risk" in found[0].reason


def test_unknown_exams_and_images(problems: Problems) -> None:
    found = problems(
        {
            "breasts.csv": "exam_id,side,malignant,benign\ne1,L,1,0\nnone,L,0,0\n",
            "images.csv": "image_id,exam_id,side,view\ne1-L-CC,e1,L,CC\nx,other,L,CC\n",
            "findings.csv": FINDINGS + "f,gone,,malignant,,point,1 1,\n",
        }
    )
    assert short(found) == [
        ("unknown-exam", "breasts.csv", 2, "none"),
        ("unknown-exam", "images.csv", 2, "other"),
        ("unknown-image", "findings.csv", 1, "gone"),
    ]


def test_values_outside_their_lists(problems: Problems) -> None:
    found = problems(
        {
            "exams.csv": "exam_id,patient_id,density,split\n"
            "e1,p1,E,tests\ne2,p1,,\ne3,p2,b,\ne4,p3,,\ne5,p4,,\nt1,p9,,\n",
            "breasts.csv": "exam_id,side,malignant,benign\ne1,left,1,0\n",
            "images.csv": "image_id,exam_id,side,view,faces,pixel_spacing_mm\n"
            "a,e1,,CC,,0.1\nb,e1,L,,up,70\nc,e1,L,CC,left,0\n",
            "findings.csv": FINDINGS + "f,a,,malignant,,ellipse,1 1 2 2,\n",
        }
    )
    assert set(short(found)) == {
        ("unknown-density", "exams.csv", 1, "E"),
        ("unknown-density", "exams.csv", 3, "b"),
        ("unknown-split", "exams.csv", 1, "tests"),
        ("unknown-side", "breasts.csv", 1, "left"),
        ("unknown-side", "images.csv", 1, "None"),
        ("unknown-direction", "images.csv", 2, "up"),
        ("no-view", "images.csv", 2, ""),
        ("impossible-spacing", "images.csv", 2, "70.0"),
        ("impossible-spacing", "images.csv", 3, "0.0"),
        ("unknown-shape", "findings.csv", 1, "ellipse"),
    }


def test_a_patient_stands_in_one_split(problems: Problems) -> None:
    text = "exam_id,patient_id,split\ne1,p1,train\ne2,p1,\ne3,p2,test\ne4,p1,test\ne5,p2,test\nt1,p1,validation\n"
    found = problems({"exams.csv": text})
    assert short(found) == [
        ("patient-in-two-splits", "exams.csv", 4, "p1"),
        ("patient-in-two-splits", "exams.csv", 6, "p1"),
    ]
    assert "train in row 1" in found[0].reason
    found = problems({"exams.csv": text.replace("split", "fold").replace("train", "0").replace("validation", "1")})
    assert [problem.rule for problem in found] == ["patient-in-two-folds"] * 2


def test_files_are_there_inside_and_of_one_image(problems: Problems) -> None:
    folder: Path = problems.folder  # type: ignore[attr-defined]
    (folder / "a.png").write_bytes(b"")
    rows = ("a.png,", "./a.png,", "a.png,0", "a.png,1", "b.png,", "../c.png,", "/etc/hosts,", ",")
    text = "".join(f"i{n},e1,L,CC,,,{row}\n" for n, row in enumerate(rows, start=1))
    found = problems({"images.csv": IMAGES + text, "findings.csv": FINDINGS})
    assert short(found) == [
        ("two-images-one-file", "images.csv", 2, "./a.png"),
        ("two-images-one-file", "images.csv", 3, "a.png"),
        ("missing-file", "images.csv", 5, "b.png"),
        ("file-outside", "images.csv", 6, "../c.png"),
        ("file-outside", "images.csv", 7, "/etc/hosts"),
    ]


def test_opening_reads_no_identity(problems: Problems) -> None:
    """sources.csv may belong to another user: it must not be needed to open a dataset."""
    folder: Path = problems.folder  # type: ignore[attr-defined]
    (folder / "sources.csv").mkdir()
    assert problems({}) == []


@pytest.mark.parametrize(
    ("shape", "coordinates", "reason"),
    [
        ("box", "1 2 3", "4 numbers, not 3"),
        ("box", "5 5 5 9", "x0 < x1"),
        ("box", "1 2 x 4", "not numbers"),
        ("box", "1 2 nan 4", "not finite"),
        ("circle", "5 5 0", "radius above 0"),
        ("circle", "5 5", "3 numbers"),
        ("point", "", "2 numbers, not 0"),
        ("polygon", "1 1 2 2", "at least three points"),
        ("polygon", "1 1 2 2 3 3 4", "at least three points"),
        ("mask", "", "needs a file"),
    ],
)
def test_coordinates_fit_their_shape(problems: Problems, shape: str, coordinates: str, reason: str) -> None:
    found = problems({"findings.csv": f"{FINDINGS}f,e1-L-CC,,malignant,,{shape},{coordinates},\n"})
    assert short(found) == [("bad-coordinates", "findings.csv", 1, coordinates)]
    assert reason in found[0].reason


def test_a_finding_lies_in_its_image_and_breast(problems: Problems) -> None:
    # Images have 50 rows and 40 columns; e1-R is not malignant, e4-L is unknown.
    rows = (
        *("e1-L-CC,,malignant,,circle,41 20 3", "e1-L-CC,,malignant,,point,20 51", "e1-L-CC,,malignant,,point,40 50"),
        *("e1-L-CC,,malignant,,box,-9 -9 5 5", "e1-R-CC,,malignant,,point,5 5", "e4-L-CC,,malignant,,point,5 5"),
    )
    found = problems({"findings.csv": FINDINGS + "".join(f"f{n},{row},\n" for n, row in enumerate(rows, start=1))})
    assert short(found) == [
        ("finding-outside-image", "findings.csv", 1, "41 20 3"),
        ("finding-outside-image", "findings.csv", 2, "20 51"),
        ("finding-outside-image", "findings.csv", 4, "-9 -9 5 5"),
        ("finding-contradicts-breast", "findings.csv", 5, "f5"),
    ]


def test_masks_are_pictures_of_the_images_size(problems: Problems) -> None:
    folder: Path = problems.folder  # type: ignore[attr-defined]
    (folder / "masks").mkdir()
    Picture.fromarray(np.ones((50, 40), np.uint8)).save(folder / "masks" / "good.png")
    Picture.fromarray(np.ones((40, 50), np.uint8)).save(folder / "masks" / "turned.png")
    (folder / "masks" / "text.png").write_text("no picture")
    names = ("masks/good.png", "masks/turned.png", "masks/text.png", "masks/none.png", "../x.png")
    rows = "".join(f"f{n},e1-L-CC,,malignant,,mask,,{name}\n" for n, name in enumerate(names, start=1))
    assert [(rule, row) for rule, _, row, _ in short(problems({"findings.csv": FINDINGS + rows}))] == [
        ("mask-of-another-size", 2),
        ("unreadable-mask", 3),
        ("missing-file", 4),
        ("bad-coordinates", 5),
    ]


def test_all_rules_report_together(problems: Problems) -> None:
    found = problems(
        {
            "exams.csv": "exam_id,patient_id,split\ne1,p,train\ne2,p,test\n",
            "findings.csv": FINDINGS + "f,e1-L-CC,,malignant,,box,1,\n",
        }
    )
    rules = {problem.rule for problem in found}
    assert {"unknown-exam", "patient-in-two-splits", "bad-coordinates"} <= rules
