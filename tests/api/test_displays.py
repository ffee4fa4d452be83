"""Datasets, exams, images, predictions and runs as a notebook shows them."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

import cadkit
from cadkit.data import Dataset
from cadkit.data.display import draw
from cadkit.errors import InputError, Problem, ProblemsError
from cadkit.prediction import TablePredictions

Make = Callable[..., Dataset]
EXAMS = ("e1", "e2", "e3", "e4", "e5", "t1")
EVIL = "<script>x</script>"
# Other truth, and nothing else, than that of the dataset in tests/conftest.py.
OTHER_TRUTH = {
    "breasts.csv": "exam_id,side,malignant,benign\n" + "".join(f"e{n},{s},1,1\n" for n in range(1, 6) for s in "LR")
    + "t1,L,1,1\nt1,R,1,1\n",
    "findings.csv": "finding_id,image_id,lesion_id,label,kind,shape,coordinates\n"
    "f1,e1-R-CC,A,benign,mass,box,10 10 16 16\n",
}  # fmt: skip


def cells(html: str, first: str) -> list[str]:
    """The cells of the row that begins with a text."""
    rows = [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    return next(row for row in rows if row[0] == first)[1:]


def picture(html: str) -> NDArray[np.uint8]:
    """The first picture, rows x columns x 3."""
    found = re.search(r"data:image/png;base64,([^\"]+)", html)
    assert found is not None
    return np.asarray(Pictures.open(io.BytesIO(base64.b64decode(found[1]))).convert("RGB"))


class TestDataset:
    def test_counts_and_prevalence_of_each_split(self, make_dataset: Make) -> None:
        data = make_dataset()
        html = data._repr_html_()
        # Women, exams, images, findings; e4 L is unknown.
        assert cells(html, "all") == ["5", "6", "24", "4", "4 of 11 (36.4%), 1 unknown", "1 of 12 (8.3%)"]
        assert cells(html, "train") == ["1", "1", "4", "0", "1 of 2 (50.0%)", "0 of 2 (0.0%)"]
        assert cells(html, "test")[:4] == ["4", "5", "20", "4"]
        assert "no split" not in html
        assert repr(data) == "Dataset('hand': 5 patients, 6 exams, 24 images)"

    def test_one_without_splits_or_pixels(self, make_dataset: Make) -> None:
        exams = "exam_id,patient_id\n" + "".join(f"{exam},p{exam}\n" for exam in EXAMS)
        data = make_dataset({"exams.csv": exams}, pixels=False)
        assert f"not prepared: cadkit prepare {data.folder}" in data._repr_html_()
        assert "train" not in data._repr_html_()
        assert repr(data).endswith("24 images, not prepared)")

    def test_a_label_of_exams(self, make_dataset: Make) -> None:
        tables = {
            "exams.csv": "exam_id,patient_id,recurs\n" + "".join(f"{e},{e},{int(e == 'e1')}\n" for e in EXAMS),
            "dataset.toml": 'name = "x"\n[labels]\nrecurs = "again"\n',
            "findings.csv": "finding_id,image_id,label,shape,coordinates\n",
        }
        data = make_dataset(tables)
        assert "recurs (exams)" in data._repr_html_()
        assert cells(data._repr_html_(), "all")[-1] == "1 of 6 (16.7%)"

    def test_truth_that_is_hidden_is_not_counted(self, make_dataset: Make) -> None:
        html = make_dataset().view(access="training")._repr_html_()
        assert cells(html, "train")[3:] == ["0", "1 of 2 (50.0%)", "0 of 2 (0.0%)"]
        assert cells(html, "test") == ["4", "5", "20", "hidden", "hidden", "hidden"]
        assert cells(html, "all")[3:] == ["hidden"] * 3

    def test_names_are_escaped(self, make_dataset: Make) -> None:
        data = make_dataset({"dataset.toml": f"name = '{EVIL}'\n[labels]\nmalignant = 'x'\nbenign = 'y'\n"})
        assert EVIL not in data._repr_html_()
        assert "&lt;script&gt;" in data._repr_html_()


def test_a_model_that_predicts_is_shown_the_same_whatever_the_truth(make_dataset: Make) -> None:
    def shown(data: Dataset) -> list[str]:
        exam = data.exams[0]
        things = (data, exam, exam.breasts["L"], exam.images[0], exam.images[2])
        return [thing._repr_html_() for thing in things]

    one = make_dataset()
    hidden, open_ = shown(one.view(access="prediction")), shown(one)
    other = make_dataset(OTHER_TRUTH)
    assert shown(other.view(access="prediction")) == hidden
    assert all(a != b for a, b in zip(shown(other), open_, strict=True))


class TestImages:
    def test_a_finding_is_outlined_and_not_covered(self, make_dataset: Make) -> None:
        image = make_dataset().exams[0].images[0]
        html = image._repr_html_()
        shown = picture(html)
        assert shown.shape == (40, 30, 3)
        # The box 10 10 16 16 of the file lies at columns 8 to 13, rows 5 to 10 of the prepared picture.
        orange = (shown == (0xE6, 0x9F, 0x00)).all(axis=2)
        assert orange[4, 8:14].all()
        assert orange[5:11, 7].all()
        assert orange[11:13, 10].all()
        assert not orange[5:11, 8:14].any()
        assert not orange[:, 20:].any()
        inside = shown[5:11, 8:14]
        assert (inside[..., 0] == inside[..., 2]).all()
        assert np.corrcoef(inside[..., 0].ravel(), image.raw()[5:11, 8:14].ravel())[0, 1] > 0.99
        assert "L-CC, 40 x 30 pixels as prepared, 0.5 mm a pixel" in html
        assert "malignant" in html

    def test_a_large_picture_is_made_small_and_a_tiny_finding_stays(self, make_dataset: Make) -> None:
        findings = "finding_id,image_id,label,shape,coordinates\nf1,e1-L-CC,malignant,point,12 25\n"
        image = make_dataset({"findings.csv": findings}).exams[0].images[0]
        shown = np.asarray(draw(image, 10).convert("RGB"))
        assert shown.shape == (10, 8, 3)
        # (12, 25) of the file is (10, 20) prepared: row 5, column 2 of a picture a quarter as large.
        orange = (shown == (0xE6, 0x9F, 0x00)).all(axis=2)
        assert orange[4, 2]
        assert orange[6, 2]
        assert not orange[5, 2]

    def test_a_mask_that_is_damaged_is_told_in_one_line(self, make_dataset: Make) -> None:
        data = make_dataset()
        mask = data.folder / "m.png"
        Pictures.new("L", (40, 50), 255).save(mask)
        findings = "finding_id,image_id,label,shape,coordinates,mask\nf1,e1-L-CC,malignant,mask,,m.png\n"
        image = make_dataset({"findings.csv": findings}).exams[0].images[0]
        mask.write_bytes(mask.read_bytes()[:60])
        assert re.fullmatch(r"<p>m\.png: the mask cannot be read: .*</p>", image._repr_html_())

    def test_one_that_is_not_prepared_has_no_picture(self, make_dataset: Make) -> None:
        exam = make_dataset(missing=("e1-L-CC",)).exams[0]
        assert "not prepared" in exam.images[0]._repr_html_()
        assert exam._repr_html_().count("<img") == 3
        assert exam._repr_html_().count("(not prepared)") == 1

    def test_an_exam_shows_its_breasts_and_pictures(self, make_dataset: Make) -> None:
        exam = make_dataset().exams[3]
        html = exam._repr_html_()
        assert cells(html, "patient") == ["p3"]
        assert cells(html, "density") == ["B"]
        assert cells(html, "L") == ["unknown", "0"]
        assert cells(html, "R") == ["0", "0"]
        assert html.count("<img") == 4
        assert repr(exam) == "Exam('e4', 4 images)"
        assert repr(exam.breasts["L"]) == "Breast('e4/L', 2 images)"


PREDICTION = {
    "prediction.toml": 'name = "ours"\nmodel = "spots"\nsplit = "test"\ndataset = "/far/away/D"\nexams = 4\n'
    'labels = ["malignant"]\nscores = "probability"\nlocalizes = "marks"\ncomplete = true\n',
    "breasts.csv": "exam_id,side,malignant\ne1,L,0.5\ne1,R,0.25\ne2,L,0.75\n",
    "marks.csv": "image_id,label,x,y,x0,y0,x1,y1,score\na,malignant,1,1,0,0,2,2,0.5\nb,malignant,1,1,,,,,0.5\n",
    "skipped.csv": "level,id,reason\nexam,e3,no view\nexam,e4,no view\nimage,i7,too small\nwarning,i9,odd\n",
}


class TestPredictions:
    def test_who_predicted_what_and_how_much_of_it(
        self, tmp_path: Path, write: Callable[[Path, Mapping[str, str]], Path]
    ) -> None:
        made = cadkit.Predictions.open(write(tmp_path / "P", PREDICTION))
        html = made._repr_html_()
        assert cells(html, "model") == ["spots"]
        assert cells(html, "dataset") == ["D"]
        assert "/far/away" not in html
        assert cells(html, "split") == ["test"]
        assert cells(html, "exams answered") == ["2 of 4"]
        assert cells(html, "skipped") == ["2 exams, 1 image"]
        assert cells(html, "scores by level") == ["3 breasts"]
        assert cells(html, "localizes by") == ["marks: 2, with a box 1"]
        assert repr(made) == f"Predictions('{tmp_path}/P': ours on test; malignant)"

    def test_a_table_of_scores(self, tmp_path: Path) -> None:
        (tmp_path / "s.csv").write_text("image_id,malignant\na,0.5\n")
        html = TablePredictions.read(tmp_path / "s.csv", ["malignant"])._repr_html_()
        assert cells(html, "scores by level") == ["1 images"]
        assert cells(html, "localizes by") == ["nothing"]

    def test_one_that_cannot_be_read_is_told_in_one_line(
        self, tmp_path: Path, write: Callable[[Path, Mapping[str, str]], Path]
    ) -> None:
        broken = {**PREDICTION, "breasts.csv": f"exam_id,side,malignant\ne1,L,{EVIL}\n"}
        made = cadkit.Predictions.open(write(tmp_path / "P", broken))
        assert "breasts.csv, row 1: the column malignant must hold finite numbers" in made._repr_html_()
        assert EVIL not in made._repr_html_()
        del made.record["labels"]
        made = cadkit.Predictions(made.folder, made.record)
        assert repr(made).endswith("; unreadable)")


def test_a_run_shows_its_state_and_the_end_of_its_history(tmp_path: Path) -> None:
    made = cadkit.Run.create(tmp_path, "spots", cadkit.Config(), {"seed": 3, "labels": [EVIL], "dataset": "/far/D"})
    assert repr(made) == f"Run('{tmp_path}/spots-1': spots, started)"
    assert "history" not in made._repr_html_()
    for epoch in range(1, 8):
        made.log({"loss": 1 / epoch}, epoch=epoch)
    made.close()
    html = made._repr_html_()
    assert "The last 5 of 7 rows" in html
    assert cells(html, "3") == ["0.3333"]
    assert cells(html, "state") == ["started"]
    assert cells(html, "dataset") == ["D"]
    assert EVIL not in html


def test_a_notebook_prints_of_a_mistake_the_sentence_alone() -> None:
    assert InputError("it is wrong", file="a.csv", mend="Mend it.")._render_traceback_() == [
        "InputError: a.csv: it is wrong. Mend it."
    ]
    assert ProblemsError("D has", [Problem("rule", "odd")])._render_traceback_()[0].startswith("ProblemsError: D has 1")
