"""From a file to a picture: the pixel chain, each step once and in this order.

1. decode the frame to its container;
2. bits: shift by HighBit, mask to BitsStored, extend the sign;
3. padding, on stored values, before any table;
4. Modality LUT, or slope and intercept;
5. VOI LUT, or a window, or the full range; of raw images the logarithm (see `cadkit.dicom.raw`);
6. scale to 0 .. 1 by the known output range, never by the picture's own extremes;
7. one inversion, for MONOCHROME1.

The eighth step, background to 0, serves every kind of file: `cadkit.prepare.background`.

What each step did is kept with the picture (`Pixels.steps`), so that two readers of one file can find the step
at which they part.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ExplicitVRBigEndian
from scipy import ndimage

from cadkit.dicom import greyscale
from cadkit.dicom.attributes import header_of
from cadkit.dicom.decoders import decode
from cadkit.dicom.elements import count_of, items_of, stored_of, text_of, value_of
from cadkit.dicom.errors import DicomError
from cadkit.dicom.files import lenient, read_dataset, syntax_of
from cadkit.dicom.raw import absorbed, is_raw
from cadkit.dicom.triage import whole
from cadkit.errors import Problem

Steps = tuple[tuple[str, dict[str, Any]], ...]
MAX_PIXELS = 100_000_000
"""Rows times columns times frames above which a file is refused before memory is taken."""
_LARGEST_TABLE = 2**20
_SAMPLE = 2**20
_STRIP = 64


@dataclass(frozen=True)
class Pixels:
    """A picture as it is meant to be seen, in the stored pixel grid of the file.

    Attributes:
        curve: float32, 0 (black) to 1 (white), for each stored value from `low` on; for each pixel, rows x columns,
            where `low` is None.
        stored: int32, rows x columns.
        low: stored value that the first entry of `curve` belongs to.
        padding: True where the device says that there is no picture; None where it names no padding.
        steps: name and parameters of each step of the chain, in order.
        decoder: what decoded the pixels.
        bits: bits of the stored values that were used.
        notes: what was doubtful and how it was read.
    """

    curve: NDArray[np.float32]
    stored: NDArray[np.int32]
    low: int | None
    padding: NDArray[np.bool_] | None
    steps: Steps
    decoder: str
    bits: int
    notes: tuple[Problem, ...]

    @cached_property
    def array(self) -> NDArray[np.float32]:
        """The picture: float32, rows x columns, 0 (black) to 1 (white)."""
        return self.curve if self.low is None else _looked_up(self.curve, self.stored, self.low)

    def levels(self, white: int) -> NDArray[np.uint16]:
        """The picture as whole numbers, 0 (black) to `white`, each rounded to the nearest."""
        levels = (self.curve * np.float32(white) + np.float32(0.5)).astype(np.uint16)
        return levels if self.low is None else _looked_up(levels, self.stored, self.low)


def read_pixels(path: str | os.PathLike[str], *, frame: int = 0, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Read one frame of a file through the whole chain.

    Args:
        path: a DICOM file.
        frame: number of the frame, 0 the first.
        max_pixels: a header that claims more is refused before its pixels are read.

    Raises:
        DicomError: `no-pixels`, `too-large`, `truncated`, `not-monochrome`, `no-frame`, or what
            `read_header` and `cadkit.dicom.decoders.decode` raise.
    """
    with lenient():
        return _read(path, frame, max_pixels)


