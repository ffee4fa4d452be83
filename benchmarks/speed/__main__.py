"""The benchmarks of the statistics and of the page in one table: `python -m benchmarks.speed [--small] [NAME ...]`.

Each runs in a process of its own, so that peaks of memory are its own, with one thread. The exit status is 1 where a
bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from benchmarks.speed.measuring import Row, machine, show

NAMES = ("classification", "bca", "delong", "froc", "localization", "page")


def rows_of(name: str, small: bool) -> list[Row]:
    """The rows of one benchmark."""
    command = [sys.executable, "-m", f"benchmarks.speed.{name}", "--json", *(["--small"] if small else [])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [Row(*row) for row in json.loads(done.stdout)]


def main() -> None:
    """Run those that are named, or all, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--small", action="store_true", help="small sizes; the numbers mean nothing then")
    arguments = parser.parse_args()
    strange = [name for name in arguments.names if name not in NAMES]
    if strange:
        parser.error(f"there is no benchmark {strange[0]}; there are {', '.join(NAMES)}")
    rows: list[Row] = []
    for name in arguments.names or NAMES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += rows_of(name, arguments.small)
    show(rows)
    missed = sum(not row.holds() for row in rows)
    bars = sum(row.bar is not None for row in rows)
    print(f"\n{bars - missed} of {bars} bars held. {machine()}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
