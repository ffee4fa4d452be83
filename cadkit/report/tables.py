"""The tables of a report as CSV: full precision, one header line, empty where there is no value."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cadkit.evaluation.schema import CurveRow, Report
from cadkit.files import spreadsheet_text
from cadkit.report.headline import Headline
from cadkit.report.reading import tells

if TYPE_CHECKING:
    import polars as pl

_RESULTS = (
    "model", "label", "level", "subgroup", "metric", "at", "value", "low", "high", "ci", "ci_method", "n",
    "positives", "clusters", "dropped", "sd", "reason",
)  # fmt: skip
_COMPARISONS = (
    "a", "b", "label", "level", "subgroup", "metric", "at", "difference", "low", "high", "p", "p_adjusted", "method",
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table: `name` is that of its file."""

    name: str
    columns: list[str]
    rows: list[list[object]]

    def csv(self) -> str:
        """The table as text. A text that a spreadsheet would run as a formula is preceded by an apostrophe."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([[_cell(value) for value in row] for row in self.rows])
        return out.getvalue()

    def frame(self) -> pl.DataFrame:
        """The table as a data frame; what has no value is null."""
        import polars as pl

        return pl.DataFrame(self.rows, schema=self.columns, orient="row", strict=False, infer_schema_length=None)


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    return spreadsheet_text(value) if isinstance(value, str) else value


def slug(text: str) -> str:
    """A text as part of a file name and of an element's id: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "x"


def all_tables(report: Report, first: Headline) -> list[Table]:
    """Every table of the report, in the order of the page; empty ones are left out."""
    tables = [
        headline_table(first),
        _flow(report),
        Table("left-out", ["level", "id", "model", "reason"], [
            [row["level"], row["id"], row.get("model", ""), row["reason"]] for row in report["cohort"]["left_out"]
        ]),
        _positives(report),
        _units(report),
        _long("results", _RESULTS, [row for row in report["results"] if tells(row)]),
        _long("worst-case", _RESULTS, report.get("worst_case", [])),
        _long("comparisons", _COMPARISONS, report["comparisons"]),
        _correlations(report),
        _cases(report),
    ]  # fmt: skip
    return [table for table in tables if table.rows]


def headline_table(first: Headline) -> Table:
    """One row per model and label, three columns (value, low, high) per metric."""
    columns = ["model", "label"]
    for group, n, positives in (
        ("classification", f"{first.level}s", "positives"),
        ("detection", "images", f"{first.unit}s"),
        ("localization", "images_localized", ""),
    ):
        keys = getattr(first, group)
        if keys:
            columns += [n, *([positives] if positives else []), f"{group}_patients"]
        for metric, at in keys:
            name = metric if at is None else f"{metric}_{at:g}"
            columns += [name, f"{name}_low", f"{name}_high"]
    rows: list[list[object]] = []
    for row in first.rows:
        cells: list[object] = [row.model, row.label]
        for keys in (first.classification, first.detection, first.localization):
            some = row.group(keys)
            if keys:
                counts = (some["n"], some["positives"], some["clusters"]) if some else (None, None, None)
                cells += counts[::2] if keys is first.localization else counts
            for key in keys:
                found = row.cells.get(key)
                cells += [found["value"], found["low"], found["high"]] if found else [None, None, None]
        rows.append(cells)
    return Table("headline", columns, rows)


def _long(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    """A row per number; margin and what else defines a number in columns of their own where any row has them."""
    some = {key for row in rows for key in row}
    further = [key for key in ("margin", "p_margin") if key in some]
    heads = [*columns, *further, "flags", *(["given"] if "given" in some else [])]
    cells: list[list[object]] = []
    for row in rows:
        line: list[object] = [row.get(key) for key in (*columns, *further)] + [" ".join(row.get("flags", []))]
        if "given" in some:
            line.append("; ".join(f"{key}={value}" for key, value in row.get("given", {}).items()))
        cells.append(line)
    return Table(name, heads, cells)


def _correlations(report: Report) -> Table:
    """A row per pair of predictions of an exam."""
    rows: list[list[object]] = [
        [one["model"], first, second, one["n"], one["pearson"][i][j], one["spearman"][i][j]]
        for one in report.get("correlations", [])
        for i, first in enumerate(one["names"])
        for j, second in enumerate(one["names"])
    ]
    return Table("correlations", ["model", "first", "second", "n", "pearson", "spearman"], rows)


def _units(report: Report) -> Table:
    """From eligible to evaluated units, a row per label and level."""
    rows = report["cohort"].get("units", [])
    names = list(rows[0]) if rows else []
    return Table("units", names, [list(row.values()) for row in rows])


def _flow(report: Report) -> Table:
    names = ["step", "exams", "breasts", "images", "reason"]
    steps = report["cohort"]["steps"]
    return Table("case-flow", names, [[step.get(name) for name in names] for step in steps])


def _positives(report: Report) -> Table:
    rows: list[list[object]] = [
        [level, label, count]
        for level, labels in report["cohort"]["positives"].items()
        for label, count in labels.items()
    ]
    return Table("positives", ["level", "label", "positives"], rows)


def _cases(report: Report) -> Table:
    names = ["model", "label", "why", "rank", "exam_id", "patient_id", "image_id", "side", "view"]
    rows: list[list[object]] = [
        [
            *(case.get(name) for name in names),
            case["truth"].get(case["label"]),
            case["breast_scores"].get(case["label"]),
            case["scores"].get(case["label"]),
            sum(finding["label"] == case["label"] for finding in case["findings"]),
            case["note"],
        ]
        for case in report["cases"]
    ]
    return Table("cases", [*names, "truth", "breast_score", "image_score", "findings", "note"], rows)


def curve_table(name: str, curves: Sequence[CurveRow]) -> Table:
    """The points of the curves of one figure, and their bands."""
    rows: list[list[object]] = []
    for curve in curves:
        points = zip(curve["x"], curve["y"], curve["threshold"], strict=True)
        rows += [[curve["model"], "point", x, y, threshold, None, None] for x, y, threshold in points]
        band = zip(curve.get("band_x", []), curve.get("low", []), curve.get("high", []), strict=True)
        rows += [[curve["model"], "band", x, None, None, low, high] for x, low, high in band]
    return Table(name, ["model", "row", "x", "y", "threshold", "low", "high"], rows)