def pixels_fingerprint(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> str:
    """Fingerprint of the stored values of a file's first frame: equal for equal pixels, however they are compressed.

    Raises:
        DicomError: as `read_pixels`.
    """
    with lenient():
        _check_claim(path, 0, max_pixels)
        dataset, _ = read_dataset(path, pixels=True)
        container, _ = decode(dataset, path, 0)
        stored, _ = stored_bits(dataset, container, [])
    digest = hashlib.blake2b(repr(stored.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(stored).data)
    return digest.hexdigest()


def _read(path: str | os.PathLike[str], frame: int, max_pixels: int) -> Pixels:
    _check_claim(path, frame, max_pixels)
    dataset, _ = read_dataset(path, pixels=True)
    notes: list[Problem] = []
    container, decoder = decode(dataset, path, frame)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("decode", {"syntax": syntax_of(dataset).name, "decoder": decoder, "container": str(container.dtype)})
    ]
    stored, bits = stored_bits(dataset, container, notes)
    steps.append(("bits", {"stored": count_of(dataset, "BitsStored", bits), "used": bits}))
    mask, named = padding_mask(dataset, stored)
    steps.append(("padding", named | {"pixels": 0 if mask is None else int(mask.sum())}))
    curve, low, grey = _show(dataset, stored, bits, mask, frame, notes)
    pixels = Pixels(curve, stored, low, mask, (*steps, *grey), decoder, bits, tuple(notes))
    if any(note.rule == "polarity-conflict" for note in notes) and _bright_outside(pixels.array, mask):
        doubt = Problem("polarity-doubtful", "the picture's border is brighter than its inside; it may be inverted")
        return replace(pixels, notes=(*notes, doubt))
    return pixels


def _looked_up(table: NDArray[Any], stored: NDArray[np.int32], low: int) -> NDArray[Any]:
    """The entry of each pixel, a few rows at a time: what is worked on stays in the processor's cache."""
    picture = np.empty(stored.shape, table.dtype)
    for top in range(0, len(stored), _STRIP):
        rows = slice(top, top + _STRIP)
        np.take(table, stored[rows] - low, out=picture[rows], mode="clip")
    return picture


def _bright_outside(shown: NDArray[np.float32], mask: NDArray[np.bool_] | None) -> bool:
    """Whether the padding is brighter than the rest or, where none is named, the border than the middle."""
    if mask is not None and mask.any() and not mask.all():
        return float(np.median(shown[mask])) > float(np.median(shown[~mask]))
    rows, columns = (slice(size // 3, size - size // 3) for size in shown.shape)
    edge = np.concatenate([shown[0], shown[-1], shown[:, 0], shown[:, -1]])
    return float(np.median(edge)) > float(np.median(shown[rows, columns]))


def _check_claim(path: str | os.PathLike[str], frame: int, max_pixels: int) -> None:
    dataset, held = read_dataset(path, pixels=False)
    header = header_of(dataset, held)
    if held is None:
        raise DicomError("no-pixels", "the file has no pixel data", "Fetch it again with its pixels.")
    claimed = header.rows * header.columns * header.frames
    if claimed == 0:
        raise DicomError("no-size", "the header does not say how many rows and columns there are")
    # Pixels of 32 bits take twice the memory on the whole way.
    if claimed * max(1, header.bits_allocated // 16) > max_pixels:
        raise DicomError("too-large", f"the header claims {claimed} pixels", f"The limit is {max_pixels}.")
    if header.samples != 1 or header.photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise DicomError("not-monochrome", "the picture is in colour or does not say how it is stored")
    if not 0 <= frame < header.frames:
        raise DicomError("no-frame", f"the file has {header.frames} frame(s), none of number {frame}")
    if refusal := whole(header):
        raise DicomError(*refusal)


def stored_bits(
    dataset: Dataset, container: NDArray[np.integer[Any]], notes: list[Problem]
) -> tuple[NDArray[np.int32], int]:
    """Step 2: stored values out of their container (PS3.5 section 8.1.1).

    Bits above BitsStored (0028,0101) are dropped where they are overlays (60xx,0102) or the sign; values that
    really exceed BitsStored are kept and noted.

    Returns:
        int32 values, and the bits that they use.
    """
    allocated = container.dtype.itemsize * 8
    stored = min(count_of(dataset, "BitsStored", allocated) or allocated, allocated)
    high = count_of(dataset, "HighBit", stored - 1)
    signed = count_of(dataset, "PixelRepresentation", 0) == 1
    raw = container.astype(container.dtype.newbyteorder("="), copy=False).view(f"u{container.dtype.itemsize}")
    if not signed and high + 1 == stored and allocated <= 16 and int(raw.max(initial=0)) < 2**stored:
        return raw.astype(np.int32), stored
    unsigned: NDArray[np.integer[Any]] = raw.astype(np.int64 if allocated > 16 else np.int32)
    shift = high + 1 - stored
    if 0 < shift <= allocated - stored:
        unsigned = unsigned >> shift
    else:
        shift = 0
    low = unsigned & (2**stored - 1)
    values = np.where(low >= 2 ** (stored - 1), low - 2**stored, low) if signed else low
    if stored == allocated or shift or _overlays_in_pixels(dataset):
        return values.astype(np.int32, copy=False), stored
    whole = np.where(unsigned >= 2 ** (allocated - 1), unsigned - 2**allocated, unsigned) if signed else unsigned
    # A signed value may leave the bits above BitsStored zero, or fill them with its sign.
    if np.array_equal(values, whole) or (signed and np.array_equal(low, unsigned)):
        return values.astype(np.int32), stored
    used = max(int(np.abs(whole).max()).bit_length() + int(signed), stored)
    notes.append(Problem("bits-exceeded", f"values need {used} bits where BitsStored is {stored}; they are kept"))
    return whole.astype(np.int32, copy=False), used


def _overlays_in_pixels(dataset: Dataset) -> bool:
    groups = range(0x6000, 0x6020, 2)
    return any((group, 0x0102) in dataset and (group, 0x3000) not in dataset for group in groups)


def padding_mask(dataset: FileDataset, stored: NDArray[np.int32]) -> tuple[NDArray[np.bool_] | None, dict[str, Any]]:
    """Step 3: where PixelPaddingValue (0028,0120), or the range to PixelPaddingRangeLimit (0028,0121), stands.

    The limit may lie on either side of the value. Only components that touch the border are padding: the value
    may occur in tissue as well.

    Returns:
        The mask, None if the file names no padding; and the parameters.
    """
    signed = count_of(dataset, "PixelRepresentation", 0) == 1
    little = _little_endian(dataset)
    value = stored_of(dataset, "PixelPaddingValue", signed, little)
    if not value:
        return None, {"value": None}
    limit = stored_of(dataset, "PixelPaddingRangeLimit", signed, little) or value
    low, high = sorted((value[0], limit[0]))
    mask = stored == low if low == high else (stored >= low) & (stored <= high)
    named = {"value": value[0], "limit": limit[0] if limit != value else None}
    if not mask.any():
        return mask, named
    return touching_border(mask), named


def touching_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of a mask whose 4-connected component touches the border."""
    # Where each row's part runs straight to the border, as air beside a breast does, labelling can be spared.
    straight = mask.argmin(axis=1) + mask[:, ::-1].argmin(axis=1)
    straight[mask.all(axis=1)] = mask.shape[1]
    if np.array_equal(straight, np.count_nonzero(mask, axis=1)):
        return mask
    labels, count = ndimage.label(mask)
    keep = np.zeros(count + 1, dtype=bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        keep[edge] = True
    if keep[1:].all():
        return mask
    keep[0] = False
    kept: NDArray[np.bool_] = np.take(keep, labels)
    return kept


def _little_endian(dataset: FileDataset) -> bool:
    return syntax_of(dataset) != ExplicitVRBigEndian


def _show(
    dataset: FileDataset,
    stored: NDArray[np.int32],
    bits: int,
    mask: NDArray[np.bool_] | None,
    frame: int,
    notes: list[Problem],
) -> tuple[NDArray[np.float32], int | None, list[tuple[str, dict[str, Any]]]]:
    """Steps 4 to 7. They act on each value alone, so they are worked out once for each value that occurs.

    Returns:
        What `Pixels` calls `curve` and `low`, and the steps.
    """
    low, high = int(stored.min()), int(stored.max())
    small = high - low < _LARGEST_TABLE
    values = np.arange(low, high + 1, dtype=np.float64) if small else stored.astype(np.float64)
    signed = count_of(dataset, "PixelRepresentation", 0) == 1
    little = _little_endian(dataset)
    of_modality, of_voi = _functional_group(dataset, frame)
    between, negative, modality = greyscale.modality(of_modality, signed, little, values, notes)
    photometric = text_of(dataset, "PhotometricInterpretation").upper()
    shape = text_of(dataset, "PresentationLUTShape").upper()
    if is_raw(dataset):
        seen = stored.reshape(-1) if mask is None or mask.all() else stored[~mask]
        part = seen[:: max(1, seen.size // _SAMPLE)].astype(np.float64)
        sample, _, _ = greyscale.modality(of_modality, signed, little, part, [])
        top, _, _ = greyscale.modality(of_modality, signed, little, np.array([2.0**bits - 1]), [])
        absorption, voi = absorbed(dataset, between, sample, float(top[0]), notes)
        steps = _grey_steps(modality, voi, True, photometric, shape)
        return absorption.astype(np.float32), low if small else None, steps
    ends, _, _ = greyscale.modality(of_modality, signed, little, _extremes(stored, mask), [])
    span = (float(ends.min()), float(ends.max()))
    curve, voi = greyscale.voi(of_voi, negative, little, between, span, notes)
    inverted = greyscale.inverts(photometric, shape, notes)
    if inverted:
        curve = 1.0 - curve
    curve = np.clip(curve, 0.0, 1.0).astype(np.float32)
    return curve, low if small else None, _grey_steps(modality, voi, inverted, photometric, shape)


def _extremes(stored: NDArray[np.int32], mask: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """The least and the greatest value outside the padding; of all, where all is padding."""
    if mask is not None and not mask.all():
        stored = np.where(mask, stored.reshape(-1)[np.argmin(mask)], stored)
    return np.array([stored.min(), stored.max()], dtype=np.float64)


def _grey_steps(
    modality: dict[str, Any], voi: dict[str, Any], inverted: bool, photometric: str, shape: str
) -> list[tuple[str, dict[str, Any]]]:
    output = {"range": [0, 2 ** voi["bits"] - 1]} if voi["kind"] == "table" else {"range": [0, 1]}
    return [
        ("modality", modality),
        ("voi", voi),
        ("scale", output),
        ("inversion", {"applied": inverted, "photometric": photometric, "shape": shape}),
    ]


def _functional_group(dataset: Dataset, frame: int) -> tuple[Dataset, Dataset]:
    """Where the modality and the VOI attributes stand: at top level, or in an enhanced object's functional groups.

    PS3.3 C.7.6.16.2.9 and C.7.6.16.2.10.
    """
    shared = items_of(dataset, "SharedFunctionalGroupsSequence")[:1]
    own = items_of(dataset, "PerFrameFunctionalGroupsSequence")[frame : frame + 1]
    of_modality = of_voi = dataset
    for group in (*shared, *own):
        for item in items_of(group, "PixelValueTransformationSequence")[:1]:
            of_modality = item
        for item in items_of(group, "FrameVOILUTSequence")[:1]:
            of_voi = item
    if value_of(dataset, "WindowCenter") is not None or items_of(dataset, "VOILUTSequence"):
        of_voi = dataset
    return of_modality, of_voi
