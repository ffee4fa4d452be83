"""Attributes that contradict each other: the written rule decides, and what lost is listed."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from cadkit.dicom.attributes import Header, header_of
from cadkit.dicom.descriptions import said_by


def coded(value: str, scheme: str, meaning: str = "") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def anatomy(code: str) -> Sequence:
    region = coded("76752008", "SCT")
    region.AnatomicRegionModifierSequence = Sequence([coded(code, "SCT")])
    return Sequence([region])


CC = Sequence([coded("399162004", "SCT")])


def header(**values: Any) -> Header:
    dataset = FileDataset(None, {})  # type: ignore[arg-type]
    for keyword, value in ({"ViewCodeSequence": CC} | values).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.set_original_encoding(False, True)
    return header_of(dataset, 1)


def listed(found: Header) -> dict[str, str]:
    return {note.rule: note.reason for note in found.notes}


@pytest.mark.parametrize(
    ("values", "side", "source", "conflict"),
    [
        # nearest to the image first; each loses to the one before it
        ({"ImageLaterality": "L", "Laterality": "R"}, "L", "ImageLaterality", "Laterality R"),
        ({"ImageLaterality": "L", "ViewPosition": "RCC"}, "L", "ImageLaterality", "ViewPosition R"),
        ({"AnatomicRegionSequence": anatomy("7771000"), "ViewPosition": "RCC"}, "L", "AnatomicRegionSequence",
         "ViewPosition R"),
        ({"ViewPosition": "LCC", "Laterality": "R"}, "L", "ViewPosition", "Laterality R"),
        ({"Laterality": "L", "SeriesDescription": "R CC"}, "L", "Laterality", "description R"),
        ({"SeriesDescription": "L CC", "PatientOrientation": ["P", "L"]}, "L", "the series' description",
         "PatientOrientation R"),
        ({"ImageLaterality": "R", "PatientOrientation": ["A", "R"]}, "R", "ImageLaterality", "PatientOrientation L"),
        (
            {"ImageLaterality": "R", "Laterality": "L", "SeriesDescription": "LCC", "PatientOrientation": ["A", "R"]},
            "R", "ImageLaterality", "Laterality L and the series' description L and PatientOrientation L",
        ),
        # where they agree, or say nothing, nothing is listed
        ({"ImageLaterality": "L", "Laterality": "L", "ViewPosition": "LCC", "SeriesDescription": "LEFT CC",
          "PatientOrientation": ["A", "R"]}, "L", "ImageLaterality", None),
        ({"ImageLaterality": "U", "Laterality": "R"}, "R", "Laterality", None),
        ({"ImageLaterality": "L", "SeriesDescription": "L CC, R CC"}, "L", "ImageLaterality", None),
        # turned by 90 degrees (GE stereotactic): rows run to the medial side, columns to posterior
        ({"ImageLaterality": "L", "PatientOrientation": ["R", "P"]}, "L", "ImageLaterality", None),
        ({"ImageLaterality": "L", "PatientOrientation": ["L", "P"]}, "L", "ImageLaterality", None),
        ({"ImageLaterality": "L", "PatientOrientation": ["A", "F"]}, "L", "ImageLaterality", None),
    ],
)  # fmt: skip
def test_side(values: dict[str, Any], side: str, source: str, conflict: str | None) -> None:
    found = header(**values)
    assert (found.side, found.laterality_source) == (side, source)
    reason = listed(found).get("side-conflict")
    if conflict is None:
        assert reason is None
    else:
        assert conflict in (reason or "")
        assert f"{side} is kept" in (reason or "")


@pytest.mark.parametrize(
    ("values", "view", "source", "conflict"),
    [
        ({"ViewPosition": "MLO"}, "CC", "ViewCodeSequence", "ViewPosition MLO"),
        ({"SeriesDescription": "L MLO"}, "CC", "ViewCodeSequence", "description MLO"),
        ({"ProtocolName": "LMLO"}, "CC", "ViewCodeSequence", "description MLO"),
        ({"ViewCodeSequence": Sequence([coded("399162004", "SCT", "medio-lateral oblique")])}, "CC",
         "ViewCodeSequence", "own meaning MLO"),
        ({"PatientOrientation": ["A", "FR"]}, "CC", "ViewCodeSequence", "PatientOrientation an oblique view"),
        ({"ViewCodeSequence": None, "ViewPosition": "ML", "SeriesDescription": "L CC"}, "ML", "ViewPosition",
         "description CC"),
        ({"ViewCodeSequence": None, "SeriesDescription": "R XCCL"}, "XCCL", "SeriesDescription", None),
        ({"ViewCodeSequence": None, "ProtocolName": "R LM"}, "LM", "SeriesDescription", None),
        ({"ViewPosition": "CC", "SeriesDescription": "L CC"}, "CC", "ViewCodeSequence", None),
        ({"SeriesDescription": "CC + MLO"}, "CC", "ViewCodeSequence", None),
        ({"ViewCodeSequence": None}, "", "", None),
    ],
)  # fmt: skip
def test_view(values: dict[str, Any], view: str, source: str, conflict: str | None) -> None:
    found = header(**values)
    assert (found.view.name, found.view.source) == (view, source)
    reason = listed(found).get("view-conflict")
    if conflict is None:
        assert reason is None
    else:
        assert conflict in (reason or "")


def test_a_partial_view_is_listed() -> None:
    section = Sequence([coded("R-1025D", "SRT")])
    for found in (header(PartialView="YES"), header(PartialViewCodeSequence=section)):
        assert found.partial
        assert not found.standard
        assert "partial-view" in listed(found)
    assert not header(PartialView="NO").partial


@pytest.mark.parametrize(("text", "implant"), [("YES", True), ("NO", False), (None, None), ("UNKNOWN", None)])
def test_implants(text: str | None, implant: bool | None) -> None:
    assert header(BreastImplantPresent=text).implant is implant


def test_no_text_of_a_description_leaves() -> None:
    dataset = Dataset()
    dataset.SeriesDescription = "L CC Doe^Jane malignant mass C-View"
    assert repr(said_by(dataset)) == "Said(product='C-VIEW', purpose='', side='L', view='CC')"


def test_the_machine_is_told_by_serial_number_detector_or_station() -> None:
    machine = {"Manufacturer": "HOLOGIC, Inc.", "ManufacturerModelName": "Selenia"}
    serial = header(DeviceSerialNumber="7", StationName="ROOM1", **machine)
    assert serial.machine == header(DeviceSerialNumber="7", StationName="ROOM2", **machine).machine
    assert serial.machine != header(DeviceSerialNumber="8", StationName="ROOM1", **machine).machine
    assert header(StationName="ROOM1", **machine).machine != header(DetectorID="D", **machine).machine
    assert header(**machine).machine == ""
    assert "ROOM1" not in repr(header(StationName="ROOM1"))


def test_an_unknown_character_set_spoils_nothing() -> None:
    found = header(SpecificCharacterSet="ISO_IR 9999", PatientID="Zoë", ImageLaterality="L", Rows=80)
    assert (found.side, found.view.name, found.rows) == ("L", "CC", 80)


@pytest.mark.parametrize(("row", "faces"), [("A", "right"), ("P", "left"), ("AF", "right"), ("R", ""), ("L", "")])
def test_where_the_nipple_points_is_the_orientation_and_never_the_history_of_flips(row: str, faces: str) -> None:
    found = header(
        PatientOrientation=[row, "F"], FieldOfViewHorizontalFlip="YES", FieldOfViewRotation="180", ImageLaterality="L"
    )
    assert found.faces == faces


@pytest.mark.parametrize(("text", "lossy"), [("01", True), ("00", False), (None, False)])
def test_once_lossy_always_lossy(text: str | None, lossy: bool) -> None:
    assert header(LossyImageCompression=text).lossy is lossy


@pytest.mark.parametrize("maker", ["HOLOGIC, Inc.", "Hologic", "LORAD", "Lorad, A Hologic Company"])
def test_makers_are_compared_by_their_beginning_in_any_case(maker: str) -> None:
    assert header(Manufacturer=maker, SeriesDescription="L CC CV").product == "C-VIEW"
