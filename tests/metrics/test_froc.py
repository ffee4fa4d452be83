"""FROC, rule by rule, each on a case that a pencil settles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadkit import metrics
from tests.metrics.regions import Box

INF = np.inf


@dataclass
class Ell:
    """A non-convex region: its box without the upper right quarter."""

    box: Sequence[float] = (0, 0, 10, 10)
    center: Sequence[float] = (25 / 6, 35 / 6)

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x >= 0) & (x < 10) & (y >= 0) & (y < 10) & ~((x >= 5) & (y < 5))


def marks(*rows: tuple[int, float, float, float], boxes: Any = None) -> metrics.Marks:
    image, x, y, score = zip(*rows, strict=True) if rows else ([], [], [], [])
    return metrics.Marks(np.array(image, dtype=int), np.array(x), np.array(y), np.array(score), boxes)


def findings(*rows: tuple[int, Any], spacing: Any = None) -> metrics.Findings:
    image, region = zip(*rows, strict=True) if rows else ([], [])
    return metrics.Findings(np.array(image, dtype=int), list(region), spacing)


def test_best_mark_counts_and_duplicates_are_ignored() -> None:
    found = metrics.match(
        marks((0, 5, 5, 0.4), (0, 6, 6, 0.9), (0, 50, 5, 0.7), (1, 5, 5, 0.8)), findings((0, Box((0, 0, 10, 10))))
    )
    assert found.best.tolist() == [0.9]
    assert found.false_positive.tolist() == [False, False, True, True]


def test_box_border_is_half_open() -> None:
    found = metrics.match(marks((0, 0, 0, 1), (0, 10, 5, 1), (0, 5, 10, 1)), findings((0, Box((0, 0, 10, 10)))))
    assert found.false_positive.tolist() == [False, True, True]


def test_one_mark_on_two_lesions_counts_for_both() -> None:
    found = metrics.match(marks((0, 9, 5, 0.6)), findings((0, Box((0, 0, 10, 10))), (0, Box((8, 0, 20, 10)))))
    assert found.best.tolist() == [0.6, 0.6]
    assert not found.false_positive.any()


def test_touching_lesions_share_no_point() -> None:
    pair = findings((0, Box((0, 0, 10, 10))), (0, Box((10, 0, 20, 10))))
    found = metrics.match(marks((0, 9.9, 5, 0.3), (0, 10, 5, 0.6)), pair)
    assert found.best.tolist() == [0.3, 0.6]


def test_non_convex_region_is_not_its_box() -> None:
    found = metrics.match(marks((0, 7, 2, 0.9), (0, 2, 7, 0.5)), findings((0, Ell())))
    assert found.best.tolist() == [0.5]
    assert found.false_positive.tolist() == [True, False]


def test_iou_at_the_threshold() -> None:
    # Boxes of 10 x 10 that share 10 x 5 have 50/150; that share nothing but an edge, 0.
    drawn = marks((0, 5, 10, 0.9), (0, 5, 15, 0.8), boxes=[[0, 5, 10, 15], [0, 10, 10, 20]])
    lesion = findings((0, Box((0, 0, 10, 10))))
    for threshold, hit in ((0.1, True), (1 / 3, True), (0.34, False)):
        found = metrics.match(drawn, lesion, rule="iou", threshold=threshold)
        assert found.false_positive.tolist() == [not hit, True]
    # A tenth exactly: 10 x 1 shared of 100.
    inner = marks((0, 0, 0, 1), boxes=[[0, 0, 10, 1]])
    assert metrics.match(inner, lesion, rule="iou", threshold=0.1).best.tolist() == [1]


def test_distance_in_pixels_and_millimetres() -> None:
    lesion = Box((0, 0, 10, 10))
    drawn = marks((0, 8, 9, 0.9), (0, 5, 11, 0.8))  # 3-4-5 from the centre, and 6 below it
    assert metrics.match(drawn, findings((0, lesion)), rule="distance", distance=5).best.tolist() == [0.9]
    assert metrics.match(drawn, findings((0, lesion)), rule="distance", distance=4.99).best.tolist() == [-INF]
    uneven = findings((0, lesion), spacing=[[0.5, 0.1]])  # 1.5 and 0.4 mm; 0 and 0.6 mm
    found = metrics.match(drawn, uneven, rule="distance", distance=0.7)
    assert found.false_positive.tolist() == [True, False]
    unknown = findings((0, lesion), spacing=[[np.nan, np.nan]])
    assert metrics.match(drawn, unknown, rule="distance", distance=5).best.tolist() == [0.9]


def test_duplicates_as_false_positives() -> None:
    lesion = findings((0, Box((0, 0, 10, 10))))
    found = metrics.match(marks((0, 5, 5, 0.4), (0, 6, 6, 0.9)), lesion, duplicates="fp")
    assert found.best.tolist() == [0.9]
    assert found.false_positive.tolist() == [True, False]
    # Equal scores: the nearer to the centre claims; equally near: the first.
    tied = metrics.match(marks((0, 1, 1, 0.5), (0, 5, 6, 0.5)), lesion, duplicates="fp")
    assert tied.false_positive.tolist() == [True, False]
    tied = metrics.match(marks((0, 5, 6, 0.5), (0, 5, 4, 0.5)), lesion, duplicates="fp")
    assert tied.false_positive.tolist() == [False, True]
    # A second mark that also hits an unclaimed finding claims that one.
    pair = findings((0, Box((0, 0, 10, 10))), (0, Box((8, 0, 20, 10))))
    found = metrics.match(marks((0, 2, 5, 0.9), (0, 9, 5, 0.8), (0, 15, 5, 0.7)), pair, duplicates="fp")
    assert found.false_positive.tolist() == [False, False, True]
    assert found.best.tolist() == [0.9, 0.8]


def test_findings_of_another_label() -> None:
    mine, other = findings((0, Box((0, 0, 10, 10)))), findings((0, Box((5, 0, 20, 10))))
    drawn = marks((0, 15, 5, 0.9), (0, 7, 5, 0.8), (0, 50, 50, 0.7))
    assert metrics.match(drawn, mine).false_positive.tolist() == [True, False, True]
    found = metrics.match(drawn, mine, neutral=other)
    assert found.false_positive.tolist() == [False, False, True]
    assert found.neutral.tolist() == [True, False, False]
    assert found.best.tolist() == [0.8]


def test_no_marks_and_no_findings() -> None:
    lesion = findings((0, Box((0, 0, 1, 1))))
    assert metrics.match(marks(), lesion).best.tolist() == [-INF]
    assert metrics.match(marks((0, 0, 0, 1)), findings()).false_positive.tolist() == [True]
    nothing = metrics.FrocSample.from_matches(marks(), metrics.match(marks(), lesion), 1)
    assert metrics.froc_curve(nothing).sensitivity.tolist() == [0]
    assert metrics.froc_sensitivity(nothing, 1).value == 0
    assert metrics.fpi_at_sensitivity(nothing, 0).value == 0
    assert metrics.fpi_at_sensitivity(nothing, 0.1).value is None
    none = metrics.FrocSample([0.5], [0], [], 1)
    assert metrics.froc_sensitivity(none, 1).reason == "no positive findings"
    assert metrics.max_sensitivity(none).reason == "no positive findings"
    with pytest.raises(ValueError, match="no positive findings"):
        metrics.froc_curve(none)


@pytest.fixture
def pencil() -> metrics.FrocSample:
    """Four images, five findings: hit .9, false .8, hit and false .7, false .5, hit .3, two missed."""
    return metrics.FrocSample(
        [0.8, 0.7, 0.5],
        [0, 1, 1],
        [0.9, 0.7, 0.3, -INF, -INF],
        4,
        np.array(["a", "a", "b", "c"]),
        np.array(["a", "b", "b", "c", "c"]),
    )


def test_curve(pencil: metrics.FrocSample) -> None:
    curve = metrics.froc_curve(pencil)
    assert curve.threshold.tolist() == [INF, 0.9, 0.8, 0.7, 0.5, 0.3]
    assert curve.fpi.tolist() == [0, 0, 0.25, 0.5, 0.75, 0.75]
    assert curve.sensitivity.tolist() == [0, 0.2, 0.2, 0.4, 0.4, 0.6]


@pytest.mark.parametrize(
    ("fpi", "step", "linear", "beyond"),
    [
        (0, 0.2, 0.2, False),
        (0.25, 0.2, 0.2, False),
        (0.375, 0.2, 0.3, False),
        (0.5, 0.4, 0.4, False),
        (0.7, 0.4, 0.4, False),
        (0.75, 0.6, 0.6, False),
        (0.76, 0.6, 0.6, True),
    ],
)
def test_sensitivity_at(pencil: metrics.FrocSample, fpi: float, step: float, linear: float, beyond: bool) -> None:
    result = metrics.froc_sensitivity(pencil, fpi)
    assert result.value == step
    assert ("beyond" in result.flags) is beyond
    assert metrics.froc_sensitivity(pencil, fpi, interpolate=True).value == pytest.approx(linear)


def test_the_other_way_and_summaries(pencil: metrics.FrocSample) -> None:
    assert metrics.fpi_at_sensitivity(pencil, 0).value == 0
    assert metrics.fpi_at_sensitivity(pencil, 0.2).value == 0
    assert metrics.fpi_at_sensitivity(pencil, 0.3).value == 0.5
    assert metrics.fpi_at_sensitivity(pencil, 0.6).value == 0.75
    beyond = metrics.fpi_at_sensitivity(pencil, 0.61)
    assert beyond.value is None
    assert beyond.reason == "the curve reaches a sensitivity of 0.6 only"
    most = metrics.max_sensitivity(pencil)
    assert (most.value, most.low, most.ci_method) == (0.6, None, None), "Wilson's rows would be independent"
    assert metrics.cpm(pencil).value == pytest.approx((0.2 + 0.2 + 0.4 + 4 * 0.6) / 7)
    assert metrics.cpm(pencil).flags == ("beyond",)


def test_units_are_hit_by_their_best_finding() -> None:
    pooled = metrics.pool_units([0.2, 0.9, -INF, 0.4], [0, 0, 1, 3], 4)
    assert pooled.tolist() == [0.9, -INF, -INF, 0.4]
    with pytest.raises(ValueError, match="must lie in"):
        metrics.pool_units([0.2], [4], 4)


def test_counted_images_leave_numerator_and_denominator_alike() -> None:
    normal = np.array([False, True, True, True])
    sample = metrics.FrocSample([0.8, 0.7, 0.5], [0, 1, 1], [0.6], 4, counted=normal)
    assert metrics.froc_curve(sample).fpi.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3])
    assert metrics.froc_sensitivity(sample, 1 / 3).value == 1
    nothing = metrics.FrocSample([], [], [0.6], 1, counted=[False])
    assert metrics.froc_sensitivity(nothing, 1).reason == "no images to count false positives over"


def test_bootstrap_equals_a_plain_loop() -> None:
    generator = np.random.default_rng(2)
    patient = np.repeat(np.arange(12), 4)
    unit_image = generator.integers(0, 48, 9)
    best = np.where(generator.random(9) < 0.7, generator.integers(1, 6, 9) / 8, -INF)
    false_image = generator.integers(0, 48, 60)
    false_score = generator.integers(1, 6, 60) / 8
    sample = metrics.FrocSample(false_score, false_image, best, 48, patient, patient[unit_image])
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=90, seed=3, interval="bca"))
    asked = ["cpm", "max_sensitivity", ("froc_sensitivity", 0.5), ("fpi_at_sensitivity", 0.4)]
    for interpolate in (False, True):
        fast = metrics.froc(sample, asked, bootstrap=replicates, interpolate=interpolate)
        counts = replicates.weights(np.arange(12)).astype(int)
        for column in range(90):
            images = np.flatnonzero(counts[:, column][patient])
            copies = np.repeat(images, counts[:, column][patient[images]])
            false = [
                (number, score) for number, image in enumerate(copies) for score in false_score[false_image == image]
            ]
            drawn = np.concatenate([best[unit_image == image] for image in copies])
            slow = metrics.froc(
                metrics.FrocSample([row[1] for row in false], [row[0] for row in false], drawn, len(copies)),
                asked,
                interpolate=interpolate,
            )
            for mine, one in zip(fast, slow, strict=True):
                assert mine.replicates is not None
                np.testing.assert_array_equal(mine.replicates[column], np.nan if one.value is None else one.value)
    result = metrics.froc(sample, ["max_sensitivity"], bootstrap=replicates)[0]
    assert (result.clusters, result.n, result.positives) == (12, 48, 9)
    assert result.jackknife is not None
    hits = np.isfinite(best)
    left = [hits[patient[unit_image] != one].mean() for one in range(12)]
    np.testing.assert_allclose(result.jackknife, left, atol=1e-12)


def test_replicates_without_a_lesion_are_dropped() -> None:
    patient = np.array(["a", "b", "c", "d"])
    sample = metrics.FrocSample([0.5], [3], [0.9], 4, patient, np.array(["a"]))
    result = metrics.froc_sensitivity(sample, 1, bootstrap=2000)
    assert result.dropped == pytest.approx(0.316 * 2000, abs=80)
    assert (result.value, result.low) == (1, None)
    band = metrics.froc_band(sample, [0, 1], bootstrap=200)
    assert band.sensitivity.tolist() == [1, 1]
    assert np.isnan(band.low).all()
    # The one patient with a finding is missing from (3/4)^4 = 32% of 200 replicates.
    assert band.dropped == pytest.approx(63, abs=27)


def test_band_is_pointwise(pencil: metrics.FrocSample) -> None:
    replicates = metrics.Replicates(["a", "b", "c"], options=metrics.Bootstrap(n=200, seed=1, ci=0.8))
    band = metrics.froc_band(pencil, [0.0, 0.5, 2.0], bootstrap=replicates)
    for number, fpi in enumerate(band.fpi):
        result = metrics.froc_sensitivity(pencil, fpi, bootstrap=replicates)
        assert band.sensitivity[number] == result.value
        assert (band.low[number], band.high[number]) == (result.low, result.high)


@st.composite
def froc_samples(draw: st.DrawFn) -> metrics.FrocSample:
    false = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4)), max_size=30))
    best = draw(st.lists(st.sampled_from([-INF, *range(1, 10)]), min_size=1, max_size=12))
    score, image = zip(*false, strict=True) if false else ((), ())
    return metrics.FrocSample(score, image, best, 5)


@settings(max_examples=60, deadline=None)
@given(froc_samples(), st.floats(0, 7))
def test_summaries_are_read_off_the_curve(sample: metrics.FrocSample, fpi: float) -> None:
    curve = metrics.froc_curve(sample)
    assert metrics.froc_sensitivity(sample, fpi).value == max(curve.sensitivity[curve.fpi <= fpi])
    assert metrics.max_sensitivity(sample).value == curve.sensitivity[-1]
    for level in (0.25, 0.5, 1.0):
        reached = curve.fpi[curve.sensitivity >= level]
        assert metrics.fpi_at_sensitivity(sample, level).value == (reached.min() if len(reached) else None)


@settings(max_examples=40, deadline=None)
@given(froc_samples(), st.integers(0, 4))
def test_invariances(sample: metrics.FrocSample, image: int) -> None:
    curve = metrics.froc_curve(sample)
    mapped = metrics.FrocSample(
        np.exp(sample.false_score[::-1]), sample.false_image[::-1],
        np.where(np.isfinite(sample.best), np.exp(sample.best), -INF), 5,
    )  # fmt: skip
    assert metrics.froc_curve(mapped).fpi.tolist() == curve.fpi.tolist()
    assert metrics.froc_curve(mapped).sensitivity.tolist() == curve.sensitivity.tolist()
    lower = metrics.FrocSample(np.append(sample.false_score, 0.0), np.append(sample.false_image, image), sample.best, 5)
    more = metrics.froc_curve(lower)
    assert more.fpi[:-1].tolist() == curve.fpi.tolist()
    assert more.sensitivity[:-1].tolist() == curve.sensitivity.tolist()


def test_bad_input_is_named(pencil: metrics.FrocSample) -> None:
    lesion = findings((0, Box((0, 0, 10, 10))))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"rule": "iou"}, "needs marks with boxes"),
        ({"rule": "distance"}, "needs a distance"),
        ({"rule": "inside"}, "rule must be"),
        ({"duplicates": "drop"}, "duplicates must be"),
    ]
    for options, message in cases:
        with pytest.raises(ValueError, match=message):
            metrics.match(marks((0, 5, 5, 1)), lesion, **options)
    with pytest.raises(ValueError, match="score of a mark has 1 NaN"):
        marks((0, 5, 5, np.nan))
    with pytest.raises(ValueError, match="needs image_cluster"):
        metrics.froc(metrics.FrocSample([], [], [0.5], 1), bootstrap=10)
    with pytest.raises(ValueError, match="unknown FROC metric 'auc'"):
        metrics.froc(pencil, ["auc"])
    with pytest.raises(ValueError, match="false_image must lie in"):
        metrics.FrocSample([0.5], [7], [0.5], 4)


def test_many_marks() -> None:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 80_000, 400_000)
    x, y = generator.random((2, len(image))) * 1000
    drawn = metrics.Marks(image, x, y, generator.random(len(image)))
    lesions = findings(*[(int(i), Box((200, 200, 700, 700))) for i in generator.integers(0, 80_000, 293)])
    found = metrics.match(drawn, lesions)
    inside = np.isin(image, lesions.image) & (x >= 200) & (x < 700) & (y >= 200) & (y < 700)
    np.testing.assert_array_equal(found.false_positive, ~inside)
