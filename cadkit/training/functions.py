"""Small functions of tensors that plugins share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def standardize(x: Tensor) -> Tensor:
    """Each channel of each image minus its mean, over max(its standard deviation, 1e-5).

    The standard deviation is the population's, over the whole window with its padding, as in Wu et al.'s
    code (docs/formats.md, "Windows").

    Args:
        x: N x channels x H x W.

    Returns:
        The same shape, float32.
    """
    x = x.float()
    centred = x - x.mean((2, 3), keepdim=True)
    deviation = centred.square().mean((2, 3), keepdim=True).sqrt()
    return centred / deviation.clamp(min=1e-5)


def bce(scores: Tensor, targets: Tensor, *, logits: bool = False) -> Tensor:
    """Binary cross-entropy in float32: summed over the labels, averaged over the batch.

    Args:
        scores: N x labels, probabilities, or log odds with `logits`.
        targets: N x labels of 0 and 1; NaN where the label is unknown, which then adds nothing.
        logits: whether `scores` are log odds.

    Returns:
        A scalar.
    """
    with torch.autocast(scores.device.type, enabled=False):
        known = ~torch.isnan(targets)
        truth = torch.where(known, targets, 0.0).float()
        if logits:
            each = functional.binary_cross_entropy_with_logits(scores.float(), truth, reduction="none")
        else:
            each = functional.binary_cross_entropy(scores.float(), truth, reduction="none")
        return torch.where(known, each, 0.0).sum(1).mean()
