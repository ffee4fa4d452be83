"""The steps as functions that read well in a notebook; `cadkit.<name>` is each of them.

Whatever these write lies where the command of the same name puts it, so that a notebook and the command line go on with
each other's work.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import polars as pl
from pydantic import TypeAdapter, ValidationError

from cadkit.data import Dataset, Image
from cadkit.errors import InputError
from cadkit.evaluation import CompareSettings, FrocRule, Settings, compare_columns, evaluate_sources
from cadkit.plugin import Run
from cadkit.prediction import Merging, Predictions, combine_sources, predict_with
from cadkit.report import EvaluationReport, write_report

if TYPE_CHECKING:
    from cadkit.reader_study import StudyOptions

__all__ = ["combine", "compare", "evaluate", "evaluate_readers", "predict", "train"]

Data = Dataset | Path | str
Source = Predictions | Run | Path | str
Scorer = Callable[[Image], Any]
Asked = TypeVar("Asked", Settings, CompareSettings, "StudyOptions")


class PandasFrame(Protocol):
    """A data frame of pandas, which cadkit does without."""

    def to_csv(self, path_or_buf: Path, *, index: bool) -> Any:
        """Write a CSV."""


def _folder(data: Data) -> Path:
    """The folder of a dataset, which is read anew; a part of one would be taken for the whole."""
    if isinstance(data, Path | str):
        return Path(data)
    if not isinstance(data, Dataset):
        raise InputError("data is a dataset or its folder", value=data)
    if pl.read_csv(data.folder / "exams.csv", infer_schema=False).height != data.tables["exams"].height:
        raise InputError(
            "this is a part of a dataset", file=data.folder, mend="Give the whole, and name the part with split=."
        )
    return data.folder


def _named(sources: Source | Sequence[Source] | Mapping[str, Source | Sequence[Source]]) -> list[str]:
    """Sources as the command line writes them.

    Raises:
        InputError: one is no source, such as a data frame; a report names the files that it stands on.
    """
    if isinstance(sources, pl.DataFrame) or hasattr(sources, "to_csv"):
        how = (
            'frame.write_csv("scores.csv")'
            if isinstance(sources, pl.DataFrame)
            else ('frame.to_csv("scores.csv", index=False)')
        )
        raise InputError(
            "a data frame is no source, as a report names the files that it stands on",
            mend=f'Write it, {how}, and give "scores.csv"; cadkit.compare takes frames.',
        )
    if isinstance(sources, Mapping):
        return [f"{name}={','.join(_named(source))}" for name, source in sources.items()]
    if isinstance(sources, Predictions | Run):
        return [str(sources.folder)]
    if isinstance(sources, Path | str):
        return [str(sources)]
    if not isinstance(sources, Sequence):
        raise InputError("a source is predictions, a run, or the path of one or of a table of scores", value=sources)
    return [name for one in sources for name in _named(one)]


def _settings(kind: type[Asked], given: Mapping[str, Any]) -> Asked:
    """Settings as their class takes them: one of several may be given alone, and several as any sequence.

    Raises:
        InputError: there is no such setting, or it is of another type.
    """
    types = {field.name: str(field.type) for field in fields(kind)}
    fitting = {}
    for name, value in given.items():
        if name not in types:
            near = difflib.get_close_matches(name, types, n=1, cutoff=0.75)
            mend = f"Do you mean {near[0]}?" if near else f"There are {', '.join(types)}."
            raise InputError("there is no such setting", value=name, mend=mend)
        alone = types[name].startswith("tuple") and isinstance(value, str | float | int)
        fitting[name] = (value,) if alone else value
    try:
        return TypeAdapter(kind).validate_python(fitting)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InputError(f"{name}: {first['msg']}", value=given[name]) from None


def train(
    plugin: str,
    data: Data,
    *,
    preset: str | None = None,
    runs: str | Path = "runs",
    seed: int = 0,
    device: str = "auto",
    gpus: int | None = None,
    **settings: Any,
) -> Run:
    """Train a model in a new run folder.

    Args:
        plugin: a name of `cadkit plugins`, or `file.py:Class`.
        data: a prepared dataset.
        preset: of the model's configuration.
        runs: folder of the runs.
        seed: of everything random.
        device: auto, cpu, cuda, ...
        gpus: train on so many GPUs of this machine.
        settings: of the model's configuration; they win over the preset.

    Raises:
        InputError: the plugin, a setting or the dataset is wrong.
        Failure: training failed; `cadkit train --resume RUN` goes on.
    """
    from cadkit.training.running import train as run_training

    return run_training(
        plugin, _folder(data), preset=preset, settings=settings, runs_folder=runs, seed=seed, device=device, gpus=gpus
    )


def predict(
    model: Run | Scorer | Path | str,
    data: Data | None = None,
    *,
    split: str = "test",
    out: str | Path | None = None,
    saliency: bool = False,
    labels: str | Sequence[str] = (),
    scores: Literal["probability", "risk"] = "risk",
    device: str = "auto",
    preset: str | None = None,
    retry_failed: bool = False,
    quiet: bool = False,
    **settings: Any,
) -> Predictions:
    """Predict the exams of a split.

    Args:
        model: a run, a plugin that needs no training, or a function that takes a `cadkit.Image` and answers a number,
            scores by label, a `cadkit.ImagePrediction` or `cadkit.Skipped`.
        data: the dataset; that of the run by default.
        split: train, validation, test or all.
        out: folder; `predictions/<name>-<split>` by default, with the preset in the name if one is given, and of a
            function with 8 digits of its code, as two functions may have one name.
        saliency: of a run or plugin: write maps too.
        labels, scores: of a function: what it scores (malignant by default), and whether these are probabilities.
        device: of a run or plugin: auto, cpu, cuda, ...
        preset: of the configuration of a plugin without a run.
        retry_failed: ask again about exams that a plugin answered with `cadkit.prediction.Failed`, for passing faults;
            with a changed program give `out`.
        quiet: show no progress.
        settings: of a plugin without a run; they win over the preset.

    Raises:
        InputError: model and dataset do not fit together.
        Failure: the model raised, or answered what the contract forbids; the exam is named.
    """
    folder = None if data is None else _folder(data)
    if isinstance(model, Run | Path | str):
        if labels or scores != "risk":
            raise InputError("labels and scores are said of functions; runs and plugins state their own")
        source = str(model.folder if isinstance(model, Run) else model)
        made = predict_with(
            source, data=folder, split=split, saliency=saliency, out=out, preset=preset, settings=settings,
            device=device, retry_failed=retry_failed, quiet=quiet,
        )  # fmt: skip
        return _noted(made)
    from cadkit.prediction.functions import predict_function

    if not callable(model):
        raise InputError("a model is a run, a plugin's name or a function of an image", value=model)
    if folder is None:
        raise InputError("a function is given a dataset", mend="cadkit.predict(function, data).")
    own = {
        **({"saliency": True} if saliency else {}),
        **({} if device == "auto" else {"device": device}),
        **({} if preset is None else {"preset": preset}),
        **({"retry_failed": True} if retry_failed else {}),
        **settings,
    }
    if own:
        raise InputError(
            f"a function takes no {', '.join(own)}, which are said of plugins", value=next(iter(own.values())),
            mend="It takes split, out, labels, scores and quiet.",
        )  # fmt: skip
    scored = (labels,) if isinstance(labels, str) else labels
    return _noted(predict_function(model, folder, split=split, out=out, labels=scored, scores=scores, quiet=quiet))


def _noted(made: Predictions) -> Predictions:
    for note in made.notes:
        warnings.warn(note, stacklevel=3)
    return made


def combine(
    sources: Sequence[Source] | Mapping[str, Source],
    out: str | Path,
    *,
    data: Data | None = None,
    split: str = "",
    weights: Sequence[float] | None = None,
    name: str = "",
    merge_iou: float | None = None,
    merge_mm: float | None = None,
    saliency: bool = False,
    device: str = "auto",
) -> Predictions:
    """Average predictions: scores, marks and maps, into a prediction folder.

    Args:
        sources: at least two runs (which predict first), predictions or score tables.
        out: folder of the combination.
        data: the dataset; that of the first source that says one by default.
        split: that runs predict; test by default.
        weights: one for each; equal by default.
        name: of the combination.
        merge_iou, merge_mm: when marks of two sources are one (`cadkit.prediction.Merging`).
        saliency: runs that predict first write maps too.
        device: for such runs.

    Raises:
        InputError: the sources do not fit together.
    """
    given = {"iou": merge_iou, "mm": merge_mm}
    rule = Merging(**{key: value for key, value in given.items() if value is not None})
    folder = None if data is None else _folder(data)
    return combine_sources(
        _named(sources), out, data=folder, split=split, weights=weights, name=name, rule=rule,
        saliency=saliency, device=device,
    )  # fmt: skip


def evaluate(
    sources: Source | Scorer | Sequence[Source] | Mapping[str, Source | Sequence[Source]],
    data: Data | None = None,
    *,
    froc: bool | FrocRule = False,
    localization: bool = False,
    split: str = "",
    out: str | Path | None = None,
    validation: Source | Sequence[Source] = (),
    device: str = "auto",
    **settings: Any,
) -> EvaluationReport:
    """Judge models: AUC, PRAUC, FROC, localization, with intervals.

    Args:
        sources: predictions, runs (which predict first), score tables (CSV or Parquet), or a function of an image; one,
            several, or by name. A name may stand for several runs of one model.
        data: the dataset; that of the first source that says one by default.
        froc: sensitivity against false positives, by the usual rule or a `cadkit.evaluation.FrocRule`.
        localization: Dice and pixel average precision of the maps; coverage of findings by regions of interest.
        split: that was predicted by default.
        out: folder of the report; `report/<names>-<split>` by default. It holds report.html, figures and tables.
        validation: one for each source, on which thresholds are locked.
        device: for runs that predict first.
        settings: further fields of `cadkit.evaluation.Settings`, such as `bootstrap=500` or `by=("density",)`.

    Returns:
        The report: `print(report)`, `report.table()`, `report.plot("froc")`, `report.methods()`; it shows itself in a
        notebook.

    Raises:
        InputError: sources and dataset do not fit together, or there is no such setting.
    """
    folder = None if data is None else _folder(data)
    if callable(sources) and not isinstance(sources, Predictions | Run):
        sources = predict(sources, data, split=split or "test")
    rule = froc if isinstance(froc, FrocRule) else FrocRule() if froc else None
    if not (named := _named(sources)):
        raise InputError("there is nothing to evaluate", mend="Give predictions, a run, or a table of scores.")
    own = {"split": split, "froc": rule, "localization": localization, "levels": ()}
    asked = _settings(Settings, {**own, **settings})
    _, where = evaluate_sources(
        named, data=folder, out=out, settings=asked, device=device, command="cadkit.evaluate",
        validation=_named(validation),
    )  # fmt: skip
    write_report(where)
    return EvaluationReport.open(where)


def compare(
    table: Path | str | pl.DataFrame | PandasFrame,
    truth: str,
    scores: str | Sequence[str] = (),
    *,
    out: str | Path | None = None,
    **settings: Any,
) -> EvaluationReport:
    """Compare score columns of a table; no dataset is needed.

    Args:
        table: a CSV, or a data frame of polars or pandas (which is written beside the report).
        truth: column of 0 and 1; empty is unknown.
        scores: columns to compare; a larger score is more suspicious.
        out: folder of the report; `report/<name of the table>` by default, `report/compare` for a data frame.
        settings: further fields of `cadkit.evaluation.CompareSettings`, such as `cluster="patient_id"`.

    Raises:
        InputError: the table or the settings are not what they must be.
    """
    if not isinstance(table, Path | str):
        if not isinstance(table, pl.DataFrame) and not hasattr(table, "to_csv"):
            raise InputError("a table is a CSV file, or a data frame of polars or pandas", value=table)
        where = Path(out) if out is not None else Path("report") / "compare"
        path = where.with_name(f"{where.name}.csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(table, pl.DataFrame):
            table.write_csv(path)
        else:
            table.to_csv(path, index=False)
    else:
        path = Path(table)
        where = Path(out) if out is not None else Path("report") / path.stem
    asked = _settings(CompareSettings, {"truth": truth, "scores": scores, **settings})
    compare_columns(path, where, asked, command="cadkit.compare")
    write_report(where)
    return EvaluationReport.open(where)


def evaluate_readers(
    sources: Source | Sequence[Source] | Mapping[str, Source] = (),
    data: Data | None = None,
    *,
    readers: str | Sequence[str] = (),
    models: str | Sequence[str] = (),
    truth: str = "",
    out: str | Path | None = None,
    **settings: Any,
) -> EvaluationReport:
    """Judge readers, models and both together, or readers in several modalities (MRMC).

    Several names may be a sequence, or a text with commas, as they are typed.

    Args:
        sources: a table with a row per breast (with `readers`); a long table, an .imrmc file or a workbook of readings;
            or with `data` predictions, runs (which predict first) or score tables of it, also by name.
        data: a dataset whose `breasts.csv` has readers.
        readers, models: patterns of columns, such as `Reader*`.
        truth: column of 0 and 1; with `data` it is `label=` that names what is judged.
        out: folder of the report; one below `report`, named by the table or the dataset, by default.
        settings: further fields of `cadkit.reader_study.StudyOptions`, such as `recalls="Recall*"`,
            `resample="both"`, `method="bdg-centred"` or `marks="marks.csv"`.

    Returns:
        The report: `report.table()`, `report.plot("distributions")`, `report.methods()`; it shows itself in a notebook.

    Raises:
        InputError: the table, the dataset or the settings are not what they must be.
    """
    from cadkit.reader_study.asking import StudyOptions, split_at_commas

    folder = None if data is None else _folder(data)
    given = split_at_commas({"readers": readers, "models": models, "truth": truth, **settings})
    asked = _settings(StudyOptions, given)
    _, where = asked.judge(_named(sources), data=folder, out=out, command="cadkit.evaluate_readers")
    write_report(where)
    return EvaluationReport.open(where)
