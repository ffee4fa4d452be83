"""The training loop."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cadkit.data import Dataset
from cadkit.errors import Failure, InputError
from cadkit.files import write_toml
from cadkit.plugin import Run
from cadkit.progress import track
from cadkit.training.batch import Batch
from cadkit.training.checks import fitting_scale, require
from cadkit.training.ddp import Ranks, joined, pick_device, placed
from cadkit.training.loader import Loader, Numbered
from cadkit.training.precision import autocast, derived, repeatable, resolved_precision
from cadkit.training.predicting import Settings, predict_exams
from cadkit.training.sampling import pad_to_multiple
from cadkit.training.starting import start_from, write_patients
from cadkit.training.state import Position, StateFile
from cadkit.training.validating import Validation
from cadkit.training.weights import load_whole, write_weights

if TYPE_CHECKING:
    from cadkit.training.model import TorchModel

BEST, LAST = "best.safetensors", "last.safetensors"
# What the last number of a key says that it seeds, so that no two draws share one.
_NETWORK, _LIST, _NOISE, _STEP = range(1, 5)


def train(model: TorchModel, data: Dataset, run: Run) -> nn.Module:
    """Train a model on a dataset's training split, from where the run stands.

    Returns:
        The network with its best weights, in evaluation mode.

    Raises:
        InputError: the dataset lacks what the model learns from, or weights to start from do not fit.
        Failure: a loss is not finite, or reading failed.
    """
    device = pick_device(model.device)
    with repeatable(), joined(device) as ranks:
        return Training(model, data.view(access="training"), run, device, ranks).run_all()


class Step(nn.Module):
    """The forward pass as DDP sees it: all of `losses`, so that any part of the bare network may be called."""

    def __init__(self, model: TorchModel, network: nn.Module) -> None:
        super().__init__()
        self.model, self.network = model, network

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of a batch."""
        return self.model.losses(self.network, batch)


class Watch:
    """Adds up the losses of an epoch without waiting for the device, and stops at one that is not finite.

    Values are copied to the host behind the computation and looked at one step later.
    """

    def __init__(self, totals: dict[str, float], where: str) -> None:
        self.totals, self._where = totals, where
        self._late: tuple[int, list[str], Tensor, torch.cuda.Event | None] | None = None

    def add(self, step: int, losses: Mapping[str, Tensor]) -> None:
        """Take the losses of a step."""
        values = torch.stack([loss.detach().double() for loss in losses.values()])
        event = None
        if values.is_cuda:
            values = values.to("cpu", non_blocking=True)
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
        self.flush()
        self._late = step, list(losses), values, event

    def flush(self) -> None:
        """Look at what is still on its way.

        Raises:
            Failure: a loss is not finite.
        """
        if self._late is None:
            return
        step, names, values, event = self._late
        self._late = None
        if event is not None:
            event.synchronize()
        for name, value in zip(names, values.tolist(), strict=True):
            if not math.isfinite(value):
                raise Failure(
                    f"The loss {name} is {value} in {self._where}, step {step + 1}. Train with a smaller learning rate "
                    "(--set lr=...), or in fp32 (--set precision=fp32)."
                )
            self.totals[name] = self.totals.get(name, 0.0) + value


