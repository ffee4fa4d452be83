"""The store against 16-bit PNG files (pillow): one row a peer, number and ratio.

    python benchmarks/speed/store.py

Images are 2944x1920 pictures of a smooth breast with 12-bit noise, on a background of 0. Each number is the median
of the repeats in one run; a ratio is the time of the row above over it.
"""

from __future__ import annotations

import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image as Picture

from cadkit.data.tables import Meta, write_tables
from cadkit.dicom import stored_values, write_mammogram
from cadkit.prepare import Store, prepare

ROWS, COLUMNS, WINDOW = 2944, 1920, 1024


def breast(seed: int) -> NDArray[np.float64]:
    """A half ellipse that faces right, with noise like that of a detector; 0 to 1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    depth = np.clip(1 - ((y - ROWS / 2) / (ROWS * 0.46)) ** 2 - (x / (COLUMNS * 0.8)) ** 2, 0, None)
    picture = np.sqrt(depth) * 0.7
    picture += (depth > 0) * rng.normal(0.02, 0.004, depth.shape)
    return np.clip(picture, 0, 1)


def make_dataset(folder: Path, images: int) -> None:
    """A dataset of uncompressed DICOM files."""
    names = [f"image{number}" for number in range(images)]
    for number, name in enumerate(names):
        stored = stored_values(breast(number % 4), "lut")
        write_mammogram(
            folder / f"{name}.dcm",
            stored,
            side="L",
            view="CC",
            spacing_mm=0.1,
            patient_id=name,
            accession=name,
            image_id=name,
            date=dt.date(2020, 1, 1),
        )
    write_tables(
        folder,
        Meta("benchmark", {"malignant": ""}),
        exams=pl.DataFrame({"exam_id": names, "patient_id": names}),
        breasts=pl.DataFrame({"exam_id": names, "side": ["L"] * images, "malignant": [0] * images}),
        images=pl.DataFrame(
            {
                "image_id": names,
                "exam_id": names,
                "side": ["L"] * images,
                "view": ["CC"] * images,
                "file": [f"{name}.dcm" for name in names],
                "pixel_spacing_mm": [0.1] * images,
            }
        ),
    )


def median_ms(action: Callable[[int], object], repeats: int = 20) -> float:
    """Median time of an action in milliseconds."""
    times = []
    for number in range(repeats):
        start = time.perf_counter()
        action(number)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def show(what: str, peer: str, number: float, unit: str, ratio: float | None = None) -> None:
    """One row of the table."""
    print(f"{what:<28} {peer:<12} {number:9.1f} {unit:<9}" + (f" {ratio:6.1f}x" if ratio else ""), flush=True)


def compare_reading(folder: Path, store: Store) -> None:
    """A random window and a whole picture, from PNG files and from the store."""
    names = [f"image{number}" for number in range(4)]
    for name in names:
        Picture.fromarray(store.read(name)).save(folder / f"{name}.png")
    rng = np.random.default_rng(0)
    rows, columns = (min(store.shape(name)[axis] for name in names) for axis in (0, 1))
    corners = [(int(rng.integers(rows - WINDOW)), int(rng.integers(columns - WINDOW))) for _ in range(20)]

    def from_png(number: int) -> NDArray[np.uint16]:
        top, left = corners[number]
        with Picture.open(folder / f"{names[number % 4]}.png") as picture:
            return np.asarray(picture)[top : top + WINDOW, left : left + WINDOW]

    def from_store(number: int) -> NDArray[np.uint16]:
        top, left = corners[number]
        return store.read(names[number % 4], (top, top + WINDOW, left, left + WINDOW))

    def whole_png(number: int) -> NDArray[np.uint16]:
        with Picture.open(folder / f"{names[number % 4]}.png") as picture:
            return np.asarray(picture)

    assert all(np.array_equal(from_png(n), from_store(n)) for n in range(4))
    slow, fast = median_ms(from_png), median_ms(from_store)
    show("random 1024x1024 window", "PNG", slow, "ms")
    show("random 1024x1024 window", "store", fast, "ms", slow / fast)
    slow, fast = median_ms(whole_png), median_ms(lambda n: store.read(names[n % 4]))
    show(f"whole picture {rows}x{columns}", "PNG", slow, "ms")
    show(f"whole picture {rows}x{columns}", "store", fast, "ms", slow / fast)


def main() -> None:
    """Make the data, time it, print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_dataset(folder, 4)
        prepare(folder, workers=1, quiet=True)
        compare_reading(folder, Store(folder / "store"))


if __name__ == "__main__":
    main()
