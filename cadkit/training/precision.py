"""Numbers of the forward pass, and what makes a training repeatable."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator

import numpy as np
import torch

from cadkit.errors import InputError

_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def resolved_precision(name: str, device: torch.device) -> str:
    """`fp32`, `bf16` or `fp16`: what `auto` means on a device.

    Raises:
        InputError: fp16 on a CPU, where its gradients cannot be scaled.
    """
    if name == "auto":
        return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if name == "fp16" and device.type == "cpu":
        raise InputError("fp16 needs a GPU", row="precision", value=name, mend="Take fp32 or bf16.")
    return name


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """A context in which a network computes in a precision."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, _TYPES[precision])


def derived(*numbers: int) -> int:
    """A seed for torch, a function of the numbers."""
    low, high = np.random.SeedSequence(numbers).generate_state(2)
    return int(low) | (int(high) & 0x7FFFFFFF) << 32


@contextlib.contextmanager
def repeatable() -> Iterator[None]:
    """Choose algorithms that give the same bits each time, where there are such; restored afterwards."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn, fills = torch.backends.cudnn, torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    tuned = cudnn.benchmark, cudnn.deterministic
    torch.use_deterministic_algorithms(True, warn_only=True)
    cudnn.benchmark, cudnn.deterministic = False, True
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.benchmark, cudnn.deterministic = tuned
        torch.utils.deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]
