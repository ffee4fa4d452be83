"""What a calibration error says of its bins, in words that a reader of the report knows."""

from __future__ import annotations

from dataclasses import replace

from cadkit import metrics

_EDGES = {"width": "equal width", "mass": "equal mass"}


def with_edges(result: metrics.Result) -> metrics.Result:
    """The result, with `edges` in the place of the option `mass` of `cadkit.metrics`."""
    if "mass" not in result.given:
        return result
    kept = {name: value for name, value in result.given.items() if name != "mass"}
    return replace(result, given={**kept, "edges": _EDGES[str(result.given["mass"])]})
