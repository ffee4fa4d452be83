"""Prediction folders that any program may write: CSV files read, and every fault named with file, row and value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cadkit import InputError, Predictions
from cadkit.files import safe_name
from cadkit.prediction import FileSaliency
from cadkit.prediction.folder import saliency_path, write_saliency

Write = Callable[[Path, dict[str, str]], Path]
IMAGES = "image_id,malignant,world.malignant\n007,0.5,0.25\na/b,1e-3,\n"
MARKS = "image_id,label,x,y,score\n007,malignant,1.5,2,0.9\n"


def test_csv_is_read_as_numbers_and_ids_as_text(tmp_path: Path, write: Write) -> None:
    made = Predictions.open(write(tmp_path / "vendor", {"images.csv": "\ufeff" + IMAGES.replace(",", ", ")}))
    assert made.scores("image").rows() == [("007", 0.5, 0.25), ("a/b", 0.001, None)]
    assert (made.labels, made.name, made.probability) == (("malignant",), "vendor", False)
    assert made.has("image")
    assert not made.has("breast")
    with pytest.raises(InputError, match="has no breasts"):
        made.scores("breast")


def test_what_a_folder_localizes_with(tmp_path: Path, write: Write) -> None:
    tables = {"images.csv": IMAGES}
    assert Predictions.open(write(tmp_path / "a", tables)).localizes == ""
    assert Predictions.open(write(tmp_path / "b", {**tables, "marks.csv": MARKS})).localizes == "marks"
    maps = write(tmp_path / "c", tables)
    write_saliency(saliency_path(maps, "007"), FileSaliency(np.zeros((1, 2, 2), np.float32), (0, 0, 4, 4)))
    assert Predictions.open(maps).localizes == "saliency"
    stated = {**tables, "marks.csv": MARKS, "prediction.toml": 'localizes = ""\n'}
    assert Predictions.open(write(tmp_path / "d", stated)).localizes == "", "what the model states stands"


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        ({"images.csv": "image_id,malignant\na,0.5\nb,nan\n"}, r"images\.csv, row 2: .*malignant.*1 of 2.*'nan'"),
        ({"images.csv": "image_id,malignant\na,0.5\nb,\n"}, r"images\.csv, row 2: .*malignant"),
        ({"images.csv": "image_id,malignant\na,inf\n"}, r"row 1: .*'inf'"),
        ({"images.csv": 'image_id,malignant\na,"0,5"\n'}, r"row 1: .*'0,5'"),
        ({"images.csv": "image_id,malignant,world.malignant\na,1,high\n"}, r"world\.malignant.*'high'"),
        ({"images.csv": "image_id,malignant,world.malignant\na,1,nan\n"}, r"world\.malignant.*'nan'"),
        (
            {"images.csv": "image_id,malignant\na,1\nb,2\na,3\n"},
            r"images\.csv, row 3: the same id stands twice, first in row 1.*'a'",
        ),
        ({"images.csv": "image_id,malignant\na,1\n,2\n"}, r"row 2: image_id must be filled"),
        ({"images.csv": "image,malignant\na,1\n"}, r"header: the column image_id is missing"),
        ({"images.csv": "image_id\na\n"}, "no column of scores"),
        ({"images.csv": ""}, r"images\.csv: the table cannot be read"),
        ({"images.parquet": "no parquet"}, r"images\.parquet: the table cannot be read"),
    ],
)
def test_a_fault_is_told_with_file_row_and_value(
    tmp_path: Path, write: Write, files: dict[str, str], pattern: str
) -> None:
    made = Predictions.open(write(tmp_path / "P", files))
    with pytest.raises(InputError, match=pattern) as caught:
        made.scores("image")
    assert caught.value.exit_status == 2


def test_a_breast_is_an_exam_and_a_side(tmp_path: Path, write: Write) -> None:
    made = Predictions.open(write(tmp_path / "P", {"breasts.csv": "exam_id,side,malignant\n1,L,0\n1,R,1\n"}))
    assert made.scores("breast").rows() == [("1", "L", 0.0), ("1", "R", 1.0)]
    twice = Predictions.open(write(tmp_path / "Q", {"breasts.csv": "exam_id,side,malignant\n1,L,0\n1,L,1\n"}))
    with pytest.raises(InputError, match=r"stands twice.*'1/L'"):
        twice.scores("breast")


def test_an_empty_table_is_a_table(tmp_path: Path, write: Write) -> None:
    made = Predictions.open(
        write(tmp_path / "P", {"images.csv": "image_id,malignant\n", "marks.csv": MARKS.splitlines()[0] + "\n"})
    )
    assert made.scores("image").height == 0
    assert made.scores("image").schema["malignant"] == pl.Float64
    assert made.marks().height == 0


def test_marks_with_and_without_boxes(tmp_path: Path, write: Write) -> None:
    text = "image_id,label,x,y,x0,y0,x1,y1,score\na,malignant,1,1,0,0,2,2,0.9\na,malignant,5,5,,,,,0.8\n"
    made = Predictions.open(write(tmp_path / "P", {"images.csv": IMAGES, "marks.csv": text})).marks()
    assert made.rows() == [
        ("a", "malignant", 1.0, 1.0, 0.0, 0.0, 2.0, 2.0, 0.9),
        ("a", "malignant", 5.0, 5.0, None, None, None, None, 0.8),
    ]
    plain = Predictions.open(write(tmp_path / "Q", {"images.csv": IMAGES, "marks.csv": MARKS})).marks()
    assert plain.rows() == [("007", "malignant", 1.5, 2.0, None, None, None, None, 0.9)]


@pytest.mark.parametrize(
    ("row", "pattern"),
    [
        ("a,malignant,1,1,0,0,2,,0.9", r"marks\.csv, row 1: a box is x0, y0, x1, y1"),
        ("a,malignant,1,1,3,0,2,2,0.9", "x0 <= x1"),
        ("a,malignant,1,1,0,3,2,2,0.9", "y0 <= y1"),
        ("a,malignant,1,1,0,0,2,nan,0.9", "the column y1 must hold finite numbers"),
        ("a,malignant,,1,0,0,2,2,0.9", "the column x must hold finite numbers"),
        ("a,malignant,1,1,0,0,2,2,high", "the column score.*'high'"),
    ],
)
def test_a_mark_that_makes_no_sense_is_told(tmp_path: Path, write: Write, row: str, pattern: str) -> None:
    text = f"image_id,label,x,y,x0,y0,x1,y1,score\n{row}\n"
    made = Predictions.open(write(tmp_path / "P", {"images.csv": IMAGES, "marks.csv": text}))
    with pytest.raises(InputError, match=pattern):
        made.marks()


def test_what_is_no_finished_prediction_is_refused(tmp_path: Path, write: Write) -> None:
    with pytest.raises(InputError, match="no predictions lie here"):
        Predictions.open(tmp_path)
    begun = write(tmp_path / "P", {"images.csv": IMAGES, "prediction.toml": "complete = false\n"})
    with pytest.raises(InputError, match=r"not finished.*same `cadkit predict` again"):
        Predictions.open(begun)


def test_skipped_units(tmp_path: Path, write: Write) -> None:
    made = Predictions.open(write(tmp_path / "P", {"images.csv": IMAGES}))
    assert made.skipped().rows() == []
    write(tmp_path / "P", {"skipped.csv": "level,id,by,reason\nexam,1,me,film\nexam,2,me,\n"})
    assert made.skipped().rows() == [("exam", "1", "film"), ("exam", "2", "")]
    write(tmp_path / "P", {"skipped.csv": "exam,why\n1,film\n"})
    with pytest.raises(InputError, match=r"skipped\.csv, header: the column level is missing"):
        made.skipped()


def test_the_fingerprint_is_of_scores_and_marks(tmp_path: Path, write: Write) -> None:
    def fingerprint(name: str, **files: str) -> str:
        folder = write(tmp_path / name, {file.replace("_", "."): text for file, text in files.items()})
        return Predictions.open(folder).fingerprint

    first = fingerprint("a", images_csv=IMAGES, marks_csv=MARKS)
    assert fingerprint("b", images_csv=IMAGES, marks_csv=MARKS, skipped_csv="level,id,reason\n") == first
    assert fingerprint("c", images_csv=IMAGES, marks_csv=MARKS.replace("0.9", "0.8")) != first
    assert fingerprint("d", images_csv=IMAGES) != first


def test_maps_come_back_as_written(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((2, 3, 4), dtype=np.float32)
    edges = np.array([0.0, 1, 5, 9]), np.array([0.5, 1, 2, 3, 8])
    for number, one in enumerate(
        (FileSaliency(values, (0.5, 0.0, 8.0, 9.0)), FileSaliency(values, (0.5, 0, 8, 9), edges))
    ):
        write_saliency(saliency_path(tmp_path, f"i{number}"), one)
        made = Predictions(tmp_path, {}).saliency(f"i{number}")
        assert made is not None
        np.testing.assert_array_equal(made.values, values)
        assert made.window == one.window
        assert (made.edges is None) == (one.edges is None)
    np.testing.assert_array_equal(made.edges[1], edges[1])
    path = saliency_path(tmp_path, "i0")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match=r"i0\.b2nd: the saliency map is damaged"):
        Predictions(tmp_path, {}).saliency("i0")


def test_names_of_files_cannot_leave_their_folder() -> None:
    names = ["a", "../a", "a/b", "a_b", ".hidden", "é", "x" * 300, "x" * 301]
    made = [safe_name(name) for name in names]
    assert made[0] == "a"
    assert len({*made}) == len(names)
    assert all(not set(name) & set("/\\") and not name.startswith(".") and len(name) < 130 for name in made)
