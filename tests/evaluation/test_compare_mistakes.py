"""What is said of a table that is not what it must be: one or two lines with file, row, value and mend."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from cadkit.errors import InputError
from cadkit.evaluation import CompareSettings
from cadkit.evaluation import compare_columns as compare

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
        (GOOD.replace("0.4,", "high,"), ["row 3 (line 4)", "'high'", "a is not a number"]),
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
        (GOOD.replace("p2,0,", "p2,0,7,"), ["row 3 (line 4)", "5 fields where the header has 4"]),
        (GOOD.replace("p2,0,", "p2,"), ["row 3 (line 4)", "3 fields where the header has 4"]),
        (GOOD.replace(",", ";"), ["header", "separated by semicolons", "with commas"]),
        ("patient,label,a,b\np1,1,0.9,0.8\np1,0,0.2,0.3\n", ["--cluster", "all rows have the same patient", "'p1'"]),
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
        ({"primary": "a:x"}, r"--primary: takes two of the models.*The models are a, b"),
        ({"primary": "a:a"}, "takes two of the models"),
        ({"primary": "a:b:auroc"}, r"--primary: a and b are not compared by auroc.*Name one of auc, prauc"),
        ({"primary": "a:b", "metrics": ("prauc",)}, "not compared by auc"),
        ({"thresholds": {"x": 0.5}}, "The models are a, b"),
        ({"groups": {"G": ("a",)}}, "at least two runs"),
        ({"groups": {"a": ("a", "b")}}, "the name of a column"),
        ({"sensitivity_at": (1.5,)}, "--sensitivity-at"),
        ({"specificity_at": (0.9, 0.9)}, "--specificity-at: is given twice"),
        ({"prevalence": 0.0}, "--prevalence"),
        ({"prevalence": 0.006}, "--prevalence: needs thresholds. Add --sensitivity-at, --specificity-at or --thresh"),
        ({"prevalence": 0.1, "thresholds": {"": 0.5}, "metrics": ("auc",)}, "re-weighs ppv, npv, recall_rate alone"),
        ({"metrics": ("partial_auc",)}, "Name it, as in --partial-auc"),
        ({"partial_auc": ("0.8-1",)}, "Write specificity:0.8-1"),
        ({"partial_auc": ("specificity:1-0.8",)}, "--partial-auc"),
        ({"margin": -1.0}, "--margin"),
        ({"margin": 1.0}, "--margin: .*above 0 and below 1"),
        ({"margin": 5.0}, "Write 0.05 for 5 percentage points"),
        ({"ci": 95.0}, "--ci: .*Write 0.95 for 95%"),
        ({"ci": 1.0}, "--ci: .*below 1"),
        ({"auc_interval": "probit"}, "--auc-interval: is plain or logit"),
        ({"threshold_from": Path("v.csv")}, "no threshold to choose"),
        ({"by": ("age",)}, "no such column"),
        ({"by": ("patient:40/60",)}, "csv, --by: edges are of numbers.* column patient holds others .found: 'p1'"),
    ],
)  # fmt: skip
def test_options(tmp_path: Path, given: dict[str, Any], part: str) -> None:
    with pytest.raises(InputError, match=part):
        run(tmp_path, GOOD, **given)


def test_texts_that_are_typed() -> None:
    made: dict[str, Any] = {
        "scores": "a, b", "groups": ["G=a,b"], "by": "", "metrics": "", "sensitivity_at": "0.8,0.9",
        "specificity_at": "", "partial_auc": "specificity:0.8-1, sensitivity:0.9-1",
        "thresholds": ["0.5", "a=0.2"], "primary": "a:b", "truth": "label",
    }  # fmt: skip
    found = CompareSettings.parse(**made)
    assert (found.scores, found.groups, found.primary) == (("a", "b"), {"G": ("a", "b")}, "a:b")
    assert found.partial_auc == ("specificity:0.8-1", "sensitivity:0.9-1")
    assert (found.sensitivity_at, found.thresholds) == ((0.8, 0.9), {"": 0.5, "a": 0.2})
    for name, wrong in (("groups", ["a,b"]), ("thresholds", ["a=x"]), ("sensitivity_at", "high")):
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
    (units,) = report["cohort"]["units"]
    assert (units["eligible"], units["unknown"], units["evaluated"]) == (5, 1, 4)
    text = next(warning["text"] for warning in report["warnings"] if warning["id"] == "unknown-truth")
    assert text.startswith("1 row of unknown label was left out: it is row 5")


def test_patients_not_named_as_clusters_are_warned_of(tmp_path: Path) -> None:
    report = run(tmp_path, GOOD)
    assert "--cluster patient" in next(w["text"] for w in report["warnings"] if w["id"] == "no-cluster")


@pytest.mark.parametrize(
    ("given", "ids", "points"),
    [
        ({}, ["few", "no-cluster"], {("sensitivity_at_specificity", 0.9), ("specificity_at_sensitivity", 0.9)}),
        ({"sensitivity_at": (0.5,)}, ["few", "no-cluster", "in-sample"], {("specificity_at_sensitivity", 0.5)}),
        ({"specificity_at": (0.5,)}, ["few", "no-cluster", "in-sample"], {("sensitivity_at_specificity", 0.5)}),
        ({"cluster": "patient"}, ["few", "clusters"], None),
        ({"thresholds": {"": 0.5}}, ["few", "no-cluster"], None),
    ],
)
def test_doubts_are_those_of_what_was_asked(tmp_path: Path, given: dict[str, Any], ids: list[str], points: Any) -> None:
    report = run(tmp_path, GOOD, **given)
    assert [warning["id"] for warning in report["warnings"]] == ids
    read = {(row["metric"], row["at"]) for row in report["results"] if "_at_" in row["metric"]}
    assert points is None or read == points


def test_rows_without_a_column_of_patients_are_not_doubted(tmp_path: Path) -> None:
    report = run(tmp_path, GOOD.replace("patient", "row"))
    assert [warning["id"] for warning in report["warnings"]] == ["few"]
    text = report["warnings"][0]["text"]
    assert text.startswith("Only 2 positives and 2 negatives; intervals from so few are rough")


@pytest.mark.parametrize(("positives", "negatives", "few"), [(20, 20, False), (19, 20, True), (20, 19, True)])
def test_twenty_of_a_class_are_not_few(tmp_path: Path, positives: int, negatives: int, few: bool) -> None:
    rows = [f"{n},{int(n < positives)},{n % 7 / 7},{n % 5 / 5}" for n in range(positives + negatives)]
    report = run(tmp_path, "\n".join(["row,label,a,b", *rows]) + "\n", metrics=("auc",))
    assert ("few" in {warning["id"] for warning in report["warnings"]}) is few


def test_scores_from_0_to_1_are_probabilities_with_their_ends(tmp_path: Path) -> None:
    report = run(tmp_path, GOOD.replace("0.9,", "1,").replace("0.2,", "0,").replace(",0.1", ",1.1"))
    # (0^2 + 0^2 + 0.4^2 + 0.4^2) / 4; of b a score is 1.1.
    (brier,) = (row for row in report["results"] if row["metric"] == "brier")
    assert (brier["model"], brier["value"]) == ("a", pytest.approx(0.08))


def test_thresholds_are_not_locked_on_one_class(tmp_path: Path) -> None:
    other = tmp_path / "validation.csv"
    other.write_text(GOOD.replace(",0,", ",1,"))
    with pytest.raises(InputError, match=r"validation\.csv.*same in every row"):
        run(tmp_path, GOOD, sensitivity_at=(0.5,), threshold_from=other)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="holds no report"):
        run(tmp_path, GOOD)


def test_a_file_where_a_folder_is_to_be_written(tmp_path: Path) -> None:
    for out in (tmp_path / "ok.csv", tmp_path / "ok.csv" / "deeper"):
        (tmp_path / "ok.csv").write_text(GOOD)
        with pytest.raises(InputError, match=r"ok\.csv: is a file, and a folder is to be written.*--out"):
            compare(tmp_path / "ok.csv", out, CompareSettings(truth="label", scores=("a", "b"), bootstrap=0))


def test_what_is_no_table(tmp_path: Path) -> None:
    for path, why in ((tmp_path, "is a folder, not a table"), (tmp_path / "no.csv", "the file is missing")):
        with pytest.raises(InputError, match=f"{why}.*Name a CSV file with a row per case"):
            compare(path, tmp_path / "out", CompareSettings(truth="label", scores=("a", "b"), bootstrap=0))


def test_rows_that_stand_twice_are_warned_of(tmp_path: Path) -> None:
    """By every column: two cases may well have the same scores, as long as something else tells them apart."""
    found = {w["id"]: w["text"] for w in run(tmp_path, GOOD + "p3,1,0.6,0.7\np4,1,0.6,0.7\n")["warnings"]}
    assert found["repeated-rows"].startswith(
        "An earlier row is repeated in every column by 1 row, the first is row 5 (line 6)"
    )
    bare = "label,a,b\n" + "1,0.9,0.8\n0,0.2,0.3\n" * 2
    assert "repeated-rows" not in {w["id"] for w in run(tmp_path, bare)["warnings"]}


def test_few_clusters_are_warned_of(tmp_path: Path) -> None:
    def warned(patients: int) -> list[str]:
        rows = "".join(f"p{n % patients},{n % 2},{n / 50},{n % 7}\n" for n in range(50))
        found = run(tmp_path, "patient,label,a,b\n" + rows, cluster="patient")["warnings"]
        return [one["text"] for one in found if one["id"] == "clusters"]

    (text,) = warned(19)
    assert text.startswith("Only 19 clusters of patient are resampled")
    assert warned(20) == []


def test_a_floor_of_p_is_flagged(tmp_path: Path) -> None:
    """a is right in every case and b wrong: no replicate has them the other way round, and p is 2/(20 + 1)."""
    rows = "".join(f"{n % 2},{n % 2},{1 - n % 2}\n" for n in range(60))
    report = run(tmp_path, "label,a,b\n" + rows, metrics=("auc",))
    (row,) = [one for one in report["comparisons"] if one["method"] == "bootstrap"]
    assert (row["p"], row["flags"]) == (pytest.approx(2 / 21), ["p-floor"])
    rows = "".join(f"{n % 2},{n % 3},{(n + 1) % 3}\n" for n in range(60))
    report = run(tmp_path, "label,a,b\n" + rows, metrics=("auc",))
    (row,) = [one for one in report["comparisons"] if one["method"] == "bootstrap"]
    assert row["p"] > 2 / 21
    assert row["flags"] == []
