"""Several processes that train one network: torchrun, one node or many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed, nn

from cadkit.errors import InputError

Value = TypeVar("Value")
# A rank may wait for another that reads a slow disk or writes a checkpoint.
_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: its number, 0 for the one that writes.
        world: how many there are.
        local: its number on this machine, which is that of its GPU.
    """

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def writes(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def gather(self, value: Value) -> list[Value]:
        """The value of every rank, in order, on every rank."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        distributed.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Until every rank has come here."""
        if self.world > 1:
            distributed.barrier()

    def same_buffers(self, network: nn.Module) -> None:
        """Give every rank the buffers of rank 0, such as the running means of a normalisation."""
        if self.world > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Join the processes that torchrun started; alone where it did not."""
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks()
        return
    ranks = Ranks(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), int(os.environ.get("LOCAL_RANK", "0")))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield ranks
    finally:
        distributed.destroy_process_group()


def pick_device(name: str = "auto") -> torch.device:
    """The device to compute on; under torchrun each process takes the GPU of its number.

    Args:
        name: `auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`.

    Raises:
        InputError: there is no such device.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(
            "there is no such kind of device", row="--device", value=name, mend="Give auto, cpu or cuda."
        ) from None
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise InputError("this kind of device is not supported", row="--device", value=name, mend="Give cpu or cuda.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = device.index if device.index is not None else local
    if index >= count:
        mend = "Give --device cpu." if count == 0 else f"There are {count}."
        raise InputError(f"there is no GPU {index} here", row="--device", value=name, mend=mend)
    return torch.device("cuda", index)


def placed(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on a device, its convolutions with channels last, which is faster on CPUs and in bf16."""
    return network.to(device).to(memory_format=torch.channels_last)
