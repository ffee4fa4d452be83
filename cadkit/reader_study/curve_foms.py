"""Figures of merit read off a reader's ROC or precision-recall curve, with all cases and without each.

The point stands behind the name: `sensitivity_at_specificity@0.8`, `partial_auc@0.7-1` (over specificities). They are
read off the ROC polygon, since readers rate on few levels; partial areas are raw, not divided by their width.
"""

from __future__ import annotations

import numpy as np

from cadkit.errors import InputError
from cadkit.metrics._kernels import Staircase
from cadkit.metrics.classification import Metric
from cadkit.metrics.classification import measure as metric_of
from cadkit.reader_study.ratings import BoolArray, FloatArray, IntArray

POINT_FOMS = ("sensitivity_at_specificity", "specificity_at_sensitivity")
RANGE_FOMS = ("partial_auc", "partial_auc_sensitivity")
CURVE_FOMS = ("prauc", *POINT_FOMS, *RANGE_FOMS)


def metric_named(fom: str) -> Metric:
    """The metric of a figure of merit that `fom_name` gave.

    Raises:
        InputError: the point or range is missing or not within 0 and 1.
    """
    name, _, point = fom.partition("@")
    try:
        ends = [float(part) for part in point.split("-")] if point else []
        metric: Metric
        if name == "prauc" and not ends:
            metric = name
        elif name in POINT_FOMS and len(ends) == 1:
            metric = (name, ends[0])
        elif name in RANGE_FOMS and len(ends) == 2:
            focus = "sensitivity" if name.endswith("sensitivity") else "specificity"
            metric = ("partial_auc", None, {"low": ends[0], "high": ends[1], "focus": focus})
        else:
            raise ValueError("one number, or two with a - between them, or none")
        metric_of(metric)
    except ValueError as error:
        raise InputError(
            f"the point of the figure of merit is not what it takes ({error})", row="--fom", value=fom,
            mend="Write sensitivity_at_specificity@0.8, partial_auc@0.7-1, partial_auc_sensitivity@0.8-1 or prauc.",
        ) from None  # fmt: skip
    return metric


def curve_values(fom: str, truth: BoolArray, rating: FloatArray, unit: IntArray) -> FloatArray:
    """Values of every series, of all cases (column 0) and without each unit; NaN where undefined.

    Args:
        fom: as `fom_name` gave it.
        truth: n booleans.
        rating: s x n, NaN where not read.
        unit: case or patient of every column, in [0, number of units).
    """
    kernel = metric_of(metric_named(fom), interpolate=True).kernel
    count = int(unit.max(initial=-1)) + 1
    rows = []
    for series in rating:
        read = ~np.isnan(series)
        positive = truth[read].astype(np.float64)
        stairs = Staircase(series[read], positive, 1 - positive, unit[read], count)
        step = stairs.columns()
        parts = [kernel(stairs.without(start, min(start + step, count))) for start in range(0, count, step)]
        rows.append(np.concatenate([kernel(stairs.estimate()), *parts]))
    return np.stack(rows)
