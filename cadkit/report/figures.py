"""ROC, precision-recall and FROC figures: one specification each, drawn as SVG and, interactive, in the page."""

from __future__ import annotations

import copy
import re
from functools import lru_cache
from typing import Any

from cadkit.report import style
from cadkit.report.curves import Figure, Series
from cadkit.report.style import CHANCE, PAPER, SIDE, Named

_AXES = {
    "roc": ("False-positive rate (1 \u2212 specificity)", "Sensitivity"),
    "pr": ("Recall (sensitivity)", "Precision (positive predictive value)"),
    "froc": ("False positives per image", "Sensitivity"),
}
_NAMES = {"roc": ("1 \u2212 specificity", "Sensitivity"), "pr": ("Recall", "Precision"), "froc": ("FPI", "Sensitivity")}
MOST_BANDS = 3  # models whose bands can be told apart


def rows_of(figure: Figure) -> dict[str, list[dict[str, Any]]]:
    """The data of a figure by name: `points`, `bands`, `marked` (points of the tables), `reference` (chance lines)."""
    points: list[dict[str, Any]] = []
    bands: list[dict[str, Any]] = []
    marked: list[dict[str, Any]] = []
    for one in figure.series:
        curve = one.curve
        table = zip(curve["x"], curve["y"], curve["threshold"], strict=True)
        points += [
            {"i": i, "series": one.legend, "model": one.model, "x": x, "y": y, "threshold": threshold}
            for i, (x, y, threshold) in enumerate(table)
        ]
        band = zip(curve.get("band_x", []), curve.get("low", []), curve.get("high", []), strict=True)
        if not one.chance:
            marked += [{"series": one.legend, "x": x, "y": y, "beyond": (x, y) in one.beyond} for x, y in one.marked]
        if not one.chance and has_bands(figure):
            end = min(figure.end, max(curve["x"]))
            bands += [{"series": one.legend, "x": x, "low": low, "high": high} for x, low, high in band if x <= end]
    return {"points": points, "bands": bands, "marked": marked, "reference": _reference(figure)}


def has_bands(figure: Figure) -> bool:
    """Whether bands are drawn: those of many models would hide each other."""
    return sum(not one.chance for one in figure.series) <= MOST_BANDS


def _reference(figure: Figure) -> list[dict[str, float]]:
    if figure.kind == "roc":
        return [{"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 1.0}]
    shares = {one.positives / one.n for one in figure.series if one.n}
    if figure.kind == "pr" and len(shares) == 1:
        share = shares.pop()
        return [{"x": 0.0, "y": share}, {"x": 1.0, "y": share}]
    return []


def named(series: list[Series]) -> list[Named]:
    """Series as legends have them."""
    own = {one.index for one in series if not one.chance}
    return [
        Named(one.legend, one.index, one.chance and one.index not in own, one.chance and one.index in own)
        for one in series
    ]


def specification(figure: Figure) -> dict[str, Any]:
    """The Vega-Lite specification of an ROC, precision-recall or FROC figure, data included.

    Colours of text and axes are left to who draws it. The empty data `operating` is where the page draws the operating
    point that is moved by hand.
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
    series, legend = named(figure.series), style.below()
    # A precision-recall step ends at its recall, as average precision sums it; a FROC step begins at its FPI.
    step: Any = {"roc": "linear", "pr": "step-before", "froc": "step-after"}[figure.kind]
    layers: list[Any] = []
    if data["bands"]:
        layers.append(
            alt.Chart(alt.NamedData(name="bands"))
            .mark_area(opacity=0.16, clip=True)
            .encode(x=x, y=alt.Y("low:Q", title=y_title, axis=y_axis), y2="high:Q", color=style.colour(series))
        )
    if data["reference"]:
        layers.append(
            alt.Chart(alt.NamedData(name="reference"))
            .mark_line(color=CHANCE, strokeWidth=1, strokeDash=[4, 4])
            .encode(x=x, y=y)
        )
    layers.append(
        alt.Chart(alt.NamedData(name="points"))
        .mark_line(interpolate=step, clip=True, strokeJoin="round")
        .encode(
            x=x, y=y, color=style.colour(series, legend), strokeDash=style.dash(series, legend),
            strokeWidth=style.width(series), order="i:Q", detail="model:N",
        )
    )  # fmt: skip
    if data["marked"]:
        layers.append(
            alt.Chart(alt.NamedData(name="marked"))
            .transform_filter("!datum.beyond")
            .mark_point(filled=True, size=46, opacity=1, clip=False)
            .encode(x=x, y=y, color=style.colour(series), shape=style.shape(series))
        )
    if any(row["beyond"] for row in data["marked"]):
        layers.append(
            alt.Chart(alt.NamedData(name="marked"))
            .transform_filter("datum.beyond")
            .mark_point(filled=False, size=46, strokeWidth=1.5, opacity=1, clip=False)
            .encode(x=x, y=y, color=style.colour(series), shape=style.shape(series))
        )
    chart = alt.layer(*layers).properties(width=SIDE, height=SIDE)
    chart = chart.resolve_legend(color="independent", strokeDash="independent")
    words = "; ".join(one.legend for one in series)
    return style.finished(chart, data, f"{figure.title}. {words}.")


def interactive(figure: Figure, spec: dict[str, Any]) -> dict[str, Any]:
    """The specification with values under the pointer and the operating point as further layers."""
    spec = copy.deepcopy(spec)
    x_name, y_name = _NAMES[figure.kind]
    chosen = {"type": "point", "nearest": True, "on": "pointermove", "clear": "pointerout"}
    spec["params"] = [{"name": "hover", "select": chosen, "views": ["values"]}]
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
            "name": "values",
            "data": {"name": "points"},
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
    """A figure as SVG, in the colours and sizes of a paper."""
    import vl_convert

    seen = {**spec, "config": PAPER}
    if "layer" in seen:
        # What is only there for the pointer to find is not printed.
        seen["layer"] = [layer for layer in seen["layer"] if layer["mark"].get("opacity") != 0]
    drawing = str(vl_convert.vegalite_to_svg(seen, vl_version=_vega_lite()))
    # The names of its clips and gradients count on from the drawing before; the same figure shall be the same bytes.
    found = dict.fromkeys(re.findall(r'id="((?:clip|gradient_)\d+)"', drawing))
    names = {name: f"{name.rstrip('0123456789')}{n}" for n, name in enumerate(found)}
    return re.sub(r"\b(?:clip|gradient_)\d+\b", lambda hit: names.get(hit[0], hit[0]), drawing)


@lru_cache(maxsize=1)
def scripts() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that asks the network for nothing."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=_vega_lite()))


def _vega_lite() -> str:
    """The Vega-Lite version that altair writes (`6.4`)."""
    import altair

    return ".".join(altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
