"""The command: wide tables, datasets and MRMC studies from typed words to files; the example."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner, Result

from cadkit.cli.app import app
from cadkit.errors import InputError
from cadkit.reader_study.settings import StudySettings
from cadkit.reader_study.study import reader_study
from cadkit.report.reader_figures import study_figures

Write = Any


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["reader-study", *map(str, words)])


def wide(path: Path, n: int = 80, seed: int = 1, **changes: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A table of three readers with recalls and three models; returns truth and scores."""
    random = np.random.default_rng(seed)
    truth = (np.arange(n) % 4 == 0).astype(int)
    looks = 1.5 * truth + random.normal(size=n)
    scores = {f"Reader{k}": np.round(1 / (1 + np.exp(-looks - random.normal(size=n))), 1) for k in range(3)}
    scores |= {f"AI_{k}": 1 / (1 + np.exp(-looks - random.normal(size=n))) for k in range(3)}
    recalls = {f"Recall{k}": (scores[f"Reader{k}"] >= 0.6).astype(int) for k in range(3)}
    table: dict[str, Any] = {"case_ID": np.arange(n) // 2, "side": ["L", "R"] * (n // 2), "label": truth}
    table |= scores | recalls | changes
    rows = [",".join(map(str, row)) for row in zip(*table.values(), strict=True)]
    path.write_text("\n".join([",".join(table), *rows]) + "\n")
    return truth, scores


WORDS = ("--truth", "label", "--cluster", "case_ID", "--unit", "case_ID,side", "--readers", "READER*")


def test_a_wide_table_becomes_a_report_with_its_figures(tmp_path: Path) -> None:
    truth, scores = wide(tmp_path / "t.csv")
    words = (*WORDS, "--models", "ai_0", "--recalls", "recall*", "--bootstrap", 30)
    done = run(tmp_path / "t.csv", *words, "--out", tmp_path / "R")
    assert done.exit_code == 0, done.output
    assert "3 readers, 1 model; 80 units, 20 positive" in done.output
    assert max(map(len, done.output.splitlines()[:-1])) <= 80
    report = json.loads((tmp_path / "R" / "report.json").read_text())
    mean = np.mean([roc_auc_score(truth, scores[f"Reader{k}"]) for k in range(3)])
    found = [row for row in report["results"] if row["model"] == "mean(readers)" and row["metric"] == "auc"]
    assert found[0]["value"] == pytest.approx(mean)
    assert f"{mean:.3f}" in done.output
    drawn = {path.stem for path in (tmp_path / "R" / "figures").glob("*.svg")}
    assert drawn == {"curves-ai-0", "lambda-ai-0", "distributions", "ensembles-ai-0"}
    six = (tmp_path / "R" / "figures" / "curves-ai-0.svg").read_text()
    assert all(f"({panel})" in six for panel in ("a", "b", "c", "a*", "b*", "c*"))
    page = (tmp_path / "R" / "report.html").read_text()
    assert all(f'id="figure-{name}"' in page for name in drawn)
    again = CliRunner().invoke(app, ["report", str(tmp_path / "R")])
    assert again.exit_code == 0, again.output
    assert (tmp_path / "R" / "report.html").read_text() == page


def test_three_models_have_a_triangle_of_weights(tmp_path: Path) -> None:
    truth, scores = wide(tmp_path / "t.csv")
    settings = StudySettings.parse(truth="label", readers="reader*", models="ai_*", recalls="", bootstrap=0, step=0.25)
    report = reader_study(tmp_path / "t.csv", tmp_path / "R", settings)
    figure = next(one for one in study_figures(report) if one.name == "simplex")
    cells = figure.spec["datasets"]["cells"]
    assert len(cells) == 15
    # The first model's corner is at the top, the second's at the left, the third's at the right.
    corners = {(0.5, 0.866): "AI_0", (0.0, 0.0): "AI_1", (1.0, 0.0): "AI_2"}
    for (x, y), name in corners.items():
        cell = next(one for one in cells if abs(one["x"] - x) < 1e-3 and abs(one["y"] - y) < 1e-3)
        assert cell["auc"] == pytest.approx(roc_auc_score(truth, scores[name]))
    star = figure.spec["datasets"]["stars"][0]
    assert max(cells, key=lambda one: one["auc"])["auc"] == pytest.approx(
        next(one["auc"] for one in cells if (one["x"], one["y"]) == (star["x"], star["y"]))
    )
    assert figure.table.columns == ["AI_0", "AI_1", "AI_2", "auc", "prauc"]
    six = next(one for one in study_figures(report) if one.name == "curves-ai-1").spec["datasets"]
    assert {row["series"] for row in six["hybrids-roc"]} == {"Reader0", "Reader1", "Reader2"}
    assert max(row["y"] for row in six["mean-roc"]) == 1.0
    best = next(one for one in study_figures(report) if one.name == "lambda-ai-2").spec["datasets"]["best-auc"]
    stars = {row["series"]: row["x"] for row in best}
    rows = [one for one in report["results"] if one["metric"] == "lambda_star" and one["given"]["of"] == "auc"]
    assert stars == {f"Reader{k}": next(r["value"] for r in rows if r["model"] == f"hybrid(AI_2) with Reader{k}")
                     for k in range(3)}  # fmt: skip


def test_one_replicate_count_and_readers_without_models(tmp_path: Path) -> None:
    wide(tmp_path / "t.csv")
    done = run(tmp_path / "t.csv", *WORDS, "--bootstrap", 0, "--json", "--out", tmp_path / "R")
    assert done.exit_code == 0, done.output
    assert {row["model"] for row in json.loads(done.output)["results"]} == {
        "Reader0", "Reader1", "Reader2", "mean(readers)", "reader-ensemble",
    }  # fmt: skip
    assert (tmp_path / "R" / "figures" / "curves-readers.svg").exists()


def refused(tmp_path: Path, *words: object) -> str:
    done = run(*words, "--out", tmp_path / "R")
    assert isinstance(done.exception, InputError), done.output
    assert not (tmp_path / "R").exists()
    return str(done.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--readers", "Doctor*", "--truth", "label"), r"t.csv, --readers: no column matches .*'Doctor\*'"),
        (("--readers", "Reader*", "--models", "R*1", "--truth", "label"), "both matched by --readers"),
        (("--readers", "Reader*"), "needs a table and its column of truth"),
        ((*WORDS, "--ensemble", "GMIC"), "--ensemble: no such model"),
        ((*WORDS, "--scale", "calibrated"), "needs a table to calibrate on"),
        (("--columns", "a,b"), "takes four columns"),
        (("--size", "many"), "takes readers and cases as 12x200"),
        (("--size", "5x100"), "needs a difference to show"),
        (("--marks", "m.csv"), "marks, cases and lesions go together"),
        ((*WORDS, "--export", "imrmc"), "--export: is for readers in modalities"),
        ((*WORDS, "--size", "5x100"), "--size: is for readers in modalities"),
        (("--models", "AI_0", "--size", "5x100", "--effect", "0.05"), "a plan is of two modalities"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_written(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    wide(tmp_path / "t.csv")
    assert re.search(said, refused(tmp_path, tmp_path / "t.csv", *words))


LONG = "reader,modality,case,rating,truth\n" + "".join(
    f"{reader},{modality},{case},{(case * 7 + r * 3 + m * case) % 11},{int(case % 3 == 0)}\n"
    for r, reader in enumerate("abc")
    for m, modality in enumerate(("film", "screen"))
    for case in range(30)
)


def test_a_long_table_is_analysed_exported_and_planned(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(LONG)
    out = tmp_path / "R"
    done = run(tmp_path / "t.csv", "--out", out, "--size", "6x60", "--effect", "0.1", "--export", "imrmc")
    assert done.exit_code == 0, done.output
    report = json.loads((out / "report.json").read_text())
    part = report["reader_study"]["mrmc"]
    assert (part["method"], part["design"], part["readers"]) == ("or", "crossed", ["a", "b", "c"])
    assert 0 < part["power"][0]["power"] < 1
    means = [row for row in report["results"] if row.get("given", {}).get("inference") == "RRRC"]
    values = {row["model"]: row["value"] for row in means}
    ratings = {(m, k): [(c * 7 + k * 3 + m * c) % 11 for c in range(30)] for m in range(2) for k in range(3)}
    for m, name in enumerate(("film", "screen")):
        literal = np.mean([roc_auc_score([c % 3 == 0 for c in range(30)], ratings[m, k]) for k in range(3)])
        assert values[name] == pytest.approx(literal)
    difference = next(row for row in report["comparisons"] if row["method"] == "or-rrrc")
    assert difference["difference"] == pytest.approx(values["film"] - values["screen"])
    second = run(out / "study.imrmc", "--out", tmp_path / "R2")
    assert second.exit_code == 0, second.output
    other = json.loads((tmp_path / "R2" / "report.json").read_text())
    assert [row["difference"] for row in other["comparisons"]] == [row["difference"] for row in report["comparisons"]]
    assert "readers and cases random" in (out / "report.html").read_text()


def test_a_model_among_the_readers_is_tested_against_them(tmp_path: Path, shared: Path) -> None:
    folder = shared / "reference" / "model_vs_readers"
    done = run(folder / "ratings.csv", "--columns", "reader,,case,rating", "--models", "cad", "--out", tmp_path / "R")
    assert done.exit_code == 0, done.output
    rows = {row["method"]: row for row in json.loads((tmp_path / "R" / "report.json").read_text())["comparisons"]}
    assert rows["hillis-rrfc"]["p"] == pytest.approx(0.01235908763, abs=5.1e-12)
    assert rows["hillis-rrfc"]["difference"] == pytest.approx(-0.03173611111, abs=5.1e-12)
    assert all(row["low"] < row["difference"] < row["high"] for row in rows.values())
    assert rows["hillis-rrfc"]["high"] < 0 < rows["hillis-rrfc"]["given"]["se"]


def test_marks_are_read_as_they_are_laid_out(tmp_path: Path, shared: Path) -> None:
    folder = shared / "reference" / "tony_froc"
    files = [word for name in ("marks", "cases", "lesions") for word in (f"--{name}", folder / f"{name}.csv")]
    expected = [
        one for one in json.loads((folder / "expected.json").read_text())
        if one["quantity"] == "reader_fom" and one["given"].get("fom") == "wAFROC"
    ]  # fmt: skip
    assert expected
    for weights in ("weight", "weight_unequal"):
        out = tmp_path / weights
        done = run(*files, "--fom", "wAFROC", "--method", "or", "--lesion-weight", weights, "--out", out)
        assert done.exit_code == 0, done.output
        rows = json.loads((out / "report.json").read_text())["results"]
        found = {(row["model"], row["given"].get("reader")): row["value"] for row in rows if "reader" in row["given"]}
        for one in expected:
            if one["given"].get("weights") == weights:
                value = found[one["given"]["modality"], one["given"]["reader"]]
                assert value == pytest.approx(one["value"], abs=one["tol"])


def example() -> Any:
    path = Path(__file__).resolve().parents[2] / "examples" / "reader_study" / "study.py"
    spec = importlib.util.spec_from_file_location("reader_study_example", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_runs_and_both_reports_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = example()

    def in_process(*words: object) -> None:
        done = CliRunner().invoke(app, [*map(str, words)])
        assert done.exit_code == 0, done.output

    monkeypatch.setattr(module, "run", in_process)
    # Drawings are of another test.
    monkeypatch.setattr("cadkit.report.reader_page.svg", lambda spec: "<svg/>")
    module.main(tmp_path, exams=8, size="64x40", replicates=10, models=("Discs",))
    reports = [json.loads((tmp_path / name / "report.json").read_text()) for name in ("report", "report-from-table")]
    values = []
    for report in reports:
        names = {"reader": {f"reader_{k}": f"Reader{k}" for k in range(1, 15)}, "Discs": "AI_Discs"}
        row = {
            (one["model"], one["metric"]): one["value"]
            for one in report["results"]
            if "given" not in one and not {*one.get("flags", [])} - {"no-spread"}  # a reader may be perfect
        }
        values.append([row[names["reader"][f"reader_{k}"], "auc"] if ("Reader1", "auc") in row
                       else row[f"reader_{k}", "auc"] for k in range(1, 15)])  # fmt: skip
        values[-1].append(row.get(("Discs", "auc"), row.get((names["Discs"], "auc"))))
    assert values[0] == pytest.approx(values[1])
    first = reports[0]
    assert first["reader_study"]["level"] == "breast"
    assert {case["why"] for case in first["cases"]} == {"higher by the model", "higher by the readers"}
    assert all(case["saliency"] for case in first["cases"])
    gaps: dict[str, list[float]] = {}
    for case in sorted(first["cases"], key=lambda one: one["rank"]):
        scores = re.match(r"Discs ([\d.e-]+), readers' mean ([\d.e-]+) \(", case["note"])
        assert scores, case["note"]
        gaps.setdefault(case["why"], []).append(float(scores[1]) - float(scores[2]))
    assert all(gap > 0 for gap in gaps["higher by the model"])
    assert all(gap < 0 for gap in gaps["higher by the readers"])
    for ranked in gaps.values():  # the first differs most; scores stand with three digits
        assert np.all(np.diff(np.abs(ranked)) <= 2e-3)
    assert "Disagreements" in (tmp_path / "report" / "report.html").read_text()
