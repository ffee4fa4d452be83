"""A hospital's folder whose every corner tells who the women are, and the tables that go with it."""

from __future__ import annotations

import datetime as dt
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cadkit.dicom import stored_values, write_mammogram

ROWS, COLUMNS = 96, 80
DIAGNOSIS = "Verdacht auf invasives Mammakarzinom"


@dataclass(frozen=True)
class Woman:
    """One woman, with the split that the table of labels puts her into and whether her left breast is malignant."""

    name: str
    character_set: str
    patient_id: str
    born: dt.date
    accession: str
    folder: str
    split: str
    malignant: int


WOMEN = (
    Woman("Überreuther^Änneliese", "ISO_IR 100", "PID-77310442", dt.date(1964, 5, 6), "ACC-5550123",
          "Überreuther_Änneliese_19640506", "train", 1),
    Woman("Kowalczyńska^Małgorzata", "ISO_IR 192", "KK 48 1203 991", dt.date(1951, 12, 30), "ZUGANG/7781-B",
          "Kowalczynska Malgorzata", "train", 0),
    Woman("Yamada^Hanako=山田梅子^花", "\\ISO 2022 IR 87", "HANAKO-900011", dt.date(1958, 8, 9), "ACC-8080771",
          "yamada.hanako", "validation", 1),
    Woman("O'Shaughnessy-Grünewald^Bríd", "ISO_IR 100", "MRN00456712", dt.date(1949, 2, 28), "ACC-3141597",
          "SHAUGHNESSY", "validation", 0),
    Woman("Pfefferkorn^Rosalinde", "", "998877665544", dt.date(1960, 10, 11), "ACC-2718287",
          "Pfefferkorn,R", "test", 1),
    Woman("Quasimodova^Esmeralda", "", "ESM-220011", dt.date(1967, 7, 17), "ACC-1618037", "Q-Esmeralda", "test", 0),
)  # fmt: skip
_OTHERS = {
    "physician": ("Quacksalberius", "Röntgenowitsch"),
    "institution": ("Klinikum Morgenröte", "Sonnenaufgangsallee"),
    "machine": ("MAMMO-STATION-9", "SN-88123377", "DET-556677A", "AE_MORGENROETE"),
    "diagnosis": (DIAGNOSIS, "Mammakarzinom"),
    "comment": ("spricht nur Plattdeutsch", "0171-4455667", "Hinterhofgasse"),
    "private": ("GEHEIMTAG",),
    "uid": ("1.2.276.0.7230010.3.1.4.9988776655",),
}
# Texts that a reader may quote in a reason: each stands in a file of its own.
POISONED = (
    "Modality", "ConversionType", "PresentationIntentType", "ImageType", "SOPClassUID", "ViewPosition", "PatientAge",
    "PatientOrientation", "PaddleDescription", "PresentationLUTShape", "VOILUTFunction", "WindowCenter", "WindowWidth",
    "WindowCenterWidthExplanation", "PartialView", "BreastImplantPresent", "Laterality", "ImageLaterality",
    "AcquisitionTime", "AcquisitionDate", "StudyDate", "PatientSex", "BodyPartExamined", "SpecificCharacterSet",
    "VolumetricProperties", "DerivationDescription", "LossyImageCompression", "KVP", "PhotometricInterpretation",
    "ImagerPixelSpacing", "RescaleSlope", "SeriesDescription", "ProtocolName", "OrganExposed", "PositionerType",
    "PixelSpacingCalibrationType", "BitsStored", "Rows", "NumberOfFrames", "EstimatedRadiographicMagnificationFactor",
)  # fmt: skip


def secrets() -> dict[str, list[str]]:
    """What must not be found: name and texts of each identity."""
    found: dict[str, list[str]] = {kind: list(texts) for kind, texts in _OTHERS.items()}
    for number, woman in enumerate(WOMEN):
        found[f"name {number}"] = [
            part for part in re.split("[=^'-]", woman.name) if len(part) > 4 or part == "山田梅子"
        ]
        found[f"id {number}"] = [woman.patient_id]
        found[f"birth {number}"] = [
            f"{woman.born:{form}}" for form in ("%Y%m%d", "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d")
        ]
        found[f"accession {number}"] = [woman.accession]
        found[f"folder {number}"] = [woman.folder]
    return found


