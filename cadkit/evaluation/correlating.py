"""How the predictions of an exam go together: left and right breast, each label (Wu et al. 2019, Figure S1)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cadkit import metrics
from cadkit.data.tables import SIDES
from cadkit.errors import InputError
from cadkit.evaluation.cohort import Scored, level_scores
from cadkit.evaluation.doubts import counted
from cadkit.evaluation.population import EVERYONE
from cadkit.evaluation.schema import CorrelationRow
from cadkit.evaluation.work import Work, finite

_NAMES = dict(zip(SIDES, ("left", "right"), strict=True))


def correlate(work: Work) -> None:
    """The correlation matrices of every model, over the cohort's exams both of whose breasts it scored.

    Raises:
        InputError: no model scores breasts.
    """
    if not any(model.gives("breast") for model in work.models):
        raise InputError(
            "no model scores breasts, left and right apart", row="--correlations",
            value=", ".join(model.name for model in work.models),
            mend="Leave it out, or give scores of breasts or images.",
        )  # fmt: skip
    for model in work.models:
        if model.gives("breast"):
            work.correlations.append(_row(work, model))
        else:
            work.warnings[f"correlations-{model.name}"] = f"{model.name} scores no breasts: it has no correlations."


def _row(work: Work, model: Scored) -> CorrelationRow:
    everyone = replace(work.chosen, population=EVERYONE)
    table = level_scores(replace(model, tables={}), everyone, "breast")
    labels = [label for label in work.labels if label in model.predictions.labels]
    labels += [label for label in model.predictions.labels if label not in labels]
    columns = [(side, label) for side in SIDES for label in labels]
    rows = []
    for exam in work.chosen.exams:
        scores = [table.get((exam.id, side), {}).get(label) for side, label in columns]
        if all(score is not None for score in scores):
            rows.append(scores)
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))
    found = {
        "pearson": metrics.correlations(values, "pearson"),
        "spearman": metrics.correlations(values, "spearman"),
    }
    row: CorrelationRow = {
        "model": model.name,
        "names": [f"{_NAMES[side]} {label}" for side, label in columns],
        "n": len(rows),
        "pearson": [finite(line) for line in found["pearson"]],
        "spearman": [finite(line) for line in found["spearman"]],
    }
    if np.isnan(found["pearson"]).any():
        few = len(rows) < 2
        row["reason"] = (
            f"{counted(len(rows), 'exam')} with both breasts scored" if few else "a score that does not vary"
        )
    return row
