"""Histograms of the scores: positives above the axis, negatives below it, each as a share of its class."""

from __future__ import annotations

from typing import Any

import numpy as np

from cadkit.evaluation.schema import HistogramRow, Report
from cadkit.report import style
from cadkit.report.plots import Plot
from cadkit.report.reading import model_order, whole
from cadkit.report.style import PALETTE, SIDE
from cadkit.report.tables import Table, slug

_HEIGHT, _ALONE = 90, 200
_COLUMNS, _STACKED = 3, 3  # of the grid; models that stand in one column
_CROWDED = 0.8  # share of all units in one bin, from which on a histogram shows nothing
_BINS = 40
_POSITIVE, _NEGATIVE = PALETTE[1], PALETTE[0]


def histograms_of(report: Report) -> list[Plot]:
    """One figure per label and level, a row per model, with the thresholds at which the model is judged."""
    groups: dict[tuple[str, str], list[HistogramRow]] = {}
    for row in report.get("histograms", []):
        groups.setdefault((row["label"], row["level"]), []).append(row)
    order = model_order(report)
    return [
        _figure(
            report,
            label,
            level,
            [_legible(report, row) for row in sorted(rows, key=lambda row: order.index(row["model"]))],
        )
        for (label, level), rows in groups.items()
    ]


def _figure(report: Report, label: str, level: str, rows: list[HistogramRow]) -> Plot:
    import altair as alt

    data: dict[str, Any] = {}
    charts: list[Any] = []
    for number, row in enumerate(rows):
        bars, cuts = f"bars{number}", f"cuts{number}"
        data[bars] = _bars(row)
        data[cuts] = [{"x": at, "words": words} for at, words in _thresholds(report, row).items()]
        charts.append(_row(row, bars, cuts, level, _ALONE if len(rows) == 1 else _HEIGHT))
    stacked = len(charts) <= _STACKED
    chart = alt.vconcat(*charts, spacing=14) if stacked else alt.concat(*charts, columns=_COLUMNS, spacing=18)
    title = f"Scores, {label}, {level} level"
    name = f"histogram-{slug(label)}-{slug(level)}"
    table = Table(
        name, ["model", "from", "to", "positives", "negatives"],
        [
            [row["model"], low, high, positives, negatives]
            for row in rows
            for low, high, positives, negatives in zip(
                row["edges"], row["edges"][1:], row["positives"], row["negatives"], strict=False
            )
        ],
    )  # fmt: skip
    models = ", ".join(row["model"] for row in rows)
    spec = style.finished(chart, data, f"{title}: positives above, negatives below the axis. {models}.")
    return Plot(name, "histogram", label, level, title, spec, table)


def _legible(report: Report, row: HistogramRow) -> HistogramRow:
    """The histogram; where nearly all scores are in one of its bins and the report holds them, over their range.

    Bins of a low prevalence are of equal ratio: probabilities of rare events spread over powers of ten.
    """
    place = (row["label"], row["level"])
    units = next((one for one in report.get("units", []) if (one["label"], one["level"]) == place), None)
    if not _is_crowded(row) or units is None or row["model"] not in units["scores"]:
        return row
    score, truth = np.array(units["scores"][row["model"]], dtype=np.float64), np.array(units["truth"])
    low, high = float(np.quantile(score, 0.001)), float(score.max())
    if not 0 < low < high:
        return row
    edges = np.geomspace(low, high, _BINS + 1)
    edges[0], edges[-1] = min(low, score[score > 0].min()), high
    found = [np.histogram(np.clip(score[truth == side], edges[0], high), edges)[0].tolist() for side in (1, 0)]
    return {**row, "edges": edges.tolist(), "positives": found[0], "negatives": found[1]}


def _is_crowded(row: HistogramRow) -> bool:
    counts = [a + b for a, b in zip(row["positives"], row["negatives"], strict=True)]
    return max(counts, default=0) >= _CROWDED * sum(counts)


