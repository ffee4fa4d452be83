"""Random numbers by name, and random textures with a power-law spectrum in two or three dimensions."""

from __future__ import annotations

import math
import zlib

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def generator(*key: int | str) -> np.random.Generator:
    """A generator that depends on its key alone, so that work may be spread in any way."""
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.default_rng(np.random.SeedSequence(words))


def mixed_waves(shape: tuple[int, ...], sources: list[tuple[np.random.Generator, float]]) -> NDArray[np.complex64]:
    """White Fourier coefficients with shared parts.

    Args:
        shape: of the texture, two or three axes.
        sources: generators and the share of the variance that each gives; two textures that share a
            generator's key correlate by its share.
    """
    waves = np.zeros((*shape, 2), dtype=np.float32)
    for random, share in sources:
        waves += np.float32(np.sqrt(share)) * random.standard_normal(waves.shape, dtype=np.float32)
    return waves.view(np.complex64)[..., 0]


def textures(
    waves: NDArray[np.complex64],
    spacing_mm: float,
    exponent: float,
    band_mm: tuple[float, float] = (0.0, 60.0),
    stretch: float = 1.0,
    angle: float = 0.0,
) -> tuple[Floats, Floats]:
    """Two independent textures with a power spectrum of 1 / f ** exponent.

    Args:
        waves: white coefficients (`mixed_waves`), two or three axes.
        spacing_mm: of the pixels or voxels.
        exponent: about 3 in mammograms (Burgess et al. 2001, Med Phys 28:419); a volume whose projection
            has the exponent b has it as well (projection-slice theorem).
        band_mm: wavelengths below the first are damped, above the second the spectrum is flat.
        stretch: structures are longer by this factor along one axis: the last one of a picture (turned
            by `angle`, radians from x towards y), the first one of a volume.
        angle: of the stretched axis, for pictures.

    Returns:
        Two fields of the shape of `waves`, of mean 0 and standard deviation 1.
    """
    axes = [np.fft.fftfreq(size, spacing_mm).astype(np.float32) for size in waves.shape]
    parts = list(np.meshgrid(*axes, indexing="ij", sparse=True))
    if waves.ndim == 2:
        y, x = parts
        along = math.cos(angle) * x + math.sin(angle) * y
        across = math.cos(angle) * y - math.sin(angle) * x
        parts = [np.float32(stretch) * along, across]
    else:
        parts[0] = parts[0] * np.float32(stretch)
    squared = sum(part * part for part in parts)
    gain = (squared + np.float32(1 / band_mm[1] ** 2)) ** np.float32(-exponent / 4)
    if band_mm[0] > 0:
        gain *= np.exp(squared * np.float32(-0.5 * band_mm[0] ** 2))
    gain.flat[0] = 0  # the mean
    field = scipy.fft.ifftn(waves * gain)
    return _standard(field.real), _standard(field.imag)


def _standard(field: Floats) -> Floats:
    return np.asarray((field - field.mean()) / field.std())
