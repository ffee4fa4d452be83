"""`cadkit prepare` on uncompressed DICOM files of 2944x1920 (bar: 6 images/s on 2 cores), and its memory.

    python benchmarks/speed/prepare.py [--images 16] [--workers 2]

Processor time an image tells what 2 cores can do whatever else the machine does; the wall clock's row includes
starting the workers. Memory is the largest resident size of this process, which prepares everything itself
(`--workers 1`), after so many images and after four times as many: it is flat if they differ by little.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

from store import COLUMNS, ROWS, make_dataset, show

from cadkit.prepare import prepare


def largest_mb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def again(folder: Path, workers: int) -> tuple[float, float]:
    """Prepare anew; seconds of processor time of this process and on the wall."""
    shutil.rmtree(folder / "store", ignore_errors=True)
    cpu, wall = time.process_time(), time.perf_counter()
    prepare(folder, workers=workers, quiet=True)
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    """Make the data, time it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    what = f"prepare {ROWS}x{COLUMNS} DICOM"
    print(f"load before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        few, many = Path(name) / "few", Path(name) / "many"
        make_dataset(few, options.images)
        make_dataset(many, 4 * options.images)
        again(few, 1)
        small = largest_mb()
        cpu, _ = again(few, 1)
        show(what, "CPU", 1000 * cpu / options.images, "ms/image")
        show(what, "one core", options.images / cpu, "images/s")
        cpu, _ = again(many, 1)
        show("memory", f"{options.images}", small, "MiB")
        show("memory", f"{4 * options.images}", largest_mb(), "MiB", small / largest_mb())
        _, wall = again(many, options.workers)
        show(what, f"{options.workers} workers", 4 * options.images / wall, "images/s")
        start = time.perf_counter()
        prepare(many, workers=options.workers, quiet=True)
        kept = 4 * options.images / (time.perf_counter() - start)
        show("prepare again", f"{options.workers} workers", kept, "images/s")
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
