"""Units, positives without a finding drawn, and images that leave, on a cohort that a pencil settles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cadkit import metrics

INF = np.inf
NAN = np.nan


@dataclass
class Box:
    box: tuple[float, float, float, float] = (0, 0, 10, 10)
    center: tuple[float, float] = (5, 5)

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x >= self.box[0]) & (x < self.box[2]) & (y >= self.box[1]) & (y < self.box[3])


# Patient p1: breast L with lesion a in both views and lesion b in one; R negative.
# Patient p2: breast L occult; R positive and drawn. Patient p3: L of unknown truth.
COHORT = metrics.FrocCohort(
    breast=["L", "L", "R", "L", "R", "L"],
    exam=["E1", "E1", "E1", "E2", "E2", "E3"],
    patient=["p1", "p1", "p1", "p2", "p2", "p3"],
    positive=[1, 1, 0, 1, 1, NAN],
)
FAR = (50, 50, 60, 60)
FINDINGS = metrics.Findings([0, 1, 1, 4], [Box(), Box(), Box(FAR, (55, 55)), Box()])
LESION = ["a", "a", "b", "a"]
# Hits on lesion a (first view .9, second .3) and on p2's (.6); false positives on images 2, 3, 4 and 5.
MARKS = metrics.Marks(
    [0, 1, 4, 2, 3, 4, 5], [5, 5, 5, 5, 5, 90, 5], [5, 5, 5, 5, 5, 90, 5], [0.9, 0.3, 0.6, 0.8, 0.7, 0.5, 0.2]
)


def sample(**options: Any) -> metrics.FrocSample:
    return COHORT.sample(MARKS, FINDINGS, lesion=LESION, **options)


def best(found: metrics.FrocSample) -> list[float]:
    return sorted(found.best.tolist())


def test_units() -> None:
    # By default the occult breast's image leaves for findings and lesions.
    finding = sample()
    assert best(finding) == [-INF, 0.3, 0.6, 0.9]
    assert finding.n_images == 4
    assert finding.false_score.tolist() == [0.8, 0.5]
    assert finding.false_image.tolist() == [2, 3]
    assert best(sample(unit="lesion")) == [-INF, 0.6, 0.9]
    # For breasts and exams it stays and counts as never hit; E2 is one exam, hit in its other breast.
    breast = sample(unit="breast")
    assert best(breast) == [-INF, 0.6, 0.9]
    assert breast.n_images == 5
    assert breast.false_score.tolist() == [0.8, 0.7, 0.5]
    assert sorted(breast.unit_cluster.tolist()) == ["p1", "p2", "p2"]
    assert best(sample(unit="exam")) == [0.6, 0.9]


@pytest.mark.parametrize(
    ("unit", "rule", "wanted", "images"),
    [
        ("finding", "miss", [-INF, -INF, 0.3, 0.6, 0.9], 5),
        ("finding", "negative", [-INF, 0.3, 0.6, 0.9], 5),
        ("lesion", "miss", [-INF, -INF, 0.6, 0.9], 5),
        ("breast", "exclude", [0.6, 0.9], 4),
        ("breast", "negative", [0.6, 0.9], 5),
        ("exam", "exclude", [0.6, 0.9], 4),
    ],
)
def test_positives_without_a_finding(unit: Any, rule: Any, wanted: list[float], images: int) -> None:
    found = sample(unit=unit, unannotated=rule)
    assert best(found) == wanted
    assert found.n_images == images
    assert found.false_score.tolist() == ([0.8, 0.5] if images == 4 else [0.8, 0.7, 0.5])


def test_what_left_is_counted() -> None:
    assert COHORT.units(FINDINGS).excluded == {"truth not known": 1, "positive without a finding drawn": 1}
    assert COHORT.units(FINDINGS, unit="breast").excluded == {"truth not known": 1}


def test_normal_images() -> None:
    found = sample(unit="breast", fp_images="normal")
    assert found.images.tolist() == [False, False, True, True, False]
    assert metrics.froc_curve(found).fpi.tolist() == [0, 0, 0.5, 1, 1]
    both = metrics.froc_summary(found, [("froc_sensitivity", 0.5)])
    assert [both[which].results[0].n for which in ("all", "normal")] == [5, 2]


def test_options_of_the_match_pass_through() -> None:
    other = metrics.Findings([2], [Box()])
    assert sample(neutral=other).false_score.tolist() == [0.5]
    assert best(sample(rule="distance", distance=0.1)) == best(sample())
    twice = metrics.Marks([0, 0], [5, 6], [5, 6], [0.9, 0.8])
    assert COHORT.sample(twice, FINDINGS, duplicates="fp").false_score.tolist() == [0.8]


def test_without_truth_a_drawn_finding_makes_a_breast_positive() -> None:
    plain = metrics.FrocCohort(COHORT.breast, COHORT.exam)
    found = plain.sample(MARKS, FINDINGS, unit="breast")
    assert best(found) == [0.6, 0.9]
    assert found.n_images == 6
    assert sorted(found.unit_cluster.tolist()) == ["E1", "E2"]


def test_bootstrap_resamples_the_units_with_their_patient() -> None:
    found = sample(unit="breast")
    replicates = metrics.Replicates(COHORT.patient, options=metrics.Bootstrap(n=50, seed=1))
    result = metrics.froc(found, ["max_sensitivity"], bootstrap=replicates)[0]
    counts = replicates.weights(np.arange(3))
    # p1 has one breast, hit; p2 two of which one is hit; p3 none.
    positives = counts[0] + 2 * counts[1]
    wanted = np.where(positives > 0, (counts[0] + counts[1]) / np.maximum(positives, 1), NAN)
    np.testing.assert_array_equal(result.replicates, wanted)


def test_bad_cohorts_are_named() -> None:
    with pytest.raises(ValueError, match="breast has 1 rows, 2 were expected"):
        metrics.FrocCohort(["L"], ["E", "E"])
    with pytest.raises(ValueError, match="positive must be 0, 1 or NaN"):
        metrics.FrocCohort(["L"], ["E"], positive=[2])
    with pytest.raises(ValueError, match="positive differs between images of one breast, such as image 0"):
        metrics.FrocCohort(["L", "L"], ["E", "E"], positive=[1, 0]).units(metrics.Findings([], []))
    with pytest.raises(ValueError, match="needs the lesion of every finding"):
        COHORT.units(FINDINGS, unit="lesion")
    with pytest.raises(ValueError, match="unit must be"):
        COHORT.units(FINDINGS, unit="woman")
    with pytest.raises(ValueError, match="unannotated must be"):
        COHORT.units(FINDINGS, unannotated="keep")
    with pytest.raises(ValueError, match=r"image of a finding must lie in \[0, 6\)"):
        COHORT.units(metrics.Findings([6], [Box()]))
    with pytest.raises(ValueError, match=r"image of a mark must lie in \[0, 6\)"):
        COHORT.sample(metrics.Marks([6], [0], [0], [1]), FINDINGS)
    empty = metrics.FrocCohort([], []).sample(metrics.Marks([], [], [], []), metrics.Findings([], []))
    assert empty.undefined() == "no positive findings"
