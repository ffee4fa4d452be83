"""Starting and resuming a training, of a model with or without torch. Imports no torch itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from cadkit.data import Dataset
from cadkit.data.split_uses import forget_use, record_use
from cadkit.errors import Failure, InputError
from cadkit.files import read_toml
from cadkit.plugin import Model, Run
from cadkit.plugin.registry import Installed, file_and_class, load

_RANKS_MODULE = "cadkit.training.ranks"


def train(
    plugin: str | None,
    data: str | Path | None,
    *,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    config_file: str | Path | None = None,
    runs_folder: str | Path = "runs",
    resume: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    gpus: int | None = None,
) -> Run:
    """Train a plugin on a prepared dataset in a new run folder, or finish a run.

    Args:
        plugin: name, or `path/to/file.py:Class`; None to finish a run.
        data: folder of the dataset; None for that of the run.
        preset: of the plugin's configuration; None for its defaults.
        settings: by key; they win over the file.
        config_file: a TOML file of settings, such as a run's config.toml; it wins over the preset.
        runs_folder: where the run folder is made.
        resume: a run to be finished; one that is complete is returned as it is.
        seed: of everything random, 0 or more.
        device: `auto`, `cpu`, `cuda`, `cuda:1`; for a run that is resumed, `auto` is what it began on.
        gpus: processes that train together, each on a GPU of its own (on a CPU they share it).

    Returns:
        The complete run.

    Raises:
        InputError: the plugin, its configuration, the dataset or the run is wrong; a run that had not begun is gone.
        Failure: training failed; the run folder stays and can be resumed.
    """
    if resume is not None:
        return _resume(Path(resume), data, device, gpus)
    if plugin is None or data is None:
        raise InputError("a training needs a plugin and a dataset")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(
            "processes that a launcher started must be told which run they train",
            row="--resume",
            mend="Begin it with `cadkit train ... --gpus N`, or alone, and give `--resume RUN` to every process.",
        )
    model, installed = configured(plugin, preset, settings, config_file)
    if seed < 0:
        raise InputError("a seed is 0 or more", row="--seed", value=seed)
    dataset = _open(data)
    dataset.split("train")
    record = {
        "plugin": _lasting(plugin),
        "distribution": installed.distribution,
        "version": installed.version,
        "cadkit": cadkit_version(),
        "preset": preset,
        "dataset": str(Path(data).resolve()),
        "dataset_fingerprint": dataset.fingerprint,
        "store_fingerprint": _store_fingerprint(dataset),
        "labels": list(model.info.labels),
        "seed": seed,
        "device": device,
        "gpus": gpus,
    }
    present = {key: value for key, value in record.items() if value is not None}
    run = Run.create(Path(runs_folder), plugin, model.config, present)
    try:
        return _go(run, model, dataset, device, gpus or 1)
    except InputError:
        if run.discard_if_empty():
            forget_use(dataset.folder, run.folder)
        raise


def configured(
    plugin: str,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    config_file: str | Path | None = None,
) -> tuple[Model, Installed]:
    """An untrained model with its configuration, as `train` would make it.

    Raises:
        InputError: there is no such plugin or it is not trained, or the configuration is wrong.
    """
    model_class, installed = load(plugin)
    if not hasattr(model_class, "train"):
        raise InputError(
            f"the plugin {plugin} is not trained; it predicts as it is", mend=f"Type `cadkit predict {plugin}`."
        )
    given = {**(read_toml(config_file) if config_file else {}), **(settings or {})}
    config = model_class.Config.make(preset, given, source=str(config_file or ""), plugin=plugin)
    return model_class(config), installed


def _resume(folder: Path, data: str | Path | None, device: str, gpus: int | None) -> Run:
    run = Run.open(folder)
    if run.complete:
        return run
    data_folder = Path(data or run.record["dataset"])
    if not data_folder.is_dir():
        raise InputError("the run's dataset is not there", file=data_folder, mend="Say where it lies now with --data.")
    dataset = _open(data_folder)
    _check_same(run, "dataset_fingerprint", dataset.fingerprint, "tables of the dataset")
    _check_same(run, "store_fingerprint", _store_fingerprint(dataset), "prepared pictures")
    if device == "auto":
        device = str(run.record.get("device", "auto"))
    return _go(run, run.untrained_model(), dataset, device, gpus or int(run.record.get("gpus", 1)))


def _go(run: Run, model: Model, data: Dataset, device: str, gpus: int) -> Run:
    together = "RANK" in os.environ
    writes = int(os.environ.get("RANK", "0")) == 0
    if writes:
        record_use(data.folder, "run", run.folder)
    if gpus > 1 and not together:
        launch(gpus, run.folder, data.folder, device)
        return Run.open(run.folder)
    model.device = device
    try:
        model.train(data.view(access="training"), run)  # type: ignore[attr-defined]
    except KeyboardInterrupt:
        if writes:
            run.note("interrupted")
        raise
    except Exception as error:
        if writes:
            run.note(f"stopped: {error}")
        raise
    finally:
        run.close()
    if writes:
        run.update(state="complete")
    return run


def launch(processes: int, run_folder: Path, data_folder: Path, device: str = "auto") -> None:
    """Train a run in several processes of this machine by torch's own launcher, and wait for them.

    Args:
        processes: how many.
        run_folder: of a run that was made.
        data_folder: of its dataset.
        device: of every process; under `auto` each takes the GPU of its number.

    Raises:
        Failure: a process failed; what it said stands above, and in the run's train.log.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += ["-m", _RANKS_MODULE, os.fspath(run_folder), os.fspath(data_folder), device]
    threads = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, env={**os.environ, **threads})
    if done.returncode != 0:
        raise Failure(
            f"A process of the training failed (see above, and {run_folder}/train.log). Go on with "
            f"`cadkit train --resume {run_folder}`."
        )


def cadkit_version() -> str:
    """The installed version of cadkit, or `unknown` for a checkout that was not installed."""
    try:
        return metadata.version("cadkit")
    except metadata.PackageNotFoundError:
        return "unknown"


def _lasting(plugin: str) -> str:
    """The plugin's name as it still means the same from another working folder, and beside another's of that name.

    Of an installed one that is its own name: which of several is told by the distribution.
    """
    path, attribute = file_and_class(plugin)
    return plugin.rpartition(":")[2] if path is None else f"{path.resolve()}:{attribute}"


def _open(folder: str | Path) -> Dataset:
    from cadkit.prepare import open_dataset

    data: Dataset = open_dataset(Path(folder))
    return data


def _store_fingerprint(data: Dataset) -> str | None:
    found = getattr(data.pixel_source, "fingerprint", None)
    return str(found) if found is not None else None


def _check_same(run: Run, key: str, now: str | None, what: str) -> None:
    before = run.record.get(key)
    if before is not None and now is not None and before != now:
        raise InputError(
            f"the {what} changed since the run began, so that it cannot be finished as it was begun",
            file=run.folder,
            row=key,
            value=now,
            mend="Put them back as they were, or train anew.",
        )
