"""How often a label is 1, with an interval that knows that a patient's breasts and exams go together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

METHOD = "95% intervals: ratio estimator over patients, on the logit scale; Wilson's over patients where all are alike"


@dataclass(frozen=True)
class Prevalence:
    """The share of positive rows (breasts, or exams) of a label.

    Attributes:
        positives: rows that are 1.
        known: rows that are 0 or 1.
        unknown: rows that are empty.
        patients: patients with a positive row.
        share: positives of known; None where nothing is known.
        low, high: its confidence interval, clustered by patient; None where there is none.
    """

    positives: int
    known: int
    unknown: int
    patients: int
    share: float | None
    low: float | None
    high: float | None


def prevalence(rows: pl.DataFrame, label: str, ci: float = 0.95) -> Prevalence:
    """The prevalence of a label among rows that name their patient.

    The share is a ratio of two sums over patients; its variance is that of the ratio estimator
    (Cochran 1977, section 6.4, between-cluster), k / (k - 1) times the sum of (positives_i - share *
    known_i)^2 over the k patients, divided by known^2; the interval is symmetric on the logit scale. Where
    all patients are alike (no row is positive, or every one), that variance is 0 and says nothing: then
    a patient counts as one observation, and the interval is Wilson's (1927).

    Args:
        rows: with the columns `patient_id` and the label (0, 1, null).
        label: which column.
        ci: confidence level.
    """
    unknown = int(rows[label].is_null().sum())
    known = rows.filter(pl.col(label).is_not_null())
    if not known.height:
        return Prevalence(0, 0, unknown, 0, None, None, None)
    sums = known.group_by("patient_id").agg(
        pl.col(label).cast(pl.Float64).sum().alias("positive"), pl.len().cast(pl.Float64).alias("rows")
    )
    positive, size = sums["positive"].to_numpy(), sums["rows"].to_numpy()
    share = float(positive.sum() / size.sum())
    low, high = _interval(positive, size, share, NormalDist().inv_cdf(0.5 + ci / 2))
    return Prevalence(
        int(positive.sum()), int(size.sum()), unknown, int((positive > 0).sum()), share, low, high
    )  # fmt: skip


def _interval(positive: NDArray[np.float64], size: NDArray[np.float64], share: float, z: float) -> tuple[float, float]:
    patients = len(size)
    residuals = float(((positive - share * size) ** 2).sum())
    if residuals < 1e-12:
        centre, spread = (
            share + z * z / (2 * patients),
            z * math.sqrt(share * (1 - share) / patients + (z / (2 * patients)) ** 2),
        )
        low, high = (centre - spread) / (1 + z * z / patients), (centre + spread) / (1 + z * z / patients)
        return (0.0 if share == 0 else low), (1.0 if share == 1 else high)
    variance = patients / (patients - 1) * residuals / float(size.sum()) ** 2
    logit, width = math.log(share / (1 - share)), z * math.sqrt(variance) / (share * (1 - share))
    return 1 / (1 + math.exp(width - logit)), 1 / (1 + math.exp(-width - logit))
