"""Faster R-CNN as a plugin: settings, what an epoch is made of, frames, weights, training and resuming."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.plugin import Run
from cadkit.plugin.pooling import pool_exam
from cadkit.testing import parametrize_checks
from cadkit.testing.pytest_checks import RunCheck
from cadkit.training.findings import findings_in
from cadkit.training.starting import start_from
from cadkit_faster_rcnn import FasterRcnn, FasterRcnnConfig
from cadkit_faster_rcnn.plugin import scaled

Small = Callable[..., FasterRcnnConfig]
NewRun = Callable[[FasterRcnnConfig], Run]


@parametrize_checks(FasterRcnn)
def test_it_keeps_the_contract(check: RunCheck) -> None:
    check()


def on_cpu(config: FasterRcnnConfig) -> FasterRcnn:
    model = FasterRcnn(config)
    model.device = "cpu"
    return model


def without_findings(data: Dataset) -> Dataset:
    tables = {**data.tables, "findings": data.tables["findings"].clear()}
    return Dataset(data.folder, data.meta, tables, data.fingerprint, pixel_source=data.pixel_source)


def test_the_defaults_are_the_posters() -> None:
    config = FasterRcnnConfig()
    assert (config.rpn_iou, config.nms_iou, config.min_score) == (0.5, 0.1, 0.001)
    assert (config.negatives, config.box_scaling, config.batch) == (True, 0.0, 4)
    assert config.oversample > 0
    assert config.labels == ("benign", "malignant")
    assert FasterRcnnConfig.make("paper") == config
    assert FasterRcnnConfig.make("box_scaling").box_scaling == 0.2
    assert FasterRcnn.info.pooling[0] == "mean"


@pytest.mark.parametrize(
    ("preset", "backbone", "window"),
    [
        ("paper", "resnext101_32x8d", (2100, 1300)),
        ("paper_resnet101", "resnet101", (2700, 1700)),
        ("paper_resnet50", "resnet50", (3000, 2200)),
        ("small", "resnet50", (800, 608)),
    ],
)
def test_backbones_and_resolutions_of_the_presets(preset: str, backbone: str, window: tuple[int, int]) -> None:
    config = FasterRcnnConfig.make(preset)
    assert (config.backbone, config.window) == (backbone, window)
    assert config.init_from == (f"torchvision:{backbone}",)
    assert config.noise == round(100 * window[0] / 2944)  # Wu et al.'s, in proportion


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"norm": "frozen"}, "norm=frozen needs weights to start from"),
        ({"trainable_layers": 3}, "a random start needs trainable_layers=5"),
        ({"rpn_iou": 0.2}, "rpn_iou: .*greater than or equal to 0.3"),
        ({"box_scaling": 1.0}, "box_scaling: .*less than 1"),
        ({"oversample": 1.5}, "oversample: "),
        ({"anchors": [8, 16]}, "anchors.2: "),
        ({"backbone": "vgg"}, "backbone: "),
        ({"nms": 0.3}, "nms: there is no such key; did you mean"),
    ],
)
def test_settings_out_of_range_are_named(values: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        FasterRcnnConfig.make("tiny", values)


def test_scaled_boxes_keep_their_centres() -> None:
    torch.manual_seed(0)
    boxes = torch.tensor([[10.0, 20, 30, 60]]).repeat(500, 1)
    other = scaled(boxes, 0.2)
    torch.testing.assert_close(other[:, :2] + other[:, 2:], torch.tensor([[40.0, 80.0]]).repeat(500, 1))
    width, height = (other[:, 2:] - other[:, :2]).unbind(1)
    torch.testing.assert_close(height, 2 * width)
    assert 16 <= width.min() < 16.5
    assert 23.5 < width.max() <= 24
    assert scaled(boxes, 0) is boxes


def test_an_epoch_oversamples_annotated_images(data: Dataset, small: Small) -> None:
    train = data.split("train")
    boxed = {row["image_id"] for row in train.tables["findings"].iter_rows(named=True)}
    both = {image.id for image in train.images}
    assert 0 < len(boxed) < len(both)

    def epoch(seed: int = 0, **values: object) -> list[str]:
        return [unit.id for unit, _ in FasterRcnn(small(**values)).epoch(train, np.random.default_rng(seed))]

    drawn = epoch(oversample=0.8)
    assert boxed < set(drawn)
    assert len(drawn) - len(boxed) == round(len(boxed) / 4)
    assert set(drawn) != set(epoch(oversample=0.8, seed=1))  # other negatives
    assert sorted(epoch(oversample=0.0)) == sorted(both)
    assert sorted(epoch(oversample=0.1)) == sorted(both)  # there are no more than all negatives
    assert sorted(epoch(negatives=False)) == sorted(boxed)


def test_a_dataset_without_boxes_trains_nothing(data: Dataset, small: Small, new_run: NewRun) -> None:
    config = small()
    with pytest.raises(InputError, match="learns from boxes of benign, malignant; the training split has none"):
        on_cpu(config).train(without_findings(data), new_run(config))


class Stub(nn.Module):
    """Finds the same box with a score of 0.7 in every image, and nothing more."""

    def __init__(self, box: Tensor, label: int) -> None:
        super().__init__()
        self.box, self.label = box, label

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        one = {"boxes": self.box[None], "scores": torch.tensor([0.7]), "labels": torch.tensor([self.label])}
        return [one] * len(images)


def test_a_box_of_the_network_lies_where_the_finding_is(data: Dataset, small: Small) -> None:
    """A finding's box in crop pixels, given back as a detection, is the finding's box in prepared pixels."""
    config = small(scale=2.5)
    model = on_cpu(config)
    image = next(i for i in data.images if len(i.findings) == 1 and i.exam.columns["split"] == "train")
    found, _ = findings_in(model.crops(image, None, None)["image"], model.info)
    model._network = Stub(found.boxes[0], int(found.labels[0]) + 1)
    (answer,) = model.predict([image.exam])
    given = answer.images[image.id]
    (finding,) = image.findings
    assert given.marks.boxes[0].tolist() == pytest.approx(finding.box, abs=1e-3)
    label = model.info.labels[given.marks.labels[0]]
    assert label == finding.label
    others = {"benign": "malignant", "malignant": "benign"}
    assert given.scores == pytest.approx({label: 0.7, others[label]: 0.0})


def test_an_image_without_a_box_scores_0_and_a_breast_the_mean_over_views(data: Dataset, small: Small) -> None:
    class OnlyFirst(Stub):
        asked = 0

        def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
            self.asked += 1
            (one,) = super().forward(images)
            return [one if self.asked == 1 else {name: value[:0] for name, value in one.items()}]

    model = on_cpu(small(scale=2.5, batch=1))
    exam = data.view(access="prediction").exams[0]
    model._network = OnlyFirst(torch.tensor([1.0, 2, 3, 4]), 2)
    (answer,) = model.predict([exam])
    first, *others = (answer.images[image.id] for image in exam.images)
    assert first.scores == pytest.approx({"benign": 0.0, "malignant": 0.7})
    for given in others:
        assert given.scores == {"benign": 0.0, "malignant": 0.0}
        assert len(given.marks) == 0
    pooled = pool_exam(exam, answer, model.info)
    assert pooled.breasts[exam.images[0].side]["malignant"] == pytest.approx(0.35)


def test_it_trains_and_its_scores_are_those_of_its_boxes(data: Dataset, small: Small, new_run: NewRun) -> None:
    config = small(min_score=0.0)
    run, model = new_run(config), on_cpu(config)
    model.train(data, run)
    row = run.history()[0]
    parts = [float(row[f"loss.{name}"]) for name in ("classifier", "box_reg", "objectness", "rpn_box_reg")]
    assert float(row["loss"]) == pytest.approx(sum(parts))
    exam = data.view(access="prediction").exams[0]
    (answer,) = model.predict([exam])
    for image in exam.images:
        given = answer.images[image.id]
        assert 0 < len(given.marks) <= config.detections
        for number, label in enumerate(model.info.labels):
            mine = given.marks.scores[given.marks.labels == number]
            assert given.scores[label] == pytest.approx(mine.max(initial=0.0))


def test_a_training_that_was_stopped_gives_the_same_bits(data: Dataset, small: Small, new_run: NewRun) -> None:
    config = small(epochs=2, box_scaling=0.2)
    ids = [exam.id for exam in data.split("train").exams if any(image.findings for image in exam.images)]
    data = data.view(ids[:2])
    whole, parts = new_run(config), new_run(config)
    on_cpu(config).train(data, whole)

    class Stopped(FasterRcnn):
        steps = 0

        def losses(self, network: nn.Module, batch: object) -> dict[str, Tensor]:
            Stopped.steps += 1
            if Stopped.steps == 4:
                raise KeyboardInterrupt
            return super().losses(network, batch)

    stopped = Stopped(config)
    stopped.device = "cpu"
    with pytest.raises(KeyboardInterrupt):
        stopped.train(data, parts)
    on_cpu(config).train(data, parts)
    one, other = (load_file(run.weights / "last.safetensors") for run in (whole, parts))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_classifiers_weights_become_the_backbone(
    data: Dataset, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.models import resnet18

    torch.manual_seed(3)
    classifier = resnet18().state_dict()
    (tmp_path / "checkpoints").mkdir()
    torch.save(classifier, tmp_path / "checkpoints" / "resnet18-f37072fd.pth")
    save_file(classifier, tmp_path / "resnet18.safetensors")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    for source in ("torchvision:resnet18", str(tmp_path / "resnet18.safetensors")):
        config = small(norm="frozen", trainable_layers=3, init_from=[source])
        model = on_cpu(config)
        network = model.network()
        line, _ = start_from(model, network, source, data)
        own = network.state_dict()
        body = [name for name in own if name.startswith("backbone.body.")]
        for name in body:
            assert torch.equal(own[name], classifier[name.removeprefix("backbone.body.")]), name
        assert f"{len(own) - len(body)} of {len(own)} tensors stay random: backbone.fpn" in line


def test_findings_of_an_unknown_label_are_told(data: Dataset, small: Small, new_run: NewRun) -> None:
    findings = data.tables["findings"].with_columns(
        label=pl.when(pl.col("label") == "benign").then(pl.lit("cyst")).otherwise("label")
    )
    tables = {**data.tables, "findings": findings}
    changed = Dataset(data.folder, data.meta, tables, data.fingerprint, pixel_source=data.pixel_source)
    count = sum(finding.label == "cyst" for finding in changed.split("train").findings)
    assert count > 0
    config = small()
    run = new_run(config)
    on_cpu(config).train(changed, run)
    assert f"findings of the label cyst are not used ({count})" in (run.folder / "train.log").read_text()
