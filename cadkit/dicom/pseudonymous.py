"""A copy of a mammogram's file that says nothing of whom it shows: pixels and what they mean, under new names.

Only attributes of a list are kept (the way of PS3.15 E.1 turned round: what is not known to be harmless goes), so that
private elements, comments, dates, institutions, people and devices' numbers cannot slip through. The pixel data and
everything that the pixel chain reads are taken over byte by byte, compressed as they are.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from cadkit.dicom.errors import DicomError
from cadkit.dicom.writing import instance_uid, study_uid
from cadkit.files import atomic

_KEPT = """
    SOPClassUID Modality PresentationIntentType ImageType Manufacturer ManufacturerModelName SoftwareVersions
    BodyPartExamined ImageLaterality Laterality ViewPosition PatientOrientation PatientSex ViewCodeSequence
    ViewModifierCodeSequence AnatomicRegionSequence PositionerType PositionerPrimaryAngle OrganExposed
    BreastImplantPresent PartialView PartialViewCodeSequence CodeValue CodingSchemeDesignator CodingSchemeVersion
    CodeMeaning ImagerPixelSpacing PixelSpacing PixelAspectRatio NominalScannedPixelSpacing
    EstimatedRadiographicMagnificationFactor DistanceSourceToDetector DistanceSourceToPatient DetectorType
    DetectorConfiguration FieldOfViewShape FieldOfViewDimensions FieldOfViewOrigin FieldOfViewRotation
    FieldOfViewHorizontalFlip KVP ExposureTime XRayTubeCurrent Exposure ExposureInuAs AnodeTargetMaterial
    FilterMaterial FilterType FocalSpots Grid BodyPartThickness CompressionForce RelativeXRayExposure OrganDose
    EntranceDoseInmGy SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns
    BitsAllocated BitsStored HighBit PixelRepresentation SmallestImagePixelValue LargestImagePixelValue
    PixelPaddingValue PixelPaddingRangeLimit PixelIntensityRelationship PixelIntensityRelationshipSign
    RescaleIntercept RescaleSlope RescaleType ModalityLUTSequence ModalityLUTType LUTDescriptor LUTExplanation LUTData
    VOILUTSequence WindowCenter WindowWidth WindowCenterWidthExplanation VOILUTFunction PresentationLUTShape
    LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod BurnedInAnnotation QualityControlImage
    PixelData ExtendedOffsetTable ExtendedOffsetTableLengths
"""
KEPT = frozenset(_KEPT.split())
"""Keywords that are taken over, at the top and in the items of sequences."""


def write_pseudonymous(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    patient_id: str,
    exam_id: str,
    image_id: str,
    date: str = "",
    age: float | None = None,
) -> tuple[int, int]:
    """Copy a DICOM file under the names of a dataset, atomically.

    Args:
        source: the file as it came.
        path: the file to write.
        patient_id, exam_id, image_id: pseudonyms; study, series and instance UIDs are made of them.
        date: of the exam, 2021-03-28; empty for none.
        age: of the woman in years.

    Returns:
        Rows and columns.

    Raises:
        DicomError: the file is not DICOM, or holds no picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # doubts about values may quote them
            read = dcmread(Path(source))
            made = FileDataset(None, _kept(read), preamble=b"\0" * 128)  # type: ignore[arg-type]
            rows, columns = int(made.Rows), int(made.Columns)
            syntax = read.file_meta.TransferSyntaxUID
    except OSError as error:
        raise DicomError("unreadable", f"the file cannot be opened: {error.strerror}") from None
    except Exception as error:  # whatever a broken file makes pydicom raise
        raise DicomError("not-dicom", f"no DICOM picture ({type(error).__name__})", "Hand it over as png16.") from None
    _name(made, patient_id, exam_id, image_id, date, age)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    made.file_meta = meta
    with warnings.catch_warnings(), atomic(path) as part:
        warnings.simplefilter("ignore")
        try:
            made.save_as(part, enforce_file_format=True)
        except OSError as error:  # pydicom tells of a full disk in words of its own, without the number
            raise error.__cause__ if isinstance(error.__cause__, OSError) else error from None
    return rows, columns


def _kept(dataset: Dataset, keywords: Collection[str] = KEPT) -> Dataset:
    made = Dataset()
    for keyword in keywords:
        if keyword not in dataset:
            continue
        try:
            element = dataset[keyword]
        except Exception:  # a broken element is as good as absent
            continue
        if element.VR == "SQ":
            setattr(made, keyword, Sequence([_kept(item) for item in element.value]))
        else:
            made.add(element)
    return made


def _name(made: Dataset, patient_id: str, exam_id: str, image_id: str, date: str, age: float | None) -> None:
    day = date.replace("-", "") if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else ""
    made.SOPInstanceUID = UID(instance_uid(patient_id, exam_id, image_id))
    made.StudyInstanceUID = UID(study_uid(patient_id, exam_id))
    made.SeriesInstanceUID = UID(instance_uid(patient_id, exam_id, f"series of {image_id}"))
    made.PatientID = made.PatientName = patient_id
    made.PatientBirthDate = ""
    if age is not None and 0 <= age < 1000:
        made.PatientAge = f"{int(age):03d}Y"
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = "Only attributes of the picture are kept"
    made.StudyDate = day
    made.StudyTime = made.AccessionNumber = made.ReferringPhysicianName = made.StudyID = ""
    made.SeriesNumber = made.InstanceNumber = "1"
