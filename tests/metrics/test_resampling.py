"""The bootstrap: the same as a plain loop over replicates, whatever is shared or split."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from cadkit import metrics
from cadkit.metrics import intervals
from cadkit.metrics.resampling import with_interval

METRICS = [
    "auc",
    "prauc",
    "prauc_trapezoid",
    ("sensitivity_at_specificity", 0.8),
    ("specificity_at_sensitivity", 0.5),
]


def women(size: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patient, truth and a score with heavy ties; one to four rows each, shuffled."""
    generator = np.random.default_rng(seed)
    patient = np.repeat(np.arange(size), generator.integers(1, 5, size))
    patient = generator.permutation(patient)
    truth = (generator.random(len(patient)) < 0.2).astype(int)
    return patient, truth, np.round(generator.normal(size=len(patient)) + truth)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_equals_a_plain_loop_exactly(seed: int, interpolate: bool) -> None:
    patient, truth, score = women(12, seed)
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=70, seed=seed))
    options: dict[str, Any] = {"cluster": patient, "bootstrap": replicates, "interpolate": interpolate}
    fast = metrics.classification(truth, score, METRICS, **options)
    counts = replicates.weights(replicates.index(patient)).astype(int)
    for column in range(70):
        rows = np.repeat(np.arange(len(truth)), counts[:, column])
        loop = metrics.classification(truth[rows], score[rows], METRICS, interpolate=interpolate)
        for mine, slow in zip(fast, loop, strict=True):
            assert mine.replicates is not None
            wanted = np.nan if slow.value is None else slow.value
            np.testing.assert_array_equal(mine.replicates[column], wanted)


def test_interval_is_the_quantile_of_the_replicates() -> None:
    patient, truth, score = women()
    result = metrics.auc(truth, score, cluster=patient, bootstrap=500, seed=4, ci=0.9)
    assert result.replicates is not None
    assert [result.low, result.high] == np.quantile(result.replicates, [0.05, 0.95]).tolist()
    assert (result.ci, result.ci_method, result.clusters, result.dropped) == (0.9, "bootstrap-percentile", 60, 0)


def test_counts_do_not_depend_on_rows_or_number() -> None:
    names = ["c", "a", "b", "a", "d"]
    few, many = (metrics.Replicates(names, options=metrics.Bootstrap(n=n, seed=9)) for n in (70, 200))
    index = few.index(["a", "b", "c", "d"])
    np.testing.assert_array_equal(few.weights(index), many.weights(index)[:, :70])
    again = metrics.Replicates(["d", "b", "c", "a"], options=metrics.Bootstrap(n=70, seed=9))
    np.testing.assert_array_equal(few.weights(index), again.weights(index))
    assert (few.weights(index).sum(axis=0) == 4).all()
    assert not np.array_equal(
        few.weights(index), metrics.Replicates(names, options=metrics.Bootstrap(n=70, seed=10)).weights(index)
    )


def test_uniform_draws() -> None:
    counts = metrics.Replicates(np.arange(50), options=metrics.Bootstrap(n=4000)).weights(np.arange(50))
    # Mean 1; variance 1 - 1/50; the mean of 4000 has a standard error of 0.0157.
    assert np.abs(counts.mean(axis=1) - 1).max() < 0.07
    assert counts.var() == pytest.approx(0.98, abs=0.02)


def test_strata_keep_their_size() -> None:
    patient, truth, _ = women()
    plan = metrics.Bootstrap(n=100, stratify=True)
    replicates = plan.replicates(patient, truth)
    positive = np.unique(patient[truth == 1])
    index = replicates.index(positive)
    assert (replicates.weights(index).sum(axis=0) == len(positive)).all()
    one = metrics.auc([0, 0, 1, 0], [1, 2, 3, 4], bootstrap=metrics.Bootstrap(n=100, stratify=True))
    assert one.dropped == 0
    assert one.low is not None


