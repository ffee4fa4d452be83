"""The network gives the published one's numbers for the same weights and images (golden/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from cadkit_gmic.architecture import Architecture
from cadkit_gmic.network import GmicNetwork, GmicOutput, top_t_count, top_t_pooling
from cadkit_gmic.roi import cut_patches, on_image, retrieve_roi, window_on_map

NUMBERS = json.loads((Path(__file__).parent / "golden" / "gmic.json").read_text())
CASES = [case for case in NUMBERS["cases"] if not case["config"]["use_v1_global"]]
GUARDED = "constant map of one class"
UNIT_MAPS = [case for case in NUMBERS["retrieve_roi"] if case["name"] != GUARDED]


def network_of(case: dict[str, Any], weights: dict[str, Tensor]) -> GmicNetwork:
    config = case["config"]
    architecture = Architecture(rois=config["K"], patch=tuple(config["crop_shape"]), top_t=config["percent_t"])
    with torch.device("meta"):
        network = GmicNetwork(architecture)
    network.load_state_dict(weights, assign=True)
    return network.eval()


def near(value: Tensor, expected: Any, tolerance: float = 1e-4) -> None:
    torch.testing.assert_close(
        value, torch.tensor(expected, dtype=torch.float32), atol=tolerance, rtol=0, check_dtype=False
    )


def check_saliency(out: GmicOutput, case: dict[str, Any]) -> None:
    saliency, expected = out.saliency[0], case["saliency"]
    assert list(saliency.shape) == expected["shape"]
    near(saliency.sum((1, 2)), expected["sum"], 1e-3)
    near(saliency.amax((1, 2)), expected["max"])
    width = saliency.shape[2]
    assert [[int(i) // width, int(i) % width] for i in saliency.flatten(1).argmax(1)] == expected["argmax"]
    if "map" in expected:
        near(saliency, expected["map"])


def check_patches(out: GmicOutput, image: Tensor, case: dict[str, Any]) -> None:
    height, width = case["config"]["crop_shape"]
    patches = cut_patches(image[:, 0], out.positions, (height, width))[0]
    near(patches.mean((1, 2)), case["patch_mean"], 1e-5)
    near(patches.amin((1, 2)), case["patch_min"], 1e-5)
    near(patches[:, 0, 0], case["patch_first_row_first_pixel"], 1e-5)
    near(patches[:, height // 2, width // 2], case["patch_centre_pixel"], 1e-5)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_forward(case: dict[str, Any], golden_weights: dict[str, Tensor], fill: ModuleType) -> None:
    network = network_of(case, golden_weights)
    image = torch.from_numpy(fill.image(*case["input"]["image"]))[None, None]
    with torch.no_grad():
        out = network(image)
        map_logits = network.saliency(network.global_network(image))
    near(out.scores["fusion"][0], case["y_fusion"])
    near(out.scores["global"][0], case["y_global"])
    near(out.scores["local"][0], case["y_local"])
    near(out.attention[0], case["attention"])
    map_size = tuple(case["config"]["cam_size"])
    assert network.architecture.map_size(tuple(case["input"]["image"][1:])) == map_size
    check_saliency(out, case)
    for t, expected in case["y_global_by_t"].items():
        assert top_t_count(map_size[0] * map_size[1], float(t)) == expected["count"]
        near(top_t_pooling(map_logits, float(t))[0][0], expected["y_global"])
    window = window_on_map(network.architecture.patch, tuple(image.shape[2:]), map_size)
    assert list(window) == case["window_on_saliency"]
    cells = retrieve_roi(out.saliency, window, network.architecture.rois)
    assert cells[0].tolist() == case["positions_on_saliency"]
    assert out.positions[0].tolist() == case["positions_on_image"]
    check_patches(out, image, case)


@pytest.mark.parametrize("case", UNIT_MAPS, ids=[case["name"] for case in UNIT_MAPS])
def test_retrieve_roi(case: dict[str, Any]) -> None:
    maps = torch.tensor(case["maps_times_64"], dtype=torch.float32) / 64
    map_size, image_size = (maps.shape[2], maps.shape[3]), tuple(case["image_size"])
    window = window_on_map(tuple(case["crop_shape"]), image_size, map_size)
    assert list(window) == case["window_on_saliency"]
    cells = retrieve_roi(maps, window, case["K"])
    assert cells.tolist() == case["positions_on_saliency"]
    assert on_image(cells, map_size, image_size).tolist() == case["positions_on_image"]


def test_constant_map_leaves_the_choice_to_the_other_label(golden: dict[str, Any]) -> None:
    case = next(case for case in golden["retrieve_roi"] if case["name"] == GUARDED)
    maps = torch.tensor(case["maps_times_64"], dtype=torch.float32) / 64
    # The one salient cell is at row 4, column 3: the first 2x2 window with it is at (3, 2).
    assert retrieve_roi(maps, (2, 2), 3).tolist() == [[[3, 2], [0, 0], [0, 0]]]


def test_patches_at_the_border(golden: dict[str, Any]) -> None:
    crop = golden["crop"]
    image = torch.tensor([crop["image"]], dtype=torch.float32)
    positions = torch.tensor([[case["position"] for case in crop["patches"]]])
    cut = cut_patches(image, positions, (4, 5))
    assert cut[0].tolist() == [case["patch"] for case in crop["patches"]]


def test_counts_of_top_t(golden: dict[str, Any]) -> None:
    for case in golden["top_t_counts"]["cases"]:
        height, width = case["map_size"]
        assert top_t_count(height * width, case["t"]) == case["count"]


def test_number_of_parameters(layout: dict[str, Any]) -> None:
    with torch.device("meta"):
        network = GmicNetwork(Architecture())
    assert sum(p.numel() for p in network.parameters()) == layout["trainable_parameters"] == 14_110_322
    assert sum(p.numel() for p in network.global_network.parameters()) == 2_799_536
    assert sum(p.numel() for p in network.local_network.parameters()) == 11_176_512
    assert len(network.state_dict()) == layout["entries_in_state_dict"]
