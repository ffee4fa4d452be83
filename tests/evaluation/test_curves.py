"""What the figures are drawn from: bands, histograms, reliability and net benefit, the scores of every unit."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from cadkit import Predictions, metrics
from cadkit.data import Dataset
from cadkit.evaluation import CompareSettings, Settings
from cadkit.evaluation import compare_columns as compare
from cadkit.evaluation import evaluate_predictions as evaluate
from cadkit.evaluation.curves import histogram, probability_curves, score_curves, unit_scores
from tests.evaluation.conftest import BREASTS, BREASTS_CSV

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
PROBABILITY = {"breasts.csv": BREASTS_CSV, "prediction.toml": 'scores = "probability"\n'}
# The nine breasts of known truth, without e4-L: malignant are e1-L, e3-R and e5-L.
TRUTH = {"e1 L": 1, "e1 R": 0, "e2 L": 0, "e2 R": 0, "e3 L": 0, "e3 R": 1, "e4 R": 0, "e5 L": 1, "e5 R": 0}


def curve(report: Any, kind: str, model: str) -> Any:
    found = [c for c in report["curves"] if (c["kind"], c["model"], c["label"]) == (kind, model, "malignant")]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def judged(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> Any:
    models = [hand("sure", PROBABILITY), hand("vendor", {"breasts.csv": BREASTS_CSV})]
    settings = Settings(split="test", bootstrap=60, cases=0, stratify=True)
    return evaluate(models, make_dataset(), tmp_path / "R", settings)


def test_calibration_is_judged_of_probabilities_alone(judged: Any) -> None:
    rows = {row["metric"]: row for row in judged["results"] if row["label"] == "malignant" and row["model"] == "sure"}
    score = [pair["LR".index(side)] for exam, pair in BREASTS.items() for side in "LR" if f"{exam} {side}" in TRUTH]
    assert rows["brier"]["value"] == pytest.approx(brier_score_loss(list(TRUTH.values()), score))
    assert rows["ece"]["n"] == 9
    kinds = {model: {c["kind"] for c in judged["curves"] if c["model"] == model} for model in ("sure", "vendor")}
    assert kinds == {"sure": {"roc", "pr", "reliability", "decision"}, "vendor": {"roc", "pr"}}
    assert not [row for row in judged["results"] if row["model"] == "vendor" and row["metric"] in ("brier", "ece")]
    assert not [row for row in judged["comparisons"] if row["metric"] == "brier"]


def test_two_models_of_probabilities_are_compared(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    settings = Settings(split="test", bootstrap=20, cases=0, labels=("malignant",), margin=0.1)
    report = evaluate([hand("sure", PROBABILITY), hand("too", PROBABILITY)], make_dataset(), tmp_path / "R", settings)
    rows = [row for row in report["comparisons"] if row["metric"] in ("brier", "ece")]
    assert [row["difference"] for row in rows] == [0.0, 0.0]
    assert not any("margin" in row for row in rows)  # of these less is better


def test_the_largest_of_two_probabilities_is_none(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    settings = Settings(split="test", bootstrap=20, cases=0, labels=("any=malignant|benign",))
    report = evaluate([hand("sure", PROBABILITY)], make_dataset(), tmp_path / "R", settings)
    assert {c["kind"] for c in report["curves"]} == {"roc", "pr"}


def test_every_evaluated_breast_stands_with_its_truth_and_scores(judged: Any) -> None:
    table = next(one for one in judged["units"] if one["label"] == "malignant")
    names = [" ".join(pair) for pair in zip(table["ids"]["exam_id"], table["ids"]["side"], strict=True)]
    assert dict(zip(names, table["truth"], strict=True)) == TRUTH
    assert table["scores"]["sure"][names.index("e3 R")] == 0.4
    assert list(table["scores"]) == ["sure", "vendor"]


def test_bands_go_with_the_curves_and_are_the_same_for_the_same_scores(judged: Any) -> None:
    for kind in ("roc", "pr"):
        sure, vendor = curve(judged, kind, "sure"), curve(judged, kind, "vendor")
        assert sure["low"] == vendor["low"]
        assert len(sure["band_x"]) == len(sure["low"]) == len(sure["high"])
        assert all(0 <= low <= high <= 1 for low, high in zip(sure["low"], sure["high"], strict=True))
    roc = curve(judged, "roc", "sure")
    assert (roc["band_x"][0], roc["band_x"][-1]) == (0, 1)
    assert (roc["low"][-1], roc["high"][-1]) == (1, 1)


def test_a_table_of_scores_has_all_of_them_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    truth = [1, 0, "", 0, 1, 0, 1, 0]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["y", "p", "risk"], *([t, n / 10, n - 4] for n, t in enumerate(truth))])
    settings = CompareSettings(truth="y", scores=("p", "risk"), bootstrap=40, stratify=True)
    report = json.loads(json.dumps(compare(path, tmp_path / "R", settings)))
    assert report["units"][0]["ids"] == {"row": ["1", "2", "4", "5", "6", "7", "8"]}
    assert report["units"][0]["truth"] == [1, 0, 0, 1, 0, 1, 0]
    assert report["units"][0]["scores"]["risk"] == [-4, -3, -1, 0, 1, 2, 3]
    assert [sum(one["positives"]) + sum(one["negatives"]) for one in report["histograms"]] == [7, 7]
    assert [one["edges"][0] for one in report["histograms"]] == [0, -4]
    assert {c["model"] for c in report["curves"] if c["kind"] in ("reliability", "decision")} == {"p"}
    assert all("band_x" in c for c in report["curves"] if c["kind"] in ("roc", "pr"))


def test_bands_are_read_at_whole_hundredths() -> None:
    """Of 100 positives every recall is one: a grid a rounding error above it would read the next precision."""
    truth, score = np.repeat([1, 0], 100), np.arange(200.0)
    replicates = metrics.Replicates(np.arange(200), options=metrics.Bootstrap(n=4))
    roc, pr = score_curves(("m", "l", "row"), truth, score, np.arange(200), replicates)
    assert pr["band_x"] == [k / 100 for k in range(1, 101)]
    assert set(roc["band_x"]) >= {k / 100 for k in range(101)} | {k / 400 for k in range(9)}
    assert len(roc["band_x"]) == 101 + 6


def test_no_bands_without_a_bootstrap(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("y,p\n1,0.7\n0,0.2\n1,0.4\n0,0.5\n")
    report = compare(path, tmp_path / "R", CompareSettings(truth="y", scores=("p",), bootstrap=0))
    assert not any("band_x" in c for c in report["curves"] if c["kind"] in ("roc", "pr"))


def test_net_benefit_by_pencil() -> None:
    # At 0.5: one true, one false positive of four, so 1/4 - 1/4 = 0; all: 1/2 - 1/2 = 0. At 0.2: 2/4 - 1/4 1/4.
    _, decision = probability_curves(("m", "l", "row"), [0, 0, 1, 1], [0.1, 0.6, 0.7, 0.2], 0.95)
    at = dict(zip(decision["x"], zip(decision["y"], decision["treat_all"], strict=True), strict=True))
    assert at[0.5] == (0, 0)
    assert at[0.2] == pytest.approx((0.5 - 0.25 * 0.25, 0.5 - 0.5 * 0.25))
    assert min(decision["x"]) == 0.001


def test_reliability_counts_by_pencil() -> None:
    bars, _ = probability_curves(("m", "l", "row"), [0, 1, 1], [0.1, 0.15, 0.9], 0.95)
    assert (bars["rows"], bars["positives"], bars["y"]) == ([2, 1], [1, 1], [0.5, 1])
    assert bars["x"] == pytest.approx([0.125, 0.9])


def test_equal_scores_have_a_histogram() -> None:
    found = histogram(("m", "l", "row"), np.array([1, 0, 0]), np.full(3, 7.0), probability=False)
    assert (sum(found["positives"]), sum(found["negatives"])) == (1, 2)
    assert (found["edges"][0], found["edges"][-1]) == (6.5, 7.5)


def test_a_report_holds_so_many_scores_and_no_more() -> None:
    truth, score = np.zeros(100_000), np.zeros(100_000)
    ids = np.arange(100_000)
    first = unit_scores("l", "row", ids, truth, {"a": score, "b": score}, [])
    assert first is not None
    assert unit_scores("m", "row", ids, truth, {"a": score, "b": score}, [first]) is None
    assert unit_scores("m", "row", ids, truth, {"a": score}, [first]) is not None
