"""Curves as figures need them: grouped, thinned, with the counts that turn a point into a table of four."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from cadkit.evaluation.schema import CurveKind, CurveRow, Report, ResultRow
from cadkit.evaluation.thinning import at_points, kept_points
from cadkit.report import wording
from cadkit.report.reading import OF_MODEL, is_chance, model_order, whole
from cadkit.report.tables import slug

DRAWN = ("roc", "pr", "froc", "reliability", "decision")
OF_PROBABILITIES = ("reliability", "decision")
# How near to the line a point lies that the page leaves out of a curve, and how far apart points stay on a straight
# run, where the operating point is moved: in parts of an axis of 300 pixels.
_CLOSE, _STEP = 0.001, 0.0025
_FPI_ENDS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
_SHARE_ENDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_RARE = 0.02  # prevalence
_LEGEND = {
    "roc": ("auc", None), "pr": ("prauc", None), "froc": ("froc_sensitivity", 1.0), "reliability": ("ece", None),
    "decision": ("net_benefit", None),
}  # fmt: skip
_WORDS = {
    "roc": "ROC curve",
    "pr": "Precision-recall curve",
    "froc": "FROC curve",
    "reliability": "Reliability",
    "decision": "Decision curve",
}
# Of both only the curve over all images is drawn.
_FP_IMAGES = {"both": ", false positives over all images", "normal": ", false positives over normal images"}


@dataclass(frozen=True)
class Series:
    """One model's curve in a figure.

    Attributes:
        model: its name.
        legend: name, value and interval.
        index: place of the model among all of the report, of random marks that of their model: decides the colour.
        chance: random marks: dotted in the colour of their model, grey where they are those of all.
        curve: its points, thinned.
        n, positives: denominators of x (with `positives`, for ROC: negatives = n - positives) and y.
        marked: points that the tables give, as (x, y).
        beyond: those of `marked` behind the end of the curve, at its last sensitivity.
    """

    model: str
    legend: str
    index: int
    chance: bool
    curve: CurveRow
    n: int
    positives: int
    marked: tuple[tuple[float, float], ...] = ()
    beyond: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Figure:
    """All curves of one kind, label and level.

    Attributes:
        name: of its files and of its element in the page.
        end: of the x axis.
        title: kind, label and level in words.
        curves: all points, as in the result.
    """

    name: str
    kind: CurveKind
    label: str
    level: str
    end: float
    title: str
    series: list[Series]
    curves: list[CurveRow]


def figures_of(report: Report) -> list[Figure]:
    """The figures of curves, label by label: the breasts' and the FROC's first, those of probabilities last."""
    groups: dict[tuple[str, str, CurveKind], list[CurveRow]] = {}
    for curve in report["curves"]:
        if curve["kind"] in DRAWN and curve["x"]:
            groups.setdefault((curve["label"], curve["level"], curve["kind"]), []).append(curve)
    labels = list(dict.fromkeys(label for label, _, _ in groups))
    later = {"exam": 1, "image": 2}
    ordered = sorted(
        groups,
        key=lambda key: (
            labels.index(key[0]),
            key[2] in OF_PROBABILITIES,
            0 if key[2] == "froc" else later.get(key[1], 0),
            DRAWN.index(key[2]),
        ),
    )
    names: set[str] = set()
    return [_figure(report, key, groups[key], names) for key in ordered]


def _figure(report: Report, key: tuple[str, str, CurveKind], curves: list[CurveRow], names: set[str]) -> Figure:
    label, level, kind = key
    name = base = f"{kind}-{slug(label)}-{slug(level)}"
    while name in names:
        name = f"{base}-{len(names)}"
    names.add(name)
    order = model_order(report)
    curves = sorted(curves, key=lambda curve: order.index(curve["model"]))
    per = f"per {level}" if kind == "froc" else f"{level} level"
    end = _end(kind, curves)
    series = [_series(report, curve, order.index(_owner(curve["model"], order)), end) for curve in curves]
    images = (report["settings"].get("froc") or {}).get("fp_images") if kind == "froc" else ""
    over = _FP_IMAGES.get(images or "", "")
    return Figure(name, kind, label, level, end, f"{_WORDS[kind]}, {label}, {per}{over}", series, curves)


def _owner(model: str, models: Sequence[str]) -> str:
    """The model itself; of random marks the model whose they are, where they are of one."""
    owner = model.removeprefix(OF_MODEL)
    return owner if is_chance(model) and owner in models else model


def _end(kind: CurveKind, curves: list[CurveRow]) -> float:
    """Where the x axis ends: at a round number behind which nothing is to be seen."""
    if kind == "froc":
        most = max(max(curve["x"]) for curve in curves)
        return next((one for one in _FPI_ENDS if one >= most), _FPI_ENDS[-1])
    if kind == "reliability":
        most = max(max(*curve["x"], *curve.get("high", curve["y"])) for curve in curves)
        return next((one for one in _SHARE_ENDS if one >= most), 1.0)
    if kind == "decision":
        top = max(max(*curve["y"], *curve.get("treat_all", curve["y"])) for curve in curves)
        # Of rare positives the benefit at high thresholds is that of a few cases, and would fill the figure.
        least = (0.2 if top < _RARE else 0.02) * top
        useful = [x for curve in curves for x, y in zip(curve["x"], curve["y"], strict=True) if y > least]
        # Calling all has no benefit above a threshold of the prevalence, which is its benefit at 0.
        most = max(*useful, 2 * top) if useful else 1.0
        return next((one for one in _SHARE_ENDS if one >= most), 1.0)
    return 1.0


def _series(report: Report, curve: CurveRow, index: int, end: float) -> Series:
    metric, at = _LEGEND[curve["kind"]]
    rows = [
        row
        for row in whole(report["results"])
        if (row["model"], row["label"], row["level"]) == (curve["model"], curve["label"], curve["level"])
    ]
    row = next((row for row in rows if row["metric"] == metric and row["at"] == at), None)
    stated = [row for row in rows if row["metric"] in ("sensitivity", "specificity") and row["at"] is not None]
    denominators = row or next((row for row in rows if row["metric"] == metric), None)
    marked = [
        row
        for row in rows
        if curve["kind"] == "froc" and row["metric"] == "froc_sensitivity" and not row.get("given")
        and row["at"] is not None and row["value"] is not None and row["at"] <= end
    ]  # fmt: skip
    return Series(
        model=curve["model"],
        legend=_legend(curve, row),
        index=index,
        chance=is_chance(curve["model"]),
        curve=with_stated(for_page(curve, end, {row["at"] for row in stated}), stated),
        n=denominators["n"] if denominators else 0,
        positives=(denominators["positives"] or 0) if denominators else 0,
        marked=_places(marked),
        beyond=_places([row for row in marked if "beyond" in row.get("flags", [])]),
    )


def _places(rows: Sequence[ResultRow]) -> tuple[tuple[float, float], ...]:
    return tuple((row["at"], row["value"]) for row in rows if row["at"] is not None and row["value"] is not None)


def _legend(curve: CurveRow, row: ResultRow | None) -> str:
    if row is None or row["value"] is None:
        return curve["model"]
    if is_chance(curve["model"]):
        return f"{curve['model']}: {wording.number(row['value'])} at 1 FPI"
    between = wording.interval(row["low"], row["high"])
    value = wording.number(row["value"]) + (f" ({between})" if between else "")
    words = {"roc": f"AUC {value}", "pr": f"PRAUC {value}", "froc": f"{value} at 1 FPI", "reliability": f"ECE {value}"}
    return f"{curve['model']}: {words.get(curve['kind'], value)}"


def with_stated(curve: CurveRow, rows: list[ResultRow]) -> CurveRow:
    """An ROC curve with a point at each threshold that the results judge the model at, as they give it.

    Of a curve that was thinned the points next to a threshold may call some cases more or fewer.
    """
    if curve["kind"] != "roc":
        return curve
    found: dict[float, dict[str, float]] = {}
    for row in rows:
        if row["at"] is not None and row["value"] is not None:
            found.setdefault(row["at"], {}).setdefault(row["metric"], row["value"])
    known = set(curve["threshold"])
    new = [(at, one) for at, one in found.items() if len(one) == 2 and at not in known]
    points = [
        *zip(curve["threshold"], curve["x"], curve["y"], strict=True),
        *((at, 1 - one["specificity"], one["sensitivity"]) for at, one in new),
    ]
    points.sort(key=lambda point: -math.inf if point[0] is None else -point[0])
    cuts, x, y = (list(column) for column in zip(*points, strict=True))
    return {**curve, "threshold": cuts, "x": x, "y": y}


def for_page(curve: CurveRow, end: float, stated: Collection[float | None] = ()) -> CurveRow:
    """The curve through some of its points, as drawn within a thousandth of the axes of the whole curve.

    Of a FROC those beyond `end` go, except the first of them, so that the line leaves the picture. Both ends are kept,
    and the points at `stated` thresholds.
    """
    if curve["kind"] in OF_PROBABILITIES:
        return curve
    x, y = np.asarray(curve["x"], dtype=np.float64), np.asarray(curve["y"], dtype=np.float64)
    beyond = np.flatnonzero(x > end)
    count = int(beyond[0]) + 1 if len(beyond) and curve["kind"] == "froc" else len(x)
    kept = set(kept_points(x[:count] / end, y[:count], _CLOSE, _STEP).tolist())
    named = {n for n, cut in enumerate(curve["threshold"][:count]) if cut is not None and cut in stated}
    return at_points(curve, sorted(kept | named))
