"""Tables of a reader study: who is how good, reader by reader, and what differs; for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from cadkit.evaluation.schema import ComparisonRow, Report, ResultRow
from cadkit.reader_study.work import (
    CONSENSUS,
    MEAN,
    READER_ENSEMBLE,
    Section,
    hybrid_ensemble_name,
    hybrid_name,
)
from cadkit.report import wording
from cadkit.report.reader_figures import area_of
from cadkit.report.tables import Table

_METHODS = {
    "bootstrap": "bootstrap",
    "hillis-rrrc": "Hillis 2013, readers and cases random",
    "hillis-rrfc": "Hillis 2013, readers random",
    "or-rrrc": "Obuchowski-Rockette, readers and cases random",
}
_AT = "specificity_at_sensitivity"
Find = Callable[[str], ResultRow | None]


@dataclass(frozen=True)
class StudyTable:
    """A table of the page.

    Attributes:
        title: above it.
        columns, rows: as they are shown; `left` of the columns are text, `opens` are the rows that begin a part.
        source: the same at full precision, under the name of its file.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    source: Table
    left: int = 1
    opens: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        return self.source.name


def section_of(report: Report) -> Section:
    """What the report holds of a reader study."""
    return cast(Section, report.get("reader_study", {}))


def _p_words(p: float) -> str:
    text = wording.p_value(p)
    return f"P {text}" if text.startswith("<") else f"P = {text}"


def study_tables(report: Report) -> list[StudyTable]:
    """Headline, readers and differences, in the order of the page."""
    tables = [_headline(report), _readers(report), _differences(report)]
    return [table for table in tables if table.rows]


def shown(report: Report) -> list[str]:
    """Rows of the headline: averages, models, combinations."""
    section = section_of(report)
    names = [MEAN]
    for model in section["models"]:
        names += [model, hybrid_name(model)]
    names.append(READER_ENSEMBLE)
    names += [hybrid_ensemble_name(model) for model in section["models"]]
    known = {row["name"] for row in report["models"]}
    names += [row["name"] for row in report["models"] if row["name"].startswith("ensemble(")]
    return [name for name in [*names, CONSENSUS] if name in known]


def _given(row: ResultRow) -> Mapping[str, Any]:
    return row.get("given", {})


def rows_of(report: Report, model: str, metric: str) -> list[ResultRow]:
    return [row for row in report["results"] if row["model"] == model and row["metric"] == metric]


def _specificity(report: Report, model: str, *, of: str) -> ResultRow | None:
    rows = (row for row in rows_of(report, model, _AT) if _given(row).get("sensitivity_of") == of)
    return next((row for row in rows if "interpolated" not in row.get("flags", [])), None)


def star_of(report: Report, model: str, metric: str) -> ResultRow | None:
    return next((row for row in rows_of(report, model, "lambda_star") if _given(row).get("of") == metric), None)


def _p(report: Report, model: str, of: str) -> float | None:
    for row in report["comparisons"]:
        if (row["a"], row["b"], row["metric"]) == (model, of, _AT) and "interpolated" not in row["flags"]:
            return row["p"]
    return None


def cell(row: ResultRow | None, digits: int = 3) -> str:
    """`0.892 ± 0.009 (0.871 to 0.911)`: value, sd over readers, interval, as far as there are."""
    if row is None:
        return ""
    if row["value"] is None:
        return wording.NOT_ESTIMABLE
    text = wording.number(row["value"], digits)
    if row.get("sd") is not None:
        text += f" \u00b1 {wording.number(row['sd'], digits)}"
    between = wording.interval(row["low"], row["high"])
    return text + (f" ({between})" if between else "")


def two_lines(row: ResultRow | None, digits: int = 3) -> str:
    """Value and sd, the interval below."""
    return cell(row, digits).replace(" (", "\n").removesuffix(")")


def headline_columns(report: Report) -> list[tuple[str, Callable[[str], ResultRow | None]]]:
    """Heading and finder of every column of the headline that has a cell."""
    section = section_of(report)
    found: list[tuple[str, Find]] = [
        ("AUC", lambda name: area_of(report, name, "auc")),
        ("PRAUC", lambda name: area_of(report, name, "prauc")),
    ]
    if section.get("operating"):
        found += [
            ("Sensitivity", lambda name: next(iter(rows_of(report, name, "sensitivity")), None)),
            ("Specificity", lambda name: next(iter(rows_of(report, name, "specificity")), None)),
        ]
        for of, words in ((MEAN, "readers' mean"), (CONSENSUS, "consensus's")):
            at = wording.number(section["operating"][of][0])
            found.append((f"Specificity at the {words} sensitivity {at}", partial(_specificity, report, of=of)))
    if section["models"]:
        found.append(("\u03bb* for AUC", lambda name: star_of(report, name, "auc")))
        found.append(("\u03bb* for PRAUC", lambda name: star_of(report, name, "prauc")))
    return found


