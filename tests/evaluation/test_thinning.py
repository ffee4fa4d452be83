"""Curves of many points: what report.json keeps of them draws the same line, and every point stands in a CSV."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cadkit import metrics
from cadkit.evaluation import comparing
from cadkit.evaluation.compare_settings import CompareSettings
from cadkit.evaluation.thinning import CLOSE, STEP, keep_curves, kept_points, thinned


def literal(x: list[float], y: list[float], close: float, step: float) -> list[int]:
    """Point by point: the longest piece whose points lie in a box, or on a line along an axis."""

    def fits(first: int, last: int) -> bool:
        width = max(x[first : last + 1]) - min(x[first : last + 1])
        height = max(y[first : last + 1]) - min(y[first : last + 1])
        return (
            (width <= close and height <= close)
            or (width == 0 and height <= step)
            or (height == 0 and width <= step)
        )  # fmt: skip

    kept = [0]
    while kept[-1] < len(x) - 1:
        following = [n for n in range(kept[-1] + 1, len(x)) if fits(kept[-1], n)]
        kept.append(max(following, default=kept[-1] + 1))
    return kept


def roc_of(n: int, positives: int, seed: int) -> metrics.RocCurve:
    rng = np.random.default_rng(seed)
    truth = np.arange(n) < positives
    return metrics.roc_curve(truth, rng.normal(size=n) + 1.3 * truth)


def curve_row(kind: str, x: Any, y: Any, threshold: Any) -> Any:
    cuts = [float(cut) if np.isfinite(cut) else None for cut in threshold]
    return {"model": "m", "label": "cancer", "level": "row", "kind": kind, "x": [float(one) for one in x],
            "y": [float(one) for one in y], "threshold": cuts}  # fmt: skip


@pytest.mark.parametrize(("n", "positives"), [(400, 200), (500, 4)])
@pytest.mark.parametrize(("close", "step"), [(0.03, 0.1), (0.0, 0.2), (0.3, 0.05)])
def test_kept_points_are_those_of_a_slow_search(n: int, positives: int, close: float, step: float) -> None:
    roc = roc_of(n, positives, seed=n)
    pr = metrics.pr_curve(np.arange(n) < positives, np.random.default_rng(3).normal(size=n).round(1))
    for x, y in ((roc.fpr, roc.tpr), (pr.recall, pr.precision)):
        found = kept_points(x, y, close, step).tolist()
        assert found == literal(x.tolist(), y.tolist(), close, step)
        assert len(found) < len(x)


def test_of_few_positives_the_roc_curve_keeps_its_area_to_the_last_digit() -> None:
    roc = roc_of(20_000, 40, seed=1)
    few = thinned(curve_row("roc", roc.fpr, roc.tpr, roc.threshold))
    assert len(few["x"]) < 700
    assert np.diff(few["x"]).max() <= STEP
    area = np.trapezoid(few["y"], few["x"])
    assert area == pytest.approx(np.trapezoid(roc.tpr, roc.fpr), abs=1e-14)


def step_function(x: Any, y: Any, at: Any) -> Any:
    """Sensitivity at given false positives per image: that of the last point not behind them."""
    return np.asarray(y)[np.searchsorted(x, at, side="right") - 1]


def test_a_froc_curve_stays_within_its_bound() -> None:
    rng = np.random.default_rng(5)
    fpi = np.concatenate([[0.0], np.cumsum(rng.exponential(4 / 90_000, 90_000))])
    sensitivity = np.concatenate([[0.0], np.cumsum((rng.random(90_000) < 0.3) & (fpi[1:] < 2.5)) / 18_000])
    few = thinned(curve_row("froc", fpi, sensitivity, np.r_[np.inf, np.linspace(1, 0, 90_000)]))
    assert len(few["x"]) < 18_000
    # As near as it is said to be: to the left and to the right, and of more than one by a share of them.
    near = CLOSE * np.maximum(1, fpi) * 1.001
    before, behind = (step_function(few["x"], few["y"], np.clip(at, 0, None)) for at in (fpi - near, fpi + near))
    assert (before <= sensitivity + CLOSE).all()
    assert (behind >= sensitivity - CLOSE).all()
    # No mark hits behind 2.5 per image: the line is straight there, and points for the operating point stay on it.
    gaps, ends = np.diff(few["x"]), np.array(few["x"][1:])
    assert (gaps <= STEP * np.maximum(1, ends) * 1.001).all()
    assert gaps.max() > 2 * STEP


def test_a_point_that_a_result_names_is_kept() -> None:
    roc = roc_of(5_000, 2_500, seed=2)
    row = curve_row("roc", roc.fpr, roc.tpr, roc.threshold)
    left_out = sorted(set(row["threshold"][1:]) - set(thinned(row)["threshold"]))
    named = left_out[len(left_out) // 2]
    assert named in thinned(row, {named})["threshold"]
    assert len(thinned(row, {named})["x"]) == len(thinned(row)["x"]) + 1


def test_every_point_stands_in_a_csv_and_earlier_ones_are_removed(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    truth = np.arange(6_000) % 100 == 0
    scores = {"a": rng.normal(size=6_000) + truth, "=b": rng.normal(size=6_000)}
    with (tmp_path / "scores.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", *scores])
        writer.writerows(zip(truth.astype(int), *scores.values(), strict=True))
    folder = tmp_path / "report"
    settings = CompareSettings(truth="label", scores=("a", "=b"), bootstrap=0)
    comparing.compare_columns(tmp_path / "scores.csv", folder, settings)
    (folder / "curves/roc-old-row.csv").write_text("")
    (folder / "report.json").unlink()  # as if the first had been killed before its end
    comparing.compare_columns(tmp_path / "scores.csv", folder, settings)
    assert sorted(path.name for path in (folder / "curves").iterdir()) == ["pr-label-row.csv", "roc-label-row.csv"]
    with (folder / "curves/roc-label-row.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"a", "'=b"}  # no spreadsheet runs it
    own = [row for row in rows if row["model"] == "a"]
    # By counting: at each score, from the highest on, the shares of both classes that reach it.
    order = np.argsort(-scores["a"])
    assert [float(row["y"]) for row in own[1:]] == pytest.approx(np.cumsum(truth[order]) / 60)
    assert [float(row["x"]) for row in own[1:]] == pytest.approx(np.cumsum(~truth[order]) / 5_940)
    assert [float(row["threshold"]) for row in own[1:]] == scores["a"][order].tolist()
    assert (own[0]["x"], own[0]["y"], own[0]["threshold"]) == ("0.0", "0.0", "")
    kept = next(c for c in json.loads((folder / "report.json").read_text())["curves"] if c["kind"] == "roc")
    assert len(kept["x"]) < 800
    assert set(zip(kept["x"], kept["y"], strict=True)) <= {(float(r["x"]), float(r["y"])) for r in own}


def test_a_curve_of_too_many_points_for_a_csv_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadkit.evaluation.thinning._MOST", 3)
    whole = curve_row("roc", [0, 0.5, 0.5, 1], [0, 0.5, 1, 1], [np.inf, 3, 2, 1])
    report: Any = {"results": [], "curves": [whole], "warnings": []}
    keep_curves(tmp_path, report)
    assert report["curves"] == [whole]
    assert not (tmp_path / "curves").exists()
    assert "roc-cancer-row" in report["warnings"][0]["text"]
