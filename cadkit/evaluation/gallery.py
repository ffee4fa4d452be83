"""The case gallery: the breasts that decide the numbers, with pictures, findings, marks and maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cadkit import metrics
from cadkit.data import Box, Circle, Finding, Image, Mask, Polygon
from cadkit.evaluation.cohort import Chosen, Rows, Scored, level_scores
from cadkit.evaluation.localizing import Annotated, FrocRule, file_shape, marks_of
from cadkit.evaluation.schema import Case, CaseFinding, CaseMark, CasePicture
from cadkit.files import atomic, safe_name

HEIGHT = 640  # of a picture at most, in pixels: 300 cases stay under 25 MiB
_MARKS_SHOWN = 20


def choose_cases(rows: Rows, each: int) -> list[tuple[str, int, Any]]:
    """(why, rank, id) of the breasts to show: best hits, worst misses, worst false alarms.

    Hits are the highest-scored positives of the upper half of all positives, misses the lowest-scored
    of the lower half, so that none is both.
    """
    score = rows.score[0]
    order = np.argsort(-score, kind="stable")
    positive = [int(i) for i in order if rows.truth[i] == 1]
    negative = [int(i) for i in order if rows.truth[i] == 0]
    half = math.ceil(len(positive) / 2)
    kinds = (
        ("hit", positive[:half][:each]),
        ("miss", positive[half:][::-1][:each]),
        ("false alarm", negative[:each]),
    )
    return [(why, rank, rows.ids[i]) for why, members in kinds for rank, i in enumerate(members, start=1)]


def cases_of(
    folder: Path,
    model: Scored,
    chosen: Chosen,
    label: str,
    rows: Rows,
    each: int,
    froc: tuple[FrocRule, Annotated, metrics.Matches] | None,
) -> list[Case]:
    """Cases of one model and label, their pictures written below `folder`."""
    return pictured(folder, model, chosen, label, choose_cases(rows, each), froc)


def pictured(
    folder: Path,
    model: Scored,
    chosen: Chosen,
    label: str,
    breasts_shown: Sequence[tuple[str, int, Any]],
    froc: tuple[FrocRule, Annotated, metrics.Matches] | None = None,
) -> list[Case]:
    """A case for every image of the breasts (why, rank, id) that are shown; pictures are written below `folder`."""
    breasts = {(breast.exam.id, breast.side): breast for breast in chosen.breasts}
    scores = level_scores(model, chosen, "breast")
    cases = []
    for why, rank, identity in breasts_shown:
        breast = breasts[identity]
        for image in breast.images:
            if not (image.prepared or image.columns.get("rows")):
                continue  # nothing is known of its frame, so nothing can be drawn
            case = _case(folder, model, chosen, label, image, scores[identity], froc)
            case["why"], case["rank"] = why, rank  # type: ignore[typeddict-item]
            cases.append(case)
    return cases


def _case(
    folder: Path,
    model: Scored,
    chosen: Chosen,
    label: str,
    image: Image,
    breast_scores: dict[str, float],
    froc: tuple[FrocRule, Annotated, metrics.Matches] | None,
) -> Case:
    labels = model.predictions.labels
    shape = file_shape(image)
    own = model.scores("image").get(image.id, {}) if model.predictions.has("image") else {}
    parts = chosen.parts(label)
    marks, detected = _marks(model, label, parts, image, froc)
    findings = [_finding(f, detected.get(f.id)) for f in chosen.data.findings_of(image.id)]
    truth = {name: image.truth(name) for name in chosen.data.meta.labels}
    if len(parts) > 1:
        truth[label], of_breast = chosen.truth(image, label), chosen.score(breast_scores, label)
        breast_scores = breast_scores if of_breast is None else {**breast_scores, label: of_breast}
    return {
        "model": model.name,
        "label": label,
        "why": "hit",
        "rank": 0,
        "image_id": image.id,
        "exam_id": image.exam.id,
        "patient_id": image.exam.patient_id,
        "side": image.side,
        "view": image.view,
        "rows": shape[0],
        "columns": shape[1],
        "spacing_mm": image.spacing_mm,
        "truth": {name: None if math.isnan(value) else value for name, value in truth.items()},
        "scores": dict(own),
        "breast_scores": dict(breast_scores),
        "picture": _picture(folder, image),
        "saliency": _maps(folder, model, image, labels),
        "findings": findings,
        "marks": marks,
        "note": ""
        if chosen.data.findings_of(image.id) or truth.get(label) != 1
        else f"no {label} finding is drawn here",
    }


def _marks(
    model: Scored,
    label: str,
    parts: Sequence[str],
    image: Image,
    froc: tuple[FrocRule, Annotated, metrics.Matches] | None,
) -> tuple[list[CaseMark], dict[str, bool]]:
    """The highest marks of an image, and which findings any mark detects."""
    if froc is None:
        return [], {}
    rule, truth, matches = froc
    found = marks_of(model, [image], label, rule, parts)
    numbers = [n for n, other in enumerate(truth.images) if other.id == image.id]
    hits: NDArray[np.bool_] = np.zeros(len(found), dtype=bool)
    detected: dict[str, bool] = {}
    if numbers:
        here = [(n, f) for n, f in enumerate(truth.findings) if f.image_id == image.id]
        detected = {f.id: bool(np.isfinite(matches.best[n])) for n, f in here}
        for _, finding in here:
            hits |= np.asarray(_hit(finding, found, rule, image), dtype=bool)
    order = np.argsort(-found.score, kind="stable")[:_MARKS_SHOWN]
    boxes = _boxes(model, parts, image)
    rows: list[CaseMark] = [
        {
            "model": model.name,
            "label": label,
            "x": float(found.x[n]),
            "y": float(found.y[n]),
            "box": boxes.get((float(found.x[n]), float(found.y[n]), float(found.score[n]))),
            "score": float(found.score[n]),
            "hit": bool(hits[n]),
        }
        for n in order
    ]
    return rows, detected


def _boxes(model: Scored, parts: Sequence[str], image: Image) -> dict[tuple[float, float, float], list[float]]:
    """Boxes of those marks of an image that have one, by point and score."""
    if model.predictions.localizes != "marks":
        return {}
    table = model.predictions.marks().filter(pl.col("label").is_in(list(parts)) & (pl.col("image_id") == image.id))
    rows = table.drop_nulls("x0").select("x", "y", "score", "x0", "y0", "x1", "y1").iter_rows()
    return {(x, y, score): list(box) for x, y, score, *box in rows}


def _hit(finding: Finding, marks: metrics.Marks, rule: FrocRule, image: Image) -> NDArray[np.bool_]:
    spacing = image.spacing_mm or math.nan
    only = metrics.Findings(np.zeros(1, dtype=np.int64), [finding.region], np.array([[spacing, spacing]]))
    matches = metrics.match(
        marks,
        only,
        rule=rule.hit,
        threshold=rule.threshold if rule.hit == "iou" and rule.threshold is not None else 0.1,
        distance=rule.threshold if rule.hit == "distance" else None,
    )
    out = np.zeros(len(marks), dtype=bool)
    out[matches.hit_mark] = True
    return out


def _finding(finding: Finding, detected: bool | None) -> CaseFinding:
    row: CaseFinding = {
        "id": finding.id,
        "label": finding.label,
        "kind": finding.kind,
        "outline": outline(finding),
    }
    if detected is not None:
        row["detected"] = detected
    return row


def outline(finding: Finding, points: int = 48) -> list[list[float]]:
    """A closed outline of a finding: exact for boxes and polygons; a mask's is the border of its pixels
    seen from its centre in `points` directions."""
    region = finding.region
    if isinstance(region, Box):
        x0, y0, x1, y1 = region.box
        return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    if isinstance(region, Polygon):
        return [[round(x, 2), round(y, 2)] for x, y in region.points]
    x, y = region.center
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    if isinstance(region, Circle):
        radius: Any = np.full(points, region.radius)
    elif isinstance(region, Mask):
        radius = _reach(region, angle)
    else:
        radius = np.full(points, 3.0)
    return [
        [round(float(u), 2), round(float(v), 2)]
        for u, v in zip(x + radius * np.cos(angle), y + radius * np.sin(angle), strict=True)
    ]


def _reach(region: Mask, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the mask's pixels reach from its centre in each direction, at least one pixel."""
    rows, columns = np.nonzero(region.pixels)
    px, py = region.affine(columns + 0.5, rows + 0.5)
    x, y = region.center
    distance, direction = np.hypot(px - x, py - y), np.arctan2(py - y, px - x) % (2 * np.pi)
    sector = (direction / (2 * np.pi) * len(angle) + 0.5).astype(int) % len(angle)
    reach = np.zeros(len(angle))
    np.maximum.at(reach, sector, distance + 0.5)
    empty = reach == 0
    if empty.any() and not empty.all():
        reach[empty] = np.interp(angle[empty], angle[~empty], reach[~empty], period=2 * np.pi)
    return np.maximum(reach, 1.0)


