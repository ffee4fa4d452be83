"""Splits: patients stay together, labels are spread, dates are in order."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cadkit.data.splits import folds, patient_strata, random_split, split_by_date, split_from_table
from cadkit.errors import InputError, ProblemsError


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


@pytest.mark.parametrize("counts", [(10, 0, 2), (10, 0, 20), (5, 7, 9), (6, 5, 8), (0, 5, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_folds_differ_by_a_patient_at_most_in_all_and_in_every_stratum(counts: tuple[int, int, int], seed: int) -> None:
    exams, breasts = population(*counts)
    strata = patient_strata(exams, breasts, LABELS)
    fold = dict(zip(exams["patient_id"], folds(exams, breasts, LABELS, 5, seed), strict=True))
    assert set(fold) == set(strata)
    for stratum in (None, *set(strata.values())):
        members = [fold[patient] for patient in strata if stratum in (None, strata[patient])]
        sizes = [members.count(number) for number in range(5)]
        assert max(sizes) - min(sizes) <= 1, (stratum, sizes)


def uneven(seed: int, women: int = 150) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Women with one to six exams, lesions that stay: a few women hold many of the positive breasts."""
    rng = np.random.default_rng(seed)
    exams, breasts = [], []
    for woman in range(women):
        kind = rng.choice(["m", "b", "mb", ""], p=[0.1, 0.15, 0.05, 0.7])
        since = rng.integers(0, 3)
        for visit in range(rng.integers(1, 7)):
            exam = f"{woman}-{visit}"
            exams.append({"exam_id": exam, "patient_id": f"p{woman:03}"})
            for side in "LR":
                ill = side == "R" and visit >= since
                row = {"malignant": int(ill and "m" in kind), "benign": int(ill and "b" in kind)}
                breasts.append({"exam_id": exam, "side": side, **row})
    return pl.DataFrame(exams), pl.DataFrame(breasts)


def test_folds_are_more_even_than_the_usual_greedy_way() -> None:
    """Spread of exams and positives over folds, against scikit-learn's StratifiedGroupKFold on breasts."""
    from sklearn.model_selection import StratifiedGroupKFold

    ours, theirs = [], []
    for seed in range(6):
        exams, breasts = uneven(seed)
        rows = breasts.join(exams, on="exam_id", maintain_order="left")
        fold = dict(zip(exams["exam_id"], folds(exams, breasts, LABELS, 5, seed), strict=True))
        target = rows.select(2 * pl.col("malignant") + pl.col("benign")).to_series().to_numpy()
        peer = np.zeros(rows.height, dtype=int)
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        for number, (_, members) in enumerate(splitter.split(target, target, rows["patient_id"].to_numpy())):
            peer[members] = number
        mine = np.array([fold[exam] for exam in rows["exam_id"]])
        for given, spreads in ((mine, ours), (peer, theirs)):
            for measure in (np.ones(rows.height), rows["malignant"].to_numpy(), rows["benign"].to_numpy()):
                sums = np.bincount(given, weights=measure, minlength=5)
                spreads.append((sums.max() - sums.min()) / sums.mean())
    assert np.mean(ours) < np.mean(theirs)
    assert np.mean(ours) < 0.25


def test_folds_depend_on_the_seed_and_not_on_the_order() -> None:
    exams, breasts = uneven(0, 40)
    first = dict(zip(exams["exam_id"], folds(exams, breasts, LABELS, 4, seed=1), strict=True))
    turned = exams.reverse()
    assert dict(zip(turned["exam_id"], folds(turned, breasts.reverse(), LABELS, 4, seed=1), strict=True)) == first
    assert dict(zip(exams["exam_id"], folds(exams, breasts, LABELS, 4, seed=2), strict=True)) != first


