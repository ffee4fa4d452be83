"""A report as an evaluation writes it: simulated scores, marks and pictures, without the evaluation's code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.report.simulated_cases import case
from tests.report.simulated_curves import froc_curve, histogram, result, score_curves

EXAMS = 60


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
            made, auc, prauc = score_curves(model, label, truth, score)
            table["scores"][model] = score.tolist()
            histograms.append(histogram(model, label, truth, score))
            froc, at = froc_curve(model, label, 0.85 - 0.15 * order, rng)
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
                (f"random marks as {model}", *froc_curve(f"random marks as {model}", label, 0.2, rng)),
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
                    cases += [case(folder, number, model, label, why, rank, view, rng) for view in ("CC", "MLO")]
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
                "text": "FROC, benign: 4 images left out: the breast is benign, but no finding is drawn.",
            },
        ],
    }
    write(folder, report)
    return report


def write(folder: Path, report: dict[str, Any]) -> None:
    (folder / "report.json").write_text(json.dumps(report, allow_nan=False), encoding="utf-8")
