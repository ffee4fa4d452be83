"""How a user's tables of labels and findings join the images of a tree."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
import pytest
from PIL import Image as Picture

from cadkit.data import Dataset
from cadkit.data.tables import read_problems
from cadkit.errors import InputError
from cadkit.importers.dicom import Settings, import_dicom
from cadkit.importers.user_tables import parse_date
from tests.importers.trees import COLUMNS, ROWS, csv, exam_of, imported, rules


def test_labels_by_accession_and_side(tree: Path, tmp_path: Path) -> None:
    labels = csv(
        tmp_path / "labels.csv",
        """Accession Number;Laterality;malignant;benign;biopsied;density;age;reader_1;split
           A1;L;1;0;1;2;;0.25;train
           A1;right;0;0;0;2;;0.5;train
           B1;both;0;1;1;D;93;;val
           C1;L;;;;;;;test
           C2;R;0;0;0;;;;test""",
    )
    report = import_dicom(tree, tmp_path / "D", labels=labels, workers=1, quiet=True)
    data = Dataset.open(tmp_path / "D")
    assert tuple(data.meta.labels) == ("malignant", "benign")
    said = {
        (exam, side): (malignant, benign, biopsied, reader)
        for exam, side, malignant, benign, biopsied, reader in data.tables["breasts"]
        .select("exam_id", "side", "malignant", "benign", "biopsied", "reader_1")
        .iter_rows()
    }
    of = {name: exam_of(data, tmp_path, name) for name in ("A1", "B1", "C1", "C2")}
    assert said == {
        (of["A1"], "L"): (1, 0, 1, 0.25), (of["A1"], "R"): (0, 0, 0, 0.5),
        (of["B1"], "L"): (0, 1, 1, None), (of["B1"], "R"): (0, 1, 1, None),
        (of["C1"], "L"): (None, None, None, None), (of["C1"], "R"): (None, None, None, None),
        (of["C2"], "L"): (None, None, None, None), (of["C2"], "R"): (0, 0, 0, None),
    }  # fmt: skip
    exams = {row["exam_id"]: row for row in data.tables["exams"].iter_rows(named=True)}
    assert (exams[of["A1"]]["density"], exams[of["A1"]]["age"], exams[of["B1"]]["age"]) == ("B", 55.0, 90.0)
    assert exams[of["B1"]]["split"] == "validation"
    assert "5 of 5 rows joined" in str(report)


def test_labels_without_a_side_are_the_exams(tree: Path, tmp_path: Path) -> None:
    labels = csv(tmp_path / "labels.csv", "accession,cancer\nA1,1\nB1,0\nC1,0\nC2,0")
    data = imported(tree, tmp_path, labels=labels)
    assert sorted(data.tables["exams"]["cancer"].to_list()) == [0, 0, 0, 1]
    assert "cancer" not in data.tables["breasts"].columns


def test_a_patient_with_two_exams_needs_more_than_her_id(tree: Path, tmp_path: Path) -> None:
    labels = csv(tmp_path / "labels.csv", "patient_id,side,malignant\nMiller-1,L,1\nMohr-3,L,1\nNobody,L,0")
    data = imported(tree, tmp_path, labels=labels)
    assert data.tables["breasts"]["malignant"].sum() == 1
    problems = read_problems(tmp_path / "D").filter(pl.col("rule").str.starts_with("label-"))
    assert list(problems.select("rule", "row").iter_rows()) == [("label-ambiguous", "2"), ("label-not-joined", "3")]
    assert rules(tmp_path)["exam-without-labels"] == 3
    text = (tmp_path / "D" / "problems.csv").read_text()
    assert "Mohr" not in text
    assert "Nobody" not in text


def test_labels_that_join_nothing(tree: Path, tmp_path: Path) -> None:
    labels = csv(tmp_path / "labels.csv", "patient_id,side,malignant\nx,L,1")
    with pytest.raises(InputError, match="none of the 1 rows"):
        imported(tree, tmp_path, labels=labels)
    labels = csv(tmp_path / "labels.csv", "woman,side,malignant\nx,L,1")
    with pytest.raises(InputError, match="no column tells which exam"):
        imported(tree, tmp_path, labels=labels)


def test_contradictions_and_wrong_values_are_left_empty(tree: Path, tmp_path: Path) -> None:
    labels = csv(
        tmp_path / "labels.csv",
        """accession,side,malignant,density,split
           A1,L,1,B,train
           A1,L,0,B,train
           B1,L,2,X,holdout
           C1,?,1,,""",
    )
    data = imported(tree, tmp_path, labels=labels)
    assert data.tables["breasts"]["malignant"].null_count() == 8
    found = rules(tmp_path)
    assert (found["label-contradicts"], found["wrong-value"], found["label-without-side"]) == (1, 3, 1)


def test_a_patient_in_two_splits(tree: Path, tmp_path: Path) -> None:
    labels = csv(tmp_path / "labels.csv", "accession,side,malignant,split\nC1,L,0,train\nC2,L,0,test")
    with pytest.raises(InputError, match=r"in two splits.*test and train") as caught:
        imported(tree, tmp_path, labels=labels)
    assert "Mohr" not in str(caught.value)


def test_labels_by_patient_and_date(tree: Path, tmp_path: Path) -> None:
    labels = csv(
        tmp_path / "labels.csv",
        """patient_id,exam date,side,malignant
           Mohr-3,2022-03-04,L,1
           Mohr-3,02.01.2020,L,0
           Miller-1,20200102,L,0
           Mohr-3,2021-03-04,L,0
           Mohr-3,3/4/2022,L,0
           Nobody,2020-01-02,L,0
           ,2020-01-02,L,0
           Mohr-3,,L,0""",
    )
    report = import_dicom(
        tree, tmp_path / "D", labels=labels, settings=Settings(shift_dates=True), workers=1, quiet=True
    )
    data = Dataset.open(tmp_path / "D")
    said = {
        (exam, side): value
        for exam, side, value in data.tables["breasts"].select("exam_id", "side", "malignant").iter_rows()
    }
    of = {name: exam_of(data, tmp_path, name) for name in ("A1", "B1", "C1", "C2")}
    assert [said[of[name], "L"] for name in ("A1", "B1", "C1", "C2")] == [0, None, 0, 1]
    problems = read_problems(tmp_path / "D").filter(pl.col("rule").str.starts_with("label-"))
    assert list(problems.select("rule", "row").iter_rows()) == [
        ("label-of-another-date", "4"), ("label-wrong-date", "5"), ("label-not-joined", "6"),
        ("label-without-key", "7"), ("label-ambiguous", "8"),
    ]  # fmt: skip
    assert "Rows without an exam: 5; exams without a row: 1" in str(report)
    assert "Labels: 3 of 8 rows joined." in str(report)
    assert "2021-03-04" not in (tmp_path / "D" / "problems.csv").read_text()


def test_labels_by_study_and_keys_that_disagree(tree: Path, tmp_path: Path) -> None:
    for path in (tree / "B1").glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.QualityControlImage = "YES"
        dataset.save_as(path)
    study = pydicom.dcmread(tree / "A1" / "LCC.dcm").StudyInstanceUID
    labels = csv(
        tmp_path / "labels.csv",
        f"""StudyInstanceUID,accession,side,malignant
            {study},,L,1
            {study},A1,R,0
            {study},C1,R,0
            ,B1,L,1""",
    )
    data = imported(tree, tmp_path, labels=labels)
    assert data.tables["breasts"]["malignant"].sum() == 1
    problems = read_problems(tmp_path / "D").filter(pl.col("rule").str.starts_with("label-"))
    assert list(problems.select("rule", "row").iter_rows()) == [
        ("label-keys-disagree", "3"), ("label-on-left-out-exam", "4"),
    ]  # fmt: skip


def test_a_date_alone_joins_nothing(tree: Path, tmp_path: Path) -> None:
    labels = csv(tmp_path / "labels.csv", "date,side,malignant\n2020-01-02,L,1")
    with pytest.raises(InputError, match="no column tells which exam"):
        imported(tree, tmp_path, labels=labels)


def test_several_rows_of_one_breast_may_agree(tree: Path, tmp_path: Path) -> None:
    labels = csv(tmp_path / "labels.csv", "accession,side,malignant,benign\nA1,L,1,\nA1,L,1,0\nA1,L,,0")
    data = imported(tree, tmp_path, labels=labels)
    row = data.tables["breasts"].filter(pl.col("malignant") == 1)
    assert row.select("side", "benign").rows() == [("L", 0)]
    assert "label-contradicts" not in rules(tmp_path)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2021-03-28", (2021, 3, 28)), ("20210328", (2021, 3, 28)), ("28.3.2021", (2021, 3, 28)),
        ("28/3/2021", (2021, 3, 28)), ("3/28/2021", (2021, 3, 28)), ("5/5/2021", (2021, 5, 5)),
        ("2021-03-28 10:00", (2021, 3, 28)), ("3/4/2021", None), ("2021-02-30", None), ("2021", None),
    ],
)  # fmt: skip
def test_dates_as_people_write_them(text: str, day: tuple[int, int, int] | None) -> None:
    assert parse_date(text) == (None if day is None else dt.date(*day))


def test_columns_that_may_name_persons_stay_where_they_are(tree: Path, tmp_path: Path) -> None:
    labels = csv(
        tmp_path / "labels.csv", "accession,side,malignant,name,ethnicity\nA1,L,1,Jane,x\nA1,R,0,Jane,x\nB1,L,0,Joan,y"
    )
    data = imported(tree, tmp_path, labels=labels, settings=Settings(columns=("ethnicity",)))
    assert set(data.tables["exams"]["ethnicity"]) == {"x", "y", None}
    assert "name" not in data.tables["exams"].columns + data.tables["breasts"].columns
    assert rules(tmp_path)["column-not-taken"] == 1


# Findings
def test_findings_by_path_name_and_uid(tree: Path, tmp_path: Path) -> None:
    labels = csv(tmp_path / "labels.csv", "accession,side,malignant\nA1,L,1\nB1,R,0")
    uid = pydicom.dcmread(tree / "A1" / "LMLO.dcm").SOPInstanceUID
    mask = np.zeros((ROWS, COLUMNS), dtype=np.uint8)
    mask[40:50, 10:20] = 255
    (tmp_path / "marks" / "masks").mkdir(parents=True)
    Picture.fromarray(mask).save(tmp_path / "marks" / "masks" / "Miller.png")
    findings = csv(
        tmp_path / "marks" / "findings.csv",
        f"""file,sop_instance_uid,lesion_id,label,kind,shape,coordinates,mask
            A1/LCC.dcm,,Miller-a,malignant,mass,circle,20 48 6,
            ,{uid},Miller-a,malignant,mass,mask,,masks/Miller.png
            LCC.dcm,,x,malignant,mass,box,1 1 5 5,
            A1/LCC.dcm,,x,malignant,mass,box,500 1 505 5,
            A1/LCC.dcm,,x,malignant,mass,box,5 1 4 5,
            B1/RCC.dcm,,x,malignant,mass,point,40 40,
            Z/none.dcm,,x,malignant,mass,point,40 40,
            C1/LCC.dcm,,x,malignant,mass,point,10 40,
            A1/RCC.dcm,,x,malignant,mass,mask,,../config/secret.png""",
    )
    data = imported(tree, tmp_path, labels=labels, findings=findings)
    rows = list(data.tables["findings"].iter_rows(named=True))
    assert [(row["shape"], row["coordinates"]) for row in rows] == [
        ("circle", "20 48 6"), ("mask", None), ("point", "10 40"),
    ]  # fmt: skip
    assert rows[0]["lesion_id"] == rows[1]["lesion_id"] != rows[2]["lesion_id"]
    np.testing.assert_array_equal(np.asarray(Picture.open(tmp_path / "D" / rows[1]["mask"])), mask)
    found = rules(tmp_path)
    for rule in ("finding-ambiguous", "finding-outside-image", "bad-coordinates", "finding-contradicts-breast",
                 "finding-not-joined", "label-from-finding", "file-outside"):  # fmt: skip
        assert found[rule] == 1, rule
    for path in (tmp_path / "D").rglob("*"):
        if path.is_file() and path.name != "sources.csv":
            assert b"Miller" not in path.read_bytes()
            assert "Miller" not in path.name


def test_findings_that_join_nothing(tree: Path, tmp_path: Path) -> None:
    findings = csv(tmp_path / "findings.csv", "file,label,shape,coordinates\nnone.dcm,malignant,point,1 1")
    with pytest.raises(InputError, match="none of the 1 rows"):
        imported(tree, tmp_path, findings=findings)
