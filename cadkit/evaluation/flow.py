"""The way of the units from eligible to evaluated (STARD), and what those that were lost could have changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadkit import metrics
from cadkit.data import Exam
from cadkit.evaluation.cohort import Chosen, Scored, level_scores
from cadkit.evaluation.schema import CohortUnits
from cadkit.evaluation.settings import transform_of
from cadkit.evaluation.work import Work, result_row
from cadkit.prediction.levels import Unit

SIDES = ("worst", "best")


def units_of(work: Work) -> list[CohortUnits]:
    """Counts of every label and level: eligible, lost for each reason, evaluated."""
    chosen = work.chosen
    everyone = replace(chosen, exams=chosen.eligible)
    counts: list[CohortUnits] = []
    for label in work.labels:
        for level in work.settings.levels:
            rows = work.rows(label, level)
            eligible, here = len(everyone.units(level)), len(chosen.units(level))
            positives = int(rows.truth.sum())
            counts.append(
                {
                    "label": label,
                    "level": level,
                    "eligible": eligible,
                    "skipped": eligible - here,
                    "unknown": rows.unknown,
                    "unanswered": rows.unanswered,
                    "evaluated": len(rows.truth),
                    "positives": positives,
                    "negatives": len(rows.truth) - positives,
                }
            )
    return counts


def worst_case(work: Work, label: str, level: str) -> None:
    """AUC and PRAUC of each model had it scored all that it skipped: as wrongly, and as rightly, as can be.

    `worst`: positives lowest, negatives highest; `best`: the reverse. Rows only of models that left a unit of known
    truth without an answer; units that another model skipped are counted with their scores. The PRAUC's interval is
    from replicates of all eligible clusters.
    """
    everyone = replace(work.chosen, exams=work.chosen.eligible)
    units = [(identity, unit, everyone.truth(unit, label)) for identity, unit in everyone.units(level)]
    known = [(identity, unit) for identity, unit, value in units if not math.isnan(value)]
    truth = np.array([int(value) for _, _, value in units if not math.isnan(value)], dtype=np.int64)
    patient = np.array([everyone.cluster_of(unit) for _, unit in known], dtype=str)
    for model in work.models:
        score = _with_gaps(everyone, model, label, level, known)
        gaps = np.isnan(score)
        if not gaps.any():
            continue
        for side in SIDES:
            filled = _filled(truth, score, gaps, side)
            given = {"skipped": side, "units": int(gaps.sum())}
            area = metrics.auc_delong(
                truth, filled, cluster=patient, ci=work.settings.ci, transform=transform_of(work.settings.auc_interval)
            )
            precision = metrics.classification(truth, filled, ["prauc"], cluster=patient, bootstrap=work.of_eligible)[0]
            for result in (area, precision):
                work.worst_case.append(result_row(model.name, label, level, replace(result, given=given)))


def _with_gaps(
    everyone: Chosen, model: Scored, label: str, level: str, units: Sequence[tuple[Any, Unit]]
) -> NDArray[np.float64]:
    """The score of every unit, NaN where the model gave none."""
    skipped = {name for kind, name, _ in model.predictions.skipped().iter_rows() if kind == "exam"}
    table = level_scores(Scored(model.name, model.predictions), everyone, level)
    found = np.full(len(units), math.nan)
    for number, (identity, unit) in enumerate(units):
        row = table.get(identity)
        if row is not None and (unit if isinstance(unit, Exam) else unit.exam).id not in skipped:
            score = everyone.score(row, label)
            found[number] = math.nan if score is None else score
    return found


def _filled(
    truth: NDArray[np.int64], score: NDArray[np.float64], gaps: NDArray[np.bool_], side: str
) -> NDArray[np.float64]:
    """Scores with gaps below all others or above them; those on one side tie with each other."""
    answered = score[~gaps]
    lowest, highest = (float(answered.min()), float(answered.max())) if len(answered) else (0.0, 0.0)
    low, high = np.nextafter(lowest, -np.inf), np.nextafter(highest, np.inf)
    right = np.where(truth == 1, high, low)
    wrong = np.where(truth == 1, low, high)
    return np.where(gaps, wrong if side == "worst" else right, score)
