"""Optional dependencies: which extra of cadkit brings a package that is missing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

EXTRA_OF: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("torch", "torchvision", "tensorboard", "safetensors"), "torch"),
        **dict.fromkeys(("dask", "distributed", "dask_jobqueue", "yaml"), "dask"),
    }
)
"""Extra by the name of the package that is imported."""


def install_command(error: BaseException) -> str:
    """What to type so that an import works, as a sentence; empty where no extra brings what is missing."""
    package = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    extra = EXTRA_OF.get(package)
    return f'{package} is not installed: pip install "cadkit[{extra}]".' if extra else ""
