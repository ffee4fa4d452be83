"""Importing trees of DICOM files: what is taken, what is left out and why, options, corrections."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import polars as pl
import pydicom
import pytest
from PIL import Image as Picture

from cadkit.data import Dataset
from cadkit.data.tables import read_problems
from cadkit.dicom import stored_values
from cadkit.errors import InputError
from cadkit.importers import Options
from cadkit.importers.dicom import Settings, from_options, import_dicom
from tests.importers.trees import BREAST, csv, exam_of, four, image, imported, paths, rules


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
