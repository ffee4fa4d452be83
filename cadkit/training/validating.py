"""Predictions of the validation split, and the numbers that choose the epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from cadkit.data import Dataset, Exam
from cadkit.metrics.roc import auc
from cadkit.plugin import ExamPrediction, ModelInfo, Skipped
from cadkit.plugin.pooling import Pooled, pool_exam

Level = Literal["image", "breast", "exam"]


@dataclass
class Validation:
    """Answers for the validation split, pooled.

    Attributes:
        exams: the exams, in order.
        answers: what the model said of each.
        pooled: their scores at every level.
    """

    exams: Sequence[Exam]
    answers: Sequence[ExamPrediction | Skipped]
    pooled: Sequence[Pooled]

    @classmethod
    def of(cls, exams: Sequence[Exam], answers: Sequence[ExamPrediction | Skipped], info: ModelInfo) -> Validation:
        """Pool answers to breasts and exams."""
        return cls(exams, answers, [pool_exam(e, a, info) for e, a in zip(exams, answers, strict=True)])

    def table(self, level: Level) -> pl.DataFrame:
        """Scores of one level: ids (`exam_id` with `image_id` or `side`) and a column per score."""
        rows: list[dict[str, str | float]] = []
        for pooled in self.pooled:
            if level == "image":
                rows += [{"exam_id": pooled.exam_id, "image_id": i, **s} for i, s in pooled.images.items()]
            elif level == "breast":
                rows += [{"exam_id": pooled.exam_id, "side": side, **s} for side, s in pooled.breasts.items()]
            elif pooled.exam is not None:
                rows.append({"exam_id": pooled.exam_id, **pooled.exam})
        return pl.DataFrame(rows, infer_schema_length=None)


def breast_aucs(validation: Validation, data: Dataset, labels: Sequence[str]) -> dict[str, float]:
    """The AUC of each label over the breasts whose label is known; labels with one class only are left out."""
    exams = {exam.id: exam for exam in data.exams}
    truth: dict[str, list[float]] = {label: [] for label in labels}
    scores: dict[str, list[float]] = {label: [] for label in labels}
    for pooled in validation.pooled:
        for side, row in pooled.breasts.items():
            for label in labels:
                value = exams[pooled.exam_id].breasts[side].truth(label)
                if not math.isnan(value):
                    truth[label].append(value)
                    scores[label].append(row[label])
    values = {}
    for label in labels:
        if len(set(truth[label])) == 2:
            found = auc(np.asarray(truth[label]), np.asarray(scores[label])).value
            if found is not None:
                values[label] = float(found)
    return values
