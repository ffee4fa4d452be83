"""From attenuation to the picture that a device shows: scatter, sharpness, noise, display curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from cadkit.phantom.noise import Floats
from cadkit.phantom.projection import Frame

# The darkest tissue is clearly above air, so that no pixel of the breast is taken for background.
FLOOR = 0.04
_SCATTER_MM = 9.0
_PIVOT = 0.18


@dataclass(frozen=True)
class Acquisition:
    """How one make of device, as one site runs it, shows a breast.

    Attributes:
        scatter: share of the signal that scattered X-rays spread over 9 mm (sd).
        blur_mm: sd of the detector's point spread.
        noise: sd at mid-grey in pixels of 0.1 mm; it falls with the pixel's size and grows with the root of
            the attenuation, as fewer quanta arrive behind dense tissue.
        gain, knee: the display is that much steeper about the brightness of fat, and saturates softly above
            the knee.
    """

    scatter: float
    blur_mm: float
    noise: float
    gain: float
    knee: float


ACQUISITIONS: Mapping[tuple[str, str], Acquisition] = MappingProxyType(
    {
        ("north", "lut"): Acquisition(0.16, 0.10, 0.013, 1.18, 0.72),
        ("south", "window"): Acquisition(0.22, 0.13, 0.010, 1.24, 0.76),
        ("west", "lut"): Acquisition(0.18, 0.10, 0.016, 1.14, 0.72),
        ("west", "window"): Acquisition(0.22, 0.13, 0.012, 1.20, 0.76),
    }
)


def acquire(
    field: Floats,
    inside: NDArray[np.bool_],
    frame: Frame,
    device: Acquisition,
    random: np.random.Generator,
) -> Floats:
    """The picture of a field of attenuation: 0 is air, exactly, tissue lies between 0.04 and 1.

    Args:
        field: rows x columns; not changed.
        inside: what is breast.
        frame: of the image.
        device: that made it.
        random: of the noise.
    """
    spread = _scattered(field, frame)
    value = field + np.float32(device.scatter) * (spread - field)
    value = gaussian_filter(value, device.blur_mm / frame.spacing_mm, truncate=3.0)
    noise = gaussian_filter(random.standard_normal(field.shape, dtype=np.float32), 0.35, truncate=3.0)
    scale = np.float32(device.noise * (0.1 / frame.spacing_mm) ** 0.5 / 0.78)
    value += scale * np.sqrt(np.maximum(field, 0) / np.float32(0.4)) * noise
    value = np.float32(_PIVOT) + np.float32(device.gain) * (value - np.float32(_PIVOT))
    knee, room = np.float32(device.knee), np.float32(1 - device.knee)
    value = np.where(value > knee, knee + room * (1 - np.exp(-(value - knee) / room)), value)
    return np.where(inside, np.clip(value, FLOOR, 1), 0).astype(np.float32)


def _scattered(field: Floats, frame: Frame) -> Floats:
    """The field through a wide Gaussian, on a coarse grid, as wide ones are smooth."""
    coarse = frame.coarser(_SCATTER_MM / 3)
    small = np.asarray(Image.fromarray(field).resize((coarse.columns, coarse.rows), Image.Resampling.BOX))
    spread = gaussian_filter(small, _SCATTER_MM / coarse.spacing_mm, mode="nearest")
    return np.array(Image.fromarray(spread).resize((frame.columns, frame.rows), Image.Resampling.BICUBIC))
