"""The gland in three dimensions, and its shadow in a view.

A grid of voxels around the breast holds the share of fibroglandular tissue in each: a power-law noise
(Burgess et al. 2001, Med Phys 28:419: exponent near 3) that is thresholded inside the gland's region,
with lobules of fat cut out of it. A view is the sum along its beam, so that both views of a breast show
the same tissue, and what hides a lesion is what lies before and behind it. Details finer than a voxel
are drawn in the view (`anatomy`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.sparse import csr_matrix

from cadkit.phantom.noise import Floats, generator, mixed_waves, textures
from cadkit.phantom.projection import Frame, Projection
from cadkit.phantom.shape import Breast

_VOXEL_MM = 1.7
# By density: how far the threshold of the noise lies in favour of gland, and the mean number of fat lobules.
_BIAS = {"A": -2.2, "B": -1.35, "C": -0.7, "D": 0.1}
_LOBULES = {"A": 40.0, "B": 60.0, "C": 60.0, "D": 40.0}
_LOBULE_MM = (4.5, 16.0)
# Half of what the gland is made of is shared by a woman's two breasts, 85% by one breast's exams.
_SHARED, _OWN = 0.50, 0.35


@dataclass(frozen=True)
class Volume:
    """Share of gland around one breast.

    Attributes:
        gland: depth x lateral x superior, 0 (fat) to 1.
        voxel_mm: edge of a voxel.
        corner: depth, lateral and superior of the first voxel's centre, mm from the nipple.
    """

    gland: Floats
    voxel_mm: float
    corner: tuple[float, float, float]

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of gland at points (n x 3: depth, lateral, superior, mm), within 3 mm or so; 0 outside."""
        places = (points - np.array(self.corner)) / self.voxel_mm
        return np.asarray(map_coordinates(self.gland, places.T, order=1, mode="constant"), dtype=np.float64)

    def shadow(self, projection: Projection, frame: Frame) -> Floats:
        """mm of gland along the beam for each pixel of a frame (rows x columns)."""
        _, across, along = self.gland.shape
        lateral = self.corner[1] + self.voxel_mm * np.arange(across)[:, None]
        superior = self.corner[2] + self.voxel_mm * np.arange(along)[None, :]
        # Each line of voxels along the depth axis falls on two neighbouring rows of the shadow.
        height = projection.upright(lateral, superior).ravel() / self.voxel_mm
        first = float(np.floor(height.min()))
        row = np.floor(height - first).astype(np.int64)
        part = height - first - row
        lines = np.arange(height.size)
        weights = np.concatenate([1 - part, part])
        rows = int(row.max()) + 2
        splat = csr_matrix(
            (weights, (np.concatenate([row, row + 1]), np.concatenate([lines, lines]))), (rows, lines.size)
        )
        shadow = (splat @ self.gland.reshape(self.gland.shape[0], -1).T).astype(np.float32) * np.float32(self.voxel_mm)
        x, y = frame.centres()
        depth = (projection.nipple[0] - x - self.corner[0]) / self.voxel_mm
        upright = (projection.nipple[1] - y) / self.voxel_mm - first
        grid = np.broadcast_arrays(upright, depth)
        return np.asarray(map_coordinates(shadow, grid, order=1, mode="constant", output=np.float32))


def gland_volume(breast: Breast, key: tuple[int, int, str, int], spacing_mm: float) -> Volume:
    """The gland of a breast.

    Args:
        breast: its shape and density.
        key: seed, patient, side and visit.
        spacing_mm: of the images; the voxels are 1.7 mm, or 2 pixels if that is more.
    """
    seed, patient, side, visit = key
    voxel = max(_VOXEL_MM, 2.0 * spacing_mm)
    size_mm = (breast.depth + 6.0, 1.9 * breast.half_height, 1.7 * breast.half_height)
    shape = tuple(scipy.fft.next_fast_len(int(np.ceil(length / voxel))) for length in size_mm)
    corner = (0.0, 5.0 - 0.5 * voxel * (shape[1] - 1), 4.0 - 0.5 * voxel * (shape[2] - 1))
    axes = [start + voxel * np.arange(size, dtype=np.float32) for start, size in zip(corner, shape, strict=True)]
    depth, lateral, superior = np.meshgrid(*axes, indexing="ij", sparse=True)
    waves = mixed_waves(
        shape,
        [
            (generator(seed, "gland", patient), _SHARED),
            (generator(seed, "gland", patient, side), _OWN),
            (generator(seed, "gland", patient, side, visit), 1 - _SHARED - _OWN),
        ],
    )
    coarse, fine = textures(waves, voxel, 3.5, (5.0, 80.0), stretch=1.3)
    region = breast.gland_region(depth, lateral, superior).astype(np.float32)
    gland = _sigmoid((2.4 * region - 0.4 + 1.35 * coarse + np.float32(_BIAS[breast.density])) / np.float32(0.25))
    gland *= np.float32(0.45) + np.float32(0.55) * _sigmoid(2.2 * fine + np.float32(0.6))
    # Towards the chest wall gland thins out before the grid ends.
    gland *= _sigmoid((axes[0][-1] - 5.0 - depth) / 1.5)
    _carve(gland, axes, breast, generator(seed, "lobules", patient, side))
    return Volume(gland, voxel, corner)


def _carve(gland: Floats, axes: list[Floats], breast: Breast, random: np.random.Generator) -> None:
    """Cut lobules of fat out of the gland, in place."""
    number = int(random.poisson(_LOBULES[breast.density]))
    radii = _LOBULE_MM[0] * (_LOBULE_MM[1] / _LOBULE_MM[0]) ** random.uniform(0, 1, number)
    low = np.array([0.08 * breast.depth, axes[1][0], axes[2][0]])
    high = np.array([0.95 * breast.depth, axes[1][-1], axes[2][-1]])
    centers = random.uniform(low, high, (number, 3))
    squash = random.uniform(0.7, 1.4, (number, 3))
    voxel = float(axes[0][1] - axes[0][0])
    for radius, center, shape in zip(radii, centers, squash, strict=True):
        spans, near = [], []
        for axis, middle, half in zip(axes, center, radius * shape, strict=True):
            span = slice(*np.searchsorted(axis, [middle - 1.5 * half, middle + 1.5 * half]))
            spans.append(span)
            near.append(((axis[span] - middle) / half) ** 2)
        share = np.sqrt(near[0][:, None, None] + near[1][None, :, None] + near[2][None, None, :])
        gland[tuple(spans)] *= 1 - np.float32(0.92) * _sigmoid((1 - share) * np.float32(radius / (0.6 * voxel)))


def _sigmoid(values: NDArray[np.floating]) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), dtype=np.float32)
