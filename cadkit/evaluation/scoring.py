"""Scores of images, breasts and exams against their truth: areas, thresholds, subgroups and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadkit import metrics
from cadkit.evaluation.cohort import Rows, level_scores, rows_of
from cadkit.evaluation.locking import Threshold, at_thresholds, thresholds
from cadkit.evaluation.schema import CurveKind, CurveRow
from cadkit.evaluation.subgroups import subgroups, too_small
from cadkit.evaluation.work import Work, finite

_FEW = 20  # positives below which percentile intervals are known to be too narrow


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
        rows = rows_of(work.chosen, work.models, level, label, column)
        _warn(work, rows, label, level)
        names = [model.name + suffix for model in work.models]
        chosen = thresholds(work.settings, rows, len(names), label, level, column, work.locked)
        whole = _Judged(names, label, level, "all", chosen)
        _judge(work, rows, whole)
        if 0 < int(rows.truth.sum()) < len(rows.truth):
            for name, score in zip(names, rows.score, strict=True):
                work.curves += _roc_and_pr(name, label, level, rows.truth, score)
        if work.settings.by and not suffix:
            units = dict(work.chosen.units(level))
            groups = subgroups(work.chosen.data, work.settings.by, level, [units[i] for i in rows.ids])
            for subgroup, members in groups.items():
                _judge(work, _part(rows, members), replace(whole, subgroup=subgroup))


def _columns(work: Work, label: str, level: str) -> list[tuple[str, str]]:
    """(suffix of the model's name, column) of the scores to judge for a label."""
    columns = [("", label)]
    if work.settings.extra:
        tables = [{c for row in level_scores(m, work.chosen, level).values() for c in row} for m in work.models]
        for column in sorted(set.intersection(*tables)):
            name, dot, scored = column.rpartition(".")
            if dot and scored == label:
                columns.append((f" ({name})", column))
    return columns


def _warn(work: Work, rows: Rows, label: str, level: str) -> None:
    if rows.unanswered or rows.unknown:
        work.warnings.setdefault(
            f"left-out-{level}-{label}",
            f"{label}, {level} level: {rows.unknown} of unknown truth and {rows.unanswered} without a score "
            "were left out.",
        )
    positives = int(rows.truth.sum())
    if 0 < positives < _FEW or 0 < len(rows.truth) - positives < _FEW:
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


def _nothing(metric: str, rows: Rows, reason: str) -> metrics.Result:
    clusters = len(np.unique(rows.patient))
    return metrics.Result(
        metric, None, n=len(rows.truth), positives=int(rows.truth.sum()), clusters=clusters, reason=reason
    )


def _answer(work: Work, rows: Rows, score: Any, level: str, chosen: Sequence[Threshold]) -> list[metrics.Result]:
    settings = work.settings
    asked: list[metrics.Metric] = ["auc", "prauc"]
    points = [("specificity_at_sensitivity", at) for at in settings.sensitivity_at]
    points += [("sensitivity_at_specificity", at) for at in settings.specificity_at]
    for name, at in points:
        asked.append((name, at))
        if settings.interpolate:
            asked.append((name, at, {"interpolate": True}))
    found = metrics.classification(rows.truth, score, asked, cluster=rows.patient, bootstrap=work.replicates)
    return found + at_thresholds(chosen, rows, score, level, settings, work.replicates)


def _roc_and_pr(model: str, label: str, level: str, truth: Any, score: Any) -> list[CurveRow]:
    roc, pr = metrics.roc_curve(truth, score), metrics.pr_curve(truth, score)
    points: tuple[tuple[CurveKind, Any, Any, Any], ...] = (
        ("roc", roc.fpr, roc.tpr, roc.threshold),
        ("pr", pr.recall, pr.precision, pr.threshold),
    )
    return [
        CurveRow(
            model=model, label=label, level=level, kind=kind, x=x.tolist(), y=y.tolist(), threshold=finite(threshold)
        )
        for kind, x, y, threshold in points
    ]
