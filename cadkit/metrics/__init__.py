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

from cadkit.metrics.afroc import AFROC_METRICS, AfrocCurve, CaseRatings, afroc, afroc_curve
from cadkit.metrics.bands import Band, CurveBands, curve_bands
from cadkit.metrics.calibration import Reliability, brier, ece, reliability
from cadkit.metrics.classification import Metric, Sampling, classification
from cadkit.metrics.correlation import correlations
from cadkit.metrics.decision import DecisionCurve, decision_curve, net_benefit, pf1, pf1_max
from cadkit.metrics.delong import AucCovariance, auc_covariance, auc_delong, delong_difference
from cadkit.metrics.froc import (
    CPM_RATES,
    FrocBand,
    FrocCurve,
    FrocSummary,
    cpm,
    fpi_at_sensitivity,
    froc,
    froc_band,
    froc_curve,
    froc_sensitivity,
    froc_summary,
    max_sensitivity,
)
from cadkit.metrics.froc_cohort import FrocCohort, FrocUnit, FrocUnits, Unannotated
from cadkit.metrics.froc_sample import FpImages, FrocSample, pool_units
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
from cadkit.metrics.multiple import adjust, holm
from cadkit.metrics.paired import mcnemar, permutation
from cadkit.metrics.partial import partial_auc
from cadkit.metrics.peaks import Peaks, peaks
from cadkit.metrics.pr import PrCurve, average_precision, pr_curve, prauc_trapezoid
from cadkit.metrics.regions import ROI_SHARE, covered_share, roi_coverage, union_mask
from cadkit.metrics.resampling import Bootstrap, Replicates, difference
from cadkit.metrics.results import Comparison, Result
from cadkit.metrics.roc import (
    RocCurve,
    auc,
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from cadkit.metrics.thresholds import (
    Confusion,
    cancer_detection_rate,
    clustered_proportion,
    confusion,
    npv,
    ppv,
    recall_rate,
    sensitivity,
    specificity,
    threshold_at,
)

prauc = average_precision

__all__ = [
    "AFROC_METRICS",
    "CPM_RATES",
    "ROI_SHARE",
    "AfrocCurve",
    "AucCovariance",
    "Band",
    "Bootstrap",
    "CaseRatings",
    "CellCounts",
    "Cells",
    "Comparison",
    "Confusion",
    "CurveBands",
    "DecisionCurve",
    "Findings",
    "FpImages",
    "FrocBand",
    "FrocCohort",
    "FrocCurve",
    "FrocSample",
    "FrocSummary",
    "FrocUnit",
    "FrocUnits",
    "Marks",
    "Matches",
    "Metric",
    "Peaks",
    "PrCurve",
    "Region",
    "Reliability",
    "Replicates",
    "Result",
    "RocCurve",
    "Sampling",
    "Unannotated",
    "adjust",
    "afroc",
    "afroc_curve",
    "auc",
    "auc_covariance",
    "auc_delong",
    "average_precision",
    "brier",
    "cancer_detection_rate",
    "cell_counts",
    "classification",
    "clustered_proportion",
    "confusion",
    "correlations",
    "covered_share",
    "cpm",
    "curve_bands",
    "decision_curve",
    "delong_difference",
    "dice_best",
    "dice_soft",
    "difference",
    "ece",
    "fpi_at_sensitivity",
    "froc",
    "froc_band",
    "froc_curve",
    "froc_sensitivity",
    "froc_summary",
    "holm",
    "image_mean",
    "match",
    "max_sensitivity",
    "mcnemar",
    "net_benefit",
    "npv",
    "partial_auc",
    "peaks",
    "permutation",
    "pf1",
    "pf1_max",
    "pool_units",
    "ppv",
    "pr_curve",
    "prauc",
    "prauc_trapezoid",
    "proportion",
    "pxap",
    "pxap_pooled",
    "recall_rate",
    "reliability",
    "roc_curve",
    "roi_coverage",
    "sensitivity",
    "sensitivity_at_specificity",
    "specificity",
    "specificity_at_sensitivity",
    "threshold_at",
    "union_mask",
    "wilson",
]
