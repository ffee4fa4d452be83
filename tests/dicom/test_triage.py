"""What a file is, whether it is taken, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cadkit.dicom import Rules, classify, read_header

PIXELS = np.ones((80, 70), dtype=np.uint16)
MG, RAW = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.1.2.1"
TOMO, SECONDARY, CR = (
    "1.2.840.10008.5.1.4.1.1.13.1.3",
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.1",
)
FUJI = ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]


POST_CONTRAST = ["DERIVED", "PRIMARY", "POST_CONTRAST"]
VOLUME = {"VolumetricProperties": "VOLUME", "ConcatenationUID": "1.2.3", "SeriesDescription": "Tomo"}
LESS: dict[str, Any] = {"ImageLaterality": None}
DX = "1.2.840.10008.5.1.4.1.1.1.1"


def modifier(code: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code, "SCT"
    return Sequence([item])


def specimen() -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = "127457009", "SCT"
    return Sequence([item])


@pytest.mark.parametrize(
    ("values", "kind", "take", "rule"),
    [
        ({}, "mammogram", True, "sop-class"),
        ({"ImageType": None}, "mammogram", True, "sop-class"),
        ({"ImageType": ["DERIVED", "PRIMARY", ""]}, "mammogram", True, "sop-class"),
        ({"ImageType": "DERIVED"}, "mammogram", True, "sop-class"),
        ({"ManufacturerModelName": "FDR-3000AWS", "ImageType": POST_CONTRAST}, "mammogram", True, "sop-class"),
        ({"VolumetricProperties": "VOLUME", "SeriesDescription": "TOMO"}, "mammogram", True, "sop-class"),
        ({"VolumetricProperties": "VOLUME", "ConcatenationUID": "1.2.3"}, "mammogram", True, "sop-class"),
        (
            {**VOLUME, "VolumeBasedCalculationTechnique": "MAX_IP"},
            "mammogram",
            True,
            "sop-class",
        ),
        ({**VOLUME, "VolumeBasedCalculationTechnique": "NONE"}, "tomosynthesis", False, "volume-slice"),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "LOW_ENERGY"]}, "mammogram", True, "sop-class"),
        ({"QualityControlImage": "YES"}, "quality-control", False, "quality-control"),
        ({"ViewPosition": "FLATFIELD"}, "quality-control", False, "quality-control"),
        ({"SOPClassUID": RAW}, "processing", False, "for-processing"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "processing", False, "for-processing"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.4"}, "tomosynthesis", False, "tomosynthesis-projection"),
        ({"SOPClassUID": TOMO}, "tomosynthesis", False, "tomosynthesis-class"),
        ({"SOPClassUID": TOMO, "NumberOfFrames": 2}, "tomosynthesis", False, "several-frames"),
        ({"SeriesDescription": "L CC C-View"}, "synthesised", False, "product-name"),
        ({"SeriesDescription": "s-view x"}, "synthesised", False, "product-name"),
        ({"SOPClassUID": TOMO, "ImageType": FUJI}, "synthesised", False, "image-type-2d"),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMO_2D"]}, "synthesised", False, "image-type-2d"),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMO"]}, "tomosynthesis", False, "image-type-tomo"),
        ({"ManufacturerModelName": "FDR-3000AWS"}, "synthesised", False, "workstation-3000"),
        (
            {"ManufacturerModelName": "FDR-3000AWS", "ImageType": ["ORIGINAL", "PRIMARY"]},
            "mammogram",
            True,
            "sop-class",
        ),
        (
            {
                "VolumetricProperties": "VOLUME",
                "ConcatenationUID": "1.2.3",
                "SeriesDescription": "Tomosynthesis",
            },
            "tomosynthesis",
            False,
            "volume-slice",
        ),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "RECOMBINED"]}, "recombined", False, "contrast-recombined"),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "STEREO_PLUS"]}, "stereotactic", False, "stereotactic"),
        ({"SOPClassUID": SECONDARY}, "secondary", False, "secondary-capture"),
        (
            {"SOPClassUID": SECONDARY, "ConversionType": "DF", "Modality": "RG"},
            "film",
            False,
            "digitised-film",
        ),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.50"}, "not-an-image", False, "sop-class-unwanted"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, "not-an-image", False, "sop-class-unwanted"),
        (
            {"SOPClassUID": CR, "Modality": "CR", "ViewCodeSequence": None},
            "other-anatomy",
            False,
            "other-anatomy",
        ),
        ({"SOPClassUID": CR, "Modality": "CR", "BodyPartExamined": "BREAST"}, "mammogram", True, "sop-class"),
        ({"ViewCodeSequence": specimen()}, "mammogram", False, "specimen"),
        ({"SOPClassUID": "1.2.840.10008.1.3.10"}, "not-an-image", False, "sop-class-unwanted"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1"}, "not-an-image", False, "sop-class-unwanted"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, "not-an-image", False, "sop-class-unwanted"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.5"}, "tomosynthesis", False, "tomosynthesis-projection"),
        ({"SOPClassUID": DX, "Modality": "DX", "ViewCodeSequence": None}, "other-anatomy", False, "other-anatomy"),
        ({"SOPClassUID": DX, "Modality": "DX", "OrganExposed": "BREAST"}, "mammogram", True, "sop-class"),
        ({"SOPClassUID": DX + ".1", "OrganExposed": "BREAST"}, "processing", False, "for-processing"),
        ({"SOPClassUID": SECONDARY + ".3", "NumberOfFrames": 2}, "secondary", False, "secondary-capture"),
        ({"SeriesDescription": "Flat Field Tomo"}, "quality-control", False, "quality-control"),
        ({"ProtocolName": "STEREO"}, "stereotactic", False, "stereotactic"),
        ({"SeriesDescription": "L CC needle"}, "needle", False, "needle"),
        ({"PaddleDescription": "BIOPSY 6CM"}, "needle", False, "needle"),
        ({"SeriesDescription": "Galactogram L"}, "galactogram", False, "galactogram"),
        ({"SeriesDescription": "Specimen"}, "specimen", False, "specimen"),
        ({"SeriesDescription": "L CC RECOMBINED"}, "recombined", False, "contrast-recombined"),
        ({"SeriesDescription": "L CC Tomosynthesis Recon"}, "tomosynthesis", False, "series-tomosynthesis"),
        ({"SeriesDescription": "L_CC_ROUTINE3D_1"}, "tomosynthesis", False, "series-tomosynthesis"),
        (
            {"SeriesDescription": "ROUTINE3D_", "ImageType": ["ORIGINAL", "PRIMARY"]},
            "mammogram",
            True,
            "sop-class",
        ),
        ({"SeriesDescription": "SCREENING L CC"}, "mammogram", True, "sop-class"),
        ({"SeriesDescription": "Capture"}, "mammogram", True, "sop-class"),
        ({"SeriesDescription": "Capture", **LESS, "Laterality": "L"}, "secondary", False, "screen-save"),
        ({"SeriesDescription": "L CC CV", "Manufacturer": "HOLOGIC, Inc."}, "synthesised", False, "product-name"),
        ({"SeriesDescription": "L CC CV", "Manufacturer": "Made Up"}, "mammogram", True, "sop-class"),
        ({"SeriesDescription": "L CV", "Manufacturer": "HOLOGIC, Inc."}, "mammogram", True, "sop-class"),
        ({"SeriesDescription": "V-Preview"}, "synthesised", False, "product-name"),
        ({"SeriesDescription": "Insight 2D L"}, "synthesised", False, "product-name"),
        ({"SeriesDescription": "L MLO Intelligent 2D"}, "synthesised", False, "product-name"),
        ({"SeriesDescription": "G-View"}, "synthesised", False, "product-name"),
        ({"ViewModifierCodeSequence": modifier("399055006")}, "mammogram", False, "spot-view"),
        ({"ViewModifierCodeSequence": modifier("399163009")}, "mammogram", False, "magnification-view"),
        ({"ViewModifierCodeSequence": modifier("399209000")}, "mammogram", True, "sop-class"),
        ({"PaddleDescription": "SPT MAG"}, "mammogram", False, "magnification-view"),
        ({"PartialView": "YES"}, "mammogram", True, "sop-class"),
        ({"ViewCodeSequence": None}, "mammogram", False, "no-view"),
        ({"ImageLaterality": None}, "mammogram", False, "no-side"),
        ({"ImageLaterality": "B"}, "mammogram", False, "both-sides"),
        ({"BurnedInAnnotation": "YES"}, "mammogram", False, "burned-in"),
        ({"PhotometricInterpretation": "RGB"}, "mammogram", False, "not-monochrome"),
        ({"EstimatedRadiographicMagnificationFactor": "1.8"}, "mammogram", False, "magnification-view"),
        ({"EstimatedRadiographicMagnificationFactor": "1.1"}, "mammogram", True, "sop-class"),
    ],
)
def test_rules(make: Any, values: dict[str, Any], kind: str, take: bool, rule: str) -> None:
    values = {"BitsStored": 8, "HighBit": 7} | values if values.get("SOPClassUID") == SECONDARY else values
    verdict = classify(read_header(make(PIXELS, **values)))
    assert (verdict.kind, verdict.take, verdict.rule) == (kind, take, rule)
    assert verdict.reason


def test_what_is_allowed_is_taken(make: Any) -> None:
    raw = read_header(make(PIXELS, SOPClassUID=RAW))
    assert classify(raw, Rules(allow_processing=True)).take
    computed = read_header(make(PIXELS, ImageType=FUJI, SOPClassUID=TOMO))
    assert classify(computed, Rules(allow_synthesised=True)).take
    film = read_header(make(PIXELS, SOPClassUID=SECONDARY, ConversionType="DF"))
    assert classify(film, Rules(allow_film=True)).take
    spot = read_header(make(PIXELS, PaddleDescription="SPOT"))
    assert classify(spot, Rules(allow_diagnostic=True)).take


def test_without_pixels(make: Any) -> None:
    header = read_header(make(None, Rows=80, Columns=70))
    assert classify(header).rule == "no-pixels"
    wrapped = read_header(make(None, Rows=80, Columns=70, SOPClassUID=SECONDARY))
    assert classify(wrapped).rule == "secondary-without-pixels"


def test_size(make: Any) -> None:
    assert classify(read_header(make(PIXELS[:, :60]))).rule == "too-small"
    assert classify(read_header(make(PIXELS[:, :60])), Rules(min_size=60)).take
    huge = read_header(
        make(PIXELS, change=lambda d: d.__setattr__("Rows", 65535)),
    )
    assert classify(huge).rule == "truncated"
    assert classify(huge, Rules(max_pixels=10**6)).rule == "too-large"


def test_cut_short(make: Any) -> None:
    for syntax, encoder in (("1.2.840.10008.1.2.1", ""), ("1.2.840.10008.1.2.4.80", "pyjpegls")):
        path = make(np.random.default_rng(0).integers(0, 4096, (80, 70), np.uint16), syntax=syntax, encoder=encoder)
        path.write_bytes(path.read_bytes()[:-400])
        verdict = classify(read_header(path))
        assert (verdict.take, verdict.rule) == (False, "truncated")


@pytest.mark.parametrize(
    ("name", "rule", "with_all"),
    [
        ("MG1_J2KI.dcm", "digitised-film", "digitised-film"),
        ("MG1_JPLY.dcm", "digitised-film", "digitised-film"),
        ("MG-Im-GE_Seno_1_ForPresentation.dcm", "too-small", "too-small"),
        ("MG-Im-GE_Seno_1_ForProcessing.dcm", "for-processing", "too-small"),
        ("MG-Im-GE_Seno_2_ForPresentation.dcm", "too-small", "too-small"),
        ("MG-Im-GE-SenDS-scaled.dcm", "for-processing", "too-small"),
        ("MG-Im-Hologic-PropProj.dcm", "quality-control", "quality-control"),
        ("MG_Explicit_Little.dcm", "magnification-view", "magnification-view"),
    ],
)
def test_public_samples(shared: Path, name: str, rule: str, with_all: str) -> None:
    header = read_header(shared / "data" / "mg-dicom" / name)
    assert classify(header).rule == rule
    allowed = classify(header, Rules(allow_film=True, allow_processing=True))
    assert allowed.rule == with_all
    assert allowed.take == (with_all == "digitised-film")


def test_public_samples_tell(shared: Path) -> None:
    folder = shared / "data" / "mg-dicom"
    film = read_header(folder / "MG1_J2KI.dcm")
    assert (film.side, film.view.name, film.faces, film.age_years) == ("L", "MLO", "right", 75)
    assert "Malignant" not in repr(film)
    scaled = read_header(folder / "MG-Im-GE-SenDS-scaled.dcm")
    assert (scaled.side, scaled.view.name, scaled.age_years) == ("L", "CC", None)
    assert scaled.pixel_spacing_mm == pytest.approx(53.961136)
    pattern = read_header(folder / "MG_Explicit_Little.dcm")
    # ViewPosition is absent, but the view code says CC; the factor of 1.5 makes it a magnification view.
    assert (pattern.side, pattern.view.name, pattern.pixel_spacing_mm) == ("R", "CC", 0.25)
    assert not pattern.standard
    assert "view-modified" in [note.rule for note in pattern.notes]