def write_source(folder: Path) -> None:
    """Four views of each woman, files that cannot be used, and files with a name where none belongs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, woman in enumerate(WOMEN):
            for side in "LR":
                for view in ("CC", "MLO"):
                    _mammogram(
                        folder / woman.folder / f"Studie {woman.accession.replace('/', '-')}", woman, number, side, view
                    )
        _unusable(folder)
        _poisoned(folder / WOMEN[0].folder)


def write_labels(path: Path) -> None:
    """Labels by accession number, with a column of names."""
    lines = ["Accession Number;Patientin;side;malignant;benign;split"]
    for woman in WOMEN:
        lines += [
            f"{woman.accession};{woman.name};{side};{woman.malignant * (side == 'L')};0;{woman.split}" for side in "LR"
        ]
    lines += [f"unbekannt-{WOMEN[4].patient_id};{WOMEN[4].name};L;0;0;test", f"{WOMEN[5].accession};x;?;1;0;test"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_findings(path: Path, source: Path) -> None:
    """A finding in each malignant breast, one in a file that does not exist, one outside its image."""
    lines = ["file,lesion_id,label,kind,shape,coordinates"]
    for woman in WOMEN:
        files = sorted((source / woman.folder).rglob("*LCC.dcm"))
        if woman.malignant:
            lines.append(
                f'"{files[0].relative_to(source).as_posix()}",{woman.patient_id}-a,malignant,mass,circle,25 48 8'
            )
    lines += [
        f"{WOMEN[1].folder}/fort.dcm,x,malignant,mass,circle,1 1 1",
        f'"{files[0].relative_to(source)}",x,malignant,mass,point,900 1',
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _mammogram(folder: Path, woman: Woman, number: int, side: str, view: str) -> None:
    y, x = np.mgrid[:ROWS, :COLUMNS]
    rng = np.random.default_rng(number)
    shown = np.where((x / 60) ** 2 + ((y - 48) / 44) ** 2 < 1, 0.4 + 0.1 * rng.random((ROWS, COLUMNS)), 0)
    if woman.malignant and side == "L":
        shown[42:54, 20:32] += 0.4
    path = folder / f"{woman.folder}_{side}{view}.dcm"
    shown = shown if side == "L" else shown[:, ::-1]
    write_mammogram(
        path, stored_values(shown), side=side, view=view, spacing_mm=2.0, patient_id=woman.patient_id,  # type: ignore[arg-type]
        accession=woman.accession, image_id=path.name, date=dt.date(2020, 1, 2 + number), birth_date=woman.born,
    )  # fmt: skip
    dataset = pydicom.dcmread(path)
    _tell(dataset, woman)
    dataset.save_as(path, enforce_file_format=True)


def _tell(dataset: pydicom.FileDataset, woman: Woman) -> None:
    dataset.SpecificCharacterSet = woman.character_set.split("\\")
    dataset.PatientName = woman.name
    dataset.OtherPatientIDs = woman.patient_id
    dataset.PatientAddress = "Hinterhofgasse 3"
    dataset.PatientTelephoneNumbers = "0171-4455667"
    dataset.ReferringPhysicianName = "Quacksalberius^Dr"
    dataset.OperatorsName = "Röntgenowitsch^Igor" if woman.character_set == "ISO_IR 100" else "Quacksalberius^MTA"
    dataset.InstitutionName = "Klinikum Morgenröte" if woman.character_set == "ISO_IR 100" else "Klinikum"
    dataset.InstitutionAddress = "Sonnenaufgangsallee 1"
    dataset.StationName = "MAMMO-STATION-9"
    dataset.DeviceSerialNumber, dataset.DetectorID = "SN-88123377", "DET-556677A"
    dataset.StudyDescription = DIAGNOSIS
    dataset.SeriesDescription = f"Mammographie {woman.folder}"[:64]
    dataset.ImageComments = "spricht nur Plattdeutsch"
    dataset.StudyID = woman.accession[:16]
    dataset.StudyInstanceUID = f"1.2.276.0.7230010.3.1.4.9988776655.1.{woman.born:%Y%m%d}"
    dataset.SeriesInstanceUID = dataset.StudyInstanceUID + ".2"
    dataset.SOPInstanceUID = f"1.2.276.0.7230010.3.1.4.9988776655.{dataset.SOPInstanceUID[5:25]}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.SourceApplicationEntityTitle = "AE_MORGENROETE"
    request = Dataset()
    request.RequestedProcedureDescription = DIAGNOSIS
    request.RequestedProcedureID = woman.accession[:16]
    dataset.RequestAttributesSequence = Sequence([request])
    block = dataset.private_block(0x0019, f"GEHEIMTAG {woman.patient_id}", create=True)
    block.add_new(0x01, "LO", woman.patient_id)


def _unusable(folder: Path) -> None:
    """What lies about in such folders."""
    home = folder / WOMEN[0].folder
    whole = next(home.rglob("*LCC.dcm"))
    (home / f"Arztbrief {WOMEN[0].folder}.pdf").write_bytes(b"%PDF-1.4 " + WOMEN[0].name.encode())
    (home / "leer.dcm").write_bytes(b"")
    (home / f"{WOMEN[0].patient_id} kaputt.dcm").write_bytes(whole.read_bytes()[:-3000])
    (home / f"{WOMEN[0].patient_id} kurz.dcm").write_bytes(whole.read_bytes()[:1200])
    (home / f".{WOMEN[0].folder}").write_bytes(whole.read_bytes()[:700])
    (home / "kopie.dcm").write_bytes(whole.read_bytes())
    for name, changes in {
        "ultraschall": {"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"},
        "ohne Seite": {"ImageLaterality": "", "PatientOrientation": ""},
        "qualitaet": {"QualityControlImage": "YES"},
        "eingebrannt": {"BurnedInAnnotation": "YES"},
        "ohne Studie": {"StudyInstanceUID": "", "SOPInstanceUID": "1.2.276.0.7230010.3.1.4.9988776655.77"},
        "ohne Patientin": {"PatientID": "", "SOPInstanceUID": "1.2.276.0.7230010.3.1.4.9988776655.78"},
    }.items():
        dataset = pydicom.dcmread(whole)
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(home / f"{WOMEN[0].folder} {name}.dcm")


def _poisoned(folder: Path) -> None:
    whole = next(folder.rglob("*LCC.dcm")).read_bytes()
    mode = pydicom.config.settings.writing_validation_mode
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    try:
        for number, keyword in enumerate(POISONED):
            path = folder / "seltsam" / f"{number}.dcm"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(whole)
            dataset = pydicom.dcmread(path)
            dataset.SOPInstanceUID = f"1.2.276.0.7230010.3.1.4.9988776655.99.{number}"
            dataset.SpecificCharacterSet = "ISO_IR 100"
            dataset.pop(keyword, None)
            # Whatever the attribute should hold, its text is her name.
            dataset.add_new(keyword, "LO", "Überreuther")
            dataset.save_as(path, enforce_file_format=False)
    finally:
        pydicom.config.settings.writing_validation_mode = mode
