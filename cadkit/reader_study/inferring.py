"""AUC of models and hybrids against the readers by analysis of variance, beside the bootstrap.

Both generalise to other readers and other cases at once (RRRC); the test of a model also to other readers of the same
cases (RRFC). Cases of one cluster are left out together.
"""

from __future__ import annotations

import numpy as np

from cadkit import metrics
from cadkit.reader_study.inference import Estimate
from cadkit.reader_study.mrmc import analyse
from cadkit.reader_study.ratings import RatingStudy
from cadkit.reader_study.single_model import compare_scores
from cadkit.reader_study.sweeps import weighted
from cadkit.reader_study.wide import FloatArray
from cadkit.reader_study.work import MEAN, Work

_HILLIS = ("RRRC", "RRFC")


def against_readers(work: Work, name: str, score: FloatArray) -> None:
    """A model, as a fixed reader, against the readers (Hillis 2013)."""
    study = work.study
    if len(study.readers) < 2:
        return
    found = compare_scores(
        study.truth, score, study.reads(), cluster=study.cluster, covariance="jackknife", ci=work.settings.ci
    )
    for inference in _HILLIS:
        _add(work, name, found.differences[inference], f"hillis-{inference.lower()}", -1)


def with_and_without(work: Work, name: str, model: FloatArray) -> None:
    """Readers with a model (hybrids at the weight named beforehand) against the same readers alone.

    Obuchowski and Rockette's analysis with jackknife covariances and Hillis's degrees of freedom; the two ways of
    reading are the modalities.
    """
    study, ci = work.study, work.settings.ci
    if len(study.readers) < 2:
        return
    mixed = weighted(work.scaled.reads(), model, work.settings.weight)
    found = analyse(
        RatingStudy(
            tuple(study.readers),
            ("with", "without"),
            tuple(str(number) for number in range(len(study.truth))),
            study.truth,
            np.stack([mixed, study.reads()]),
            np.unique(study.cluster, return_inverse=True)[1].astype(np.int64),
        ),
        fom="auc",
        method="or",
        covariance="jackknife",
        ci=ci,
    )
    _add(work, name, found.inferences["RRRC"].differences["with", "without"], "or-rrrc", 1, **work.in_hybrids)


def _add(work: Work, name: str, found: Estimate, method: str, sign: int, **given: object) -> None:
    ends = [None if end is None else sign * end for end in (found.low, found.high)][::sign]
    work.compared(
        name,
        MEAN,
        metrics.Comparison(
            "auc", sign * found.value, ends[0], ends[1], work.settings.ci if ends[0] is not None else None, found.p,
            method, statistic=None if found.statistic is None else sign * found.statistic, reason=found.reason,
            given=given,
        ),
    )  # fmt: skip
