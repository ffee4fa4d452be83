"""The header of one file: what an importer needs to know, and nothing that names a person.

Only the attributes in `_READ` are read at all. Of the free texts among them (descriptions may hold names and
even the diagnosis) no more leaves this module than whether a known product's name stands in them.
`patient_id`, `accession` and the UIDs are identities too: they are for joining tables, and the importer
replaces them by pseudonyms.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from dataclasses import dataclass, field, replace

from pydicom.dataset import Dataset, FileDataset

from cadkit.dicom.descriptions import said_by
from cadkit.dicom.elements import (
    count_of,
    items_of,
    number_of,
    numbers_of,
    tag_of,
    text_of,
    texts_of,
)
from cadkit.dicom.files import lenient, read_dataset, syntax_of
from cadkit.dicom.laterality import DESCRIPTION, oriented_obliquely, side_of
from cadkit.dicom.views import View, view_of
from cadkit.errors import Problem

# fmt: off
_READ = tuple(tag_of(keyword) for keyword in (
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate", "SeriesDate",
    "AcquisitionDate", "ContentDate", "AcquisitionDateTime", "StudyTime", "AcquisitionTime", "ContentTime",
    "AccessionNumber", "Modality", "ConversionType", "PresentationIntentType", "Manufacturer",
    "StationName", "StudyDescription", "SeriesDescription", "ManufacturerModelName", "DerivationDescription",
    "AnatomicRegionSequence", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "PatientAge", "BodyPartExamined", "KVP", "Exposure", "BodyPartThickness",
    "EstimatedRadiographicMagnificationFactor", "ImagerPixelSpacing", "NominalScannedPixelSpacing",
    "DeviceSerialNumber", "ProtocolName", "DetectorID", "PaddleDescription", "PositionerType", "ViewPosition",
    "StudyInstanceUID", "SeriesInstanceUID",
    "PatientOrientation", "Laterality", "ImageLaterality", "ConcatenationUID",
    "SOPInstanceUIDOfConcatenationSource", "VolumetricProperties", "VolumeBasedCalculationTechnique",
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "PixelSpacing",
    "BitsAllocated", "BitsStored", "PixelRepresentation", "QualityControlImage", "BurnedInAnnotation",
    "PixelSpacingCalibrationType", "BreastImplantPresent", "PartialView", "PartialViewCodeSequence",
    "LossyImageCompression", "OrganExposed", "ViewCodeSequence", "ViewModifierCodeSequence",
    "SharedFunctionalGroupsSequence",
))
# fmt: on

_YEARS = range(18, 121)
_SPACING_MM = (0.01, 5.0)
_AGE = re.compile(r"(\d{1,4})\s*([DWMY]?)", re.IGNORECASE)
_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0, "": 1.0}
_SAME_EXAM_DAYS = 30


@dataclass(frozen=True)
class Header:
    """What the header of one file tells. Text is empty and numbers are None where it tells nothing.

    Attributes:
        sop_class, sop_instance_uid, study_uid, series_uid: UIDs as text.
        patient_id, patient_issuer: PatientID (0010,0020) and IssuerOfPatientID (0010,0021).
        accession: AccessionNumber (0008,0050).
        modality, conversion_type, intent: (0008,0060), (0008,0064), (0008,0068).
        image_type: the values of ImageType (0008,0008), upper case, empty parts kept.
        side: `L`, `R`, `B` or empty; `laterality_source` is the attribute that told.
        view: see `cadkit.dicom.views.View`.
        partial: one of several images of a breast that was too large (0028,1350).
        implant: BreastImplantPresent (0028,1300); None where it is absent.
        magnification: EstimatedRadiographicMagnificationFactor (0018,1114).
        rows, columns, frames, samples: the size that the header claims; 0 where it claims none.
        bits_allocated, bits_stored, signed, photometric, transfer_syntax, lossy: how the pixels are stored.
        pixel_bytes: bytes of pixel data in the file; None where there is no pixel data.
        pixel_spacing_mm: distance of pixel centres in the plane of the breast; `spacing_source` says whence.
        date: of the exposure, as far as the file knows; `date_source` is the attribute.
        study_date: StudyDate (0008,0020), which for a re-sent study can be the day of import.
        time: AcquisitionTime (0008,0032), else ContentTime, as HHMMSS and what follows.
        age_years: PatientAge (0010,1010), else from the birth date; 18 to 120.
        manufacturer, model: (0008,0070), (0008,1090).
        faces: where the nipple points by PatientOrientation (0020,0020): `right`, `left` or empty.
        breast: the header names the breast as the part of the body, or a mammographic positioner.
        quality_control, burned_in: (0028,0300) and (0028,0301) say YES.
        product: the product's name in SeriesDescription that marks a picture computed from tomosynthesis.
        volume_slice: the pattern of a slice or picture out of a volume (DERIVED, PRIMARY; VolumetricProperties
            VOLUME; a concatenation; signs of tomosynthesis).
        kvp, exposure_mas, thickness_mm: (0018,0060), (0018,1152), (0018,11A0).
        purpose: what else than an ordinary mammogram the texts of the header name (see `cadkit.dicom.descriptions`).
        machine: an identity of the machine, to be replaced by a pseudonym; empty where nothing tells.
        notes: what was doubtful and how it was read.
    """

    sop_class: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    patient_id: str
    patient_issuer: str
    accession: str
    modality: str
    conversion_type: str
    intent: str
    image_type: tuple[str, ...]
    side: str
    laterality_source: str
    view: View
    partial: bool
    implant: bool | None
    magnification: float | None
    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    photometric: str
    transfer_syntax: str
    lossy: bool
    pixel_bytes: int | None
    pixel_spacing_mm: float | None
    spacing_source: str
    date: dt.date | None
    date_source: str
    study_date: dt.date | None
    time: str
    age_years: int | None
    manufacturer: str
    model: str
    faces: str
    breast: bool
    quality_control: bool
    burned_in: bool
    product: str
    volume_slice: bool
    kvp: float | None
    exposure_mas: float | None
    thickness_mm: float | None
    purpose: str = ""
    machine: str = field(default="", repr=False)
    notes: tuple[Problem, ...] = ()

    @property
    def standard(self) -> bool:
        """True for an image of a screening exam: CC or MLO, no modifier that matters, not partial."""
        return self.view.standard and not self.partial


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read a file's header, stopping before its pixels.

    Raises:
        DicomError: the file is not DICOM or its header cannot be read.
    """
    dataset, pixel_bytes = read_dataset(path, pixels=False, tags=_READ)
    # pydicom converts values when they are asked for, and its warnings quote them.
    with lenient():
        return header_of(dataset, pixel_bytes)


