"""The loop: what it learns, writes, keeps and refuses."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import cadkit.training as ct
from cadkit.data import Dataset, TruthHidden
from cadkit.errors import Failure, InputError
from cadkit.files import read_toml
from cadkit.plugin import ModelInfo, Run


def trained(tiny: ModuleType, folder: Path, data: Dataset, model_class: type[Any] | None = None, **values: Any) -> Run:
    settings = tiny.config(**values)
    run = tiny.run_in(folder, settings)
    model = (model_class or tiny.Tiny)(settings)
    model.device = "cpu"
    model.train(data, run)
    run.close()
    return run


def history(run: Run) -> list[dict[str, str]]:
    with (run.folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def altered(data: Dataset, table: str, *columns: pl.Expr) -> Dataset:
    tables = {**data.tables, table: data.tables[table].with_columns(*columns)}
    return Dataset(data.folder, data.meta, tables, data.fingerprint, pixel_source=data.pixel_source)


def test_it_learns_keeps_the_best_epoch_and_predicts(tiny: ModuleType, tmp_path: Path) -> None:
    data = tiny.dataset(24)
    run = trained(tiny, tmp_path, data, epochs=6)
    rows = history(run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    losses = [float(row["loss"]) for row in rows]
    assert losses[-1] < 0.7 * losses[0]
    for row in rows:
        assert float(row["loss"]) == pytest.approx(float(row["loss.bce"]) + float(row["loss.sparse"]))
        assert float(row["auc"]) == pytest.approx((float(row["auc.benign"]) + float(row["auc.malignant"])) / 2)
    assert max(float(row["auc"]) for row in rows) > 0.85
    model = tiny.Tiny(tiny.config())
    model.load(run)
    exams = data.split("validation").view(access="prediction").exams
    answers = list(model.predict(exams))
    found = ct.Validation.of(exams, answers, model.info)
    values = model.validate(found, data.split("validation"))
    assert values["auc"] == pytest.approx(max(float(row["auc"]) for row in rows))


def test_the_run_says_what_it_was(tiny: ModuleType, tmp_path: Path) -> None:
    run = trained(tiny, tmp_path, tiny.dataset(), epochs=1)
    record = read_toml(run.folder / "run.toml")
    assert record["device"] == "cpu"
    assert record["precision"] == "fp32"
    assert record["torch"] == torch.__version__
    with (run.folder / "patients.csv").open(newline="") as file:
        splits = {row["patient_id"]: row["split"] for row in csv.DictReader(file)}
    assert splits == {f"p{n:03d}": "train" if n < 6 else "validation" for n in range(9)}
    assert "malignant: 2 breasts with it and 10 without" in (run.folder / "train.log").read_text()


def test_a_scale_of_zero_is_chosen_and_written(tiny: ModuleType, tmp_path: Path) -> None:
    run = trained(tiny, tmp_path, tiny.dataset(), epochs=1, scale=0.0, window=(20, 20))
    assert read_toml(run.folder / "config.toml")["scale"] == 2.4  # 48 rows on 20
    small = trained(tiny, tmp_path, tiny.dataset(), epochs=1, scale=0.0, window=(60, 40))
    assert read_toml(small.folder / "config.toml")["scale"] == 1  # never enlarged


def test_accumulated_batches_equal_one_large_batch(tiny: ModuleType, tmp_path: Path) -> None:
    data = tiny.dataset()
    settings = {"epochs": 1, "norm": False, "lr": 1e-3}
    large = trained(tiny, tmp_path, data, batch=8, **settings)
    parts = trained(tiny, tmp_path, data, batch=2, accumulate=4, **settings)
    one, other = (load_file(run.weights / "last.safetensors") for run in (large, parts))
    for name in one:
        torch.testing.assert_close(one[name], other[name], atol=1e-5, rtol=1e-4)


def test_training_ends_early_without_improvement(tiny: ModuleType, tmp_path: Path) -> None:
    class Stuck(tiny.Tiny):  # type: ignore[name-defined, misc]
        def validate(self, predictions: ct.Validation, data: Dataset) -> dict[str, float]:
            return {"score": 0.5}

    run = trained(tiny, tmp_path, tiny.dataset(), Stuck, epochs=9, patience=2)
    assert len(history(run)) == 3  # the first is the best, and two that are not better
    assert "ended early" in (run.folder / "train.log").read_text()


def test_an_undefined_auc_is_said_and_the_last_epoch_kept(tiny: ModuleType, tmp_path: Path) -> None:
    data = altered(tiny.dataset(), "breasts", pl.lit(0).alias("benign"), pl.col("malignant").cast(pl.Int64))
    first = altered(
        data, "breasts", pl.when(pl.col("exam_id") > "e005").then(0).otherwise("malignant").alias("malignant")
    )
    run = trained(tiny, tmp_path, first, epochs=2)
    log = (run.folder / "train.log").read_text()
    assert "malignant: one class only in the validation split" in log
    assert "the last epoch is kept" in log
    best, last = (load_file(run.weights / f"{name}.safetensors") for name in ("best", "last"))
    assert all(torch.equal(best[name], last[name]) for name in best)


def test_one_undefined_label_leaves_the_other_to_choose(tiny: ModuleType, tmp_path: Path) -> None:
    data = altered(tiny.dataset(), "breasts", pl.lit(0).alias("benign"))
    run = trained(tiny, tmp_path, data, epochs=1)
    assert "auc.malignant" in history(run)[0]
    assert "auc.benign" not in history(run)[0]


def test_stages_share_the_network_and_begin_with_the_best_weights(tiny: ModuleType, tmp_path: Path) -> None:
    seen: list[tuple[float, torch.Tensor]] = []

    class Staged(tiny.Tiny):  # type: ignore[name-defined, misc]
        def stages(self) -> list[ct.TorchConfig]:
            return [self.config, self.config.model_copy(update={"lr": 1e-3, "epochs": 1})]

        def optimizer(self, network: nn.Module, steps: int) -> Any:
            seen.append((self.config.lr, network.first.weight.detach().clone()))
            assert steps == math.ceil(24 / 4) * self.config.epochs
            return super().optimizer(network, steps)

        def validate(self, predictions: ct.Validation, data: Dataset) -> dict[str, float]:
            return {"score": -float(len(seen))} if len(seen) > 1 else {"score": 1.0}

    run = trained(tiny, tmp_path, tiny.dataset(), Staged, epochs=2)
    assert [lr for lr, _ in seen] == [1e-2, 1e-3]
    assert not torch.equal(seen[0][1], seen[1][1])
    assert [(row["stage"], row["epoch"]) for row in history(run)] == [("1", "1"), ("1", "2"), ("2", "1")]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_it_with_its_place(tiny: ModuleType, tmp_path: Path, value: float) -> None:
    class Diverging(tiny.Tiny):  # type: ignore[name-defined, misc]
        steps = 0

        def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
            Diverging.steps += 1
            own = super().losses(network, batch)
            return own | ({"sparse": own["sparse"] * value} if Diverging.steps == 8 else {})

    with pytest.raises(Failure, match=r"The loss sparse is (nan|inf) in stage 1, epoch 2, step 2"):
        trained(tiny, tmp_path, tiny.dataset(), Diverging)


def test_a_model_that_asks_for_the_truth_of_the_test_split_is_stopped(tiny: ModuleType, tmp_path: Path) -> None:
    data = tiny.dataset(24)

    class Peeking(tiny.Tiny):  # type: ignore[name-defined, misc]
        def train(self, data: Dataset, run: Run) -> None:
            data.view(access="training").split("test").images[0].truth("malignant")

    class PeekingLater(tiny.Tiny):  # type: ignore[name-defined, misc]
        def crops(self, unit: Any, hint: Any, rng: np.random.Generator | None) -> Any:
            if rng is None:
                unit.truth("malignant")  # as at prediction
            return super().crops(unit, hint, rng)

    for cheat in (Peeking, PeekingLater):
        with pytest.raises(TruthHidden):
            trained(tiny, tmp_path, data, cheat)


def test_what_a_dataset_lacks_is_said_before_the_first_epoch(tiny: ModuleType, tmp_path: Path) -> None:
    class Boxes(tiny.Tiny):  # type: ignore[name-defined, misc]
        info = ModelInfo(("malignant",), "risk", learns=("boxes",))

    class Strange(tiny.Tiny):  # type: ignore[name-defined, misc]
        info = ModelInfo(("cyst",), "risk")

    data = tiny.dataset()
    with pytest.raises(InputError, match="learns from boxes of malignant; the training split has none"):
        trained(tiny, tmp_path, tiny.dataset(findings=False), Boxes)
    with pytest.raises(InputError, match="no column gives the label cyst"):
        trained(tiny, tmp_path, data, Strange)
    with pytest.raises(InputError, match="no breast of the training split has a known value of the label benign"):
        trained(tiny, tmp_path, altered(data, "breasts", pl.lit(None, pl.Int64).alias("benign")))
    with pytest.raises(InputError, match="not split"):
        trained(tiny, tmp_path, altered(data, "exams", pl.lit(None, pl.String).alias("split")))
    data.pixel_source.pictures.clear()
    with pytest.raises(InputError, match="no image of the training split was prepared"):
        trained(tiny, tmp_path, data)


def test_findings_arrive_in_crop_pixels(tiny: ModuleType, tmp_path: Path) -> None:
    seen: list[tuple[str, ct.Found]] = []

    class Boxes(tiny.Tiny):  # type: ignore[name-defined, misc]
        info = ModelInfo(("benign", "malignant"), "probability", learns=("boxes",), findings=("malignant",))

        def crops(self, unit: Any, hint: Any, rng: np.random.Generator | None) -> Any:
            return {"image": unit.whole(size=(96, 32))}  # rows twice as dense

        def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
            seen.extend(zip([u.id for u in batch.units], batch.findings["image"], strict=True))
            return super().losses(network, batch)

    data = tiny.dataset()
    run = trained(tiny, tmp_path, data, Boxes, epochs=1)
    assert "findings of the label benign are not used" in (run.folder / "train.log").read_text()
    images = {image.id: image for image in data.images}
    assert sum(len(found.boxes) for _, found in seen) == 4
    for image_id, found in seen:
        wanted = [f for f in images[image_id].findings if f.label == "malignant"]
        expected = [(f.box[0], 2 * f.box[1], f.box[2], 2 * f.box[3]) for f in wanted]
        assert found.boxes.tolist() == [list(box) for box in expected]
        assert found.labels.tolist() == [0] * len(wanted)


def test_units_that_the_model_skips_are_left_out(tiny: ModuleType, tmp_path: Path) -> None:
    sizes = []

    class Picky(tiny.Tiny):  # type: ignore[name-defined, misc]
        def crops(self, unit: Any, hint: Any, rng: np.random.Generator | None) -> Any:
            if unit.id == "e001-L-CC":
                return ct.Skipped("too dark")
            return super().crops(unit, hint, rng)

        def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
            sizes.append(len(batch))
            assert "e001-L-CC" not in [unit.id for unit in batch.units]
            return super().losses(network, batch)

    trained(tiny, tmp_path, tiny.dataset(), Picky, epochs=1)
    assert sorted(sizes) == [3, 4, 4, 4, 4, 4]


def test_a_fault_in_reading_arrives_with_its_traceback_and_unit(tiny: ModuleType, tmp_path: Path) -> None:
    class Faulty(tiny.Tiny):  # type: ignore[name-defined, misc]
        def target(self, unit: Any, hint: Any) -> Any:
            return {"image": [1 / 0]}

    with pytest.raises(Failure, match=r"(?s)images e00\d.*ZeroDivisionError.*in target"):
        trained(tiny, tmp_path, tiny.dataset(), Faulty)


def test_worker_processes_change_nothing_and_hand_their_faults_over(tiny: ModuleType, tmp_path: Path) -> None:
    data = tiny.dataset()
    alone = trained(tiny, tmp_path, data, epochs=2)
    helped = trained(tiny, tmp_path, data, epochs=2, workers=2)
    assert (alone.weights / "last.safetensors").read_bytes() == (helped.weights / "last.safetensors").read_bytes()
    assert (alone.folder / "history.csv").read_bytes() == (helped.folder / "history.csv").read_bytes()
    data.pixel_source.pictures["e002-L-CC"] = None
    with pytest.raises(Failure, match=r"(?s)images e002-L-CC.*AttributeError.*in best_center"):
        trained(tiny, tmp_path, data, epochs=1, workers=1, scale=1.0)


def test_a_killed_worker_is_said(tiny: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"was killed, most likely because memory ran out.*--set workers=0"):
        trained(tiny, tmp_path, tiny.dataset(), tiny.Deadly, epochs=1, workers=1)


def test_weights_that_are_missing_or_do_not_fit_are_named(tiny: ModuleType, tmp_path: Path) -> None:
    run = trained(tiny, tmp_path, tiny.dataset(), epochs=1)
    path = run.weights / "best.safetensors"
    model = tiny.Tiny(tiny.config())
    weights = load_file(path)
    save_file({name: tensor for name, tensor in weights.items() if name != "first.bias"}, path)
    with pytest.raises(InputError, match=r"best.safetensors: .*1 missing \(first.bias\)"):
        model.load(run)
    save_file({**weights, "second.bias": torch.zeros(3), "third": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"1 unknown \(third\); 1 of another shape \(second.bias\)"):
        model.load(run)
    path.write_bytes(b"\x10\0\0\0\0\0\0\0{cut off")
    with pytest.raises(InputError, match="not a whole safetensors file"):
        model.load(run)
    path.unlink()
    with pytest.raises(InputError, match=r"tiny-1.*best.safetensors: the file of weights is missing"):
        model.load(run)


def test_precision_and_device_are_checked(tiny: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fp16 needs a GPU"):
        trained(tiny, tmp_path, tiny.dataset(), precision="fp16")
    run = trained(tiny, tmp_path, tiny.dataset(), precision="bf16", epochs=1)
    assert read_toml(run.folder / "run.toml")["precision"] == "bf16"
    model = tiny.Tiny(tiny.config())
    model.load(run)
    for device in ("tpu", "cuda:99", "meta"):
        model.device = device
        with pytest.raises(InputError, match="--device"):
            model.predict([])
    with pytest.raises(InputError, match="no weights yet"):
        tiny.Tiny(tiny.config()).predict([])


def test_settings_of_torch_are_restored(tiny: ModuleType, tmp_path: Path) -> None:
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    trained(tiny, tmp_path, tiny.dataset(), epochs=1)
    assert (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark) == before
