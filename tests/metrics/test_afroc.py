"""Figures of merit of free-response ratings, against pairs counted one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadkit import metrics

INF = np.inf


def psi(false: float, lesion: float) -> float:
    return 1.0 if lesion > false else 0.5 if lesion == false else 0.0


def literal(
    false: list[float], lesions: list[tuple[int, float, float]], metric: str, count: list[int] | None = None
) -> float | None:
    """Area over pairs; `lesions` holds case, rating and weight, `count` how often each case stands."""
    count = count or [1] * len(false)
    sick = {case for case, _, _ in lesions}
    if metric == "hr_auc":
        top = [max([f, *(z for case, z, _ in lesions if case == k)]) for k, f in enumerate(false)]
        pairs = [
            (count[a] * count[b], psi(top[b], top[a])) for a in sick for b in range(len(false)) if b not in sick
        ]  # fmt: skip
    else:
        cases = [k for k in range(len(false)) if metric.endswith("1") or k not in sick]
        pairs = [
            (count[case] * count[k] * (weight if metric[0] == "w" else 1), psi(false[k], z))
            for case, z, weight in lesions
            for k in cases
        ]
    total = sum(weight for weight, _ in pairs)
    return sum(weight * value for weight, value in pairs) / total if total else None


def ratings(false: list[float], lesions: list[tuple[int, float, float]], **more: Any) -> metrics.CaseRatings:
    case, rating, weight = zip(*lesions, strict=True) if lesions else ((), (), ())
    return metrics.CaseRatings(false, rating, np.array(case, dtype=int), weight, **more)


# Two non-diseased cases (false positives at 2 and none), one with lesions at 3 and unmarked, one with a lesion at 2
# and a false positive at 5.
FALSE = [2.0, -INF, -INF, 5.0]
LESIONS = [(2, 3.0, 0.75), (2, -INF, 0.25), (3, 2.0, 1.0)]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        # Against 2 and -inf: 3 wins both, -inf ties one, 2 ties one and wins one.
        ("afroc", (2 + 0.5 + 1.5) / 6),
        ("wafroc", (0.75 * 2 + 0.25 * 0.5 + 1.5) / 4),
        # Against -inf of case 2 and 5 of case 3 as well: 1, 0; 1/2, 0; 1, 0.
        ("afroc1", (2 + 0.5 + 1.5 + 1 + 0.5 + 1) / 12),
        ("wafroc1", (0.75 * 3 + 0.25 * 1 + 2.5) / 8),
        # Highest ratings 3 and 5 against 2 and -inf.
        ("hr_auc", 1.0),
    ],
)
def test_by_pencil(metric: str, value: float) -> None:
    found = metrics.afroc(ratings(FALSE, LESIONS), [metric])[0]
    assert found.value == pytest.approx(value, abs=1e-15)
    assert literal(FALSE, LESIONS, metric) == pytest.approx(value, abs=1e-15)
    assert (found.n, found.positives) == (4, 2 if metric == "hr_auc" else 3)


def test_curves() -> None:
    curve = metrics.afroc_curve(ratings(FALSE, LESIONS), "wafroc")
    assert curve.threshold.tolist() == [INF, 3, 2, -INF]
    assert curve.fpf.tolist() == [0, 0, 0.5, 1]
    assert curve.sensitivity.tolist() == [0, 0.375, 0.875, 1]
    # The area under the straight lines is the figure of merit.
    for metric in metrics.AFROC_METRICS:
        curve = metrics.afroc_curve(ratings(FALSE, LESIONS), metric)
        area = np.trapezoid(curve.sensitivity, curve.fpf)
        assert area == pytest.approx(metrics.afroc(ratings(FALSE, LESIONS), [metric])[0].value, abs=1e-12)


@st.composite
def studies(draw: st.DrawFn) -> tuple[list[float], list[tuple[int, float, float]]]:
    rating = st.sampled_from([-INF, 1.0, 2.0, 3.0])
    false = draw(st.lists(rating, min_size=2, max_size=7))
    lesions = []
    for case in draw(st.lists(st.integers(0, len(false) - 1), min_size=1, max_size=4, unique=True)):
        for weight in draw(st.sampled_from([[1.0], [0.5, 0.5], [0.75, 0.25]])):
            lesions.append((case, draw(rating), weight))
    return false, lesions


@settings(max_examples=25, deadline=None)
@given(studies(), st.integers(0, 99))
def test_pair_by_pair_in_the_data_and_in_replicates(study: Any, seed: int) -> None:
    false, lesions = study
    patient = np.arange(len(false)) // 2
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=5, seed=seed))
    found = metrics.afroc(ratings(false, lesions, cluster=patient), bootstrap=replicates)
    counts = replicates.weights(replicates.index(patient)).astype(int)
    for result in found:
        wanted = literal(false, lesions, result.metric)
        assert result.value == (None if wanted is None else pytest.approx(wanted, abs=1e-12))
        for column, value in zip(counts.T.tolist(), result.replicates, strict=True):
            wanted = literal(false, lesions, result.metric, column)
            np.testing.assert_allclose(value, np.nan if wanted is None else wanted, atol=1e-12)


def test_interval_and_difference() -> None:
    generator = np.random.default_rng(3)
    false = generator.integers(0, 5, 60).astype(float)
    lesions = [(k, float(generator.integers(2, 7)), 1.0) for k in range(25)]
    better = [(k, z + 1, w) for k, z, w in lesions]
    patient = np.arange(60) // 2
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=200, interval="bca"))
    for one, other in zip(
        metrics.afroc(ratings(false.tolist(), lesions, cluster=patient), bootstrap=replicates),
        metrics.afroc(ratings(false.tolist(), better, cluster=patient), bootstrap=replicates),
        strict=True,
    ):
        assert one.low < one.value < one.high
        assert (one.ci_method, one.clusters) == ("bootstrap-bca", 30)
        assert metrics.difference(other, one).low > 0


def test_from_marks() -> None:
    class Left:
        box, center = (0, 0, 10, 10), (5, 5)

        def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return (x < 10) & (y < 10)

    # Images 0 and 1 are one case with a lesion in each; image 2 is another, without.
    marks = metrics.Marks([0, 0, 0, 1, 2, 2], [5, 6, 50, 50, 50, 60], [5] * 6, [0.4, 0.9, 0.3, 0.6, 0.5, 0.8])
    findings = metrics.Findings([0, 1], [Left(), Left()])
    found = metrics.CaseRatings.from_matches(marks, metrics.match(marks, findings), findings.image, [0, 0, 1])
    assert found.false.tolist() == [0.6, 0.8]
    assert found.lesion.tolist() == [0.9, -INF]
    assert found.lesion_case.tolist() == [0, 0]
    assert found.weight.tolist() == [0.5, 0.5]
    assert found.highest.tolist() == [0.9, 0.8]
    assert found.diseased.tolist() == [True, False]
    with pytest.raises(ValueError, match=r"image of a mark must lie in \[0, 2\)"):
        metrics.CaseRatings.from_matches(marks, metrics.match(marks, findings), findings.image, [0, 0])


def test_undefined_and_bad_ratings() -> None:
    assert {r.reason for r in metrics.afroc(ratings([1.0, 2.0], []))} == {"no lesions"}
    sick = metrics.afroc(ratings([1.0], [(0, 2.0, 1.0)]))
    assert [r.value for r in sick] == [None, 1, None, 1, None]
    assert sick[0].reason == "no non-diseased cases"
    assert metrics.afroc(ratings([], []), bootstrap=10)[0].reason == "no lesions"
    with pytest.raises(ValueError, match="curve is undefined: no lesions"):
        metrics.afroc_curve(ratings([1.0], []))
    with pytest.raises(ValueError, match=r"sum to 1: those of case 1 sum to 0\.8"):
        ratings([1.0, 1.0], [(1, 2.0, 0.5), (1, 2.0, 0.3)])
    with pytest.raises(ValueError, match="unknown figure of merit 'froc'"):
        metrics.afroc(ratings(FALSE, LESIONS), ["froc"])
    with pytest.raises(ValueError, match="false has 1 NaN"):
        ratings([np.nan], [])
    with pytest.raises(ValueError, match="only -inf"):
        ratings([INF], [])
    with pytest.raises(ValueError, match="lesion_case must lie in"):
        ratings([1.0], [(1, 2.0, 1.0)])
