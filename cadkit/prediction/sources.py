"""From what a person names (a run, a plugin, a prediction folder, a score table) to predictions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.files import read_toml
from cadkit.plugin import Config, Model, Run
from cadkit.plugin.code import code_of
from cadkit.plugin.registry import installed, load
from cadkit.plugin.setting_files import with_files
from cadkit.prediction.columns import FILES
from cadkit.prediction.folder import Predictions
from cadkit.prediction.running import predict_model
from cadkit.prediction.table import TablePredictions, is_table
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


def usual_labels(data: Dataset) -> tuple[str, ...]:
    """What a program or function scores that does not say so: malignant, or the dataset's only label.

    Raises:
        InputError: it has several, and none of that name.
    """
    known = tuple(data.meta.labels)
    if "malignant" in known:
        return ("malignant",)
    if len(known) == 1:
        return known
    raise InputError(
        "which labels are scored?", value=", ".join(known), mend="Name them with --label, or labels= in Python."
    )


def predict_with(
    source: str,
    *,
    data: str | Path | None = None,
    split: str = "test",
    saliency: bool = False,
    out: str | Path | None = None,
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    quiet: bool = False,
    beside: bool = False,
    retry_failed: bool = False,
) -> Predictions:
    """Predict the exams of a split with a run, or with a plugin that needs no training.

    Args:
        source: a run folder, the name of a plugin, or `file.py:Class`.
        data: dataset folder; that of the run by default.
        split: train, validation, test or all.
        saliency: write maps too.
        out: folder; `predictions/<name>-<split>` by default, of a preset `predictions/<name>-<preset>-<split>`.
        preset: of the configuration of a plugin without a run.
        settings: configuration values of a plugin without a run; they win over the preset.
        device: auto, cpu, cuda, ...
        quiet: show no progress.
        beside: where the folder holds another prediction, take the next free one beside it.
        retry_failed: ask again about exams that were answered `Failed`.

    Raises:
        InputError: there is no such run or plugin, the plugin must be trained first, a file that a setting names is
            not there, or the data do not fit.
    """
    if is_run(source):
        if preset is not None or settings:
            raise InputError(
                "a run has its settings; --preset and --set are for plugins that are not trained",
                row="--set" if preset is None else "--preset", value=preset,
            )  # fmt: skip
        model, record, name = _from_run(Path(source), device)
        folder = Path(data) if data is not None else dataset_of(record)
    else:
        model, record, name = _from_plugin(source, preset, settings, device)
        if data is None:
            raise InputError(f"{source} needs to know what to predict", mend="Name a dataset with --data.")
        folder = Path(data)
    dataset = open_dataset(folder).split(split)
    out = Path(out) if out is not None else Path("predictions") / f"{name}-{split}"
    keep = {key: record[key] for key in _KEPT if key in record}
    keep["store_fingerprint"] = dataset.store_fingerprint
    return predict_model(
        model,
        dataset,
        out,
        record={**keep, "name": name, "split": split, "settings": model.config.to_toml()},
        saliency=saliency,
        quiet=quiet,
        beside=beside,
        retry_failed=retry_failed,
    )


_KEPT = ("model", "distribution", "version", "code", "cadkit", "run", "run_created", "preset", "seed", "files")


def _from_run(folder: Path, device: str) -> tuple[Model, dict[str, Any], str]:
    run = Run.open(folder)
    model = run.untrained_model()
    model.device = device
    run.load_into(model)
    record = {
        **run.record,
        "model": run.record["plugin"],
        "code": code_of(run.plugin),
        "run": str(folder.resolve()),
        "run_created": run.record.get("created", ""),
    }
    return model, record, run.name


def _from_plugin(
    source: str, preset: str | None, settings: Mapping[str, Any] | None, device: str
) -> tuple[Model, dict[str, Any], str]:
    import cadkit

    model_class, plugin = load(source)
    if hasattr(model_class, "train"):
        raise InputError(
            f"{source} must be trained before it predicts",
            mend=f"Type `cadkit train {source}`, then give the run's folder.",
        )
    config: Config = model_class.Config.make(preset, settings, source="--set", plugin=source)
    config, files = with_files(config)
    model = model_class(config)
    model.device = device
    name = "-".join(part for part in (source.rpartition(":")[2], preset) if part)
    record = {
        "model": source,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "code": code_of(source),
        "cadkit": cadkit.__version__,
        "preset": preset,
        "files": files or None,
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
    if not is_run(source):
        _refuse_unknown(source)
    return predict_with(source, **options)


def _refuse_unknown(source: str) -> None:
    """Refuse what is neither a run nor a prediction folder, nor names a plugin.

    Raises:
        InputError: says which of them it might have been.
    """
    known: Mapping[str, str] = {name: name.rpartition(":")[2] for name in installed()}
    if source in known or source in known.values():
        return  # also where a folder has that name, such as the one in which it is written
    if Path(source).is_dir():
        raise InputError("neither a run, a prediction folder nor the name of an installed plugin", file=source)
    if ".py" not in source:
        raise InputError(
            "there is no such folder, file or plugin",
            value=source,
            mend="Name a run, a prediction folder, a score table, or an installed plugin"
            + (f" ({', '.join(known)})." if known else "; there is none."),
        )


def dataset_for(sources: Sequence[str], data: str | Path | None) -> Path:
    """The dataset that was named, or that of the first source that says one.

    Raises:
        InputError: there is none, or it is not there any more.
    """
    if data is not None:
        return Path(data)
    for source in sources:
        path = Path(source) / ("run.toml" if is_run(source) else "prediction.toml")
        if path.is_file() and (record := read_toml(path)).get("dataset"):
            return dataset_of(record)
    for source in sources:
        if not any(is_one(source) for is_one in (is_run, is_predictions, is_table)):
            _refuse_unknown(source)
    raise InputError(
        "no source says what dataset it is of", value=", ".join(sources), mend="Name the dataset with --data."
    )


def predictions_of(
    source: str,
    data: Dataset,
    *,
    split: str = "test",
    saliency: bool = False,
    device: str = "auto",
    labels: Collection[str] = (),
) -> Predictions:
    """Predictions of a dataset by a score table, a prediction folder, a run (which predicts first) or a plugin.

    Args:
        source: what a person named.
        data: the dataset, whole.
        split: that a run or plugin predicts.
        saliency: a run or plugin gives maps too.
        device: of a run or plugin.
        labels: that a score table may have besides those of the dataset.
    """
    if is_table(source):
        return TablePredictions.read(source, {*data.meta.labels, *labels})
    if is_run(source):
        return _of_run(source, data, split, saliency, device)
    return as_predictions(source, data=data.folder, split=split, saliency=saliency, device=device, beside=True)


def _of_run(source: str, data: Dataset, split: str, maps: bool, device: str) -> Predictions:
    """Predictions of a run: those in `predictions/` if run, code, settings and data are the same, else new ones."""
    run = Run.open(source)
    folder = Path("predictions") / f"{run.name}-{split}"
    if run.record.get("dataset") != str(data.folder.resolve()):
        folder = Path("predictions") / f"{run.name}-{data.folder.resolve().name}-{split}"
    return predict_with(
        source, data=data.folder, split=split, saliency=maps, out=folder, device=device, beside=True
    )  # fmt: skip
