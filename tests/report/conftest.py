"""A report as an evaluation writes it: simulated scores, marks and pictures, without the evaluation's code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cadkit.report import write_report

ROWS, COLUMNS = 3328, 2560
EXAMS = 60


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


def _curves(model: str, label: str, truth: np.ndarray, score: np.ndarray) -> tuple[list[dict[str, Any]], float, float]:
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


def _histogram(model: str, label: str, truth: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    edges = np.linspace(0, 1, 21)
    counts = {
        name: np.histogram(score[truth == value], edges)[0].tolist()
        for name, value in (("positives", 1), ("negatives", 0))
    }
    return {"model": model, "label": label, "level": "breast", "edges": edges.tolist(), **counts}


def _froc(
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


def _picture(folder: Path, name: str, side: str, rng: np.random.Generator) -> list[float]:
    rows, columns = 640, 400
    v, u = np.mgrid[0:rows, 0:columns]
    inside = (u / columns) ** 2 + ((v - rows / 2) / (rows / 2)) ** 2 < 0.94
    noise = rng.normal(size=(rows // 40, columns // 40))
    smooth = np.asarray(Image.fromarray(noise.astype(np.float32)).resize((columns, rows), Image.Resampling.BICUBIC))
    grey = np.where(inside, np.clip(105 + 28 * smooth + rng.normal(0, 4, inside.shape), 20, 255), 0).astype(np.uint8)
    Image.fromarray(grey if side == "L" else np.ascontiguousarray(grey[:, ::-1])).save(folder / name)
    return [0.0, 64.0, 2000.0, 3264.0] if side == "L" else [560.0, 64.0, 2560.0, 3264.0]


def _case(
    folder: Path, number: int, model: str, label: str, why: str, rank: int, view: str, rng: np.random.Generator
) -> dict[str, Any]:
    side = "LR"[rank % 2]
    image = f"img-{number:04d}-{side}-{view}"
    window = _picture(folder, f"gallery/{image}.png", side, rng)
    cx, cy = float(rng.uniform(window[0] + 500, window[2] - 500)), float(rng.uniform(1000, 2400))
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = 170 * (1 + 0.15 * np.cos(3 * angle))
    outline = [[float(cx + r * np.cos(a)), float(cy + r * np.sin(a))] for r, a in zip(radius, angle, strict=True)]
    positive = why != "false alarm"
    saliency = np.zeros((52, 32), dtype=np.float64)
    peaks = [
        (float(rng.uniform(window[0] + 300, window[2] - 300)), float(rng.uniform(700, 2700)), float(s))
        for s in np.sort(rng.beta(1.2, 4, 8))[::-1]
    ]
    marks = [
        {"model": model, "label": label, "x": x, "y": y, "box": None, "score": s, "hit": False} for x, y, s in peaks
    ]
    if why == "hit":
        marks.append(
            {
                "model": model,
                "label": label,
                "x": cx + 40,
                "y": cy - 30,
                "box": [cx - 150, cy - 160, cx + 170, cy + 160],
                "score": 0.93,
                "hit": True,
            }
        )
    v, u = np.mgrid[0:52, 0:32]
    for mark in marks:
        column = (mark["x"] - window[0]) / 2000 * 32
        row = (mark["y"] - window[1]) / 3200 * 52
        saliency = np.maximum(saliency, mark["score"] * np.exp(-((u - column) ** 2 + (v - row) ** 2) / 8))
    Image.fromarray((255 * saliency).astype(np.uint8)).save(folder / f"gallery/{image}-{model}-{label}.png")
    return {
        "model": model,
        "label": label,
        "why": why,
        "rank": rank,
        "image_id": image,
        "exam_id": f"E{number:05d}",
        "patient_id": f"P{number:05d}",
        "side": side,
        "view": view,
        "rows": ROWS,
        "columns": COLUMNS,
        "spacing_mm": 0.07,
        "truth": {label: 1.0 if positive else 0.0},
        "scores": {label: float(rng.random())},
        "breast_scores": {"malignant": 0.02 if why == "miss" else 0.91, "benign": 0.31},
        "picture": {"file": f"gallery/{image}.png", "window": window},
        "saliency": [
            {
                "label": label,
                "file": f"gallery/{image}-{model}-{label}.png",
                "window": window,
                "maximum": float(saliency.max()),
            }
        ],
        "findings": [{"id": f"F{number}", "label": label, "kind": "mass", "outline": outline, "detected": why == "hit"}]
        if positive
        else [],
        "marks": marks,
        "note": "",
    }


def build(folder: Path, each: int = 1, models: tuple[str, ...] = ("gmic-1", "peak-scan")) -> dict[str, Any]:
    """Write `folder/report.json` and the gallery; `each` exams per model, label and kind of case."""
    rng = np.random.default_rng(16)
    (folder / "gallery").mkdir(parents=True)
    results, curves, cases, histograms, units = [], [], [], [], []
    number = 0
    breasts = [(f"E{exam:05d}", side) for exam in range(1, EXAMS + 1) for side in "LR"]
    for label, share in (("malignant", 0.2), ("benign", 0.3)):
        truth = (rng.random(120) < share).astype(int)
        shown = {"positives": int(truth.sum())}
        table: dict[str, Any] = {
            "label": label,
            "level": "breast",
            "ids": {"exam_id": [exam for exam, _ in breasts], "side": [side for _, side in breasts]},
            "truth": truth.tolist(),
            "scores": {},
        }
        units.append(table)
        for order, model in enumerate(models):
            score = 1 / (1 + np.exp(-rng.normal((2.2 - 0.9 * order) * truth - 2, 1.2)))
            made, auc, prauc = _curves(model, label, truth, score)
            table["scores"][model] = score.tolist()
            histograms.append(_histogram(model, label, truth, score))
            froc, at = _froc(model, label, 0.85 - 0.15 * order, rng)
            curves += [*made, froc]
            results += [
                result(model, label, "breast", "auc", auc, **shown),
                result(model, label, "breast", "prauc", prauc, **shown),
                *(
                    result(model, label, "breast", "auc", auc - 0.03, subgroup=f"density {name}", n=60, positives=9)
                    for name in "AB"
                    if label == "malignant"
                ),
            ]
            for name, curve, read in (
                (model, froc, at),
                (f"random marks as {model}", *_froc(f"random marks as {model}", label, 0.2, rng)),
            ):
                if curve is not froc:
                    curves.append(curve)
                for rate in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0):
                    flags = {"flags": ["beyond"]} if rate > curve["x"][-1] else {}
                    results.append(
                        result(
                            name,
                            label,
                            "finding",
                            "froc_sensitivity",
                            read(rate),
                            at=rate,
                            n=236,
                            positives=41,
                            **flags,
                        )
                    )
            if label == "benign" and order:
                reason = {"reason": "no image with a value", "ci": None, "ci_method": None, "positives": None, "n": 0}
                results += [result(model, label, "image", name, None, **reason) for name in ("dice_soft", "pxap")]
            else:
                results.append(result(model, label, "image", "dice_soft", 0.331, n=38, positives=None, sd=0.18))
                results.append(result(model, label, "image", "pxap", 0.402, n=38, positives=None, sd=0.21))
            for why in ("hit", "miss", "false alarm"):
                for rank in range(1, each + 1):
                    number += 1
                    cases += [_case(folder, number, model, label, why, rank, view, rng) for view in ("CC", "MLO")]
    report = {
        "schema": "cadkit.report/1",
        "created": "2026-11-21T14:30:00+00:00",
        "cadkit": "0.1.0",
        "command": "cadkit evaluate runs/gmic-1 peak-scan --data phantom --froc",
        "seed": 7,
        "inputs": [
            {"kind": "dataset", "name": "phantom", "fingerprint": "0b5d1f9e7cbb4f6b9d3a6b0c1d2e3f40"},
            *({"kind": "predictions", "name": name, "fingerprint": "9f" * 16} for name in models),
        ],
        "settings": {
            "split": "test",
            "levels": ["breast"],
            "labels": [],
            "bootstrap": 2000,
            "prevalence": 0.006,
            "interval": "percentile",
            "ci": 0.95,
            "seed": 7,
            "froc": {
                "hit": "center",
                "threshold": None,
                "duplicates": "ignore",
                "other_findings": "false",
                "fp_images": "all",
                "unit": "finding",
                "unannotated": "exclude",
                "floor": 0.0,
                "nms_mm": 0.0,
            },
        },
        "cohort": {
            "split": "test",
            "patients": 55,
            "steps": [
                {"step": "in the dataset", "exams": 300, "breasts": 600, "images": 1196, "reason": ""},
                {
                    "step": "in the split test",
                    "exams": 61,
                    "breasts": 122,
                    "images": 243,
                    "reason": "the other splits were for learning",
                },
                {
                    "step": "answered by gmic-1",
                    "exams": 60,
                    "breasts": 120,
                    "images": 239,
                    "reason": "skipped by the model",
                },
                {"step": "answered by peak-scan", "exams": 60, "breasts": 120, "images": 239, "reason": ""},
            ],
            "left_out": [
                {"level": "exam", "id": "E00231", "reason": "no MLO view of the left breast", "model": "gmic-1"},
                {
                    "level": "image",
                    "id": "img-0199-L-CC",
                    "reason": "the store has no picture of it",
                    "model": "gmic-1",
                },
            ],
            "positives": {"breast": {"malignant": 24, "benign": 36}, "exam": {"malignant": 22, "benign": 31}},
        },
        "models": [
            {
                "name": name,
                "kind": "run",
                "labels": ["malignant", "benign"],
                "source": f"runs/{name}",
                "scores": "risk",
                "localizes": "saliency",
                "pooling": {"views": "mean", "breasts": "max"},
            }
            for name in models
        ],
        "results": results,
        "comparisons": [
            {
                "a": models[0],
                "b": models[-1],
                "label": "malignant",
                "level": "breast",
                "subgroup": "all",
                "metric": "auc",
                "at": None,
                "difference": 0.072,
                "low": -0.011,
                "high": 0.151,
                "p": 0.083,
                "p_adjusted": None,
                "method": "bootstrap",
                "flags": [],
            },
            {
                "a": models[0],
                "b": models[-1],
                "label": "malignant",
                "level": "finding",
                "subgroup": "all",
                "metric": "froc_sensitivity",
                "at": 1.0,
                "difference": -0.02,
                "low": -0.1,
                "high": 0.04,
                "p": 0.0004,
                "p_adjusted": 0.0008,
                "method": "bootstrap",
                "flags": [],
            },
        ],
        "curves": curves,
        "histograms": histograms,
        "units": units,
        "cases": cases,
        "warnings": [
            {
                "id": "few-breast-malignant",
                "text": "malignant, breast level: only 24 positives; intervals from so few are rough.",
            },
            {
                "id": "froc-excluded",
                "text": "FROC, benign: 4 image(s) left out: the breast is benign, but no finding is drawn.",
            },
        ],
    }
    write(folder, report)
    return report


def write(folder: Path, report: dict[str, Any]) -> None:
    (folder / "report.json").write_text(json.dumps(report, allow_nan=False), encoding="utf-8")


@pytest.fixture(scope="session")
def build_report() -> Callable[..., dict[str, Any]]:
    return build


@pytest.fixture(scope="session")
def write_result() -> Callable[[Path, dict[str, Any]], None]:
    return write


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder whose report was drawn, and its result; for reading only."""
    folder = tmp_path_factory.mktemp("drawn") / "report"
    report = build(folder)
    write_report(folder)
    return folder, report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a result and its gallery: two models, two labels, 24 images."""
    build(tmp_path / "report")
    return tmp_path / "report"
