"""GMIC as a plugin: its settings, what it reads and learns from, and a training on simulated exams."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import cadkit
from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.metrics.roc import auc
from cadkit.phantom import make_phantom
from cadkit.plugin import Run
from cadkit.plugin.pooling import pool_exam
from cadkit.prepare import open_dataset, prepare
from cadkit.testing import parametrize_checks
from cadkit.testing.pytest_checks import RunCheck
from cadkit_gmic import Gmic, GmicConfig
from cadkit_gmic.architecture import PRESETS, Architecture

torch.set_num_threads(1)  # tests run side by side


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight exams with clearly visible lesions, all of them in the training split."""
    folder = tmp_path_factory.mktemp("phantom") / "data"
    make_phantom(folder, exams=8, size=(320, 256), seed=4, difficulty="easy", workers=1, quiet=True)
    exams = pl.read_csv(folder / "exams.csv", infer_schema=False).with_columns(split=pl.lit("train"))
    exams.write_csv(folder / "exams.csv")
    prepare(folder, workers=1, quiet=True)
    return folder


@pytest.fixture(scope="module")
def data(phantom: Path) -> Dataset:
    return open_dataset(phantom)


@parametrize_checks(Gmic)
def test_it_keeps_the_contract(check: RunCheck) -> None:
    check()


def run_in(folder: Path, config: GmicConfig) -> Run:
    return Run.create(folder, "gmic", config, {"plugin": "gmic", "seed": 1, "labels": list(config.labels)})


def test_the_defaults_and_the_paper_preset_are_the_papers() -> None:
    paper = GmicConfig.make("paper")
    assert paper.architecture == Architecture() == GmicConfig().architecture
    assert (paper.window, paper.scale, paper.noise, paper.tta, paper.epochs) == ((2944, 1920), 1.0, 100.0, 10, 50)
    assert GmicConfig().noise == 100


