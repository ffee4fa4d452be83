"""FROC: curve against MONAI's, growth with the marks, band of a screening cohort, matching.

python benchmarks/speed/froc.py [--replicates 2000]

MONAI is used where it is installed; else its algorithm, written out: for every distinct score, count all marks at
or above it. Seconds are processor seconds of one thread (with OMP_NUM_THREADS=1), the least of some runs: other
work on the machine does not count.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cadkit import metrics
from cadkit.data.shapes import Box, Circle

IMAGES, MARKS, LESIONS = 82_450, 400_000, 293


def least(work: Callable[[], object], times: int = 3) -> float:
    """Least processor time of some runs."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def peer() -> tuple[str, Callable[..., Any]]:
    """MONAI's curve, or its algorithm."""
    try:
        from monai.metrics import compute_froc_curve_data
    except ImportError:
        return "MONAI's algorithm, rewritten", _literal_curve
    return "MONAI", compute_froc_curve_data


def _literal_curve(false: np.ndarray, hit: np.ndarray, targets: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    thresholds = sorted({*false.tolist(), *hit.tolist()})[1:]
    false_count = [(false >= threshold).sum() for threshold in thresholds] + [0]
    hit_count = [(hit >= threshold).sum() for threshold in thresholds] + [0]
    return np.array(false_count) / images, np.array(hit_count) / targets


def curve_against_peer() -> None:
    generator = np.random.default_rng(1)
    false, hit = generator.random(46_500), generator.random(1_500)
    image = generator.integers(0, 10_000, len(false))
    name, theirs = peer()
    ours = least(lambda: metrics.froc_curve(metrics.FrocSample(false, image, hit, 10_000)), 9)
    slow = least(lambda: theirs(false, hit, len(hit), 10_000), 1)
    ours = min(ours, least(lambda: metrics.froc_curve(metrics.FrocSample(false, image, hit, 10_000)), 9))
    curve = metrics.froc_curve(metrics.FrocSample(false, image, hit, 10_000))
    x, y = theirs(false[:500], hit[:50], 50, 100)
    small = metrics.froc_curve(metrics.FrocSample(false[:500], image[:500] % 100, hit[:50], 100))
    # Theirs runs the other way and leaves out the lowest threshold.
    same = np.allclose(x[::-1], small.fpi[:-1]) and np.allclose(y[::-1], small.sensitivity[:-1])
    print(f"FROC curve, 10,000 images, 48,000 marks, {len(curve.fpi):,} points (equal on 550 marks: {same})")
    print(f"  {name} {slow:.3f} s, cadkit {ours * 1e3:.2f} ms: {slow / ours:.0f} times (bar 150)")


def growth() -> None:
    print("FROC curve by number of marks")
    for marks in (1_000, 10_000, 100_000, 1_000_000):
        generator = np.random.default_rng(2)
        score, image = generator.random(marks), generator.integers(0, marks, marks)
        hit = generator.random(marks // 30)
        taken = least(lambda s=score, i=image, h=hit, n=marks: metrics.froc_curve(metrics.FrocSample(s, i, h, n)), 5)
        print(f"  {marks:>9,}: {taken * 1e3:8.2f} ms, {taken / (marks * np.log2(marks)) * 1e9:.2f} ns per n log2 n")


def band(replicates: int) -> None:
    generator = np.random.default_rng(0)
    patient = np.arange(IMAGES) // 4
    image, score = generator.integers(0, IMAGES, MARKS), np.round(generator.random(MARKS), 4)
    best = np.where(generator.random(LESIONS) < 0.8, np.round(generator.beta(2, 1, LESIONS), 4), -np.inf)
    unit = patient[generator.integers(0, IMAGES, LESIONS)]
    grid = np.unique([*np.geomspace(0.02, 8, 40), *metrics.CPM_RATES])
    started, wall = time.process_time(), time.perf_counter()
    sample = metrics.FrocSample(score, image, best, IMAGES, patient, unit)
    plan = metrics.Bootstrap(n=replicates, seed=1)
    counts = metrics.Replicates(patient, options=plan)
    for _ in counts.counts():
        pass
    drawn = time.process_time() - started
    found = metrics.froc_summary(sample, grid=grid, fp_images=["all"], bootstrap=counts)["all"]
    taken, wall = time.process_time() - started, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"FROC, {IMAGES:,} images, {MARKS:,} marks, {LESIONS} lesions, {replicates:,} replicates of patients:")
    print(f"  {taken:.2f} s (wall {wall:.2f} s; bar 3 s), of which drawing {drawn:.2f} s; {peak:.0f} MiB (bar 1 GiB)")
    assert found.band is not None
    at = int(np.searchsorted(grid, 1.0))
    ends = f"{found.band.low[at]:.4f} to {found.band.high[at]:.4f}"
    centre = found.band.sensitivity[at]
    print(f"  curve, cpm, max_sensitivity, band at {len(grid)} points; at 1 FPI {centre:.4f} ({ends})")


def matching() -> None:
    generator = np.random.default_rng(3)
    image = generator.integers(0, IMAGES, MARKS)
    x, y = generator.random((2, MARKS)) * 1900
    boxes = np.stack([x - 40, y - 40, x + 40, y + 40], axis=1)
    marks = metrics.Marks(image, x, y, generator.random(MARKS), boxes)
    print(f"matching {MARKS:,} marks (bar 2 s)")
    for lesions in (LESIONS, 40_000):
        at = generator.integers(0, IMAGES, lesions)
        corner = generator.random((lesions, 2)) * 1700
        regions: list[Any] = [
            Box(a, b, a + 200, b + 200) if number % 2 else Circle(a, b, 100)
            for number, (a, b) in enumerate(corner.tolist())
        ]
        findings = metrics.Findings(at, regions)
        cases: Sequence[tuple[str, dict[str, Any]]] = [
            ("centre", {}),
            ("centre, duplicates as false positives", {"duplicates": "fp"}),
            ("iou", {"rule": "iou"}),
            ("distance", {"rule": "distance", "distance": 120.0}),
        ]
        for name, options in cases:
            taken = least(lambda f=findings, o=options: metrics.match(marks, f, **o))
            print(f"  {lesions:>6,} boxes and circles, {name}: {taken:.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--replicates", type=int, default=2000)
    arguments = parser.parse_args()
    # First, for the peak of memory is the process's.
    band(arguments.replicates)
    matching()
    growth()
    curve_against_peer()
    print(f"load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