def test_rows_may_be_a_part_of_the_cohort() -> None:
    patient, truth, score = women()
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=80))
    part = patient < 40
    result = metrics.auc(truth[part], score[part], cluster=patient[part], bootstrap=replicates)
    assert result.clusters == 40
    assert result.resampling is replicates
    with pytest.raises(ValueError, match="not among the replicates', the first is row 1"):
        metrics.auc([0, 1], [1, 2], cluster=[3, 99], bootstrap=replicates)
    with pytest.raises(ValueError, match="text here and numbers there"):
        metrics.auc([0, 1], [1, 2], cluster=["a", "b"], bootstrap=replicates)


def test_dropped_replicates_warn_then_silence() -> None:
    truth, score = [1, 1, 1, *[0] * 40], np.arange(43)
    few = metrics.auc(truth, score, bootstrap=2000)
    # All three positives missed: (40/43)^43 = 4.5%.
    assert few.dropped == pytest.approx(0.0446 * 2000, abs=45)
    assert few.flags == ("replicates-dropped", "no-spread")
    assert few.low is not None
    none = metrics.auc(truth[2:], score[2:], bootstrap=2000)
    assert none.low is None
    assert none.value is not None
    assert "of 2000 replicates" in str(none.reason)


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_an_interval_without_width_is_flagged(interval: Literal["percentile", "bca"]) -> None:
    truth, perfect = [1, 1, 0, 0, 0, 0] * 5, [3, 2, 1, 0, 0, 1] * 5
    plan = metrics.Bootstrap(n=200, interval=interval)
    for metric in (metrics.auc, metrics.prauc):
        found = metric(truth, perfect, bootstrap=plan)
        assert (found.value, found.low, found.high, found.flags) == (1.0, 1.0, 1.0, ("no-spread",))
        assert metric(truth, [*perfect[:-1], 5], bootstrap=plan).flags == ()
    assert metrics.auc_delong(truth, perfect).flags == ("no-spread",)
    assert metrics.auc_delong(truth, [*perfect[:-1], 5]).flags == ()


def test_an_interval_stands_up_to_a_fifth_of_lost_replicates() -> None:
    plan = metrics.Replicates(["a", "b"], options=metrics.Bootstrap(n=100))
    result = metrics.Result("auc", 0.5, n=2)
    values = np.linspace(0, 1, 100)
    for lost, interval in ((1, True), (2, True), (20, True), (21, False)):
        some = np.where(np.arange(100) < lost, np.nan, values)
        found = with_interval(result, some, plan, None)
        assert (found.dropped, found.low is not None) == (lost, interval)
        # More than one of a hundred is said.
        assert found.flags == (("replicates-dropped",) if lost > 1 else ())


def literal_bca(estimate: float, replicates: np.ndarray, left_out: np.ndarray, ci: float) -> list[float]:
    share = np.mean([1.0 if r < estimate else 0.5 if r == estimate else 0.0 for r in replicates])
    z0 = norm.ppf(share)
    mean = sum(left_out) / len(left_out)
    cubes, squares = sum((mean - v) ** 3 for v in left_out), sum((mean - v) ** 2 for v in left_out)
    a = cubes / (6 * squares**1.5)
    ends = []
    for p in ((1 - ci) / 2, (1 + ci) / 2):
        z = z0 + norm.ppf(p)
        ends.append(norm.cdf(z0 + z / (1 - a * z)))
    return np.quantile(replicates, ends).tolist()


def test_bca_written_out() -> None:
    patient, truth, score = women(30, 5)
    plan = metrics.Bootstrap(n=400, seed=2, interval="bca", ci=0.9)
    replicates = metrics.Replicates(patient, options=plan)
    for metric in METRICS:
        result = metrics.classification(truth, score, [metric], cluster=patient, bootstrap=replicates)[0]
        left_out = []
        for one in np.unique(patient):
            rest = patient != one
            left_out.append(metrics.classification(truth[rest], score[rest], [metric])[0].value)
        assert result.replicates is not None
        assert result.jackknife is not None
        assert result.value is not None
        np.testing.assert_array_equal(result.jackknife, np.array(left_out, dtype=float))
        wanted = literal_bca(result.value, result.replicates, result.jackknife, 0.9)
        np.testing.assert_allclose([result.low, result.high], wanted, atol=1e-12)
        assert result.ci_method == "bootstrap-bca"


