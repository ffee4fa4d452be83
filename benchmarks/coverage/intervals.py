"""How often 95% intervals hold the truth, at the sizes that mammography has.

Scores are binormal, so that the true AUC, PRAUC, sensitivity and specificity are known in closed form (PRAUC: one
integral). Breasts of a woman share half of their score's variance; a tenth of the women with cancer have it on both
sides. Each simulation draws new scores; the number of positives is the design's.

python benchmarks/coverage/intervals.py coverage.json [--simulations 1000] [--replicates 1000]
python benchmarks/coverage/intervals.py coverage.json --table
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import integrate, stats

from cadkit import metrics
from cadkit.metrics.intervals import percentile

SHARED_VARIANCE = 0.5
# Name, rows, positives, rows per cluster, AUC.
DESIGNS = (
    ("independent", 1440, 60, 1, 0.85),
    ("two breasts", 1440, 60, 2, 0.85),
    ("two breasts, few", 480, 20, 2, 0.85),
    ("two breasts, AUC 0.95", 1440, 60, 2, 0.95),
)


def truths(rows: int, positives: int, per_cluster: int, shift: float, cut: float) -> dict[str, float]:
    """The values that intervals should hold."""
    prevalence = positives / rows

    def precision(recall: float) -> float:
        false_rate = stats.norm.sf(stats.norm.isf(recall) + shift)
        return prevalence * recall / (prevalence * recall + (1 - prevalence) * false_rate)

    return {
        "auc": float(stats.norm.cdf(shift / np.sqrt(2))),
        "prauc": float(integrate.quad(precision, 0, 1, limit=500)[0]),
        "sensitivity": float(stats.norm.sf(cut - shift)),
        "specificity": float(stats.norm.cdf(cut)),
    }


def sample(
    generator: np.random.Generator, rows: int, positives: int, per_cluster: int, shift: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cluster, truth and score of every row."""
    cluster = np.repeat(np.arange(rows // per_cluster), per_cluster)
    truth = np.zeros(rows, dtype=bool)
    sides = generator.permutation(rows // per_cluster) * per_cluster
    both = positives // 20 if per_cluster == 2 else 0
    truth[sides[: positives - both]] = True
    truth[sides[:both] + 1] = True
    common = generator.normal(size=rows // per_cluster)[cluster] * np.sqrt(SHARED_VARIANCE)
    own = generator.normal(size=rows) * np.sqrt(1 - SHARED_VARIANCE)
    score = common + own if per_cluster > 1 else generator.normal(size=rows)
    return cluster, truth, score + shift * truth


def made(
    cluster: np.ndarray, truth: np.ndarray, score: np.ndarray, cut: float, replicates: int, seed: int
) -> Iterator[tuple[str, str, metrics.Result]]:
    """Metric, name of the interval, and the result that carries it."""
    yield "auc", "DeLong, rows", metrics.auc_delong(truth, score)
    yield "auc", "DeLong, rows, logit", metrics.auc_delong(truth, score, transform="logit")
    yield "auc", "DeLong, clustered", metrics.auc_delong(truth, score, cluster=cluster)
    yield "auc", "DeLong, clustered, logit", metrics.auc_delong(truth, score, cluster=cluster, transform="logit")
    asked: list[metrics.Metric] = ["auc", "prauc", ("sensitivity", cut), ("specificity", cut)]
    for result in metrics.classification(truth, score, asked[2:]):
        yield result.metric, "Wilson, rows", result
    for result in metrics.classification(truth, score, asked[2:], cluster=cluster):
        yield result.metric, "ratio, logit, clustered", result
    plan = metrics.Bootstrap(n=replicates, seed=seed, interval="bca")
    for result in metrics.classification(truth, score, asked, cluster=cluster, bootstrap=plan):
        yield result.metric, "bootstrap, BCa", result
        if result.replicates is not None:
            low, high, _ = percentile(result.replicates)
            yield result.metric, "bootstrap, percentile", replace(result, low=low, high=high)


def study(number: int, simulations: int, replicates: int) -> dict[str, Any]:
    """Coverage, misses on either side and mean width of every interval of one design."""
    name, rows, positives, per_cluster, auc = DESIGNS[number]
    shift = float(np.sqrt(2) * stats.norm.ppf(auc))
    cut = float(stats.norm.ppf(0.9))
    wanted = truths(rows, positives, per_cluster, shift, cut)
    tally: dict[tuple[str, str], list[tuple[bool, bool, float]]] = {}
    for index, stream in enumerate(np.random.SeedSequence([1997, number]).spawn(simulations)):
        cluster, truth, score = sample(np.random.default_rng(stream), rows, positives, per_cluster, shift)
        for metric, method, result in made(cluster, truth, score, cut, replicates, index):
            into = tally.setdefault((metric, method), [])
            if result.low is not None and result.high is not None:
                true = wanted[metric]
                into.append((true < result.low, true > result.high, result.high - result.low))
    table = []
    for (metric, method), hits in tally.items():
        below, above, width = np.array(hits, dtype=np.float64).mean(axis=0)
        table.append(
            {
                "metric": metric, "interval": method, "coverage": 1 - below - above, "truth_below": below,
                "truth_above": above, "width": width, "intervals": len(hits),
            }
        )  # fmt: skip
    return {
        "design": name, "rows": rows, "positives": positives, "rows_per_cluster": per_cluster, "truth": wanted,
        "simulations": simulations, "replicates": replicates, "table": table,
    }  # fmt: skip


def markdown(studies: list[dict[str, Any]]) -> str:
    """The table of the documentation: coverage in per cent, a column per design."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for one in studies:
        for row in one["table"]:
            text = f"{100 * row['coverage']:.1f}"
            if row["intervals"] < one["simulations"]:
                text += f" (of {row['intervals']})"
            rows.setdefault((row["metric"], row["interval"]), {})[one["design"]] = text
    names = [one["design"] for one in studies]
    lines = [f"| metric | interval | {' | '.join(names)} |", "|" + "---|" * (2 + len(names))]
    lines += [
        f"| {metric} | {interval} | {' | '.join(of.get(name, '') for name in names)} |"
        for (metric, interval), of in sorted(rows.items(), key=lambda item: item[0][0])
    ]
    return "\n".join(lines)


def main() -> None:
    """Run the designs that the file does not have yet, writing it after each, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--table", action="store_true", help="only print the table of the file")
    arguments = parser.parse_args()
    studies = json.loads(arguments.file.read_text(encoding="utf-8")) if arguments.file.exists() else []
    have = {one["design"] for one in studies}
    for number, (name, *_) in enumerate(DESIGNS):
        if name in have or arguments.table:
            continue
        studies.append(study(number, arguments.simulations, arguments.replicates))
        part = arguments.file.with_suffix(".part")
        part.write_text(json.dumps(studies, indent=1), encoding="utf-8")
        os.replace(part, arguments.file)
    print(markdown(studies))


if __name__ == "__main__":
    main()
