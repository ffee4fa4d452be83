"""Where a training stands, saved so that a killed one goes on as if nothing had happened."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cadkit.errors import InputError
from cadkit.files import write_bytes
from cadkit.plugin import Run


@dataclass
class Position:
    """Where a training stands. Generators are not part of it: randomness is a function of the position.

    Attributes:
        stage, epoch, step: that come next; step counts forward passes of the epoch.
        totals: sum of each loss over the epoch's steps so far.
        best: value of the best epoch of the stage, None before the first validation (or where it is undefined).
        best_epoch: its number, from 1 on; 0 before.
        waited: validations since.
    """

    stage: int = 0
    epoch: int = 0
    step: int = 0
    totals: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    best_epoch: int = 0
    waited: int = 0


class StateFile:
    """`state/state.pt` of a run."""

    def __init__(self, run: Run) -> None:
        self.path: Path = run.folder / "state" / "state.pt"

    def save(
        self,
        position: Position,
        network: nn.Module,
        optimizer: Optimizer | None = None,
        schedule: LRScheduler | None = None,
        scaler: torch.amp.GradScaler | None = None,
    ) -> None:
        """Write the state; without an optimiser it is the start of a stage."""
        content = {
            "position": vars(position) | {"totals": dict(position.totals)},
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict() if optimizer is not None else None,
            "schedule": schedule.state_dict() if schedule is not None else None,
            "scaler": scaler.state_dict() if scaler is not None else None,
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_bytes(self.path, buffer.getbuffer().tobytes())

    def read(self, device: torch.device) -> dict[str, Any] | None:
        """The state, or None where none was saved.

        Raises:
            InputError: the file is damaged.
        """
        if not self.path.exists():
            return None
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            return {**content, "position": Position(**content["position"])}
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
            raise InputError(
                f"the saved state cannot be read: {str(error).splitlines()[0]}",
                file=self.path,
                mend="Remove it to begin this run anew.",
            ) from None
