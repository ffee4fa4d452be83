"""Figures of a reader study, drawn from report.json alone: those of Shen et al. (2021) and Wu et al. (2019).

- curves: Shen's Fig. 4 and Wu's Fig. 7, six panels for each model;
- lambda: Shen's Fig. 5 and Wu's Fig. 8, areas along the sweep of lambda, diamonds at lambda*;
- distributions: Shen's Fig. 6, largest areas and lambda* of all readers;
- ensembles: Wu's Fig. S2;
- simplex: Shen's Fig. 12, for three models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from cadkit.evaluation.schema import CurveRow, Report, ResultRow
from cadkit.reader_study.work import (
    CONSENSUS,
    MEAN,
    READER_ENSEMBLE,
    Section,
    SimplexRow,
    hybrid_ensemble_name,
    hybrid_name,
)
from cadkit.report import wording
from cadkit.report.simplex_figure import simplex_spec
from cadkit.report.style import DASHES, PALETTE
from cadkit.report.tables import Table, slug

SIDE = 225
_MANY = "#9AA1A7"
_RING = "#5F666C"
_BLUE = PALETTE[0]
_ORANGE = PALETTE[1]
_APART = {"scale": {"color": "independent", "strokeDash": "independent", "shape": "independent"}}
_MOST_COMPARED = 5  # models of panel (c); of more, only the figure's own
_AXES = {
    "roc": ("False-positive rate (1 \u2212 specificity)", "Sensitivity"),
    "pr": ("Recall (sensitivity)", "Precision"),
}
_AREA = {"roc": "auc", "pr": "prauc"}
_STEP = {"roc": "linear", "pr": "step-before"}
_TITLE = {"auc": "AUC", "prauc": "PRAUC"}


@dataclass(frozen=True)
class StudyFigure:
    """A figure: its file's name, the words above and below it, its specification with its data, the data as a table."""

    name: str
    title: str
    caption: str
    spec: dict[str, Any]
    table: Table


def study_figures(report: Report) -> list[StudyFigure]:
    """Every figure of a reader study, in the order of the page."""
    if "sweeps" not in report.get("reader_study", {}):
        return []
    section = cast(Section, report.get("reader_study"))
    found: list[StudyFigure] = []
    if section["models"]:
        found += [_curves(report, section, model) for model in section["models"]]
        found += [_lambda(section, model) for model in section["models"]]
        if len(section["readers"]) > 1:
            found.append(_distributions(section))
        found += [_ensembles(report, model) for model in section["models"]]
    else:
        found.append(_readers_alone(report, section))
    found += [_simplex(report, one) for one in section["simplex"] if len(one["models"]) == 3]
    return found


def area_of(report: Report, model: str, metric: str) -> ResultRow | None:
    """The row of a model's AUC or PRAUC at the weight named beforehand."""
    rows = (row for row in report["results"] if row["model"] == model and row["metric"] == metric)
    return next((row for row in rows if row.get("given", {}).get("lambda") != "lambda*"), None)


def area_text(report: Report, model: str, metric: str) -> str:
    """`AUC 0.778 ± 0.044` (mean and sd over readers) or `AUC 0.891`."""
    row = area_of(report, model, metric)
    if row is None or row["value"] is None:
        return _TITLE[metric]
    spread = row.get("sd")
    return f"{_TITLE[metric]} {wording.number(row['value'])}" + (
        f" \u00b1 {wording.number(spread)}" if spread is not None else ""
    )


def _points(report: Report, model: str, kind: str, series: str = "") -> list[dict[str, Any]]:
    curve = next(one for one in report["curves"] if one["model"] == model and one["kind"] == kind)
    pairs = zip(curve["x"], curve["y"], strict=True)
    return [{"i": i, "series": series or model, "x": round(x, 5), "y": round(y, 5)} for i, (x, y) in enumerate(pairs)]


