"""How long `cadkit --help` takes beside a bare Python, and which heavy libraries it imports.

python benchmarks/speed/start.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

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


def seconds(*command: str, times: int = 9) -> float:
    """Median wall time of a command."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


if __name__ == "__main__":
    bare, help_ = seconds(sys.executable, "-c", "pass"), seconds(sys.executable, "-c", HELP, "--help")
    print(f"python: {bare:.3f} s; cadkit --help: {help_:.3f} s ({help_ / bare:.1f} times)")
    listed = subprocess.run([sys.executable, "-c", LIST], check=True, capture_output=True, text=True).stdout
    print("imported:", listed.strip().splitlines()[-1])
