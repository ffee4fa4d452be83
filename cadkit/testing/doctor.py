"""What is installed, which device there is, which decoders, what is broken."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cadkit.dicom import decoders
from cadkit.plugin.listing import listing_and_device
from cadkit.tasks import processors

_PACKAGES = (
    "cadkit",
    "numpy",
    "scipy",
    "scikit-learn",
    "polars",
    "pydicom",
    "python-gdcm",
    "pylibjpeg-openjpeg",
    "pyjpegls",
    "blosc2",
    "altair",
    "torch",
    "torchvision",
    "tensorboard",
)


def examine(tell: Callable[[str], object] = str) -> dict[str, list[dict[str, Any]]]:
    """Rows by heading: machine, packages, decoders, plugins.

    Args:
        tell: told how far the import of plugins has come.
    """
    plugins, device = listing_and_device(tell)
    return {
        "Machine": [
            {"what": "python", "value": platform.python_version()},
            {"what": "platform", "value": platform.platform()},
            {"what": "processors", "value": str(processors())},
            {"what": "device for training", "value": device},
        ],
        "Packages": [{"package": name, "version": _version(name)} for name in _PACKAGES],
        "DICOM files that can be read": [
            {
                "transfer syntax": row.name,
                "readable": "yes" if row.readable else "no",
                "decoders": ", ".join(name if there else f"({name})" for name, there in row.decoders),
            }
            for row in decoders.table()
        ],
        "Plugins": [
            {
                "name": row.name,
                "distribution": row.package,
                "state": row.note or "ok" if row.ok else f"cannot be used: {row.reason.rstrip('.')}. {row.mend}",
            }
            for row in plugins
        ],
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