def test_bca_without_a_correction() -> None:
    above = intervals.bca(0.5, np.array([0.6, 0.7]), np.array([0.5, 0.6]))
    assert above.low is None
    assert "one side" in str(above.reason)
    perfect = metrics.auc([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], bootstrap=metrics.Bootstrap(n=200, interval="bca"))
    assert (perfect.low, perfect.high) == (1, 1)


def test_difference_is_paired() -> None:
    patient, truth, score = women()
    other = np.round(score + np.random.default_rng(1).normal(size=len(score)))
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=300))
    a, b = (metrics.auc(truth, s, cluster=patient, bootstrap=replicates) for s in (score, other))
    gap = metrics.difference(a, b)
    assert a.replicates is not None
    assert b.replicates is not None
    each = a.replicates - b.replicates
    assert [gap.low, gap.high] == np.quantile(each, [0.025, 0.975]).tolist()
    assert gap.p == min(1, 2 * (min((each <= 0).sum(), (each >= 0).sum()) + 1) / 301)
    assert a.value is not None
    assert b.value is not None
    assert gap.difference == a.value - b.value
    assert metrics.difference(a, a).p == 1
    with pytest.raises(ValueError, match="same Replicates"):
        metrics.difference(a, metrics.auc(truth, other, cluster=patient, bootstrap=300))
    shorter = metrics.auc(truth[:-1], other[:-1], cluster=patient[:-1], bootstrap=replicates)
    with pytest.raises(ValueError, match="needs the same rows"):
        metrics.difference(a, shorter)
    with pytest.raises(ValueError, match="cannot be compared"):
        metrics.difference(a, metrics.prauc(truth, other, cluster=patient, bootstrap=replicates))


def test_a_p_is_no_smaller_than_its_replicates_can_show() -> None:
    truth = [0, 0, 0, 0, 1, 1, 1, 1]
    replicates = metrics.Replicates(np.arange(8), options=metrics.Bootstrap(n=99, stratify=True), strata=truth)
    best, worst = (metrics.auc(truth, score, bootstrap=replicates) for score in (np.arange(8), -np.arange(8)))
    # All 99 differences are 1: one of 100 lies at or below 0 by definition, on two sides.
    for gap in (metrics.difference(best, worst), metrics.difference(worst, best)):
        assert (gap.p, gap.flags) == (pytest.approx(0.02), ("p-floor",))
    level = metrics.difference(best, best)
    assert (level.p, level.flags) == (1, ())
    assert metrics.difference(best, worst, margin=0.1).p_margin == pytest.approx(0.01)
    assert metrics.difference(worst, best, margin=0.1).p_margin == 1
    # One replicate shows nothing: the least p is 1, and no floor.
    lonely = metrics.Replicates(np.arange(8), options=metrics.Bootstrap(n=1, stratify=True), strata=truth)
    pair = (metrics.auc(truth, score, bootstrap=lonely) for score in (np.arange(8), -np.arange(8)))
    gap = metrics.difference(*pair)
    assert (gap.p, gap.flags) == (1, ())


def test_a_difference_that_few_replicates_know_has_no_p() -> None:
    # The one positive of four rows is missing from (3/4)^4 = 32% of the replicates.
    replicates = metrics.Replicates(np.arange(4), options=metrics.Bootstrap(n=400))
    a, b = (metrics.auc([0, 0, 1, 0], score, bootstrap=replicates) for score in ([1, 2, 3, 4], [1, 2, 4, 3]))
    gap = metrics.difference(a, b, margin=0.1)
    assert gap.difference == pytest.approx(-1 / 3)
    assert (gap.low, gap.p, gap.p_margin) == (None, None, None)
    assert "of 400 replicates" in str(gap.reason)


