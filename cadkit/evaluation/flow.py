"""The way of the units from eligible to evaluated (STARD), and what those that were lost could have changed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cadkit import metrics
from cadkit.evaluation.cohort import Chosen, Scored, level_scores, patient_of, rows_of
from cadkit.evaluation.schema import CohortUnits
from cadkit.evaluation.work import Work, result_row

SIDES = ("worst", "best")


def units_of(work: Work) -> list[CohortUnits]:
    """Counts of every label and level: eligible, lost for each reason, evaluated."""
    chosen = work.chosen
    everyone = replace(chosen, exams=chosen.eligible)
    counts: list[CohortUnits] = []
    for label in work.labels:
        for level in work.settings.levels:
            rows = rows_of(chosen, work.models, level, label)
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
    truth without an answer; units that another model skipped are counted with their scores.
    """
    everyone = replace(work.chosen, exams=work.chosen.eligible)
    for model in work.models:
        truth, score, patient = _with_gaps(everyone, model, label, level)
        gaps = np.isnan(score)
        if not gaps.any():
            continue
        for side in SIDES:
            filled = _filled(truth, score, gaps, side)
            given = {"skipped": side, "units": int(gaps.sum())}
            area = metrics.auc_delong(truth, filled, cluster=patient, ci=work.settings.ci)
            precision = metrics.classification(truth, filled, ["prauc"], cluster=patient)[0]
            for result in (area, precision):
                work.worst_case.append(result_row(model.name, label, level, replace(result, given=given)))


def _with_gaps(
    everyone: Chosen, model: Scored, label: str, level: str
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.str_]]:
    """Truth, score (NaN where the model gave none) and patient of all eligible units of known truth."""
    skipped = {name for kind, name, _ in model.predictions.skipped().iter_rows() if kind == "exam"}
    table = level_scores(Scored(model.name, model.predictions), everyone, level)
    truths: list[int] = []
    scores: list[float] = []
    patients: list[str] = []
    for identity, unit in everyone.units(level):
        truth = everyone.truth(unit, label)
        if math.isnan(truth):
            continue
        exam = unit if level == "exam" else getattr(unit, "exam", unit)
        score = None if exam.id in skipped else everyone.score(table.get(identity, {}), label)
        truths.append(int(truth))
        scores.append(math.nan if score is None else score)
        patients.append(patient_of(unit))
    return np.array(truths, dtype=np.int64), np.array(scores, dtype=np.float64), np.array(patients, dtype=str)


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
