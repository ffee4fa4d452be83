"""The loss of GMIC (Shen et al. 2021, section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from cadkit_gmic.network import GmicOutput


def gmic_losses(output: GmicOutput, labels: Tensor, beta: float) -> dict[str, Tensor]:
    """The terms of eq. 13, each a mean over the images of the batch; their sum is what training minimises.

    The binary cross-entropies are taken from log odds in float32, which equals eq. 13 on the probabilities but
    neither overflows nor loses its gradient where they round to 0 or 1.

    Args:
        output: of the network.
        labels: N x labels of 0 and 1; NaN where a label is unknown, which then adds nothing.
        beta: weight of the L1 norm of the saliency maps (eq. 12).

    Returns:
        Scalars: `fusion`, `global` and `local`, cross-entropies summed over the labels; `sparse`, beta times
        the sum over all maps of an image.
    """
    known = ~torch.isnan(labels)
    truth = torch.where(known, labels, 0.0).float()
    terms = {}
    for name, logits in output.logits.items():
        each = functional.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
        terms[name] = torch.where(known, each, 0.0).sum(1).mean()
    terms["sparse"] = beta * output.saliency.float().abs().sum((1, 2, 3)).mean()
    return terms
