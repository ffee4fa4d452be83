"""Golden numbers of the published network, and small networks."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from cadkit_gmic.architecture import Architecture
from cadkit_gmic.network import GmicNetwork
from cadkit_gmic.published import weights_from_published

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def fill() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_fill", GOLDEN / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    return json.loads((GOLDEN / "gmic.json").read_text())


@pytest.fixture(scope="session")
def layout() -> dict[str, Any]:
    return json.loads((GOLDEN / "gmic_layout.json").read_text())


@pytest.fixture(scope="session")
def published(fill: ModuleType, layout: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Synthetic weights under the published names, as a published file holds them."""
    return {name: torch.from_numpy(fill.fill(name, shape)) for name, shape, _ in layout["entries"]}


@pytest.fixture(scope="session")
def golden_weights(published: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return weights_from_published(published)


@pytest.fixture
def small_network() -> GmicNetwork:
    """A narrow network for images of 160x96: map 10x6, windows of 2x2 cells."""
    torch.manual_seed(5)
    return GmicNetwork(
        Architecture(
            window=(160, 96),
            rois=3,
            patch=(32, 32),
            top_t=0.05,
            global_widths=(4, 4, 8, 8, 8),
            global_strides=(1, 2, 2, 1, 1),
            local_widths=(4, 8, 8, 8),
            attention=4,
        )
    )
