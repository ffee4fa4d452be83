"""How fast headers are imported, and in how much memory (bars: 400 files/s; 10,000 files within 1 GiB).

    python benchmarks/speed/import_headers.py [--files 10000] [--workers 2]

Small mammograms with full-size headers are written first, four to an exam and 50 exams to a folder; then the whole of
`cadkit import dicom` is timed on them. Memory is the largest resident size of this process, which holds what the
workers have read, and that of the largest worker for each of them. Processor time is told beside the clock's, as a
busy machine changes the latter alone.
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

from cadkit.dicom import read_header, stored_values, write_mammogram
from cadkit.importers.dicom import import_dicom

VIEWS = (("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CADKIT_CONFIG"] = folder
        source = Path(folder) / "files"
        size = _write(source, arguments.files)
        before, started = _seconds(resource.RUSAGE_SELF), time.perf_counter()
        import_dicom(source, Path(folder) / "D", workers=arguments.workers, quiet=True)
        clock = time.perf_counter() - started
        _end_workers()
    worked = _seconds(resource.RUSAGE_SELF) - before + _seconds(resource.RUSAGE_CHILDREN)
    here, workers = (_mebibytes(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    total = here + (arguments.workers * workers if arguments.workers > 1 else 0)
    files = arguments.files
    print(f"{files} files of {size / 1024:.0f} KiB in {clock:.1f} s: {files / clock:.0f} files/s")
    print(f"processor time: {worked:.1f} s, {1000 * worked / files:.2f} ms a file, the start of the workers included")
    print(f"largest resident size: {here:.0f} MiB here, {workers:.0f} MiB a worker, {total:.0f} MiB together")
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def _seconds(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _mebibytes(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def _end_workers() -> None:
    """Let the workers go, so that their times and sizes are known."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def _write(source: Path, files: int) -> int:
    """Write files that differ in patient, accession number and UIDs; the size of one, in bytes."""
    source.mkdir(parents=True)
    pixels = stored_values(np.full((64, 64), 0.5, dtype=np.float32))
    patterns = []
    for side, view in VIEWS:
        path = source / "pattern.dcm"
        write_mammogram(
            path, pixels, side=side, view=view, spacing_mm=1.0, patient_id="P0000000", accession="A0000000",
            image_id=f"{side}{view}", date=dt.date(2020, 1, 1), age_years=55,
        )  # fmt: skip
        patterns.append((path.read_bytes(), read_header(path)))
        path.unlink()
    for number in range(files):
        data, header = patterns[number % 4]
        exam = number // 4
        for uid, own in ((header.study_uid, exam), (header.series_uid, number), (header.sop_instance_uid, number)):
            data = data.replace(uid.encode(), _uid(uid, own))
        data = data.replace(b"P0000000", b"P%07d" % exam).replace(b"A0000000", b"A%07d" % exam)
        path = source / f"{exam // 50:04d}" / f"{number:06d}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return len(data)


def _uid(pattern: str, number: int) -> bytes:
    """A UID as long as another, with a number of its own at its end."""
    return f"{pattern[:-7]}{number:07d}".encode()


if __name__ == "__main__":
    main()
