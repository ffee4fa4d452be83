"""DeLong's covariance from 1,000 to 1,000,000 cases, one and two scores, independent and clustered.

python -m benchmarks.speed.delong [--small]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.speed.measuring import Row, least, main
from cadkit import metrics

BAR_AT = 200_000


def seconds(cases: int, scores: int, clustered: bool) -> float:
    """Least processor time of three runs."""
    generator = np.random.default_rng(7)
    truth = generator.random(cases) < 0.05
    columns = [generator.normal(size=cases) + truth for _ in range(scores)]
    cluster = np.arange(cases) // 2 if clustered else None
    return least(lambda: metrics.auc_covariance(truth, *columns, cluster=cluster))


def measure(small: bool) -> Iterator[Row]:
    """The rows of the table."""
    for cases in (1_000, 2_000) if small else (1_000, 10_000, 100_000, BAR_AT, 1_000_000):
        one, two, paired = seconds(cases, 1, False), seconds(cases, 2, False), seconds(cases, 1, True)
        bar = 0.2 if cases == BAR_AT else None
        how = f"two scores {two:.3g} s, one score clustered {paired:.3g} s"
        yield Row(f"DeLong, {cases:,} cases", one, "s", bar, at_most=True, note=how)


if __name__ == "__main__":
    main(measure)
