"""The detector: its size, the poster's thresholds in torchvision's parts, and numbers that stay exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cadkit_faster_rcnn import FasterRcnnConfig
from cadkit_faster_rcnn.network import Grey, detector

Small = Callable[..., FasterRcnnConfig]
NOTHING = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}


def numbers(preset: str) -> int:
    """Weights of a preset with those of its frozen normalisations, which are buffers."""
    with torch.device("meta"):
        network = detector(FasterRcnnConfig.make(preset))
    return sum(tensor.numel() for tensor in network.state_dict().values())


def test_sizes_of_the_three_backbones() -> None:
    # torchvision states 41,755,286 parameters for ResNet-50 and 91 classes; each class has a weight for its score
    # and four for its box, 1024 times and a bias. It counts no frozen statistics: 4 of each of 26,560 channels.
    assert numbers("paper_resnet50") == 41_755_286 - (91 - 3) * 5 * 1025 + 4 * 26_560
    # ResNeXt-101 32x8d: about 104.8 million.
    assert numbers("paper") == pytest.approx(104.8e6, rel=5e-4)
    # torchvision's classifiers have 44,549,160 and 25,557,032 parameters, two for each channel of a normalisation;
    # a frozen one holds four, and ResNet-101 has 17 blocks of 256 + 256 + 1024 channels more.
    assert numbers("paper_resnet101") - numbers("paper_resnet50") == 44_549_160 - 25_557_032 + 2 * 17 * 1536


@pytest.mark.parametrize(("rpn_iou", "label"), [(0.5, 1.0), (0.7, -1.0)])
def test_an_anchor_of_overlap_0_6_is_a_finding_by_the_posters_threshold_alone(
    small: Small, rpn_iou: float, label: float
) -> None:
    # 10x10 and 10x6 of it: overlap 60 of 100. The first anchor is the best and so always a finding.
    anchors = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 6], [0, 0, 10, 2]])
    targets = [{"boxes": torch.tensor([[0.0, 0, 10, 10]]), "labels": torch.tensor([1])}]
    labels, _ = detector(small(rpn_iou=rpn_iou)).rpn.assign_targets_to_anchors([anchors], targets)
    assert labels[0].tolist() == [1.0, label, 0.0]


@pytest.mark.parametrize(
    ("values", "left"),
    [
        ({}, [0.6, 0.01]),  # two boxes of overlap 0.2 are one finding; a score of 0.01 counts
        ({"nms_iou": 0.5}, [0.6, 0.4, 0.01]),
        ({"min_score": 0.05}, [0.6]),
        ({"detections": 1}, [0.6]),
    ],
)
def test_detections_that_stay(small: Small, values: dict[str, float], left: list[float]) -> None:
    heads = detector(small(**values)).roi_heads
    # 10x10 and 10x10 moved by 20/3: overlap (10/3) / (50/3) = 0.2.
    proposals = torch.tensor([[0.0, 0, 10, 10], [20 / 3, 0, 50 / 3, 10], [30, 30, 40, 40]])
    scores = torch.tensor([[0.4, 0.6, 0.0], [0.6, 0.4, 0.0], [0.99, 0.01, 0.0]])
    _, found, labels = heads.postprocess_detections(scores.log(), torch.zeros(3, 12), [proposals], [(50, 50)])
    assert found[0].tolist() == pytest.approx(left, abs=1e-6)
    assert set(labels[0].tolist()) == {1}


def test_images_without_boxes_teach_both_stages(small: Small) -> None:
    torch.manual_seed(0)
    network = detector(small()).train()
    losses = network(torch.rand(2, 1, 96, 64), [NOTHING, NOTHING])
    assert all(loss.isfinite() for loss in losses.values())
    assert losses["loss_objectness"] > 0
    assert losses["loss_classifier"] > 0
    assert losses["loss_box_reg"] == losses["loss_rpn_box_reg"] == 0
    sum(losses.values()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    for learnt in (network.rpn.head.cls_logits, network.roi_heads.box_predictor.cls_score):
        assert learnt.weight.grad.abs().sum() > 0


def test_what_is_found_does_not_depend_on_the_batch_and_lies_in_the_picture(small: Small) -> None:
    torch.manual_seed(0)
    network = detector(small(min_score=0.0)).eval()
    images = torch.rand(3, 1, 90, 70)  # no multiples of 32
    with torch.no_grad():
        together, single = network(images), [network(image[None])[0] for image in images]
    for one, other in zip(together, single, strict=True):
        assert len(one["scores"]) > 0
        torch.testing.assert_close(one["scores"], other["scores"], atol=1e-5, rtol=0)
        assert one["boxes"].min() >= 0
        assert one["boxes"][:, 2].max() <= 70
        assert one["boxes"][:, 3].max() <= 90


def test_grey_becomes_imagenets_three_channels() -> None:
    grey = Grey()
    images, _ = grey(torch.full((2, 1, 30, 40), 0.485))
    assert images.tensors.shape == (2, 3, 32, 64)
    assert images.image_sizes == [(30, 40)] * 2
    # (0.485 - mean) / deviation of red, green and blue: 0, 0.029 / 0.224, 0.079 / 0.225
    assert images.tensors[1, :, 29, 39].tolist() == pytest.approx([0, 0.129464, 0.351111], abs=1e-5)
    # what is added is background like that of the picture: -mean / deviation
    assert images.tensors[1, :, 30, 40].tolist() == pytest.approx([-2.117904, -2.035714, -1.804444], abs=1e-5)


def test_boxes_stay_exact_under_bf16(small: Small) -> None:
    """With 8 bits a coordinate of 600 would be known to 4 pixels."""
    torch.manual_seed(0)
    network = detector(small()).eval()
    for part in (network.rpn.head.bbox_pred, network.roi_heads.box_predictor.bbox_pred):
        nn.init.zeros_(part.weight)
    seen: list[Tensor] = []

    def keep(module: nn.Module, given: Any, out: Any) -> None:
        seen.append(out[0])

    network.rpn.anchor_generator.register_forward_hook(keep)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(torch.rand(1, 1, 64, 640))
    assert seen[0].dtype == found[0]["boxes"].dtype == found[0]["scores"].dtype == torch.float32
    # An anchor moves by the stride, 4: all of a kind have the same width, also far right.
    square = seen[0][: 16 * 160 * 3].view(16, 160, 3, 4)[:, :, 1]
    assert (square[..., 2] - square[..., 0]).unique().tolist() == [4.0]


def test_frozen_layers_do_not_learn_and_a_random_start_learns_everywhere(small: Small) -> None:
    assert all(parameter.requires_grad for parameter in detector(small()).parameters())
    frozen = small(norm="frozen", trainable_layers=1, init_from=["weights"])
    learns = {name: p.requires_grad for name, p in detector(frozen).named_parameters()}
    assert not any(learns[name] for name in learns if name.startswith(("backbone.body.conv1", "backbone.body.layer3")))
    assert all(learns[name] for name in learns if not name.startswith("backbone.body") or "layer4" in name)
