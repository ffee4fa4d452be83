"""A reader study of the size of Wu et al. (2019): 14 readers, 7 models, 1,440 breasts, all sweeps and intervals.

python benchmarks/speed/reader_study.py [--replicates 2000]

Seconds of the wall and of the processor, from the CSV to report.json, for each way to resample. Every hybrid has its
areas and specificities in every replicate at the weight named beforehand; the sweeps of lambda (9,898 hybrids) have
values without intervals.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from cadkit.reader_study.settings import RESAMPLES, StudySettings
from cadkit.reader_study.study import reader_study

READERS, MODELS, CASES, MALIGNANT = 14, 7, 720, 62


def write_table(path: Path) -> None:
    """Readers with clumped probabilities and recalls, models without ties."""
    random = np.random.default_rng(2019)
    breasts = 2 * CASES
    truth = np.zeros(breasts, dtype=int)
    truth[random.choice(breasts, MALIGNANT, replace=False)] = 1
    looks = random.normal(size=breasts) + 1.6 * truth
    columns: dict[str, object] = {
        "case_ID": np.repeat(np.arange(CASES), 2), "side": ["L", "R"] * CASES, "label": truth,
    }  # fmt: skip
    for reader in range(READERS):
        chance = 1 / (1 + np.exp(4 - 1.5 * (looks + random.normal(size=breasts) * (0.8 + 0.08 * reader))))
        columns[f"Reader{reader + 1}"] = np.round(chance, 1)
        columns[f"Recall{reader + 1}"] = (columns[f"Reader{reader + 1}"] >= 0.2).astype(int)
    for model in range(MODELS):
        columns[f"AI_{model + 1}"] = 1 / (1 + np.exp(4 - 1.5 * (looks + random.normal(size=breasts))))
    pl.DataFrame(columns).write_csv(path)


def main(replicates: int) -> None:
    """Print the table."""
    load = os.getloadavg()[0]
    print(f"{READERS} readers, {MODELS} models, {2 * CASES} breasts, {replicates} replicates; load {load:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "study.csv"
        write_table(table)
        for resample in RESAMPLES:
            settings = StudySettings(
                truth="label", readers=("Reader*",), models=("AI_*",), recalls=("Recall*",), cluster="case_ID",
                unit=("case_ID", "side"), resample=resample, bootstrap=replicates,
            )  # fmt: skip
            wall, processor = time.perf_counter(), time.process_time()
            reader_study(table, Path(folder) / resample, settings)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            print(f"resampling {resample:8s} {wall:6.1f} s, {processor:6.1f} s of one processor")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=2000)
    main(parser.parse_args().replicates)
