"""Bootstrap of AUC and PRAUC against the loop that everyone writes, in one run; seven models; the floor.

The loop draws rows with `sklearn.utils.resample` and calls `roc_auc_score` and `precision_recall_curve`. It is
timed over a few replicates before cadkit and again after it, and the lesser time is scaled to all. The floor is the
drawing of the counts alone.

python -m benchmarks.speed.classification [--small]
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from sklearn.metrics import auc as area
from sklearn.metrics import precision_recall_curve, roc_auc_score
from sklearn.utils import resample

from benchmarks.speed.cohorts import both, cohort
from benchmarks.speed.measuring import Row, least, main
from cadkit import metrics


def plain_loop(truth: np.ndarray, score: np.ndarray, replicates: int) -> float:
    """Processor seconds for so many replicates of the literal loop."""
    started = time.process_time()
    for seed in range(replicates):
        drawn_truth, drawn_score = resample(truth, score, random_state=seed)
        roc_auc_score(drawn_truth, drawn_score)
        precision, recall, _ = precision_recall_curve(drawn_truth, drawn_score)
        area(recall, precision)
    return time.process_time() - started


def seven(truth: np.ndarray, scores: list[np.ndarray], patient: np.ndarray, plan: metrics.Bootstrap) -> object:
    """The same for several models with all paired differences."""
    replicates = metrics.Replicates(patient, options=plan)
    found = [
        metrics.classification(truth, score, ("auc", "prauc"), cluster=patient, bootstrap=replicates)
        for score in scores
    ]
    return [metrics.difference(a, b) for pair in combinations(found, 2) for a, b in zip(*pair, strict=True)]


def draw(patient: np.ndarray, plan: metrics.Bootstrap) -> int:
    """The counts and nothing else."""
    return sum(counts.shape[1] for counts in metrics.Replicates(patient, options=plan).counts())


def measure(small: bool) -> Iterator[Row]:
    """The rows of the table."""
    replicates, loop = (100, 2) if small else (2000, 10)
    patient, truth, scores = cohort(small)
    rows = np.arange(len(truth))
    plan = metrics.Bootstrap(n=replicates)
    before = plain_loop(truth, scores[0], loop)
    by_patient = least(lambda: both(truth, scores[0], patient, plan))
    by_row = least(lambda: both(truth, scores[0], rows, plan))
    after = plain_loop(truth, scores[0], loop)
    literal = min(before, after) / loop * replicates
    size = f"{len(truth):,} breasts, {truth.sum()} malignant, {replicates:,} replicates"
    for name, seconds, unit, bar in (("patients", by_patient, patient, 150), ("rows", by_row, rows, 100)):
        floor = least(lambda unit=unit: draw(unit, plan))
        how = f"loop {literal:.1f} s (scaled from {loop}), cadkit {seconds:.3f} s, drawing alone {floor:.3f} s"
        yield Row(f"AUC + PRAUC by {name}, {size}, against the loop", literal / seconds, "times", bar, note=how)
        yield Row(f"  the same against the drawing of the counts by {name}", seconds / floor, "times")
    all_models = least(lambda: seven(truth, scores, patient, plan))
    how = f"{all_models:.3f} s against {by_patient:.3f} s"
    work = f"{len(scores)} models with all {len(scores) * (len(scores) - 1) // 2} differences, against one"
    yield Row(work, all_models / by_patient, "times", 6, at_most=True, note=how)


if __name__ == "__main__":
    main(measure)
