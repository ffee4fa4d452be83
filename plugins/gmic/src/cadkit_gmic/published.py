"""Weights of the published GMIC models under the names used here."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cadkit.errors import InputError
from cadkit_gmic.architecture import Architecture
from cadkit_gmic.network import GmicNetwork

# Published prefix and ours. The blocks of either residual network keep their numbers.
PREFIXES = (
    ("ds_net.first_conv.", "global_network.conv1."),
    ("ds_net.layer_list.", "global_network.layers."),
    ("ds_net.final_bn.", "global_network.bn."),
    ("left_postprocess_net.gn_conv_last.", "saliency."),
    ("dn_resnet.", "local_network."),
    ("mil_attn_V.", "attention.V."),
    ("mil_attn_U.", "attention.U."),
    ("mil_attn_w.", "attention.w."),
    ("classifier_linear.", "local_classifier."),
    ("fusion_dnn.", "fusion."),
)
# In the published files, read by nothing (the authors load them with strict=False).
UNUSED = frozenset({"shared_rep_filter.weight"})


def our_name(published: str) -> str | None:
    """The name that a published tensor has here; None where it has none."""
    for theirs, ours in PREFIXES:
        if published.startswith(theirs):
            name = ours + published[len(theirs) :]
            if ours == "global_network.layers.":
                name = name.replace(".downsample.0.", ".shortcut.")
            return name
    return None


def weights_from_published(
    weights: Mapping[str, Tensor], architecture: Architecture | None = None, file: object = None
) -> dict[str, Tensor]:
    """A published state dict (nyukat/GMIC, sample_model_1 to 5) as one for `GmicNetwork`, complete.

    `shared_rep_filter.weight` is left out, and a missing `num_batches_tracked` is zero.

    Args:
        weights: tensors by published name.
        architecture: of the network that is to take them; default the paper's, which the published models have.
        file: named in error messages.

    Raises:
        InputError: a tensor is unknown, missing or of another shape.
    """
    with torch.device("meta"):
        expected = GmicNetwork(architecture or Architecture()).state_dict()
    found: dict[str, Tensor] = {}
    unknown = []
    for published, tensor in weights.items():
        name = our_name(published)
        if name in expected:
            found[name] = tensor
        elif published not in UNUSED:
            unknown.append(published)
    for name in expected:
        if name.endswith(".num_batches_tracked"):
            found.setdefault(name, torch.zeros((), dtype=torch.int64))
    missing = [name for name in expected if name not in found]
    misshapen = [name for name in found if found[name].shape != expected[name].shape]
    for what, names in (("unknown", unknown), ("missing", missing), ("of another shape", misshapen)):
        if names:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            raise InputError(
                f"these are not the weights of a published GMIC: {len(names)} tensor(s) {what}: "
                + ", ".join(names[:5])
                + more,
                file=file,
                mend="Give a file of nyukat/GMIC with a ResNet-22 global and a ResNet-18 local network.",
            )
    return {name: found[name] for name in expected}


def is_published(weights: Mapping[str, Tensor]) -> bool:
    """Whether tensors carry the names of a published GMIC."""
    return any(our_name(name) is not None for name in weights)
