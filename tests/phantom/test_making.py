"""A phantom on disk: the same by seed, resumable, and what it says it is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
import pytest
from PIL import Image

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.phantom import export_user_tables, make_phantom, preview, read_settings
from cadkit.phantom.mix import mix_of

SIZE = (160, 104)
EXAMS = 8


def build(folder: Path, *, workers: int = 1, seed: int = 5, exams: int = EXAMS, difficulty: str = "easy") -> Path:
    return make_phantom(
        folder, exams=exams, size=SIZE, seed=seed, difficulty=difficulty, readers=2, workers=workers, quiet=True
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("phantom") / "D")


def test_the_same_files_whatever_the_number_of_workers(phantom: Path, tmp_path: Path) -> None:
    assert contents(build(tmp_path / "two", workers=2)) == contents(phantom)


def test_another_seed_gives_other_pictures(phantom: Path, tmp_path: Path) -> None:
    other = contents(build(tmp_path / "other", seed=6, exams=1))
    mine = contents(phantom)
    same = [name for name in other if name.startswith("images/") and mine[name] == other[name]]
    assert same == []


def test_the_dataset_opens_without_problems(phantom: Path) -> None:
    dataset = Dataset.open(phantom)
    assert len(list(dataset.exams)) == EXAMS


def test_what_was_interrupted_is_finished_to_the_same_bytes(phantom: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    shutil.copytree(phantom, half)
    # As a kill leaves it: no tables yet, an exam missing, one with a file missing, a hidden part.
    for name in ("dataset.toml", "exams.csv", "breasts.csv", "images.csv", "findings.csv"):
        (half / name).unlink()
    shutil.rmtree(half / "images/000/e000003")
    (half / "images/000/e000001/e000001_R_CC.dcm").unlink()
    part = half / "images/000/e000001/.e000001_R_CC.dcm.1.part"
    part.write_bytes(b"half a file")
    untouched = half / "images/000/e000000/e000000_L_CC.dcm"
    before = untouched.stat().st_mtime_ns
    build(half)
    part.unlink()
    assert contents(half) == contents(phantom)
    assert untouched.stat().st_mtime_ns == before


def test_repeating_a_finished_phantom_writes_nothing(phantom: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in phantom.rglob("*")}
    build(phantom)
    assert {p: p.stat().st_mtime_ns for p in phantom.rglob("*")} == before


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(InputError, match="holds no phantom"):
        build(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_phantom_of_other_settings_is_refused(phantom: Path) -> None:
    with pytest.raises(InputError, match="other settings: exams, seed"):
        build(phantom, seed=1, exams=3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"difficulty": "hard"}, "no such difficulty"),
        ({"size": (10, 10)}, "at least 64 rows"),
        ({"exams": 0}, "1 to 1,000,000 exams"),
        ({"malignant": 0.7}, "`malignant`"),
        ({"interval": -0.1}, "`interval`"),
        ({"visits": (0.5, 0.5, 0.5, 0.5)}, "`visits`"),
        ({"readers": -1}, "readers"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make_phantom(tmp_path / "D", quiet=True, **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "D").exists()


def test_tables_and_files_agree(phantom: Path) -> None:
    images = pl.read_csv(phantom / "images.csv")
    exams = {row["exam_id"]: row for row in pl.read_csv(phantom / "exams.csv").iter_rows(named=True)}
    syntaxes, kinds = set(), set()
    for row in images.iter_rows(named=True):
        file = pydicom.dcmread(phantom / row["file"])
        assert file.ImageLaterality == row["side"]
        assert (file.Rows, file.Columns) == (row["rows"], row["columns"]) == SIZE
        assert float(file.ImagerPixelSpacing[0]) == pytest.approx(row["pixel_spacing_mm"])
        assert file.Manufacturer == row["manufacturer"] == exams[row["exam_id"]]["vendor"]
        assert file.PatientID == exams[row["exam_id"]]["patient_id"]
        syntaxes.add(file.file_meta.TransferSyntaxUID.is_compressed)
        kinds.add((file.PhotometricInterpretation, file.BitsStored))
    assert syntaxes == {False, True}
    assert kinds == {("MONOCHROME2", 12), ("MONOCHROME1", 14)}
    assert images.height == 4 * EXAMS


def test_stored_pixels_have_exact_air_and_face_the_right_way(phantom: Path) -> None:
    for row in pl.read_csv(phantom / "images.csv").iter_rows(named=True):
        file = pydicom.dcmread(phantom / row["file"])
        pixels = file.pixel_array
        air = 0 if file.PhotometricInterpretation == "MONOCHROME2" else 2**file.BitsStored - 1
        breast = pixels != air
        assert 0.1 < breast.mean() < 0.8
        columns = breast.sum(axis=0)
        wall, front = (columns[0], columns[-1]) if row["side"] == "L" else (columns[-1], columns[0])
        assert wall > 0.4 * SIZE[0]
        assert front == 0


def test_findings_lie_in_labelled_breasts_and_in_both_views(phantom: Path) -> None:
    breasts = {(r["exam_id"], r["side"]): r for r in pl.read_csv(phantom / "breasts.csv").iter_rows(named=True)}
    images = {r["image_id"]: r for r in pl.read_csv(phantom / "images.csv").iter_rows(named=True)}
    findings = pl.read_csv(phantom / "findings.csv")
    views: dict[str, set[str]] = {}
    seen = set()
    for row in findings.iter_rows(named=True):
        image = images[row["image_id"]]
        key = (image["exam_id"], image["side"])
        assert breasts[key][row["label"]] == 1
        seen.add((*key, row["label"]))
        views.setdefault(row["lesion_id"], set()).add(image["view"])
        mask = np.asarray(Image.open(phantom / row["mask"]))
        assert mask.shape == SIZE
        assert set(np.unique(mask)) == {0, 255}
    assert all(shown == {"CC", "MLO"} for shown in views.values())
    labelled = {(*k, label) for k, row in breasts.items() for label in ("malignant", "benign") if row[label] == 1}
    # Nothing is occult in the easy phantom.
    assert set(mix_of("easy").occult.values()) == {0}
    assert seen == labelled
    assert all(row["biopsied"] == max(row["malignant"], row["benign"]) for row in breasts.values())


def test_no_error_in_the_eyes_of_dciodvfy(phantom: Path) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    files = [next((phantom / "images/000").glob(f"{exam}/*.dcm")) for exam in _exam_of_each_vendor(phantom)]
    assert len(files) == 2
    for file in files:
        done = subprocess.run(["dciodvfy", str(file)], capture_output=True, text=True, check=False)
        assert not [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


def _exam_of_each_vendor(folder: Path) -> list[str]:
    return pl.read_csv(folder / "exams.csv").group_by("vendor").agg(pl.col("exam_id").min())["exam_id"].to_list()


def test_user_tables_know_the_files_and_not_the_dataset(phantom: Path, tmp_path: Path) -> None:
    labels_file, findings_file = export_user_tables(phantom, tmp_path / "user")
    files = [pydicom.dcmread(p, stop_before_pixels=True) for p in (phantom / "images").rglob("*.dcm")]
    labels, findings = pl.read_csv(labels_file), pl.read_csv(findings_file)
    accessions = {(file.PatientID, file.AccessionNumber, file.ImageLaterality) for file in files}
    assert {(r["patient_id"], r["accession"], r["side"]) for r in labels.iter_rows(named=True)} == accessions
    breasts = pl.read_csv(phantom / "breasts.csv")
    shared = [name for name in breasts.columns if name != "exam_id"]
    assert {"interval_cancer", "reader_screen_1", "recall_screen_2", "reader_2", "recall_2"} < set(shared)
    assert labels.select(shared).equals(breasts.select(shared))
    assert set(findings["sop_instance_uid"]) <= {file.SOPInstanceUID for file in files}
    assert findings.height == pl.read_csv(phantom / "findings.csv").height
    for name in findings["mask"]:
        assert (tmp_path / "user" / name).read_bytes() == (phantom / name).read_bytes()


def test_the_contact_sheet_is_a_picture_of_all_four_views(phantom: Path, tmp_path: Path) -> None:
    sheet = np.asarray(Image.open(preview(phantom, tmp_path / "sheet.png", n=2)))
    assert sheet.shape == (800, 4 * 260, 3)
    assert all(sheet[:400, 260 * k : 260 * (k + 1)].std() > 10 for k in range(4))


def test_settings_are_read_back(phantom: Path, tmp_path: Path) -> None:
    assert read_settings(phantom).rows == SIZE[0]
    (tmp_path / "phantom.toml").write_text("exams = 3\n")
    with pytest.raises(InputError, match="not the settings"):
        read_settings(tmp_path)
