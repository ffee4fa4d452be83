"""Bootstrap of AUC and PRAUC against the loop that everyone writes, in one run; BCa; seven models; DeLong.

The loop draws rows with `sklearn.utils.resample` and calls `roc_auc_score` and `precision_recall_curve`. It is
timed over a few replicates, between the timings of cadkit, and scaled to 2,000. The floor is the drawing of the
counts alone.

python benchmarks/speed/classification.py [--replicates 2000] [--loop 20]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import combinations

import numpy as np
from sklearn.metrics import auc as area
from sklearn.metrics import precision_recall_curve, roc_auc_score
from sklearn.utils import resample

from cadkit import metrics

BREASTS, MALIGNANT, MODELS = 28_296, 62, 7


def cohort(models: int = MODELS) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Patient (two breasts each), truth and scores without ties."""
    generator = np.random.default_rng(2020)
    patient = np.repeat(np.arange(BREASTS // 2), 2)
    truth = np.zeros(BREASTS, dtype=int)
    truth[generator.choice(BREASTS, MALIGNANT, replace=False)] = 1
    common = generator.normal(size=BREASTS) + 1.6 * truth
    return patient, truth, [common + generator.normal(size=BREASTS) for _ in range(models)]


def best(work: Callable[[], object], times: int = 3) -> float:
    """Least processor time of some runs (one thread: other work on the machine does not count)."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def plain_loop(truth: np.ndarray, score: np.ndarray, replicates: int) -> float:
    """Processor seconds for so many replicates of the literal loop."""
    started = time.process_time()
    for seed in range(replicates):
        drawn_truth, drawn_score = resample(truth, score, random_state=seed)
        roc_auc_score(drawn_truth, drawn_score)
        precision, recall, _ = precision_recall_curve(drawn_truth, drawn_score)
        area(recall, precision)
    return time.process_time() - started


def both(truth: np.ndarray, score: np.ndarray, patient: np.ndarray, plan: metrics.Bootstrap) -> object:
    """AUC and PRAUC with intervals; the counts are drawn anew."""
    replicates = metrics.Replicates(patient, options=plan)
    return metrics.classification(truth, score, ("auc", "prauc"), cluster=patient, bootstrap=replicates)


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


def main(replicates: int, loop: int) -> None:
    """Print the table."""
    patient, truth, scores = cohort()
    rows = np.arange(BREASTS)
    plan = metrics.Bootstrap(n=replicates)
    bca = metrics.Bootstrap(n=replicates, interval="bca")
    before = plain_loop(truth, scores[0], loop)
    by_patient = best(lambda: both(truth, scores[0], patient, plan))
    by_row = best(lambda: both(truth, scores[0], rows, plan))
    after = plain_loop(truth, scores[0], loop)
    literal = (before + after) / (2 * loop) * replicates
    print(f"{BREASTS} breasts, {MALIGNANT} malignant, {replicates} replicates, AUC + PRAUC (best of 3)")
    print(f"loop of resample and scikit-learn: {literal:.1f} s (scaled from {2 * loop} replicates)")
    for name, seconds, unit in (("patients", by_patient, patient), ("rows", by_row, rows)):
        floor = best(lambda unit=unit: draw(unit, plan))  # type: ignore[misc]
        print(
            f"cadkit by {name}: {seconds:.3f} s, {literal / seconds:.0f} times as fast; "
            f"drawing the counts alone {floor:.3f} s"
        )
    all_models = best(lambda: seven(truth, scores, patient, plan))
    print(f"seven models, 21 differences of each: {all_models:.3f} s by patients, {all_models / by_patient:.1f} of one")
    with_bca = best(lambda: both(truth, scores[0], patient, bca))
    print(f"BCa by patients: {with_bca:.3f} s, {with_bca / by_patient:.2f} of percentile")
    with_bca = best(lambda: both(truth, scores[0], rows, bca))
    print(f"BCa by rows: {with_bca:.3f} s, {with_bca / by_row:.2f} of percentile")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--loop", type=int, default=10, help="replicates of the loop, before and again after")
    arguments = parser.parse_args()
    main(arguments.replicates, arguments.loop)