def _picture(folder: Path, image: Image) -> CasePicture | None:
    """The prepared picture as the file shows it, 8 bits, its brightest half per cent saturated."""
    from PIL import Image as Picture

    if not image.prepared:
        return None
    name = f"gallery/{safe_name(image.id)}.png"
    window = image.to_file.box((0, 0, image.shape[1], image.shape[0]))
    if not (folder / name).exists():
        pixels = image.raw().astype(np.float32)
        inside = pixels[pixels > 0]
        low, high = (float(v) for v in np.percentile(inside, [0.5, 99.5])) if inside.size else (0.0, 1.0)
        low = min(low, 0.9 * high)
        grey = np.where(pixels > 0, np.clip((pixels - low) / max(high - low, 1e-6), 0.0, 1.0) * 235 + 20, 0)
        if image.to_file.values[0] < 0:
            grey = grey[:, ::-1]
        picture = Picture.fromarray(np.ascontiguousarray(grey).astype(np.uint8))
        if picture.height > HEIGHT:
            size = max(1, round(picture.width * HEIGHT / picture.height)), HEIGHT
            picture = picture.resize(size, Picture.Resampling.LANCZOS)
        with atomic(folder / name) as part:
            picture.save(part, format="PNG", optimize=True)
    return {"file": name, "window": list(window)}


