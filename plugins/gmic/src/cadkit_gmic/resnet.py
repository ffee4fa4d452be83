"""The two residual networks of GMIC: a narrow one for the whole image, a wide one for patches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import BasicBlock


class PreActivationBlock(nn.Module):
    """Residual block with normalisation and ReLU ahead of its convolutions (He et al. 2016b).

    The first block of a layer (`projects`) has a 1x1 convolution of the activated input as its shortcut;
    any other adds the raw input. The first 3x3 convolution carries the stride.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, projects: bool) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if projects else None

    def forward(self, x: Tensor) -> Tensor:
        activated = functional.relu(self.bn1(x), inplace=True)
        shortcut = x if self.shortcut is None else self.shortcut(activated)
        inner: Tensor = self.conv2(functional.relu(self.bn2(self.conv1(activated)), inplace=True))
        return inner + shortcut


class ResNet22(nn.Module):
    """The global network of GMIC (Shen et al. 2021, fig. 2; Wu et al. 2019): five layers of residual blocks.

    Args:
        channels: channels of the input.
        widths: channels of the five layers.
        strides: strides of the five layers; the total stride is four times their product.
        blocks: in each layer; two in ResNet-22.

    From a random start every residual branch is zero (Goyal et al. 2017), so that a cell sees little more than
    its own pixels at first. With image labels alone nothing tells a network where in its map to answer: where
    the receptive field is wide against the image, as in the scaled-down presets, a usual random start often
    settles on cells some way off the lesion, at no cost to the score but at that of the patches.

    Takes N x channels x H x W, gives N x widths[-1] x h x w, not negative.
    """

    def __init__(self, channels: int, widths: Sequence[int], strides: Sequence[int], blocks: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, widths[0], 7, stride=2, padding=3, bias=False)
        layers, inputs = [], widths[0]
        for width, stride in zip(widths, strides, strict=True):
            rest = (PreActivationBlock(width, width, 1, projects=False) for _ in range(blocks - 1))
            layers.append(nn.Sequential(PreActivationBlock(inputs, width, stride, projects=True), *rest))
            inputs = width
        self.layers = nn.Sequential(*layers)
        self.bn = nn.BatchNorm2d(inputs)
        start_convolutions(self)
        for module in self.modules():
            if isinstance(module, PreActivationBlock):
                nn.init.zeros_(module.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.conv1(x), 3, stride=2)
        return functional.relu(self.bn(self.layers(x)), inplace=True)


class ResNet18(nn.Module):
    """The local network of GMIC: torchvision's ResNet-18 without its last layer, of any width and stride.

    At the default widths and strides its parameters are those of `torchvision.models.resnet18`, by name too.

    Args:
        widths: channels of the four layers.
        strides: strides of the four layers; the total stride is four times their product.

    Takes N x 3 x h x w, gives N x widths[-1], the mean over the feature map.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512), strides: Sequence[int] = (1, 2, 2, 2)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inputs = (widths[0], *widths[:3])
        numbers = list(zip(inputs, widths, strides, strict=True))
        self.layer1, self.layer2, self.layer3, self.layer4 = (_local_layer(*number) for number in numbers)
        start_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = functional.max_pool2d(x, 3, stride=2, padding=1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return torch.mean(x, dim=(2, 3))


def _local_layer(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    downsample = None
    if stride != 1 or inputs != outputs:
        downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    return nn.Sequential(BasicBlock(inputs, outputs, stride, downsample), BasicBlock(outputs, outputs))


def start_convolutions(network: nn.Module) -> None:
    """Draw the weights of all convolutions as torchvision's residual networks do (He et al. 2015, fan out)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
