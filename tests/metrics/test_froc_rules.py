"""What an FROC says at its edges, and its band against a literal loop over replicates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadkit import metrics

INF = np.inf

Study = tuple[list[tuple[float, int]], list[tuple[float, int]], int]


def sample_of(false: list[tuple[float, int]], units: list[tuple[float, int]], images: int) -> metrics.FrocSample:
    """Scores with their images; every image is a patient of its own."""
    score, at = zip(*false, strict=True) if false else ((), ())
    best, unit_at = zip(*units, strict=True) if units else ((), ())
    return metrics.FrocSample(score, at, best, images, np.arange(images), np.array(unit_at, dtype=int))


def literal_curve(false: list[float], best: list[float], images: int) -> list[tuple[float, float]]:
    points = [(0.0, 0.0)]
    for t in sorted({*false, *(b for b in best if b > -INF)}, reverse=True):
        points.append((sum(s >= t for s in false) / images, sum(b >= t for b in best) / len(best)))
    return points


def literal_sensitivity(points: list[tuple[float, float]], fpi: float, interpolate: bool) -> float:
    value = max(y for x, y in points if x <= fpi)
    if not interpolate:
        return value
    x0 = max(x for x, _ in points if x <= fpi)
    later = [(x, y) for x, y in points if x > fpi]
    if not later:
        return value
    x1 = later[0][0]
    y1 = min(y for x, y in later if x == x1)
    return value + (y1 - value) * (fpi - x0) / (x1 - x0)


def test_all_hit() -> None:
    sample = sample_of([(0.5, 0), (0.1, 1)], [(0.9, 0), (0.3, 1)], 2)
    curve = metrics.froc_curve(sample)
    assert curve.sensitivity.tolist() == [0, 0.5, 0.5, 1, 1]
    assert curve.fpi.tolist() == [0, 0, 0.5, 0.5, 1]
    assert metrics.fpi_at_sensitivity(sample, 1).value == 0.5
    assert metrics.max_sensitivity(sample).value == 1


def test_none_hit() -> None:
    sample = sample_of([(0.5, 0), (0.1, 1)], [(-INF, 0)], 2)
    assert metrics.froc_curve(sample).sensitivity.tolist() == [0, 0, 0]
    assert metrics.cpm(sample).value == 0
    assert metrics.fpi_at_sensitivity(sample, 0.01).value is None
    interval = metrics.max_sensitivity(metrics.FrocSample([0.5], [0], [-INF] * 4, 1))
    assert (interval.value, interval.low, interval.ci_method) == (0, 0, "wilson")


def test_one_mark_only() -> None:
    hit = sample_of([], [(0.2, 0)], 4)
    assert metrics.froc_curve(hit).fpi.tolist() == [0, 0]
    assert metrics.froc_sensitivity(hit, 0).value == 1
    miss = sample_of([(0.2, 0)], [(-INF, 0)], 4)
    assert metrics.froc_curve(miss).fpi.tolist() == [0, 0.25]


def test_images_without_a_lesion_count_in_the_denominator() -> None:
    few, many = (sample_of([(0.5, 0)], [(0.4, 0)], images) for images in (1, 10))
    assert metrics.fpi_at_sensitivity(few, 1).value == 1
    assert metrics.fpi_at_sensitivity(many, 1).value == 0.1
    assert metrics.fpi_at_sensitivity(many, 1).flags == (), "a sensitivity of 1 lies beyond no curve"


def test_marks_of_one_score_enter_together() -> None:
    tied = sample_of([(0.5, 0), (0.5, 1)], [(0.5, 0), (0.5, 1), (0.2, 1)], 2)
    curve = metrics.froc_curve(tied)
    assert list(zip(curve.fpi.tolist(), curve.sensitivity.round(6).tolist(), strict=True)) == [
        (0, 0), (1, 0.666667), (1, 1),
    ]  # fmt: skip
    assert metrics.froc_sensitivity(tied, 0.99).value == 0
    assert metrics.froc_sensitivity(tied, 0.5, interpolate=True).value == pytest.approx(1 / 3)


def test_cpm_reads_the_curve_at_seven_rates() -> None:
    """A finding is reached exactly at each rate, and one more a single false positive later: 1, 3, ..., 13 of 14."""
    images, passed = 16, [rate * 16 for rate in (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)]
    false = [(1000.0 - number, number % images) for number in range(1, 131)]
    units = [(999.5 - count - later, 0) for count in passed for later in (0, 1)]
    assert metrics.cpm(sample_of(false, units, images)).value == pytest.approx(7 / 14)
    # At 1/8 and 1/4 alone: (1 + 3) / 2 of 14.
    assert metrics.cpm(sample_of(false, units, images), [1 / 8, 1 / 4]).value == pytest.approx(2 / 14)


def test_every_door_draws_the_same_replicates() -> None:
    generator = np.random.default_rng(6)
    false = [(float(s), int(i)) for s, i in zip(generator.random(30), generator.integers(0, 15, 30), strict=True)]
    sample = sample_of(false, [(float(b), i) for i, b in enumerate(generator.random(6))], 15)
    asked = {"bootstrap": 60, "seed": 5, "ci": 0.6}
    (wanted,) = metrics.froc(sample, [("froc_sensitivity", 0.4)], **asked)
    assert wanted.low < wanted.high
    one = metrics.froc_sensitivity(sample, 0.4, **asked)
    assert (one.low, one.high, one.ci) == (wanted.low, wanted.high, 0.6)
    band = metrics.froc_band(sample, [0.4], **asked)
    assert (band.low.tolist(), band.high.tolist()) == ([wanted.low], [wanted.high])
    other = metrics.froc_sensitivity(sample, 0.4, bootstrap=60, seed=6, ci=0.6)
    assert not np.array_equal(one.replicates, other.replicates)
    (usual,) = metrics.froc(sample, [("froc_sensitivity", 0.4)], bootstrap=60, seed=0, ci=0.95)
    band = metrics.froc_band(sample, [0.4], bootstrap=60)
    assert (band.low.tolist(), band.high.tolist()) == ([usual.low], [usual.high])


def test_a_replicate_needs_a_lesion_and_an_image_to_count_over() -> None:
    """The patient a has the lesion, b the only normal image: one of them alone is no curve."""
    patient = np.array(["a", "b"])
    sample = metrics.FrocSample([0.5], [1], [0.9], 2, patient, np.array(["a"]), normal=[False, True]).over("normal")
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=60))
    a, b = replicates.weights(replicates.index(patient))
    for result in metrics.froc(sample, ["max_sensitivity", "cpm"], bootstrap=replicates):
        assert np.isnan(result.replicates).tolist() == ((a == 0) | (b == 0)).tolist()


def test_past_the_last_point() -> None:
    result, inside = metrics.froc(
        sample_of([(0.5, 0)], [(0.4, 0), (-INF, 0)], 2), [("froc_sensitivity", f) for f in (2, 0.5)]
    )
    assert (result.value, result.flags) == (0.5, ("beyond",))
    assert (inside.value, inside.flags) == (0.5, ())
    band = metrics.froc_band(sample_of([(0.5, 0)], [(0.4, 0), (-INF, 0)], 2), [0.5, 2], bootstrap=10)
    assert band.beyond.tolist() == [False, True]


def test_both_denominators_in_one_call() -> None:
    patient = np.array(["a", "a", "b", "c"])
    sample = metrics.FrocSample(
        [0.8, 0.7, 0.5], [0, 1, 3], [0.75, -INF], 4, patient, np.array(["a", "b"]), normal=[False, True, False, True]
    )  # fmt: skip
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=60, seed=5))
    asked = [("froc_sensitivity", 0.25), ("fpi_at_sensitivity", 0.5), "cpm"]
    found = metrics.froc_summary(sample, asked, grid=[0.1, 0.5], bootstrap=replicates)
    assert list(found) == ["all", "normal"]
    # All four images: .8 comes before the hit at .75. The two normal ones: .7 and .5 come after.
    assert [r.value for r in found["all"].results[:2]] == [0.5, 0.25]
    assert [r.value for r in found["normal"].results[:2]] == [0.5, 0]
    assert [r.n for r in found["normal"].results] == [2, 2, 2]
    assert found["normal"].curve.fpi.tolist() == [0, 0, 0.5, 1]
    for which, summary in found.items():
        alone = metrics.froc(sample.over(which), asked, bootstrap=replicates)
        assert [r.to_dict() for r in alone] == [r.to_dict() for r in summary.results]
        band = metrics.froc_band(sample.over(which), [0.1, 0.5], bootstrap=replicates)
        for mine, other in zip(band, summary.band, strict=True):
            np.testing.assert_array_equal(mine, other)
    assert metrics.froc_summary(sample, fp_images=["all"])["all"].band is None
    nothing = metrics.froc_summary(metrics.FrocSample([0.5], [0], [], 1, normal=[True]), grid=[1])
    assert nothing["all"].curve is None
    assert nothing["all"].results[0].reason == "no positive findings"
    with pytest.raises(ValueError, match="which images are normal"):
        metrics.froc_summary(sample_of([], [(0.5, 0)], 1))


@st.composite
def studies(draw: st.DrawFn) -> Study:
    images = draw(st.integers(2, 6))
    at = st.integers(0, images - 1)
    false = draw(st.lists(st.tuples(st.sampled_from([0.125, 0.25, 0.5]), at), max_size=14))
    units = draw(st.lists(st.tuples(st.sampled_from([-INF, 0.125, 0.25, 0.5]), at), min_size=1, max_size=6))
    return false, units, images


@settings(max_examples=25, deadline=None)
@given(studies(), st.booleans(), st.integers(0, 99))
def test_band_equals_a_literal_loop(study: Study, interpolate: bool, seed: int) -> None:
    false, units, images = study
    grid = [0.0, 0.2, 0.5, 1.0, 1.5, 4.0]
    options = metrics.Bootstrap(n=12, seed=seed, ci=0.5)
    replicates = metrics.Replicates(np.arange(images), options=options)
    asked = [("froc_sensitivity", rate) for rate in grid]
    fast = metrics.froc(sample_of(*study), asked, bootstrap=replicates, interpolate=interpolate)
    counts = replicates.weights(np.arange(images)).astype(int)
    for number, column in enumerate(counts.T):
        drawn = [s for s, at in false for _ in range(column[at])]
        best = [b for b, at in units for _ in range(column[at])]
        points = literal_curve(drawn, best, images) if best else []
        for rate, result in zip(grid, fast, strict=True):
            mine = result.replicates[number]
            if not best:
                assert np.isnan(mine)
            elif interpolate:
                assert mine == pytest.approx(literal_sensitivity(points, rate, True), abs=1e-12)
            else:
                assert mine == literal_sensitivity(points, rate, False)
    band = metrics.froc_band(sample_of(*study), grid, bootstrap=replicates, interpolate=interpolate)
    for number, result in enumerate(fast):
        defined = result.replicates[~np.isnan(result.replicates)]
        if result.low is not None:
            assert (band.low[number], band.high[number]) == tuple(np.quantile(defined, [0.25, 0.75]))


@settings(max_examples=25, deadline=None)
@given(studies())
def test_curve_is_the_literal_one(study: Study) -> None:
    false, units, images = study
    curve = metrics.froc_curve(sample_of(*study))
    wanted = literal_curve([s for s, _ in false], [b for b, _ in units], images)
    assert list(zip(curve.fpi.tolist(), curve.sensitivity.tolist(), strict=True)) == wanted


def test_bca_band_has_the_results_intervals() -> None:
    generator = np.random.default_rng(8)
    false = [(float(s), int(i)) for s, i in zip(generator.random(60), generator.integers(0, 40, 60), strict=True)]
    units = [(float(b), i) for i, b in enumerate(generator.random(20))]
    sample = sample_of(false, units, 40)
    plan = metrics.Bootstrap(n=200, seed=2, interval="bca")
    band = metrics.froc_band(sample, [0.3, 0.8], bootstrap=plan)
    for number, fpi in enumerate((0.3, 0.8)):
        result = metrics.froc_sensitivity(sample, fpi, bootstrap=plan)
        assert result.ci_method == "bootstrap-bca"
        assert (band.low[number], band.high[number]) == (result.low, result.high)
        # Without each image in turn, literally.
        left = []
        for out in range(40):
            best = [b for b, at in units if at != out]
            points = literal_curve([s for s, at in false if at != out], best, 39)
            left.append(literal_sensitivity(points, fpi, False))
        np.testing.assert_allclose(result.jackknife, left, atol=1e-12)


def test_bad_samples_are_named() -> None:
    with pytest.raises(ValueError, match=r"false_score has 1 NaN, the first in row 1"):
        metrics.FrocSample([0.5, np.nan], [0, 0], [0.5], 1)
    with pytest.raises(ValueError, match="false_score is infinite in row 0"):
        metrics.FrocSample([INF], [0], [0.5], 1)
    with pytest.raises(ValueError, match="best holds an infinite score"):
        metrics.FrocSample([], [], [INF], 1)
    with pytest.raises(ValueError, match="normal has 1 rows, 2 were expected"):
        metrics.FrocSample([], [], [0.5], 2, normal=[True])
    marks = metrics.Marks([7], [0], [0], [0.5])
    with pytest.raises(ValueError, match=r"image of a mark must lie in \[0, 4\): found 7"):
        metrics.FrocSample.from_matches(marks, metrics.match(marks, metrics.Findings([], [])), 4)
    for rates in ([], [1, -1], [INF]):
        with pytest.raises(ValueError, match="cpm averages over"):
            metrics.cpm(sample_of([], [(0.5, 0)], 1), rates)
    for rate in (-0.1, INF):
        with pytest.raises(ValueError, match=f"froc_sensitivity needs a number .*found {rate}"):
            metrics.froc_sensitivity(sample_of([], [(0.5, 0)], 1), rate)
    for share in (-0.1, 1.1):
        with pytest.raises(ValueError, match=rf"a sensitivity in \[0, 1\] \(found {share}"):
            metrics.fpi_at_sensitivity(sample_of([], [(0.5, 0)], 1), share)
    with pytest.raises(ValueError, match="must both be text or both be numbers"):
        metrics.froc(metrics.FrocSample([], [], [0.5], 1, np.array(["a"]), np.array([1])))
    with pytest.raises(ValueError, match="counted over 'all' or 'normal'"):
        sample_of([], [(0.5, 0)], 1).over("some")
    assert sample_of([(0.4, 0)], [(0.5, 0)], 1).over("all").images.tolist() == [True]
    assert metrics.froc(metrics.FrocSample([], [], [], 0))[0].reason == "no positive findings"
    named = metrics.FrocSample([0.5], [0], [], 1, np.array(["a"]), np.array([]))
    assert metrics.froc(named)[0].reason == "no positive findings", "no unit has no kind of name"
    with pytest.raises(ValueError, match="false_image has 1 rows, 2 were expected"):
        metrics.FrocSample([0.5, 0.4], [0], [0.5], 1)
    with pytest.raises(ValueError, match="of both the images and the units, or of neither"):
        metrics.FrocSample([], [], [0.5], 1, unit_cluster=np.array([0]))
    with pytest.raises(ValueError, match="unit has 1 rows, 2 were expected"):
        metrics.pool_units([0.5, 0.4], [0], 1)
