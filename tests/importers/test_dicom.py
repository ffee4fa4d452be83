"""Importing trees of DICOM files: what is taken, what is left out and why, and how tables join."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pydicom
import pytest
from PIL import Image as Picture

from cadkit.data import Dataset
from cadkit.data.tables import read_problems
from cadkit.dicom import Rules, stored_values, write_mammogram
from cadkit.errors import InputError
from cadkit.importers import Options
from cadkit.importers.dicom import Settings, from_options, import_dicom
from cadkit.importers.user_tables import parse_date

ROWS, COLUMNS = 96, 80
Y, X = np.mgrid[:ROWS, :COLUMNS]
BREAST = np.where((X / 60) ** 2 + ((Y - 48) / 44) ** 2 < 1, 0.6, 0).astype(np.float32)


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys of pseudonyms in a folder of the test."""
    folder = tmp_path / "config"
    monkeypatch.setenv("CADKIT_CONFIG", str(folder))
    return folder


def image(folder: Path, exam: str, side: str = "L", view: str = "CC", *, name: str = "", **changes: Any) -> Path:
    """A mammogram of the exam `A1` of the patient `Miller-1`, or so."""
    path = folder / exam / (name or f"{side}{view}.dcm")
    values: dict[str, Any] = {
        "spacing_mm": 2.0, "patient_id": "Miller-1", "accession": exam, "image_id": path.name, "age_years": 55,
        "date": dt.date(2020, 1, 2), "patient_name": "Miller^Jane", "birth_date": dt.date(1964, 5, 6),
    }  # fmt: skip
    pixels = stored_values(BREAST if side == "L" else BREAST[:, ::-1])
    write_mammogram(path, pixels, side=side, view=view, **(values | changes))  # type: ignore[arg-type]
    return path


