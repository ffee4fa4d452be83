"""The statistics of CAD: arrays in, results with intervals out.

Usable without a dataset, in a notebook. Scores: larger is more suspicious; a row is called positive at
score >= threshold. Nothing undefined comes out as a number: a `Result` then has value None and a reason.

>>> from cadkit import metrics
>>> truth = [0, 0, 0, 0, 1, 1, 0, 1]
>>> score = [0.1, 0.3, 0.2, 0.6, 0.4, 0.8, 0.3, 0.9]
>>> metrics.auc(truth, score)
<auc 0.9333 (95% CI 0.7485 to 1.0000, delong); n=8, positives=3>
>>> patient = ["a", "a", "b", "b", "c", "c", "d", "d"]
>>> metrics.auc(truth, score, cluster=patient, bootstrap=500, seed=0).dropped
32

Several models on one cohort share one set of replicates, so that their differences are paired:

>>> replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=500, seed=0))
>>> a, b = (metrics.auc(truth, s, cluster=patient, bootstrap=replicates) for s in (score, score[::-1]))
>>> metrics.difference(a, b).method
'bootstrap'
"""

from cadkit.metrics.classification import classification
from cadkit.metrics.delong import AucCovariance, auc_covariance, auc_delong, delong_difference
from cadkit.metrics.froc import (
    CPM_RATES,
    FrocBand,
    FrocCurve,
    FrocSample,
    cpm,
    fpi_at_sensitivity,
    froc,
    froc_band,
    froc_curve,
    froc_sensitivity,
    max_sensitivity,
    pool_units,
)
from cadkit.metrics.intervals import proportion, wilson
from cadkit.metrics.localization import (
    CellCounts,
    Cells,
    cell_counts,
    dice_best,
    dice_soft,
    image_mean,
    pxap,
    pxap_pooled,
)
from cadkit.metrics.matching import Findings, Marks, Matches, Region, match
from cadkit.metrics.peaks import Peaks, peaks
from cadkit.metrics.pr import PrCurve, average_precision, pr_curve, prauc_trapezoid
from cadkit.metrics.resampling import Bootstrap, Replicates, difference
from cadkit.metrics.results import Comparison, Result
from cadkit.metrics.roc import (
    RocCurve,
    auc,
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)

prauc = average_precision

__all__ = [
    "CPM_RATES",
    "AucCovariance",
    "Bootstrap",
    "CellCounts",
    "Cells",
    "Comparison",
    "Findings",
    "FrocBand",
    "FrocCurve",
    "FrocSample",
    "Marks",
    "Matches",
    "Peaks",
    "PrCurve",
    "Region",
    "Replicates",
    "Result",
    "RocCurve",
    "auc",
    "auc_covariance",
    "auc_delong",
    "average_precision",
    "cell_counts",
    "classification",
    "cpm",
    "delong_difference",
    "dice_best",
    "dice_soft",
    "difference",
    "fpi_at_sensitivity",
    "froc",
    "froc_band",
    "froc_curve",
    "froc_sensitivity",
    "image_mean",
    "match",
    "max_sensitivity",
    "peaks",
    "pool_units",
    "pr_curve",
    "prauc",
    "prauc_trapezoid",
    "proportion",
    "pxap",
    "pxap_pooled",
    "roc_curve",
    "sensitivity_at_specificity",
    "specificity_at_sensitivity",
    "wilson",
]
