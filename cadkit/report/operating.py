"""What the page needs to move an operating point: where it starts, and which cases each point calls positive."""

from __future__ import annotations

from typing import Any

import numpy as np

from cadkit.evaluation.schema import Report, UnitScores
from cadkit.report.curves import Figure, Series
from cadkit.report.reading import whole


def starting_points(report: Report, figure: Figure) -> list[int | None]:
    """For each series the point of its curve at the first threshold that the results judge it at; None without one.

    A point calls what scores at its threshold or above: at a threshold between two points it is the earlier one.
    """
    found: list[int | None] = []
    for one in figure.series:
        thresholds = [
            row["at"]
            for row in whole(report["results"])
            if row["metric"] == "sensitivity" and row["at"] is not None and row["model"] == one.model
            and (row["label"], row["level"]) == (figure.label, figure.level)
        ]  # fmt: skip
        found.append(_called(one, np.array(thresholds[:1]))[0] if thresholds else None)
    return found


def _called(series: Series, threshold: Any) -> list[int]:
    """Number of the last point of the curve whose threshold is not below a given one."""
    cuts = np.array([t for t in series.curve["threshold"] if t is not None], dtype=np.float64)[::-1]
    first = len(series.curve["threshold"]) - len(cuts)
    return [int(n) for n in first - 1 + len(cuts) - np.searchsorted(cuts, threshold, side="left")]


def units_of(report: Report, figure: Figure) -> dict[str, Any] | None:
    """The cases of an ROC figure: ids, truth, and by model the first point of its curve that calls each positive.

    None where the report holds no scores of them. A case that no point calls has the number of points.
    """
    place = (figure.label, figure.level)
    table = next((one for one in report.get("units", []) if (one["label"], one["level"]) == place), None)
    if table is None or figure.kind != "roc":
        return None
    calls = {one.model: _first_points(one, table) for one in figure.series if one.model in table["scores"]}
    return {"ids": identities(table), "truth": table["truth"], "calls": calls} if calls else None


def _first_points(series: Series, table: UnitScores) -> list[int]:
    cuts = np.array([t for t in series.curve["threshold"] if t is not None], dtype=np.float64)[::-1]
    first = len(series.curve["threshold"]) - len(cuts)
    above = len(cuts) - np.searchsorted(cuts, np.array(table["scores"][series.model]), side="right")
    return [int(n) for n in first + above]


def identities(table: UnitScores) -> list[str]:
    """One text per case: its exam and side, its image, its row."""
    return [" ".join(parts) for parts in zip(*table["ids"].values(), strict=True)]
