"""A small phantom, and settings that train on it in moments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from cadkit.data import Dataset
from cadkit.phantom import make_phantom
from cadkit.plugin import Run
from cadkit.prepare import open_dataset, prepare
from cadkit_faster_rcnn import FasterRcnnConfig

torch.set_num_threads(1)  # tests run side by side


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight exams with clearly visible lesions; the last ones choose the epoch."""
    folder = tmp_path_factory.mktemp("phantom") / "data"
    make_phantom(folder, exams=8, size=(320, 256), seed=4, difficulty="easy", workers=1, quiet=True)
    exams = pl.read_csv(folder / "exams.csv", infer_schema=False)
    late = pl.col("patient_id").is_in(exams["patient_id"].tail(2).to_list())
    split = pl.when(late).then(pl.lit("validation")).otherwise(pl.lit("train"))
    exams.with_columns(split=split).write_csv(folder / "exams.csv")
    prepare(folder, workers=1, quiet=True)
    return folder


@pytest.fixture
def data(phantom: Path) -> Dataset:
    return open_dataset(phantom)


@pytest.fixture
def small() -> Callable[..., FasterRcnnConfig]:
    """`small(**values)`: the preset tiny on pictures of 96x64 pixels."""

    def make(**values: Any) -> FasterRcnnConfig:
        given = {"window": [96, 64], "anchors": [4, 8, 16, 32, 64], "noise": 3.0, "epochs": 1, "workers": 0, **values}
        return FasterRcnnConfig.make("tiny", given)

    return make


@pytest.fixture
def new_run(tmp_path: Path) -> Callable[[FasterRcnnConfig], Run]:
    """`new_run(config)`: a run folder of its own."""

    def make(config: FasterRcnnConfig) -> Run:
        record = {"plugin": "faster_rcnn", "seed": 1, "labels": list(config.labels)}
        return Run.create(tmp_path / "runs", "faster_rcnn", config, record)

    return make
