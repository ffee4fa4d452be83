"""What figures of scores are drawn from: curves with their bands, histograms, the scores of every unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cadkit import metrics
from cadkit.evaluation.schema import CurveKind, CurveRow, HistogramRow, UnitScores

_BINS = 40
_MOST_SCORES = 300_000  # of all units of a report: 5 MiB of report.json
# Where bands are computed: every hundredth, and closer where screening works. Divided, not spaced: a grid point above
# 3/50 by a rounding error would read the precision of the next threshold.
_FPR = np.unique(np.concatenate([np.arange(9) / 400, np.arange(101) / 100]))
_RECALL = np.arange(1, 101) / 100
# Threshold probabilities of a decision curve: those of a screening cohort lie far below a half.
_THRESHOLDS = np.concatenate([np.arange(1, 10) / 1000, np.arange(1, 100) / 100])


def score_curves(
    place: tuple[str, str, str],
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    cluster: npt.ArrayLike | None,
    replicates: metrics.Replicates | None,
) -> list[CurveRow]:
    """The ROC and precision-recall curves of a model, with bands where there are replicates.

    Args:
        place: model, label and level.
        truth, score: of both classes.
        cluster: of every row, as the replicates know it.
        replicates: shared with all numbers of the report.
    """
    roc, pr = metrics.roc_curve(truth, score), metrics.pr_curve(truth, score)
    rows = [
        _curve(place, "roc", roc.fpr, roc.tpr, roc.threshold),
        _curve(place, "pr", pr.recall, pr.precision, pr.threshold),
    ]
    if replicates is not None:
        bands = metrics.curve_bands(truth, score, fpr=_FPR, recall=_RECALL, cluster=cluster, bootstrap=replicates)
        for row, band in zip(rows, bands, strict=True):
            if np.isfinite(band.low).all():
                row["band_x"], row["low"], row["high"] = band.x.tolist(), band.low.tolist(), band.high.tolist()
    return rows


def probability_curves(
    place: tuple[str, str, str], truth: npt.ArrayLike, score: npt.ArrayLike, ci: float
) -> list[CurveRow]:
    """Reliability with Wilson's intervals in 10 bins of equal width, and net benefit over threshold probabilities."""
    bars = metrics.reliability(truth, score, ci=ci)
    reliability = _curve(place, "reliability", bars.mean, bars.share, np.full(len(bars.mean), np.nan))
    reliability["band_x"], reliability["low"], reliability["high"] = (
        column.tolist() for column in (bars.mean, bars.low, bars.high)
    )
    reliability["rows"], reliability["positives"] = bars.n.tolist(), bars.positives.tolist()
    benefit = metrics.decision_curve(truth, score, _THRESHOLDS)
    decision = _curve(place, "decision", benefit.threshold, benefit.model, benefit.threshold)
    decision["treat_all"] = benefit.treat_all.tolist()
    return [reliability, decision]


def histogram(place: tuple[str, str, str], truth: Any, score: Any, *, probability: bool) -> HistogramRow:
    """Positives and negatives in 40 bins of equal width, from 0 to 1 or over the range of the scores."""
    values, positive = np.asarray(score, dtype=np.float64), np.asarray(truth).astype(np.bool_)
    low, high = (0.0, 1.0) if probability else (float(values.min()), float(values.max()))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    model, label, level = place
    return HistogramRow(
        model=model,
        label=label,
        level=level,
        edges=edges.tolist(),
        positives=np.histogram(values[positive], edges)[0].tolist(),
        negatives=np.histogram(values[~positive], edges)[0].tolist(),
    )


def unit_scores(
    label: str,
    level: str,
    ids: Sequence[Any] | npt.NDArray[Any],
    truth: npt.NDArray[Any],
    scores: Mapping[str, npt.NDArray[np.float64]],
    already: Sequence[UnitScores],
) -> UnitScores | None:
    """The table of all units; None where a report with the tables that it has already would hold too many scores.

    Args:
        label: of the truth.
        level: row, image, breast or exam.
        ids: of the units: an identifier, or those of exam and side.
        truth: of the units.
        scores: of the units by model.
        already: the tables before it.
    """
    held = sum(len(table["truth"]) * len(table["scores"]) for table in already)
    if held + len(ids) * len(scores) > _MOST_SCORES:
        return None
    if level == "breast":
        columns = {"exam_id": [str(exam) for exam, _ in ids], "side": [str(side) for _, side in ids]}
    else:
        columns = {level if level == "row" else f"{level}_id": [str(one) for one in ids]}
    return UnitScores(
        label=label,
        level=level,
        ids=columns,
        truth=truth.astype(np.int64).tolist(),
        scores={name: column.tolist() for name, column in scores.items()},
    )


def _curve(place: tuple[str, str, str], kind: CurveKind, x: Any, y: Any, threshold: Any) -> CurveRow:
    model, label, level = place
    return CurveRow(
        model=model,
        label=label,
        level=level,
        kind=kind,
        x=x.tolist(),
        y=y.tolist(),
        threshold=[float(value) if np.isfinite(value) else None for value in threshold],
    )
