"""Faster R-CNN: parameters of each backbone, a picture of 800x608 on the CPU, an exam of 2100x1300 on a GPU.

    python benchmarks/speed/faster_rcnn.py

The weights are random: what is found does not matter, the most boxes that may be found are. Each measurement runs in
a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torchvision.ops import FrozenBatchNorm2d

from cadkit_faster_rcnn import FasterRcnnConfig
from cadkit_faster_rcnn.network import detector

REPEATS = 5
EXAM = 4
PAPER = ("paper_resnet50", "paper_resnet101", "paper")
BAR = "bar: 80 ms on an H200; the poster's V100: 920 ms"


def sizes() -> None:
    """Parameters of the three backbones."""
    for preset in (*PAPER, "small", "tiny"):
        config = FasterRcnnConfig.make(preset)
        with torch.device("meta"):
            network = detector(config)
        weights = sum(tensor.numel() for tensor in network.state_dict().values()) / 1e6
        learnt = sum(p.numel() for p in network.parameters() if p.requires_grad) / 1e6
        rows, columns = config.window
        print(f"{preset}: {config.backbone}, {rows}x{columns}, {weights:.1f} M weights, {learnt:.1f} M of them learn")


def on_cpu() -> None:
    """Processor seconds a picture of the preset small."""
    network, images = ready("small", 1, torch.device("cpu"))
    seconds = fastest(lambda: network(images), time.process_time)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    threads = torch.get_num_threads()
    print(f"small on the CPU, {threads} thread(s): {seconds:.2f} processor seconds a picture, {peak:.1f} GiB at most")


def on_gpu() -> None:
    """Milliseconds an exam, and memory, of each backbone of the poster."""
    if not torch.cuda.is_available():
        print(f"an exam of {EXAM} pictures on a GPU: not measured ({BAR})")
        return
    device = torch.device("cuda")
    for preset in PAPER:
        network, images = ready(preset, EXAM, device)
        torch.cuda.reset_peak_memory_stats()

        def once(network: torch.nn.Module = network, images: torch.Tensor = images) -> None:
            with torch.autocast("cuda", torch.bfloat16):
                network(images)
            torch.cuda.synchronize()

        seconds, peak = fastest(once, time.perf_counter), torch.cuda.max_memory_allocated() / 2**30
        rows, columns = images.shape[-2:]
        print(
            f"{preset}, {EXAM} pictures of {rows}x{columns}, bf16, {torch.cuda.get_device_name()}: "
            f"{seconds * 1e3:.0f} ms, {EXAM / seconds:.1f} pictures/s, {peak:.1f} GiB"
        )
    print(BAR)


def ready(preset: str, batch: int, device: torch.device) -> tuple[torch.nn.Module, torch.Tensor]:
    """A network that finds as much as it may, and pictures for it."""
    torch.manual_seed(0)
    config = FasterRcnnConfig.make(preset, {"min_score": 0.0})
    network = detector(config).eval().to(device)
    # Without the statistics of trained weights the residual branches would add up beyond all numbers.
    for name, module in network.named_modules():
        if isinstance(module, FrozenBatchNorm2d) and name.endswith("bn3"):
            module.weight.fill_(0.1)
    return network, torch.rand(batch, 1, *config.window, device=device)


def fastest(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds of the fastest of a few calls."""
    seconds = []
    with torch.no_grad():
        for _ in range(REPEATS):
            started = clock()
            work()
            seconds.append(clock() - started)
    return min(seconds)


MEASUREMENTS = {"sizes": sizes, "cpu": on_cpu, "gpu": on_gpu}

if __name__ == "__main__":
    if len(sys.argv) > 1:
        MEASUREMENTS[sys.argv[1]]()
    else:
        print(f"torch {torch.__version__}", flush=True)
        for what in MEASUREMENTS:
            subprocess.run([sys.executable, __file__, what], check=True)
