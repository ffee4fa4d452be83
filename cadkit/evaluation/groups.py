"""Groups: several runs of one model, judged by the mean and sd over the runs and as their averaged ensemble.

A group given as `NAME=RUN,RUN,...` is one model of the evaluation, the ensemble: scores are averaged, marks merged or
maps averaged by `cadkit.prediction.Combination`, as `cadkit combine` does with equal weights. The runs' own numbers are
found on the same rows and replicates; they stand in the results, but in no comparison, curve or gallery, unless a run
is named as a source of its own, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cadkit import metrics
from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.evaluation.cohort import Chosen, Scored
from cadkit.evaluation.detecting import detect
from cadkit.evaluation.localizing import localizes
from cadkit.evaluation.locking import Locked, lock
from cadkit.evaluation.overlapping import localize, shows_regions
from cadkit.evaluation.population import Population
from cadkit.evaluation.score_results import Judged, over_runs
from cadkit.evaluation.scoring import score_label
from cadkit.evaluation.views import compare_views, models_with_views
from cadkit.evaluation.work import Work
from cadkit.prediction import Combination, Predictions


@dataclass(frozen=True)
class Group:
    """Runs of one model, as `evaluate` takes them in the place of predictions."""

    name: str
    members: tuple[Predictions, ...]

    def __post_init__(self) -> None:
        folders = {member.folder.resolve() for member in self.members}
        if len(self.members) < 2 or len(folders) < len(self.members):
            names = ",".join(member.name for member in self.members)
            raise InputError("a group has at least two runs, each once", row=self.name, value=names)

    def ensemble(self, data: Dataset) -> Predictions:
        """The averaged ensemble of the runs."""
        return Combination(self.members, data, name=self.name)


@dataclass(frozen=True)
class Grouped:
    """A group in an evaluation: its ensemble, its runs, and what their thresholds are locked on."""

    ensemble: Scored
    members: list[Scored]
    locked: tuple[Locked, ...] = ()

    @property
    def title(self) -> str:
        """The name under which mean and sd stand."""
        return f"{self.ensemble.name} (mean of {len(self.members)} runs)"


_Place = tuple[str, str, str, str]  # label, level, subgroup, what follows the model's name


@dataclass
class _Runs(Work):
    """The same evaluation of the runs of a group: numbers only."""

    found: dict[_Place, dict[str, list[metrics.Result]]] = field(default_factory=dict)

    def add(self, model: str, label: str, level: str, found: metrics.Result, subgroup: str = "all") -> None:
        """Keep a number by the run that it is of; numbers of random marks are of none."""
        owners = [one.name for one in self.models if model == one.name or model.startswith(f"{one.name} (")]
        if owners:
            owner = max(owners, key=len)
            place = (label, level, subgroup, model[len(owner) :])
            self.found.setdefault(place, {}).setdefault(owner, []).append(found)

    def compare(self, *_: Any, **__: Any) -> None:
        """Runs of one model are not compared with each other."""

    def compare_areas(self, *_: Any, **__: Any) -> None:
        """Nor by DeLong's test."""


def judge_group(work: Work, group: Grouped) -> None:
    """The results of a group's runs, their mean and their sd (n - 1), into `work`."""
    settings = replace(work.settings, permutations=0)
    runs = _Runs(
        work.folder, settings, work.chosen, group.members, work.labels, work.replicates, group.locked,
        everyone=work.everyone, numbers_only=True,
    )  # fmt: skip
    for label in work.labels:
        for level in settings.levels:
            score_label(runs, label, level)
        if settings.froc and any(localizes(run) for run in group.members):
            detect(runs, label)
        if settings.localization and any(r.predictions.has_saliency or shows_regions(r) for r in group.members):
            localize(runs, label)
        if settings.views and models_with_views(runs, label):
            compare_views(runs, label)
    work.warnings |= {name: text for name, text in runs.warnings.items() if name not in work.warnings}
    compared = {model.name for model in work.models}
    for (label, level, subgroup, further), by_run in runs.found.items():
        if len(by_run) == len(group.members):
            for result in over_runs([_by_key(results) for results in by_run.values()]):
                work.add(group.title + further, label, level, result, subgroup)
        for name, results in by_run.items():
            for result in results if name not in compared else ():
                work.add(name + further, label, level, result, subgroup)


def _by_key(results: Sequence[metrics.Result]) -> Judged:
    """Results by what they are of: thresholds of two runs that were chosen for the same belong together."""
    found: Judged = {}
    for result in results:
        given = sorted((name, str(value)) for name, value in result.given.items())
        at = "" if "threshold_for" in result.given else result.at
        found[f"{result.metric} {at} {given} {'interpolated' in result.flags}"] = result
    return found


def lock_all(
    compared: Sequence[Scored],
    groups: Sequence[Grouped],
    validation: Sequence[Predictions | Group],
    evaluated: Chosen,
    population: Population,
) -> tuple[tuple[Locked, ...], list[Grouped]]:
    """What the thresholds of the compared models are locked on, and the groups with what those of their runs are.

    Args:
        compared: the models, ensembles among them.
        groups: of these ensembles.
        validation: () or one for each compared model; a group of as many runs, in their order, for a group.
        evaluated: the cohort.
        population: of the validation split.

    Raises:
        InputError: a group stands where there is none, or its runs are not as many; predictions that do not answer the
            validation split.
    """
    if not validation:
        return (), list(groups)
    of_group = {group.ensemble.name: group for group in groups}
    whole: list[Predictions] = []
    locked: list[Grouped] = []
    for model, given in zip(compared, validation, strict=True):
        group = of_group.get(model.name)
        wanted = 1 if group is None else len(group.members)
        members = given.members if isinstance(given, Group) else (given,)
        if len(members) != wanted:
            raise InputError(
                f"{len(members)} given for {model.name}, which is {wanted} run(s)", row="--threshold-from",
                mend="Give a group as NAME=RUN,RUN,... with the runs in the same order.",
            )  # fmt: skip
        whole.append(given.ensemble(evaluated.data) if isinstance(given, Group) else given)
        if group is not None:
            locked.append(replace(group, locked=lock(group.members, members, evaluated, population)))
    return lock(compared, whole, evaluated, population), locked
