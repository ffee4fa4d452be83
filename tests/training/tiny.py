"""A small dataset in memory and small torch models on it. Loaded from its file by conftest.py, and by tests
that start other processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from safetensors.torch import save_file
from torch import nn

import cadkit.training as ct
from cadkit.data import Affine, Dataset, Meta
from cadkit.plugin import ModelInfo, Run

SHAPE = (48, 32)


class MemoryPixels:
    """A pixel source of random pictures."""

    def __init__(self, pictures: dict[str, np.ndarray]) -> None:
        self.pictures = pictures

    def shape(self, image_id: str) -> tuple[int, int]:
        return self.pictures[image_id].shape

    def read(self, image_id: str, box: tuple[int, int, int, int] | None) -> np.ndarray:
        picture = self.pictures[image_id]
        if box is None:
            return picture
        top, bottom, left, right = box
        assert 0 <= top < bottom <= picture.shape[0]
        assert 0 <= left < right <= picture.shape[1]
        return picture[top:bottom, left:right]

    def to_file(self, image_id: str) -> Affine:
        return Affine.shift(3, 5)

    def best_center(self, image_id: str, size: tuple[int, int]) -> tuple[int, int]:
        rows, columns = self.pictures[image_id].shape
        return rows // 2, columns // 2

    def has(self, image_id: str) -> bool:
        return image_id in self.pictures


def dataset(
    exams: int = 12,
    seed: int = 0,
    shape: tuple[int, int] = SHAPE,
    splits: tuple[str, ...] = ("train", "train", "validation", "test"),
    unknown: int = 0,
    findings: bool = True,
) -> Dataset:
    """Exams of two breasts and four views; a malignant breast shows a bright square in both views.

    Every third exam has a malignant left breast, the next one a benign right one. The labels of the
    first `unknown` right breasts are empty.
    """
    rng = np.random.default_rng(seed)
    tables: dict[str, list[dict[str, Any]]] = {"exams": [], "breasts": [], "images": [], "findings": []}
    pictures = {}
    for number in range(exams):
        exam_id = f"e{number:03d}"
        split = splits[number // 3 % len(splits)]
        tables["exams"].append({"exam_id": exam_id, "patient_id": f"p{number:03d}", "age": 60.0, "split": split})
        for side in ("L", "R"):
            malignant, benign = int(number % 3 == 0 and side == "L"), int(number % 3 == 1 and side == "R")
            hidden = side == "R" and number < unknown
            tables["breasts"].append(
                {
                    "exam_id": exam_id,
                    "side": side,
                    "benign": None if hidden else benign,
                    "malignant": None if hidden else malignant,
                }
            )
            for view in ("CC", "MLO"):
                image_id = f"{exam_id}-{side}-{view}"
                tables["images"].append({"image_id": image_id, "exam_id": exam_id, "side": side, "view": view})
                picture = rng.integers(5000, 25000, shape, dtype=np.uint16)
                if malignant or benign:
                    row, column = int(rng.integers(4, shape[0] - 14)), int(rng.integers(4, shape[1] - 14))
                    picture[row : row + 10, column : column + 10] += np.uint16(35000 if malignant else 15000)
                    if findings:
                        x0, y0 = column + 3, row + 5
                        tables["findings"].append(
                            {
                                "finding_id": f"f-{image_id}",
                                "image_id": image_id,
                                "label": "malignant" if malignant else "benign",
                                "shape": "box",
                                "coordinates": f"{x0} {y0} {x0 + 10} {y0 + 10}",
                            }
                        )
                pictures[image_id] = picture
    text = dict.fromkeys(("finding_id", "image_id", "label", "shape", "coordinates"), pl.String)
    frames = {name: pl.DataFrame(rows) for name, rows in tables.items() if name != "findings"}
    frames["findings"] = pl.DataFrame(tables["findings"], schema=text)
    meta = Meta("tiny", {"benign": "a benign lesion", "malignant": "a malignant lesion"})
    return Dataset(Path("tiny"), meta, frames, f"tiny-{seed}", pixel_source=MemoryPixels(pictures))


class Net(nn.Module):
    """A few convolutions; batch normalisation only where asked for."""

    def __init__(self, labels: int, norm: bool) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm2d(8) if norm else nn.Identity()
        self.drop = nn.Dropout2d(0.1) if norm else nn.Identity()
        self.second = nn.Conv2d(8, labels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.drop(torch.relu(self.norm(self.first(x)))))


class Config(ct.TorchConfig):
    norm: bool = True
    die_at: str = ""  # "epoch:n" or "validation:n": kill this process there, where ALLOW_DEATH is set


class Tiny(ct.TorchModel):
    """Scores the highest cell of a map."""

    Config = Config
    info = ModelInfo(("benign", "malignant"), "probability", localizes="saliency")
    calls = 0

    def network(self) -> nn.Module:
        return Net(len(self.info.labels), self.config.norm)

    def losses(self, network: nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
        self._count("step")
        maps = network(ct.standardize(batch.image))
        own = ct.bce(maps.amax((2, 3)), batch.targets["image"], logits=True)
        return {"bce": own, "sparse": 1e-3 * maps.sigmoid().mean()}

    def outputs(self, network: nn.Module, batch: ct.Batch) -> ct.Outputs:
        self._count("validation")
        if "DUMP" in os.environ:
            weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
            save_file(weights, f"{os.environ['DUMP']}{os.environ['RANK']}.safetensors")
        maps = network(ct.standardize(batch.image)).sigmoid()
        best = maps.flatten(2).argmax(2)[:, :1]
        x, y = best % maps.shape[3] * 2 + 1, best // maps.shape[3] * 2 + 1
        points = torch.stack([x, y], 2).float().cpu().numpy()
        return ct.Outputs(
            maps.amax((2, 3)),
            extra={"mean": maps.mean((2, 3))},
            saliency=maps if "saliency" in batch.want else None,
            rois=[ct.Marks(1.0, points=p) for p in points],
        )

    def _count(self, what: str) -> None:
        kind, _, number = self.config.die_at.partition(":")
        if kind == what and "ALLOW_DEATH" in os.environ:
            Tiny.calls += 1
            if Tiny.calls == int(number):
                os.kill(os.getpid(), signal.SIGKILL)


class Deadly(Tiny):
    """Kills the process that reads for it."""

    def crops(self, unit: Any, hint: Any, rng: Any) -> Any:
        if multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().crops(unit, hint, rng)


def config(**values: Any) -> Config:
    """Settings that train in moments."""
    given = {"epochs": 2, "batch": 4, "lr": 1e-2, "window": (40, 28), "noise": 3.0, "workers": 0, **values}
    return Config.make(values=given)


def run_in(folder: Path, settings: Config, seed: int = 1) -> Run:
    """A new run folder."""
    record = {"plugin": f"{__file__}:Tiny", "seed": seed, "dataset_fingerprint": "tiny-0"}
    return Run.create(folder, "tiny", settings, {**record, "labels": ["benign", "malignant"]})


def main(folder: str, what: str) -> None:
    """In a process of its own: train in `folder`, or go on there."""
    torch.set_num_threads(1)
    data = dataset()
    run = Run.open(Path(folder))
    model = run.untrained_model()
    model.device = "cpu"
    model.train(data, run)
    if os.environ.get("RANK", "0") == "0":
        run.update(state="complete")


if __name__ == "__main__":
    import sys

    main(*sys.argv[1:])
