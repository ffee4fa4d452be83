"""What must not change an MRMC analysis, designs that are refused, and studies without variance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadkit.errors import InputError
from cadkit.reader_study import (
    MrmcResult,
    RatingStudy,
    VarianceComponents,
    analyse,
    cases_for_power,
    compare_scores,
    model_against_readers,
    power,
    readers_for_power,
)

METHODS: list[dict[str, Any]] = [
    {"method": "or"},
    {"method": "or", "covariance": "delong"},
    {"method": "or", "covariance": "unbiased"},
    {"method": "dbm"},
    {"method": "bdg"},
    {"method": "bdg-centred"},
]


def simulated(seed: int, t: int = 2, r: int = 4, cases: int = 40) -> RatingStudy:
    """Roe and Metz's model in small: cases that are hard for every reader, readers who differ, ratings in tenths."""
    rng = np.random.default_rng(seed)
    truth = np.arange(cases) % 2 == 0
    rating = 1.5 * truth + rng.normal(size=cases) + 0.5 * rng.normal(size=(r, 1)) * truth
    rating = np.round(rating + rng.normal(size=(t, r, cases)), 1)
    names = [tuple(f"{letter}{n}" for n in range(count)) for letter, count in (("r", r), ("m", t), ("c", cases))]
    return RatingStudy(names[0], names[1], names[2], truth, rating)


def numbers(result: MrmcResult) -> dict[tuple[str, ...], tuple[float, ...]]:
    """All estimates by what they are of, apart from the order of names; NaN for what there is none of."""
    return {
        tuple(str(row[key]) for key in ("quantity", "inference", "modality", "other", "reader")): tuple(
            float("nan") if row[key] is None else row[key] for key in ("value", "se", "df", "low", "high", "p")
        )
        for row in result.rows()
    }


def alike(one: MrmcResult, two: MrmcResult) -> None:
    a, b = numbers(one), numbers(two)
    assert a.keys() == b.keys()
    for key, values in a.items():
        assert values == pytest.approx(b[key], rel=1e-6, abs=1e-12, nan_ok=True), key


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), which=st.sampled_from(METHODS), shift=st.sampled_from([-7.0, 0.5, 128.0]))
def test_a_constant_or_a_monotone_map_changes_nothing(seed: int, which: dict[str, Any], shift: float) -> None:
    study = simulated(seed)
    plain = analyse(study, **which)
    rising = np.exp(study.rating / 4) * np.arange(1, 5)[:, None]  # another scale for every reader
    alike(plain, analyse(replace(study, rating=rising), **which))
    whole = replace(study, rating=np.round(study.rating * 10))
    alike(plain, analyse(replace(whole, rating=whole.rating + shift), **which))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), which=st.sampled_from(METHODS))
def test_the_order_of_readers_and_cases_changes_nothing(seed: int, which: dict[str, Any]) -> None:
    study = simulated(seed)
    rng = np.random.default_rng(seed)
    readers, cases = rng.permutation(4), rng.permutation(40)
    turned = RatingStudy(
        tuple(study.readers[j] for j in readers), study.modalities, tuple(study.cases[k] for k in cases),
        study.truth[cases], study.rating[:, readers][:, :, cases],
    )  # fmt: skip
    alike(analyse(study, **which), analyse(turned, **which))


@pytest.mark.parametrize("which", METHODS)
def test_exchanging_modalities_turns_the_sign(which: dict[str, Any]) -> None:
    study = simulated(5)
    turned = replace(study, modalities=study.modalities[::-1], rating=study.rating[::-1])
    one = analyse(study, **which).inferences["RRRC"].differences["m0", "m1"]
    two = analyse(turned, **which).inferences["RRRC"].differences["m1", "m0"]
    assert (one.value, one.se, one.p) == pytest.approx((-two.value, two.se, two.p), rel=1e-9)
    assert (one.low, one.high) == pytest.approx((-(two.high or 0), -(two.low or 0)), rel=1e-9)


@pytest.mark.parametrize("which", METHODS)
def test_three_modalities_have_three_differences(which: dict[str, Any]) -> None:
    result = analyse(simulated(6, t=3), **which)
    assert list(result.inferences["RRRC"].differences) == [("m0", "m1"), ("m0", "m2"), ("m1", "m2")]
    if not which["method"].startswith("bdg"):
        overall = result.inferences["RRRC"].overall
        assert overall is not None
        assert overall.df1 == 2


