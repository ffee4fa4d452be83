"""A small network with lesion masks: is there something to learn, and does it vanish with the lesions?

    python -m benchmarks.phantom unet train TRAIN WEIGHTS --steps 2500 [--without-lesions] [--minutes 45]
    python -m benchmarks.phantom unet test TEST VALIDATION WEIGHTS [--blind WEIGHTS] [--out unet.json]

TRAIN, TEST and VALIDATION are folders of `pictures`. The schedule is driven by steps; `--minutes` ends it earlier where
the machine is slow, at the end of the learning rate all the same. `--blind` are weights that were trained without
lesions, on labels alone.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.nn import functional

from benchmarks.phantom.crops import Batch, Crops
from benchmarks.phantom.judging import judge
from benchmarks.phantom.network import Network, evidence, top_mean
from benchmarks.phantom.pictures import Pictures, open_pictures
from benchmarks.phantom.scores import show
from cadkit.files import atomic, write_json

BATCH = 24
RATE, DECAY, CLIP = 1.5e-3, 0.02, 1.0
WARM_STEPS = 100
AVERAGING = 0.998  # of the weights that are kept
POOLED_CELLS = 8
LESION_WEIGHT, LABEL_WEIGHT = 0.4, 0.3


def loss_of(logits: torch.Tensor, batch: Batch, lesions: bool) -> torch.Tensor:
    """Cross-entropy of cells (background and every class of lesion apart), and of the crop's labels."""
    odds = evidence(logits)[:, :2]
    pooled = top_mean(odds, POOLED_CELLS)
    if not lesions:
        whole = odds.flatten(2).mean(2)
        labels = functional.binary_cross_entropy_with_logits
        return labels(pooled, batch.labels) + labels(whole, batch.labels)
    cells = functional.cross_entropy(logits.float(), batch.classes, reduction="none")
    background = cells[batch.classes == 0].mean()
    # A crop's lesion counts by its presence: a large mass is no more important than a small cluster.
    total = cells.new_zeros(())
    count = cells.new_zeros(())
    for label in (1, 2):
        mask = (batch.classes == label).float()
        area = mask.sum((1, 2))
        total = total + ((cells * mask).sum((1, 2)) / area.clamp(min=1)).sum()
        count = count + (area > 0).sum()
    marked = functional.binary_cross_entropy_with_logits(pooled, batch.labels, weight=batch.known)
    return background + LESION_WEIGHT * total / count.clamp(min=1) + LABEL_WEIGHT * marked


def train(
    pictures: Pictures, weights: Path, steps: int, lesions: bool = True, minutes: float = 60.0, seed: int = 0
) -> dict[str, Any]:
    """Train a network and save its averaged weights; what it took."""
    torch.manual_seed(seed)
    crops = Crops(pictures, lesions, seed)
    network = Network().to(memory_format=torch.channels_last).train()
    kept = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(_groups(network), RATE, betas=(0.9, 0.99))
    started, step, share, running = time.monotonic(), 0, 0.0, 0.0
    while share < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / WARM_STEPS) * 0.5 * (1 + math.cos(math.pi * share))
        batch = crops.batch(BATCH)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(batch.images)
        loss = loss_of(logits, batch, lesions)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        step += 1
        share = max(step / steps, (time.monotonic() - started) / (60 * minutes))
        _average(kept, network, min(AVERAGING, step / (step + 10)))
        running += (loss.item() - running) / min(step, 100)
        if step % 100 == 0 or share >= 1:
            took = (time.monotonic() - started) / 60
            print(f"step {step}: loss {running:.4f}, {took:.1f} min, {100 * share:.0f}%", file=sys.stderr, flush=True)
    with atomic(weights) as part:
        save_file({name: value.contiguous() for name, value in kept.state_dict().items()}, part)
    parameters = sum(value.numel() for value in network.parameters())
    took = (time.monotonic() - started) / 60
    return {"steps": step, "minutes": round(took, 1), "crops": step * BATCH, "parameters": parameters, "loss": running}


def _groups(network: Network) -> list[dict[str, Any]]:
    """Kernels are pulled to zero, gains and biases are not."""
    kernels = [value for value in network.parameters() if value.ndim == 4 and value[0].numel() > 1]
    others = [value for value in network.parameters() if not (value.ndim == 4 and value[0].numel() > 1)]
    return [{"params": kernels, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]


@torch.no_grad()
def _average(kept: Network, network: Network, share: float) -> None:
    for old, new in zip(kept.parameters(), network.parameters(), strict=True):
        old.lerp_(new, 1 - share)


def main(arguments: list[str]) -> None:
    """Train, or test and print the table."""
    parser = argparse.ArgumentParser(prog="unet", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    training = steps.add_parser("train")
    training.add_argument("train", type=Path)
    training.add_argument("weights", type=Path)
    training.add_argument("--steps", type=int, default=2500)
    training.add_argument("--minutes", type=float, default=60.0)
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--without-lesions", action="store_true")
    testing = steps.add_parser("test")
    testing.add_argument("test", type=Path)
    testing.add_argument("validation", type=Path)
    testing.add_argument("weights", type=Path)
    testing.add_argument("--blind", type=Path)
    testing.add_argument("--out", type=Path)
    for step in (training, testing):
        step.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.step == "train":
        lesions = not options.without_lesions
        print(
            train(open_pictures(options.train), options.weights, options.steps, lesions, options.minutes, options.seed)
        )
        return
    rows = judge(open_pictures(options.test), open_pictures(options.validation), options.weights, options.blind)
    print(show(rows))
    if options.out:
        write_json(options.out, rows)
