"""Commands of cadkit one after the other; what is finished is not done again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HITS: Mapping[str, tuple[str, ...]] = {"center": ("--hit", "center"), "iou": ("--hit", "iou", "--hit-threshold", "0.1")}
RATES = (0.25, 0.5, 1.0, 2.0)
NUMBERS = (("auc", None), *(("froc_sensitivity", rate) for rate in RATES))
Row = Mapping[str, Any]


def cadkit(*arguments: object, quiet: bool = False) -> None:
    """Show a command and run it."""
    words = [str(Path(sys.executable).with_name("cadkit")), *map(str, arguments)]
    print("$ cadkit", *words[1:], flush=True, file=sys.stderr)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL if quiet else sys.stderr)


def trained(plugin: str, dataset: Path, runs: Path, preset: str, values: Iterable[str]) -> Path:
    """The one run of a folder: made, finished or as it is."""
    begun = sorted(runs.glob(f"{plugin}-*"))
    if begun:
        cadkit("train", "--resume", begun[0])
        return begun[0]
    given = [word for value in values for word in ("--set", value)]
    cadkit("train", plugin, "--data", dataset, "--preset", preset, "--runs", runs, *given)
    return next(iter(runs.glob(f"{plugin}-*")))


def judge(dataset: Path, folder: Path, predictions: Mapping[str, Path], hit: str, bootstrap: int) -> list[Row]:
    """Evaluate predictions on the exams that all of them answered, and print AUC and FROC with their intervals.

    Returns:
        The paired differences of the report in `folder/report_<hit>`.
    """
    report = folder / f"report_{hit}"
    named = [f"{name}={where}" for name, where in predictions.items()]
    cadkit("evaluate", *named, "--data", dataset, "--froc", *HITS[hit], "--bootstrap", bootstrap, "--out", report,
           quiet=True)  # fmt: skip
    content = json.loads((report / "report.json").read_text())
    found = {(row["model"], row["label"], row["metric"], row["at"]): row for row in content["results"] if _plain(row)}
    print(f"\n| label | model | AUC | {' | '.join(f'at {rate:g} FP/image' for rate in RATES)} |  (hit: {hit})")
    print("| --- " * (3 + len(RATES)) + "|")
    for label in dict.fromkeys(label for _, label, _, _ in found):
        for name in predictions:
            cells = " | ".join(number(found.get((name, label, *key)), "value") for key in NUMBERS)
            print(f"| {label} | {name} | {cells} |", flush=True)
    return [row for row in content["comparisons"] if _plain(row)]


def number(row: Row | None, key: str) -> str:
    """A number of the report with its interval; `-` where there is none."""
    if row is None or row[key] is None:
        return "-"
    interval = "" if row["low"] is None else f" ({row['low']:.2f} to {row['high']:.2f})"
    return f"{row[key]:.3f}{interval}"


def _plain(row: Row) -> bool:
    return bool(row["subgroup"] == "all") and row.get("given", {}).get("fp_images", "all") == "all"
