"""Phantom pictures above a real exam, windowed alike, to look at.

    python -m benchmarks.phantom beside PICTURES REAL OUT.png [--exams 3]

PICTURES is a folder of `pictures`, REAL a folder with `nyu-sample`. The sheet holds real images: write it outside of
the checkout.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.phantom.pictures import open_pictures
from cadkit.errors import InputError
from cadkit.files import atomic

_HEIGHT = 512
_QUANTILES = (0.01, 0.995)
_SAMPLE = ("0_L-CC", "0_L-MLO", "0_R-CC", "0_R-MLO")


def windowed(image: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Grey values between the 1% and 99.5% quantiles of the breast; air (0) stays black."""
    low, high = np.quantile(image[image > 0], _QUANTILES)
    grey = np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 235 + 20
    return np.where(image > 0, grey, 0).astype(np.uint8)


def sheet(pictures: Path, real: Path, exams: int, first: int = 0) -> Image.Image:
    """Rows of four tiles, CC and MLO of the left and of the mirrored right breast; the real exam comes last."""
    drawn = open_pictures(pictures)
    last = min(first + exams, len(drawn.shown) // 4)
    rows = [[windowed(drawn.shown[4 * exam + k] / 255.0) for k in range(4)] for exam in range(first, last)]
    sample = []
    for name in _SAMPLE:
        image = np.asarray(Image.open(real / "nyu-sample" / f"{name}.png")).astype(np.float64)
        sample.append(windowed(image[:, ::-1] if "R-" in name else image))
    rows.append(sample)
    height, width = _HEIGHT, max(round(_HEIGHT * tile.shape[1] / tile.shape[0]) for row in rows for tile in row)
    page = Image.new("L", (4 * width, height * len(rows)))
    for down, row in enumerate(rows):
        for right, tile in enumerate(row):
            size = (round(height * tile.shape[1] / tile.shape[0]), height)
            page.paste(Image.fromarray(tile).resize(size, Image.Resampling.LANCZOS), (right * width, down * height))
    return page


def write(pictures: Path, real: Path, out: Path, exams: int = 3, first: int = 0) -> None:
    """Write the sheet.

    Raises:
        InputError: `out` lies in the checkout.
    """
    if out.resolve().is_relative_to(Path(__file__).resolve().parents[2]):
        raise InputError("a sheet with real images must not lie in the checkout", file=out, mend="Name another folder.")
    with atomic(out) as part:
        sheet(pictures, real, exams, first).save(part, format="PNG")


def main(arguments: list[str]) -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(prog="beside", description=__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--exams", type=int, default=3)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args(arguments)
    write(options.pictures, options.real, options.out, options.exams, options.first)
