"""Reading tables: every wrong value with its row, all at once."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from cadkit.data.dataset import Dataset
from cadkit.data.tables import (
    BREASTS,
    EXAMS,
    IMAGES,
    Meta,
    dataset_fingerprint,
    read_meta,
    read_problems,
    read_table,
    write_problems,
    write_tables,
)
from cadkit.errors import InputError, Problem, ProblemsError


def exams(folder: Path, text: str | bytes) -> tuple[pl.DataFrame, list[Problem]]:
    (folder / "exams.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(folder, EXAMS, ("malignant",))


def test_values_have_their_types_and_empty_is_unknown(tmp_path: Path) -> None:
    frame, problems = exams(
        tmp_path,
        "exam_id,patient_id,date,age,birads,horizontal_flip,malignant,exposure,vendor\n"
        "007, p1 ,2020-02-29,53.5,2,0,1,1.5,GE\n"
        "a b,p2,,,,,,2,\n",
    )
    assert problems == []
    assert frame.rows() == [
        ("007", "p1", date(2020, 2, 29), 53.5, "2", 0, 1, 1.5, "GE"),
        ("a b", "p2", None, None, None, None, None, 2.0, None),
    ]


def test_every_wrong_value_is_reported_with_its_row(tmp_path: Path) -> None:
    _, problems = exams(
        tmp_path,
        "exam_id,patient_id,date,age,horizontal_flip,malignant\n"
        "a,p,2020-02-30,53,0.5,2\n"
        "b,p,01.02.2020,old,yes,-1\n"
        "c,p,2020-01-01,nan,inf,yes\n"
        "d,p,2020-01-01,inf,1.0,1.0\n",
    )
    found = {(p.rule, p.row, p.value) for p in problems}
    assert found == {
        *(("wrong-type", 1, "2020-02-30"), ("wrong-type", 2, "01.02.2020")),
        *(("wrong-type", 2, "old"), ("wrong-type", 3, "nan"), ("wrong-type", 4, "inf")),
        *(("wrong-type", 1, "0.5"), ("wrong-type", 2, "yes"), ("wrong-type", 3, "inf")),
        *(("label-not-0-or-1", 1, "2"), ("label-not-0-or-1", 2, "-1"), ("label-not-0-or-1", 3, "yes")),
    }
    assert all(p.file == "exams.csv" and p.mend for p in problems)


def test_keys_are_filled_and_unique(tmp_path: Path) -> None:
    _, problems = exams(tmp_path, "exam_id,patient_id\na,p\n,p\nb,p\na,q\n")
    assert [(p.rule, p.row, p.value) for p in problems] == [("empty-key", 2, ""), ("duplicate-key", 4, "a")]
    assert "row 1" in problems[1].reason
    (tmp_path / "breasts.csv").write_text("exam_id,side\na,L\na,R\na,L\n")
    _, problems = read_table(tmp_path, BREASTS)
    assert [(p.rule, p.row, p.value) for p in problems] == [("duplicate-key", 3, "a L")]


def test_missing_columns_are_named(tmp_path: Path) -> None:
    (tmp_path / "images.csv").write_text("file,frame\n")
    _, problems = read_table(tmp_path, IMAGES)
    assert [(p.rule, p.mend) for p in problems] == [
        ("missing-column", f"Add the column {name}.") for name in ("image_id", "exam_id", "side", "view")
    ]


@pytest.mark.parametrize("text", ["exam_id,patient_id,exam_id\na,p,b\n", "exam_id,patient_id, exam_id \na,p,b\n"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"exams.csv: two columns have one name \(found: 'exam_id'\)"):
        exams(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"exam_id,patient_id\na,p\xe4\n", r"exams.csv: not a readable CSV"),
        (b"exam_id,patient_id\na,p\nb,q,x\n", r"exams.csv, row 2 \(line 3\): 3 fields where the header has 2"),
        (b"exam_id,patient_id\na\n", r"exams.csv, row 1 \(line 2\): 1 field where the header has 2"),
        (b"exam_id;patient_id\na;p\n", r"exams.csv, header: .* separated by semicolons"),
    ],
)
def test_what_is_no_csv_is_an_input_error(tmp_path: Path, text: bytes, told: str) -> None:
    with pytest.raises(InputError, match=told):
        exams(tmp_path, text)


@pytest.mark.parametrize("text", ["exam_id,patient_id\na,p\n", "\ufeffexam_id,patient_id\r\na,p\r\n"])
def test_byte_marks_and_line_ends_do_not_matter(tmp_path: Path, text: str) -> None:
    assert exams(tmp_path, text)[0].rows() == [("a", "p")]


def test_tables_may_be_empty_or_absent(tmp_path: Path) -> None:
    assert exams(tmp_path, "exam_id,patient_id\n")[0].height == 0
    assert [p.rule for p in exams(tmp_path, "")[1]] == ["missing-column"] * 2
    assert read_table(tmp_path, BREASTS)[0].columns == ["exam_id", "side"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "it holds no dataset.toml"),
        ("name = \n", "not a TOML file"),
        ('name = "x"\n', r"dataset.toml, labels: the table \[labels\] is missing or empty"),
        ('labels = "malignant"\n', r"\[labels\]"),
        ("labels = []\n", r"\[labels\]"),
    ],
)
def test_the_meta_is_checked(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "dataset.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_meta(tmp_path)
    with pytest.raises(InputError, match="no such dataset folder"):
        read_meta(tmp_path / "nowhere")


def test_labels_may_be_a_list_or_a_table(tmp_path: Path) -> None:
    (tmp_path / "dataset.toml").write_text('labels = ["a", "b"]\n')
    assert dict(read_meta(tmp_path).labels) == {"a": "", "b": ""}
    assert read_meta(tmp_path).name == tmp_path.name


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    meta = Meta("m", {"malignant": "cancer"}, "CC0", "nowhere", "by hand", "f" * 32, {"seed": 3})
    tables = {
        "exams": pl.DataFrame({"exam_id": ["a"], "patient_id": ["p"], "date": [date(2020, 1, 2)], "age": [51.25]}),
        "breasts": pl.DataFrame(
            {"exam_id": ["a"], "side": ["L"], "malignant": [None]}, schema_overrides={"x": pl.Int8}
        ),
        "images": pl.DataFrame({"image_id": ['i, "1"'], "exam_id": ["a"], "side": ["L"], "view": ["CC"]}),
    }
    write_tables(tmp_path / "D", meta, **tables, sources=pl.DataFrame({"image_id": ["i"], "path": ["/x"]}))
    data = Dataset.open(tmp_path / "D")
    assert data.meta == meta
    assert data.tables["exams"].rows() == [("a", "p", date(2020, 1, 2), 51.25)]
    assert data.images[0].id == 'i, "1"'
    assert stat.S_IMODE((tmp_path / "D" / "sources.csv").stat().st_mode) == 0o600


def test_problems_of_one_step_replace_only_their_own(tmp_path: Path) -> None:
    write_problems(tmp_path, "import", [Problem("a", "why", "f.csv", 3, "v", "mend", "i")])
    write_problems(tmp_path, "prepare", [Problem("b", "why")])
    write_problems(tmp_path, "prepare", [Problem("c", "why"), Problem("d", "why")])
    assert read_problems(tmp_path).select("step", "rule").rows() == [
        ("import", "a"),
        ("prepare", "c"),
        ("prepare", "d"),
    ]
    assert read_problems(tmp_path).rows()[0] == ("import", "a", "i", "f.csv", "3", "v", "why", "mend")
    write_problems(tmp_path, "prepare", [])
    assert read_problems(tmp_path).height == 1


def test_the_fingerprint_is_of_the_tables(make_dataset: Callable[..., Dataset]) -> None:
    folder = make_dataset(pixels=False).folder
    before = dataset_fingerprint(folder)
    write_problems(folder, "import", [Problem("a", "why")])
    assert dataset_fingerprint(folder) == before
    (folder / "findings.csv").write_text((folder / "findings.csv").read_text() + "\n")
    assert dataset_fingerprint(folder) != before


def test_problems_of_all_tables_come_at_once(write: Callable[[Path, Mapping[str, str]], Path], tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "dataset.toml": "labels = ['malignant']\n",
            "exams.csv": "exam_id,patient_id,age\na,p,old\n",
            "breasts.csv": "exam_id,side,malignant\na,L,maybe\n",
            "findings.csv": "finding_id,image_id,label\nf,i,malignant\n",
        },
    )
    with pytest.raises(ProblemsError) as caught:
        Dataset.open(tmp_path)
    assert {p.rule for p in caught.value.problems} == {
        *("wrong-type", "label-not-0-or-1", "missing-column", "missing-table"),
    }
    assert caught.value.exit_status == 2
    for file in ("exams.csv, row 1", "breasts.csv, row 1", "findings.csv", "images.csv"):
        assert file in str(caught.value)
