"""Is its texture that of a mammogram? Spectrum slope, local and fine deviation, brightness, beside real images.

    python -m benchmarks.phantom spectrum PICTURES REAL [--out spectrum.json]

PICTURES is a folder of `pictures`; REAL holds `nyu-sample` and `mini-mias` (16-bit and 8-bit PNG). Real images are
averaged down to the phantom's pixel; the sample's pixel, which its files do not state, is taken as 0.1 mm.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from benchmarks.phantom.pictures import open_pictures
from cadkit.files import write_json

WINDOW = 128  # pixels
_STEP = 32
_FULL = 0.98  # share of a window that is tissue
_RIM_MM = 8.0  # left out below the skin
_BAND = (0.06, 0.55)  # cycles per mm in which the slope is fitted
_LOCAL_MM, _FINE_MM = 8.0, 1.0
NUMBERS = ("slope", "local sd", "fine sd", "median")
_MIAS_SPACING, _SAMPLE_SPACING = 0.2, 0.1
_MIAS_AIR = 30  # of 255: film outside the breast is not black


def slope(image: NDArray[np.floating[Any]], tissue: NDArray[np.bool_], spacing_mm: float) -> float | None:
    """Exponent of the radially averaged power spectrum: median over Hann windows that lie in tissue; None without any.

    Args:
        image: rows x columns.
        tissue: which pixels count.
        spacing_mm: of the pixels.
    """
    taper = np.outer(np.hanning(WINDOW), np.hanning(WINDOW))
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(WINDOW, spacing_mm)] * 2))
    width = 1 / (WINDOW * spacing_mm)
    ring = np.rint(frequency / width).astype(int)
    rings = np.arange(ring.max() + 1)
    used = (rings * width >= max(_BAND[0], 2 * width)) & (rings * width <= _BAND[1])
    found = []
    for top in range(0, image.shape[0] - WINDOW + 1, _STEP):
        for left in range(0, image.shape[1] - WINDOW + 1, _STEP):
            part = (slice(top, top + WINDOW), slice(left, left + WINDOW))
            if tissue[part].mean() < _FULL:
                continue
            values = image[part] - image[part].mean()
            power = np.abs(np.fft.fft2(values * taper)) ** 2
            radial = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
            found.append(np.polyfit(np.log(rings[used] * width), np.log(radial[used] + 1e-12), 1)[0])
    return float(np.median(found)) if found else None


def describe(image: NDArray[np.floating[Any]], inside: NDArray[np.bool_], spacing_mm: float) -> dict[str, float | None]:
    """Numbers of one picture (0 to 1), well inside the breast."""
    deep = ndimage.distance_transform_edt(inside) * spacing_mm > _RIM_MM
    # Beyond the border stands the breast's mean, so that the border is no structure.
    filled = np.where(inside, image, image[inside].mean())
    if not deep.any():
        deep = inside
    numbers: dict[str, float | None] = {"slope": slope(filled, deep, spacing_mm)}
    for name, sigma in (("local sd", _LOCAL_MM), ("fine sd", _FINE_MM)):
        rest = filled - ndimage.gaussian_filter(filled, sigma / spacing_mm)
        numbers[name] = float(rest[deep].std())
    numbers["median"] = float(np.median(image[deep]))
    return numbers


def real_images(folder: Path, spacing_mm: float) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.bool_]]]:
    """Name of the source, image (0 to 1) and breast of every real image, at about the spacing asked for."""
    for path in sorted((folder / "nyu-sample").glob("0_[LR]-[CM]*.png")):
        if not path.stem.endswith("benign"):
            image = np.asarray(Image.open(path)).astype(np.float64) / 4095
            yield "nyu-sample", *_reduced(image, image > 0, spacing_mm / _SAMPLE_SPACING)
    for path in sorted((folder / "mini-mias").glob("*.png")):
        image = np.asarray(Image.open(path)).astype(np.float64) / 255
        yield "mini-MIAS", *_reduced(image, image > _MIAS_AIR / 255, spacing_mm / _MIAS_SPACING)


def _reduced(
    image: NDArray[np.float64], inside: NDArray[np.bool_], factor: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Averaged to larger pixels; the breast is the largest piece of what is not air."""
    size = (max(1, round(image.shape[1] / factor)), max(1, round(image.shape[0] / factor)))
    box = Image.Resampling.BOX
    small = np.asarray(Image.fromarray(image.astype(np.float32)).resize(size, box), dtype=np.float64)
    share = np.asarray(Image.fromarray(inside.astype(np.float32)).resize(size, box))
    pieces, number = ndimage.label(share > 0.5)
    if number > 1:
        largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
        return small, ndimage.binary_fill_holes(pieces == largest)
    return small, ndimage.binary_fill_holes(share > 0.5)


def table(pictures: Path, real: Path, most: int = 80) -> dict[str, dict[str, float]]:
    """Median and number of images of every number and source, the phantom's first `most` pictures among them."""
    drawn = open_pictures(pictures)
    rows: dict[str, list[dict[str, float | None]]] = {"phantom": []}
    for number in range(min(most, len(drawn.shown))):
        image = drawn.shown[number] / 255.0
        rows["phantom"].append(describe(image, drawn.shown[number] > 0, drawn.spacing_mm))
    for name, image, inside in real_images(real, drawn.spacing_mm):
        rows.setdefault(name, []).append(describe(image, inside, drawn.spacing_mm))
    result = {}
    for name, found in rows.items():
        numbers: dict[str, float] = {"images": len(found)}
        for key in NUMBERS:
            values = [row[key] for row in found if row[key] is not None]
            if values:
                low, middle, high = np.quantile(np.array(values, dtype=np.float64), [0.1, 0.5, 0.9])
                numbers |= {key: float(middle), f"{key}, 10%": float(low), f"{key}, 90%": float(high)}
        result[name] = numbers
    return result


def show(found: dict[str, dict[str, float]]) -> str:
    """The table in Markdown: median [10% to 90% of the images]."""
    lines = [f"| source | images | {' | '.join(NUMBERS)} |", "|---" * (2 + len(NUMBERS)) + "|"]
    for name, numbers in found.items():
        cells = [
            f"{numbers[key]:.3f} [{numbers[f'{key}, 10%']:.3f}, {numbers[f'{key}, 90%']:.3f}]" if key in numbers else ""
            for key in NUMBERS
        ]
        lines.append(f"| {name} | {numbers['images']:.0f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="spectrum", description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    found = table(options.pictures, options.real)
    print(show(found))
    if options.out:
        write_json(options.out, found)