def _panel(title: str, kind: str, layers: list[dict[str, Any]], side: int = SIDE) -> dict[str, Any]:
    x_title, y_title = _AXES[kind]
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    axis = {"values": ticks, "format": ".1f"}
    x = {"field": "x", "type": "quantitative", "title": x_title, "scale": {"domain": [0, 1]}, "axis": axis}
    y = {"field": "y", "type": "quantitative", "title": y_title, "scale": {"domain": [0, 1]}, "axis": axis}
    for layer in layers:
        layer["encoding"] = {"x": x, "y": y, **layer.get("encoding", {})}
    return {"width": side, "height": side, "title": title, "layer": layers}


def _many(data: str, kind: str) -> dict[str, Any]:
    """One thin grey line for each of several readers or hybrids."""
    return {
        "data": {"name": data},
        "mark": {"type": "line", "strokeWidth": 0.9, "color": _MANY, "opacity": 0.75, "interpolate": _STEP[kind]},
        "encoding": {"detail": {"field": "series"}, "order": {"field": "i"}},
    }


def _one(data: str, kind: str) -> dict[str, Any]:
    """The average, thick and blue."""
    return {
        "data": {"name": data},
        "mark": {"type": "line", "strokeWidth": 2.6, "color": _BLUE, "interpolate": _STEP[kind]},
        "encoding": {"order": {"field": "i"}},
    }


def _named(data: str, kind: str, names: Sequence[str], where: str = "right") -> dict[str, Any]:
    """Lines that a legend names by colour and dash."""
    legend = {
        "orient": where, "direction": "vertical", "columns": 1, "title": None, "labelLimit": 0, "symbolSize": 260,
        "symbolStrokeWidth": 2,
    }  # fmt: skip
    colours = [PALETTE[number % len(PALETTE)] for number in range(len(names))]
    dashes = [list(DASHES[number % len(DASHES)]) for number in range(len(names))]
    return {
        "data": {"name": data},
        "mark": {"type": "line", "strokeWidth": 2, "interpolate": _STEP[kind]},
        "encoding": {
            "color": {"field": "series", "type": "nominal", "scale": {"domain": list(names), "range": colours},
                      "legend": legend},
            "strokeDash": {"field": "series", "type": "nominal", "scale": {"domain": list(names), "range": dashes},
                           "legend": legend},
            "order": {"field": "i"},
        },
    }  # fmt: skip


def _operating(data: str) -> dict[str, Any]:
    """Readers' binary reads as small rings, their mean as a diamond, the consensus as a square."""
    names = ["reader", "mean of readers", "consensus"]
    legend = {"orient": "bottom-right", "title": None, "labelLimit": 0, "padding": 3}

    def by(channel: list[str]) -> dict[str, Any]:
        scale = {"domain": names, "range": channel}
        return {"field": "what", "type": "nominal", "scale": scale, "legend": legend}

    return {
        "data": {"name": data},
        "mark": {"type": "point", "filled": True, "opacity": 1, "stroke": "white", "strokeWidth": 0.6},
        "encoding": {
            "shape": by(["circle", "diamond", "square"]),
            "color": by([_RING, _ORANGE, _ORANGE]),
            "size": {"condition": {"test": "datum.what === 'reader'", "value": 30}, "value": 85},
        },
    }


def _reads(section: Section) -> list[dict[str, Any]]:
    what = {MEAN: "mean of readers", CONSENSUS: "consensus"}
    return [
        {"what": what.get(name, "reader"), "x": round(1 - specificity, 5), "y": round(sensitivity, 5)}
        for name, (sensitivity, specificity) in section["operating"].items()
    ]


def _finished(panels: dict[str, Any], data: dict[str, list[dict[str, Any]]], description: str) -> dict[str, Any]:
    return {**panels, "resolve": _APART, "datasets": data, "description": description}


