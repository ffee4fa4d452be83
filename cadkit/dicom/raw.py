"""For Processing images: from the detector's signal to something that can be looked at.

A raw image is (nearly) proportional to the X-rays that arrived: air is high, tissue low, and no maker's software has
yet made a picture of it. Its logarithm, inverted, is proportional to what the breast absorbed, which is what a
presentation starts from. It still does not look like any maker's presentation, so raw images are taken only when asked
for and are marked in the column `kind`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cadkit.dicom.elements import number_of, text_of
from cadkit.errors import Problem

FOR_PROCESSING = frozenset({"1.2.840.10008.5.1.4.1.1.1.2.1", "1.2.840.10008.5.1.4.1.1.1.1.1"})
"""SOP classes of raw images: Digital Mammography X-Ray and Digital X-Ray, For Processing (PS3.4 B.5)."""
_DARKEST = 0.001


def is_raw(dataset: Dataset) -> bool:
    """Whether a header is that of a raw image, by its class or its PresentationIntentType (0008,0068)."""
    return (
        text_of(dataset, "SOPClassUID") in FOR_PROCESSING
        or "PROCESSING" in text_of(dataset, "PresentationIntentType").upper()
    )


def intensity_falls(dataset: Dataset, notes: list[Problem]) -> bool:
    """Whether larger values mean less X-rays.

    PixelIntensityRelationshipSign (0028,1041) says it (1: lower values, lower intensity; -1: higher values, lower
    intensity; PS3.3 C.8.11.3.1.2). Where it is absent, MONOCHROME1, which shows low values bright, means that they
    rise together.
    """
    by_photometric = text_of(dataset, "PhotometricInterpretation").upper() == "MONOCHROME2"
    sign = number_of(dataset, "PixelIntensityRelationshipSign")
    if sign not in (1.0, -1.0):
        return by_photometric
    falls = sign == -1.0
    if falls != by_photometric:
        reason = "a raw image whose photometric interpretation and intensity sign disagree; the sign is trusted"
        notes.append(Problem("polarity-conflict", reason))
    return falls


def absorbed(
    dataset: Dataset,
    values: NDArray[np.floating[Any]],
    seen: NDArray[np.floating[Any]],
    top: float,
    notes: list[Problem],
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """What the breast absorbed, 0 (air) to 1, of raw values: their logarithm, inverted once.

    Where PixelIntensityRelationship (0028,1040) says LOG the logarithm has been taken already. The range runs from
    the brightest pixel to the one in a thousand that got the least X-rays, zeros left out, as dead pixels are.

    Args:
        dataset: the header.
        values: raw values after the modality step, any shape.
        seen: those of the pixels that are not padding, or of a sample of them.
        top: the largest value that the bits can hold.
        notes: takes what was doubtful.
    """
    falls = intensity_falls(dataset, notes)
    signal, sample = (top - values, top - seen) if falls else (values, seen)
    logarithm = text_of(dataset, "PixelIntensityRelationship").upper() != "LOG"
    sample = sample[sample > 0]
    if sample.size == 0:
        return np.zeros(np.shape(values)), {"kind": "raw", "logarithm": logarithm, "low": None, "high": None}
    low, high = float(np.quantile(sample, _DARKEST)), float(sample.max())
    if logarithm:
        signal = np.log(np.maximum(signal, low))
        ends = np.log(low), np.log(high)
    else:
        ends = low, high
    span = max(float(ends[1] - ends[0]), 1e-12)
    shown = 1.0 - np.clip((signal - ends[0]) / span, 0.0, 1.0)
    return np.asarray(shown, dtype=np.float64), {"kind": "raw", "logarithm": logarithm, "low": low, "high": high}
