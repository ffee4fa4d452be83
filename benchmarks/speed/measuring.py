"""What every speed benchmark shares: how seconds are taken, a row of the table, and the command line.

Seconds are processor seconds of one thread, the least of some runs: other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy
import sklearn


class Row(NamedTuple):
    """One measurement.

    Attributes:
        work: what was done.
        measured: the number.
        unit: `times` (a ratio of two seconds), `s`, `MiB` or `ns`.
        bar: what is asked for, None where nothing is.
        at_most: whether the bar is a ceiling; else it is a floor.
        note: what the number came from.
    """

    work: str
    measured: float
    unit: str
    bar: float | None = None
    at_most: bool = False
    note: str = ""

    def holds(self) -> bool:
        """Whether the bar is kept; without one, yes."""
        if self.bar is None:
            return True
        return self.measured <= self.bar if self.at_most else self.measured >= self.bar

    def cells(self) -> list[str]:
        """The row as the table has it."""
        bar = "" if self.bar is None else f"{'at most ' if self.at_most else ''}{_number(self.bar)} {self.unit}"
        held = "" if self.bar is None else "yes" if self.holds() else "NO"
        return [self.work, f"{_number(self.measured)} {self.unit}", bar, held, self.note]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def least(work: Callable[[], object], times: int = 3) -> float:
    """Least processor time of some runs, in seconds."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    print("| work | measured | bar | held | how |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row.cells())} |")


def machine() -> str:
    """Processor, versions and load, as one line."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text(encoding="utf-8").splitlines() if cpus.exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{model}, {os.cpu_count()} processors; {versions}, scikit-learn {sklearn.__version__}; load {load}"


def main(measure: Callable[[bool], Iterable[Row]]) -> None:
    """One benchmark alone: `--small` for sizes that only show that it runs, `--json` for the rows as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="small sizes; the numbers mean nothing then")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    arguments = parser.parse_args()
    rows = list(measure(arguments.small))
    if arguments.small:
        rows = [row._replace(bar=None) for row in rows]
    if arguments.json:
        print(json.dumps(rows))
        return
    show(rows)
    print(f"\n{machine()}")