@pytest.mark.parametrize("name", ["small", "tiny"])
def test_smaller_presets_scale_everything_together(name: str) -> None:
    config = GmicConfig.make(name)
    assert config.architecture == PRESETS[name]
    assert config.noise == round(100 * config.window[0] / 2944)
    assert config.scale == 0
    assert 0 < config.tta < 10
    rows, columns = config.architecture.map_size()
    assert (rows, columns) >= (20, 13)
    assert round(rows * columns * config.top_t) >= 1


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"top_t": 0.0}, "top_t: .*greater than 0"),
        ({"beta": -1.0}, "beta: "),
        ({"labels": []}, "labels: "),
        ({"patch": [4000, 10]}, "does not fit a window"),
        ({"roi": 3}, "roi: there is no such key; did you mean rois"),
        ({"global_widths": [16, 32]}, "global_widths.2: "),
    ],
)
def test_settings_out_of_range_are_named(values: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        GmicConfig.make("tiny", values)


def test_labels_of_the_configuration_are_scored() -> None:
    model = Gmic(GmicConfig.make("tiny", {"labels": ["malignant"]}))
    assert model.info.labels == ("malignant",)
    assert model.network().saliency.out_channels == 1
    assert Gmic.info.labels == ("benign", "malignant")


def test_an_epoch_holds_all_exams_with_a_finding_and_as_many_without(data: Dataset) -> None:
    model = Gmic(GmicConfig.make("tiny"))
    found = {e.id for e in data.exams if e.truth("malignant") == 1 or e.truth("benign") == 1}
    without = {e.id for e in data.exams} - found
    drawn = {unit.exam.id for unit, _ in model.epoch(data, np.random.default_rng(0))}
    assert found
    assert without
    assert found <= drawn
    assert len(drawn - found) == min(len(found), len(without))


def test_published_weights_and_torchvisions_get_our_names(published: dict[str, torch.Tensor]) -> None:
    from torchvision.models import resnet18

    model = Gmic(GmicConfig.make("paper"))
    own = {name: tensor.shape for name, tensor in model.network().state_dict().items()}
    given = model.weights_from("file", published)
    assert {name: tensor.shape for name, tensor in given.items()} == own
    local = model.weights_from("torchvision:resnet18", resnet18().state_dict())
    ours = {name for name in own if name.startswith("local_network.")}
    assert {name for name in local if own.get(name) == local[name].shape} == ours
    assert model.weights_from("gmic", given) is given


def test_it_trains_and_predicts_places_inside_the_picture(data: Dataset, tmp_path: Path) -> None:
    config = GmicConfig.make("tiny", {"epochs": 1, "workers": 0})
    run = run_in(tmp_path, config)
    model = Gmic(config)
    model.device = "cpu"
    model.train(data, run)
    row = run.history()[0]
    parts = [float(row[f"loss.{name}"]) for name in ("fusion", "global", "local", "sparse")]
    assert float(row["loss"]) == pytest.approx(sum(parts))
    model.wants = frozenset({"saliency", "rois"})
    exam = data.view(access="prediction").exams[0]
    (answer,) = model.predict([exam])
    for image in exam.images:
        given = answer.images[image.id]
        assert set(given.extra) == {"global", "local"}
        assert given.saliency.values.shape == (2, 40, 26)
        assert given.rois.boxes.shape == (6, 4)
        assert given.rois.scores.sum() == pytest.approx(1, abs=1e-5)
        x0, y0, x1, y1 = given.saliency.window
        assert (x1 - x0, y1 - y0) == (208, 320)
        assert (given.rois.boxes[:, 0] >= x0).all()
        assert (given.rois.boxes[:, 3] <= y1).all()


def test_an_evaluation_says_how_many_findings_the_patches_cover(phantom: Path, tmp_path: Path) -> None:
    run = cadkit.train("gmic", phantom, preset="tiny", runs=tmp_path / "runs", device="cpu", epochs=1, workers=0)
    made = cadkit.predict(run, phantom, split="train", out=tmp_path / "P", device="cpu", saliency=True)
    report = cadkit.evaluate(made, data=phantom, out=tmp_path / "R", localization=True, bootstrap=20)
    boxes = {row["image_id"]: [] for row in made.rois().iter_rows(named=True)}
    for row in made.rois().iter_rows(named=True):
        boxes[row["image_id"]].append([row[name] for name in ("x0", "y0", "x1", "y1")])
    data = open_dataset(phantom)
    covered = []
    for image in (image for exam in data.exams for image in exam.images):
        shape = int(image.columns["rows"]), int(image.columns["columns"])
        for finding in (one for one in data.findings_of(image.id) if one.label == "malignant"):
            rows, columns = np.nonzero(finding.region.raster(shape))
            x, y = columns + 0.5, rows + 0.5
            inside = [(x >= a) & (y >= b) & (x < c) & (y < d) for a, b, c, d in boxes[image.id]]
            covered.append(np.any(inside, axis=0).mean() >= 0.7)
    rows = report.table("results").filter(pl.col("metric") == "roi_coverage", pl.col("label") == "malignant")
    assert rows["value"].to_list() == [pytest.approx(np.mean(covered))]
    assert rows["positives"].to_list() == [len(covered)]


@pytest.mark.slow
def test_tiny_overfits_eight_exams(data: Dataset, tmp_path: Path) -> None:
    config = GmicConfig.make("tiny", {"epochs": 40, "lr": 1e-3, "workers": 0, "noise": 0.0, "tta": 0})
    model = Gmic(config)
    model.device = "cpu"
    model.train(data, run_in(tmp_path, config))
    exams = data.view(access="prediction").exams
    pooled = [pool_exam(e, a, model.info) for e, a in zip(exams, model.predict(exams), strict=True)]
    for label in model.info.labels:
        rows = [
            (e.breasts[s].truth(label), r[label])
            for e, p in zip(data.exams, pooled, strict=True)
            for s, r in p.breasts.items()
        ]
        assert auc([t for t, _ in rows], [s for _, s in rows]).value == 1.0


@pytest.mark.slow
def test_paper_takes_one_step_and_one_prediction_at_full_resolution(data: Dataset, tmp_path: Path) -> None:
    exam = next(e for e in data.exams if e.truth("malignant") == 1)
    one = data.view([exam.id])
    config = GmicConfig.make("paper", {"epochs": 1, "batch": 4, "tta": 0, "workers": 0})
    run = run_in(tmp_path, config)
    model = Gmic(config)
    model.device = "cpu"
    model.train(one, run)
    assert math.isfinite(float(run.history()[0]["loss"]))
    (answer,) = model.predict(one.view(access="prediction").exams)
    assert all(0 < given.scores["malignant"] < 1 for given in answer.images.values())
