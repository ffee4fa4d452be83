"""Writing a mammogram as a conformant DICOM object.

The object is a Digital Mammography X-Ray Image, For Presentation (PS3.3 A.27, C.8.11.7); two vendor
profiles differ where real devices differ (photometric interpretation, bits, grey-scale transform,
padding, transfer syntax). Nothing in it is random: the same arguments give the same bytes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
)

from cadkit.dicom.views import CODE_OF_MODIFIER, CODE_OF_VIEW, code_item
from cadkit.errors import InputError
from cadkit.files import atomic

Side = Literal["L", "R"]


@dataclass(frozen=True)
class Vendor:
    """How a make of device stores a picture.

    Attributes:
        name: key in `VENDORS`.
        manufacturer, model: what the file says; both are made up.
        photometric: `MONOCHROME2` (large is bright) or `MONOCHROME1` (large is dark).
        bits_stored: 8 to 16; stored values lie in 0 .. 2 ** bits_stored - 1.
        transfer_syntax: UID of the encoding.
        grey_scale: `lut` (VOI LUTs beside sigmoid windows) or `window` (one linear window).
        padding: PixelPaddingValue, or None where the device does not name one.
    """

    name: str
    manufacturer: str
    model: str
    photometric: Literal["MONOCHROME1", "MONOCHROME2"]
    bits_stored: int
    transfer_syntax: UID
    grey_scale: Literal["lut", "window"]
    padding: int | None

    @property
    def top(self) -> int:
        """The largest stored value."""
        return (1 << self.bits_stored) - 1


VENDORS: Mapping[str, Vendor] = MappingProxyType(
    {
        vendor.name: vendor
        for vendor in (
            Vendor("lut", "Phantom Imaging", "Lutograph 12", "MONOCHROME2", 12, ExplicitVRLittleEndian, "lut", 0),
            Vendor("window", "Sample Roentgen", "Windowscan 14", "MONOCHROME1", 14, JPEGLSLossless, "window", None),
        )
    }
)

_LUT_FIRST = 512
_LUT_LENGTH = 3072
_LUT_BITS = 12
_LUT_STEEPNESS = {"NORMAL": 3.0, "HARDER": 5.0, "SOFTER": 1.5}
_WINDOW_AIR = 0.02


def stored_values(display: NDArray[np.floating], vendor: str = "lut") -> NDArray[np.uint16]:
    """Turn a picture as it shall look into the values that `vendor` stores.

    The inverse of what `cadkit.dicom.read_pixels` does with a file of that vendor, so that what is
    read back differs from `display` by the quantisation alone (below 0.001 in 0 .. 1).

    Args:
        display: H x W, 0 (black) to 1 (white); exactly 0 is air and becomes background.
        vendor: key in `VENDORS`.

    Returns:
        H x W stored values, to be given to `write_mammogram`.
    """
    profile = vendor_of(vendor)
    shown = np.clip(np.asarray(display, dtype=np.float64), 0.0, 1.0)
    if profile.grey_scale == "lut":
        curve = _curve("NORMAL")
        positions = np.arange(_LUT_FIRST, _LUT_FIRST + _LUT_LENGTH, dtype=np.float64)
        stored = np.interp(shown, curve, positions)
    else:
        # The window spans all but a little at the air's end, as air lies beyond the darkest tissue.
        low, width = _window_span(profile)
        stored = low + shown * width
    air = shown == 0
    stored = np.where(air, 0, np.rint(stored))
    if profile.photometric == "MONOCHROME1":
        stored = profile.top - stored
    return stored.astype(np.uint16)


def write_mammogram(
    path: str | os.PathLike[str],
    pixels: NDArray[np.uint16],
    *,
    side: Side,
    view: str,
    vendor: str = "lut",
    spacing_mm: float,
    patient_id: str,
    accession: str,
    image_id: str,
    date: dt.date,
    time: dt.time = dt.time(9, 0),
    age_years: int | None = None,
    birth_date: dt.date | None = None,
    patient_name: str = "Phantom^Patient",
    modifiers: tuple[str, ...] = (),
    implant: bool = False,
    instance_number: int = 1,
) -> str:
    """Write a 2-D mammogram, For Presentation, atomically.

    Args:
        path: the file to write.
        pixels: H x W stored values of the vendor's kind (see `stored_values`), breast towards the
            right for L and towards the left for R.
        side: `L` or `R`.
        view: a name of `cadkit.dicom.views`, such as `CC` or `MLO`.
        vendor: key in `VENDORS`: `lut` (12 bits, MONOCHROME2, VOI LUTs and windows, padding 0,
            uncompressed) or `window` (14 bits, MONOCHROME1, one window, no padding value, JPEG-LS lossless).
        spacing_mm: distance of pixel centres, in mm, the same along rows and columns.
        patient_id: PatientID.
        accession: AccessionNumber; with the patient it decides the study's UID.
        image_id: name of the image within the study; decides the series' and the instance's UID.
        date, time: of the exam: study, series, acquisition and content.
        age_years: PatientAge, left out if None.
        birth_date: PatientBirthDate, empty if None.
        patient_name: PatientName.
        modifiers: names of view modifiers, such as `spot compression`.
        implant: BreastImplantPresent.
        instance_number: InstanceNumber.

    Returns:
        The SOP instance UID (the one of `instance_uid`).

    Raises:
        InputError: an unknown vendor, view, side or modifier, or pixels that do not fit.
    """
    profile = vendor_of(vendor)
    _check(pixels, profile, side, view, modifiers)
    dataset = FileDataset(None, {}, preamble=b"\0" * 128)  # type: ignore[arg-type]
    uid = instance_uid(patient_id, accession, image_id)
    dataset.file_meta = _file_meta(uid, profile)
    _patient(dataset, patient_id, patient_name, birth_date, age_years)
    _study_and_series(dataset, patient_id, accession, image_id, uid, date, time)
    _equipment(dataset, profile)
    _acquisition(dataset, spacing_mm, pixels.shape)
    _positioning(dataset, side, view, modifiers, implant)
    _picture(dataset, pixels, profile, date, time, instance_number)
    _grey_scale(dataset, profile)
    with warnings.catch_warnings(), atomic(path) as part:
        warnings.simplefilter("ignore")
        if profile.transfer_syntax.is_compressed:
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.compress(profile.transfer_syntax, encoding_plugin="pyjpegls", generate_instance_uid=False)
        dataset.save_as(part, enforce_file_format=True)
    return uid


def instance_uid(patient_id: str, accession: str, image_id: str) -> str:
    """The SOP instance UID that `write_mammogram` gives to an image."""
    return _uid("instance", patient_id, accession, image_id)


def study_uid(patient_id: str, accession: str) -> str:
    """The study instance UID that `write_mammogram` gives to an exam."""
    return _uid("study", patient_id, accession)


def vendor_of(name: str) -> Vendor:
    """The profile of that name.

    Raises:
        InputError: there is none.
    """
    if name not in VENDORS:
        raise InputError("no such vendor profile", value=name, mend=f"Take one of {', '.join(VENDORS)}.")
    return VENDORS[name]


def _uid(*parts: str) -> str:
    """A UID under 2.25 (PS3.5 B.2) from a hash of the parts."""
    digest = hashlib.blake2b("\0".join(("cadkit", *parts)).encode(), digest_size=16).digest()
    return f"2.25.{int.from_bytes(digest, 'big')}"


def _check(pixels: NDArray[np.uint16], profile: Vendor, side: str, view: str, modifiers: tuple[str, ...]) -> None:
    if pixels.ndim != 2 or pixels.dtype != np.uint16 or pixels.size == 0:
        raise InputError("pixels must be a picture of 16-bit unsigned values", value=f"{pixels.dtype} {pixels.shape}")
    if int(pixels.max()) > profile.top:
        raise InputError(
            f"a stored value exceeds the {profile.bits_stored} bits of {profile.name}", value=int(pixels.max())
        )
    if side not in ("L", "R"):
        raise InputError("a side is L or R", value=side)
    if view not in CODE_OF_VIEW:
        raise InputError("no such view", value=view, mend=f"Take one of {', '.join(CODE_OF_VIEW)}.")
    for modifier in modifiers:
        if modifier not in CODE_OF_MODIFIER:
            raise InputError(
                "no such view modifier", value=modifier, mend=f"Take one of {', '.join(CODE_OF_MODIFIER)}."
            )


def _file_meta(uid: str, profile: Vendor) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = profile.transfer_syntax
    meta.ImplementationClassUID = UID(_uid("implementation"))
    meta.ImplementationVersionName = "CADKIT"
    return meta


def _patient(dataset: Dataset, patient_id: str, name: str, birth_date: dt.date | None, age_years: int | None) -> None:
    """Patient and Patient Study modules (PS3.3 C.7.1.1, C.7.2.2)."""
    dataset.PatientName = name
    dataset.PatientID = patient_id
    dataset.PatientBirthDate = f"{birth_date:%Y%m%d}" if birth_date else ""
    dataset.PatientSex = "F"
    if age_years is not None:
        dataset.PatientAge = f"{age_years:03d}Y"


def _study_and_series(
    dataset: Dataset, patient_id: str, accession: str, image_id: str, uid: str, date: dt.date, time: dt.time
) -> None:
    """General Study, General Series, DX Series and Mammography Series modules, SOP Common."""
    day, clock = f"{date:%Y%m%d}", f"{time:%H%M%S}"
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.SOPInstanceUID = UID(uid)
    dataset.StudyInstanceUID = UID(study_uid(patient_id, accession))
    dataset.SeriesInstanceUID = UID(_uid("series", patient_id, accession, image_id))
    dataset.StudyID = "1"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = day
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = clock
    dataset.AccessionNumber = accession
    dataset.ReferringPhysicianName = ""
    dataset.Modality = "MG"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.SeriesNumber = 1
    dataset.BodyPartExamined = "BREAST"


def _equipment(dataset: Dataset, profile: Vendor) -> None:
    """General Equipment module (PS3.3 C.7.5.1)."""
    dataset.Manufacturer = profile.manufacturer
    dataset.ManufacturerModelName = profile.model
    dataset.DeviceSerialNumber = f"{profile.name}-1"
    dataset.SoftwareVersions = "1"


def _acquisition(dataset: Dataset, spacing_mm: float, shape: tuple[int, ...]) -> None:
    """DX Detector and X-Ray Acquisition parts that a mammogram needs (PS3.3 C.8.11.4)."""
    spacing = f"{spacing_mm:.8g}"
    dataset.ImagerPixelSpacing = [spacing, spacing]
    dataset.EstimatedRadiographicMagnificationFactor = "1"
    dataset.DetectorType = "DIRECT"
    dataset.DetectorConfiguration = "AREA"
    dataset.DetectorID = "1"
    dataset.FieldOfViewShape = "RECTANGLE"
    dataset.FieldOfViewDimensions = [round(side * spacing_mm) for side in shape]
    dataset.FieldOfViewOrigin = ["0", "0"]
    dataset.FieldOfViewRotation = "0"
    dataset.FieldOfViewHorizontalFlip = "NO"


def _positioning(dataset: Dataset, side: str, view: str, modifiers: tuple[str, ...], implant: bool) -> None:
    """Mammography Image and DX Anatomy Imaged modules (PS3.3 C.8.11.7, C.8.11.2)."""
    dataset.ImageLaterality = side
    dataset.PatientOrientation = _orientation(side, view)
    dataset.PositionerType = "MAMMOGRAPHIC"
    dataset.OrganExposed = "BREAST"
    dataset.BreastImplantPresent = "YES" if implant else "NO"
    dataset.PartialView = "NO"
    region = code_item("76752008", "SCT", "Breast")
    dataset.AnatomicRegionSequence = Sequence([region])
    item = code_item(*CODE_OF_VIEW[view])
    item.ViewModifierCodeSequence = Sequence([code_item(*CODE_OF_MODIFIER[name]) for name in modifiers])
    dataset.ViewCodeSequence = Sequence([item])
    dataset.AcquisitionContextSequence = Sequence([])


def _orientation(side: str, view: str) -> list[str]:
    """Row and column direction (PS3.3 C.7.6.1.1.1): the nipple of L points right, lateral is up."""
    medial = "R" if side == "L" else "L"
    upright = view in ("MLO", "LMO", "SIO", "ISO")
    straight = view in ("ML", "LM")
    column = "F" if straight else f"F{medial}" if upright else medial
    return ["A" if side == "L" else "P", column]


def _picture(
    dataset: Dataset, pixels: NDArray[np.uint16], profile: Vendor, date: dt.date, time: dt.time, number: int
) -> None:
    """General Image, Image Pixel and DX Image modules (PS3.3 C.7.6.1, C.7.6.3, C.8.11.3)."""
    dataset.InstanceNumber = number
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = profile.photometric
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = profile.bits_stored
    dataset.HighBit = profile.bits_stored - 1
    dataset.PixelRepresentation = 0
    if profile.padding is not None:
        dataset.PixelPaddingValue = profile.padding
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = -1 if profile.photometric == "MONOCHROME2" else 1
    dataset.RescaleIntercept = "0"
    dataset.RescaleSlope = "1"
    dataset.RescaleType = "US"
    dataset.PresentationLUTShape = "IDENTITY" if profile.photometric == "MONOCHROME2" else "INVERSE"
    dataset.LossyImageCompression = "00"
    dataset.BurnedInAnnotation = "NO"
    dataset.QualityControlImage = "NO"
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"


def _grey_scale(dataset: Dataset, profile: Vendor) -> None:
    """VOI LUT module (PS3.3 C.11.2)."""
    if profile.grey_scale == "lut":
        centre = _LUT_FIRST + _LUT_LENGTH // 2
        widths = {name: round(4 * _LUT_LENGTH / (2 * steep)) for name, steep in _LUT_STEEPNESS.items()}
        dataset.WindowCenter = [str(centre)] * len(widths)
        dataset.WindowWidth = [str(width) for width in widths.values()]
        dataset.WindowCenterWidthExplanation = list(widths)
        dataset.VOILUTFunction = "SIGMOID"
        dataset.VOILUTSequence = Sequence([_lut_item(name) for name in _LUT_STEEPNESS])
        return
    low, width = _window_span(profile)
    # LINEAR runs from c - 0.5 - (w - 1) / 2 to c - 0.5 + (w - 1) / 2 (PS3.3 C.11.2.1.2.1).
    start = profile.top - low - width if profile.photometric == "MONOCHROME1" else low
    dataset.WindowCenter = str(start + width / 2 + 0.5)
    dataset.WindowWidth = str(width + 1)
    dataset.VOILUTFunction = "LINEAR"


def _window_span(profile: Vendor) -> tuple[int, int]:
    low = round(_WINDOW_AIR * profile.top)
    return low, profile.top - low


def _curve(name: str) -> NDArray[np.float64]:
    """A sigmoid from 0 to 1 that rises everywhere."""
    steep = _LUT_STEEPNESS[name]
    curve = np.tanh(np.linspace(-steep / 2, steep / 2, _LUT_LENGTH)) / np.tanh(steep / 2)
    return np.asarray((curve + 1) / 2)


def _lut(name: str) -> NDArray[np.uint16]:
    """The curve as a table of 12-bit entries."""
    return np.asarray(np.rint(_curve(name) * (2**_LUT_BITS - 1)), dtype=np.uint16)


def _lut_item(name: str) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [_LUT_LENGTH, _LUT_FIRST, _LUT_BITS]
    item["LUTDescriptor"].VR = "US"
    item.LUTExplanation = name
    item.LUTData = _lut(name).astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    return item
