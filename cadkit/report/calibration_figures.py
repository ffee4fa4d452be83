"""Figures of probabilities: reliability with the spread of the scores below it, and the decision curve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cadkit.evaluation.schema import CurveRow, HistogramRow
from cadkit.report import style
from cadkit.report.curves import Figure
from cadkit.report.figures import named
from cadkit.report.style import CHANCE, SIDE, Named

_BELOW = 64  # pixels of the height of the histogram under the reliability curve
_SPARSE = 10  # units of a bin below which its share is hardly known
_ALL, _NONE = "Call all positive", "Call none positive"


def reliability(figure: Figure, histograms: Iterable[HistogramRow]) -> dict[str, Any]:
    """Share of positives against mean probability with Wilson's intervals; below, how many units have each score."""
    import altair as alt

    series = named(figure.series)
    data = {"points": _bins(figure), "reference": [{"x": 0, "y": 0}, {"x": figure.end, "y": figure.end}]}
    data["counts"] = _counts(figure, histograms)
    # The legend stands below all: below the histogram where there is one.
    upper, lower = (None, style.below()) if data["counts"] else (style.below(), None)
    scale = alt.Scale(domain=[0, figure.end], nice=False)
    x = alt.X("x:Q", scale=scale, title=None if data["counts"] else "Score (probability)", axis=_shares())
    y = alt.Y("y:Q", scale=scale, title="Observed share of positives", axis=_shares())
    points = alt.Chart(alt.NamedData(name="points"))
    tooltip = [alt.Tooltip(f"{name}:N", title=title) for name, title in (("series", "Model"), ("words", "Bin"))]
    layers = [
        alt.Chart(alt.NamedData(name="reference"))
        .mark_line(color=CHANCE, strokeWidth=1, strokeDash=[4, 4])
        .encode(x=x, y=y),
        points.mark_rule(strokeWidth=1.3, clip=True).encode(x=x, y="low:Q", y2="high:Q", color=style.colour(series)),
        points.mark_line(strokeWidth=1.6, clip=True).encode(
            x=x, y=y, color=style.colour(series, upper), strokeDash=style.dash(series, upper), detail="run:N"
        ),
        points.mark_point(filled=True, size=50, opacity=1, clip=True).encode(
            x=x, y=y, color=style.colour(series), shape=style.shape(series), tooltip=tooltip
        ),
    ]
    chart: Any = alt.layer(*layers).properties(width=SIDE, height=SIDE)
    chart = chart.resolve_legend(color="independent", strokeDash="independent", shape="independent")
    if data["counts"]:
        under = (
            alt.Chart(alt.NamedData(name="counts"))
            .mark_line(strokeWidth=1.3, interpolate="step-after", clip=True)
            .encode(
                x=alt.X("x:Q", scale=scale, title="Score (probability)", axis=_shares()),
                y=alt.Y(
                    "n:Q", title=f"{figure.level.capitalize()}s", scale=alt.Scale(type="symlog"),
                    axis=alt.Axis(values=[0, 10, 1000, 100000], format=",d", labelOverlap=False),
                ),
                color=style.colour(series, lower),
                strokeDash=style.dash(series, lower),
            )
            .properties(width=SIDE, height=_BELOW)
        )  # fmt: skip
        chart = alt.vconcat(chart, under, spacing=12).resolve_legend(color="independent", strokeDash="independent")
    return style.finished(chart, data, f"{figure.title}. {'; '.join(one.legend for one in series)}.")


def _bins(figure: Figure) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for one in figure.series:
        curve = one.curve
        ends = zip(curve.get("low", curve["y"]), curve.get("high", curve["y"]), strict=True)
        counts = zip(curve.get("positives", []), curve.get("rows", []), strict=True)
        words = [f"{positives:,} of {n:,} positive" for positives, n in counts] or [""] * len(curve["x"])
        table = zip(curve["x"], curve["y"], ends, words, _runs(curve), strict=True)
        rows += [
            {"series": one.legend, "x": x, "y": y, "low": low, "high": high, "words": said, "run": run}
            for x, y, (low, high), said, run in table
        ]
    return rows


def _runs(curve: CurveRow) -> list[int]:
    """For each bin the number of the line that it is on: no line leads from or to a bin of few units."""
    counts = curve.get("rows") or [_SPARSE] * len(curve["x"])
    runs, run = [], 0
    for before, count in zip([0, *counts], counts, strict=False):
        run += min(before, count) < _SPARSE
        runs.append(run)
    return runs


def _counts(figure: Figure, histograms: Iterable[HistogramRow]) -> list[dict[str, Any]]:
    legends = {one.model: one.legend for one in figure.series}
    rows: list[dict[str, Any]] = []
    for one in histograms:
        if one["model"] in legends and (one["label"], one["level"]) == (figure.label, figure.level):
            counts = [a + b for a, b in zip(one["positives"], one["negatives"], strict=True)]
            # The last edge closes the last bin.
            table = zip(one["edges"], [*counts, counts[-1]], strict=True)
            rows += [{"series": legends[one["model"]], "x": x, "n": n} for x, n in table]
    return rows


def decision(figure: Figure) -> dict[str, Any]:
    """Net benefit over threshold probabilities: of each model, of calling all positive, of calling none."""
    import altair as alt

    grey = [Named(_ALL, 0, chance=True), Named(_NONE, 0, chance=True)]
    series = [*named(figure.series), *grey]
    points: list[dict[str, Any]] = [
        {"series": one.legend, "x": x, "y": y}
        for one in figure.series
        for x, y in zip(one.curve["x"], one.curve["y"], strict=True)
    ]
    curve = figure.series[0].curve
    points += [{"series": _ALL, "x": x, "y": y} for x, y in zip(curve["x"], curve.get("treat_all", []), strict=False)]
    points += [{"series": _NONE, "x": x, "y": 0.0} for x in curve["x"]]
    top = max(point["y"] for point in points)
    dashes = [*(one.dash for one in series[:-2]), [4, 4], [1, 3]]
    domain = [one.legend for one in series]
    legend = style.below()
    encoded = {
        "x": alt.X("x:Q", scale=alt.Scale(domain=[0, figure.end], nice=False), title="Threshold probability",
                   axis=_shares()),
        "y": alt.Y("y:Q", scale=alt.Scale(domain=[-0.15 * top, 1.05 * top], nice=False), title="Net benefit",
                   axis=alt.Axis(tickCount=6, format="~g")),
        "color": style.colour(series, legend),
        "strokeDash": alt.StrokeDash("series:N", scale=alt.Scale(domain=domain, range=dashes), legend=legend),
    }  # fmt: skip
    tooltip = [
        alt.Tooltip("series:N", title="Model"),
        alt.Tooltip("x:Q", title="Threshold", format=".3f"),
        alt.Tooltip("y:Q", title="Net benefit", format=".4f"),
    ]
    lines = alt.Chart(alt.NamedData(name="points")).mark_line(strokeWidth=2, clip=True).encode(**encoded)
    # Wide and clear, so that the pointer finds the line.
    found = (
        alt.Chart(alt.NamedData(name="points"))
        .mark_point(size=120, opacity=0, filled=True, clip=True)
        .encode(x=encoded["x"], y=encoded["y"], tooltip=tooltip)
    )
    chart = alt.layer(lines, found).properties(width=SIDE, height=SIDE)
    return style.finished(chart, {"points": points}, f"{figure.title}. {'; '.join(domain)}.")


def _shares() -> Any:
    import altair as alt

    return alt.Axis(tickCount=5, format="~g", labelFlush=False)
