"""From what a person names (a run, a plugin, a prediction folder) to predictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cadkit.errors import InputError
from cadkit.plugin import Config, Model, Run
from cadkit.plugin.registry import load
from cadkit.prediction.folder import FILES, Predictions
from cadkit.prediction.running import predict
from cadkit.prepare import open_dataset


def is_run(source: str | Path) -> bool:
    """Whether a folder is a run."""
    return (Path(source) / "run.toml").is_file()


def is_predictions(source: str | Path) -> bool:
    """Whether a folder holds predictions."""
    folder = Path(source)
    named = any((folder / f"{name}{ending}").is_file() for name in FILES.values() for ending in (".parquet", ".csv"))
    return (folder / "prediction.toml").is_file() or (named and not (folder / "dataset.toml").is_file())


def dataset_of(record: Mapping[str, Any]) -> Path:
    """The dataset that a run or a prediction was made with.

    Raises:
        InputError: it is not recorded, or not there any more.
    """
    folder = Path(str(record.get("dataset", "")))
    if not record.get("dataset") or not (folder / "dataset.toml").is_file():
        raise InputError(
            "the dataset that this was made with is not to be found", value=str(folder), mend="Name it with --data."
        )
    return folder


def predict_with(
    source: str,
    *,
    data: str | Path | None = None,
    split: str = "test",
    saliency: bool = False,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> Predictions:
    """Predict the exams of a split with a run, or with a plugin that needs no training.

    Args:
        source: a run folder, the name of a plugin, or `file.py:Class`.
        data: dataset folder; that of the run by default.
        split: train, validation, test or all.
        saliency: write maps too.
        out: folder; `predictions/<name>-<split>` by default.
        settings: configuration values of a plugin without a run.
        device: auto, cpu, cuda, ...
        quiet: show no progress.

    Raises:
        InputError: there is no such run or plugin, the plugin must be trained first, or the data do
            not fit.
    """
    if is_run(source):
        model, record, name = _from_run(Path(source), settings, device)
        folder = Path(data) if data is not None else dataset_of(record)
    else:
        model, record, name = _from_plugin(source, settings, device)
        if data is None:
            raise InputError(f"{source} needs to know what to predict", mend="Name a dataset with --data.")
        folder = Path(data)
    dataset = open_dataset(folder).split(split)
    out = Path(out) if out is not None else Path("predictions") / f"{name}-{split}"
    keep = {key: record[key] for key in _KEPT if key in record}
    keep["store_fingerprint"] = dataset.store_fingerprint
    return predict(
        model,
        dataset,
        out,
        record={**keep, "name": name, "split": split, "settings": model.config.to_toml()},
        saliency=saliency,
        quiet=quiet,
    )


_KEPT = ("model", "distribution", "version", "cadkit", "run", "run_created", "preset", "seed")


def _from_run(folder: Path, settings: Mapping[str, Any] | None, device: str) -> tuple[Model, dict[str, Any], str]:
    if settings:
        raise InputError("a run has its settings; --set is for plugins that are not trained", row="--set")
    run = Run.open(folder)
    model = run.untrained_model()
    model.device = device
    run.load_into(model)
    record = {
        **run.record,
        "model": run.record["plugin"],
        "run": str(folder.resolve()),
        "run_created": run.record.get("created", ""),
    }
    return model, record, run.name


def _from_plugin(source: str, settings: Mapping[str, Any] | None, device: str) -> tuple[Model, dict[str, Any], str]:
    import cadkit

    model_class, plugin = load(source)
    if hasattr(model_class, "train"):
        raise InputError(
            f"{source} must be trained before it predicts",
            mend=f"Type `cadkit train {source}`, then give the run's folder.",
        )
    config: Config = model_class.Config.make(values=settings, source="--set")
    model = model_class(config)
    model.device = device
    name = source.rpartition(":")[2]
    record = {
        "model": source,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "cadkit": cadkit.__version__,
    }
    return model, record, name


def as_predictions(source: str, **options: Any) -> Predictions:
    """Predictions of whatever a person names: a prediction folder is read, a run or a plugin predicts.

    Args:
        source: a prediction folder, a run folder, or a plugin.
        options: of `predict_with`, for the last two.
    """
    if is_predictions(source):
        return Predictions.open(source)
    if Path(source).is_dir() and not is_run(source):
        raise InputError("neither a run nor a prediction folder", file=source)
    return predict_with(source, **options)
