"""Estimates with their intervals, line by line with the numbers beside them: subgroups and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cadkit.evaluation.schema import ComparisonRow, Report, ResultRow
from cadkit.report import style, wording
from cadkit.report.plots import Plot
from cadkit.report.reading import WHOLE, is_chance, model_order
from cadkit.report.style import CHANCE, Named
from cadkit.report.tables import Table, slug

_LINE = 19  # pixels of a line
_PLOT = 250
_LETTER = 5.6  # pixels of a letter, to leave room for the columns of text
_MOST = 60  # lines of a figure
_DIFFERENCES = (
    "auc",
    "prauc",
    "partial_auc",
    "sensitivity_at_specificity",
    "specificity_at_sensitivity",
    "froc_sensitivity",
)


@dataclass(frozen=True)
class _Line:
    """One line: what stands to the left and right of the interval, and the interval where there is one."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    series: Named
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class _Rule:
    """A vertical line: where, in which dash, and whether it is the main one."""

    x: float
    dash: list[int]
    width: float = 1.0


def forests_of(report: Report) -> list[Plot]:
    """AUC by subgroup, one figure per label and level that has subgroups."""
    groups: dict[tuple[str, str], list[ResultRow]] = {}
    for row in report["results"]:
        if row["metric"] == "auc" and not is_chance(row["model"]) and "runs" not in row.get("given", {}):
            groups.setdefault((row["label"], row["level"]), []).append(row)
    parted = {place: rows for place, rows in groups.items() if any(row["subgroup"] not in WHOLE for row in rows)}
    return [_forest(report, label, level, rows) for (label, level), rows in parted.items()]


def _forest(report: Report, label: str, level: str, rows: list[ResultRow]) -> Plot:
    order = model_order(report)
    first: dict[tuple[str, str], ResultRow] = {}
    for row in rows:
        first.setdefault((row["subgroup"], row["model"]), row)
    groups = list(dict.fromkeys(name for name, _ in first))
    first = dict(sorted(first.items(), key=lambda one: groups.index(one[0][0])))
    lines: list[_Line] = []
    for subgroup in groups:
        members = [row for (name, _), row in first.items() if name == subgroup]
        for place, row in enumerate(members[:_MOST]):
            name = "all" if subgroup in WHOLE else subgroup
            lines.append(
                _Line(
                    ("" if place else name, row["model"]), (_value(row), f"{row['positives']:,} / {row['n']:,}"),
                    Named(row["model"], order.index(row["model"])), row["value"], row["low"], row["high"],

                )
            )  # fmt: skip
    ends = [x for line in lines for x in (line.value, line.low, line.high) if x is not None]
    rules = [_Rule(0.5, [4, 4])] if ends and min(ends) <= 0.55 else []
    whole = lines[: sum(row["subgroup"] in WHOLE for row in first.values())]
    if len(whole) == 1 and whole[0].value is not None:
        rules.append(_Rule(whole[0].value, [1, 3]))
    title = f"AUC by subgroup, {label}, {level} level"
    heads = (("Subgroup", "Model"), ("AUC (interval)", "Positive / n"))
    spec = _chart(lines, heads, "AUC", rules, title)
    name = f"forest-{slug(label)}-{slug(level)}"
    table = Table(
        name, ["subgroup", "model", "auc", "low", "high", "n", "positives", "reason"],
        [
            [row["subgroup"], row["model"], row["value"], row["low"], row["high"], row["n"], row["positives"],
             row.get("reason")]
            for row in first.values()
        ],
    )  # fmt: skip
    return Plot(name, "forest", label, level, title, spec, table)


def _value(row: ResultRow) -> str:
    if row["value"] is None:
        return wording.NOT_ESTIMABLE
    between = wording.interval(row["low"], row["high"])
    return wording.number(row["value"]) + (f" ({between})" if between else "")


def differences_of(report: Report) -> list[Plot]:
    """Paired differences of the areas and of the points that were asked for, one figure per label and level."""
    groups: dict[tuple[str, str], dict[tuple[str, str, str], ComparisonRow]] = {}
    for row in report["comparisons"]:
        if _is_drawn(row):
            found = groups.setdefault((row["label"], row["level"]), {})
            key = (row["metric"] + str(row["at"]) + wording.given(row), row["a"], row["b"])
            # DeLong's, where there is one, stands before the bootstrap's.
            if key not in found or str(row["method"]).startswith("delong"):
                found[key] = row
    return [_differences(report, label, level, list(rows.values())) for (label, level), rows in groups.items()]


def _is_drawn(row: ComparisonRow) -> bool:
    return (
        row["subgroup"] in WHOLE and row["metric"] in _DIFFERENCES and not is_chance(row["a"])
        and not is_chance(row["b"]) and None not in (row["difference"], row["low"], row["high"])
        and "fp_images" not in row.get("given", {})
    )  # fmt: skip