class Training:
    """One training run."""

    def __init__(self, model: TorchModel, data: Dataset, run: Run, device: torch.device, ranks: Ranks) -> None:
        self.model, self.data, self.run, self.device, self.ranks = model, data, run, device, ranks
        self.precision = resolved_precision(model.config.precision, device)
        self.train_data = data.split("train")
        splits = data.tables["exams"]["split"].to_list()
        self.validation = data.split("validation") if "validation" in splits else None
        self.state = StateFile(run)
        self.position = Position()
        self._saved_at = time.monotonic()

    def say(self, line: str) -> None:
        """A line for the log and for whoever watches."""
        if self.ranks.writes:
            self.run.note(line)
            print(line, file=sys.stderr, flush=True)

    def run_all(self) -> nn.Module:
        """Every stage."""
        self._settle_config()
        for line in require(self.train_data, self.validation, self.model.info):
            self.say(line)
        if self.validation is None:
            self.say("there is no validation split: the last epoch is kept")
        torch.manual_seed(derived(self.run.seed, _NETWORK))
        network = placed(self.model.network(), self.device)
        saved = self.state.read(self.device)
        if saved is not None:
            self.position = saved["position"]
            network.load_state_dict(saved["network"])
            p = self.position
            self.say(f"going on at stage {p.stage + 1}, epoch {p.epoch + 1}, step {p.step + 1}")
        else:
            self._begin(network)
        self._record()
        stages = self.model.stages()
        for number in range(self.position.stage, len(stages)):
            model = self.model if stages[number] is self.model.config else type(self.model)(stages[number])
            self._stage(number, model, network, saved)
            saved = None
        return network.eval()

    def _settle_config(self) -> None:
        if self.model.config.scale == 0:
            scale = fitting_scale(self.train_data, self.model.config.window)
            self.model.config = self.model.config.model_copy(update={"scale": scale})
            self.say(f"scale {scale:g}: one pixel of the network's window takes so many prepared pixels")
            if self.ranks.writes:
                write_toml(self.run.folder / "config.toml", self.model.config.to_toml())

    def _begin(self, network: nn.Module) -> None:
        inherited = []
        for source in self.model.config.init_from:
            line, patients = start_from(self.model, network, source, self.data)
            inherited.append(patients)
            self.say(line)
        if self.ranks.writes:
            write_patients(self.run.folder, self.data, inherited)

    def _record(self) -> None:
        if self.ranks.writes:
            name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else ""
            self.run.update(
                device=str(self.device) if self.ranks.world == 1 else self.device.type,
                device_name=name or None,
                precision=self.precision,
                torch=str(torch.__version__),
                processes=self.ranks.world,
            )

    def _stage(self, number: int, model: TorchModel, network: nn.Module, saved: dict[str, Any] | None) -> None:
        config, position = model.config, self.position
        length = len(model.epoch(self.train_data, np.random.default_rng((self.run.seed, number, 0, _LIST))))
        if length == 0:
            raise InputError("there is nothing to learn from: the epoch is empty", file=self.data.folder)
        each = config.batch * config.accumulate * self.ranks.world
        optimizer, schedule = model.optimizer(network, config.epochs * math.ceil(length / each))
        scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        if saved is not None and saved["optimizer"] is not None:
            optimizer.load_state_dict(saved["optimizer"])
            scaler.load_state_dict(saved["scaler"])
            if schedule is not None:
                schedule.load_state_dict(saved["schedule"])
        step: nn.Module = Step(model, network)
        if self.ranks.world > 1:
            step = DistributedDataParallel(step)
        loader = Loader(model, self.train_data, config.batch, config.workers, self.device)
        while position.epoch < config.epochs and not (config.patience and position.waited >= config.patience):
            rate = self._epoch(model, step, loader, optimizer, schedule, scaler, network)
            self._after_epoch(model, network, optimizer.param_groups[0]["lr"], rate)
            position.epoch, position.step, position.totals = position.epoch + 1, 0, {}
            self._save(network, optimizer, schedule, scaler)
        if position.epoch < config.epochs:
            self.say(f"no better epoch for {position.waited} validations: ended early")
        for reason, count in sorted(loader.skipped.items()):
            self.say(f"left out {count} times in training: {reason}")
        self.ranks.wait()
        load_whole(network, self.run.weights / BEST)
        self.position = Position(stage=number + 1)
        self._save(network)

    def _epoch(
        self,
        model: TorchModel,
        step: nn.Module,
        loader: Loader,
        optimizer: Optimizer,
        schedule: LRScheduler | None,
        scaler: torch.amp.GradScaler,
        network: nn.Module,
    ) -> float:
        """Train for the rest of an epoch; images per second on this rank."""
        config, position, ranks = model.config, self.position, self.ranks
        key = (self.run.seed, position.stage, position.epoch)
        items = model.epoch(self.train_data, np.random.default_rng((*key, _LIST)))
        mine: list[Numbered] = list(enumerate(pad_to_multiple(items, config.batch * config.accumulate * ranks.world)))
        mine = mine[ranks.rank :: ranks.world]
        total = len(mine) // config.batch
        where = f"stage {position.stage + 1}, epoch {position.epoch + 1}"
        watch = Watch(position.totals, where)
        network.train()
        started, seen = time.monotonic(), 0
        batches = loader.epoch(mine, (*key, _NOISE), position.step)
        shown = track(batches, f"epoch {position.epoch + 1}/{config.epochs}", total - position.step, not ranks.writes)
        for number, batch in shown:
            torch.manual_seed(derived(*key, _STEP, number, ranks.rank))
            last = (number + 1) % config.accumulate == 0
            with self._unsynchronised(step, last):
                with autocast(self.precision, self.device):
                    losses = step(batch)
                scaler.scale(sum(losses.values()) / config.accumulate).backward()
            watch.add(number, losses)
            seen += sum(len(images) for images in batch.images.values())
            position.step = number + 1
            if last:
                scaler.step(optimizer)
                scaler.update()
                optimizer.zero_grad(set_to_none=True)
                if schedule is not None:
                    schedule.step()
                if position.step < total and time.monotonic() - self._saved_at >= config.save_every:
                    watch.flush()
                    self._save(network, optimizer, schedule, scaler)
        watch.flush()
        return seen / max(time.monotonic() - started, 1e-9)

    @contextlib.contextmanager
    def _unsynchronised(self, step: nn.Module, last: bool) -> Iterator[None]:
        with step.no_sync() if isinstance(step, DistributedDataParallel) and not last else contextlib.nullcontext():
            yield

    def _save(self, network: nn.Module, *rest: Any) -> None:
        if self.ranks.writes:
            self.state.save(self.position, network, *rest)
        self._saved_at = time.monotonic()

    def _after_epoch(self, model: TorchModel, network: nn.Module, lr: float, rate: float) -> None:
        """Validate if it is time, keep the weights, and write the history."""
        config, position = model.config, self.position
        ranks = self.ranks.gather(position.totals)
        losses = {name: math.fsum(t.get(name, 0.0) for t in ranks) for name in ranks[0]}
        steps = position.step * len(ranks)
        row = {"loss": sum(losses.values()) / steps} | {f"loss.{k}": v / steps for k, v in losses.items()} | {"lr": lr}
        number = position.epoch + 1
        values: dict[str, float] = {}
        due = number % config.validate_every == 0 or number == config.epochs
        if due and self.validation is not None:
            values = self._validate(model, network, self.validation)
        if due:
            self._choose(network, number, values)
        if self.ranks.writes:
            write_weights(self.run.weights / LAST, network)
            self.run.log({**row, **values}, stage=position.stage + 1, epoch=number)
        said = ", ".join([f"loss {row['loss']:.4f}", *(f"{name} {value:.4f}" for name, value in values.items())])
        best = f" (best {position.best:.4f}, epoch {position.best_epoch})" if position.best is not None else ""
        self.say(f"epoch {number}/{config.epochs}: {said}{best}, {rate * self.ranks.world:.1f} images/s")

    def _validate(self, model: TorchModel, network: nn.Module, data: Dataset) -> dict[str, float]:
        self.ranks.same_buffers(network)
        exams = data.exams
        mine = data.view(access="prediction").exams[self.ranks.rank :: self.ranks.world]
        settings = Settings(self.device, self.precision, model.config.batch, want=frozenset({"marks"}), together=True)
        parts = self.ranks.gather(list(predict_exams(model, network, mine, settings)))
        answers = [parts[place % len(parts)][place // len(parts)] for place in range(len(exams))]
        values = model.validate(Validation.of(exams, answers, model.info), data)
        return {name: float(value) for name, value in values.items() if not math.isnan(value)}

    def _choose(self, network: nn.Module, number: int, values: Mapping[str, float]) -> None:
        """Keep the weights if they are the best; where the value is undefined, the latest."""
        position = self.position
        value = next(iter(values.values()), None)
        if value is not None and position.best is not None and value <= position.best:
            position.waited += 1
            return
        if value is None and position.best is not None:
            return
        if value is None and position.best_epoch == 0 and self.validation is not None:
            self.say("no number of the validation split is defined: the last epoch is kept")
        position.best, position.best_epoch, position.waited = value, number, 0
        if self.ranks.writes:
            write_weights(self.run.weights / BEST, network)