def test_a_label_of_the_exam_is_stratified_too() -> None:
    exams, breasts = population(0, 0, 30)
    recalled = exams.with_columns(pl.Series("recalled", [int(n // 2 < 6) for n in range(exams.height)], dtype=pl.Int8))
    fold = recalled.with_columns(folds(recalled, breasts, ("recalled",), 3)).filter(pl.col("recalled") == 1)
    assert sorted(fold["fold"].to_list()) == [0] * 4 + [1] * 4 + [2] * 4


@pytest.mark.parametrize("number", [1, 4, -2])
def test_too_few_patients_for_the_folds(number: int) -> None:
    with pytest.raises(InputError, match="cannot be put into folds"):
        folds(*population(1, 1, 1), LABELS, number)


def test_folds_without_a_positive_are_refused() -> None:
    exams, breasts = population(3, 9, 20)
    with pytest.raises(InputError, match=r"only 3 patient\(s\) are positive for malignant.*--label"):
        folds(exams, breasts, LABELS, 5)
    assert set(folds(exams, breasts, ("benign",), 5)) == set(range(5))


@pytest.fixture
def visits() -> pl.DataFrame:
    return pl.DataFrame({"exam_id": ["e1", "e2", "e3", "e4"], "patient_id": ["p1", "p1", "p2", "p3"]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("patient,split\np3,test\np1,train\np2,validation\n", ["train", "train", "validation", "test"]),
        ("patient_id , split\n p1 , train\np2,\np3,test\n", ["train", "train", None, "test"]),
        ("exam_id,patient_id,split\ne1,x,\ne2,x,test\ne3,x,train\ne4,x,test\n", [None, "test", "train", "test"]),
        ("patient_id,fold\np1,2\np2,0\np3,1\np1,2\n", [2, 2, 0, 1]),
    ],
)
def test_a_table_gives_the_split(tmp_path: Path, visits: pl.DataFrame, text: str, expected: list[object]) -> None:
    (tmp_path / "s.csv").write_text(text)
    made = split_from_table(visits, tmp_path / "s.csv")
    assert made.to_list() == expected
    assert made.name == ("fold" if "fold" in text else "split")


def test_everything_wrong_with_a_table_is_said_at_once(tmp_path: Path, visits: pl.DataFrame) -> None:
    (tmp_path / "s.csv").write_text("patient_id,split\np1,train\np1,test\np2,tests\nJane Doe,test\n,train\n")
    with pytest.raises(ProblemsError) as caught:
        split_from_table(visits, tmp_path / "s.csv")
    found = [(problem.rule, problem.row, problem.value) for problem in caught.value.problems]
    assert found == [
        ("patient-in-two-splits", 2, "p1"),
        ("unknown-split", 3, "tests"),
        ("unknown-patient", 4, ""),
        ("empty-key", 5, ""),
        ("missing-patient", None, "p3"),
    ]
    # What the dataset does not know may be a name.
    assert "Jane" not in str(caught.value)


def test_exams_of_a_patient_stay_together(tmp_path: Path, visits: pl.DataFrame) -> None:
    (tmp_path / "s.csv").write_text("exam_id,fold\ne1,0\ne2,1\ne3,-1\n")
    with pytest.raises(ProblemsError) as caught:
        split_from_table(visits, tmp_path / "s.csv")
    assert [(problem.rule, problem.row) for problem in caught.value.problems] == [
        ("patient-in-two-splits", 2),
        ("unknown-fold", 3),
        ("missing-exam", None),
    ]
    assert "in 1 here and in 0 in row 1" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name,split\np1,train\n", "patient_id .* is missing"),
        ("patient_id,part\np1,train\n", "lacks a column split, or fold"),
        ("patient_id,split,fold\np1,train,1\n", "both"),
        ("", "not a readable CSV file"),
        (None, "the file is missing"),
    ],
)
def test_a_table_of_another_kind(tmp_path: Path, visits: pl.DataFrame, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InputError, match=reason):
        split_from_table(visits, tmp_path / "s.csv")
