"""GMIC at the paper's size on this machine: seconds per forward pass, and the memory of training on one exam.

    python benchmarks/speed/gmic.py

Each measurement runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import torch

REPEATS = 3


def forward(batch: int) -> None:
    """Seconds of the fastest of a few forward passes of `batch` images of 2944x1920."""
    from cadkit_gmic.architecture import PRESETS
    from cadkit_gmic.network import GmicNetwork

    network = GmicNetwork(PRESETS["paper"]).eval()
    images = torch.randn(batch, 1, 2944, 1920)
    seconds = []
    with torch.no_grad():
        for _ in range(REPEATS):
            started = time.perf_counter()
            network(images)
            seconds.append(time.perf_counter() - started)
    print(f"forward, batch {batch}: {min(seconds):.2f} s, {_peak():.1f} GiB")


def train() -> None:
    """One optimiser step on one exam of four images."""
    from cadkit_gmic.architecture import PRESETS
    from cadkit_gmic.loss import gmic_losses
    from cadkit_gmic.network import GmicNetwork

    network = GmicNetwork(PRESETS["paper"]).train()
    optimizer = torch.optim.Adam(network.parameters(), 2e-5)
    images, labels = torch.randn(4, 1, 2944, 1920), torch.tensor([[0.0, 1.0]] * 4)
    started = time.perf_counter()
    sum(gmic_losses(network(images), labels, 3e-5).values()).backward()
    optimizer.step()
    print(f"training step, one exam of 4 images: {time.perf_counter() - started:.1f} s, {_peak():.1f} GiB")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train() if sys.argv[1] == "train" else forward(int(sys.argv[1]))
    else:
        print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
        for what in ("1", "4", "train"):
            subprocess.run([sys.executable, __file__, what], check=True)
