"""BCa intervals against percentile intervals of the same bootstrap.

python -m benchmarks.speed.bca [--small]
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.speed.cohorts import both, cohort
from benchmarks.speed.measuring import Row, least, main
from cadkit import metrics


def measure(small: bool) -> Iterator[Row]:
    """The rows of the table."""
    replicates = 100 if small else 2000
    patient, truth, scores = cohort(small)
    for name, unit in (("patients", patient), ("rows", np.arange(len(truth)))):
        plain, corrected = (
            least(lambda plan=plan, unit=unit: both(truth, scores[0], unit, plan))
            for plan in (metrics.Bootstrap(n=replicates), metrics.Bootstrap(n=replicates, interval="bca"))
        )
        how = f"{corrected:.3f} s against {plain:.3f} s"
        yield Row(f"BCa by {name}, against percentile", corrected / plain, "times", 2, at_most=True, note=how)


if __name__ == "__main__":
    main(measure)
