"""Lists of exams: the seeded draw of a reader study, what is evaluated on it, and what is said of a wrong one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from cadkit import InputError, Predictions
from cadkit.cli.app import app
from cadkit.data import Dataset
from cadkit.evaluation import Settings
from cadkit.evaluation import evaluate_predictions as evaluate
from cadkit.evaluation.reader_population import StudyDraw, draw, draw_population

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]

# Forty exams of the test split: every fourth has a biopsied left breast; w38 and w39 are of unknown biopsy.
EXAMS = [f"w{n}" for n in range(40)]
BIOPSIED = {exam for n, exam in enumerate(EXAMS) if n % 4 == 0}


def tables(order: list[str]) -> dict[str, str]:
    breasts = []
    for exam in EXAMS:
        biopsied = "" if exam in ("w38", "w39") else int(exam in BIOPSIED)
        breasts += [f"{exam},L,{int(exam in ('w0', 'w8'))},0,{biopsied}\n", f"{exam},R,0,0,0\n"]
    return {
        "exams.csv": "exam_id,patient_id,split\n" + "".join(f"{exam},p{exam},test\n" for exam in order),
        "breasts.csv": "exam_id,side,malignant,benign,biopsied\n" + "".join(breasts),
        "images.csv": "image_id,exam_id,side,view\n",
        "findings.csv": "finding_id,image_id,label,shape,coordinates\n",
    }


@pytest.fixture
def women(make_dataset: MakeDataset) -> Dataset:
    return make_dataset(tables(EXAMS), pixels=False)


PLAN = StudyDraw(biopsied=6, unmatched=10, practice=4, seed=3)


def test_as_many_of_each_as_were_asked_for(women: Dataset) -> None:
    drawn = draw_population(women.folder, plan=PLAN)
    table = pl.read_csv(women.folder / "populations" / "reader-study.csv")
    chosen = set(table["exam_id"])
    assert (len(chosen), len(chosen & BIOPSIED)) == (16, 6)
    assert not chosen & {"w38", "w39"}
    assert Counter(table["part"]) == {"practice": 4, "read": 12}
    assert set(table.filter(pl.col("drawn_as") == "biopsied")["exam_id"]) == chosen & BIOPSIED
    assert table["reading"].to_list() == list(range(1, 17))
    # The first in the readers' order are practice, and that order mixes both kinds.
    assert table["part"].to_list() == ["practice"] * 4 + ["read"] * 12
    assert table["drawn_as"].to_list() != sorted(table["drawn_as"].to_list())
    assert (drawn.there, drawn.unknown, drawn.breasts) == ({"biopsied": 10, "unmatched": 28}, 2, 24)
    read = set(table.filter(pl.col("part") == "read")["exam_id"])
    assert drawn.positives == {"malignant": len(read & {"w0", "w8"}), "benign": 0}


def test_the_seed_alone_decides(women: Dataset, make_dataset: MakeDataset) -> None:
    first = draw_population(women.folder, "one", PLAN).table
    other = draw_population(women.folder, "two", StudyDraw(6, 10, 4, seed=4)).table
    more = draw_population(women.folder, "more", StudyDraw(8, 20, 4, seed=3)).table
    turned = make_dataset(tables(EXAMS[::-1]), pixels=False)
    again = draw_population(turned.folder, "again", PLAN).table
    assert again.equals(first)
    assert set(other["exam_id"]) != set(first["exam_id"])
    assert set(first["exam_id"]) < set(more["exam_id"])


def test_a_draw_is_uniform() -> None:
    """Over 200 seeds each of 28 exams is drawn 14 in 28 times: 100 on average, with a standard deviation of 7."""
    counts: Counter[str] = Counter()
    for seed in range(200):
        table = draw({"biopsied": [], "unmatched": EXAMS[:28]}, StudyDraw(0, 14, 0, seed=seed))
        counts.update(table["exam_id"])
    assert len(counts) == 28
    assert max(abs(count - 100) for count in counts.values()) < 5 * 7.1


def test_a_list_is_evaluated_with_all_its_breasts(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    scores = "exam_id,side,malignant\n" + "".join(f"{e},{s},{n / 40}\n" for n, e in enumerate(EXAMS) for s in "LR")
    model = hand("m", {"breasts.csv": scores})
    read = draw_population(women.folder, plan=PLAN).table.filter(pl.col("part") == "read")["exam_id"]
    chosen = Settings(split="test", bootstrap=20, cases=0, labels=("malignant",), population="reader-study")
    # Drawing it has not changed the dataset that the model was predicted on.
    assert Dataset.open(women.folder).fingerprint == women.fingerprint
    report = evaluate([model], women, tmp_path / "out", chosen)
    assert {row["n"] for row in report["results"]} == {24}
    step = next(step for step in report["cohort"]["steps"] if "population" in step["step"])
    assert (step["exams"], step["breasts"]) == (12, 24)
    assert step["reason"] == "not on the list, or one of 4 for practice"
    listed = [row for row in report["inputs"] if row["kind"] == "population"]
    assert [row["name"] for row in listed] == ["reader-study"]
    (women.folder / "populations" / "mine.csv").write_text("exam_id\n" + "".join(f"{exam}\n" for exam in read))
    mine = evaluate([model], women, tmp_path / "mine", Settings(**{**vars(chosen), "population": "mine"}))
    assert mine["results"] == report["results"]


def test_thresholds_are_locked_on_the_whole_validation_split(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    """A list of exams of the test split says nothing of the others."""
    files = tables(EXAMS)
    for exam in EXAMS[30:]:
        files["exams.csv"] = files["exams.csv"].replace(f"{exam},p{exam},test", f"{exam},p{exam},validation")
    files["breasts.csv"] = files["breasts.csv"].replace("w32,L,0", "w32,L,1")
    data = make_dataset(files, pixels=False)
    (data.folder / "populations").mkdir()
    (data.folder / "populations" / "mine.csv").write_text("exam_id\nw0\nw1\nw2\nw8\n")
    scores = "exam_id,side,malignant\n" + "".join(f"{e},{s},{n / 40}\n" for n, e in enumerate(EXAMS) for s in "LR")
    model = hand("m", {"breasts.csv": scores})
    chosen = Settings(
        split="test", bootstrap=20, cases=0, labels=("malignant",), population="mine", sensitivity_at=(1.0,)
    )
    report = evaluate([model], data, tmp_path / "out", chosen, validation=[model])
    # w32 L is the one positive of the validation split; all eight breasts of the list score less.
    (row,) = [row for row in report["results"] if row["metric"] == "recall_rate"]
    assert (row["at"], row["value"], row["n"]) == (32 / 40, 0.0, 8)


def test_a_list_is_not_overwritten(women: Dataset) -> None:
    draw_population(women.folder, plan=PLAN)
    draw_population(women.folder, plan=PLAN)
    path = women.folder / "populations" / "reader-study.csv"
    before = path.read_text()
    with pytest.raises(InputError, match="--force"):
        draw_population(women.folder, plan=StudyDraw(6, 10, 4, seed=9))
    assert path.read_text() == before
    draw_population(women.folder, plan=StudyDraw(6, 10, 4, seed=9), force=True)
    assert path.read_text() != before
    assert "seed = 9" in path.with_suffix(".toml").read_text()


@pytest.mark.parametrize(
    ("name", "plan", "parts"),
    [
        ("s", {"biopsied": 11}, ["--biopsied", "10 biopsied exams", "2 more it is not known", "found: 11"]),
        ("s", {"unmatched": 29}, ["--unmatched", "28 unmatched exams"]),
        ("s", {"biopsied": 2, "unmatched": 2, "practice": 4}, ["--practice", "none would be left"]),
        ("s", {"biopsied": -1}, ["--biopsied", "from 0 up"]),
        ("s", {"split": "train"}, ["split"]),
        ("screening", {}, ["--name", "cannot be the name"]),
        ("biopsied", {}, ["--name", "cannot be the name"]),
        ("../s", {}, ["--name", "letters, digits"]),
    ],
)  # fmt: skip
def test_a_draw_that_cannot_be(women: Dataset, name: str, plan: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InputError) as told:
        draw_population(women.folder, name, StudyDraw(**{"biopsied": 1, "unmatched": 1, "practice": 0, **plan}))
    for part in parts:
        assert part in str(told.value)
    assert not (women.folder / "populations").exists()


def test_without_biopsies_nothing_is_drawn(make_dataset: MakeDataset) -> None:
    with pytest.raises(InputError, match="Add the column biopsied"):
        draw_population(make_dataset(pixels=False).folder)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("exam_id\nw1\nw99\n", ["populations/mine.csv", "row 2", "'w99'", "no such exam"]),
        ("exam_id\nw1\nw1\n", ["row 2", "'w1'", "already"]),
        ("exam,part\nw1,read\n", ["column exam_id is missing"]),
        ("exam_id,part\nw1,read\nw2,later\n", ["row 2", "'later'", "read or practice"]),
        ("exam_id,part\nw1,practice\n", ["no exam to evaluate"]),
        ("exam_id\n", ["no exam to evaluate"]),
    ],
)
def test_a_list_that_is_wrong(women: Dataset, hand: Hand, tmp_path: Path, text: str, parts: list[str]) -> None:
    (women.folder / "populations").mkdir()
    (women.folder / "populations" / "mine.csv").write_text(text)
    model = hand("m", {"breasts.csv": "exam_id,side,malignant\n" + "".join(f"{e},L,0.5\n" for e in EXAMS)})
    with pytest.raises(InputError) as told:
        evaluate([model], women, tmp_path / "out", Settings(population="mine", labels=("malignant",)))
    for part in parts:
        assert part in str(told.value)


def test_an_unknown_name_is_answered_with_the_lists(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    draw_population(women.folder, plan=PLAN)
    model = hand("m", {"breasts.csv": "exam_id,side,malignant\n" + "".join(f"{e},L,0.5\n" for e in EXAMS)})
    with pytest.raises(InputError, match="malignant-vs-benign, reader-study"):
        evaluate([model], women, tmp_path / "out", Settings(population="readers", labels=("malignant",)))


def test_the_command(women: Dataset) -> None:
    typed = ["population", str(women.folder), "--biopsied", "6", "--unmatched", "10", "--practice", "4"]
    done = CliRunner().invoke(app, typed)
    assert done.exit_code == 0, done.output
    assert (
        "Drew 6 of 10 biopsied and 10 of 28 other exams of the split test; 4 of them are for practice." in done.output
    )
    assert "2 exams of unknown biopsy" in done.output
    counts = json.loads(CliRunner().invoke(app, [*typed, "--json"]).output)["read"]
    assert (counts["exams"], counts["breasts"]) == (12, 24)
