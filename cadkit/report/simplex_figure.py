"""The AUC of weighted sums of three models as a triangle: a corner is one model alone."""

from __future__ import annotations

from math import sqrt
from typing import Any

from cadkit.reader_study.work import SimplexRow

_SIDE = 340
_HEIGHT = sqrt(3) / 2


def _place(weights: list[float]) -> dict[str, float]:
    """Corners: the first model at the top, the second at the left, the third at the right."""
    return {"x": weights[2] + weights[0] / 2, "y": weights[0] * _HEIGHT}


def simplex_spec(one: SimplexRow) -> dict[str, Any]:
    """The Vega-Lite specification of the surface, its largest point and, where there are some, the applied weights."""
    cells = [
        {**_place(weights), "auc": auc, **{f"w{n}": round(weight, 4) for n, weight in enumerate(weights)}}
        for weights, auc in zip(one["weights"], one["auc"], strict=True)
    ]
    stars = [{**_place(one["best"]), "shape": "diamond"}]
    if "applied" in one:
        stars.append({**_place(one["applied"]), "shape": "triangle-up"})
    corners = [
        {**_place([1.0 if n == corner else 0.0 for n in range(3)]), "name": name, "down": corner > 0}
        for corner, name in enumerate(one["models"])
    ]
    ends, heights = [-0.1, 1.1], [-0.11, 0.97]
    axes: dict[str, Any] = {
        "x": {"field": "x", "type": "quantitative", "axis": None, "scale": {"domain": ends}},
        "y": {"field": "y", "type": "quantitative", "axis": None, "scale": {"domain": heights}},
    }
    # A circle reaches the middle of the gap to its neighbours, whatever the step.
    apart = _SIDE / (ends[1] - ends[0]) * one["step"]
    tooltip = [{"field": f"w{n}", "title": name, "format": ".2f"} for n, name in enumerate(one["models"])]
    tooltip.append({"field": "auc", "title": "AUC", "format": ".4f"})
    names: list[dict[str, Any]] = [
        {
            "data": {"name": "corners"},
            "transform": [{"filter": which}],
            "mark": {"type": "text", "dy": away, "fontSize": 12},
            "encoding": {**axes, "text": {"field": "name"}},
        }
        for which, away in (("datum.down", 18), ("!datum.down", -14))
    ]
    return {
        "width": _SIDE,
        "height": round(_SIDE * (heights[1] - heights[0]) / (ends[1] - ends[0])),
        "layer": [
            {
                "data": {"name": "cells"},
                "mark": {"type": "point", "shape": "circle", "filled": True, "opacity": 1, "size": (1.24 * apart) ** 2},
                "encoding": {
                    **axes,
                    "color": {
                        "field": "auc", "type": "quantitative", "title": "AUC",
                        "scale": {"scheme": "viridis", "zero": False},
                        "legend": {"format": ".3f", "gradientLength": 180, "titleFontWeight": "normal"},
                    },
                    "tooltip": tooltip,
                },
            },
            {
                "data": {"name": "stars"},
                "mark": {"type": "point", "filled": True, "size": 190, "color": "white", "stroke": "#22262A",
                         "strokeWidth": 1.2, "opacity": 1},
                "encoding": {**axes, "shape": {"field": "shape", "type": "nominal", "scale": None}},
            },
            *names,
        ],
        "datasets": {"cells": cells, "stars": stars, "corners": corners},
        "description": f"AUC of weighted sums of {', '.join(one['models'])} over the triangle of their weights.",
    }  # fmt: skip
