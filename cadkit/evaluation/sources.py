"""From the runs and prediction folders that a person names to a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.evaluation.inputs import predicted_split
from cadkit.evaluation.locking import SPLIT
from cadkit.evaluation.running import evaluate
from cadkit.evaluation.schema import Report
from cadkit.evaluation.settings import Settings, check_locked
from cadkit.files import read_toml
from cadkit.plugin import Run
from cadkit.plugin.run import newest_run
from cadkit.prediction import Predictions, as_predictions, dataset_of
from cadkit.prediction.sources import is_run
from cadkit.prepare import open_dataset


def evaluate_sources(
    sources: Sequence[str],
    *,
    data: str | Path | None = None,
    out: str | Path | None = None,
    runs: str | Path = "runs",
    settings: Settings,
    device: str = "auto",
    command: str = "",
    validation: Sequence[str] = (),
) -> tuple[Report, Path]:
    """Evaluate runs (which predict first) and prediction folders; without any, the newest run.

    Args:
        sources: run folders, prediction folders, plugins that need no training.
        data: the dataset; that of the first source by default.
        out: folder of the report; `report/<names>-<split>` by default.
        runs: where the newest run is looked for.
        settings: what to compute. Without a split of their own, prediction folders are judged on the
            split that they were made for.
        device: for runs that predict first.
        command: what the user typed.
        validation: one for each source, in the same order: a run (which predicts its validation split first) or a
            prediction folder of that split, on which thresholds are locked.

    Returns:
        The report and its folder.

    Raises:
        InputError: there is no run, or sources and dataset do not fit together.
    """
    if not sources:
        # A run on the named dataset is preferred to a newer one on another.
        sources = [str(_newest(Path(runs), data).folder)]
    settings.check()
    check_locked(settings, validation, len(sources))
    maps = settings.froc is not None or settings.localization
    predictions: list[Predictions] = []
    for source in sources:
        predictions.append(
            as_predictions(source, data=data, split=settings.split or "test", saliency=maps, device=device)
            if not is_run(source)
            else _of_run(source, data, settings.split or "test", maps, device)
        )
    folder = Path(data) if data is not None else dataset_of(predictions[0].record)
    split = settings.split or predicted_split(predictions)
    locking = [
        _of_run(source, folder, SPLIT, False, device) if is_run(source) else Predictions.open(source)
        for source in validation
    ]
    where = Path(out) if out is not None else Path("report") / f"{_names(predictions, split)}"
    report = evaluate(predictions, open_dataset(folder), where, replace(settings, split=split), command, locking)
    return report, where


def _newest(runs: Path, data: str | Path | None) -> Run:
    if data is None:
        return newest_run(runs)
    wanted = Path(data).resolve()
    here = [Run.open(path.parent) for path in runs.glob("*/run.toml")]
    fitting = [run for run in here if Path(str(run.record.get("dataset", ""))) == wanted]
    if not fitting:
        raise InputError(
            f"no run in {runs} was trained on {data}",
            mend=f"Train one with `cadkit train gmic --data {data}`, or name the run.",
        )
    return max(fitting, key=lambda run: str(run.record.get("created", "")))


def _of_run(source: str, data: str | Path | None, split: str, maps: bool, device: str) -> Predictions:
    """Predictions of a run: those in `predictions/` if they are of this run and data and suffice, else new ones."""
    run = Run.open(source)
    folder = Path("predictions") / f"{run.name}-{split}"
    dataset = Path(data) if data is not None else dataset_of(run.record)
    if run.record.get("dataset") != str(dataset.resolve()):
        folder = Path("predictions") / f"{run.name}-{dataset.resolve().name}-{split}"
    where = _folder_for(folder, run, open_dataset(dataset), maps)
    return as_predictions(source, data=dataset, split=split, saliency=maps, out=where, device=device)


def _folder_for(folder: Path, run: Run, data: Dataset, maps: bool) -> Path:
    """`folder`, or one beside it where it holds predictions of another run or of other data, or has no maps."""
    wanted = {
        "run": str(run.folder.resolve()),
        "run_created": run.record.get("created"),
        "dataset_fingerprint": data.fingerprint,
        "store_fingerprint": data.store_fingerprint,
        "saliency": maps,
    }
    chosen, number = folder, 1
    while (chosen / "prediction.toml").exists():
        record = read_toml(chosen / "prediction.toml")
        if all(record.get(key) == value for key, value in wanted.items()):
            break
        number += 1
        chosen = folder.with_name(f"{folder.name}-{number}")
    return chosen


def _names(predictions: Sequence[Predictions], split: str) -> str:
    names = [str(p.record.get("name") or p.name) for p in predictions]
    return "-".join([*names[:3], *(["and-more"] if len(names) > 3 else []), split])
