"""The pixel chain against a slow computation, value by value, from the standard's own formulas."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from cadkit.dicom import greyscale, read_pixels
from cadkit.errors import Problem

STORED = np.array(
    [[0, 1, 255, 256, 300, 1000], [1023, 1024, 1025, 2047, 2048, 2049], [3000, 4000, 4094, 4095, 7, 600]],
    dtype=np.uint16,
)


def table(entries: list[int], first: int, bits: int, packed: bool = False, explanation: str = "") -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "US", [len(entries) % 65536, first, bits])
    item.LUTExplanation = explanation
    item.add_new(0x00283006, "OW", np.array(entries, dtype=np.uint8 if packed else "<u2").tobytes())
    return item


RAMP = [round(4095 * (i / 1023) ** 2) for i in range(1024)]
EIGHT = [i // 16 for i in range(4096)]
VOIS: dict[str, dict[str, Any]] = {
    "none": {},
    "linear": {"WindowCenter": "2000", "WindowWidth": "1500"},
    "linear, named": {"WindowCenter": "2000", "WindowWidth": "1", "VOILUTFunction": "LINEAR"},
    "exact": {"WindowCenter": "2000", "WindowWidth": "0.5", "VOILUTFunction": "LINEAR_EXACT"},
    "sigmoid": {"WindowCenter": "1500", "WindowWidth": "900", "VOILUTFunction": "SIGMOID"},
    "several": {
        "WindowCenter": ["100", "2000"],
        "WindowWidth": ["50", "1500"],
        "WindowCenterWidthExplanation": ["HARDER", "NORMAL"],
    },
    "table": {"VOILUTSequence": Sequence([table(RAMP, 512, 12)]), "WindowCenter": "5", "WindowWidth": "9"},
    "table, 8-bit words": {"VOILUTSequence": Sequence([table(EIGHT, 0, 8)])},
    "table, 8-bit bytes": {"VOILUTSequence": Sequence([table(EIGHT, 0, 8, packed=True)])},
    "tables": {
        "VOILUTSequence": Sequence(
            [table([0] * 4, 0, 12, explanation="SOFTER"), table(RAMP, 512, 12, explanation="NORMAL")]
        )
    },
}


def literal_voi(name: str, x: float, low: float, high: float) -> float:
    """PS3.3 C.11.2.1.1 and C.11.2.1.2, one value at a time."""
    if name == "none":
        return (x - low) / (high - low)
    if name in ("linear", "several"):
        c, w = 2000, 1500
        if x <= c - 0.5 - (w - 1) / 2:
            return 0.0
        if x > c - 0.5 + (w - 1) / 2:
            return 1.0
        return (x - (c - 0.5)) / (w - 1) + 0.5
    if name == "linear, named":
        return 1.0 if x > 1999.5 else 0.0
    if name == "exact":
        return min(1.0, max(0.0, (x - 2000) / 0.5 + 0.5))
    if name == "sigmoid":
        return 1 / (1 + math.exp(-4 * (x - 1500) / 900))
    if name in ("table", "tables"):
        return RAMP[min(max(int(x) - 512, 0), 1023)] / 4095
    return EIGHT[min(max(int(x), 0), 4095)] / 255


@pytest.mark.parametrize(
    ("photometric", "shape", "voi"),
    list(itertools.product(("MONOCHROME1", "MONOCHROME2"), (None, "IDENTITY", "INVERSE"), VOIS)),
)
def test_one_inversion_after_voi(make: Any, photometric: str, shape: str | None, voi: str) -> None:
    path = make(STORED, PhotometricInterpretation=photometric, PresentationLUTShape=shape, **VOIS[voi])
    pixels = read_pixels(path)
    inverted = photometric == "MONOCHROME1"
    expected = np.empty(STORED.shape)
    for index, x in np.ndenumerate(STORED):
        y = literal_voi(voi, float(x), 0.0, 4095.0)
        expected[index] = 1 - y if inverted else y
    np.testing.assert_allclose(pixels.array, expected, atol=1e-6)
    assert pixels.array.dtype == np.float32
    disagree = shape is not None and (shape == "INVERSE") != inverted
    assert disagree == any(note.rule == "polarity-conflict" for note in pixels.notes)
    names = [name for name, _ in pixels.steps]
    assert names == ["decode", "bits", "padding", "modality", "voi", "scale", "inversion"]


def test_rescale_comes_before_the_window(make: Any) -> None:
    path = make(STORED, RescaleSlope="2", RescaleIntercept="-100", WindowCenter="2000", WindowWidth="1501")
    expected = [[min(1, max(0, (2 * float(x) - 100 - 1999.5) / 1500 + 0.5)) for x in row] for row in STORED]
    np.testing.assert_allclose(read_pixels(path).array, expected, atol=1e-6)


def test_modality_table_is_preferred_to_slope(make: Any) -> None:
    path = make(
        STORED,
        ModalityLUTSequence=Sequence([table([5, 10, 15, 20], 1024, 8)]),
        WindowCenter="10.5",
        WindowWidth="21",
    )
    steps = [5, 10, 15, 20]
    mapped = [[steps[min(max(int(x) - 1024, 0), 3)] for x in row] for row in STORED]
    expected = [[(y - 10) / 20 + 0.5 for y in row] for row in mapped]
    np.testing.assert_allclose(read_pixels(path).array, expected, atol=1e-6)


def test_first_mapped_value_of_a_signed_picture_is_signed(make: Any) -> None:
    stored = np.array([[-300, -200, -199], [-198, 0, 500]], dtype=np.int16)
    path = make(
        stored,
        PixelRepresentation=1,
        BitsStored=16,
        HighBit=15,
        VOILUTSequence=Sequence([table([0, 50, 100, 200, 255], 65536 - 200, 8)]),
    )
    expected = np.array([[0, 0, 50], [100, 255, 255]]) / 255
    np.testing.assert_allclose(read_pixels(path).array, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"WindowCenter": "2000", "WindowWidth": "0"}, "window-width"),
        ({"WindowCenter": "2000"}, "window-incomplete"),
        ({"VOILUTSequence": Sequence([Dataset()])}, "lut-incomplete"),
    ],
)
def test_a_broken_window_falls_back_to_the_full_range(make: Any, wrong: dict[str, Any], rule: str) -> None:
    pixels = read_pixels(make(STORED, **wrong))
    np.testing.assert_allclose(pixels.array, STORED / 4095, atol=1e-6)
    assert rule in [note.rule for note in pixels.notes]


def test_text_in_a_window_falls_back(make: Any) -> None:
    path = make(STORED, WindowCenter="2000", WindowWidth="1500")
    path.write_bytes(path.read_bytes().replace(b"1500", b"wide"))
    pixels = read_pixels(path)
    np.testing.assert_allclose(pixels.array, STORED / 4095, atol=1e-6)
    assert "window-incomplete" in [note.rule for note in pixels.notes]


# Padding: a border of padding, one tissue pixel of the same value in the middle.
def framed(value: int, dtype: Any, tissue: int = 100) -> np.ndarray[Any, Any]:
    picture = np.full((7, 7), tissue, dtype=dtype)
    picture[0] = value
    picture[:, 6] = value
    picture[3, 3] = value
    return picture


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
@pytest.mark.parametrize(
    ("value", "limit", "signed"), [(0, None, 0), (4095, 4000, 0), (4000, 4095, 0), (-2000, None, 1), (-2000, -1900, 1)]
)
def test_padding_is_what_touches_the_border(make: Any, syntax: str, value: int, limit: int | None, signed: int) -> None:
    stored = framed(value, np.int16 if signed else np.uint16)

    def pad(dataset: FileDataset) -> None:
        vr = "SS" if signed else "US"
        dataset.add_new(0x00280120, vr, value)
        if limit is not None:
            dataset.add_new(0x00280121, vr, limit)

    path = make(
        stored,
        syntax=syntax,
        change=pad,
        PixelRepresentation=signed,
        BitsStored=16 if signed else 12,
        HighBit=15 if signed else 11,
        WindowCenter="100",
        WindowWidth="100",
    )
    pixels = read_pixels(path)
    border = np.zeros((7, 7), dtype=bool)
    border[0] = border[:, 6] = True
    assert pixels.padding is not None
    np.testing.assert_array_equal(pixels.padding, border)


def test_padding_written_with_the_wrong_sign(make: Any) -> None:
    stored = framed(-2000, np.int16)

    def pad(dataset: FileDataset) -> None:
        dataset.add_new(0x00280120, "US", 63536)

    path = make(stored, change=pad, PixelRepresentation=1, BitsStored=16, HighBit=15)
    assert read_pixels(path).steps[2] == ("padding", {"value": -2000, "limit": None, "pixels": 13})


def test_the_full_range_leaves_padding_out(make: Any) -> None:
    stored = framed(0, np.uint16, tissue=1000)
    stored[4, 4] = 3000
    path = make(stored, change=lambda dataset: dataset.add_new(0x00280120, "US", 0))
    array = read_pixels(path).array
    # The one tissue pixel of 0 is no padding, so it is the range's lower end.
    assert array[4, 4] == 1.0
    assert array[3, 2] == pytest.approx(1000 / 3000)


# Bits
def test_high_bit_shifts(make: Any) -> None:
    path = make(STORED << 4, HighBit=15, WindowCenter="2048", WindowWidth="4096")
    np.testing.assert_allclose(read_pixels(path).array, STORED / 4095, atol=1e-6)


def test_overlays_above_bits_stored_are_dropped(make: Any) -> None:
    def overlay(dataset: FileDataset) -> None:
        dataset.add_new(0x60000100, "US", 16)
        dataset.add_new(0x60000102, "US", 13)

    dirty = STORED | np.uint16(1 << 13)
    path = make(dirty, change=overlay, WindowCenter="2048", WindowWidth="4096")
    np.testing.assert_allclose(read_pixels(path).array, STORED / 4095, atol=1e-6)


def test_values_above_bits_stored_are_kept_and_noted(make: Any) -> None:
    stored = STORED.copy()
    stored[0, 0] = 5000
    pixels = read_pixels(make(stored))
    np.testing.assert_allclose(pixels.array, (stored - 1.0) / 4999, atol=1e-6)
    assert pixels.bits == 13
    assert [note.rule for note in pixels.notes] == ["bits-exceeded"]


@pytest.mark.parametrize("filled", [True, False])
def test_sign_is_extended_from_bits_stored(make: Any, filled: bool) -> None:
    values = np.array([[-2048, -1, 0], [1, 2047, -5]], dtype=np.int16)
    container = values if filled else (values & 0x0FFF).astype(np.int16)
    path = make(container, PixelRepresentation=1)
    np.testing.assert_allclose(read_pixels(path).array, (values + 2048.0) / 4095, atol=1e-6)


def test_eight_bit_container_of_odd_length(make: Any) -> None:
    stored = np.array([[0, 1, 2], [128, 254, 255], [9, 8, 7]], dtype=np.uint8)
    path = make(stored, BitsAllocated=8, BitsStored=8, HighBit=7, WindowCenter="128", WindowWidth="256")
    np.testing.assert_allclose(read_pixels(path).array, stored / 255, atol=1e-6)


@pytest.mark.parametrize("air", [3000, 10])
def test_doubtful_polarity_is_said(make: Any, air: int) -> None:
    stored = np.full((20, 20), air, dtype=np.uint16)
    stored[5:15, 5:15] = 1000
    rules = [note.rule for note in read_pixels(make(stored, PresentationLUTShape="INVERSE")).notes]
    assert rules == ["polarity-conflict"] + (["polarity-doubtful"] if air == 3000 else [])


# Raw images
RAW_CLASS = "1.2.840.10008.5.1.4.1.1.1.2.1"


def attenuated() -> np.ndarray[Any, Any]:
    """Thickness of tissue, 0 (air) to 1, whose signal is 4000 exp(-3 thickness)."""
    thickness = np.zeros((64, 60))
    thickness[10:50, :40] = np.linspace(0.2, 1.0, 40)
    return thickness


@pytest.mark.parametrize(
    ("photometric", "sign", "falls"),
    [("MONOCHROME1", 1, False), ("MONOCHROME1", None, False), ("MONOCHROME2", -1, True), ("MONOCHROME2", None, True)],
)
def test_raw_images_are_inverted_logarithms(make: Any, photometric: str, sign: int | None, falls: bool) -> None:
    thickness = attenuated()
    signal = np.rint(4000 * np.exp(-3 * thickness)).astype(np.uint16)
    signal[0, 0] = 0  # a dead pixel does not set the range
    path = make(
        4095 - signal if falls else signal,
        SOPClassUID=RAW_CLASS,
        PhotometricInterpretation=photometric,
        PixelIntensityRelationship="LIN",
        PixelIntensityRelationshipSign=sign,
    )
    pixels = read_pixels(path)
    signal[0, 0] = 4000
    # The darkest tissue, a forty-eighth of the picture, is the lower end of the range.
    expected = np.log(4000 / signal) / 3.0
    expected[0, 0] = 1.0
    np.testing.assert_allclose(pixels.array, expected, atol=2e-3)
    assert dict(pixels.steps)["voi"]["logarithm"]
    assert dict(pixels.steps)["inversion"]["applied"]
    assert pixels.notes == ()


def test_a_raw_image_that_is_a_logarithm_already(make: Any) -> None:
    stored = np.rint(1000 * (4 - 3 * attenuated())).astype(np.uint16)
    path = make(
        stored, SOPClassUID=RAW_CLASS, PhotometricInterpretation="MONOCHROME1", PixelIntensityRelationship="LOG"
    )
    np.testing.assert_allclose(read_pixels(path).array, attenuated(), atol=1e-3)


def test_the_sign_of_a_raw_image_is_trusted_and_the_conflict_noted(make: Any) -> None:
    stored = np.rint(4000 * np.exp(-3 * attenuated())).astype(np.uint16)
    pixels = read_pixels(
        make(stored, SOPClassUID=RAW_CLASS, PhotometricInterpretation="MONOCHROME2", PixelIntensityRelationshipSign=1)
    )
    assert pixels.array[30, 39] > pixels.array[0, 59]
    assert [note.rule for note in pixels.notes] == ["polarity-conflict"]


@pytest.mark.parametrize("entries", ["", "12", ["0", "4095"]])
def test_a_table_whose_entries_are_text_is_not_used(entries: str | list[str]) -> None:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [2, 0, 12])
    item.add_new("LUTData", "LO", entries)
    notes: list[Problem] = []
    assert greyscale.table_of(item, False, True, notes) is None
    assert [note.rule for note in notes] == ["lut-incomplete"]
