"""Real files, and a phantom that is exported and comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pydicom
import pytest

from cadkit.data import Dataset
from cadkit.data.tables import read_problems
from cadkit.dicom import Rules
from cadkit.errors import InputError
from cadkit.importers.dicom import Settings, import_dicom
from tests.importers.trees import rules

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


def test_a_phantom_comes_back(tmp_path: Path) -> None:
    """The way round: a phantom's bare files with tables as a user keeps them."""
    from cadkit.phantom import export_user_tables, make_phantom
    from cadkit.prepare import Store, prepare

    phantom = make_phantom(tmp_path / "P", exams=6, size=(160, 104), seed=5, workers=1, quiet=True)
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
