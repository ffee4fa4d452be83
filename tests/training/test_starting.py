"""Weights to begin with, and whose patients they saw."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.plugin import Run
from cadkit.training.starting import torchvision_weights


def resplit(data: Dataset, **moved: str) -> Dataset:
    """The dataset with some patients in other splits."""
    split = pl.col("split")
    for patient, name in moved.items():
        split = pl.when(pl.col("patient_id") == patient).then(pl.lit(name)).otherwise(split)
    tables = {**data.tables, "exams": data.tables["exams"].with_columns(split.alias("split"))}
    return Dataset(data.folder, data.meta, tables, data.fingerprint, pixel_source=data.pixel_source)


def trained(tiny: ModuleType, folder: Path, data: Dataset, model_class: Any = None, **values: Any) -> Run:
    settings = tiny.config(epochs=1, **values)
    run = tiny.run_in(folder, settings)
    (model_class or tiny.Tiny)(settings).train(data, run)
    run.close()
    return run


@pytest.fixture(scope="module")
def source(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tiny, tmp_path_factory.mktemp("source"), tiny.dataset())


def test_a_run_begins_with_anothers_best_weights(tiny: ModuleType, tmp_path: Path, source: Run) -> None:
    first: list[dict[str, torch.Tensor]] = []

    class Looking(tiny.Tiny):  # type: ignore[name-defined, misc]
        def optimizer(self, network: Any, steps: int) -> Any:
            first.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
            return super().optimizer(network, steps)

    run = trained(tiny, tmp_path, tiny.dataset(), Looking, init_from=(str(source.folder),))
    best = load_file(source.weights / "best.safetensors")
    assert all(torch.equal(first[0][name], best[name]) for name in best)
    assert f"started from {source.folder}" in (run.folder / "train.log").read_text()


def test_what_does_not_fit_stays_random_and_is_listed(tiny: ModuleType, tmp_path: Path, source: Run) -> None:
    weights = load_file(source.weights / "best.safetensors")
    del weights["second.weight"]
    weights["second.bias"] = torch.zeros(7)
    save_file(weights, tmp_path / "part.safetensors")
    run = trained(tiny, tmp_path, tiny.dataset(), init_from=(str(tmp_path / "part.safetensors"),))
    assert "stay random: second.weight, second.bias" in (run.folder / "train.log").read_text()


def test_torch_files_are_read_without_running_code(tiny: ModuleType, tmp_path: Path, source: Run) -> None:
    weights = load_file(source.weights / "best.safetensors")
    torch.save({"state_dict": weights, "epoch": 3}, tmp_path / "old.pt")
    trained(tiny, tmp_path, tiny.dataset(), init_from=(str(tmp_path / "old.pt"),))
    torch.save({"model": torch.nn.Linear(1, 1)}, tmp_path / "code.pt")
    with pytest.raises(InputError, match="not a torch file of weights alone"):
        trained(tiny, tmp_path, tiny.dataset(), init_from=(str(tmp_path / "code.pt"),))


def test_sources_that_are_nothing_are_refused(tiny: ModuleType, tmp_path: Path) -> None:
    save_file({"other": torch.zeros(2)}, tmp_path / "strange.safetensors")
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    for given, match in (
        (str(tmp_path / "strange.safetensors"), "none of its 1 tensors fits the network: it has other"),
        (str(tmp_path / "empty.pt"), "no tensors by name"),
        (str(tmp_path / "nowhere"), "neither a run nor a file"),
        ("torchvision:resnet9000", "torchvision has no weights of that name"),
    ):
        with pytest.raises(InputError, match=match):
            trained(tiny, tmp_path, tiny.dataset(), init_from=(given,))


def test_torchvisions_weights_come_from_its_cache(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    torch.save({"fc.bias": torch.arange(3.0)}, tmp_path / "checkpoints" / "resnet18-f37072fd.pth")
    assert torchvision_weights("resnet18")["fc.bias"].tolist() == [0, 1, 2]

    class Adapted(tiny.Tiny):  # type: ignore[name-defined, misc]
        def weights_from(self, source: str, weights: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
            assert source == "torchvision:resnet18"
            return {"second.bias": weights["fc.bias"][:2]}

    run = trained(tiny, tmp_path, tiny.dataset(), Adapted, init_from=("torchvision:resnet18",))
    assert "started from torchvision:resnet18" in (run.folder / "train.log").read_text()


@pytest.mark.parametrize(
    ("patient", "split", "refused"),
    [
        ("p000", "validation", True),  # it trained on her
        ("p000", "test", True),
        ("p006", "test", True),  # it was chosen on her
        ("p006", "train", False),
        ("p009", "validation", False),  # its test patients are new to it
    ],
)
def test_weights_that_saw_our_judges_are_refused(
    tiny: ModuleType, tmp_path: Path, source: Run, patient: str, split: str, refused: bool
) -> None:
    data = resplit(tiny.dataset(), **{patient: split})
    if not refused:
        trained(tiny, tmp_path, data, init_from=(str(source.folder),))
        return
    with pytest.raises(InputError, match=rf"learnt from 1 patient\(s\) that are to judge this run \({patient}\)"):
        trained(tiny, tmp_path, data, init_from=(str(source.folder),))


def test_what_the_first_run_saw_is_handed_down(tiny: ModuleType, tmp_path: Path, source: Run) -> None:
    others = tiny.dataset()
    tables = {**others.tables, "exams": others.tables["exams"].with_columns(pl.col("patient_id") + "x")}
    elsewhere = Dataset(others.folder, others.meta, tables, "x", pixel_source=others.pixel_source)
    second = trained(tiny, tmp_path, elsewhere, init_from=(str(source.folder),))
    with pytest.raises(InputError, match="p000"):
        trained(tiny, tmp_path, resplit(tiny.dataset(), p000="test"), init_from=(str(second.folder),))