def test_one_missing_reading_is_named() -> None:
    study = simulated(7)
    rating = study.rating.copy()
    rating[1, 2, 9] = np.nan
    broken = replace(study, rating=rating, source="study.csv")
    for method in ("or", "dbm"):
        with pytest.raises(InputError) as error:
            analyse(broken, method=method)  # type: ignore[arg-type]
        for word in ("study.csv", "1 of 320 readings", "reader r2 in modality m1 of case c9", "bdg"):
            assert word in str(error.value)
    assert analyse(broken, method="bdg").design == "not fully crossed"


def test_a_reader_who_read_little() -> None:
    """One diseased case: an area that counts, without a variance of its own; none: refused by name."""
    study = simulated(18)
    rating = study.rating.copy()
    rating[0, 1, 2::2] = np.nan
    result = analyse(replace(study, rating=rating), method="bdg-centred")
    assert result.inferences["RRRC"].reader_values["m0", "r1"].reason == "fewer than two cases of a kind were read"
    assert result.inferences["RRRC"].means["m0"].se is not None
    rating[0, 1, 0] = np.nan
    with pytest.raises(InputError, match="auc of reader r1 in modality m0 is undefined"):
        analyse(replace(study, rating=rating), method="bdg-centred")


def nested(by: str) -> RatingStudy:
    """Two halves of the cases: one for readers r0 and r1 (or modality m0), one for r2 and r3 (or m1)."""
    study = simulated(8)
    rating = np.full((2, 4, 80), np.nan)
    rating[:, :, :40] = study.rating
    rating[:, :, 40:] = simulated(9).rating
    if by == "readers":
        rating[:, 2:, :40] = np.nan
        rating[:, :2, 40:] = np.nan
    else:
        rating[1, :, :40] = np.nan
        rating[0, :, 40:] = np.nan
    cases = tuple(f"c{k}" for k in range(80))
    return RatingStudy(study.readers, study.modalities, cases, np.tile(study.truth, 2), rating)


def test_split_plots() -> None:
    by_readers, by_modalities = (analyse(nested(by)) for by in ("readers", "modalities"))
    assert by_readers.design == "cases nested in readers"
    assert by_modalities.design == "cases nested in modalities"
    assert by_modalities.components["cov1"] == pytest.approx(0, abs=1e-15)
    assert by_modalities.components["cov3"] == pytest.approx(0, abs=1e-15)
    assert by_modalities.components["cov2"] > 1e-4
    # Readers of different groups share no case: eight of twelve ordered pairs have a covariance of 0.
    assert by_readers.matrix is not None
    assert by_readers.matrix[0, 2] == pytest.approx(0, abs=1e-15)
    inside = [by_readers.matrix[a, b] for a, b in ((0, 1), (2, 3), (4, 5), (6, 7))]
    assert by_readers.components["cov2"] == pytest.approx(np.sum(inside) * 2 / 24, rel=1e-9)
    with pytest.raises(InputError, match="dbm is for"):
        analyse(nested("readers"), method="dbm")


def test_a_reader_with_one_score_only() -> None:
    study = simulated(10)
    rating = study.rating.copy()
    rating[:, 1] = 3.0
    for which in METHODS:
        result = analyse(replace(study, rating=rating), **which)
        assert result.values[:, 1].tolist() == [0.5, 0.5]
        assert result.inferences["RRRC"].differences["m0", "m1"].p is not None


@pytest.mark.parametrize("which", METHODS)
def test_without_variance_there_is_no_test(which: dict[str, Any]) -> None:
    """All readers perfect in both modalities: a difference of 0, and a reason in place of a P value."""
    study = simulated(11)
    perfect = replace(study, rating=np.broadcast_to(study.truth.astype(float), study.rating.shape).copy())
    result = analyse(perfect, **which)
    found = result.inferences["RRRC"].differences["m0", "m1"]
    assert (found.value, found.se, found.p) == (0, 0, None)
    assert found.reason
    overall = result.inferences["RRRC"].overall
    assert overall is None or (overall.value is None and overall.reason)


def test_one_reader_has_fixed_readers_only() -> None:
    study = simulated(12, r=1)
    result = analyse(study)
    assert result.inferences["RRRC"].differences["m0", "m1"].se is None
    assert "one reader" in str(result.inferences["RRRC"].means["m0"].reason)
    fixed = result.inferences["FRRC"]
    assert fixed.overall is not None
    assert fixed.overall.p == pytest.approx(fixed.reader_differences["m0", "m1", "r0"].p, rel=1e-9)


