"""Splits: patients stay together, labels are spread, dates are in order."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from cadkit.data.splits import folds, patient_strata, random_split, split_by_date
from cadkit.errors import InputError


def population(malignant: int, benign: int, normal: int, exams_each: int = 2) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Women with so many exams each, one label in the right breast of the last."""
    kinds = ["m"] * malignant + ["b"] * benign + ["n"] * normal
    exams, breasts = [], []
    for woman, kind in enumerate(kinds):
        for visit in range(exams_each):
            exam = f"{woman}-{visit}"
            exams.append({"exam_id": exam, "patient_id": f"p{woman:03}"})
            last = visit == exams_each - 1
            breasts.append({"exam_id": exam, "side": "L", "malignant": 0, "benign": None})
            breasts.append(
                {
                    "exam_id": exam,
                    "side": "R",
                    "malignant": int(last and kind == "m"),
                    "benign": int(last and kind == "b"),
                }
            )
    return pl.DataFrame(exams), pl.DataFrame(breasts)


LABELS = ("malignant", "benign")


def test_strata_are_what_a_woman_ever_had() -> None:
    exams, breasts = population(1, 1, 1)
    assert patient_strata(exams, breasts, LABELS) == {"p000": "malignant", "p001": "benign", "p002": "none"}
    by_exam = exams.with_columns(cancer=pl.col("exam_id") == "2-0").cast({"cancer": pl.Int8})
    assert patient_strata(by_exam, breasts, ("cancer", "benign"))["p002"] == "cancer"


@pytest.mark.parametrize("seed", range(5))
def test_the_shares_of_mini_mias(seed: int) -> None:
    """50 women, 15 with a malignant finding, 50/20/30: 25, 10 and 15 women, the malignant ones alike."""
    exams, breasts = population(15, 12, 23)
    strata = patient_strata(exams, breasts, LABELS)
    split = random_split(exams, breasts, LABELS, (0.5, 0.2, 0.3), seed)
    part = dict(zip(exams["patient_id"], split, strict=True))
    assert [list(part.values()).count(name) for name in ("train", "validation", "test")] == [25, 10, 15]
    for stratum, count in (("malignant", 15), ("benign", 12), ("none", 23)):
        for name, share in (("train", 0.5), ("validation", 0.2), ("test", 0.3)):
            members = sum(part[p] == name for p, s in strata.items() if s == stratum)
            assert abs(members - share * count) < 1, (stratum, name)


def test_patients_are_never_torn_apart() -> None:
    exams, breasts = population(7, 5, 30, exams_each=3)
    shuffled = exams.sample(fraction=1, shuffle=True, seed=1)
    for column in (random_split(shuffled, breasts, LABELS), folds(shuffled, breasts, LABELS, 4)):
        parts = shuffled.with_columns(part=column).group_by("patient_id").agg(pl.col("part").n_unique())
        assert parts["part"].to_list() == [1] * 42


def test_a_split_depends_on_the_seed_and_not_on_the_order() -> None:
    exams, breasts = population(5, 5, 40)
    first = dict(zip(exams["exam_id"], random_split(exams, breasts, LABELS, seed=1), strict=True))
    turned = exams.reverse()
    assert dict(zip(turned["exam_id"], random_split(turned, breasts, LABELS, seed=1), strict=True)) == first
    assert dict(zip(exams["exam_id"], random_split(exams, breasts, LABELS, seed=2), strict=True)) != first


@pytest.mark.parametrize("shares", [(0.0, 0.0, 0.0), (1.0, -0.1, 0.1), (float("nan"), 1.0, 1.0), (float("inf"), 1, 1)])
def test_impossible_shares_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="shares"):
        random_split(*population(1, 1, 1), LABELS, shares)


def test_a_share_of_zero_gets_nobody() -> None:
    exams, breasts = population(9, 9, 9)
    split = random_split(exams, breasts, LABELS, (2, 0, 1))
    assert sorted(set(split)) == ["test", "train"]
    assert split.to_list().count("test") == 2 * 9


def test_by_date_the_latest_patients_are_the_test() -> None:
    """GMIC 3.1: patients by their latest exam; 80, 10, 10%; only the latest exam of a test patient."""
    start = date(2020, 1, 1)
    rows = []
    for woman in range(20):
        # The latest exam falls on day `woman`; each has an earlier one a year before.
        rows.append((f"{woman}-old", f"p{woman:02}", start + timedelta(days=woman - 365)))
        rows.append((f"{woman}-new", f"p{woman:02}", start + timedelta(days=woman)))
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    exams = pl.DataFrame(shuffled, schema=["exam_id", "patient_id", "date"], orient="row")
    split = dict(zip(exams["exam_id"], split_by_date(exams), strict=True))
    for woman in range(20):
        expected = "train" if woman < 16 else "validation" if woman < 18 else "test"
        assert split[f"{woman}-new"] == expected
        assert split[f"{woman}-old"] == (None if expected == "test" else expected)


def test_by_date_needs_dates() -> None:
    exams = pl.DataFrame({"exam_id": ["a", "b"], "patient_id": ["p", "q"], "date": [date(2020, 1, 1), None]})
    for table in (exams, exams.drop("date")):
        with pytest.raises(InputError, match="a date for every exam"):
            split_by_date(table)


@pytest.mark.parametrize("counts", [(10, 0, 2), (10, 0, 20), (3, 2, 4), (1, 1, 8), (2, 5, 3)])
def test_folds_hold_every_patient_once_whatever_is_rare(counts: tuple[int, int, int]) -> None:
    exams, breasts = population(*counts)
    fold = folds(exams, breasts, LABELS, 5, seed=3)
    assert set(fold) == set(range(5))
    sizes = exams.with_columns(fold=fold).group_by("fold").agg(pl.col("patient_id").n_unique())["patient_id"]
    assert sizes.max() - sizes.min() <= 2  # type: ignore[operator]


def test_folds_are_stratified() -> None:
    exams, breasts = population(10, 0, 40)
    strata = patient_strata(exams, breasts, LABELS)
    placed = set(zip(exams["patient_id"], folds(exams, breasts, LABELS, 5), strict=True))
    malignant = [fold for patient, fold in placed if strata[patient] == "malignant"]
    assert sorted(malignant) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("number", [1, 4])
def test_too_few_patients_for_the_folds(number: int) -> None:
    with pytest.raises(InputError, match="cannot be put into folds"):
        folds(*population(1, 1, 1), LABELS, number)
