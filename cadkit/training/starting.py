"""Where a training starts: other runs, files of weights, torchvision; and whose patients they saw."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.files import write_text
from cadkit.plugin import Run
from cadkit.training.weights import load_matching, named, read_weights

if TYPE_CHECKING:
    from cadkit.training.model import TorchModel

PATIENTS = "patients.csv"
_TORCHVISION = "torchvision:"


def start_from(model: TorchModel, network: nn.Module, source: str, data: Dataset) -> tuple[str, dict[str, str]]:
    """Load the weights of a source into a network as far as they fit.

    Args:
        model: its `weights_from` gives them the network's names.
        network: that takes them.
        source: a run folder, a file, or torchvision:NAME.
        data: the whole dataset, with its splits.

    Returns:
        A line for the log, and the patients that the source learnt from, with their split there.

    Raises:
        InputError: there is no such source, nothing fits, or it learnt from patients that are to
            judge this run.
    """
    name, weights, patients = _read(source)
    _refuse_seen(source, patients, data)
    left = load_matching(network, model.weights_from(name, weights), source)
    total = len(network.state_dict())
    line = f"started from {source}" + (f"; {len(left)} of {total} tensors stay random: {named(left)}" if left else "")
    return line, patients


def _read(source: str) -> tuple[str, dict[str, Tensor], dict[str, str]]:
    if source.startswith(_TORCHVISION):
        return source, torchvision_weights(source.removeprefix(_TORCHVISION)), {}
    path = Path(source)
    if (path / "run.toml").is_file():
        run = Run.open(path)
        return str(run.record["plugin"]), read_weights(run.weights / "best.safetensors"), read_patients(run.folder)
    if not path.exists():
        raise InputError(
            "there is neither a run nor a file of weights", file=source, row="init_from",
            mend="Give a run folder, a .safetensors or torch file, or torchvision:NAME.",
        )  # fmt: skip
    return "file", read_weights(path), {}


def torchvision_weights(name: str) -> dict[str, Tensor]:
    """The default weights of a torchvision model, from torch's cache or else downloaded into it.

    Raises:
        InputError: torchvision has no such model, or its weights can be neither found nor fetched.
    """
    import torch
    from torchvision import models

    try:
        weights = models.get_model_weights(name)["DEFAULT"]
    except (ValueError, KeyError):
        raise InputError("torchvision has no weights of that name", row="init_from", value=name) from None
    file = str(weights.url).rpartition("/")[2]
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            digest = file.rpartition("-")[2].partition(".")[0]
            torch.hub.download_url_to_file(weights.url, str(path), hash_prefix=digest)
        except OSError as error:
            raise InputError(
                f"torchvision's weights could not be fetched: {error}",
                row="init_from",
                value=name,
                mend=f"Put {file} into {path.parent}.",
            ) from None
    return read_weights(path)


def read_patients(folder: Path) -> dict[str, str]:
    """Patients of a run and their split in it; {} where it kept no list."""
    path = folder / PATIENTS
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["patient_id"]: row["split"] for row in csv.DictReader(file)}


def write_patients(folder: Path, data: Dataset, inherited: Iterable[dict[str, str]] = ()) -> None:
    """Write whom a run learns from (train), is chosen on (validation), and whom its weights came from."""
    rows: dict[str, str] = {}
    for exam in data.exams:
        split = exam.columns.get("split")
        if split in ("train", "validation"):
            rows[exam.patient_id] = split
    for patients in inherited:
        for patient, split in patients.items():
            if split == "train" or patient not in rows:
                rows[patient] = split
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("patient_id", "split"))
    writer.writerows(sorted(rows.items()))
    write_text(folder / PATIENTS, text.getvalue())


def _refuse_seen(source: str, patients: dict[str, str], data: Dataset) -> None:
    """Refuse weights that learnt from our validation or test patients, or were chosen on our test patients."""
    judges = {"train": ("validation", "test"), "validation": ("test",)}
    seen = sorted(
        {e.patient_id for e in data.exams if e.columns.get("split") in judges.get(patients.get(e.patient_id, ""), ())}
    )
    if seen:
        raise InputError(
            f"it learnt from {len(seen)} patient(s) that are to judge this run ({named(seen)})",
            file=source,
            mend="Split the dataset as that run's was, or start from other weights.",
        )
