"""Every reference value of metrics of scores, to its printed precision."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.reference import conventions, froc, scores
from cadkit import metrics

VALUES = Path(__file__).parent / "values"


def counted(reference: Path, *folders: str) -> Counter[str]:
    """How many values of each quantity were compared; none may be off."""
    files = tuple(file for file in scores.FILES if file.split("/")[0] in folders)
    compared = [row for row in scores.compare(reference, files) if row.deviation is not None]
    assert not [row for row in compared if row.deviation > row.tolerance]
    return Counter(row.quantity for row in compared)


def test_clustered_and_probabilities() -> None:
    seen = counted(VALUES, "clustered", "pr_and_calibration")
    assert (seen["S10"], seen["S01"], seen["S11"], seen["auc_var_clustered"]) == (12, 12, 17, 5)
    assert (seen["ece_equal_width"], seen["ece_equal_mass"], seen["brier"], seen["pf1"]) == (16, 14, 8, 8)
    assert (seen["net_benefit"], seen["net_benefit_treat_all"], seen["adjusted_p"]) == (32, 32, 7)
    assert seen["proportion_ci_low"] == seen["proportion_ci_high"] == 20
    assert seen["mcnemar_p_exact"] == seen["ppv_at_prevalence"] == seen["npv_at_prevalence"] == 3


def test_proc(shared: Path) -> None:
    seen = counted(shared / "reference", "asah")
    assert (seen["partial_auc"], seen["partial_auc_mcclish"], seen["difference_p_delong"]) == (32, 31, 12)
    assert seen["sensitivity_at_specificity"] == seen["specificity_at_sensitivity"] == 24


def test_readers(shared: Path) -> None:
    seen = counted(shared / "reference", "van_dyke", "model_vs_readers")
    assert (seen["reader_fom"], seen["fom_cov"], seen["reader_difference_p"]) == (170, 55, 10)


def test_nothing_is_left_out_without_a_reason(shared: Path) -> None:
    """Of every folder; a reason that no value needs is a mistake in the list as well."""
    reference = shared / "reference"
    rows = [*scores.compare(reference), *froc.compare(reference)]
    assert {row.folder for row in rows} == {path.parent.name for path in reference.glob("*/expected*.json")} - {
        "cad_sr"
    }
    left_out = [row for row in rows if row.deviation is None]
    assert not {(row.folder, row.quantity) for row in left_out if row.why is None}
    needed = {(row.folder, row.quantity) for row in left_out}
    listed = {(folder, name) for folder, names in conventions.OF_QUANTITY.items() for name in names}
    assert not listed - needed


def test_operating_points(shared: Path) -> None:
    folder = shared / "reference" / "asah"
    data, points = scores.table(folder / "asah.csv"), scores.table(folder / "roc_points_wfns.csv")
    curve = metrics.roc_curve(data["truth"].astype(int), data["wfns"].astype(float))
    # Theirs run from many positives to few, with thresholds half way between scores.
    np.testing.assert_allclose(1 - curve.fpr[::-1], points["specificity"].astype(float), atol=1e-9)
    np.testing.assert_allclose(curve.tpr[::-1], points["sensitivity"].astype(float), atol=1e-9)
