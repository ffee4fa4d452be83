"""torchvision's Faster R-CNN on a feature pyramid, with the poster's thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FrozenBatchNorm2d

from cadkit_faster_rcnn.config import FasterRcnnConfig

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LAYERS = ("layer4", "layer3", "layer2", "layer1", "conv1")
_STRIDE = 32
_ROI_CELLS = 7 * 7


def detector(config: FasterRcnnConfig) -> FasterRCNN:
    """Faster R-CNN with RoIAlign and random weights.

    Takes images, N x 1 x H x W in 0..1; in training also a target per image: `boxes` in pixels, n x 4, none
    empty, and `labels` from 1 on. Gives losses in training, else the detections of each image.
    """
    backbone = pyramid(config)
    network = FasterRCNN(
        backbone,
        rpn_anchor_generator=AnchorGenerator(
            tuple((side,) for side in config.anchors), ((0.5, 1.0, 2.0),) * len(config.anchors)
        ),
        rpn_pre_nms_top_n_train=config.proposals,
        rpn_pre_nms_top_n_test=config.proposals,
        rpn_post_nms_top_n_train=config.proposals,
        rpn_post_nms_top_n_test=config.proposals,
        rpn_fg_iou_thresh=config.rpn_iou,
        rpn_batch_size_per_image=config.anchor_samples,
        box_head=TwoMLPHead(backbone.out_channels * _ROI_CELLS, config.head_width),
        box_predictor=FastRCNNPredictor(config.head_width, len(config.labels) + 1),
        box_score_thresh=config.min_score,
        box_nms_thresh=config.nms_iou,
        box_detections_per_img=config.detections,
        box_batch_size_per_image=config.region_samples,
    )
    network.transform = Grey()
    # Anchors and boxes take the type of the features: with 8 bits a coordinate of 2000 is known to 8 pixels.
    for part in (backbone, network.rpn.head, network.roi_heads.box_predictor):
        part.register_forward_hook(_in_single_precision)
    return network.to(memory_format=torch.channels_last)


def pyramid(config: FasterRcnnConfig) -> BackboneWithFPN:
    """A ResNet with its feature pyramid, strides 4 to 64; all but the last `trainable_layers` do not learn."""
    norm = FrozenBatchNorm2d if config.norm == "frozen" else partial(nn.GroupNorm, 32)
    if config.backbone == "resnet10":
        body = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], norm_layer=norm)
    else:
        body = getattr(resnet, config.backbone)(norm_layer=norm)
    learning = _LAYERS[: config.trainable_layers] + (("bn1",) if config.trainable_layers == len(_LAYERS) else ())
    for name, parameter in body.named_parameters():
        parameter.requires_grad_(name.startswith(learning))
    widths = [body.inplanes // 8 * factor for factor in (1, 2, 4, 8)]
    levels = {f"layer{number + 1}": str(number) for number in range(4)}
    return BackboneWithFPN(body, levels, widths, config.fpn_channels)


class Grey(nn.Module):
    """In place of torchvision's transform: grey to three channels with ImageNet's mean and deviation.

    The library has already made images of one size, so nothing is resized; background is added below and to the
    right until the sides are multiples of 32.
    """

    def __init__(self) -> None:
        super().__init__()
        for name, values in zip(("mean", "deviation"), _IMAGENET, strict=True):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor, targets: Any = None) -> tuple[ImageList, Any]:
        """The images as torchvision's parts take them; targets as they are."""
        rows, columns = images.shape[-2:]
        padded = functional.pad(images, (0, -columns % _STRIDE, 0, -rows % _STRIDE))
        three = ((padded - self.mean) / self.deviation).contiguous(memory_format=torch.channels_last)
        return ImageList(three, [(rows, columns)] * len(images)), targets

    def postprocess(self, found: Any, sizes: Any, original_sizes: Any) -> Any:
        """Detections are in pixels of the images that came in."""
        return found


def _in_single_precision(module: nn.Module, given: Any, out: Any) -> Any:
    if isinstance(out, Tensor):
        return out.float()
    if isinstance(out, Mapping):
        return {name: value.float() for name, value in out.items()}
    return tuple(_in_single_precision(module, given, value) for value in out)
