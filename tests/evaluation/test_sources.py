"""What an evaluation is given: score tables, folders, names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cadkit import InputError, Predictions
from cadkit.data import Dataset
from cadkit.evaluation import FrocRule, Settings, evaluate_sources
from cadkit.evaluation.sources import Source

Hand = Callable[..., Predictions]
Pick = Callable[..., Any]


def text_of(hand: Hand, name: str = "breasts.csv") -> str:
    """A file of the folder written by hand in conftest.py."""
    return (hand().folder / name).read_text()


def settings(**changes: Any) -> Settings:
    return Settings(**{"split": "test", "bootstrap": 20, "cases": 0, "labels": ("malignant",), **changes})


def test_a_vendors_table_is_joined_with_the_truth(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand, pick: Pick
) -> None:
    lines = text_of(hand).splitlines()
    text = "\n".join(f"{line},{'device' if n == 0 else 'X9'},{'age' if n == 0 else 60}" for n, line in enumerate(lines))
    report = judge(table("Vendor 3.csv", text), f"folder={hand().folder}", labels=())
    assert [(m["name"], m["kind"], m["labels"]) for m in report["models"]] == [
        ("Vendor 3", "scores", ["malignant", "benign"]),
        ("folder", "predictions", ["malignant", "benign"]),
    ]
    for model in ("Vendor 3", "folder"):
        # 16.5 of 18 pairs, as in test_scores.
        assert pick(report, model=model, metric="auc", label="malignant")["value"] == pytest.approx(16.5 / 18)
    assert {c["difference"] for c in report["comparisons"] if c["metric"] == "auc"} == {0.0}


def test_a_table_of_exams_or_images_is_judged_at_its_level(
    judge: Callable[..., Any], table: Callable[..., Path], tmp_path: Path
) -> None:
    exams = table("exams.csv", "exam_id,malignant\n" + "".join(f"e{n},0.{n}\n" for n in range(1, 6)))
    report = judge(f"by exam={exams}", levels=())
    assert {(row["model"], row["level"], row["n"]) for row in report["results"]} == {("by exam", "exam", 4)}
    assert "pooling" not in report["models"][0]
    frame = pl.DataFrame({"image_id": [f"e{n}-L-{v}" for n in range(1, 6) for v in ("CC", "MLO")], "malignant": 0.5})
    frame.write_parquet(tmp_path / "views.parquet")
    assert {row["level"] for row in judge(tmp_path / "views.parquet", levels=())["results"]} == {"breast"}
    assert {row["n"] for row in judge(tmp_path / "views.parquet", levels=("image",))["results"]} == {8}
    # What was pooled here is said, and nothing that was not.
    for levels, pooled in ((("breast",), {"views": "mean"}), (("exam",), {"views": "mean", "breasts": "max"})):
        assert judge(tmp_path / "views.parquet", levels=levels)["models"][0]["pooling"] == pooled


def test_levels_pooled_from_less_than_there_is_are_warned_of(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand
) -> None:
    kept = [line for line in text_of(hand).splitlines() if not line.startswith("e2,R")]
    texts = {w["id"]: w["text"] for w in judge(table("v.csv", "\n".join(kept)), levels=("exam",))["warnings"]}
    assert texts["pooled-exam-v"] == "v: 1 of 5 exams were pooled from fewer breasts than the dataset has of them."
    views = table("w.csv", "image_id,malignant\n" + "".join(f"e{n}-{s}-CC,0.{n}\n" for n in range(1, 6) for s in "LR"))
    texts = {w["id"]: w["text"] for w in judge(views)["warnings"]}
    assert re.match(r"w: \d+ of 10 breasts were pooled from fewer images \(views\)", texts["pooled-breast-w"])
    whole = judge(table("x.csv", text_of(hand)), levels=("exam",))["warnings"]
    assert not [one for one in whole if one["id"].startswith("pooled")]


def test_a_breast_without_a_score_stays_in_the_froc_and_is_said_to(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand
) -> None:
    kept = [line for line in text_of(hand).splitlines() if not line.startswith("e2,R")]
    report = judge(table("v.csv", "\n".join(kept)), hand().folder, froc=FrocRule())
    alone = judge(hand().folder, froc=FrocRule())
    images = {r["n"] for r in report["results"] + alone["results"] if r["metric"] == "max_sensitivity"}
    assert len(images) == 1
    text = next(w["text"] for w in report["warnings"] if w["id"] == "left-out-breast-malignant")
    assert "1 without a score of every model left out. Images of breasts without a score stay in the FROC" in text


def test_a_folder_has_one_name_whatever_stands_beside_it(judge: Callable[..., Any], hand: Hand) -> None:
    record = 'name = "net-1"\nmodel = "net"\nrun = "/r/{}"\nsplit = "test"\nlabels = ["malignant"]\n'
    text = text_of(hand)
    folders = {
        name: hand(name, {"breasts.csv": text, "prediction.toml": record.format(name)}).folder
        for name in ("net-1-test", "net-1-test-2", "posters")
    }
    usual, again, own = folders.values()
    assert [m["name"] for m in judge(own)["models"]] == ["posters"]
    assert [m["name"] for m in judge(usual)["models"]] == ["net-1"]
    assert [m["name"] for m in judge(again)["models"]] == ["net-1"]
    assert [m["name"] for m in judge(usual, own)["models"]] == ["net-1", "posters"]
    assert [m["name"] for m in judge(usual, again)["models"]] == ["net-1-test", "net-1-test-2"]
    group = judge(f"g={usual},{own}")["models"]
    assert [m["name"] for m in group] == ["g", "net-1", "posters"]
    assert group[0]["source"] == "mean of net-1, posters"


def test_a_mistyped_folder_is_no_plugin(data: Dataset) -> None:
    for source in ("predictions/pozters", "comb1"):
        for folder in (data.folder, None):
            with pytest.raises(InputError, match=rf"no such folder, file or plugin.*'{source}'"):
                evaluate_sources([source], data=folder, settings=settings())


def test_an_exam_that_a_table_lacks_is_skipped_and_counted_and_a_breast_unanswered(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand
) -> None:
    kept = [line for line in text_of(hand).splitlines() if not line.startswith(("e3,", "e2,R"))]
    report = judge(table("v.csv", "\n".join(kept)))
    assert report["cohort"]["left_out"] == [
        {"level": "exam", "id": "e3", "reason": "not in the score table", "model": "v"}
    ]
    counts = report["cohort"]["units"][0]
    assert (counts["eligible"], counts["skipped"], counts["unknown"], counts["unanswered"]) == (10, 2, 1, 1)
    assert (counts["evaluated"], counts["positives"]) == (6, 2)
    assert {row["given"]["units"] for row in report["worst_case"]} == {3}


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("exam_id,side,malignant\ne1,L,0.1\nx9,L,0.2\n", r"v\.csv, row 2: 1 breast\(s\).*'x9/L'"),
        ("exam_id,side,malignant\ne1,left,0.1\n", r"v\.csv, row 1: 1 breast\(s\).*'e1/left'.*Sides are L and R"),
        (
            "exam_id,side,malignant\ne1,L,0.1\ne1,R,1\ne1,L,0.3\n",
            r"v\.csv, row 3: the same id stands twice, first in row 1.*'e1/L'",
        ),
        ("exam_id,side,malignant\ne1,L,0.1\ne1,R,high\n", r"v\.csv, row 2: .*malignant must hold finite.*'high'"),
        ("exam_id,side,malignant\ne1,L,nan\n", r"v\.csv, row 1: .*finite.*'nan'"),
        ("exam_id,side,malignant\ne1,L,0\ne1,R,inf\n", r"v\.csv, row 2: .*finite.*'inf'"),
        ("exam_id,side,malignant\ne1,L,\n", r"v\.csv, row 1: .*finite.*leave the row out"),
        ("exam_id,side,score\ne1,L,1\n", r"v\.csv, header: no column is named by a label \(benign, malignant\)"),
        ("exam_id,side,malignant,malignant\ne1,L,1,2\n", r"v\.csv, header: a column stands twice.*'malignant'"),
        ("patient,malignant\np1,1\n", r"v\.csv, header: .*does not say what is scored.*'patient, malignant'"),
        ("exam_id,side,malignant\n,L,1\n", r"v\.csv, row 1: exam_id and side must be filled"),
        ("exam_id,side,malignant\n", r"v\.csv: the score table has no rows"),
        ("exam_id,side,malignant\ne1,L,0.1\ne1,R,0,2\n", r"v\.csv, row 2 \(line 3\): 4 fields where .* has 3"),
        ("exam_id,side,note,malignant\ne1,L,0.1\n", r"v\.csv, row 1 \(line 2\): 3 fields where the header has 4"),
        ("exam_id;side;malignant\ne1;L;0,1\n", r"v\.csv, header: .*separated by semicolons"),
        ("", r"v\.csv: the table cannot be read"),
    ],
)
def test_a_table_that_is_wrong_is_told_with_file_row_and_value(
    judge: Callable[..., Any], table: Callable[..., Path], tmp_path: Path, text: str, pattern: str
) -> None:
    with pytest.raises(InputError, match=pattern):
        judge(table("v.csv", text))
    assert not (tmp_path / "R").exists()


def test_sources_that_cannot_be(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand, tmp_path: Path
) -> None:
    folder, vendor = hand().folder, table("v.csv", text_of(hand))
    faults: list[tuple[tuple[object, ...], str]] = [
        ((tmp_path / "no.csv",), r"no\.csv: the score table is missing"),
        ((table("v.parquet", "no table"),), r"v\.parquet: the table cannot be read"),
        ((folder, folder), "a source is given twice"),
        ((f"a={folder}", f"a={vendor}"), "two sources have one name.*'a'"),
        ((f"g={folder},{vendor}", f"g={vendor},{folder}"), "two sources have one name.*'g'"),
        ((f"g={folder},{folder}",), r"g: a group has at least two runs, each once"),
        ((f"={vendor}",), "a source is PATH, NAME=PATH or NAME=PATH,PATH"),
        ((f"g={folder},",), "a source is PATH, NAME=PATH or NAME=PATH,PATH"),
    ]
    for sources, pattern in faults:
        with pytest.raises(InputError, match=pattern):
            judge(*sources)
    with pytest.raises(InputError, match="the label cyst cannot be judged"):
        judge(vendor, labels=("cyst",))
    with pytest.raises(InputError, match=r"no source says what dataset.*--data"):
        evaluate_sources([str(vendor)], settings=settings())
    assert not (tmp_path / "R").exists()


def test_signs_in_the_name_of_a_file_are_not_taken_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b,c.csv").write_text("")
    Path("d,e.csv").write_text("")
    assert Source.parse("a=b,c.csv") == Source("", ("a=b,c.csv",))
    assert Source.parse("x=d,e.csv") == Source("x", ("d,e.csv",))
    assert Source.parse("x= d , f.csv") == Source("x", ("d", "f.csv"))
