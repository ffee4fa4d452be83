"""GMIC (Shen et al. 2021, section 2): a map of the whole image, a closer look at patches, and both together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cadkit_gmic.architecture import Architecture
from cadkit_gmic.resnet import ResNet18, ResNet22
from cadkit_gmic.roi import boxes_of, cut_patches, on_image, retrieve_roi, turn_patches, window_on_map


@dataclass(frozen=True)
class GmicOutput:
    """What the network says about N images, float32 unless stated.

    Attributes:
        scores: by `fusion` (the prediction), `global` and `local`: N x labels, probabilities (eqs. 11, 7, 10).
        logits: the same as log odds, for a loss that does not saturate.
        saliency: N x labels x h x w in 0..1; the map covers the image in equal cells (eq. 2).
        attention: N x K, sums to 1 over the patches of an image (eq. 8).
        positions: N x K x 2 integers, row and column of the upper left pixel of each patch.
        boxes: N x K x 4, x0 y0 x1 y1 of what each patch covers, in pixels of the input.
    """

    scores: dict[str, Tensor]
    logits: dict[str, Tensor]
    saliency: Tensor
    attention: Tensor
    positions: Tensor
    boxes: Tensor


def top_t_count(cells: int, top_t: float) -> int:
    """Number of cells that top-t% pooling averages: cells * t rounded half to even, at least one.

    The rounding is the published code's; at least one is our guard, for there a t that rounds to 0 gives NaN.
    """
    return min(cells, max(1, round(cells * top_t)))


def top_t_pooling(logits: Tensor, top_t: float) -> tuple[Tensor, Tensor]:
    """Mean of the largest t% of the probabilities of each map (eqs. 6 and 7).

    Args:
        logits: N x labels x h x w, the saliency map ahead of its sigmoid.
        top_t: share of the cells, in (0, 1].

    Returns:
        N x labels: the mean probability, and its log odds. The latter comes from the logarithms of the mean
        of p and of the mean of 1 - p, so that it stays exact where the probabilities round to 0 or 1.
    """
    cells = logits.flatten(2)
    top = cells.topk(top_t_count(cells.shape[2], top_t), dim=2, sorted=False).values
    odds = functional.logsigmoid(top).logsumexp(2) - functional.logsigmoid(-top).logsumexp(2)
    return torch.sigmoid(top).mean(2), odds


class GatedAttention(nn.Module):
    """Weighs the patches of an image against each other (eqs. 8 and 9; Ilse et al. 2018). No biases.

    The paper writes w in R^L, the product of eq. 8 needs M entries: w has M.

    Args:
        features: L, length of a patch's feature vector.
        hidden: M, entries of w.

    Takes N x K x L, gives the weights, N x K, and the weighted mean of the features, N x L.
    """

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.V = nn.Linear(features, hidden, bias=False)
        self.U = nn.Linear(features, hidden, bias=False)
        self.w = nn.Linear(hidden, 1, bias=False)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        gated = torch.tanh(self.V(features)) * torch.sigmoid(self.U(features))
        weights = self.w(gated).squeeze(2).softmax(1)
        return weights, (weights[:, :, None] * features).sum(1)


class GmicNetwork(nn.Module):
    """The whole network. Takes standardised images, N x channels x H x W of any size, breast on the left.

    In training mode patches are turned at random (section 3.1); in evaluation mode an image's answer does not
    depend on the others of its batch. Everything behind the two residual networks is computed in float32,
    under autocast as well: probabilities near 1 and the choice of patches need it.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        a, wide, local = architecture, architecture.global_widths[-1], architecture.local_widths[-1]
        self.global_network = ResNet22(a.channels, a.global_widths, a.global_strides, a.global_blocks)
        self.saliency = nn.Conv2d(wide, a.labels, 1, bias=a.prior is not None)
        if a.prior is not None and self.saliency.bias is not None:
            # Top-t% pooling teaches only the highest cells. Were they in the air at first, they would stay there.
            nn.init.constant_(self.saliency.bias, math.log(a.prior / (1 - a.prior)))
            self.saliency.weight.data.abs_()
        self.local_network = ResNet18(a.local_widths, a.local_strides)
        self.attention = GatedAttention(local, a.attention)
        self.local_classifier = nn.Linear(local, a.labels, bias=False)
        self.fusion = nn.Linear(wide + local, a.labels)

    def forward(self, image: Tensor) -> GmicOutput:
        a, image_size = self.architecture, (image.shape[2], image.shape[3])
        features = self.global_network(image)
        with torch.autocast(image.device.type, enabled=False):
            features = features.float()
            map_logits = self.saliency(features)
            saliency = torch.sigmoid(map_logits)
            pooled, pooled_logits = top_t_pooling(map_logits, a.top_t)
            map_size = (saliency.shape[2], saliency.shape[3])
            cells = retrieve_roi(saliency, window_on_map(a.patch, image_size, map_size), a.rois)
            positions = on_image(cells, map_size, image_size)
        looks = self._look(cut_patches(image[:, 0], positions, a.patch))
        with torch.autocast(image.device.type, enabled=False):
            attention, z = self.attention(looks.float())
            local_logits = self.local_classifier(z)
            fusion_logits = self.fusion(torch.cat([features.amax((2, 3)), z], 1))
        return GmicOutput(
            scores={
                "fusion": torch.sigmoid(fusion_logits),
                "global": pooled,
                "local": torch.sigmoid(local_logits),
            },
            logits={"fusion": fusion_logits, "global": pooled_logits, "local": local_logits},
            saliency=saliency,
            attention=attention,
            positions=positions,
            boxes=boxes_of(positions, a.patch, image_size),
        )

    def _look(self, patches: Tensor) -> Tensor:
        """Features of the patches, N x K x L; the local network takes the grey patch three times."""
        if self.training:
            patches = turn_patches(patches)
        three = patches.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)
        features: Tensor = self.local_network(three)
        return features.view(*patches.shape[:2], -1)
