"""Why a reference value stands without one of ours: other programs' conventions, and what cadkit does not define.

The values are kept to understand the other programs. Whatever is neither compared nor named here is a gap.
"""

from __future__ import annotations

from typing import Any

SEVERAL_READERS = "several readers together: `cadkit.reader_study`"
_UNDEFINED = "not defined by cadkit"
_PICAI = "picai_eval matches one box to one lesion, by number and overlap, never by score"
_MONAI = "MONAI leaves out its lowest threshold and interpolates between points of equal FPI as they come"
_MRMCAOV = "MRMCaov gives each sensitivity its largest false-positive rate at both limits"
_OVER_ALL = "a threshold common to all maps"

OF_QUANTITY: dict[str, dict[str, str]] = {
    "asah": {
        "youden_threshold": _UNDEFINED,
        "youden_sensitivity": _UNDEFINED,
        "youden_specificity": _UNDEFINED,
        "unpaired_auc_1": "two groups of patients: differences of cadkit are paired",
        "unpaired_auc_2": "two groups of patients: differences of cadkit are paired",
        "unpaired_t_delong": "two groups of patients: differences of cadkit are paired",
        "unpaired_df_delong": "two groups of patients: differences of cadkit are paired",
        "unpaired_p_delong": "two groups of patients: differences of cadkit are paired",
        "power_one_curve": "size of a study without readers",
        "cases_for_power": "size of a study without readers",
        "controls_for_power": "size of a study without readers",
    },
    "clustered": {"auc_var_clustered_single_sum": "not Obuchowski's: one sum over clusters, which is not DeLong's"},
    "pr_and_calibration": {
        "log_loss": _UNDEFINED,
        "mce_equal_width": _UNDEFINED,
        "rms_calibration_error_equal_width": _UNDEFINED,
        "calibration_intercept": _UNDEFINED,
        "calibration_slope": _UNDEFINED,
        "calibration_in_the_large": _UNDEFINED,
        "accuracy": _UNDEFINED,
        "mcnemar_chi2_corrected": "asymptotic; McNemar's test is exact here",
        "mcnemar_p_corrected": "asymptotic; McNemar's test is exact here",
        "mcnemar_chi2_uncorrected": "asymptotic; McNemar's test is exact here",
        "mcnemar_p_uncorrected": "asymptotic; McNemar's test is exact here",
        "mcnemar_p_mid": "the mid-p; McNemar's test is exact here",
        "prauc_davis_goadrich": "other interpolation of precision and recall",
        "prauc_continuous_interpolation": "other interpolation of precision and recall",
        "ece_equal_width": "bins closed on the right",
        "proportion_ci_low": "other intervals of a proportion than Wilson's",
        "proportion_ci_high": "other intervals of a proportion than Wilson's",
        "adjusted_p": "other adjustments than Holm's",
    },
    "froc_monai": {
        "monai_curve_fpi": _MONAI,
        "monai_curve_sensitivity": _MONAI,
        "monai_score": _MONAI,
        "monai_sensitivity_at_fpi": _MONAI,
        "lesion_scores_missed_as_0": "MONAI keeps an excluded lesion, as missed",
        "lesion_average_precision": _PICAI,
        "picai_score": _PICAI,
        "case_results_label_score_overlap": _PICAI,
        "curve_fpi": _PICAI,
        "curve_sensitivity": _PICAI,
        "thresholds": _PICAI,
    },
    "localization": {
        "pxap_binned": "binned thresholds",
        "pxap_pooled_binned": "binned thresholds",
        "dice_soft_linear": "the sum of scores in place of their squares",
        "dice_at_threshold": "Dice at a given threshold",
        "dice_best_threshold_highest": "the threshold, not the Dice",
        "dice_best_pooled": _OVER_ALL,
        "dice_mean_at_best_common_threshold": _OVER_ALL,
        "dice_best_common_threshold": _OVER_ALL,
    },
}
_OF_FOM = {"partial_auc_sensitivity": _MRMCAOV, "expected_utility": _UNDEFINED}
_READERS = ("van_dyke", "tony_froc", "model_vs_readers")


def why_not(folder: str, quantity: str, given: dict[str, Any]) -> str | None:
    """Why a value is not compared; None where nothing says so."""
    if quantity == "reader_fom":
        return _OF_FOM.get(str(given.get("fom")))
    if folder in _READERS:
        return SEVERAL_READERS
    return OF_QUANTITY.get(folder, {}).get(quantity)