def four(folder: Path, exam: str, **changes: Any) -> None:
    for side in "LR":
        for view in ("CC", "MLO"):
            image(folder, exam, side, view, **changes)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two patients with one exam each, and a third with two."""
    folder = tmp_path / "files"
    four(folder, "A1")
    four(folder, "B1", patient_id="Meyer-2")
    four(folder, "C1", patient_id="Mohr-3")
    four(folder, "C2", patient_id="Mohr-3", date=dt.date(2022, 3, 4), age_years=57)
    return folder


def imported(source: Path, tmp_path: Path, **arguments: Any) -> Dataset:
    import_dicom(source, tmp_path / "D", workers=1, quiet=True, **arguments)
    return Dataset.open(tmp_path / "D")


def csv(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
    return path


def rules(tmp_path: Path) -> dict[str, int]:
    return dict(read_problems(tmp_path / "D")["rule"].value_counts().iter_rows())


def paths(tmp_path: Path) -> dict[str, str]:
    table = pl.read_csv(tmp_path / "D" / "sources.csv")
    return {Path(path).relative_to(tmp_path / "files").as_posix(): name for name, path in table.iter_rows()}


def exam_of(data: Dataset, tmp_path: Path, folder: str) -> str:
    name = next(name for path, name in paths(tmp_path).items() if path.startswith(f"{folder}/"))
    return str(data.tables["images"].filter(pl.col("image_id") == name)["exam_id"].item())


def test_exams_and_images(tree: Path, tmp_path: Path) -> None:
    data = imported(tree, tmp_path)
    exams, images = data.tables["exams"], data.tables["images"]
    assert (exams.height, images.height, data.tables["breasts"].height) == (4, 16, 8)
    assert exams["patient_id"].n_unique() == 3
    assert sorted(exams["date"].to_list()) == [dt.date(2020, 1, 2)] * 3 + [dt.date(2022, 3, 4)]
    assert sorted(exams["age"].to_list()) == [55.0, 55.0, 55.0, 57.0]
    assert images.select("rows", "columns", "bits", "pixel_spacing_mm").unique().rows() == [(96, 80, 12, 2.0)]
    assert set(images.select("side", "faces").unique().iter_rows()) == {("L", "right"), ("R", "left")}
    assert images["preferred"].sum() == images["standard"].sum() == 16
    assert data.tables["breasts"]["malignant"].null_count() == 8
    assert set(exams["split"]) <= {"train", "validation", "test"}
    assert rules(tmp_path) == {}


def test_files_stay_and_only_their_owner_reads_their_names(tree: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tree.rglob("*.dcm")}
    imported(tree, tmp_path)
    assert {path: path.read_bytes() for path in tree.rglob("*.dcm")} == before
    assert stat.S_IMODE((tmp_path / "D" / "sources.csv").stat().st_mode) == 0o600
    assert sorted(paths(tmp_path)) == sorted(path.relative_to(tree).as_posix() for path in before)


def test_importing_again_changes_nothing_and_the_key_keeps_names(tree: Path, tmp_path: Path) -> None:
    imported(tree, tmp_path)
    first = {path.name: path.read_bytes() for path in (tmp_path / "D").glob("*.csv")}
    assert import_dicom(tree, tmp_path / "D", workers=1, quiet=True).unchanged
    shutil.rmtree(tmp_path / "D")
    imported(tree, tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "D").glob("*.csv")} == first
    os.environ["CADKIT_CONFIG"] = str(tmp_path / "another")
    shutil.rmtree(tmp_path / "D")
    other = imported(tree, tmp_path)
    old = pl.read_csv(first["exams.csv"])["patient_id"]
    assert not set(other.tables["exams"]["patient_id"]) & set(old)


def test_the_number_of_workers_changes_nothing(tree: Path, tmp_path: Path) -> None:
    for number in range(20):
        image(tree, "A1", name=f"again-{number:02d}.dcm")
    imported(tree, tmp_path)
    first = (tmp_path / "D" / "images.csv").read_bytes()
    report = import_dicom(tree, tmp_path / "D", workers=2, quiet=True)
    assert report.unchanged
    assert (tmp_path / "D" / "images.csv").read_bytes() == first


def test_ids_are_kept_and_dates_shifted_if_asked(tree: Path, tmp_path: Path) -> None:
    data = imported(tree, tmp_path, settings=Settings(keep_ids=True, shift_dates=True))
    exams = data.tables["exams"]
    assert set(exams["patient_id"]) == {"Miller-1", "Meyer-2", "Mohr-3"}
    assert dt.date(2020, 1, 2) not in exams["date"].to_list()
    two = exams.filter(pl.col("patient_id") == "Mohr-3")["date"].to_list()
    assert two[1] - two[0] == dt.date(2022, 3, 4) - dt.date(2020, 1, 2)


# Files that are no images of the dataset
def test_bad_files_are_rows_and_stop_nothing(tree: Path, tmp_path: Path) -> None:
    whole = (tree / "A1" / "LCC.dcm").read_bytes()
    (tree / "bad").mkdir()
    (tree / "bad" / "cut.dcm").write_bytes(whole[:-2000])
    Picture.new("L", (9, 9)).save(tree / "bad" / "photo.dcm", format="JPEG")
    (tree / "bad" / "empty.dcm").write_bytes(b"")
    (tree / ".hidden").write_bytes(b"x")
    tomo = pydicom.dcmread(tree / "A1" / "LCC.dcm")
    tomo.NumberOfFrames, tomo.PixelData = 2, tomo.PixelData * 2
    tomo.SOPClassUID = "1.2.840.10008.5.1.4.1.1.13.1.3"
    tomo.save_as(tree / "bad" / "tomo.dcm")
    shutil.copy(tree / "A1" / "LCC.dcm", tree / "bad" / "zz-copy.dcm")
    data = imported(tree, tmp_path)
    assert data.tables["images"].height == 16
    problems = {row["item"]: row["rule"] for row in read_problems(tmp_path / "D").iter_rows(named=True)}
    named = {path: problems.get(name) for path, name in paths(tmp_path).items()}
    assert {path: rule for path, rule in named.items() if rule} == {
        "bad/cut.dcm": "truncated",
        "bad/photo.dcm": "not-dicom",
        "bad/empty.dcm": "empty-file",
        ".hidden": "hidden-file",
        "bad/tomo.dcm": "several-frames",
        "bad/zz-copy.dcm": "duplicate-instance",
    }
    assert "bad/" not in (tmp_path / "D" / "problems.csv").read_text()


def test_a_missing_view_and_two_images_of_one_view(tree: Path, tmp_path: Path) -> None:
    (tree / "A1" / "RMLO.dcm").unlink()
    image(tree, "A1", "L", "CC", name="repeat.dcm", time=dt.time(9, 30))
    image(tree, "A1", "L", "CC", name="rolled.dcm", time=dt.time(9, 50), modifiers=("rolled lateral",))
    image(tree, "A1", "L", "CC", name="spot.dcm", time=dt.time(9, 55), modifiers=("spot compression",))
    image(tree, "A1", "L", "CC", name="large.dcm", time=dt.time(9, 59), modifiers=("magnification",))
    data = imported(tree, tmp_path)
    assert rules(tmp_path) == {
        "view-missing": 1, "view-repeated": 1, "view-modified": 1, "spot-view": 1, "magnification-view": 1,
    }  # fmt: skip
    exam = exam_of(data, tmp_path, "A1")
    rows = data.tables["images"].filter(
        (pl.col("exam_id") == exam) & (pl.col("view") == "CC") & (pl.col("side") == "L")
    )
    assert rows.height == 3
    names = {name: path for path, name in paths(tmp_path).items()}
    assert [names[row] for row in rows.filter(pl.col("preferred") == 1)["image_id"]] == ["A1/repeat.dcm"]
    assert [names[row] for row in rows.filter(pl.col("standard") == 0)["image_id"]] == ["A1/rolled.dcm"]
    assert sorted(rows.filter(pl.col("standard") == 1)["repeat"]) == [1, 2]


def test_nothing_usable_is_said_with_every_reason(tmp_path: Path) -> None:
    csv(tmp_path / "files" / "a.txt", "text")
    with pytest.raises(InputError, match=r"none of its 1 files is a mammogram.*1 not-dicom"):
        imported(tmp_path / "files", tmp_path)
    assert rules(tmp_path) == {"not-dicom": 1}
    assert not (tmp_path / "D" / "dataset.toml").exists()


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        imported(tmp_path / "files", tmp_path)


def test_two_studies_of_a_day_are_pointed_out(tree: Path, tmp_path: Path) -> None:
    four(tree, "A2", time=dt.time(14, 0))
    data = imported(tree, tmp_path)
    assert rules(tmp_path) == {"same-day-exams": 1}
    assert data.tables["exams"].height == 5


def test_pixels_that_were_sent_again_are_left_out(tree: Path, tmp_path: Path) -> None:
    """The same exposures under new UIDs, one of them compressed: two studies of a day, one of them a re-send."""
    four(tree, "A2")
    path = tree / "A2" / "LCC.dcm"
    again = pydicom.dcmread(path)
    again.compress("1.2.840.10008.1.2.4.80", encoding_plugin="pyjpegls", generate_instance_uid=False)
    again.save_as(path)
    data = imported(tree, tmp_path)
    assert rules(tmp_path) == {"same-pixels": 4}
    assert data.tables["exams"].height == 4
    shutil.rmtree(tmp_path / "D")
    imported(tree, tmp_path, settings=Settings(compare=False))
    assert rules(tmp_path) == {"same-day-exams": 1}


def test_another_image_of_the_same_exposure_data_is_no_copy(tree: Path, tmp_path: Path) -> None:
    path = image(tree, "A1", name="again.dcm")
    other = pydicom.dcmread(path)
    other.PixelData = stored_values(BREAST * 0.9).astype("<u2").tobytes()
    other.save_as(path)
    imported(tree, tmp_path)
    assert rules(tmp_path) == {"view-repeated": 1}


# Labels
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


# Options
def test_options(tree: Path, tmp_path: Path) -> None:
    report = from_options(tree, tmp_path / "D", Options(workers=1, quiet=True, split=(1, 0, 0), more={"film": "yes"}))
    assert report.exams == 4
    assert set(Dataset.open(tmp_path / "D").tables["exams"]["split"]) == {"train"}
    for more in ({"film": "perhaps"}, {"colour": "yes"}, {"exams": "day"}):
        with pytest.raises(InputError):
            from_options(tree, tmp_path / "E", Options(more=more))


def test_no_split_if_asked(tree: Path, tmp_path: Path) -> None:
    report = from_options(tree, tmp_path / "D", Options(workers=1, quiet=True, split="none"))
    assert Dataset.open(tmp_path / "D").tables["exams"]["split"].null_count() == 4
    assert "Split: none" in str(report)


def test_raw_images_are_taken_if_asked_and_marked(tree: Path, tmp_path: Path) -> None:
    for path in (tree / "A1").glob("*.dcm"):
        raw = pydicom.dcmread(path)
        raw.SOPClassUID = raw.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2.1"
        raw.SOPInstanceUID = raw.file_meta.MediaStorageSOPInstanceUID = f"{raw.SOPInstanceUID[:50]}.1"
        raw.PresentationIntentType = "FOR PROCESSING"
        raw.PixelData = (4095 - raw.pixel_array).astype("<u2").tobytes()
        raw.save_as(path.with_name(f"raw-{path.name}"))
    imported(tree, tmp_path)
    assert rules(tmp_path) == {"for-processing": 4}
    from_options(tree, tmp_path / "E", Options(workers=1, quiet=True, more={"processing": "yes"}))
    images = Dataset.open(tmp_path / "E").tables["images"]
    assert images["kind"].value_counts(sort=True).rows() == [("mammogram", 16), ("processing", 4)]
    assert images.filter(pl.col("preferred") == 1)["kind"].unique().to_list() == ["mammogram"]


def test_machines_get_pseudonyms(tree: Path, tmp_path: Path) -> None:
    path = tree / "A1" / "LCC.dcm"
    other = pydicom.dcmread(path)
    other.DeviceSerialNumber = "SECRET-77"
    other.save_as(path)
    data = imported(tree, tmp_path)
    counts = sorted(data.tables["images"]["machine"].value_counts()["count"])
    assert counts == [1, 15]
    assert "SECRET" not in (tmp_path / "D" / "images.csv").read_text()


# Corrections
def test_a_person_has_the_last_word(tree: Path, tmp_path: Path) -> None:
    table = csv(
        tmp_path / "corrections.csv",
        f"""file,sop_instance_uid,kind,side,view
            A1/LCC.dcm,,leave-out,,
            A1/LMLO.dcm,,synthesised,,
            ,{pydicom.dcmread(tree / "B1" / "LCC.dcm").SOPInstanceUID},,right,
            B1/RCC.dcm,,,,ML
            B1/none.dcm,,,L,""",
    )
    data = imported(tree, tmp_path, settings=Settings(corrections=table))
    found = rules(tmp_path)
    assert (found["corrected"], found["correction-not-joined"]) == (2, 1)
    names = {name: path for path, name in paths(tmp_path).items()}
    changed = data.tables["images"].filter(
        (pl.col("laterality_source") == "correction") | (pl.col("view_source") == "correction")
    )
    assert sorted((names[row["image_id"]], row["side"], row["view"]) for row in changed.iter_rows(named=True)) == [
        ("B1/LCC.dcm", "R", "CC"), ("B1/RCC.dcm", "R", "ML"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what"),
    [("file,side\nA1/LCC.dcm,X", "row 1: the side"), ("file,kind\nA1/LCC.dcm,nice", "row 1: the kind"),
     ("file\nA1/LCC.dcm", "nothing is corrected"), ("name,side\nx,L", "no column tells")],
)  # fmt: skip
def test_wrong_corrections_are_errors(tree: Path, tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        imported(tree, tmp_path, settings=Settings(corrections=csv(tmp_path / "corrections.csv", text)))


# Interrupted
def test_an_import_that_was_killed_goes_on(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever file was being put in place, the folder is no dataset, and the same command makes the same one."""
    whole = imported(tree, tmp_path)
    expected = {path.name: path.read_bytes() for path in (tmp_path / "D").glob("*.*")}
    assert whole.tables["exams"].height == 4
    replace_file = os.replace
    for number in range(1, 40):
        shutil.rmtree(tmp_path / "D")
        calls = iter(range(1, 1000))

        def killed(*args: Any, calls: Any = calls, number: int = number) -> None:
            if next(calls) == number:
                raise KeyboardInterrupt
            replace_file(*args)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", killed)
            try:
                import_dicom(tree, tmp_path / "D", workers=1, quiet=True)
                break
            except KeyboardInterrupt:
                pass
        import_dicom(tree, tmp_path / "D", workers=1, quiet=True)
        assert {path.name: path.read_bytes() for path in (tmp_path / "D").glob("*.*")} == expected
    assert number > 5


