"""`python -m benchmarks.phantom STEP ...`, from the top of the checkout; each step says its options with --help."""

from __future__ import annotations

import os
import sys
from importlib import import_module

STEPS = ("pictures", "scores", "unet", "spectrum", "beside", "honesty")

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in STEPS:
        sys.exit(f"usage: python -m benchmarks.phantom {{{','.join(STEPS)}}} ...")
    # Threads of torch that wait busily stand in each other's way on a machine that does other things.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import_module(f"benchmarks.phantom.{sys.argv[1]}").main(sys.argv[2:])
