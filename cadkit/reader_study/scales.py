"""Scales on which readers' and models' scores are added."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import special, stats

from cadkit.errors import InputError
from cadkit.reader_study.settings import Scale
from cadkit.reader_study.wide import BoolArray, FloatArray, Study

_ROUNDS = 100


def by_rank(score: FloatArray) -> FloatArray:
    """Midranks as shares in (0, 1): the lowest of n distinct scores is 0.5 / n.

    >>> import numpy as np
    >>> by_rank(np.array([3.0, 1.0, 3.0, 7.0]))
    array([0.5  , 0.125, 0.5  , 0.875])
    """
    ranks: FloatArray = (stats.rankdata(score) - 0.5) / len(score)
    return ranks


def platt(truth: BoolArray, score: FloatArray, name: str = "") -> tuple[float, float]:
    """Intercept and slope of Platt's (1999) calibration: P(positive) = 1 / (1 + exp(-(a + b score))).

    The targets are his, (positives + 1) / (positives + 2) and 1 / (negatives + 2), so that scores which part the
    classes have a finite slope; the likelihood is maximised by Newton's steps on the standardised score.

    Raises:
        InputError: the score is constant, or higher scores are less often positive.
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    target = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, spread = float(score.mean()), float(score.std())
    slope, intercept = 0.0, float(special.logit(target.mean()))
    if spread > 0:
        x = np.stack([np.ones(len(score)), (score - centre) / spread])
        beta = np.array([intercept, 0.0])
        for _ in range(_ROUNDS):
            chance = special.expit(beta @ x)
            step = np.linalg.solve((x * chance * (1 - chance)) @ x.T, x @ (target - chance))
            beta = beta + np.clip(step, -2, 2)
            if np.abs(step).max() < 1e-12:
                break
        slope, intercept = float(beta[1] / spread), float(beta[0] - beta[1] * centre / spread)
    if slope <= 0:
        raise InputError(
            "cannot be calibrated: on the validation data larger scores are not more often positive",
            row="--scale calibrated", value=name, mend="Take --scale rank, or another validation table.",
        )  # fmt: skip
    return intercept, slope


def on_scale(study: Study, scale: Scale, validation: Study | None = None) -> Study:
    """The study with scores on a common scale; truth, recalls and order within each column stay.

    Args:
        study: reads and scores.
        scale: `as-is`, `rank` (each column's midranks as shares) or `calibrated` (each column's Platt calibration,
            fitted on `validation`).
        validation: reads and scores of other cases, in the same columns.
    """
    if scale == "as-is":
        return study
    if scale == "rank":
        return replace(
            study,
            readers={name: by_rank(score) for name, score in study.readers.items()},
            models={name: by_rank(score) for name, score in study.models.items()},
        )
    assert validation is not None

    def calibrated(scores: dict[str, FloatArray], others: dict[str, FloatArray]) -> dict[str, FloatArray]:
        made = {}
        for name, score in scores.items():
            intercept, slope = platt(validation.truth, others[name], name)
            made[name] = special.expit(intercept + slope * score)
        return made

    return replace(
        study,
        readers=calibrated(study.readers, validation.readers),
        models=calibrated(study.models, validation.models),
    )
