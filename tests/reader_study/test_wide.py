"""A wide table: which columns are what, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cadkit.errors import InputError
from cadkit.reader_study.columns import column, matched, roles
from cadkit.reader_study.settings import StudySettings
from cadkit.reader_study.wide import Study, read_wide_table

HEADER = "case_ID,side,label,Reader1,Reader2,Recall1,Recall2,AI_a\n"
ROWS = "1,L,1,0.9,0.8,1,1,0.7\n1,R,0,0.1,0.3,0,1,0.2\n2,L,0,0.2,0.1,0,0,0.1\n2,R,,0.5,0.5,1,0,0.6\n"


def settings(**changes: object) -> StudySettings:
    given: dict[str, object] = {
        "truth": "label", "cluster": "case_id", "unit": "case_ID,side", "readers": "reader*", "models": "ai_*",
        "recalls": "RECALL*",
    }  # fmt: skip
    return StudySettings.parse(**{**given, **changes})  # type: ignore[arg-type]


def read(tmp_path: Path, text: str, **changes: object) -> Study:
    path = tmp_path / "study.csv"
    path.write_text(text, encoding="utf-8")
    return read_wide_table(path, settings(**changes))


def test_columns_are_found_without_regard_to_case(tmp_path: Path) -> None:
    study = read(tmp_path, HEADER + ROWS)
    assert list(study.readers) == ["Reader1", "Reader2"]
    assert list(study.models) == ["AI_a"]
    assert study.truth.tolist() == [True, False, False]
    assert study.cluster.tolist() == ["1", "1", "2"]
    assert study.units == ("1/L", "1/R", "2/L")
    assert study.unknown == ("2/R",)
    assert study.readers["Reader2"].tolist() == [0.8, 0.3, 0.1]
    assert study.recalled().tolist() == [[True, False, False], [True, True, False]]


def test_recalls_belong_to_the_reader_of_the_same_wildcard(tmp_path: Path) -> None:
    swapped = "label,Reader1,Reader2,Recall2,Recall1\n1,0.9,0.8,0,1\n0,0.1,0.3,0,1\n"
    study = read(tmp_path, swapped, cluster=None, unit="", models="")
    assert study.recalls["Reader1"].tolist() == [True, True]
    assert study.recalls["Reader2"].tolist() == [False, False]


def test_names_without_wildcards_pair_in_order(tmp_path: Path) -> None:
    text = "label,ann,bob,x,y\n1,0.9,0.8,0,1\n0,0.1,0.3,0,1\n"
    study = read(tmp_path, text, cluster=None, unit="", models="", readers="ann,bob", recalls="x,y")
    assert study.recalls["bob"].tolist() == [True, True]


def test_patterns_know_sets() -> None:
    header = ["reader_screen_1", "reader_1", "reader_12"]
    assert list(matched(["reader_[!s]*"], header, "--readers", None)) == ["reader_1", "reader_12"]
    assert list(matched(["READER_[1-9]"], header, "--readers", None)) == ["reader_1"]
    assert matched(["reader_*_?"], header, "--readers", None) == {"reader_screen_1": ("screen", "1")}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"readers": "Radiologist*"}, "no column matches the pattern.*Radiologist.*The columns are case_ID, side"),
        ({"models": "*1"}, "both matched by --readers and matched by --models.*Reader1.*Narrow"),
        ({"readers": "*"}, "both truth, cluster or unit and matched by --readers"),
        ({"recalls": "Recall1"}, "the reader has no recall.*Reader1"),
        ({"truth": "cancer"}, "no such column.*cancer"),
        ({"readers": ""}, None),
    ],
)
def test_columns_that_do_not_go_together(tmp_path: Path, options: dict[str, str], said: str | None) -> None:
    if said is None:
        with pytest.raises(InputError, match="no readers are named"):
            settings(**options).check()
        return
    with pytest.raises(InputError, match=said):
        read(tmp_path, HEADER + ROWS, **options)


def test_a_name_that_two_columns_bear_but_for_case_is_refused() -> None:
    with pytest.raises(InputError, match="could be Label or LABEL"):
        column("label", ["Label", "LABEL"], "--truth", None)


def test_roles_without_recalls() -> None:
    assert roles(["t", "r1", "m"], ["r?"], ["m"], [], ["t"], None).recalls == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1,R,0,0.1,0.3", "1,R,0,0.1,", r"row 2: the read of Reader2 is missing.*method bdg-centred"),
        ("0,0,0.1\n", "0,0,\n", r"row 3: the score of AI_a is missing"),
        ("2,L,0", "1,L,0", r"row 3: the truth differs within a unit: rows 1 and 3 .*1/L"),
        ("2,L,0", "1,R,0", r"row 3: the unit stands in two rows: rows 2 and 3"),
        ("1,R,0", "1,R,2", r"row 2: the truth label is neither 0 nor 1 .*'2'"),
        ("0.9,0.8", "high,0.8", r"row 1: the score of Reader1 is not a finite number .*'high'"),
        ("0.9,0.8", "inf,0.8", r"row 1: the score of Reader1 is not a finite number"),
        ("0.3,0,1", "0.3,0,maybe", r"row 2: the recall Recall2 is neither 0 nor 1 .*'maybe'"),
        ("0.3,0,1", "0.3,,1", r"row 2: the recall Recall1 is missing"),
        ("2,L,0", ",L,0", r"row 3: the unit case_ID is missing"),
        ("1,L,1", "1,L,0", r"the truth label is the same in every row"),
    ],
)
def test_bad_cells_are_refused_by_name_and_row(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in ROWS
    with pytest.raises(InputError, match=said):
        read(tmp_path, HEADER + ROWS.replace(old, new, 1))


def test_an_unknown_truth_needs_no_reads(tmp_path: Path) -> None:
    study = read(tmp_path, HEADER + ROWS.replace("2,R,,0.5,0.5,1,0,0.6", "2,R,,,,,,"))
    assert study.unknown == ("2/R",)


@pytest.mark.parametrize("text", ["", HEADER])
def test_an_empty_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"is empty|no rows"):
        read(tmp_path, text)


@pytest.mark.parametrize("second", ["AI_a", " AI_a "])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, second: str) -> None:
    path = tmp_path / "study.csv"
    path.write_text(f"label,Reader1,AI_a,{second}\n1,0.5,0.5,0.1\n0,0.1,0.2,0.3\n")
    with pytest.raises(InputError, match=r"study.csv, header: two columns have one name .*'AI_a'"):
        read_wide_table(path, settings(cluster=None, unit="", recalls=""))


def test_a_parquet_table_is_read_like_a_csv(tmp_path: Path) -> None:
    import polars as pl

    path = tmp_path / "study.parquet"
    pl.DataFrame({"label": [1, 0], "Reader1": [0.25, 0.5], "Reader2": [1.0, 0.0]}).write_parquet(path)
    study = read_wide_table(path, settings(cluster=None, unit="", models="", recalls=""))
    assert np.array_equal(study.reads(), [[0.25, 0.5], [1.0, 0.0]])
