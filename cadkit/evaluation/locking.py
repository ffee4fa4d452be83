"""Thresholds locked on validation data, or, where there are none, chosen on the evaluated data and said to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cadkit import metrics
from cadkit.errors import InputError
from cadkit.evaluation.cohort import Chosen, Rows, Scored, choose, rows_of
from cadkit.evaluation.identity import check_same_model
from cadkit.evaluation.population import Population
from cadkit.evaluation.settings import Settings
from cadkit.prediction import Predictions

SPLIT = "validation"
_PLAIN = ("sensitivity", "specificity", "ppv", "npv", "recall_rate")
_PER_EXAM = "cancer_detection_rate"
_REWEIGHED = ("ppv", "npv", "recall_rate")


@dataclass(frozen=True)
class Locked:
    """The validation split as one model scored it.

    Attributes:
        in_sample: exams of it are among those evaluated, too.
        warning: that it cannot be told whether it is the model that is evaluated.
    """

    model: Scored
    chosen: Chosen
    in_sample: bool
    warning: str | None = None


@dataclass(frozen=True)
class Threshold:
    """A threshold, or the reason why there is none.

    Attributes:
        wanted: what it was chosen for: `sensitivity 0.9`.
        in_sample: it was chosen on the rows that it is judged on.
    """

    wanted: str
    value: float | None
    in_sample: bool
    reason: str | None = None


def lock(
    models: Sequence[Scored],
    validation: Sequence[Predictions],
    evaluated: Chosen,
    population: Population,
) -> tuple[Locked, ...]:
    """The validation split of each model, from predictions in the models' order.

    Raises:
        InputError: predictions that do not answer the validation split, or are of another model.
    """
    here = {exam.id for exam in evaluated.exams}
    made = []
    for model, predictions in zip(models, validation, strict=False):
        doubt = check_same_model(model.name, model.predictions, predictions)
        scored = Scored(model.name, predictions)
        try:
            chosen = choose(evaluated.data, SPLIT, [scored], population, evaluated.unions)
        except InputError as error:
            raise InputError(f"no threshold can be locked for {model.name}: {error}", row="--threshold-from") from None
        made.append(Locked(scored, chosen, any(exam.id in here for exam in chosen.exams), doubt))
    return tuple(made)


def thresholds(
    settings: Settings, rows: Rows, models: int, label: str, level: str, column: str, locked: Sequence[Locked]
) -> list[list[Threshold]]:
    """For every model the thresholds that reach the sensitivities and specificities asked for."""
    found: list[list[Threshold]] = []
    for number in range(models):
        truth, score, in_sample = rows.truth, rows.score[number], True
        if locked:
            one = locked[number]
            own = rows_of(one.chosen, [one.model], level, label, column)
            truth, score, in_sample = own.truth, own.score[0], one.in_sample
        wanted = [("sensitivity", at) for at in settings.sensitivity_at]
        wanted += [("specificity", at) for at in settings.specificity_at]
        found.append([_threshold(truth, score, name, at, in_sample) for name, at in wanted])
    return found


def _threshold(truth: npt.ArrayLike, score: npt.ArrayLike, name: str, at: float, in_sample: bool) -> Threshold:
    wanted = f"{name} {at:g}"
    try:
        if name == "sensitivity":
            value = metrics.threshold_at(truth, score, sensitivity=at)
        else:
            value = metrics.threshold_at(truth, score, specificity=at)
    except ValueError as error:
        return Threshold(wanted, None, in_sample, f"no threshold: {error}")
    if not np.isfinite(value):
        return Threshold(wanted, None, in_sample, f"no threshold reaches a {wanted} but calling no one positive")
    return Threshold(wanted, value, in_sample)


def at_thresholds(
    found: Sequence[Threshold],
    rows: Rows,
    score: np.ndarray[tuple[int], np.dtype[np.float64]],
    level: str,
    settings: Settings,
    replicates: metrics.Replicates,
) -> list[metrics.Result]:
    """The metrics at each threshold; each says in `given` what the threshold was chosen for."""
    names = [*_PLAIN, *([_PER_EXAM] if level == "exam" else [])]
    asked: list[tuple[str, Mapping[str, float]]] = [(name, {}) for name in names]
    if settings.prevalence is not None:
        asked += [(name, {"prevalence": settings.prevalence}) for name in _REWEIGHED]
    made: list[metrics.Result] = []
    for one in found:
        given = {"threshold_for": one.wanted}
        if one.value is None:
            clusters = len(np.unique(rows.patient))
            made += [
                metrics.Result(
                    name, None, n=len(rows.truth), positives=int(rows.truth.sum()), clusters=clusters,
                    reason=one.reason, flags=("in-sample",) if one.in_sample else (), given={**given, **options},
                )
                for name, options in asked
            ]  # fmt: skip
            continue
        wanted: list[metrics.Metric] = [
            (name, one.value, {**options, "in_sample": one.in_sample}) for name, options in asked
        ]
        results = metrics.classification(rows.truth, score, wanted, cluster=rows.patient, bootstrap=replicates)
        made += [_with(result, given) for result in results]
    return made


def _with(result: metrics.Result, given: Mapping[str, object]) -> metrics.Result:
    return replace(result, given={**given, **result.given})