def _headline(report: Report) -> StudyTable:
    columns = headline_columns(report)
    rows: list[tuple[str, ...]] = []
    plain: list[list[object]] = []
    for name in shown(report):
        cells: list[str] = []
        numbers: list[object] = []
        for heading, find in columns:
            row = find(name)
            text = two_lines(row, 2 if heading.startswith("\u03bb") else 3)
            if row is not None and row["metric"] == _AT:
                p = _p(report, name, str(_given(row).get("sensitivity_of")))
                text += f"\n{_p_words(p)}" if p is not None else ""
            cells.append(text)
            numbers += [row[key] if row else None for key in ("value", "low", "high")]
            numbers.append(row.get("sd") if row else None)
        rows.append((name, *cells))
        plain.append([name, *numbers])
    heads = ["name", *(f"{heading}{part}" for heading, _ in columns for part in ("", ", low", ", high", ", sd"))]
    headings = ("", *(heading for heading, _ in columns))
    title = "Readers, models and both together"
    return StudyTable(title, headings, tuple(rows), Table("headline", heads, plain))


def _readers(report: Report) -> StudyTable:
    section = section_of(report)
    columns = ["Reader", "AUC", "PRAUC", *(["Sensitivity", "Specificity"] if section.get("operating") else [])]
    rows: list[tuple[str, ...]] = []
    for name in section["readers"]:
        cells = [cell(area_of(report, name, metric)) for metric in ("auc", "prauc")]
        cells += [wording.number(value) for value in section.get("operating", {}).get(name, [])]
        for model in section["models"]:
            hybrid = hybrid_name(model, name)
            stars = [star_of(report, hybrid, metric) for metric in ("auc", "prauc")]
            cells.append(" / ".join(cell(area_of(report, hybrid, metric)).split(" ")[0] for metric in ("auc", "prauc")))
            cells.append(
                " / ".join(wording.number(star["value"], 2) for star in stars if star and star["value"] is not None)
            )
        rows.append((name, *cells))
    for model in section["models"]:
        columns += [f"With {model}: AUC / PRAUC", "\u03bb* for AUC / PRAUC"]
    source = Table("readers", columns, [list(row) for row in rows])
    return StudyTable("Readers", tuple(columns), tuple(rows), source)


def _metric(row: ComparisonRow) -> str:
    title = wording.metric_title(row["metric"])
    if row["metric"] == _AT:
        of = {MEAN: "readers' mean", CONSENSUS: "consensus's"}[str(row.get("given", {}).get("sensitivity_of"))]
        title = f"Specificity at the {of} sensitivity"
    return title + (", interpolated" if "interpolated" in row["flags"] else "")


def _differences(report: Report) -> StudyTable:
    columns = ("", "Difference (interval)", "P", "P, Holm", "By")
    rows: list[tuple[str, ...]] = []
    opens: set[int] = set()
    before = ""
    for row in sorted(
        report["comparisons"], key=lambda one: (_ORDER.index(one["metric"]), one["at"] is not None and one["b"] != MEAN)
    ):
        if "interpolated" in row["flags"]:
            continue
        title = _metric(row)
        if title != before:
            opens.add(len(rows))
            rows.append((title, "", "", "", ""))
        before = title
        method = row["method"] or ""
        if row["difference"] is None:
            value = wording.NOT_ESTIMABLE
        else:
            between = wording.interval(row["low"], row["high"], " to ")
            value = wording.number(row["difference"]) + (f" ({between})" if between else "")
        rows.append(
            (
                f"{row['a']} \u2212 {row['b']}",
                value,
                wording.p_value(row["p"]),
                wording.p_value(row["p_adjusted"]),
                _METHODS.get(method, method),
            )
        )
    names = ("difference", "low", "high", "p", "p_adjusted", "method")
    plain: list[list[object]] = [
        [_metric(row), row["a"], row["b"], *(row.get(name) for name in names)] for row in report["comparisons"]
    ]
    source = Table("differences", ["metric", "a", "b", *names], plain)
    return StudyTable("Differences", columns, tuple(rows), source, opens=frozenset(opens))


_ORDER = ("auc", "prauc", _AT)


def study_title(report: Report) -> str:
    section, units = section_of(report), report["cohort"].get("units", [])
    counts = f"{units[0]['evaluated']:,} {section['level']}s, {units[0]['positives']:,} positive" if units else ""
    readers = wording.plural(len(section["readers"]), "reader")
    return f"{readers}, {wording.plural(len(section['models']), 'model')}; {counts}"
