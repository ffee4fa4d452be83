"""Simulated cases of a gallery: a picture, a finding, marks and a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROWS, COLUMNS = 3328, 2560


def _picture(folder: Path, name: str, side: str, rng: np.random.Generator) -> list[float]:
    rows, columns = 640, 400
    v, u = np.mgrid[0:rows, 0:columns]
    inside = (u / columns) ** 2 + ((v - rows / 2) / (rows / 2)) ** 2 < 0.94
    noise = rng.normal(size=(rows // 40, columns // 40))
    smooth = np.asarray(Image.fromarray(noise.astype(np.float32)).resize((columns, rows), Image.Resampling.BICUBIC))
    grey = np.where(inside, np.clip(105 + 28 * smooth + rng.normal(0, 4, inside.shape), 20, 255), 0).astype(np.uint8)
    Image.fromarray(grey if side == "L" else np.ascontiguousarray(grey[:, ::-1])).save(folder / name)
    return [0.0, 64.0, 2000.0, 3264.0] if side == "L" else [560.0, 64.0, 2560.0, 3264.0]


def case(
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