def header_of(dataset: FileDataset, pixel_bytes: int | None) -> Header:
    """The header of a dataset that has been read (see `read_dataset`)."""
    notes: list[Problem] = []
    said = said_by(dataset)
    view = _view(dataset, said.view, notes)
    partial = _yes(dataset, "PartialView") or bool(items_of(dataset, "PartialViewCodeSequence"))
    if partial:
        notes.append(
            Problem(
                "partial-view", "one of several images of a breast that is larger than the detector: no standard view"
            )
        )
    side, side_source = side_of(dataset, said.side, notes)
    spacing, spacing_source = _spacing(dataset, notes)
    date, date_source, study_date = _dates(dataset, notes)
    meta = getattr(dataset, "file_meta", Dataset())
    image_type = tuple(part.upper() for part in texts_of(dataset, "ImageType"))
    return Header(
        sop_class=text_of(dataset, "SOPClassUID") or text_of(meta, "MediaStorageSOPClassUID"),
        sop_instance_uid=text_of(dataset, "SOPInstanceUID") or text_of(meta, "MediaStorageSOPInstanceUID"),
        study_uid=text_of(dataset, "StudyInstanceUID"),
        series_uid=text_of(dataset, "SeriesInstanceUID"),
        patient_id=text_of(dataset, "PatientID"),
        patient_issuer=text_of(dataset, "IssuerOfPatientID"),
        accession=text_of(dataset, "AccessionNumber"),
        modality=text_of(dataset, "Modality").upper(),
        conversion_type=text_of(dataset, "ConversionType").upper(),
        intent=text_of(dataset, "PresentationIntentType").upper(),
        image_type=image_type,
        side=side,
        laterality_source=side_source,
        view=view,
        partial=partial,
        implant={"YES": True, "NO": False}.get(text_of(dataset, "BreastImplantPresent").upper()),
        magnification=number_of(dataset, "EstimatedRadiographicMagnificationFactor"),
        rows=count_of(dataset, "Rows", 0),
        columns=count_of(dataset, "Columns", 0),
        frames=max(1, count_of(dataset, "NumberOfFrames", 1)),
        samples=count_of(dataset, "SamplesPerPixel", 1),
        bits_allocated=count_of(dataset, "BitsAllocated", 16),
        bits_stored=count_of(dataset, "BitsStored", count_of(dataset, "BitsAllocated", 16)),
        signed=count_of(dataset, "PixelRepresentation", 0) == 1,
        photometric=text_of(dataset, "PhotometricInterpretation").upper(),
        transfer_syntax=str(syntax_of(dataset)),
        lossy=text_of(dataset, "LossyImageCompression") == "01",
        pixel_bytes=pixel_bytes,
        pixel_spacing_mm=spacing,
        spacing_source=spacing_source,
        date=date,
        date_source=date_source,
        study_date=study_date,
        time=text_of(dataset, "AcquisitionTime") or text_of(dataset, "ContentTime"),
        age_years=_age(dataset, date or study_date, notes),
        manufacturer=text_of(dataset, "Manufacturer"),
        model=text_of(dataset, "ManufacturerModelName"),
        faces=_faces(dataset),
        breast=_breast(dataset),
        quality_control=_yes(dataset, "QualityControlImage") or text_of(dataset, "ViewPosition").upper() == "FLATFIELD",
        burned_in=_yes(dataset, "BurnedInAnnotation"),
        product=said.product,
        purpose=said.purpose or _paddle(dataset),
        volume_slice=_volume_slice(dataset, image_type),
        kvp=number_of(dataset, "KVP"),
        exposure_mas=number_of(dataset, "Exposure"),
        thickness_mm=number_of(dataset, "BodyPartThickness"),
        machine=_machine(dataset),
        notes=tuple(notes),
    )


