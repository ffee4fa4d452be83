"""Thresholds chosen for a share: where there is one, where there is none, and what stands in the report then."""

from __future__ import annotations

import numpy as np
import pytest

from cadkit import metrics
from cadkit.evaluation import Settings
from cadkit.evaluation.cohort import Rows
from cadkit.evaluation.locking import Threshold, at_thresholds, thresholds

# The highest score is that of a negative: only calling no one positive has the specificity 1.
TRUTH, SCORE = np.array([1, 1, 0, 0, 0]), np.array([0.8, 0.4, 0.9, 0.3, 0.2])
ROWS = Rows(list("abcde"), TRUTH, SCORE[None, :], np.array(["p", "p", "q", "r", "s"]), 0, 0)
REPLICATES = metrics.Replicates(ROWS.patient, options=metrics.Bootstrap(10))
ASKED = Settings(split="test", sensitivity_at=(1.0,), specificity_at=(0.6, 1.0), prevalence=0.01)


def test_a_share_that_no_call_reaches_has_no_threshold() -> None:
    (found,) = thresholds(ASKED, ROWS, 1, "malignant", "breast", "malignant", ())
    assert found == [
        Threshold("sensitivity 1", 0.4, True),
        Threshold("specificity 0.6", 0.4, True),
        Threshold("specificity 1", None, True, "no threshold reaches a specificity 1 but calling no one positive"),
    ]
    one_class = Rows(["a"], np.array([1]), np.array([[0.5]]), np.array(["p"]), 0, 0)
    (found,) = thresholds(ASKED, one_class, 1, "malignant", "breast", "malignant", ())
    reason = "no threshold: a threshold is chosen on rows of both classes"
    assert found == [
        Threshold(wanted, None, True, reason) for wanted in ("sensitivity 1", "specificity 0.6", "specificity 1")
    ]


@pytest.mark.parametrize("in_sample", [True, False])
@pytest.mark.parametrize("level", ["breast", "exam"])
def test_a_threshold_that_is_not_there_leaves_every_number_empty_with_its_reason(level: str, in_sample: bool) -> None:
    found = [Threshold("specificity 1", None, in_sample, "none reaches it"), Threshold("sensitivity 1", 0.4, in_sample)]
    made = at_thresholds(found, ROWS, SCORE, level, ASKED, REPLICATES)
    usual = ["sensitivity", "specificity", "ppv", "npv", "recall_rate"]
    names = usual + (["cancer_detection_rate"] if level == "exam" else []) + ["ppv", "npv", "recall_rate"]
    assert [result.metric for result in made] == names * 2
    flags = ("in-sample",) if in_sample else ()
    for result in made[: len(names)]:
        assert (result.value, result.n, result.positives, result.clusters) == (None, 5, 2, 4)
        assert (result.reason, result.flags) == ("none reaches it", flags)
    prevalences = [result.given.get("prevalence") for result in made]
    assert prevalences == ([None] * (len(names) - 3) + [0.01] * 3) * 2
    assert [result.given["threshold_for"] for result in made] == (
        ["specificity 1"] * len(names) + ["sensitivity 1"] * len(names)
    )
    # At 0.4 both positives and one of three negatives are called.
    reached = {result.metric: result for result in made[len(names) : -3]}
    assert [reached[name].value for name in usual] == pytest.approx([1, 2 / 3, 2 / 3, 1, 3 / 5])
    assert {result.at for result in reached.values()} == {0.4}
    assert all(("in-sample" in result.flags) is in_sample for result in reached.values())
