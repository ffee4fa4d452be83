"""Curves of many points: every one of them as CSV, and in report.json those that draw it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from cadkit.evaluation.schema import CurveRow, Report, Warning_
from cadkit.files import atomic, safe_name, spreadsheet_text

FOLDER = "curves"
CLOSE = 0.0002  # of an axis: how near a point that is left out lies to the line that is drawn
STEP = 0.002  # of an axis: how far apart the points stay that are kept of a straight run
_OF_MARKS_OR_SCORES = ("roc", "pr", "froc")
_MOST = 1_000_000  # points of a CSV

FloatArray = npt.NDArray[np.float64]


def keep_curves(folder: Path, report: Report) -> None:
    """Write every point of the ROC, precision-recall and FROC curves to `folder/curves`; keep those that draw them.

    The curves of `report` are changed. A point whose threshold is the `at` of a sensitivity or specificity of its
    results is kept. CSV files of an earlier report are removed; one of more than a million points is not written, which
    a warning of the report says.
    """
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    stated: dict[tuple[str, str, str], set[float | None]] = {}
    for row in report["results"]:
        if row["metric"] in ("sensitivity", "specificity"):
            stated.setdefault((row["model"], row["label"], row["level"]), set()).add(row["at"])
    files: dict[str, list[CurveRow]] = {}
    for place, curve in enumerate(report["curves"]):
        if curve["kind"] in _OF_MARKS_OR_SCORES:
            files.setdefault(safe_name(f"{curve['kind']}-{curve['label']}-{curve['level']}"), []).append(curve)
            named = stated.get((curve["model"], curve["label"], curve["level"]), ())
            report["curves"][place] = thinned(curve, named)
    long = [name for name, rows in files.items() if sum(len(row["x"]) for row in rows) > _MOST]
    for name in files.keys() - set(long):
        _write(folder / FOLDER / f"{name}.csv", files[name])
    if long:
        text = f"Curves of more than {_MOST:,} points are not written to {FOLDER}/: {', '.join(long)}."
        report["warnings"].append(Warning_(id="curves-not-written", text=text))


def _write(path: Path, curves: Iterable[CurveRow]) -> None:
    """Model, x, y and threshold of every point; the threshold above all scores is empty."""
    frames = [
        pl.DataFrame(
            {
                "model": [spreadsheet_text(one["model"])] * len(one["x"]),
                **{name: one[name] for name in ("x", "y", "threshold")},
            },
            schema={"model": pl.String, "x": pl.Float64, "y": pl.Float64, "threshold": pl.Float64},
        )
        for one in curves
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as part:
        pl.concat(frames).write_csv(part)


def thinned(curve: CurveRow, stated: Collection[float | None] = ()) -> CurveRow:
    """The curve through some of its points, its first and last and those of `stated` thresholds among them.

    As it is drawn it stays within 0.0002 of the whole curve on both axes; of more than one false positive per image,
    within 0.02% of them. Straight pieces are exact; on them points stand at most 0.002 apart.
    """
    x, y = np.asarray(curve["x"], dtype=np.float64), np.asarray(curve["y"], dtype=np.float64)
    if curve["kind"] == "froc":
        x = fpi_scale(x)
    kept = set(kept_points(x, y, CLOSE, STEP).tolist())
    named = {n for n, cut in enumerate(curve["threshold"]) if cut is not None and cut in stated}
    return at_points(curve, sorted(kept | named))


def fpi_scale(fpi: FloatArray) -> FloatArray:
    """False positives per image up to one, and their logarithm above, where a difference counts by its share."""
    return np.where(fpi <= 1, fpi, 1 + np.log(np.maximum(fpi, 1)))


def at_points(curve: CurveRow, points: Sequence[int]) -> CurveRow:
    """The curve through the points of these numbers; its band and what else it has stay."""
    return {
        **curve,
        "x": [curve["x"][n] for n in points],
        "y": [curve["y"][n] for n in points],
        "threshold": [curve["threshold"][n] for n in points],
    }


def kept_points(x: FloatArray, y: FloatArray, close: float, step: float) -> npt.NDArray[np.intp]:
    """Numbers of points that draw a curve, by lines or by steps, within `close` of itself on both axes.

    From a point that is kept, the next is the last one such that all between lie in one box of side `close`, or on one
    line along an axis of length `step`. In the box lies what is drawn as well, by whatever rule; the line is exact.
    """
    kept = [0] if len(x) else []
    while kept and kept[-1] < len(x) - 1:
        at = kept[-1]
        reach = (_reach(x, y, at, *box) for box in ((close, close), (0.0, step), (step, 0.0)))
        kept.append(max(at + 1, *reach))
    return np.array(kept, dtype=np.intp)


def _reach(x: FloatArray, y: FloatArray, at: int, width: float, height: float) -> int:
    """The last point such that all from `at` on lie in one box."""
    size = 64
    while True:
        u, v = x[at : at + size], y[at : at + size]
        fits = (_range(u) <= width) & (_range(v) <= height)
        if not fits[-1]:
            return at + int(np.argmin(fits)) - 1
        if at + size >= len(x):
            return len(x) - 1
        size *= 4


def _range(values: FloatArray) -> FloatArray:
    """Of the first, the first two, the first three, ... values."""
    spread: FloatArray = np.maximum.accumulate(values) - np.minimum.accumulate(values)
    return spread
