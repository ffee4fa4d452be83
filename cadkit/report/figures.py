"""Figures: one specification per figure, drawn as SVG for a paper and, interactive, in the page."""

from __future__ import annotations

import copy
import re
from functools import lru_cache
from typing import Any

from cadkit.report.curves import Figure, Series

# Okabe and Ito's palette, which people with any colour vision tell apart, in an order that suits lines.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A7A7A")
_CHANCE = "#8A8F94"
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
SIDE = 300  # pixels of the plotting area
FONT = "Helvetica, Arial, sans-serif"

_AXES = {
    "roc": ("False-positive rate (1 \u2212 specificity)", "Sensitivity"),
    "pr": ("Recall (sensitivity)", "Precision (positive predictive value)"),
    "froc": ("False positives per image", "Sensitivity"),
}
_NAMES = {"roc": ("1 \u2212 specificity", "Sensitivity"), "pr": ("Recall", "Precision"), "froc": ("FPI", "Sensitivity")}

PAPER: dict[str, Any] = {
    "background": "white",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": "#E3E6E8",
        "domainColor": "#4A4F54",
        "tickColor": "#4A4F54",
        "labelColor": "#22262A",
        "titleColor": "#22262A",
    },
    "legend": {"labelFontSize": 11, "labelColor": "#22262A"},
}


def rows_of(figure: Figure) -> dict[str, list[dict[str, Any]]]:
    """The data of a figure by name: `points`, `bands`, `reference` (chance lines)."""
    points: list[dict[str, Any]] = []
    bands: list[dict[str, Any]] = []
    for one in figure.series:
        curve = one.curve
        table = zip(curve["x"], curve["y"], curve["threshold"], strict=True)
        points += [
            {"i": i, "series": one.legend, "model": one.model, "x": x, "y": y, "threshold": threshold}
            for i, (x, y, threshold) in enumerate(table)
        ]
        band = zip(curve.get("band_x", []), curve.get("low", []), curve.get("high", []), strict=True)
        if not one.chance:
            end = min(figure.end, max(curve["x"]))
            bands += [{"series": one.legend, "x": x, "low": low, "high": high} for x, low, high in band if x <= end]
    return {"points": points, "bands": bands, "reference": _reference(figure)}


def _reference(figure: Figure) -> list[dict[str, float]]:
    if figure.kind == "roc":
        return [{"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 1.0}]
    shares = {one.positives / one.n for one in figure.series if one.n}
    if figure.kind == "pr" and len(shares) == 1:
        share = shares.pop()
        return [{"x": 0.0, "y": share}, {"x": 1.0, "y": share}]
    return []


def specification(figure: Figure) -> dict[str, Any]:
    """The Vega-Lite specification of a figure, data included, without colours of text and axes.

    The empty data `operating` is where the page draws the operating point that is moved by hand.
    """
    import altair as alt

    data = rows_of(figure)
    x_title, y_title = _AXES[figure.kind]
    scale = alt.Scale(domain=[0, figure.end], nice=False)
    step_of_ticks = figure.end / 5 if figure.end <= 1 else 1.0 if figure.end in (3, 5, 6) else figure.end / 4
    ticks = [step_of_ticks * n for n in range(round(figure.end / step_of_ticks) + 1)]
    x_format = ".3~r" if figure.kind == "froc" else ".1f"
    x = alt.X("x:Q", scale=scale, title=x_title, axis=alt.Axis(values=ticks, format=x_format, labelFlush=False))
    y_axis = alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], format=".1f")
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, 1]), title=y_title, axis=y_axis)
    names = [one.legend for one in figure.series]
    colour = alt.Color("series:N", scale=alt.Scale(domain=names, range=[_colour(one) for one in figure.series]))
    legend = alt.Legend(orient="bottom", direction="vertical", columns=1, title=None, labelLimit=0, symbolSize=260,
                        symbolStrokeWidth=2, offset=10)  # fmt: skip
    dash = alt.StrokeDash(
        "series:N", scale=alt.Scale(domain=names, range=[_dash(one) for one in figure.series]), legend=legend
    )
    lines = alt.Chart(alt.NamedData(name="points"))
    # A precision-recall step ends at its recall, as average precision sums it; a FROC step begins at its FPI.
    step: Any = {"roc": "linear", "pr": "step-before", "froc": "step-after"}[figure.kind]
    layers: list[Any] = []
    if data["bands"]:
        layers.append(
            alt.Chart(alt.NamedData(name="bands"))
            .mark_area(opacity=0.16, clip=True)
            .encode(x=x, y=alt.Y("low:Q", title=y_title, axis=y_axis), y2="high:Q", color=colour.legend(None))
        )
    if data["reference"]:
        layers.append(
            alt.Chart(alt.NamedData(name="reference"))
            .mark_line(color=_CHANCE, strokeWidth=1, strokeDash=[4, 4])
            .encode(x=x, y=y)
        )
    layers.append(
        lines.mark_line(strokeWidth=2, interpolate=step, clip=True, strokeJoin="round").encode(
            x=x, y=y, color=colour.legend(legend), strokeDash=dash, order="i:Q", detail="model:N"
        )
    )
    chart = alt.layer(*layers).properties(width=SIDE, height=SIDE)
    spec: dict[str, Any] = chart.resolve_legend(color="independent", strokeDash="independent").to_dict()
    spec.pop("config", None)
    # The data comes after altair has checked the specification: it would check every number of it.
    spec["datasets"] = data
    spec["description"] = f"{figure.title}. {'; '.join(names)}."
    return spec


