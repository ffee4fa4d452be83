"""Curves of many points: which kinds they are, the scale of false positives, and curves of a single point."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cadkit.evaluation.thinning import fpi_scale, keep_curves, kept_points


def row(kind: str, model: str, x: list[float], threshold: list[float | None]) -> Any:
    return {"model": model, "label": "cancer", "level": "row", "kind": kind, "x": x, "y": x, "threshold": threshold}


def test_only_curves_of_scores_and_marks_are_thinned_and_written(tmp_path: Path) -> None:
    # A thousand points on a line along no axis, of which fewer draw a ROC curve.
    many = np.linspace(0, 1, 20_001).tolist()
    reliability = row("reliability", "a", many, [None] * len(many))
    report: Any = {"results": [], "warnings": []}
    report["curves"] = [reliability, row("roc", "a", many, many)]
    keep_curves(tmp_path, report)
    assert report["curves"][0] == reliability
    assert len(report["curves"][1]["x"]) < len(many) / 2
    assert [path.name for path in (tmp_path / "curves").iterdir()] == ["roc-cancer-row.csv"]


def test_a_model_without_a_mark_has_one_point_beside_those_of_others(tmp_path: Path) -> None:
    curves = [row("froc", "silent", [0.0], [None]), row("froc", "b", [0.0, 0.5], [None, 0.25])]
    report: Any = {"results": [], "warnings": [], "curves": list(curves)}
    keep_curves(tmp_path, report)
    with (tmp_path / "curves" / "froc-cancer-row.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1:] == [["silent", "0.0", "0.0", ""], ["b", "0.0", "0.0", ""], ["b", "0.5", "0.5", "0.25"]]
    assert report["curves"] == curves


def test_false_positives_count_as_they_are_up_to_one_and_by_their_share_above() -> None:
    given = np.array([0.0, 0.25, 1.0, math.e, math.e**2])
    assert fpi_scale(given).tolist() == pytest.approx([0.0, 0.25, 1.0, 2.0, 3.0])
    # 1% more is as much at 1.5 as at 150.
    steps = fpi_scale(np.array([1.515, 151.5])) - fpi_scale(np.array([1.5, 150.0]))
    assert steps.tolist() == pytest.approx([math.log(1.01)] * 2)


@pytest.mark.parametrize("length", [3, 64, 65, 66, 320, 321])
def test_the_last_point_of_a_piece_is_kept_where_only_the_end_of_the_curve_is_far(length: int) -> None:
    x = np.r_[np.zeros(length - 1), 1.0]
    y = np.linspace(0, 0.1, length)
    assert kept_points(x, y, 0.2, 0.2).tolist() == [0, length - 2, length - 1]