def _view(dataset: Dataset, described: str, notes: list[Problem]) -> View:
    """The view: its code, else ViewPosition, else the description of the series; who contradicts it is listed."""
    view = view_of(dataset)
    if not view.name and described:
        view = replace(view, name=described, source="SeriesDescription")
    others = [f"ViewPosition {view.conflict}"] if view.conflict else []
    if view.meaning_conflict:
        others.append(f"the code's own meaning {view.meaning_conflict}")
    if view.name and described not in ("", view.name):
        others.append(f"{DESCRIPTION} {described}")
    if view.name == "CC" and oriented_obliquely(dataset):
        others.append("PatientOrientation an oblique view")
    if others:
        reason = f"{view.source} says {view.name}, but {' and '.join(others)}; {view.name} is kept"
        mend = "Look at the image; if it is wrong, give its view in a table of corrections."
        notes.append(Problem("view-conflict", reason, mend=mend))
    if view.name and not view.standard and view.modifiers:
        what = ", ".join(view.modifiers)
        notes.append(Problem("view-modified", f"{view.name} with {what}: no standard view of a screening exam"))
    return view


def _machine(dataset: Dataset) -> str:
    """What tells one machine from another: maker, model and the first of serial number, detector and station."""
    own = next(
        (text for name in ("DeviceSerialNumber", "DetectorID", "StationName") if (text := text_of(dataset, name))), ""
    )
    maker = text_of(dataset, "Manufacturer"), text_of(dataset, "ManufacturerModelName")
    return "|".join((*maker, own)).casefold() if own else ""


def _paddle(dataset: Dataset) -> str:
    """`needle` if the paddle is one with a window for needles."""
    paddle = text_of(dataset, "PaddleDescription").upper()
    return "needle" if "BIOPSY" in paddle or "LOCALIZ" in paddle or "LOCALIS" in paddle else ""


def _yes(dataset: Dataset, keyword: str) -> bool:
    return text_of(dataset, keyword).upper() == "YES"