def _curves(report: Report, section: Section, model: str) -> StudyFigure:
    readers, hybrid = section["readers"], hybrid_name(model)
    compared = section["models"] if len(section["models"]) <= _MOST_COMPARED else [model]
    data: dict[str, list[dict[str, Any]]] = {"reads": _reads(section)}
    rows = []
    for kind, star in (("roc", ""), ("pr", "*")):
        area = _AREA[kind]
        data[f"readers-{kind}"] = [row for name in readers for row in _points(report, name, kind)]
        data[f"mean-{kind}"] = _points(report, MEAN, kind)
        data[f"hybrids-{kind}"] = [
            row for name in readers for row in _points(report, hybrid_name(model, name), kind, name)
        ]
        data[f"hybrid-{kind}"] = _points(report, hybrid, kind)
        legends = {name: f"{name}: {area_text(report, name, area)}" for name in compared}
        legends[MEAN] = f"average reader: {area_text(report, MEAN, area)}"
        legends[hybrid] = f"average hybrid: {area_text(report, hybrid, area)}"
        data[f"all-{kind}"] = [row for name, words in legends.items() for row in _points(report, name, kind, words)]
        points = [_operating("reads")] if kind == "roc" and section["operating"] else []
        rows.append(
            [
                _panel(
                    f"(a{star}) {wording.plural(len(readers), 'reader')}: {area_text(report, MEAN, area)}",
                    kind,
                    [_many(f"readers-{kind}", kind), _one(f"mean-{kind}", kind), *points],
                ),
                _panel(
                    f"(b{star}) hybrids with {model}: {area_text(report, hybrid, area)}",
                    kind,
                    [_many(f"hybrids-{kind}", kind), _one(f"hybrid-{kind}", kind)],
                ),
                _panel(f"(c{star}) averages", kind, [_named(f"all-{kind}", kind, list(legends.values()))]),
            ]
        )
    title = f"Readers, hybrids and {model}"
    spec = _finished(
        {"vconcat": [{"hconcat": row, "spacing": 22, "resolve": _APART} for row in rows], "spacing": 16}, data,
        f"{title}: ROC curves (above) and precision-recall curves (below) of all readers, of their hybrids with "
        f"{model}, and of the averages.",
    )  # fmt: skip
    caption = (
        "ROC (a to c) and precision-recall curves (a* to c*). Grey: each reader, or each reader's hybrid with the "
        f"model at \u03bb = {section['weight']:g}. Blue: mean sensitivity at every false-positive rate, mean precision "
        "at every recall. Areas are means \u00b1 sd over readers."
    )
    return StudyFigure(f"curves-{slug(model)}", title, caption, spec, _curve_table(report, f"curves-{slug(model)}", [
        *readers, MEAN, *(hybrid_name(model, name) for name in readers), hybrid, *compared,
    ]))  # fmt: skip


def _readers_alone(report: Report, section: Section) -> StudyFigure:
    data: dict[str, list[dict[str, Any]]] = {"reads": _reads(section)}
    panels = []
    for kind, letter in (("roc", "a"), ("pr", "b")):
        data[f"readers-{kind}"] = [row for name in section["readers"] for row in _points(report, name, kind)]
        data[f"mean-{kind}"] = _points(report, MEAN, kind)
        points = [_operating("reads")] if kind == "roc" and section["operating"] else []
        panels.append(
            _panel(
                f"({letter}) {area_text(report, MEAN, _AREA[kind])}",
                kind,
                [_many(f"readers-{kind}", kind), _one(f"mean-{kind}", kind), *points],
            )
        )
    spec = _finished({"hconcat": panels, "spacing": 22}, data, "ROC and precision-recall curves of all readers.")
    table = _curve_table(report, "curves-readers", [*section["readers"], MEAN])
    return StudyFigure("curves-readers", "Readers", "Grey: each reader. Blue: their average.", spec, table)


def _curve_table(report: Report, name: str, models: Sequence[str]) -> Table:
    chosen: list[CurveRow] = [
        one for model in dict.fromkeys(models) for one in report["curves"] if one["model"] == model
    ]
    rows: list[list[object]] = [
        [curve["model"], curve["kind"], x, y] for curve in chosen for x, y in zip(curve["x"], curve["y"], strict=True)
    ]
    return Table(name, ["model", "kind", "x", "y"], rows)


