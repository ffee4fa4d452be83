"""DeLong's covariance from 1,000 to 1,000,000 cases, one and two scores, independent and clustered.

python benchmarks/speed/delong.py
"""

from __future__ import annotations

import time

import numpy as np

from cadkit import metrics


def seconds(cases: int, scores: int, clustered: bool) -> float:
    """Least processor time of three runs."""
    generator = np.random.default_rng(7)
    truth = generator.random(cases) < 0.05
    columns = [generator.normal(size=cases) + truth for _ in range(scores)]
    cluster = np.arange(cases) // 2 if clustered else None
    taken = []
    for _ in range(3):
        started = time.process_time()
        metrics.auc_covariance(truth, *columns, cluster=cluster)
        taken.append(time.process_time() - started)
    return min(taken)


if __name__ == "__main__":
    print("cases      one score  two scores  one, clustered")
    for cases in (1_000, 10_000, 100_000, 200_000, 1_000_000):
        one, two, paired = seconds(cases, 1, False), seconds(cases, 2, False), seconds(cases, 1, True)
        print(f"{cases:<10d} {one:8.4f} s {two:9.4f} s {paired:12.4f} s")
