"""Figures of a dataset: for every variable how many exams (or images), and how often each label, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cadkit.data.summary import Group, Summary
from cadkit.report.dataset_terminal import TITLES
from cadkit.report.style import PALETTE

_IMAGES = ("view", "vendor")
_BAR = "#7A7A7A"
_ROW = 17
_COUNTS_WIDTH, _SHARES_WIDTH = 120, 175
_NAME_ROOM = 110


@dataclass(frozen=True)
class DatasetFigure:
    """A figure: its id, title, what its bars count, and its Vega-Lite specification with its data."""

    name: str
    title: str
    counts: str
    spec: dict[str, Any]


def dataset_figures(summary: Summary) -> list[DatasetFigure]:
    """A figure for every variable of the dataset, in the order of the page."""
    labels = list(summary.labels)
    return [
        DatasetFigure(
            variable,
            title,
            "images" if variable in _IMAGES else "exams",
            _specification(title, "images" if variable in _IMAGES else "exams", summary.groups[variable], labels),
        )
        for variable, title in TITLES.items()
        if variable in summary.groups
    ]


def _specification(title: str, counts: str, groups: tuple[Group, ...], labels: list[str]) -> dict[str, Any]:
    import altair as alt

    names = [group.name for group in groups]
    y: Any = {"sort": names, "title": None}
    names_axis = alt.Axis(labelLimit=_NAME_ROOM, ticks=False, domain=False, minExtent=_NAME_ROOM, maxExtent=_NAME_ROOM)
    height = max(2, len(names)) * max(_ROW, 9 * len(labels) + 4)
    most = max(getattr(group, counts) for group in groups)
    few = alt.Axis(tickCount=3, format="~s" if most >= 10_000 else "d", grid=True)
    bars = (
        alt.Chart(alt.NamedData(name="counts"))
        .mark_bar(color=_BAR, height={"band": 0.62})
        .encode(
            y=alt.Y("name:N", axis=names_axis, **y),
            x=alt.X("count:Q", title=counts.capitalize(), axis=few),
            tooltip=[
                alt.Tooltip("name:N", title=title),
                *(alt.Tooltip(f"{what}:Q", title=what.capitalize(), format=",") for what in
                  ("patients", "exams", "breasts", "images")),
            ],
        )
        .properties(width=_COUNTS_WIDTH, height=height)
    )  # fmt: skip
    colours = [PALETTE[number % len(PALETTE)] for number in range(len(labels))]
    legend = alt.Legend(title=None, orient="bottom", direction="horizontal", offset=8, symbolType="circle")
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=colours), legend=legend)
    place = {
        "y": alt.Y("name:N", axis=alt.Axis(labels=False, ticks=False, domain=False, grid=True), **y),
        "yOffset": alt.YOffset("label:N", scale=alt.Scale(domain=labels, paddingOuter=0.4)),
        "color": colour,
    }
    shares = alt.Chart(alt.NamedData(name="shares"))
    percent = alt.Axis(format="%", tickCount=4)
    tooltip = [
        alt.Tooltip("name:N", title=title),
        alt.Tooltip("label:N", title="Label"),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        alt.Tooltip("interval:N", title="95% interval"),
        alt.Tooltip("counted:N", title="Positive"),
    ]
    x_title = "Positive share, 95% interval"
    rules = shares.mark_rule(strokeWidth=1.6).encode(
        x=alt.X("low:Q", title=x_title, axis=percent, scale=alt.Scale(zero=True)), x2="high:Q", tooltip=tooltip, **place
    )
    dots = shares.mark_point(filled=True, size=44, opacity=1).encode(
        x=alt.X("share:Q", title=x_title, axis=percent), tooltip=tooltip, **place
    )
    both = alt.hconcat(
        bars, alt.layer(rules, dots).properties(width=_SHARES_WIDTH, height=height), spacing=14
    ).resolve_scale(y="independent")
    spec: dict[str, Any] = both.to_dict()
    spec.pop("config", None)
    spec["datasets"] = _data(groups, labels, counts)
    spec["description"] = f"{title}: number of {counts}, and share of positives of {', '.join(labels)}."
    return spec


def _data(groups: tuple[Group, ...], labels: list[str], counts: str) -> dict[str, list[dict[str, Any]]]:
    rows = [
        {"name": group.name, "count": getattr(group, counts), "patients": group.patients, "exams": group.exams,
         "breasts": group.breasts, "images": group.images}
        for group in groups
    ]  # fmt: skip
    shares = []
    for group in groups:
        for label in labels:
            found = group.labels[label]
            if found.share is not None and found.low is not None and found.high is not None:
                shares.append(
                    {"name": group.name, "label": label, "share": found.share, "low": found.low, "high": found.high,
                     "interval": f"{found.low:.1%} to {found.high:.1%}",
                     "counted": f"{found.positives:,} of {found.known:,}"}
                )  # fmt: skip
    return {"counts": rows, "shares": shares}
