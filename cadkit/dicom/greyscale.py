"""The grey-scale transformations: stored value to luminance, as pure functions.

PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT and windows), C.11.6 (Presentation LUT Shape). pydicom's own
functions are not used: they invert by the image's maximum, know nothing of MONOCHROME1, and cast the index of
8-bit tables to 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cadkit.dicom.elements import as_signed, items_of, number_of, numbers_of, stored_of, text_of, texts_of, value_of
from cadkit.errors import Problem

Floats = NDArray[np.floating[Any]]
Parameters = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A look-up table (PS3.3 C.11.2.1.1).

    Attributes:
        first: the input that maps to the first entry.
        entries: int64, 1 to 65,536 of them.
        bits: depth of the entries; the output range is 0 .. 2 ** bits - 1.
        explanation: LUTExplanation (0028,3003).
    """

    first: int
    entries: NDArray[np.int64]
    bits: int
    explanation: str

    def apply(self, values: Floats) -> Floats:
        """Entries for `values`; inputs beyond the ends take the end's entry."""
        index = np.clip(np.floor(values).astype(np.int64) - self.first, 0, len(self.entries) - 1)
        return self.entries[index].astype(np.float64)


def table_of(item: Dataset, signed: bool, little_endian: bool, notes: list[Problem]) -> Table | None:
    """The table in an item of a LUT sequence; None, with a note, if it is incomplete.

    Entries of 8 bits come one to a byte or one to a word; the first mapped input is signed when the values are.
    """
    descriptor = stored_of(item, "LUTDescriptor", signed=False, little_endian=little_endian)
    data = value_of(item, "LUTData")
    if len(descriptor) < 3 or data is None:
        notes.append(Problem("lut-incomplete", "a look-up table lacks its descriptor or its data; it is not used"))
        return None
    count = descriptor[0] or 65536
    first = as_signed(descriptor[1]) if signed else descriptor[1]
    entries: NDArray[np.integer[Any]]
    if isinstance(data, bytes):
        if len(data) in (count, count + 1) and descriptor[2] <= 8:
            entries = np.frombuffer(data, dtype=np.uint8)
        else:
            entries = np.frombuffer(data[: len(data) // 2 * 2], dtype="<u2" if little_endian else ">u2")
    else:
        numbers = np.atleast_1d(np.asarray(data))
        if numbers.dtype.kind not in "iu":  # written as text or fractions
            notes.append(Problem("lut-incomplete", "a look-up table's entries are no whole numbers; it is not used"))
            return None
        entries = numbers.astype(np.int64) & 0xFFFF
    if len(entries) == 0:
        notes.append(Problem("lut-incomplete", "a look-up table is empty; it is not used"))
        return None
    if len(entries) < count:
        notes.append(Problem("lut-short", "a look-up table has fewer entries than it says; the last is repeated"))
    entries = entries[:count]
    bits = descriptor[2] if 1 <= descriptor[2] <= 16 else 16
    if int(entries.max()) >= 2**bits:
        bits = int(entries.max()).bit_length()
        notes.append(Problem("lut-depth", f"a look-up table holds {bits}-bit entries, more than it says"))
    return Table(first, entries.astype(np.int64), bits, text_of(item, "LUTExplanation"))


def modality(
    dataset: Dataset, signed: bool, little_endian: bool, values: Floats, notes: list[Problem]
) -> tuple[Floats, bool, Parameters]:
    """Apply the Modality LUT, else slope and intercept (PS3.3 C.11.1).

    Returns:
        The values, whether they can be negative, and the parameters.
    """
    for item in items_of(dataset, "ModalityLUTSequence")[:1]:
        table = table_of(item, signed, little_endian, notes)
        if table is not None:
            return table.apply(values), False, {"table": len(table.entries), "bits": table.bits}
    slope = number_of(dataset, "RescaleSlope")
    intercept = number_of(dataset, "RescaleIntercept") or 0.0
    if slope == 0:
        notes.append(Problem("slope-zero", "RescaleSlope is 0; 1 is taken"))
    slope = slope or 1.0
    if slope != 1.0 or intercept != 0.0:
        values = values * slope + intercept
    return values, signed or intercept < 0, {"slope": slope, "intercept": intercept}


def voi(
    dataset: Dataset,
    signed: bool,
    little_endian: bool,
    values: Floats,
    extremes: tuple[float, float],
    notes: list[Problem],
) -> tuple[Floats, Parameters]:
    """Apply the VOI LUT, else a window, else the full range, and scale to 0 .. 1 by the known output range.

    Of several, the one explained NORMAL is taken, else the first. A table is preferred to a window.

    Args:
        dataset: the module's attributes, or an item of FrameVOILUTSequence.
        values: after the modality step.
        extremes: least and largest value of pixels that are not padding, for the full range.
    """
    items = items_of(dataset, "VOILUTSequence")
    if items:
        chosen = _normal(tuple(text_of(item, "LUTExplanation") for item in items))
        table = table_of(items[chosen], signed, little_endian, notes)
        if table is not None:
            shown = table.apply(values) / (2**table.bits - 1)
            return shown, {
                "kind": "table",
                "item": chosen,
                "entries": len(table.entries),
                "first": table.first,
                "bits": table.bits,
            }
    centres, widths = numbers_of(dataset, "WindowCenter"), numbers_of(dataset, "WindowWidth")
    if centres and widths:
        chosen = _normal(texts_of(dataset, "WindowCenterWidthExplanation"))
        chosen = chosen if chosen < min(len(centres), len(widths)) else 0
        function = text_of(dataset, "VOILUTFunction").upper() or "LINEAR"
        if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
            notes.append(Problem("voi-function-unknown", "VOILUTFunction is not known; LINEAR is taken"))
            function = "LINEAR"
        centre, width = centres[chosen], widths[chosen]
        if width >= 1 if function == "LINEAR" else width > 0:
            parameters = {"kind": "window", "function": function, "centre": centre, "width": width}
            return window(values, centre, width, function), parameters
        notes.append(Problem("window-width", "WindowWidth is below its limit; the full range is shown"))
    elif centres or text_of(dataset, "WindowCenter") or text_of(dataset, "WindowWidth"):
        notes.append(Problem("window-incomplete", "the window lacks its centre or width; the full range is shown"))
    low, high = extremes
    shown = np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0)
    return shown, {"kind": "full range", "low": low, "high": high}


def window(values: Floats, centre: float, width: float, function: str) -> Floats:
    """A window's output in 0 .. 1 (PS3.3 C.11.2.1.2.1 LINEAR, C.11.2.1.3.1 SIGMOID, C.11.2.1.3.2 LINEAR_EXACT)."""
    if function == "SIGMOID":
        exponent = np.clip(-4.0 * (values - centre) / width, -700.0, 700.0)
        return np.asarray(1.0 / (1.0 + np.exp(exponent)))
    if function == "LINEAR_EXACT":
        return np.asarray(np.clip((values - centre) / width + 0.5, 0.0, 1.0))
    if width == 1:
        return (values > centre - 0.5).astype(np.float64)
    return np.asarray(np.clip((values - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0))


def inverts(photometric: str, shape: str, notes: list[Problem]) -> bool:
    """Whether the picture is shown inverted: MONOCHROME1, whatever the Presentation LUT Shape says.

    The two say the same in a conformant object (PS3.3 C.8.11.3: IDENTITY goes with MONOCHROME2, INVERSE with
    MONOCHROME1), so both together still mean one inversion. Where they disagree the photometric
    interpretation (0028,0004) is trusted and the disagreement is noted.
    """
    inverted = photometric == "MONOCHROME1"
    if shape and (shape == "INVERSE") != inverted:
        named = shape if shape in ("IDENTITY", "INVERSE") else "of another kind"  # never any text of the file
        notes.append(
            Problem("polarity-conflict", f"{photometric} with PresentationLUTShape {named}; {photometric} is trusted")
        )
    return inverted


def _normal(explanations: tuple[str, ...]) -> int:
    for position, text in enumerate(explanations):
        if text.strip().upper() == "NORMAL":
            return position
    return 0
