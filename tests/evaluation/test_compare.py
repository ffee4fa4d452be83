"""Comparing the columns of a score table: the numbers, what is compared with what, and how a threshold is locked."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from typer.testing import CliRunner

from cadkit.cli.app import app
from cadkit.evaluation import CompareSettings
from cadkit.evaluation import compare_columns as compare
from cadkit.report import write_report

CLUSTERED = Path(__file__).parents[1] / "metrics" / "values" / "clustered"
Pick = Callable[..., Any]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """60 breasts of 30 patients with three scores; the last, of 0 and 1 alone, holds ties."""
    path = tmp_path / "table.csv"
    generator = np.random.default_rng(7)
    lines = ["patient_id,age,site,label,a,b,c"]
    for number in range(60):
        truth = int(number % 3 == 0)
        a, b = generator.uniform(0, 0.6, 2) + 0.4 * truth * generator.uniform(size=2)
        site = "small" if number > 55 else "large"
        lines.append(f"p{number // 2},{40 + number % 20},{site},{truth},{a:.3f},{b:.3f},{int(a > 0.5)}")
    path.write_text("\n".join(lines) + "\n")
    return path


def columns(path: Path, *names: str) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    rows = list(csv.DictReader(path.read_text().splitlines()))
    return [np.array([float(row[name]) for row in rows]) for name in names]


def run(table: Path, folder: Path, **given: Any) -> Mapping[str, Any]:
    chosen = {"truth": "label", "scores": ("a", "b"), "bootstrap": 60, **given}
    return compare(table, folder, CompareSettings(**chosen))


def paired(report: Mapping[str, Any], **where: Any) -> list[Any]:
    return [row for row in report["comparisons"] if all(row[key] == value for key, value in where.items())]


def expected(folder: Path, quantity: str, **given: Any) -> tuple[float, float]:
    """Value and tolerance of the reference to the most digits."""
    rows = json.loads((folder / "expected.json").read_text())
    found = [row for row in rows if row["quantity"] == quantity and row["given"] == given]
    best = min(found, key=lambda row: row["tol"])
    return best["value"], best["tol"]


def test_proc_through_the_command(shared: Path, tmp_path: Path, pick: Pick) -> None:
    """AUCs, DeLong's intervals and p of pROC 1.18, by the command itself; the page is drawn without images."""
    folder = shared / "reference" / "asah"
    typed = [
        "compare",
        str(folder / "asah.csv"),
        "--truth",
        "truth",
        "--scores",
        "ndka,s100b,wfns",
        "--bootstrap",
        "40",
    ]
    done = CliRunner().invoke(app, [*typed, "--specificity-at", "0.9", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "Paired differences" in done.output
    assert "report.html" in done.output
    assert (tmp_path / "out" / "report.html").stat().st_size > 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    for score in ("wfns", "s100b", "ndka"):
        found = pick(report, model=score, metric="auc", ci_method="delong")
        for quantity, name in (("auc", "value"), ("auc_ci_low_delong", "low"), ("auc_ci_high_delong", "high")):
            level = {} if name == "value" else {"level": 0.95}
            value, tolerance = expected(folder, quantity, score=score, **level)
            assert found[name] == pytest.approx(value, abs=tolerance)
        value, tolerance = expected(folder, "sensitivity_at_specificity", score=score, at=0.9, interpolate="none")
        found = pick(report, model=score, metric="sensitivity_at_specificity", at=0.9)
        assert found["value"] == pytest.approx(value, abs=tolerance)
    raw = []
    for a, b in (("ndka", "s100b"), ("ndka", "wfns"), ("s100b", "wfns")):
        (row,) = paired(report, a=a, b=b, metric="auc", method="delong")
        names = {"difference": "difference", "p": "difference_p_delong", "low": "difference_ci_low_delong"}
        for name, quantity in names.items():
            value, tolerance = expected(folder, quantity, score_1=a, score_2=b)
            assert row[name] == pytest.approx(value, abs=tolerance)
        raw.append((row["p"], row["p_adjusted"]))
    # Holm by hand: 3, 2 and 1 times the p in rising order.
    for factor, (p, adjusted) in zip((3, 2, 1), sorted(raw), strict=True):
        assert adjusted == pytest.approx(factor * p)


def test_clustered_delong_of_the_reference(tmp_path: Path, pick: Pick) -> None:
    scores = ("model_a", "model_b", "birads")
    report = run(
        CLUSTERED / "breasts.csv", tmp_path, truth="truth", scores=scores, cluster="patient_id", bootstrap=0,
        metrics=("auc",),
    )  # fmt: skip
    assert report["cohort"]["patients"] == 300
    found = pick(report, model="model_a", metric="auc")
    assert found["ci_method"] == "delong-clustered"
    ends = [
        expected(CLUSTERED, f"auc_ci_{end}_clustered_unclamped", data="breasts", score="model_a")
        for end in ("low", "high")
    ]
    assert (found["low"], found["high"]) == pytest.approx([value for value, _ in ends], abs=ends[0][1])
    (row,) = paired(report, a="model_a", b="birads")
    assert row["method"] == "delong-clustered"
    value, tolerance = expected(
        CLUSTERED, "difference_p_clustered", data="breasts", score_1="model_a", score_2="birads"
    )
    assert row["p"] == pytest.approx(value, abs=tolerance)


def test_intervals_of_the_auc_on_the_logit_scale(tmp_path: Path, pick: Pick) -> None:
    """From the standard error that the plain interval of the reference shows: logit(A) +- z SE / (A (1 - A))."""
    ends = [
        expected(CLUSTERED, f"auc_ci_{end}_clustered_unclamped", data="breasts", score="model_a")[0]
        for end in ("low", "high")
    ]
    area, spread = sum(ends) / 2, (ends[1] - ends[0]) / 2
    logits = np.log(area / (1 - area)) + np.array([-1, 1]) * spread / (area * (1 - area))
    report = run(
        CLUSTERED / "breasts.csv", tmp_path, truth="truth", scores=("model_a", "model_b"), cluster="patient_id",
        bootstrap=0, metrics=("auc",), auc_interval="logit",
    )  # fmt: skip
    found = pick(report, model="model_a", metric="auc")
    assert found["ci_method"] == "delong-clustered-logit"
    assert (found["low"], found["high"]) == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-6)
    assert report["settings"]["auc_interval"] == "logit"
    page = write_report(tmp_path).read_text()
    assert "extension of DeLong&#39;s method to clusters" in page
    assert ", on the logit scale." in page


def test_every_metric_of_probabilities(table: Path, tmp_path: Path, pick: Pick) -> None:
    report = run(table, tmp_path / "out", cluster="patient_id", thresholds={"": 0.5})
    truth, a = columns(table, "label", "a")
    one = {row["metric"]: row for row in report["results"] if row["model"] == "a"}
    assert one["auc"]["value"] == pytest.approx(roc_auc_score(truth, a))
    assert one["prauc"]["value"] == pytest.approx(average_precision_score(truth, a))
    assert one["brier"]["value"] == pytest.approx(brier_score_loss(truth, a))
    called, positives = a >= 0.5, truth.sum()
    assert one["sensitivity"]["value"] == pytest.approx(truth[called].sum() / positives)
    assert one["recall_rate"]["value"] == pytest.approx(called.mean())
    benefit = (truth[called].sum() - (1 - truth[called]).sum()) / len(truth)
    assert one["net_benefit"]["value"] == pytest.approx(benefit)
    assert one["sensitivity"]["ci_method"] == "ratio-logit"
    assert (one["sensitivity_at_specificity"]["at"], one["specificity_at_sensitivity"]["at"]) == (0.9, 0.9)
    assert {row["ci_method"] for row in report["results"] if row["metric"] == "auc"} == {
        "delong-clustered", "bootstrap-percentile",
    }  # fmt: skip
    assert {curve["kind"] for curve in report["curves"]} == {"roc", "pr", "reliability", "decision"}
    assert pick(report, model="b", metric="pf1")["clusters"] == 30


def test_risk_scores_have_no_calibration(table: Path, tmp_path: Path) -> None:
    report = run(table, tmp_path / "out", risk=True, bootstrap=0)
    assert not {"brier", "ece", "pf1", "net_benefit"} & {row["metric"] for row in report["results"]}
    assert {model["scores"] for model in report["models"]} == {"risk"}


def test_mcnemar_and_permutation(table: Path, tmp_path: Path) -> None:
    report = run(table, tmp_path / "out", thresholds={"": 0.5}, permutations=30, metrics=("auc", "sensitivity"))
    truth, a, b = columns(table, "label", "a", "b")
    right_a, right_b = (a >= 0.5)[truth == 1], (b >= 0.5)[truth == 1]
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    (row,) = paired(report, metric="sensitivity", method="mcnemar")
    assert (row["given"]["b"], row["given"]["c"]) == (only_a, only_b)
    assert row["p"] == pytest.approx(binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0)
    (row,) = paired(report, metric="auc", method="permutation")
    assert row["p"] * 31 == pytest.approx(round(row["p"] * 31))
    assert row["difference"] == pytest.approx(roc_auc_score(truth, a) - roc_auc_score(truth, b))


def test_partial_areas_of_the_reference(shared: Path, tmp_path: Path) -> None:
    """Raw and corrected, of a specificity and of a sensitivity range, as pROC has them; each with an interval."""
    folder = shared / "reference" / "asah"
    ranges = {("specificity", 0.9, 1.0): "specificity:0.9-1", ("sensitivity", 0.9, 1.0): "sensitivity:0.9-1"}
    report = run(
        folder / "asah.csv", tmp_path / "out", truth="truth", scores=("s100b", "ndka"),
        partial_auc=tuple(ranges.values()), metrics=("partial_auc",), permutations=5,
    )  # fmt: skip
    for focus, low, high in ranges:
        for corrected, quantity in ((False, "partial_auc"), (True, "partial_auc_mcclish")):
            given = {"focus": focus, "low": low, "high": high, "corrected": corrected}
            found = [row for row in report["results"] if row["model"] == "s100b" and row.get("given") == given]
            (row,) = found
            asked = {"score": "s100b", "focus": focus, "from": low, "to": high}
            value, tolerance = expected(folder, quantity, **asked)
            assert row["value"] == pytest.approx(value, abs=tolerance)
            assert row["low"] < row["value"] < row["high"]
            methods = [one["method"] for one in paired(report, metric="partial_auc") if one["given"] == given]
            assert methods == ["bootstrap", "permutation"]


def test_primary_is_turned_and_left_out_of_the_adjustment(table: Path, tmp_path: Path) -> None:
    report = run(
        table, tmp_path / "out", scores=("a", "b", "c"), primary="b:a", margin=0.1, bootstrap=0, metrics=("auc",)
    )
    first, *others = sorted(
        paired(report, metric="auc", method="delong"), key=lambda row: row["p_adjusted"] is not None
    )
    assert (first["a"], first["b"], first["p_adjusted"], first["flags"]) == ("b", "a", None, ["primary"])
    smaller, larger = sorted(others, key=lambda row: row["p"])
    assert smaller["p_adjusted"] == pytest.approx(min(1, 2 * smaller["p"]))
    assert larger["p_adjusted"] == pytest.approx(max(larger["p"], min(1, 2 * smaller["p"])))
    assert first["margin"] == 0.1
    assert 0 < first["p_margin"] < 1


def test_group_is_mean_sd_and_ensemble(table: Path, tmp_path: Path, pick: Pick) -> None:
    """Runs named in a group alone are not compared one by one; their ensemble is."""
    report = run(table, tmp_path / "out", scores=("c",), groups={"G": ("a", "b")}, bootstrap=0, metrics=("auc",))
    truth, a, b = columns(table, "label", "a", "b")
    areas = [roc_auc_score(truth, a), roc_auc_score(truth, b)]
    mean = pick(report, model="G (mean of 2 runs)")
    assert (mean["value"], mean["sd"]) == pytest.approx((np.mean(areas), np.std(areas, ddof=1)))
    assert pick(report, model="G")["value"] == pytest.approx(roc_auc_score(truth, (a + b) / 2))
    assert [(row["a"], row["b"]) for row in report["comparisons"]] == [("c", "G")]
    assert [model["kind"] for model in report["models"]] == ["scores", "scores", "scores", "ensemble"]


def test_where_replicates_are_undefined_too_often_the_report_says_what_helps(tmp_path: Path) -> None:
    """One positive of six rows: a third of the replicates have none."""
    few = tmp_path / "few.csv"
    few.write_text("label,a\n" + "".join(f"{int(n == 0)},{n / 10}\n" for n in range(6)))
    plain = run(few, tmp_path / "plain", scores=("a",), bootstrap=80)
    apart = run(few, tmp_path / "apart", scores=("a",), bootstrap=80, stratify=True)
    told = [{one["id"]: one["text"] for one in report["warnings"]} for report in (plain, apart)]
    assert "--stratify draws positives and negatives apart" in told[0]["undefined-replicates"]
    assert "undefined-replicates" not in told[1]


def test_subgroups_by_decade_with_counts(table: Path, tmp_path: Path, pick: Pick) -> None:
    """Of 5 positives and 5 negatives at least; the same rows cut by hand."""
    report = run(table, tmp_path / "out", by=("age", "site"), bootstrap=40, metrics=("auc",))
    truth, a, age = columns(table, "label", "a", "age")
    for name, low in (("age 40-49", 40), ("age 50-59", 50)):
        part = (age >= low) & (age < low + 10)
        found = pick(report, model="a", subgroup=name, ci_method="delong")
        assert (found["n"], found["positives"]) == (part.sum(), truth[part].sum())
        assert found["value"] == pytest.approx(roc_auc_score(truth[part], a[part]))
        assert paired(report, subgroup=name, method="bootstrap")
    (few,) = [one["text"] for one in report["warnings"] if one["id"] == "few-subgroups"]
    counts = [(name, part.sum(), truth[part].sum()) for name, part in (("40", age < 50), ("50", age >= 50))]
    assert counts == [("40", 30, 10), ("50", 30, 10)]
    assert "20 positives or negatives: age 40-49 (10 and 20), age 50-59 (10 and 20), site large (19 and 37);" in few
    small = pick(report, model="a", subgroup="site small")
    assert small["value"] is None
    assert "at least 5" in small["reason"]
    assert not paired(report, subgroup="site small")


def test_thresholds_are_locked_on_validation(table: Path, tmp_path: Path, pick: Pick) -> None:
    validation = tmp_path / "validation.csv"
    validation.write_text("label,a,b\n0,0.1,0.2\n0,0.3,0.4\n1,0.25,0.6\n1,0.45,0.7\n")
    given = {"sensitivity_at": (1.0,), "bootstrap": 0, "prevalence": 0.01}
    report = run(table, tmp_path / "out", threshold_from=validation, **given)
    assert report["settings"]["operating"]["a"] == {"sensitivity 1": 0.25}
    row = pick(report, model="a", metric="sensitivity")
    assert (row["at"], row["given"]) == (0.25, {"threshold_for": "sensitivity 1"})
    assert "flags" not in row
    truth, a = columns(table, "label", "a")
    sensitivity, alarms = (a >= 0.25)[truth == 1].mean(), (a >= 0.25)[truth == 0].mean()
    rows = [row for row in report["results"] if row["model"] == "a" and row["metric"] == "ppv"]
    bayes = next(row for row in rows if "prevalence" in row["given"])
    assert bayes["value"] == pytest.approx(0.01 * sensitivity / (0.01 * sensitivity + 0.99 * alarms))
    own = run(table, tmp_path / "own", **given)
    assert pick(own, model="a", metric="sensitivity")["flags"] == ["in-sample"]
    assert "in-sample" in {warning["id"] for warning in own["warnings"]}


def test_the_same_seed_gives_the_same_report(table: Path, tmp_path: Path) -> None:
    first, again = (run(table, tmp_path / name, interval="bca", stratify=True) for name in "xy")
    assert (first["results"], first["comparisons"]) == (again["results"], again["comparisons"])
    assert any(row["ci_method"] == "bootstrap-bca" for row in first["results"])


def test_page_of_everything(table: Path, tmp_path: Path) -> None:
    run(
        table, tmp_path / "out", groups={"G": ("a", "c")}, by=("age",), thresholds={"a": 0.4}, cluster="patient_id",
        sensitivity_at=(0.8,), margin=0.05, primary="a:G", interpolate=True, threshold_from=table,
    )  # fmt: skip
    page = write_report(tmp_path / "out").read_text()
    assert "G (mean of 2 runs)" in page
    assert "age 50-59" in page
    copied = set(re.findall('data-csv="([^"]+)"', page))
    assert {"results", "comparisons", "units"} <= copied
    assert copied <= {path.stem for path in (tmp_path / "out" / "tables").iterdir()}
