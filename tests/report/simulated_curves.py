"""Rows, curves and histograms of simulated scores and marks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def result(model: str, label: str, level: str, metric: str, value: float | None, **more: Any) -> dict[str, Any]:
    """A row of `results`; the interval is the value plus and minus 0.06 unless given."""
    row: dict[str, Any] = {
        "model": model,
        "label": label,
        "level": level,
        "subgroup": "all",
        "metric": metric,
        "at": None,
        "value": value,
        "low": None if value is None else max(0.0, value - 0.06),
        "high": None if value is None else min(1.0, value + 0.06),
        "ci": 0.95,
        "ci_method": "bootstrap-percentile",
        "n": 120,
        "positives": 24,
        "clusters": 55,
        "dropped": 0,
    }
    return {**row, **more}


def _roc(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    thresholds = np.unique(score)[::-1]
    called = score[None, :] >= thresholds[:, None]
    return thresholds, (called & (truth == 1)).sum(1), (called & (truth == 0)).sum(1)


def score_curves(
    model: str, label: str, truth: np.ndarray, score: np.ndarray
) -> tuple[list[dict[str, Any]], float, float]:
    thresholds, tp, fp = _roc(truth, score)
    positives, negatives = int(truth.sum()), int((1 - truth).sum())
    sensitivity, false_rate = np.r_[0, tp / positives], np.r_[0, fp / negatives]
    precision = tp / (tp + fp)
    recall = tp / positives
    common = {"model": model, "label": label, "level": "breast"}
    cuts = [None, *thresholds.tolist()]
    grid = [0.0, 0.25, 0.5, 1.0]
    band = {"band_x": grid, "low": [0.1, 0.4, 0.6, 0.8], "high": [0.5, 0.8, 0.9, 1.0]}
    curves = [
        {**common, "kind": "roc", "x": false_rate.tolist(), "y": sensitivity.tolist(), "threshold": cuts, **band},
        {**common, "kind": "pr", "x": [0.0, *recall.tolist()], "y": [1.0, *precision.tolist()], "threshold": cuts},
    ]
    if label == "malignant":
        curves += _of_probabilities(common, truth, score)
    area = float(((sensitivity[1:] + sensitivity[:-1]) / 2 * np.diff(false_rate)).sum())
    return curves, area, float((np.diff(np.r_[0, recall]) * precision).sum())


def _of_probabilities(common: dict[str, Any], truth: np.ndarray, score: np.ndarray) -> list[dict[str, Any]]:
    """Reliability in fifths and net benefit at a few thresholds."""
    fifth = np.minimum((5 * score).astype(int), 4)
    bins = [fifth == k for k in range(5) if (fifth == k).any()]
    mean, share = [float(score[b].mean()) for b in bins], [float(truth[b].mean()) for b in bins]
    points = [0.05, 0.1, 0.2, 0.4, 0.8]
    benefit = [
        float(((score >= p) & (truth == 1)).mean() - ((score >= p) & (truth == 0)).mean() * p / (1 - p)) for p in points
    ]
    rate = float(truth.mean())
    return [
        {**common, "kind": "reliability", "x": mean, "y": share, "threshold": [None] * len(mean), "band_x": mean,
         "low": [max(0.0, y - 0.1) for y in share], "high": [min(1.0, y + 0.1) for y in share],
         "rows": [int(b.sum()) for b in bins], "positives": [int(truth[b].sum()) for b in bins]},
        {**common, "kind": "decision", "x": points, "y": benefit, "threshold": points,
         "treat_all": [rate - (1 - rate) * p / (1 - p) for p in points]},
    ]  # fmt: skip


def histogram(model: str, label: str, truth: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    edges = np.linspace(0, 1, 21)
    counts = {
        name: np.histogram(score[truth == value], edges)[0].tolist()
        for name, value in (("positives", 1), ("negatives", 0))
    }
    return {"model": model, "label": label, "level": "breast", "edges": edges.tolist(), **counts}


def froc_curve(
    model: str, label: str, skill: float, rng: np.random.Generator
) -> tuple[dict[str, Any], Callable[[float], float]]:
    findings, images = 41, 236
    hits = np.where(rng.random(findings) < skill, rng.beta(4, 2, findings), -1.0)
    false = rng.beta(1.5, 4, 5 * images)
    thresholds = np.unique(np.r_[hits[hits > 0], false])[::-1]
    y = np.r_[0, [(hits >= t).mean() for t in thresholds]]
    x = np.r_[0, [(false >= t).sum() / images for t in thresholds]]
    grid = np.r_[np.geomspace(0.02, 8, 40)]
    on_grid = np.array([y[x <= g].max() for g in grid])
    curve = {
        "model": model,
        "label": label,
        "level": "finding",
        "kind": "froc",
        "x": x.tolist(),
        "y": y.tolist(),
        "threshold": [None, *thresholds.tolist()],
        "band_x": grid.tolist(),
        "low": np.clip(on_grid - 0.12, 0, 1).tolist(),
        "high": np.clip(on_grid + 0.1, 0, 1).tolist(),
    }
    return curve, lambda at: float(y[x <= at].max())
