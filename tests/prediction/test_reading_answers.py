"""What a program wrote becomes answers: which unit has which score, mark or reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pytest

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.plugin import ExamPrediction, Skipped
from cadkit.prediction import Failed, answers
from cadkit.prediction.answers import read_answers

Read = Callable[..., list[ExamPrediction | Skipped]]
SIZE = 60, 40  # rows and columns of every picture


@pytest.fixture
def read(
    make_dataset: Callable[..., Dataset], write: Callable[[Path, Mapping[str, str]], Path], tmp_path: Path
) -> Read:
    """`read(files, labels)`: the answers for exams e1 and e2 that a folder with these files gives."""
    exams = [exam for exam in make_dataset().view(access="prediction").exams if exam.id in ("e1", "e2")]
    assert [image.id for image in exams[0].images] == ["e1-L-CC", "e1-L-MLO", "e1-R-CC", "e1-R-MLO"]
    sizes = {image.id: SIZE for exam in exams for image in exam.images}

    def made(files: Mapping[str, str], *labels: str) -> list[ExamPrediction | Skipped]:
        folder = write(tmp_path / "answers", files)
        return read_answers(folder, exams, labels or ("malignant",), sizes, "file")

    return made


def test_of_breasts_some_are_scored_some_skipped_and_some_not_spoken_of(read: Read) -> None:
    breasts = "exam_id,side,malignant,global.malignant,note\ne1,L,0.25,0.5,seen\ne2,R,0.75,,\n"
    first, second = read({"breasts.csv": breasts, "skipped.csv": "level,id,reason\nbreast,e1/R,\n"})
    assert isinstance(first, ExamPrediction)
    assert isinstance(second, ExamPrediction)
    assert first.breasts["L"].scores == {"malignant": 0.25}
    assert first.breasts["L"].extra == {"global": {"malignant": 0.5}}
    assert first.breasts["R"] == Skipped("the program skipped it")
    assert (first.scores, first.images) == (None, {})
    assert list(second.breasts) == ["R"]
    assert (second.breasts["R"].scores, second.breasts["R"].extra) == ({"malignant": 0.75}, {})


def test_an_exam_of_which_nothing_is_said_has_failed_and_one_with_a_reason_has_it(read: Read) -> None:
    silent, skipped = read({"exams.csv": "exam_id,malignant\n", "skipped.csv": "level,id,reason\nexam,e2,film\n"})
    assert (silent, skipped) == (Failed("the program gave no prediction of it"), Skipped("film"))
    scored, skipped = read({"exams.csv": "exam_id,malignant\ne1,0.5\ne2,0.5\n"})
    assert skipped == Skipped("film")  # its score does not count
    assert isinstance(scored, ExamPrediction)
    assert (scored.scores, scored.images, scored.breasts) == ({"malignant": 0.5}, {}, {})


def test_of_images_those_without_a_row_are_skipped_with_or_without_a_reason(read: Read) -> None:
    reason = "level,id,reason\nimage,e1-L-MLO,too \x1b[31mdark\n"
    first, second = read({"images.csv": "image_id,malignant\ne1-L-CC,0.5\n", "skipped.csv": reason})
    assert isinstance(first, ExamPrediction)
    assert first.images["e1-L-CC"].scores == {"malignant": 0.5}
    assert first.images["e1-L-MLO"] == Skipped("too  [31mdark")
    assert first.images["e1-R-CC"] == Skipped("the program gave no prediction of it")
    assert second == Failed("the program gave no prediction of it")


def test_an_exam_is_skipped_where_all_its_images_or_their_breasts_are_and_failed_where_one_is_not_spoken_of(
    read: Read,
) -> None:
    rows = "level,id,reason\nbreast,e1/L,film\nimage,e1-R-CC,torn\nimage,e2-R-CC,dark\n"
    table = "image_id,malignant\n"
    assert read({"images.csv": table, "skipped.csv": rows})[0] == Failed("the program gave no prediction of it")
    assert read({"images.csv": table, "skipped.csv": rows + "image,e1-R-MLO,torn\n"})[0] == Skipped("film")


IMAGES = "image_id,malignant,benign\ne1-L-CC,0.5,0.25\ne2-R-CC,0.125,0.75\n"


def test_marks_belong_to_their_image_and_label(read: Read) -> None:
    marks = "image_id,label,x,y,x0,y0,x1,y1,score\n"
    marks += "e1-L-CC,benign,40,60,30,50,40,60,0.5\ne1-L-CC,malignant,0,0,0,0,10,10,0.25\n"
    marks += "e2-R-CC,malignant,5,6,,,,,0.75\n"
    first, second = read({"images.csv": IMAGES, "marks.csv": marks}, "malignant", "benign")
    assert isinstance(first, ExamPrediction)
    assert isinstance(second, ExamPrediction)
    one, other = first.images["e1-L-CC"], second.images["e2-R-CC"]
    assert one.scores == {"malignant": 0.5, "benign": 0.25}
    assert (one.marks.labels.tolist(), one.marks.scores.tolist()) == ([1, 0], [0.5, 0.25])
    assert one.marks.points.tolist() == [[40, 60], [0, 0]]
    assert one.marks.boxes.tolist() == [[30, 50, 40, 60], [0, 0, 10, 10]]
    assert one.frame == "file"
    assert (other.marks.labels.tolist(), other.marks.points.tolist(), other.marks.boxes) == ([0], [[5, 6]], None)


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("e1-L-CC,malignant,40.5,60,,,,", "row 1.*outside its picture of 40 x 60"),
        ("e1-L-CC,malignant,40,60.5,,,,", "row 1.*outside its picture of 40 x 60"),
        ("e1-L-CC,malignant,-0.5,60,,,,", "row 1.*outside its picture of 40 x 60"),
        ("e1-L-CC,malignant,40,-0.5,,,,", "row 1.*outside its picture of 40 x 60"),
        ("e1-L-CC,malignant,5,5,-1,0,10,10", "row 1.*outside its picture of 40 x 60"),
        ("e1-L-CC,malignant,5,5,0,0,10,61", "row 1.*outside its picture of 40 x 60"),
        ("e1-L-CC,cancer,5,5,,,,", "row 1.*no such label.*Labels: malignant, benign"),
        ("e1-L-CC,,5,5,,,,", "row 1.*no such label"),
        ("e3-L-CC,malignant,5,5,,,,", "row 1.*this image was not handed over"),
        ("e1-R-CC,malignant,5,5,,,,", "a mark is in an image without a score.*e1-R-CC.*Score every image"),
    ],
)
def test_marks_that_cannot_be_are_said(mark: str, said: str, read: Read) -> None:
    with pytest.raises(InputError, match=rf"(?s)marks\.csv.*{said}") as caught:
        read({"images.csv": IMAGES, "marks.csv": f"image_id,label,x,y,x0,y0,x1,y1,score\n{mark},0.5\n"},
             "malignant", "benign")  # fmt: skip
    assert "answers" not in str(caught.value)  # the folder is gone when this is read


def test_a_mark_without_a_label_is_that_of_the_only_one(read: Read) -> None:
    files = {
        "images.csv": "image_id,malignant\ne1-L-CC,0.5\n",
        "marks.csv": "image_id,label,x,y,score\ne1-L-CC,,5,6,0.5\n",
    }
    first, _ = read(files)
    assert isinstance(first, ExamPrediction)
    assert first.images["e1-L-CC"].marks.labels.tolist() == [0]


def test_marks_with_and_without_a_box_in_one_image_are_refused(read: Read) -> None:
    marks = "image_id,label,x,y,x0,y0,x1,y1,score\ne1-L-CC,malignant,5,5,0,0,9,9,1\ne1-L-CC,malignant,5,5,,,,,1\n"
    with pytest.raises(InputError, match=r"row 2.*all have a box or none"):
        read({"images.csv": "image_id,malignant\ne1-L-CC,0.5\n", "marks.csv": marks})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"images.csv": "image_id,malignant\ne1-L-CC,0.5\ne3-L-CC,0.5\n"}, r"images\.csv, row 2.*this image was not"),
        ({"breasts.csv": "exam_id,side,malignant\ne3,L,0.5\n"}, r"breasts\.csv, row 1.*this breast was not"),
        ({"skipped.csv": "level,id,reason\nexam,e1,x\nexam,e3,x\n"}, r"skipped\.csv, row 2.*this was not handed over"),
        ({"exams.csv": "exam_id,benign\ne1,0.5\n"}, "no column of scores"),
    ],
)
def test_rows_of_what_was_not_handed_over_are_said(files: Mapping[str, str], said: str, read: Read) -> None:
    with pytest.raises(InputError, match=said):
        read(files)


def test_a_table_of_a_header_alone_says_nothing(read: Read) -> None:
    assert read({"exams.csv": "exam_id,malignant"}) == [Failed("the program gave no prediction of it")] * 2


def test_a_table_may_have_so_many_rows_and_no_more(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pl.DataFrame({"image_id": ["e1-L-CC", "e1-R-CC", "e2-L-CC"], "malignant": [0.25, 0.5, 0.75]})
    (tmp_path / "answers").mkdir()
    table.write_parquet(tmp_path / "answers" / "images.parquet")
    monkeypatch.setattr(answers, "_MOST_ROWS", 3)
    first, _ = read({})
    assert isinstance(first, ExamPrediction)
    assert first.images["e1-R-CC"].scores == {"malignant": 0.5}
    monkeypatch.setattr(answers, "_MOST_ROWS", 2)
    with pytest.raises(InputError, match=r"images\.parquet.*more than 2 rows \(found: 3\)"):
        read({})


def test_a_line_without_end_is_refused_and_many_lines_are_not(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_LONGEST_LINE", 60)
    rows = "image_id,malignant\ne1-L-CC,0.5\ne1-R-CC,0.5\ne1-L-MLO,0.5\ne1-R-MLO,0.5\ne2-L-CC,0.5\n"
    assert len(rows) > 60
    first, _ = read({"images.csv": rows})
    assert isinstance(first, ExamPrediction)
    with pytest.raises(InputError, match=r"images\.csv: a line of more than"):
        read({"images.csv": f"image_id,{'x' * 60},malignant\n"})
