"""Reader studies of a dataset, and weights of models fitted on its validation split."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner, Result

from cadkit.cli.app import app
from cadkit.errors import InputError
from cadkit.reader_study.weights import fitted_weights


def dataset(folder: Path, readers: str = "reader_a,reader_b,recall_a,recall_b", drop: str = "") -> Path:
    """Twenty exams of a breast each side, half of them validation; a cancer in every third left breast."""
    folder.mkdir()
    (folder / "dataset.toml").write_text('name = "small"\n[labels]\nmalignant = "by biopsy"\n')
    splits = ["test" if n < 10 else "validation" for n in range(20)]
    (folder / "exams.csv").write_text(
        "exam_id,patient_id,split\n" + "".join(f"e{n},p{n},{split}\n" for n, split in enumerate(splits))
    )
    rows = ["exam_id,side,malignant" + (f",{readers}" if readers else "")]
    for n in range(20):
        for side in "LR":
            cancer = int(side == "L" and n % 3 == 0)
            reads = f",{(0.3 + 0.4 * cancer + 0.02 * (n % 5)):.2f},{(n * 7 % 10) / 10},{cancer},{int(n % 2)}"
            rows.append(f"e{n},{side},{cancer}" + (reads if readers else ""))
    text = "\n".join(rows) + "\n"
    assert drop in text
    (folder / "breasts.csv").write_text(text.replace(drop, drop.rpartition(",")[0] + ",") if drop else text)
    images = "".join(f"e{n}_{s},e{n},{s},MLO\n" for n in range(20) for s in "LR")
    (folder / "images.csv").write_text("image_id,exam_id,side,view\n" + images)
    return folder


def score_table(path: Path, numbers: range, good: bool, name: str = "malignant") -> Path:
    rows = [f"exam_id,side,{name}"]
    for n in numbers:
        for s, side in enumerate("LR"):
            cancer = side == "L" and n % 3 == 0
            value = 0.2 + 0.5 * cancer + 0.003 * n if good else (n * 13 + 5 * s) % 17 / 17
            rows.append(f"e{n},{side},{value:.4f}")
    path.write_text("\n".join(rows) + "\n")
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


def test_predictions_join_the_readers_of_the_dataset(tmp_path: Path) -> None:
    data = dataset(tmp_path / "D")
    vendor = score_table(tmp_path / "vendor.csv", range(10), good=False)
    done = run("reader-study", "--data", data, f"CAD={vendor}", "--split", "test", "--bootstrap", 20,
               "--json", "--out", tmp_path / "R")  # fmt: skip
    assert done.exit_code == 0, done.output

    rows: list[dict[str, Any]] = json.loads(done.output)["results"]
    found = {(row["model"], row["metric"]): row for row in rows if "given" not in row}
    table = pl.read_csv(data / "breasts.csv").join(pl.read_csv(vendor), on=["exam_id", "side"], suffix="_cad")
    for model, column in (("reader_a", "reader_a"), ("reader_b", "reader_b"), ("CAD", "malignant_cad")):
        literal = roc_auc_score(table["malignant"], table[column])
        assert found[model, "auc"]["value"] == pytest.approx(literal)
    assert found["reader_a", "auc"]["n"] == 20
    assert found["reader_a", "auc"]["clusters"] == 10
    assert found["reader_b", "sensitivity"]["value"] == pytest.approx(2 / 4)


def test_readers_of_screening_take_part_only_by_name(tmp_path: Path) -> None:
    data = dataset(tmp_path / "D", "reader_a,reader_screen_1,recall_a,recall_screen_1")
    asked = ("reader-study", "--data", data, "--split", "test", "--bootstrap", 0)
    for number, (words, readers, aside) in enumerate(
        (
            ((), ["reader_a"], ["reader_screen_1"]),
            (("--readers", "reader_screen_*"), ["reader_screen_1"], []),
            (("--readers", "reader_[!s]*"), ["reader_a"], []),
            (("--readers", "reader_*,reader_screen_*"), ["reader_a", "reader_screen_1"], []),
        )
    ):
        folder = tmp_path / f"R{number}"
        done = run(*asked, *words, "--out", folder)
        assert done.exit_code == 0, done.output
        report = json.loads((folder / "report.json").read_text())
        assert report["reader_study"]["readers"] == readers
        assert set(report["reader_study"]["operating"]) >= set(readers)
        said = [one["text"] for one in report["warnings"] if one["id"] == "screening-readers"]
        assert [name for name in aside if f": {name}. " in "".join(said)] == aside
        assert bool(said) == bool(aside)


@pytest.mark.parametrize(
    ("changes", "words", "said"),
    [
        ({"readers": ""}, (), "the dataset has no readers"),
        (
            {"readers": "reader_screen_1,reader_screen_2,recall_screen_1,recall_screen_2"},
            (),
            r"but those of screening .*Take them with --readers 'reader_screen_\*'",
        ),
        (
            {"readers": "reader_a,reader_b,recall_a,recall_c"},
            (),
            "breasts.csv, header: the reader has no recall .*reader_b",
        ),
        ({"drop": "e2,R,0,0.34"}, (), r"breasts.csv, row 6: the read reader_a is missing of a breast that others"),
        ({}, ("--label", "cancer"), "--label: there is no such label"),
        ({}, ("--readers", "doctor_*"), r"no column matches the pattern"),
        ({}, ("--split", "validation"), None),
    ],
)
def test_a_dataset_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, str], words: tuple[str, ...], said: str | None
) -> None:
    data = dataset(tmp_path / "D", **changes)
    vendor = score_table(tmp_path / "vendor.csv", range(10), good=False)
    chosen = words if "--split" in words else (*words, "--split", "test")
    done = run("reader-study", "--data", data, vendor, *chosen, "--bootstrap", 0, "--out", tmp_path / "R")
    assert isinstance(done.exception, InputError), done.output
    if said is not None:
        assert re.search(said, str(done.exception)), done.exception


def test_weights_are_those_of_the_largest_validation_auc(tmp_path: Path) -> None:
    data = dataset(tmp_path / "D")
    good = score_table(tmp_path / "good.csv", range(10, 20), good=True)
    poor = score_table(tmp_path / "poor.csv", range(10, 20), good=False)
    weights = fitted_weights([str(good), str(poor)], data=data, step=0.1)
    tables = [pl.read_csv(path)["malignant"].to_numpy() for path in (good, poor)]
    truth = [int(side == "L" and n % 3 == 0) for n in range(10, 20) for side in "LR"]
    areas = [roc_auc_score(truth, k / 10 * tables[0] + (1 - k / 10) * tables[1]) for k in range(11)]
    place = next(k for k in range(11) if areas[k] >= max(areas) - 1e-12)
    assert place > 0
    assert weights == pytest.approx([place / 10, 1 - place / 10])


def test_combine_applies_weights_that_were_fitted_on_validation(tmp_path: Path) -> None:
    data = dataset(tmp_path / "D")
    test = [score_table(tmp_path / f"test{k}.csv", range(10), good=k == 0) for k in range(2)]
    fit = [score_table(tmp_path / f"fit{k}.csv", range(10, 20), good=k == 0) for k in range(2)]
    options = [word for path in fit for word in ("--fit-on", path)]
    done = run("combine", *test, *options, "--data", data, "--split", "test", "--out", tmp_path / "P")
    assert done.exit_code == 0, (done.output, done.exception)
    weights = fitted_weights([str(path) for path in fit], data=data)
    printed = [float(line.split()[0]) for line in done.output.splitlines()[:2]]
    assert printed == pytest.approx(weights, abs=1e-4)
    short = run("combine", *test, "--fit-on", fit[0], "--data", data, "--out", tmp_path / "Q")
    assert isinstance(short.exception, InputError)
    assert "once for every source" in str(short.exception)
