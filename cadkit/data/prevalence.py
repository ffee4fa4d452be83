"""How often a label is 1, with an interval that knows that a patient's breasts and exams go together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from cadkit import metrics

METHOD = "95% intervals: ratio estimator over patients, on the logit scale; Wilson's over patients where all are alike"
_ALIKE = 1e-9  # a difference of two patients' shares that is rounding


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
    (`metrics.clustered_proportion`; Cochran 1977, section 6.4, between-cluster), and its interval symmetric on
    the logit scale. Where all patients are alike (no row is positive, or every one), that variance is 0 and says
    nothing: then a patient counts as one observation, and the interval is Wilson's (1927).

    Args:
        rows: with the columns `patient_id` and the label (0, 1, null).
        label: which column.
        ci: confidence level.
    """
    unknown = int(rows[label].is_null().sum())
    known = rows.filter(pl.col(label).is_not_null())
    if not known.height:
        return Prevalence(0, 0, unknown, 0, None, None, None)
    truth, patient = known[label].cast(pl.Int64).to_numpy(), known["patient_id"].to_numpy().astype(str)
    found = metrics.clustered_proportion(truth, patient, ci=ci)
    shares = known.group_by("patient_id").agg(pl.col(label).cast(pl.Float64).mean())[label].to_numpy()
    low, high = found.low, found.high
    if np.ptp(shares) < _ALIKE:
        low, high, _ = metrics.wilson(float(shares[0]) * len(shares), len(shares), ci)
    positives = int(truth.sum())
    return Prevalence(positives, known.height, unknown, int((shares > 0).sum()), positives / known.height, low, high)