def _lambda(section: Section, model: str) -> StudyFigure:
    sweeps = [cast("dict[str, Any]", one) for one in section["sweeps"] if one["model"] == model]
    data: dict[str, list[dict[str, Any]]] = {}
    panels = []
    for metric, letter in (("auc", "a"), ("prauc", "b")):
        data[f"sweep-{metric}"] = [
            {"series": one["reader"], "x": weight, "y": round(value, 5)}
            for one in sweeps
            for weight, value in zip(section["lambdas"], one[metric], strict=True)
        ]
        data[f"best-{metric}"] = [
            {"series": one["reader"], "x": one[f"best_{metric}"][0], "y": one[f"best_{metric}"][1]} for one in sweeps
        ]
        axis = {"values": [0, 0.25, 0.5, 0.75, 1], "format": ".2~f"}
        x = {"field": "x", "type": "quantitative", "title": "\u03bb, share of the reader (0: the model alone)",
             "scale": {"domain": [0, 1]}, "axis": axis}  # fmt: skip
        y = {"field": "y", "type": "quantitative", "title": _TITLE[metric], "scale": {"zero": False}}
        tooltip = [
            {"field": "series", "title": "Reader"},
            {"field": "x", "title": "\u03bb*", "format": ".2f"},
            {"field": "y", "title": _TITLE[metric], "format": ".3f"},
        ]
        lines = {
            "data": {"name": f"sweep-{metric}"},
            "mark": {"type": "line", "strokeWidth": 1.1, "color": _BLUE, "opacity": 0.6},
            "encoding": {"x": x, "y": y, "detail": {"field": "series"}},
        }
        stars = {
            "data": {"name": f"best-{metric}"},
            "mark": {"type": "point", "shape": "diamond", "filled": True, "size": 75, "color": _ORANGE, "opacity": 1,
                     "stroke": "white", "strokeWidth": 0.8},
            "encoding": {"x": x, "y": y, "tooltip": tooltip},
        }  # fmt: skip
        panels.append({"width": 300, "height": 260, "title": f"({letter}) {_TITLE[metric]}", "layer": [lines, stars]})
    spec = _finished(
        {"hconcat": panels, "spacing": 30}, data,
        f"AUC and PRAUC of the hybrids of {model} with each reader, along lambda.",
    )  # fmt: skip
    caption = (
        "A line for each reader; the diamond is the smallest \u03bb with the largest area (\u03bb*), chosen on these "
        "data and so optimistic."
    )
    columns = ["reader", "lambda", "auc", "prauc"]
    rows: list[list[object]] = [
        [one["reader"], *cells]
        for one in sweeps
        for cells in zip(section["lambdas"], one["auc"], one["prauc"], strict=True)
    ]
    name = f"lambda-{slug(model)}"
    return StudyFigure(name, f"Weight of the reader in hybrids with {model}", caption, spec, Table(name, columns, rows))