def _by_ratio(row: HistogramRow) -> bool:
    """Whether the bins are of equal ratio."""
    edges = np.array(row["edges"])
    return bool(edges[0] > 0 and len(edges) > 2 and not np.allclose(np.diff(edges)[1:], edges[2] - edges[1]))


def _bars(row: HistogramRow) -> list[dict[str, Any]]:
    bars: list[dict[str, Any]] = []
    for side, counts, sign in (("positive", row["positives"], 1), ("negative", row["negatives"], -1)):
        total = max(1, sum(counts))
        bars += [
            {"x": low, "x2": high, "y": sign * n / total, "zero": 0, "side": side, "n": n}
            for low, high, n in zip(row["edges"], row["edges"][1:], counts, strict=False)
            if n
        ]
    return bars


def _thresholds(report: Report, row: HistogramRow) -> dict[float, str]:
    """Thresholds of the model in the results, and what they were chosen for."""
    place = (row["model"], row["label"], row["level"])
    return {
        one["at"]: f"threshold {one['at']:.4g} for {one.get('given', {}).get('threshold_for', 'all')}"
        for one in whole(report["results"])
        if one["metric"] == "sensitivity" and one["at"] is not None
        and (one["model"], one["label"], one["level"]) == place
    }  # fmt: skip


def _row(row: HistogramRow, bars: str, cuts: str, level: str, height: int) -> Any:
    import altair as alt

    positives, negatives = sum(row["positives"]), sum(row["negatives"])
    heading = f"{row['model']}: {positives:,} positive {level}s above, {negatives:,} negative below"
    filled = [n for n, (a, b) in enumerate(zip(row["positives"], row["negatives"], strict=True)) if a + b]
    domain = [row["edges"][0], row["edges"][filled[-1] + 1 if filled and _is_crowded(row) else -1]]
    if _by_ratio(row):
        scale, title = alt.Scale(type="log", domain=domain, nice=False), "Score, log scale"
        axis = alt.Axis(grid=False, tickCount=5, format="~g")
    else:
        scale, title = alt.Scale(domain=domain, nice=False), "Score"
        axis = alt.Axis(grid=False, tickCount=6)
    x = alt.X("x:Q", scale=scale, title=title, axis=axis)
    share = alt.Axis(labelExpr="format(abs(datum.value), '.0%')", tickCount=5)
    heights = alt.Scale()
    if _is_crowded(row):
        # Beside one bar of nearly all, the others are seen on a logarithmic axis.
        heights = alt.Scale(type="symlog", constant=0.001)
        share = alt.Axis(labelExpr="format(abs(datum.value), '.1~%')", values=[-1, -0.1, -0.01, 0, 0.01, 0.1, 1])
    sides = alt.Scale(domain=["positive", "negative"], range=[_POSITIVE, _NEGATIVE])
    drawn = (
        alt.Chart(alt.NamedData(name=bars))
        .mark_bar(binSpacing=0.5, clip=True)
        .encode(
            x=x,
            x2="x2:Q",
            y=alt.Y("y:Q", title="Share of class", axis=share, scale=heights),
            y2="zero:Q",
            color=alt.Color("side:N", scale=sides, legend=None),
            tooltip=[
                alt.Tooltip("side:N", title="Truth"),
                alt.Tooltip("n:Q", title=f"{level.capitalize()}s", format=","),
                alt.Tooltip("x:Q", title="From", format=".4~g"),
                alt.Tooltip("x2:Q", title="To", format=".4~g"),
            ],
        )
    )
    cut = (
        alt.Chart(alt.NamedData(name=cuts))
        .mark_rule(strokeDash=[4, 3], strokeWidth=1.4, color=style.CHANCE, clip=True)
        .encode(x=x, tooltip=[alt.Tooltip("words:N", title="Judged at")])
    )
    return alt.layer(drawn, cut).properties(width=SIDE, height=height, title=heading)