def _colour(series: Series) -> str:
    return _CHANCE if series.chance else PALETTE[series.index % len(PALETTE)]


def _dash(series: Series) -> list[int]:
    return [3, 3] if series.chance else _DASHES[series.index // len(PALETTE) % len(_DASHES)]


def interactive(figure: Figure, spec: dict[str, Any]) -> dict[str, Any]:
    """The specification with values under the pointer and the operating point as further layers."""
    spec = copy.deepcopy(spec)
    x_name, y_name = _NAMES[figure.kind]
    hover = {"name": "hover", "select": {"type": "point", "nearest": True, "on": "pointermove", "clear": "pointerout"}}
    tooltip = [
        {"field": "model", "type": "nominal", "title": "Model"},
        {"field": "y", "type": "quantitative", "title": y_name, "format": ".3f"},
        {"field": "x", "type": "quantitative", "title": x_name, "format": ".3f"},
        {"field": "threshold", "type": "quantitative", "title": "Threshold", "format": ".4~g"},
    ]
    place = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}}
    colour = {"field": "series", "type": "nominal", "legend": None}
    shown = {"condition": {"param": "hover", "empty": False, "value": 1}, "value": 0}
    spec["layer"] += [
        {
            "data": {"name": "points"},
            "params": [hover],
            "transform": [{"filter": f"datum.x <= {figure.end}"}],
            "mark": {"type": "point", "filled": True, "size": 60},
            "encoding": {**place, "color": colour, "tooltip": tooltip, "opacity": shown},
        },
        {
            "data": {"name": "operating"},
            "mark": {"type": "point", "filled": False, "size": 130, "strokeWidth": 2.5, "clip": False},
            "encoding": {**place, "color": colour},
        },
    ]
    return spec


def svg(spec: dict[str, Any]) -> str:
    """The figure as SVG, in the colours and sizes of a paper."""
    import vl_convert

    drawing = str(vl_convert.vegalite_to_svg({**spec, "config": PAPER}, vl_version=_vega_lite()))
    # The names of its clips count on from the drawing before; the same figure shall be the same bytes.
    names = {name: f"clip{n}" for n, name in enumerate(dict.fromkeys(re.findall(r'id="(clip\d+)"', drawing)))}
    return re.sub(r"\bclip\d+\b", lambda found: names.get(found[0], found[0]), drawing)


@lru_cache(maxsize=1)
def scripts() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that asks the network for nothing."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_vega_lite()))


def _vega_lite() -> str:
    """The Vega-Lite version that altair writes (`6.4`)."""
    import altair

    return ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
