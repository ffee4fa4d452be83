"""A U-Net of about a million weights that is quick on a processor with bfloat16 matrix units.

The image is folded 2x2 into four channels first, so that no convolution runs at full resolution and yet no pixel is
averaged away: a calcification is one pixel wide here. Maps come out at a quarter of the resolution.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

# A map's cell is STRIDE x STRIDE pixels; images' sides are multiples of UNIT.
STRIDE = 4
UNIT = 16
# Of a standard normal variable that a ReLU has cut, divided into 1: its standard deviation is 0.584.
RELU_GAIN = 1.7139
CLASSES = ("nothing", "benign", "malignant")


class Convolution(nn.Conv2d):
    """A 3x3 convolution whose weights are standardised, then ReLU.

    Brock, De and Smith 2021 (Characterizing signal propagation to close the performance gap in unnormalized
    ResNets): standardised weights scaled by the gain of ReLU keep the variance. A batch norm would take a third of the
    time of a training step on a processor.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride, padding=1)
        self.gain = nn.Parameter(torch.ones(outputs, 1, 1, 1))
        nn.init.zeros_(self.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        deviation, mean = torch.std_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        scale = self.gain * (RELU_GAIN / math.sqrt(self.weight[0].numel())) / (deviation + 1e-4)
        return functional.relu_(self._conv_forward(x, (self.weight - mean) * scale, self.bias))


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(Convolution(width, width), Convolution(width, width))
        self.share = nn.Parameter(torch.tensor(0.3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.share * self.inner(x)


class Network(nn.Module):
    """From images to maps of logits.

    Args:
        widths: channels at a half, a quarter, an eighth and a sixteenth of the resolution.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (32, 64, 96, 128)) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = widths
        self.stem = nn.Sequential(Convolution(4, half), Convolution(half, half))
        self.quarter = nn.Sequential(Convolution(half, quarter, 2), Block(quarter))
        self.eighth = nn.Sequential(Convolution(quarter, eighth, 2), Block(eighth))
        self.sixteenth = nn.Sequential(Convolution(eighth, sixteenth, 2), Block(sixteenth), Block(sixteenth))
        self.raise_eighth = nn.Conv2d(sixteenth, eighth, 1)
        self.to_eighth = Convolution(eighth, eighth)
        self.raise_quarter = nn.Conv2d(eighth, quarter, 1)
        self.to_quarter = Convolution(quarter, quarter)
        self.head = nn.Conv2d(quarter, len(CLASSES), 1)
        # Lesions are rare: without this the first steps are spent on learning so.
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([2.0, -1.0, -1.0]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """n x 1 x rows x columns (0 to 1) to n x 3 x rows/4 x columns/4 logits of `CLASSES`."""
        folded = functional.pixel_unshuffle((images - 0.3) * 4, 2)
        quarter = self.quarter(self.stem(folded.contiguous(memory_format=torch.channels_last)))
        eighth = self.eighth(quarter)
        deep = functional.interpolate(self.raise_eighth(self.sixteenth(eighth)), scale_factor=2)
        deep = self.to_eighth(deep + eighth)
        deep = functional.interpolate(self.raise_quarter(deep), scale_factor=2)
        maps = self.to_quarter(deep + quarter)
        # With the eight bits of bfloat16 many scores would tie.
        with torch.autocast("cpu", enabled=False):
            return self.head(maps.float())


def evidence(logits: torch.Tensor) -> torch.Tensor:
    """Maps of log-odds, n x 3: of malignant, of benign and of any lesion, each against everything else."""
    nothing, benign, malignant = logits.float().unbind(1)
    return torch.stack(
        [
            malignant - torch.logaddexp(nothing, benign),
            benign - torch.logaddexp(nothing, malignant),
            torch.logaddexp(malignant, benign) - nothing,
        ],
        dim=1,
    )


def top_mean(maps: torch.Tensor, cells: int) -> torch.Tensor:
    """Mean of the highest cells of each map: n x c x rows x columns to n x c."""
    flat = maps.flatten(2)
    return flat.topk(min(cells, flat.shape[2]), dim=2).values.mean(2)