def _maps(folder: Path, model: Scored, image: Image, labels: Sequence[str]) -> list[dict[str, Any]]:
    """The maps of an image as small grey pictures, a cell a pixel (uneven cells are drawn evenly fine)."""
    from PIL import Image as Picture

    saliency = model.predictions.saliency(image.id)
    if saliency is None:
        return []
    values = saliency.values
    if saliency.edges is not None:
        values = _even(values, saliency.edges)
    maps = []
    for channel, label in enumerate(labels):
        # No safe name holds a plus sign, so that two maps never share a file.
        name = f"gallery/{safe_name(image.id)}+{safe_name(model.name)}+{safe_name(label)}.png"
        with atomic(folder / name) as part:
            grey = np.clip(values[channel] * 255 + 0.5, 0, 255).astype(np.uint8)
            Picture.fromarray(grey).save(part, format="PNG", optimize=True)
        maps.append(
            {"label": label, "file": name, "window": list(saliency.window), "maximum": float(values[channel].max())}
        )
    return maps


def _even(
    values: NDArray[np.float32], edges: tuple[NDArray[np.float64], NDArray[np.float64]], most: int = 256
) -> NDArray[np.float32]:
    """A map of uneven cells on an even grid of at most `most` cells a side, for drawing."""
    picked = []
    for axis_edges in edges:
        cells = min(most, 4 * (len(axis_edges) - 1))
        centres = np.linspace(axis_edges[0], axis_edges[-1], 2 * cells + 1)[1::2]
        picked.append(np.clip(np.searchsorted(axis_edges, centres, side="right") - 1, 0, len(axis_edges) - 2))
    return values[:, picked[0]][:, :, picked[1]]
