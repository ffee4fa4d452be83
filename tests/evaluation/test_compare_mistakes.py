"""What is said of a table that is not what it must be: one or two lines with file, row, value and mend."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from cadkit.errors import InputError
from cadkit.evaluation import CompareSettings, compare

GOOD = "patient,label,a,b\np1,1,0.9,0.8\np1,0,0.2,0.3\np2,0,0.4,0.1\np3,1,0.6,0.7\n"


@pytest.fixture(autouse=True)
def no_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def run(folder: Path, text: str, **given: Any) -> Any:
    path = folder / "scores.csv"
    path.write_text(text)
    chosen = {"truth": "label", "scores": ("a", "b"), "bootstrap": 20, **given}
    return compare(path, folder / "out", CompareSettings(**chosen))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["scores.csv", "empty"]),
        ("patient,label,a,b\n", ["scores.csv", "no rows"]),
        (GOOD.replace("0.4,", "high,"), ["row 3", "'high'", "a is not a number"]),
        (GOOD.replace("0.4,", "nan,"), ["row 3", "'nan'", "a is not a number"]),
        (GOOD.replace("0.4,", "-inf,"), ["row 3", "'-inf'", "infinite"]),
        (GOOD.replace("0.4,", ","), ["row 3", "a is missing", "leave the row out"]),
        (GOOD.replace("p3,1", "p3,2"), ["row 4", "'2'", "neither 0 nor 1", "Write 1"]),
        (GOOD.replace("p3,1", "p3,yes"), ["row 4", "'yes'", "neither 0 nor 1"]),
        (GOOD.replace(",1,", ",0,"), ["scores.csv", "same in every row"]),
        (GOOD.replace(",1,", ",,").replace(",0,", ",,"), ["scores.csv", "unknown in every row"]),
        (GOOD.replace("label,a,b", "label,a,a"), ["header", "two columns have one name", "'a'"]),
        (GOOD.replace("label,a,b", "label,a,c"), ["header", "no such column", "'b'", "patient, label, a, c"]),
        (GOOD.replace("p2,", ","), ["row 3", "the cluster patient is missing"]),
        (GOOD + "p4,1,0.1,0.2,0.3,0.4\n", ["scores.csv", "not a readable CSV"]),
    ],
)  # fmt: skip
def test_tables(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as told:
        run(tmp_path, text, cluster="patient")
    for part in ["scores.csv", *parts]:
        assert part in str(told.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"metrics": ("auroc",)}, "unknown metric"),
        ({"metrics": ("brier",), "risk": True}, "needs probabilities"),
        ({"scores": ("label",)}, "the truth cannot be a score"),
        ({"scores": ()}, "no score column"),
        ({"scores": ("a", "a")}, "named twice"),
        ({"primary": ("a", "x")}, "no such model"),
        ({"thresholds": {"x": 0.5}}, "The models are a, b"),
        ({"groups": {"G": ("a",)}}, "at least two runs"),
        ({"groups": {"a": ("a", "b")}}, "the name of a column"),
        ({"sensitivity_at": (1.5,)}, "--sensitivity-at"),
        ({"prevalence": 0.0}, "--prevalence"),
        ({"margin": -1.0}, "--margin"),
        ({"threshold_from": Path("v.csv")}, "no threshold to choose"),
        ({"by": ("age",)}, "no such column"),
        ({"by": ("patient:40/60",)}, "has edges but is no number"),
    ],
)  # fmt: skip
def test_options(tmp_path: Path, given: dict[str, Any], part: str) -> None:
    with pytest.raises(InputError, match=part):
        run(tmp_path, GOOD, **given)


def test_texts_that_are_typed() -> None:
    made: dict[str, Any] = {
        "scores": "a, b", "groups": ["G=a,b"], "by": "", "metrics": "", "sensitivity_at": "0.8,0.9",
        "specificity_at": "", "thresholds": ["0.5", "a=0.2"], "primary": "a:b", "truth": "label",
    }  # fmt: skip
    found = CompareSettings.parse(**made)
    assert (found.scores, found.groups, found.primary) == (("a", "b"), {"G": ("a", "b")}, ("a", "b"))
    assert (found.sensitivity_at, found.thresholds) == ((0.8, 0.9), {"": 0.5, "a": 0.2})
    for name, wrong in (("primary", "a"), ("groups", ["a,b"]), ("thresholds", ["a=x"]), ("sensitivity_at", "high")):
        with pytest.raises(InputError, match=f"--{name.replace('_', '-').removesuffix('s')}"):
            CompareSettings.parse(**{**made, name: wrong})


def test_equal_scores_are_half(tmp_path: Path) -> None:
    report = run(tmp_path, "label,a,b\n1,3,0\n0,3,1\n0,3,2\n1,3,5\n", specificity_at=(0.9,))
    areas = [row["value"] for row in report["results"] if (row["model"], row["metric"]) == ("a", "auc")]
    assert set(areas) == {0.5}
    assert {"constant-a", "no-threshold-a", "few"} <= {warning["id"] for warning in report["warnings"]}


def test_unknown_truth_is_left_out_and_counted(tmp_path: Path) -> None:
    report = run(tmp_path, GOOD + "p4,,0.5,0.5\n", cluster="patient")
    assert {row["n"] for row in report["results"]} == {4}
    assert report["cohort"]["left_out"] == [{"level": "row", "id": "5", "reason": "label unknown"}]
    assert report["cohort"]["patients"] == 3


def test_patients_not_named_as_clusters_are_warned_of(tmp_path: Path) -> None:
    report = run(tmp_path, GOOD)
    assert "--cluster patient" in next(w["text"] for w in report["warnings"] if w["id"] == "no-cluster")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="holds no report"):
        run(tmp_path, GOOD)
