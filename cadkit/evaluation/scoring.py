"""Scores of images, breasts and exams against their truth: areas, thresholds, subgroups and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadkit import metrics
from cadkit.evaluation.bins import with_edges
from cadkit.evaluation.cohort import Rows, Scored, level_scores
from cadkit.evaluation.curves import histogram, probability_curves, score_curves, unit_scores
from cadkit.evaluation.locking import Threshold, at_thresholds, thresholds
from cadkit.evaluation.pair_tests import Called, mcnemar_tests, permutation_test
from cadkit.evaluation.partial_areas import partial_areas
from cadkit.evaluation.settings import Settings
from cadkit.evaluation.subgroups import FEW, few_in, subgroups, too_small
from cadkit.evaluation.work import Work

_OF_PROBABILITIES: tuple[metrics.Metric, ...] = ("brier", "ece")


@dataclass(frozen=True)
class _Judged:
    """What is judged: the models' names, a label, a level, a part of the cohort, and a threshold list per model."""

    names: list[str]
    label: str
    level: str
    subgroup: str
    chosen: list[list[Threshold]]


def score_label(work: Work, label: str, level: str) -> None:
    """All numbers of a label and level that come from scores alone, into `work`."""
    for suffix, column in _columns(work, label, level):
        rows = work.rows(label, level, column)
        _warn(work, rows, label, level)
        names = [model.name + suffix for model in work.models]
        chosen = thresholds(work.settings, rows, len(names), label, level, column, work.locked)
        whole = _Judged(names, label, level, "all", chosen)
        _judge(work, rows, whole)
        if not suffix:
            _calibration(work, rows, whole)
        if 0 < int(rows.truth.sum()) < len(rows.truth) and not work.numbers_only:
            _draw(work, rows, whole, suffix)
        if work.settings.by and not suffix:
            units = dict(work.chosen.units(level))
            groups = subgroups(work.chosen.data, work.settings.by, level, [units[i] for i in rows.ids])
            if text := few_in(groups, rows.truth):
                work.warnings.setdefault(f"few-subgroups-{level}-{label}", f"{label}, {level} level. {text}")
            for subgroup, members in groups.items():
                _judge(work, _part(rows, members), replace(whole, subgroup=subgroup))


def _columns(work: Work, label: str, level: str) -> list[tuple[str, str]]:
    """(suffix of the model's name, column) of the scores to judge for a label."""
    columns = [("", label)]
    if work.settings.extra:
        every = dict.fromkeys([*work.models, *work.everyone])
        tables = [{c for row in level_scores(m, work.chosen, level).values() for c in row} for m in every]
        for column in sorted(set.intersection(*tables)):
            name, dot, scored = column.rpartition(".")
            if dot and scored == label:
                columns.append((f" ({name})", column))
    return columns


def _warn(work: Work, rows: Rows, label: str, level: str) -> None:
    if rows.unanswered or rows.unknown:
        counts = ((rows.unknown, "of unknown truth"), (rows.unanswered, "without a score of every model"))
        lost = " and ".join(f"{count} {why}" for count, why in counts if count)
        text = f"{label}, {level} level: {lost} left out."
        if rows.unanswered and work.settings.froc and level == "breast":
            text += " Images of breasts without a score stay in the FROC, where every model that localizes has them."
        work.warnings.setdefault(f"left-out-{level}-{label}", text)
    positives = int(rows.truth.sum())
    if 0 < positives < FEW or 0 < len(rows.truth) - positives < FEW:
        work.warnings.setdefault(
            f"few-{level}-{label}",
            f"{label}, {level} level: only {positives} positives and {len(rows.truth) - positives} negatives; "
            "intervals from so few are rough and tend to be too narrow.",
        )


def _part(rows: Rows, members: NDArray[np.bool_]) -> Rows:
    ids = [identity for identity, member in zip(rows.ids, members, strict=True) if member]
    return Rows(ids, rows.truth[members], rows.score[:, members], rows.patient[members], 0, 0)


def _judge(work: Work, rows: Rows, judged: _Judged) -> None:
    """Results of every model on some rows, and the differences of every pair."""
    label, level, subgroup = judged.label, judged.level, judged.subgroup
    reason = too_small(rows.truth) if subgroup != "all" else None
    found: list[list[metrics.Result]] = []
    for name, score, chosen in zip(judged.names, rows.score, judged.chosen, strict=True):
        if reason is None:
            answer = _answer(work, rows, score, level, chosen)
        else:
            answer = [_nothing(one, rows, reason) for one in ("auc", "prauc")]
        found.append(answer)
        for result in answer:
            work.add(name, label, level, result, subgroup)
    for first, second in combinations(range(len(judged.names)), 2):
        names = judged.names[first], judged.names[second]
        if reason is None:
            scores = rows.score[first], rows.score[second]
            work.compare_areas(names, label, level, rows.truth, scores, rows.patient, subgroup)
        for pair in zip(found[first], found[second], strict=True):
            work.compare(*names, label, level, pair, subgroup=subgroup)
        if reason is None:
            _test(work, rows, judged, (second, first) if work.turned(*names) else (first, second))


