"""Spies: what a plugin does to the process, what truth it asks for, and what happens in its training."""

from __future__ import annotations

import contextlib
import hashlib
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cadkit.data import TruthHidden

SEED = 20260117


class Interrupted(BaseException):
    """Ends a training between two epochs, as a kill would."""


@dataclass
class Diary:
    """What happened in one training of a torch model.

    Attributes:
        stop: end it with `Interrupted` before the second epoch.
        start: the network's tensors as `network()` made them, by name.
        network: the network.
        lists: of each list of an epoch, its (unit, hint) pairs in words.
        losses: of each step, the terms by name.
        weights: a digest of the network after each epoch.
    """

    stop: bool = False
    start: dict[str, Any] = field(default_factory=dict)
    network: Any = None
    lists: list[list[str]] = field(default_factory=list)
    losses: list[dict[str, float]] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)


def watched(model_class: Any, diary: Diary) -> Any:
    """A torch model that does as its class does and keeps a diary."""
    from cadkit.training.units import address_of

    class Watched(model_class):  # type: ignore[misc]
        def network(self) -> Any:
            diary.network = super().network()
            diary.start = {name: tensor.clone() for name, tensor in diary.network.state_dict().items()}
            return diary.network

        def epoch(self, data: Any, rng: Any) -> Any:
            if diary.stop and diary.weights:
                raise Interrupted
            items = super().epoch(data, rng)
            diary.lists.append([repr((address_of(unit), hint)) for unit, hint in items])
            return items

        def losses(self, network: Any, batch: Any) -> Any:
            found = super().losses(network, batch)
            diary.losses.append({name: float(value.detach()) for name, value in found.items()})
            return found

        def validate(self, predictions: Any, data: Any) -> Any:
            diary.weights.append(digest(diary.network))
            return super().validate(predictions, data)

    Watched.__name__, Watched.__qualname__ = model_class.__name__, model_class.__qualname__
    return Watched


def digest(network: Any) -> str:
    """Hexadecimal digits of a network's parameters and buffers."""
    made = hashlib.blake2b(digest_size=16)
    for name, tensor in network.state_dict().items():
        made.update(name.encode())
        made.update(tensor.detach().cpu().double().contiguous().numpy().tobytes())
    return made.hexdigest()


@contextlib.contextmanager
def truth_asked_for() -> Iterator[list[str]]:
    """A list of what was asked for where truth is hidden, even if whoever asked went on regardless."""
    asked: list[str] = []
    made = TruthHidden.__init__

    def noted(self: TruthHidden, *words: object) -> None:
        asked.append(" ".join(map(str, words)))
        made(self, *words)

    TruthHidden.__init__ = noted  # type: ignore[method-assign, assignment]
    try:
        yield asked
    finally:
        del TruthHidden.__init__


class Globals:
    """The state of this process that everybody shares: random generators, and torch's modes where it is loaded."""

    def __init__(self) -> None:
        self.random = random.getstate()
        self.numpy = np.random.get_state(legacy=False)  # noqa: NPY002 (the global generator is what is watched)
        torch = _torch()
        self.torch = None if torch is None else torch.get_rng_state()
        self.grad = True if torch is None else torch.is_grad_enabled()
        self.inference = False if torch is None else torch.is_inference_mode_enabled()
        self.number = None if torch is None else torch.get_default_dtype()

    def restore(self) -> None:
        """Make it as it was."""
        random.setstate(self.random)
        np.random.set_state(self.numpy)  # noqa: NPY002
        torch = _torch()
        if torch is not None:
            torch.set_grad_enabled(self.grad)
            if self.torch is not None:
                torch.set_rng_state(self.torch)
                torch.set_default_dtype(self.number)

    def drawn_since(self) -> list[str]:
        """Whose random generators are not as they were."""
        now = Globals()
        names = []
        if now.random != self.random:
            names.append("random")
        if not _same_state(now.numpy, self.numpy):
            names.append("numpy.random")
        if self.torch is not None and now.torch is not None and not self.torch.equal(now.torch):
            names.append("torch")
        return names

    def modes_since(self) -> list[str]:
        """Which of torch's modes are not as they were."""
        now = Globals()
        names = []
        if now.grad != self.grad:
            names.append(f"gradients are {'on' if now.grad else 'off'}")
        if now.inference != self.inference:
            names.append(f"inference mode is {'on' if now.inference else 'off'}")
        if self.number is not None and now.number != self.number:
            names.append(f"the default type is {now.number}")
        return names


@contextlib.contextmanager
def globals_kept(seeded: bool = False) -> Iterator[Globals]:
    """The shared state at the start, and put back at the end.

    Args:
        seeded: begin with generators of a seed that no plugin is likely to set itself.
    """
    outer = Globals()
    if seeded:
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002
    try:
        yield Globals()
    finally:
        outer.restore()


def networks_of(model: Any) -> list[Any]:
    """Networks of torch among a model's attributes, also in lists and mappings."""
    torch = _torch()
    return [] if torch is None else list(_of_kind(vars(model).values(), torch.nn.Module))


def _of_kind(values: Iterable[Any], kind: type) -> Iterator[Any]:
    for value in values:
        if isinstance(value, kind):
            yield value
        elif isinstance(value, list | tuple | dict):
            yield from _of_kind(value.values() if isinstance(value, dict) else value, kind)


def in_training(networks: Iterable[Any]) -> str:
    """Which layer is in training mode whose answers that changes, in words; '' where none is."""
    for network in networks:
        for name, layer in network.named_modules():
            kind = type(layer).__name__
            if layer.training and ("Dropout" in kind or "BatchNorm" in kind):
                return f"the {kind} {name!r} of the {type(network).__name__} is in training mode"
    return ""


def _same_state(one: Any, other: Any) -> bool:
    """Whether two states of numpy's global generator are the same."""
    places = [(each["state"]["pos"], each["has_gauss"]) for each in (one, other)]
    return places[0] == places[1] and bool(np.array_equal(one["state"]["key"], other["state"]["key"]))


def _torch() -> Any:
    """torch, where somebody imported it."""
    return sys.modules.get("torch")
