"""From the runs, prediction folders and score tables that a person names to a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.evaluation.groups import Group
from cadkit.evaluation.inputs import members_of, predicted_split
from cadkit.evaluation.locking import SPLIT
from cadkit.evaluation.running import evaluate_predictions
from cadkit.evaluation.schema import Report
from cadkit.evaluation.settings import Settings, check_locked
from cadkit.plugin import Run
from cadkit.plugin.run import newest_run
from cadkit.prediction import Predictions
from cadkit.prediction.sources import dataset_for, predictions_of
from cadkit.prepare import open_dataset


@dataclass(frozen=True)
class Source:
    """What a person named: a run, prediction folder, score table or plugin, or several of them as runs of one model.

    Attributes:
        name: given by the person, or empty.
        paths: one; several are a group.
    """

    name: str
    paths: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Source:
        """`PATH`, `NAME=PATH` or `NAME=PATH,PATH,...`; a path that is there may hold either sign.

        Raises:
            InputError: a name or a path is empty.
        """
        name, equals, rest = text.partition("=")
        if not equals or Path(text).exists():
            return cls("", (text,))
        paths = (rest,) if Path(rest).exists() else tuple(part.strip() for part in rest.split(","))
        if not name.strip() or not all(paths):
            raise InputError("a source is PATH, NAME=PATH or NAME=PATH,PATH,...", value=text)
        return cls(name.strip(), paths)


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
    tell: Callable[[str], None] | None = None,
) -> tuple[Report, Path]:
    """Evaluate runs (which predict first), prediction folders and score tables; without any, the newest run.

    Args:
        sources: run folders, prediction folders, score tables (CSV or Parquet), plugins that need no training; each
            may be given a name as `NAME=PATH`. `NAME=PATH,PATH,...` is a group of runs of one model.
        data: the dataset; that of the first source that says one by default.
        out: folder of the report; `report/<names>-<split>` by default, or beside it `-2`, `-3`, ... where that is a
            report of other predictions, made by another command.
        runs: where the newest run is looked for.
        settings: what to compute. Without a split of their own, prediction folders are judged on the
            split that they were made for.
        device: for runs that predict first.
        command: what the user typed.
        validation: one for each source, in the same order, on which thresholds are locked: a run (which predicts its
            validation split first), predictions of that split, or a group of them for a group.
        tell: is called with a sentence where a folder was chosen that nobody named.

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
    wanted, locking = [Source.parse(one) for one in sources], [Source.parse(one) for one in validation]
    _check_names(wanted)
    folder = dataset_for([path for source in wanted for path in source.paths], data)
    dataset = open_dataset(folder)
    tell = tell or _silent
    opened = _Opening(dataset, settings, device, tell)
    predictions = [opened.source(one, settings.split or "test") for one in wanted]
    locked = [opened.source(one, SPLIT, maps=False) for one in locking]
    split = settings.split or predicted_split(predictions)
    where = Path(out) if out is not None else _free(Path("report") / _names(predictions, split), predictions, command)
    if out is None and where.name != _names(predictions, split):
        tell(f"report/{_names(predictions, split)} is of other predictions: this report goes to {where}.")
    report = evaluate_predictions(
        predictions, dataset, where, replace(settings, split=split), command=command, validation=locked
    )
    return report, where


def _check_names(sources: Sequence[Source]) -> None:
    names = [source.name for source in sources if source.name]
    twice = next((name for n, name in enumerate(names) if name in names[:n]), None)
    if twice is not None:
        raise InputError("two sources have one name", value=twice, mend="Name them apart.")


@dataclass(frozen=True)
class _Opening:
    """How sources become predictions of a dataset."""

    data: Dataset
    settings: Settings
    device: str
    tell: Callable[[str], None]

    def source(self, source: Source, split: str, maps: bool = True) -> Predictions | Group:
        """Predictions, or those of a group, by the name that was given to them."""
        found = [self._predictions(path, split, maps) for path in source.paths]
        if len(found) > 1:
            return Group(source.name, tuple(found))
        if source.name:
            found[0].called = source.name
        return found[0]

    def _predictions(self, path: str, split: str, maps: bool) -> Predictions:
        settings = self.settings
        parts = [part for label in settings.labels if "|" in label for part in label.partition("=")[2].split("|")]
        found = predictions_of(
            path, self.data, split=split, saliency=maps and (settings.froc is not None or settings.localization),
            device=self.device, labels=[*settings.labels, *parts],
        )  # fmt: skip
        if not Path(path).exists() or Path(path).resolve() != found.folder.resolve():
            self.tell(f"The predictions of {path} {'are' if found.was_complete else 'were written'} in {found.folder}.")
        return found


def _silent(sentence: str) -> None:
    """Tell nobody."""


def _free(folder: Path, predictions: Sequence[Predictions | Group], command: str) -> Path:
    """The folder, or the next one beside it that holds no report of other predictions by another command."""
    given = {one.fingerprint for source in predictions for one in members_of(source)}
    chosen, number = folder, 1
    while (chosen / "report.json").is_file() and not _own(chosen / "report.json", given, command):
        number += 1
        chosen = folder.with_name(f"{folder.name}-{number}")
    return chosen


def _own(path: Path, given: Collection[str], command: str) -> bool:
    """Whether a report was made by this command, or of these predictions."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        means = {row["name"] for row in report["models"] if "members" in row}
        inputs = [row for row in report["inputs"] if row["kind"] == "predictions" and row["name"] not in means]
        return bool(command and report["command"] == command) or {row["fingerprint"] for row in inputs} == set(given)
    except (ValueError, LookupError, TypeError):
        return True  # what cannot be read is no report that anybody could miss


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


def _names(predictions: Sequence[Predictions | Group], split: str) -> str:
    names = [one.name if isinstance(one, Group) else one.title for one in predictions]
    return "-".join([*names[:3], *(["and-more"] if len(names) > 3 else []), split])
