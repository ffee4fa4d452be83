"""The cohort of the speed benchmarks of scores: the screening test set of GMIC's paper in size and prevalence."""

from __future__ import annotations

import numpy as np

from cadkit import metrics

BREASTS, MALIGNANT, MODELS = 28_296, 62, 7


def cohort(small: bool = False) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Patient (two breasts each), truth and the scores of seven models, without ties."""
    breasts, malignant = (2_000, 20) if small else (BREASTS, MALIGNANT)
    generator = np.random.default_rng(2020)
    patient = np.repeat(np.arange(breasts // 2), 2)
    truth = np.zeros(breasts, dtype=int)
    truth[generator.choice(breasts, malignant, replace=False)] = 1
    common = generator.normal(size=breasts) + 1.6 * truth
    return patient, truth, [common + generator.normal(size=breasts) for _ in range(MODELS)]


def both(truth: np.ndarray, score: np.ndarray, patient: np.ndarray, plan: metrics.Bootstrap) -> object:
    """AUC and PRAUC with intervals; the counts are drawn anew."""
    replicates = metrics.Replicates(patient, options=plan)
    return metrics.classification(truth, score, ("auc", "prauc"), cluster=patient, bootstrap=replicates)
