"""Populations and unions of labels by pencil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cadkit import InputError, Predictions
from cadkit.data import Dataset
from cadkit.evaluation import FrocRule, Settings
from cadkit.evaluation import evaluate_predictions as evaluate

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
Pick = Callable[..., Any]


def settings(**changes: Any) -> Settings:
    return Settings(**{"split": "test", "bootstrap": 20, "cases": 0, "labels": ("malignant",), **changes})


def test_a_union_is_positive_where_either_is_and_unknown_where_one_may_be(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Pick
) -> None:
    chosen = settings(labels=("any=malignant|benign",), froc=FrocRule(), cases=3)
    report = evaluate([hand()], make_dataset(), tmp_path / "R", chosen)
    row = pick(report, label="any", metric="auc")
    # Positive e1-L 0.9, e2-L 0.6, e3-R 0.4, e5-L 0.7; negative 0.2, 0.1, 0.3, 0.4, 0.05; e4-L may be malignant.
    assert (row["n"], row["positives"], row["value"]) == (9, 4, pytest.approx(19.5 / 20))
    found = pick(report, label="any", model="vendor", metric="max_sensitivity")
    assert (found["positives"], found["value"]) == (4, 1.0)
    assert report["cohort"]["positives"]["breast"] == {"any": 4}
    for wrong, why in (("any=malignant|cyst", "cyst cannot be judged"), ("benign=malignant|benign", "of its own")):
        with pytest.raises(InputError, match=why):
            evaluate([hand()], make_dataset(), tmp_path / "S", settings(labels=(wrong,)))


BIOPSIED = "exam_id,side,malignant,benign,biopsied\n" + "".join(
    f"{e},{s},{m},{b},{t}\n"
    for e, s, m, b, t in [
        ("e1", "L", 1, 0, 1), ("e1", "R", 0, 0, 0), ("e2", "L", 0, 1, 1), ("e2", "R", 0, 0, 0), ("e3", "L", 0, 1, 1),
        ("e3", "R", 1, 0, 1), ("e4", "L", 1, 1, 1), ("e4", "R", 0, 0, ""), ("e5", "L", 1, 0, 1), ("e5", "R", 0, 0, 0),
        ("t1", "L", 0, 0, 0), ("t1", "R", 1, 0, 1),
    ]
)  # fmt: skip


def test_populations_by_pencil(make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Pick) -> None:
    data = make_dataset({"breasts.csv": BIOPSIED})

    def row(population: str, **changes: Any) -> Any:
        report = evaluate([hand()], data, tmp_path / "R", settings(population=population, **changes))
        assert report["cohort"]["population"] == population
        return pick(report, metric="auc")

    # Malignant 0.9, 0.4, 0.95, 0.7 against benign 0.6 and 0.3.
    found = row("biopsied")
    assert (found["n"], found["positives"], found["value"]) == (6, 4, pytest.approx(7 / 8))
    assert row("biopsied", levels=("exam",))["n"] == 5
    # Left: positive 0.9, 0.95, 0.7; negative 0.6, 0.3. The exams' birads is 2 for all.
    found = row("side = 'L' AND birads = '2'")
    assert (found["n"], found["positives"], found["value"]) == (5, 3, 1.0)
    scores = "exam_id,side,malignant,benign\n" + "".join(
        f"{e},{s},{m},{b}\n"
        for e, s, m, b in [
            ("e1", "L", 0.6, 0.6), ("e2", "L", 0.3, 0.2), ("e3", "L", 0.1, 0.9), ("e3", "R", 0.2, 0.1),
            ("e4", "L", 0.9, 0.9), ("e5", "L", 0.0, 0.0),
        ]
    )  # fmt: skip
    model = hand("shares", {"breasts.csv": scores})
    report = evaluate([model], data, tmp_path / "R", settings(population="malignant-vs-benign"))
    # Shares: malignant 1/2 (e1-L) and 2/3 (e3-R) against 3/5 (e2-L) and 1/10; e5-L has none, e4-L is both.
    found = pick(report, metric="auc")
    assert (found["n"], found["value"]) == (4, pytest.approx(3 / 4))
    assert report["cohort"]["units"][0]["unanswered"] == 1
    steps = [(step["step"], step["breasts"]) for step in report["cohort"]["steps"]]
    assert steps[2:] == [("of the population malignant-vs-benign", 5), ("answered by shares", 5)]


@pytest.mark.parametrize(
    ("population", "pattern"),
    [
        ("agee > 50", r"--population: there is no column agee .*density"),
        ("birads >", "cannot be read as a condition"),
        ("birads >> 2", r"cannot be read as a condition \(it holds an operator that is not known\)"),
        ("birads", "neither true nor false"),
        ("birads > 2", "does not fit the columns"),
        ("biopsied", "does not say which breasts were biopsied"),
        ("side = 'X'", "no exam is left"),
    ],
)
def test_a_population_that_cannot_be(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, population: str, pattern: str
) -> None:
    with pytest.raises(InputError, match=pattern):
        evaluate([hand()], make_dataset(), tmp_path / "R", settings(population=population))
