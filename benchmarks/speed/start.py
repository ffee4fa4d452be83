"""How long `cadkit --help` takes beside a bare Python, and which heavy libraries it imports.

python benchmarks/speed/start.py [--plugins 50]

With `--plugins N` also beside N more installed plugins, each a distribution with an entry point.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAVY = ("torch", "polars", "pydicom", "altair", "numpy", "scipy", "sklearn", "pydantic", "rich", "typer")
HELP = "from cadkit.cli import main; main()"
LIST = f"""
import sys
sys.argv = ["cadkit", "--help"]
from cadkit.cli import main
try:
    main()
except SystemExit:
    pass
print([name for name in {HEAVY!r} if name in sys.modules])
"""


NAMES = "from cadkit.plugin.registry import installed; print(len(installed()))"


def seconds(*command: str, times: int = 9, site: str = "") -> float:
    """Median wall time of a command, with a folder of further distributions."""
    env = {**os.environ, "PYTHONPATH": site} if site else None
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=env)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def install(site: Path, number: int) -> None:
    """Distributions as pip leaves them, each with one plugin whose import ends the process."""
    for each in range(number):
        info = site / f"dummy_{each}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dummy-{each}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[cadkit.plugins]\ndummy-{each} = dummy_{each}:Model\n")
        (site / f"dummy_{each}.py").write_text("raise SystemExit('imported, though nobody asked for it')\n")


def beside(number: int) -> None:
    """The same commands with so many more plugins installed."""
    with tempfile.TemporaryDirectory() as site:
        install(Path(site), number)
        help_ = seconds(sys.executable, "-c", HELP, "--help", site=site)
        without, names = seconds(sys.executable, "-c", NAMES), seconds(sys.executable, "-c", NAMES, site=site)
        print(f"with {number} more plugins: cadkit --help: {help_:.3f} s; their names: {without:.3f} -> {names:.3f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How long `cadkit --help` takes.")
    parser.add_argument("--plugins", type=int, default=0, help="further plugins to install for the time being")
    wanted = parser.parse_args().plugins
    bare, help_ = seconds(sys.executable, "-c", "pass"), seconds(sys.executable, "-c", HELP, "--help")
    print(f"python: {bare:.3f} s; cadkit --help: {help_:.3f} s ({help_ / bare:.1f} times)")
    listed = subprocess.run([sys.executable, "-c", LIST], check=True, capture_output=True, text=True).stdout
    print("imported:", listed.strip().splitlines()[-1])
    if wanted:
        beside(wanted)