def _spacing(dataset: Dataset, notes: list[Problem]) -> tuple[float | None, str]:
    """Pixel spacing in the breast's plane, in mm, and its source (PS3.3 10.7.1).

    ImagerPixelSpacing (0018,1164) lies in the detector's plane and is divided by the magnification factor. It is
    preferred to an uncalibrated PixelSpacing (0028,0030), unless the picture was scaled afterwards:
    then PixelSpacing followed and ImagerPixelSpacing did not.
    """
    imager = numbers_of(dataset, "ImagerPixelSpacing")
    spacing = numbers_of(dataset, "PixelSpacing")
    factor = number_of(dataset, "EstimatedRadiographicMagnificationFactor") or 1.0
    scaled = "scaled image" in text_of(dataset, "DerivationDescription").casefold()
    calibrated = bool(text_of(dataset, "PixelSpacingCalibrationType"))
    candidates = {
        "PixelSpacing": spacing,
        "ImagerPixelSpacing": tuple(value / max(factor, 1.0) for value in imager),
        "NominalScannedPixelSpacing": numbers_of(dataset, "NominalScannedPixelSpacing"),
    }
    order = ["ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"]
    if calibrated and spacing:
        order = ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"]
    if scaled:
        order = ["PixelSpacing"]
    for source in order:
        values = candidates[source][:2]
        if not values:
            continue
        # A picture that was scaled down to a thumbnail has pixels of any size.
        if not scaled and not all(_SPACING_MM[0] <= value <= _SPACING_MM[1] for value in values):
            notes.append(Problem("spacing-implausible", f"{source} is not a pixel size of a mammogram; it is not used"))
            continue
        if max(values) > 1.01 * min(values):
            notes.append(
                Problem("spacing-uneven", f"{source} differs between rows and columns; that of the rows is kept")
            )
        return round(values[0], 6), source
    return None, ""


def _dates(dataset: Dataset, notes: list[Problem]) -> tuple[dt.date | None, str, dt.date | None]:
    study = _date(text_of(dataset, "StudyDate"))
    for source in ("AcquisitionDate", "AcquisitionDateTime", "StudyDate", "SeriesDate", "ContentDate"):
        date = _date(text_of(dataset, source))
        if date is None:
            continue
        if study and abs((study - date).days) > _SAME_EXAM_DAYS:
            notes.append(
                Problem("date-differs", f"StudyDate lies {abs((study - date).days)} days from {source}, which is kept")
            )
        return date, source, study
    return None, "", study


def _date(text: str) -> dt.date | None:
    digits = text.replace(".", "").replace("-", "")
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def _age(dataset: Dataset, date: dt.date | None, notes: list[Problem]) -> int | None:
    """Age in whole years: PatientAge (an AS such as `053Y`, or what is written for it), else by the birth date."""
    text = text_of(dataset, "PatientAge")
    match = _AGE.fullmatch(text)
    years = int(int(match[1]) / _PER_YEAR[match[2].upper()]) if match else None
    if years in _YEARS:
        return years
    born = _date(text_of(dataset, "PatientBirthDate"))
    if born and date:
        since = date.year - born.year - ((date.month, date.day) < (born.month, born.day))
        if since in _YEARS:
            return since
    if text:
        notes.append(Problem("age-implausible", "PatientAge is no age of a screened woman; it is left empty"))
    return None


def _faces(dataset: Dataset) -> str:
    """Where the nipple points: rows that run to anterior have it on the right."""
    row = text_of(dataset, "PatientOrientation").upper()
    return {"A": "right", "P": "left"}.get(row[:1], "")


def _breast(dataset: Dataset) -> bool:
    if "BREAST" in (text_of(dataset, "BodyPartExamined") + text_of(dataset, "OrganExposed")).upper():
        return True
    if text_of(dataset, "PositionerType").upper().startswith("MAMMOGRAPHIC"):
        return True
    codes = {text_of(item, "CodeValue") for item in items_of(dataset, "AnatomicRegionSequence")}
    return bool(codes & {"76752008", "T-04000"})


def _volume_slice(dataset: Dataset, image_type: tuple[str, ...]) -> bool:
    """A Fuji slice or synthesised picture, which one file cannot tell apart."""
    if tuple(part for part in image_type if part) != ("DERIVED", "PRIMARY"):
        return False
    if text_of(dataset, "VolumetricProperties").upper() != "VOLUME":
        return False
    if text_of(dataset, "VolumeBasedCalculationTechnique").upper() not in ("", "NONE"):
        return False
    joined = text_of(dataset, "ConcatenationUID") or text_of(dataset, "SOPInstanceUIDOfConcatenationSource")
    texts = text_of(dataset, "SeriesDescription") + text_of(dataset, "StudyDescription")
    tomosynthesis = "TOMO" in texts.upper() or text_of(dataset, "SOPClassUID").startswith(
        "1.2.840.10008.5.1.4.1.1.13.1."
    )
    return bool(joined) and tomosynthesis
