"""Background to exactly 0: air, film frames, tape and labels.

The crop of `cadkit.prepare.crop` counts what is above 0, which fails on a scanned film, whose air is grey
and noisy, and on detectors that write a small offset. The step has a version, so that a store made
with another one is made anew.

1. Padding that the file itself names is 0.
2. Dark and bright: Otsu's threshold of log(1 + value / 200) over the pixels above 0.
3. Air is what lies further than 15 mm from every bright pixel. If it is exactly 0 there, the background is
   known; so it is where many pixels are 0 and the threshold is above 0.46 of the bright median, as it is
   when it parts tissue from tissue. Then all that is left to do is to set to 0 what is no part of
   the largest component (markers).
4. Otherwise the threshold is the 99.5th percentile of the air, at most half way from its median to Otsu's.
5. The breast is the largest bright component after an opening that cuts bridges to labels and frames, and
   around it what is above the threshold, within 15 mm and nearer to it than to other bright things. A thing
   below 1 cm2 beside the component is no label but a nipple, and belongs to it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cadkit.prepare.crop import SPACING_MM, Bools, Scale, largest_component

VERSION = 1
_SAMPLE = 512
_SOFT = 200.0
_AIR_DISTANCE_MM = 15.0
_NOISY_SHARE = 1e-4
_MANY_ZEROS = 0.015
_WITHIN_TISSUE = 0.46
_PERCENTILE = 99.5
_OPENING_MM = 1.2
_NIPPLE_MM2 = 100.0
_WHITE = 64224  # 98% of the scale


@dataclass(frozen=True)
class Background:
    """What was background, and how the picture looks beside it.

    Attributes:
        method: `zero` (air was exactly 0) or `air` (a threshold was needed).
        threshold: pixels up to this value were air, 0 to 65535.
        level: median of the air above 0 far from the breast, 0 to 65535; 0 where air is exactly 0.
        share: of all pixels that are background.
        clipped: share of the breast's pixels at the white end.
    """

    method: str
    threshold: int
    level: float
    share: float
    clipped: float

    def parameters(self) -> dict[str, Any]:
        """The attributes as plain values, rounded."""
        return {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(self).items()}


def zero_background(
    picture: NDArray[np.uint16], scale: Scale, padding: Bools | None = None
) -> tuple[NDArray[np.uint16], Background]:
    """Set everything but the breast to 0.

    Args:
        picture: rows x columns, bright tissue on dark air; it is not changed.
        scale: tells how large 15 mm are, as if it came from a pixel spacing.
        padding: True where the file says that there is no picture.

    Returns:
        A new picture, and what was found.
    """
    picture = picture.copy() if padding is None else np.where(padding, np.uint16(0), picture)
    threshold, split, level = _air(picture, scale)
    above = picture > 0
    breast = largest_component(above) if split is None else _breast(picture, threshold, split, scale)
    if breast is not None and breast is not above:
        picture[~breast] = 0
        if split is not None:
            np.maximum(picture, 1, out=picture, where=breast)
    inside = int(np.count_nonzero(picture))
    clipped = int(np.count_nonzero(picture >= _WHITE)) / max(1, inside)
    method = "zero" if split is None else "air"
    return picture, Background(method, threshold, level, 1 - inside / picture.size, clipped)


def _mm(length: float, scale: Scale) -> float:
    """A length in pixels, as far as the scale of the picture is known."""
    return length / SPACING_MM * scale.share


def _air(picture: NDArray[np.uint16], scale: Scale) -> tuple[int, float | None, float]:
    """The value up to which pixels are air, that which parts dark from bright, and the air's level.

    The second is None if air is exactly 0.
    """
    step = max(1, min(picture.shape) // _SAMPLE)
    sample = picture[::step, ::step]
    split = _otsu_of_logarithm(sample)
    bright = sample[sample > split]
    many_zeros = np.count_nonzero(sample == 0) > _MANY_ZEROS * sample.size
    if not bright.size or (many_zeros and split > _WITHIN_TISSUE * np.median(bright)):
        return 0, None, 0.0
    distance = ndimage.distance_transform_cdt(sample <= split, metric="taxicab")
    air = sample[distance * step > _mm(_AIR_DISTANCE_MM, scale)]
    noise = air[air > 0]
    if noise.size <= _NOISY_SHARE * air.size:
        return 0, None, 0.0
    return int(min(np.percentile(air, _PERCENTILE), (split + np.median(air)) / 2)), split, float(np.median(noise))


def _otsu_of_logarithm(sample: NDArray[np.uint16], bins: int = 256) -> float:
    """The value that parts the pixels above 0 into two classes of least variance of log(1 + value / 200).

    The 200 keeps what a lossy coder leaves around a blacked-out box from being a class of its own.
    """
    counts, edges = np.histogram(np.log1p(sample[sample > 0] / _SOFT), bins=bins, range=(0.0, np.log1p(65535 / _SOFT)))
    centres = (edges[1:] + edges[:-1]) / 2
    below, moment = np.cumsum(counts), np.cumsum(counts * centres)
    above = below[-1] - below
    inner = (below > 0) & (above > 0)
    if not inner.any():
        return 0.0
    between = (moment[-1] * below[inner] / below[-1] - moment[inner]) ** 2 / (below[inner] * above[inner])
    return float(_SOFT * np.expm1(edges[1:][inner][np.argmax(between)]))


def _breast(picture: NDArray[np.uint16], threshold: int, split: float, scale: Scale) -> Bools | None:
    """The largest bright component and its dim rim; None if nothing is bright."""
    size = 2 * max(1, round(_mm(_OPENING_MM, scale))) + 1
    bright = ndimage.minimum_filter(picture > split, size=size, mode="nearest")
    core = largest_component(bright)
    if core is None:
        return None
    to_core = ndimage.distance_transform_cdt(~core, metric="taxicab")
    rim = (picture > threshold) & (to_core <= _mm(_AIR_DISTANCE_MM, scale))
    others = _labels_and_frames(bright & ~core, to_core, 2 * size, scale)
    if others.any():
        rim &= to_core <= ndimage.distance_transform_cdt(~others, metric="taxicab")
    whole = largest_component(ndimage.minimum_filter(rim | core, size=size, mode="nearest"))
    if whole is None:
        return core
    grown = ndimage.maximum_filter(whole, size=size + 2, mode="constant") & (rim | core)
    breast = largest_component(grown)
    return core if breast is None else _filled(breast)


def _labels_and_frames(others: Bools, to_core: NDArray[np.int32], near: int, scale: Scale) -> Bools:
    """Bright components that are no part of the breast: all but small ones near it."""
    labels, _ = ndimage.label(others)
    for number, part in enumerate(ndimage.find_objects(labels), start=1):
        own = labels[part] == number
        small = np.count_nonzero(own) < _NIPPLE_MM2 * _mm(1.0, scale) ** 2
        if small and to_core[part][own].min() <= near:
            others[part][own] = False
    return others


def _filled(mask: Bools) -> Bools:
    """The mask with what it encloses: one dark pixel inside would cost a whole diamond in the crop's erosion."""
    labels, number = ndimage.label(~mask)
    outside = np.zeros(number + 1, dtype=bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        outside[edge] = True
    outside[0] = False
    filled: Bools = ~outside[labels]
    return filled