def test_a_number_that_one_model_lacks_has_no_difference() -> None:
    replicates = metrics.Replicates(np.arange(4), options=metrics.Bootstrap(n=20))
    a, b = (metrics.ppv([0, 0, 1, 1], [1, 2, 3, 4], at, bootstrap=replicates) for at in (3, 9))
    for pair in ((a, b), (b, a)):
        gap = metrics.difference(*pair)
        assert (gap.difference, gap.p, gap.reason) == (None, None, "no row is called positive")


def test_models_are_compared_each_at_its_own_threshold() -> None:
    truth = [0, 0, 1, 1]
    replicates = metrics.Replicates(np.arange(4), options=metrics.Bootstrap(n=20))
    a, b, c = (
        metrics.classification(truth, [1, 3, 2, 4], [("sensitivity", at)], bootstrap=replicates)[0] for at in (2, 3, 2)
    )
    assert (metrics.difference(a, b).difference, metrics.difference(a, b).at) == (0.5, None)
    assert metrics.difference(a, c).at == 2
    ends = [
        metrics.classification(truth, [1, 3, 2, 4], [("sensitivity_at_specificity", at)], bootstrap=replicates)[0]
        for at in (0.5, 0.9)
    ]
    with pytest.raises(ValueError, match=r"at 0\.5 cannot be compared with .* at 0\.9"):
        metrics.difference(*ends)


def test_mean_over_images() -> None:
    numbers = [0.1, None, 0.5, 0.9, 0.3]
    patient = ["a", "a", "b", "b", "c"]
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=50, interval="bca"))
    result = metrics.image_mean("dice_soft", numbers, cluster=patient, bootstrap=replicates)
    assert result.value == pytest.approx(0.45)
    assert (result.n, result.clusters) == (4, 3)
    assert result.sd == pytest.approx(np.std([0.1, 0.5, 0.9, 0.3], ddof=1))
    counts = replicates.weights(replicates.index(["a", "b", "c"]))
    wanted = (counts[0] * 0.1 + counts[1] * 1.4 + counts[2] * 0.3) / (counts[0] + 2 * counts[1] + counts[2])
    assert result.replicates is not None
    np.testing.assert_allclose(result.replicates, wanted, atol=1e-12)
    assert result.jackknife is not None
    np.testing.assert_allclose(result.jackknife, [1.7 / 3, 0.4 / 2, 1.5 / 3], atol=1e-12)
    assert metrics.image_mean("pxap", [None, None]).value is None
    # The images of patient c have no value: three of five are left, of two patients.
    asked = {"bootstrap": 40, "seed": 6, "ci": 0.5}
    few = metrics.image_mean("pxap", [0.1, 0.2, None, 0.6, None], cluster=["a", "a", "c", "b", "c"], **asked)
    drawn = metrics.Replicates(["a", "b"], options=metrics.Bootstrap(40, seed=6))
    a, b = drawn.weights(drawn.index(["a", "b"]))
    np.testing.assert_allclose(few.replicates, (a * 0.3 + b * 0.6) / (2 * a + b), atol=1e-12)
    assert (few.low, few.high) == pytest.approx(tuple(np.quantile(few.replicates, [0.25, 0.75])))
    assert metrics.image_mean("pxap", [0.4]).sd is None
    assert metrics.image_mean("pxap", [0.2, 0.6]).sd == pytest.approx(0.08**0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"n": 0}, "at least one"), ({"interval": "basic"}, "percentile"), ({"ci": 95}, "between 0 and 1")],
)
def test_bad_plans(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.Bootstrap(**options)


def test_replicates_of_nothing_or_of_unknown_strata() -> None:
    with pytest.raises(ValueError, match="no cluster to draw from"):
        metrics.Replicates([])
    with pytest.raises(ValueError, match="which rows are positive"):
        metrics.Bootstrap(stratify=True).replicates(["a", "b"])
    with pytest.raises(ValueError, match="strata has 1 rows, 2 were expected"):
        metrics.Replicates(["a", "b"], strata=[1])
    assert metrics.Replicates(["a", "b"]).index([]).tolist() == []
    assert len(metrics.Replicates(["a", "b"])) == 2000