def test_one_modality_has_means_only() -> None:
    result = analyse(simulated(13, t=1))
    assert result.inferences["RRRC"].overall is None
    assert result.inferences["RRRC"].differences == {}
    assert result.inferences["RRRC"].means["m0"].se is not None


def test_too_few_cases() -> None:
    study = RatingStudy(("r",), ("m",), ("1", "2", "3"), np.array([True, False, False]), np.array([[[3.0, 1, 2]]]))
    with pytest.raises(InputError, match="auc of reader r in modality m cannot be computed without one of the cases"):
        analyse(study)
    unread = replace(study, rating=np.full((1, 1, 3), np.nan))
    with pytest.raises(InputError, match="missing"):
        analyse(unread)
    with pytest.raises(InputError, match="no reading of reader r"):
        analyse(unread, method="bdg")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"fom": "wafroc"}, "auc, sensitivity, specificity"),
        ({"fom": "auc@0.8"}, "no such figure of merit"),
        ({"fom": "sensitivity_at_specificity"}, "sensitivity_at_specificity@0.8"),
        ({"fom": "sensitivity_at_specificity@high"}, "high"),
        ({"fom": "partial_auc@0.9-0.7"}, "low < high"),
        ({"fom": "prauc", "method": "bdg"}, "not for this figure of merit"),
        ({"fom": "sensitivity"}, "needs a threshold"),
        ({"threshold": 2.0}, "has no threshold"),
        ({"fom": "specificity", "threshold": 2.0, "method": "bdg"}, "not for this figure of merit"),
        ({"fom": "specificity", "threshold": 2.0, "covariance": "delong"}, "delong is not for"),
        ({"method": "anova"}, "'anova'"),
        ({"covariance": "bootstrap"}, "'bootstrap'"),
    ],
)
def test_choices_that_do_not_go_together(options: dict[str, Any], word: str) -> None:
    with pytest.raises(InputError) as error:
        analyse(simulated(14), **options)
    assert word in str(error.value)


def test_clusters_need_the_jackknife() -> None:
    study = replace(simulated(15), cluster=np.arange(40) // 2)
    assert analyse(study).cases == 20
    with pytest.raises(InputError, match="jackknife"):
        analyse(study, method="bdg")


def test_a_model_that_is_not_there() -> None:
    study = simulated(16, t=1)
    assert model_against_readers(study, "r0").readers == ("r1", "r2", "r3")
    with pytest.raises(InputError, match="'cad'"):
        model_against_readers(study, "cad")
    with pytest.raises(InputError, match="one modality"):
        model_against_readers(simulated(16), "r0")
    one = compare_scores(study.truth, study.rating[0, 0], study.rating[0, 1:2])
    assert one.differences["RRRC"].reason is not None


PILOT = VarianceComponents(0.0002, 0.0008, 0.00035, 0.00034, 0.00024, 114)


def test_power_grows_with_everything() -> None:
    grown = [
        power(PILOT, 5, 100, 0.05),
        power(PILOT, 8, 100, 0.05),
        power(PILOT, 8, 200, 0.05),
        power(PILOT, 8, 200, 0.08),
    ]
    reached = [one.power for one in grown]
    assert reached == sorted(reached)
    assert power(PILOT, 8, 100, -0.05).power == power(PILOT, 8, 100, 0.05).power
    # Without an effect to speak of the power is the size of the test.
    assert power(PILOT, 8, 100, 1e-9).power == pytest.approx(0.05, abs=1e-6)


def test_smallest_numbers_for_a_power() -> None:
    cases = cases_for_power(PILOT, 6, 0.05)
    assert cases is not None
    assert power(PILOT, 6, cases - 1, 0.05).power < 0.8 <= power(PILOT, 6, cases, 0.05).power
    readers = readers_for_power(PILOT, 100, 0.05)
    assert readers is not None
    assert power(PILOT, readers - 1, 100, 0.05).power < 0.8 <= power(PILOT, readers, 100, 0.05).power
    assert cases_for_power(PILOT, 2, 0.01) is None


def test_plans_out_of_range() -> None:
    for plan in ({"readers": 1}, {"cases": 1}, {"effect": 0.0}, {"alpha": 1.0}):
        with pytest.raises(InputError):
            power(PILOT, **{"readers": 5, "cases": 100, "effect": 0.05, **plan})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="components of an analysis"):
        VarianceComponents.of(analyse(simulated(17), method="bdg"))