def _test(work: Work, rows: Rows, judged: _Judged, pair: tuple[int, int]) -> None:
    """McNemar's tests at each threshold of two models, and permutation tests where they are asked for."""
    settings = work.settings
    names = judged.names[pair[0]], judged.names[pair[1]]
    tests: list[metrics.Comparison] = []
    if settings.permutations:
        scores = rows.score[pair[0]], rows.score[pair[1]]
        probabilities = all(work.models[one].predictions.probability for one in pair)
        tests += [
            permutation_test(
                rows.truth, scores, metric, cluster=rows.patient, n=settings.permutations, seed=settings.seed,
                ranks=not probabilities,
            )
            for metric in _asked(settings)
        ]  # fmt: skip
    for here, there in zip(judged.chosen[pair[0]], judged.chosen[pair[1]], strict=True):
        if here.value is not None and there.value is not None:
            a = Called(rows.score[pair[0]], here.value, here.wanted, here.in_sample)
            b = Called(rows.score[pair[1]], there.value, there.wanted, there.in_sample)
            several = len(np.unique(rows.patient)) < len(rows.patient)
            tests += mcnemar_tests(rows.truth, a, b, clustered=several)
    for test in tests:
        work.test(*names, judged.label, judged.level, judged.subgroup, test)


def _nothing(metric: str, rows: Rows, reason: str) -> metrics.Result:
    clusters = len(np.unique(rows.patient))
    return metrics.Result(
        metric, None, n=len(rows.truth), positives=int(rows.truth.sum()), clusters=clusters, reason=reason
    )


def _answer(work: Work, rows: Rows, score: Any, level: str, chosen: Sequence[Threshold]) -> list[metrics.Result]:
    settings = work.settings
    asked = _asked(settings)
    found = metrics.classification(rows.truth, score, asked, cluster=rows.patient, bootstrap=work.replicates)
    return found + at_thresholds(chosen, rows, score, level, settings, work.replicates)


def _asked(settings: Settings) -> list[metrics.Metric]:
    """The metrics of scores that need no threshold."""
    asked: list[metrics.Metric] = ["auc", "prauc", *(metric for _, metric in partial_areas(settings.partial_auc))]
    points = [("specificity_at_sensitivity", at) for at in settings.sensitivity_at]
    points += [("sensitivity_at_specificity", at) for at in settings.specificity_at]
    for name, at in points:
        asked.append((name, at))
        if settings.interpolate:
            asked.append((name, at, {"interpolate": True}))
    return asked


def _draw(work: Work, rows: Rows, judged: _Judged, suffix: str) -> None:
    """What the figures of one label and level are drawn from, into `work`."""
    label, level = judged.label, judged.level
    plain = not suffix and label not in work.chosen.unions and not work.chosen.population.normalised
    for name, model, score in zip(judged.names, work.models, rows.score, strict=True):
        place = (name, label, level)
        work.curves += score_curves(place, rows.truth, score, rows.patient, work.replicates)
        probability = plain and _is_probability(model, score)
        work.histograms.append(histogram(place, rows.truth, score, probability=probability))
        if probability:
            work.curves += probability_curves(place, rows.truth, score, work.settings.ci)
    if not suffix:
        scores = dict(zip(judged.names, rows.score, strict=True))
        table = unit_scores(label, level, rows.ids, rows.truth, scores, work.units)
        work.units += [] if table is None else [table]


def _is_probability(model: Scored, score: NDArray[np.float64]) -> bool:
    """Whether the scores mean probabilities, as the prediction says, and can be."""
    return model.predictions.probability and bool(((score >= 0) & (score <= 1)).all())


def _calibration(work: Work, rows: Rows, whole: _Judged) -> None:
    """Brier score and calibration error of the models whose scores are probabilities, and their differences."""
    if whole.label in work.chosen.unions or work.chosen.population.normalised:
        return
    found: dict[str, list[metrics.Result]] = {}
    for name, model, score in zip(whole.names, work.models, rows.score, strict=True):
        if _is_probability(model, score):
            results = metrics.classification(
                rows.truth, score, _OF_PROBABILITIES, cluster=rows.patient, bootstrap=work.replicates
            )
            found[name] = [with_edges(result) for result in results]
            for result in found[name]:
                work.add(name, whole.label, whole.level, result)
    for a, b in combinations(found, 2):
        for pair in zip(found[a], found[b], strict=True):
            work.compare(a, b, whole.label, whole.level, pair)