def _differences(report: Report, label: str, level: str, rows: list[ComparisonRow]) -> Plot:
    rows = sorted(rows, key=lambda row: _DIFFERENCES.index(row["metric"]))
    found = len(rows)
    rows = rows[:_MOST]
    one = Named("difference", 0)
    lines: list[_Line] = []
    before = ""
    for row in rows:
        title = wording.row_title(row)
        between = wording.interval(row["low"], row["high"], " to ")
        p = row["p_adjusted"] if row["p_adjusted"] is not None else row["p"]
        floor = wording.at_floor(row, report["settings"])
        primary = ", primary" if "primary" in row["flags"] else ""
        lines.append(
            _Line(
                ("" if title == before else title, f"{row['a']} \u2212 {row['b']}"),
                (f"{wording.number(row['difference'] or 0.0)} ({between})", wording.p_value(p, floor) + primary), one,
                row["difference"], row["low"], row["high"],
            )
        )  # fmt: skip
        before = title
    margins = {row["margin"] for row in rows if "margin" in row}
    rules = [_Rule(0.0, [1, 0], 1.4), *(_Rule(-margin, [6, 3], 1.2) for margin in sorted(margins))]
    title = f"Paired differences, {label}, {level} level" + "".join(
        f"; dashed: margin of \u2212{margin:g}" for margin in sorted(margins)
    )
    title += "; primary: not adjusted" if any("primary" in row["flags"] for row in rows) else ""
    title += f"; the first {_MOST} of {found}, all in the table of comparisons" if found > _MOST else ""
    adjusted = any(row["p_adjusted"] is not None for row in rows)
    heads = (("Metric", "Models"), ("Difference (interval)", "P (Holm)" if adjusted else "P"))
    spec = _chart(lines, heads, "Difference", rules, title)
    name = f"differences-{slug(label)}-{slug(level)}"
    columns = ["metric", "at", "a", "b", "difference", "low", "high", "p", "p_adjusted", "method"]
    table = Table(name, columns, [[row.get(column) for column in columns] for row in rows])
    return Plot(name, "differences", label, level, title, spec, table)


def _chart(
    lines: Sequence[_Line],
    heads: tuple[tuple[str, ...], tuple[str, ...]],
    x_title: str,
    rules: Sequence[_Rule],
    title: str,
) -> dict[str, Any]:
    """Columns of text, the intervals, columns of text, on common lines."""
    import altair as alt

    series = list({line.series.legend: line.series for line in lines}.values())
    data: dict[str, Any] = {"lines": [_datum(number, line) for number, line in enumerate(lines)]}
    height = _LINE * len(lines)
    y = alt.Y("row:O", axis=None, scale=alt.Scale(domain=list(range(len(lines)))))
    named = alt.Chart(alt.NamedData(name="lines"))
    texts = {"left": [line.left for line in lines], "right": [line.right for line in lines]}
    beside: dict[str, list[Any]] = {}
    for side, columns, names in (("left", texts["left"], heads[0]), ("right", texts["right"], heads[1])):
        for place, heading in enumerate(names):
            width = _LETTER * max(len(heading), *(len(column[place]) for column in columns))
            text = named.mark_text(align="left", x=0).encode(y=y, text=f"{side}{place}:N")
            beside.setdefault(side, []).append(text.properties(width=width, height=height, title=heading))
    drawn = _intervals(lines, series, x_title, rules, y).properties(width=_PLOT, height=height)
    data |= {f"rule{number}": [{"x": rule.x}] for number, rule in enumerate(rules)}
    chart = alt.hconcat(*beside["left"], drawn, *beside["right"], spacing=14)
    return style.finished(chart, data, f"{title}.")


def _datum(number: int, line: _Line) -> dict[str, Any]:
    found = {"row": number, "series": line.series.legend, "x": line.value, "low": line.low, "high": line.high}
    found |= {f"left{place}": text for place, text in enumerate(line.left)}
    return found | {f"right{place}": text for place, text in enumerate(line.right)}


def _intervals(lines: Sequence[_Line], series: Sequence[Named], x_title: str, rules: Sequence[_Rule], y: Any) -> Any:
    import altair as alt

    ends = [x for line in lines for x in (line.value, line.low, line.high) if x is not None]
    ends += [rule.x for rule in rules]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    room = 0.04 * (high - low or 1.0)
    scale = alt.Scale(domain=[low - room, high + room], nice=False, zero=False)
    x = alt.X("x:Q", scale=scale, title=x_title, axis=alt.Axis(tickCount=6, format="~g"))
    named = alt.Chart(alt.NamedData(name="lines"))
    layers: list[Any] = [
        alt.Chart(alt.NamedData(name=f"rule{number}"))
        .mark_rule(strokeDash=rule.dash, strokeWidth=rule.width, color=CHANCE)
        .encode(x=x)
        for number, rule in enumerate(rules)
    ]
    layers.append(
        named.mark_rule(strokeWidth=1.6)
        .encode(x=alt.X("low:Q", scale=scale, title=x_title), x2="high:Q", y=y, color=style.colour(series))
        .transform_filter("isValid(datum.low)")
    )
    layers.append(
        named.mark_point(filled=True, size=58, opacity=1)
        .encode(x=x, y=y, color=style.colour(series), shape=style.shape(series))
        .transform_filter("isValid(datum.x)")
    )
    return alt.layer(*layers).resolve_legend(color="independent", shape="independent")
