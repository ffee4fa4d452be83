"""Weights of a combination of models, fitted on validation data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cadkit.errors import InputError
from cadkit.evaluation.cohort import choose, rows_of
from cadkit.evaluation.inputs import named
from cadkit.prediction.sources import dataset_for, predictions_of
from cadkit.prepare import open_dataset
from cadkit.reader_study.sweeps import simplex_sweep

VALIDATION = "validation"


def fitted_weights(
    validation: Sequence[str],
    *,
    data: str | Path | None = None,
    label: str = "malignant",
    step: float = 0.02,
    device: str = "auto",
) -> list[float]:
    """Weights of models whose sum has the largest AUC of a label among the validation breasts.

    Args:
        validation: a source for each model: a run (which predicts its validation split first), or predictions or a
            score table of that split.
        data: the dataset; that of the first source that says one by default.
        label: whose AUC is made large; of several weights that reach it, the smallest of the first models are taken.
        step: of the grid of weights.
        device: of runs that predict first.

    Raises:
        InputError: predictions of another split, or no breasts with and without the label.
    """
    dataset = open_dataset(dataset_for(validation, data))
    predictions = [predictions_of(one, dataset, split=VALIDATION, device=device) for one in validation]
    for source, found in zip(validation, predictions, strict=True):
        split = str(found.record.get("split", VALIDATION))
        if split != VALIDATION:
            raise InputError(
                "weights are fitted on predictions of the validation split", file=source, row="--fit-on", value=split,
                mend="Predict it: `cadkit predict RUN --split validation`.",
            )  # fmt: skip
    models = named(predictions, dataset).compared
    rows = rows_of(choose(dataset, VALIDATION, models), models, "breast", label)
    if not 0 < rows.truth.sum() < len(rows.truth):
        raise InputError(
            f"the validation split has no breasts with and without {label}", file=dataset.folder, row="--fit-on"
        )
    scores = {str(number): score for number, score in enumerate(rows.score)}
    return [float(weight) for weight in simplex_sweep(rows.truth == 1, scores, step).best()]
