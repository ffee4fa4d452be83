"""FROC: curve against MONAI's, growth with the marks, band of a screening cohort, matching.

python -m benchmarks.speed.froc [--small]

MONAI is used where it is installed; else its algorithm, written out: for every distinct score, count all marks at
or above it.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.speed.measuring import Row, least, main
from cadkit import metrics
from cadkit.data.shapes import Box, Circle

IMAGES, MARKS, LESIONS = 82_450, 400_000, 293


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


def curve_against_peer(false_marks: int, hits: int, images: int) -> Iterator[Row]:
    """The curve beside the peer's."""
    generator = np.random.default_rng(1)
    false, hit = generator.random(false_marks), generator.random(hits)
    image = generator.integers(0, images, len(false))
    name, theirs = peer()
    ours = least(lambda: metrics.froc_curve(metrics.FrocSample(false, image, hit, images)), 9)
    slow = least(lambda: theirs(false, hit, len(hit), images), 1)
    ours = min(ours, least(lambda: metrics.froc_curve(metrics.FrocSample(false, image, hit, images)), 9))
    x, y = theirs(false[:500], hit[:50], 50, 100)
    small = metrics.froc_curve(metrics.FrocSample(false[:500], image[:500] % 100, hit[:50], 100))
    # Theirs runs the other way and leaves out the lowest threshold.
    same = np.allclose(x[::-1], small.fpi[:-1]) and np.allclose(y[::-1], small.sensitivity[:-1])
    how = f"{name} {slow:.3f} s, cadkit {ours * 1e3:.2f} ms; equal on 550 marks: {same}"
    work = f"FROC curve, {images:,} images, {false_marks + hits:,} marks, against {name}"
    yield Row(work, slow / ours, "times", 150, note=how)


def growth(largest: int) -> Iterator[Row]:
    """Nanoseconds per mark and doubling: constant where the work grows as n log n."""
    marks = 1_000
    while marks <= largest:
        generator = np.random.default_rng(2)
        score, image = generator.random(marks), generator.integers(0, marks, marks)
        hit = generator.random(marks // 30)
        taken = least(lambda s=score, i=image, h=hit, n=marks: metrics.froc_curve(metrics.FrocSample(s, i, h, n)), 5)
        per_step = taken / (marks * np.log2(marks)) * 1e9
        yield Row(f"FROC curve, {marks:,} marks, per n log2 n", float(per_step), "ns", note=f"{taken * 1e3:.2f} ms")
        marks *= 10


def band(images: int, marks: int, lesions: int, replicates: int) -> Iterator[Row]:
    """Curve, summaries and band of a screening cohort; first of all, for the peak of memory is the process's."""
    generator = np.random.default_rng(0)
    patient = np.arange(images) // 4
    image, score = generator.integers(0, images, marks), np.round(generator.random(marks), 4)
    best = np.where(generator.random(lesions) < 0.8, np.round(generator.beta(2, 1, lesions), 4), -np.inf)
    unit = patient[generator.integers(0, images, lesions)]
    grid = np.unique([*np.geomspace(0.02, 8, 40), *metrics.CPM_RATES])
    started, wall = time.process_time(), time.perf_counter()
    sample = metrics.FrocSample(score, image, best, images, patient, unit)
    counts = metrics.Replicates(patient, options=metrics.Bootstrap(n=replicates, seed=1))
    for _ in counts.counts():
        pass
    drawn = time.process_time() - started
    metrics.froc_summary(sample, grid=grid, fp_images=["all"], bootstrap=counts)
    taken, wall = time.process_time() - started, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    work = f"FROC, {images:,} images, {marks:,} marks, {lesions} lesions, band of {replicates:,} replicates of patients"
    how = f"wall {wall:.2f} s, of which drawing {drawn:.2f} s; curve, cpm, max_sensitivity, band at {len(grid)} points"
    yield Row(work, taken, "s", 3, at_most=True, note=how)
    yield Row("  peak of memory of the process", peak, "MiB", 1024, at_most=True)


def matching(marks: int, images: int, few: int, many: int) -> Iterator[Row]:
    """Marks to boxes and circles by every rule."""
    generator = np.random.default_rng(3)
    image = generator.integers(0, images, marks)
    x, y = generator.random((2, marks)) * 1900
    boxes = np.stack([x - 40, y - 40, x + 40, y + 40], axis=1)
    drawn = metrics.Marks(image, x, y, generator.random(marks), boxes)
    for lesions in (few, many):
        at = generator.integers(0, images, lesions)
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
            taken = least(lambda f=findings, o=options: metrics.match(drawn, f, **o))
            work = f"matching {marks:,} marks to {lesions:,} boxes and circles, {name}"
            yield Row(work, taken, "s", 2, at_most=True)


def measure(small: bool) -> Iterator[Row]:
    """The rows of the table."""
    if small:
        yield from band(2_000, 5_000, 50, 100)
        yield from matching(5_000, 2_000, 50, 500)
        yield from growth(10_000)
        yield from curve_against_peer(1_500, 100, 300)
        return
    yield from band(IMAGES, MARKS, LESIONS, 2000)
    yield from matching(MARKS, IMAGES, LESIONS, 40_000)
    yield from growth(1_000_000)
    yield from curve_against_peer(46_500, 1_500, 10_000)


if __name__ == "__main__":
    main(measure)
