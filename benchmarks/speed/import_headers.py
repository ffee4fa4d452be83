"""How fast headers are imported, and in how much memory (bars: 400 files/s; 10,000 files within 1 GiB).

    python benchmarks/speed/import_headers.py [--files 2000] [--workers 2]

Small mammograms are written first, four to an exam; then the whole of `cadkit import dicom` is timed
on them. Memory is the largest resident size of this process, which holds what the workers have read.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from cadkit.dicom import stored_values, write_mammogram
from cadkit.importers.dicom import import_dicom


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CADKIT_CONFIG"] = folder
        source = Path(folder) / "files"
        _write(source, arguments.files)
        started = time.perf_counter()
        import_dicom(source, Path(folder) / "D", workers=arguments.workers, quiet=True)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{arguments.files} files in {seconds:.2f} s: {arguments.files / seconds:.0f} files/s")
    print(f"largest resident size: {peak:.0f} MiB")


def _write(source: Path, files: int) -> None:
    pixels = stored_values(np.full((64, 64), 0.5, dtype=np.float32))
    for number in range(files):
        exam = number // 4
        write_mammogram(
            source / f"{exam:06d}" / f"{number:06d}.dcm",
            pixels,
            side="L" if number % 4 < 2 else "R",
            view="CC" if number % 2 else "MLO",
            spacing_mm=1.0,
            patient_id=f"P{exam}",
            accession=f"A{exam}",
            image_id=str(number),
            date=dt.date(2020, 1, 1) + dt.timedelta(days=exam % 365),
            age_years=55,
        )


if __name__ == "__main__":
    main()