def _distributions(section: Section) -> StudyFigure:
    asked = (
        ("auc", 1, "(a) largest AUC"),
        ("prauc", 1, "(a*) largest PRAUC"),
        ("auc", 0, "(b) \u03bb* for AUC"),
        ("prauc", 0, "(b*) \u03bb* for PRAUC"),
    )
    data: dict[str, list[dict[str, Any]]] = {}
    panels = []
    models = section["models"]
    width = max(90, 52 * len(models))
    for number, (metric, place, title) in enumerate(asked):
        rows = [
            {"model": one["model"], "reader": one["reader"], "y": one[f"best_{metric}"][place]}
            for one in cast("list[dict[str, Any]]", section["sweeps"])
        ]
        data[f"values-{number}"] = rows
        # Each reader keeps a place beside the box, so that equal values stay apart.
        for row in rows:
            row["shift"] = section["readers"].index(row["reader"]) / max(1, len(section["readers"]) - 1)
        scale: dict[str, Any] = {"zero": False} if place else {"domain": [0, 1]}
        x = {"field": "model", "type": "nominal", "sort": models, "title": None,
             "axis": {"labelAngle": 0 if len(models) <= 4 else -40}}  # fmt: skip
        y = {"field": "y", "type": "quantitative", "title": None, "scale": scale}
        tooltip = [{"field": "reader", "title": "Reader"}, {"field": "y", "format": ".3f", "title": title}]
        box = {
            "data": {"name": f"values-{number}"},
            "mark": {"type": "boxplot", "size": 22, "extent": "min-max", "color": _BLUE, "opacity": 0.35,
                     "median": {"color": _BLUE, "opacity": 1, "thickness": 2.5},
                     "rule": {"color": _BLUE, "opacity": 0.8}},
            "encoding": {"x": x, "y": y},
        }  # fmt: skip
        dots = {
            "data": {"name": f"values-{number}"},
            "mark": {"type": "point", "filled": True, "size": 16, "color": _BLUE, "opacity": 0.9},
            "encoding": {
                "x": x, "y": y, "tooltip": tooltip,
                "xOffset": {"field": "shift", "type": "quantitative", "scale": {"domain": [-0.6, 1.6]}},
            },
        }  # fmt: skip
        panels.append({"width": width, "height": 220, "title": title, "layer": [box, dots]})
    rows_of_panels = [panels[:2], panels[2:]] if width > 200 else [panels]
    spec = _finished(
        {"vconcat": [{"hconcat": row, "spacing": 24} for row in rows_of_panels], "spacing": 14}, data,
        "Distribution over readers of the largest AUC and PRAUC of their hybrids, and of lambda*.",
    )  # fmt: skip
    columns = ["model", "reader", "auc", "lambda_auc", "prauc", "lambda_prauc"]
    table: list[list[object]] = [
        [one["model"], one["reader"], *reversed(one["best_auc"]), *reversed(one["best_prauc"])]
        for one in section["sweeps"]
    ]
    caption = "A dot for each reader; box and line: quartiles and median; whiskers: smallest and largest."
    name = "distributions"
    return StudyFigure(name, "Best hybrids and their weights", caption, spec, Table(name, columns, table))


def _ensembles(report: Report, model: str) -> StudyFigure:
    names = {READER_ENSEMBLE: "reader ensemble", hybrid_ensemble_name(model): "hybrid ensemble", model: model}
    data: dict[str, list[dict[str, Any]]] = {}
    panels = []
    for kind, letter in (("roc", "a"), ("pr", "b")):
        legends = {name: f"{words}: {area_text(report, name, _AREA[kind])}" for name, words in names.items()}
        data[f"lines-{kind}"] = [row for name, words in legends.items() for row in _points(report, name, kind, words)]
        layers = [_named(f"lines-{kind}", kind, list(legends.values()), "bottom")]
        panels.append(_panel(f"({letter})", kind, layers, 280))
    title = f"Reader ensemble, hybrid ensemble and {model}"
    spec = _finished({"hconcat": panels, "spacing": 24}, data, f"{title}: ROC and precision-recall curves.")
    name = f"ensembles-{slug(model)}"
    caption = "Reader ensemble: mean score of the readers. Hybrid ensemble: mean of that and of the model."
    return StudyFigure(name, title, caption, spec, _curve_table(report, name, list(names)))


def _simplex(report: Report, one: SimplexRow) -> StudyFigure:
    first, second, third = one["models"]
    chosen = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(one["models"], one["best"], strict=True))
    caption = (
        f"AUC of \u03bb\u2081 {first} + \u03bb\u2082 {second} + \u03bb\u2083 {third} at every weight. White diamond: "
        f"the largest, {wording.number(one['best_auc'])} at {chosen}, chosen on these data and so optimistic."
    )
    if "applied" in one:
        fitted = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(one["models"], one["applied"], strict=True))
        caption += f" White triangle: the weights fitted on validation data ({fitted})."
    rows: list[list[object]] = [
        [*weights, auc, prauc] for weights, auc, prauc in zip(one["weights"], one["auc"], one["prauc"], strict=True)
    ]
    return StudyFigure(
        "simplex", "Weighted sums of three models", caption, simplex_spec(one),
        Table("simplex", [*one["models"], "auc", "prauc"], rows),
    )  # fmt: skip
