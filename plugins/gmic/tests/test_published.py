"""Published state dicts load whole; anything else is refused with its names."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torchvision.models import resnet18

from cadkit.errors import InputError
from cadkit_gmic.architecture import PRESETS
from cadkit_gmic.published import weights_from_published


def test_unused_tensor_and_missing_counters_are_accepted(published: dict[str, Tensor]) -> None:
    whole = weights_from_published(published)
    old = {name: tensor for name, tensor in published.items() if "num_batches_tracked" not in name}
    old["shared_rep_filter.weight"] = torch.zeros(256, 256, 4, 4)
    converted = weights_from_published(old)
    assert list(converted) == list(whole)
    assert all(torch.equal(converted[name], whole[name]) for name in whole)


def test_unknown_tensor_is_named(published: dict[str, Tensor]) -> None:
    with pytest.raises(InputError, match=r"model\.p: .*unknown: dn_resnet\.fc\.weight"):
        weights_from_published(published | {"dn_resnet.fc.weight": torch.zeros(3)}, file="model.p")
    with pytest.raises(InputError, match=r"unknown: something\.else"):
        weights_from_published(published | {"something.else": torch.zeros(3)})


def test_missing_tensor_is_named(published: dict[str, Tensor]) -> None:
    less = {name: tensor for name, tensor in published.items() if name != "fusion_dnn.bias"}
    with pytest.raises(InputError, match=r"missing: fusion\.bias"):
        weights_from_published(less)


def test_other_shape_is_named(published: dict[str, Tensor]) -> None:
    other = published | {"mil_attn_w.weight": torch.zeros(1, 512)}
    with pytest.raises(InputError, match=r"another shape: attention\.w\.weight"):
        weights_from_published(other)
    with pytest.raises(InputError, match="another shape"):
        weights_from_published(published, replace(PRESETS["paper"], attention=64))


def test_local_network_has_the_names_of_torchvision() -> None:
    from cadkit_gmic.resnet import ResNet18

    with torch.device("meta"):
        ours, theirs = ResNet18().state_dict(), resnet18().state_dict()
    shapes = {name: tensor.shape for name, tensor in theirs.items() if not name.startswith("fc.")}
    assert {name: tensor.shape for name, tensor in ours.items()} == shapes