# Real files
IDENTIFYING = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "AccessionNumber",
    "StudyID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "InstitutionName",
    "InstitutionAddress",
    "StationName",
    "StudyDescription",
    "SeriesDescription",
    "DeviceSerialNumber",
    "DetectorID",
    "ReferringPhysicianName",
    "OperatorsName",
    "ImageComments",
)


def test_the_public_samples(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "mg-dicom"
    settings = Settings(Rules(allow_film=True))
    import_dicom(source, tmp_path / "D", settings=settings, workers=1, quiet=True)
    data = Dataset.open(tmp_path / "D")
    table = pl.read_csv(tmp_path / "D" / "sources.csv")
    names = {name: Path(path).name for name, path in table.iter_rows()}
    rows = [(names[row["item"]], row["rule"]) for row in read_problems(tmp_path / "D").iter_rows(named=True)
            if row["item"] in names]  # fmt: skip
    taken = {names[image]: kind for image, kind in data.tables["images"].select("image_id", "kind").iter_rows()}
    assert taken == {"MG1_J2KI.dcm": "film", "MG1_JPLY.dcm": "film"}
    assert {
        ("MG-Im-GE_Seno_1_ForPresentation.dcm", "too-small"),
        ("MG-Im-GE_Seno_2_ForPresentation.dcm", "too-small"),
        ("MG-Im-GE_Seno_1_ForProcessing.dcm", "for-processing"),
        ("MG-Im-GE-SenDS-scaled.dcm", "for-processing"),
        ("MG-Im-Hologic-PropProj.dcm", "quality-control"),
        ("MG_Explicit_Little.dcm", "magnification-view"),
    } <= set(rows)
    secrets = set()
    for path in source.glob("*.dcm"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        secrets |= {str(header.get(name, "")).strip() for name in IDENTIFYING} | {path.name, path.stem}
    secrets = {secret.encode() for secret in secrets if len(secret) > 3}
    assert b"Malignant mass with micro-calcifications" in secrets
    for path in (tmp_path / "D").rglob("*"):
        if path.is_file() and path.name != "sources.csv":
            text = path.read_bytes()
            assert not [secret for secret in secrets if secret in text], path.name


def test_without_film_the_samples_give_rows(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of its 9 files"):
        import_dicom(shared / "data" / "mg-dicom", tmp_path / "D", workers=1, quiet=True)
    assert rules(tmp_path)["digitised-film"] == 2
    settings = Settings(Rules(allow_diagnostic=True))
    import_dicom(shared / "data" / "mg-dicom", tmp_path / "E", settings=settings, workers=1, quiet=True)
    assert Dataset.open(tmp_path / "E").tables["images"]["kind"].to_list() == ["mammogram"]


# The way round: a phantom's bare files with tables as a user keeps them
def test_a_phantom_comes_back(tmp_path: Path) -> None:
    from cadkit.phantom import export_user_tables, make_phantom
    from cadkit.prepare import Store, prepare

    phantom = make_phantom(tmp_path / "P", exams=6, size=(160, 104), seed=5, workers=1, progress=False)
    labels, findings = export_user_tables(phantom, tmp_path / "tables")
    import_dicom(phantom / "images", tmp_path / "D", labels=labels, findings=findings, workers=1, quiet=True)
    first, second = Dataset.open(phantom), Dataset.open(tmp_path / "D")
    sources = pl.read_csv(tmp_path / "D" / "sources.csv")
    new = {Path(path).stem: name for name, path in sources.iter_rows()}

    def said(data: Dataset, names: dict[str, str]) -> set[tuple[Any, ...]]:
        exams, breasts = data.tables["exams"], data.tables["breasts"]
        joined = data.tables["images"].join(exams, on="exam_id").join(breasts, on=["exam_id", "side"])
        columns = ["image_id", "side", "view", "faces", "rows", "columns", "date", "age", "density", "split",
                   "malignant", "benign", "biopsied"]  # fmt: skip
        return {(names[row[0]], *row[1:]) for row in joined.select(columns).iter_rows()}

    old = {name: name for name in first.tables["images"]["image_id"]}
    assert said(first, old) == said(second, {name: path for path, name in new.items()})
    assert second.tables["exams"]["patient_id"].n_unique() == first.tables["exams"]["patient_id"].n_unique()
    assert second.tables["findings"].height == first.tables["findings"].height > 0
    for folder in (phantom, tmp_path / "D"):
        prepare(folder, workers=1, quiet=True)
    one, other = Store(phantom / "store"), Store(tmp_path / "D" / "store")
    for name in old:
        np.testing.assert_array_equal(one.read(name), other.read(new[name]))
        assert one.to_file(name) == other.to_file(new[name])
