"""Files of weights: safetensors, or torch files read without unpickling objects."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from cadkit.errors import InputError
from cadkit.files import write_bytes

_SHOWN = 5


def write_weights(path: Path, network: nn.Module) -> None:
    """Write a network's parameters and buffers as safetensors, atomically."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_bytes(path, save_tensors(state))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file, or from a torch file with weights_only.

    A torch file may hold them under a single key such as `model` or `state_dict`.

    Raises:
        InputError: missing, damaged, or a file that would run code when read.
    """
    if not path.is_file():
        raise InputError("the file of weights is missing", file=path)
    if path.suffix == ".safetensors":
        try:
            return load_tensors(path.read_bytes())
        except SafetensorError as error:
            raise InputError(f"not a whole safetensors file: {error}", file=path) from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise InputError(
            f"not a torch file of weights alone: {str(error).splitlines()[0]}",
            file=path,
            mend="Convert it to safetensors where you trust it.",
        ) from None
    return _tensors(content, path)


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping):
        if content and all(isinstance(value, Tensor) for value in content.values()):
            return {str(key): value for key, value in content.items()}
        for key in ("state_dict", "model", "model_state_dict"):
            if isinstance(content.get(key), Mapping):
                return _tensors(content[key], path)
    raise InputError("the file holds no tensors by name", file=path)


def differences(network: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """Names that are missing, unknown, or of another shape than the network's."""
    own = network.state_dict()
    return {
        "missing": [name for name in own if name not in weights],
        "unknown": [name for name in weights if name not in own],
        "of another shape": [n for n in own if n in weights and own[n].shape != weights[n].shape],
    }


def named(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def load_whole(network: nn.Module, path: Path) -> None:
    """Load a file that must hold exactly the network's weights.

    Raises:
        InputError: the file is missing, or a parameter is missing, unknown or of another shape; the
            message names the file and the parameters.
    """
    weights = read_weights(path)
    faults = [f"{len(names)} {what} ({named(names)})" for what, names in differences(network, weights).items() if names]
    if faults:
        raise InputError(
            "the weights do not fit the network of the run's configuration: " + "; ".join(faults),
            file=path,
            mend="Take the config.toml and the weights of one run.",
        )
    network.load_state_dict(weights)


def load_matching(network: nn.Module, weights: Mapping[str, Tensor], source: str) -> list[str]:
    """Load what fits by name and shape.

    Returns:
        Names of the network's parameters that were not given: they stay as they were.

    Raises:
        InputError: nothing fits.
    """
    own = network.state_dict()
    fitting = {n: t for n, t in weights.items() if n in own and own[n].shape == t.shape}
    if not fitting:
        raise InputError(
            f"none of its {len(weights)} tensors fits the network: it has {named(list(weights))}, "
            f"the network {named(list(own))}",
            file=source,
        )
    network.load_state_dict(fitting, strict=False)
    return [name for name in own if name not in fitting and not name.endswith("num_batches_tracked")]
