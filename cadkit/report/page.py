"""The page: report.html, one file that needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cadkit.evaluation.schema import CohortStep, ComparisonRow, Report, ResultRow
from cadkit.report import wording
from cadkit.report.drawings import Drawing
from cadkit.report.figures import interactive, scripts
from cadkit.report.gallery import WHY, Gallery
from cadkit.report.headline import Headline, Notes, interval_methods, paired
from cadkit.report.operating import starting_points, units_of
from cadkit.report.reading import WHOLE, is_chance, model_order, tells
from cadkit.report.sentences import Methods
from cadkit.report.tables import Table

TEMPLATES = Path(__file__).parent / "templates"
_IDS_SHOWN = 200


def render(
    report: Report,
    first: Headline,
    tables: Iterable[Table],
    figures: list[tuple[Drawing, str]],
    gallery: Gallery,
    said: Methods,
) -> str:
    """The HTML of a report.

    Args:
        report: the result.
        first: its headline.
        tables: those that can be copied.
        figures: each with its SVG.
        gallery: the drawn cases.
        said: the methods paragraph.
    """
    code = page_code("report.js")
    vega = scripts() if figures else ""
    notes, all_notes = Notes(), Notes()
    shown = [*(row for one in first.rows for row in one.cells.values()), *first.further]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            title=_title(report),
            facts=_facts(report),
            first=first,
            by_label=[(label, list(rows)) for label, rows in groupby(first.rows, key=lambda row: row.label)],
            notes=notes,
            all_notes=all_notes,
            intervals=interval_methods(report, shown),
            said=said,
            froc_rule=wording.froc_rule(report["settings"]) if first.detection else [],
            definitions=_definitions(report["results"]),
            flow=_flow(report),
            left_out=_left_out(report),
            labels=_by_label(figures),
            results=_grouped(report),
            subgroups=any(row["subgroup"] not in WHOLE for row in report["results"]),
            compared=_compared(report, whole=True),
            parted=_compared(report, whole=False),
            margins=any("margin" in row for row in report["comparisons"]),
            gallery=gallery,
            choices=_choices(report),
            why=WHY,
            wording=wording,
            is_chance=is_chance,
            settings=list(_flat(report["settings"])),
            input_columns=list(dict.fromkeys(name for row in report["inputs"] for name in row)),
            style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
            vega=Markup(vega),
            code=Markup(code),
            data=safe_json(_data(report, tables, figures, said)),
            policy=policy([script for script in (vega, code) if script]),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        number=wording.number, rate=wording.rate, p_value=wording.p_value, image_uri=svg_uri, count="{:,}".format
    )
    return environment


def _data(report: Report, tables: Iterable[Table], figures: list[tuple[Drawing, str]], said: Methods) -> dict[str, Any]:
    """What the script of the page works on."""
    of_plots = [drawing.table for drawing, _ in figures if drawing.curve is None]
    return {
        "csv": {table.name: table.csv() for table in (*tables, *of_plots)},
        "figures": [_figure_data(report, drawing) for drawing, _ in figures],
        "methods": said.text(),
        "prevalence": report["settings"].get("prevalence"),
        "countsFalseMarks": (report["settings"].get("froc") or {}).get("fp_images", "all") == "all",
    }


def page_code(name: str) -> str:
    """The script of a page: what all pages share, then its own, in one function so that no name is global."""
    shared, own = ((TEMPLATES / file).read_text(encoding="utf-8") for file in ("page.js", name))
    return f'"use strict";\n(() => {{\n{shared}\n{own.rstrip()}\n}})();\n'


def policy(scripts_of_page: list[str]) -> str:
    """Content security: only the page's own scripts run, and nothing is ever asked of a network."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts_of_page]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def safe_json(data: Any) -> Markup:
    """JSON that no text in it can end early: `<`, `>` and `&` are written as escapes."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def svg_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _figure_data(report: Report, drawing: Drawing) -> dict[str, Any]:
    """A figure for the script: its curves by column, from which the script fills the named data again."""
    figure = drawing.curve
    entry: dict[str, Any] = {"name": drawing.name, "kind": drawing.kind, "spec": drawing.spec}
    if figure is None:
        return entry
    light = interactive(figure, drawing.spec)
    del light["datasets"]["points"]
    return entry | {
        "pair": [figure.label, figure.level],
        "end": figure.end,
        "level": figure.level,
        "spec": light,
        "units": units_of(report, figure),
        "series": [
            {
                "model": one.model, "legend": one.legend, "n": one.n, "positives": one.positives, "chance": one.chance,
                "start": start, "x": one.curve["x"], "y": one.curve["y"], "threshold": one.curve["threshold"],
            }
            for one, start in zip(figure.series, starting_points(report, figure), strict=True)
        ],
    }  # fmt: skip


def _title(report: Report) -> str:
    names = [model["name"] for model in report["models"]]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    data = next((row.get("name") for row in report["inputs"] if row.get("kind") == "dataset"), None)
    return f"{shown} on {data}" if data else shown


def _facts(report: Report) -> list[tuple[str, str]]:
    """The cohort in a few numbers: (name, count)."""
    cohort = report["cohort"]
    last = cohort["steps"][-1] if cohort["steps"] else None
    facts = [("Patients", f"{cohort['patients']:,}")]
    if last:
        facts += [(f"{name.capitalize()}s", f"{count:,}") for name, count in _counts(last).items()]
    else:
        rows = {unit["level"]: unit["evaluated"] for unit in cohort.get("units", [])}
        facts += [(f"{level.capitalize()}s", f"{count:,}") for level, count in rows.items()]
        facts += [(f"Positive for {unit['label']}", f"{unit['positives']:,}") for unit in cohort.get("units", [])]
    for label, count in cohort["positives"].get("breast", {}).items():
        facts.append((f"Breasts {label}", f"{count:,}"))
    return facts


def _counts(step: CohortStep) -> dict[str, int]:
    return {"exam": step["exams"], "breast": step["breasts"], "image": step["images"]}


def _definitions(rows: Iterable[ResultRow]) -> list[tuple[str, str]]:
    """(title, sentence) of every metric that the report gives."""
    levels: dict[str, list[str]] = {}
    for row in rows:
        levels.setdefault(row["metric"], []).append(row["level"])
    sentences = {name: wording.sentence(name, " or ".join(dict.fromkeys(found))) for name, found in levels.items()}
    return [(wording.metric_title(name), text) for name, text in sentences.items() if text]


def _flow(report: Report) -> list[dict[str, Any]]:
    """Steps of the cohort, each with its counts and with what was lost on the way to it."""
    flow: list[dict[str, Any]] = []
    steps = report["cohort"]["steps"]
    for before, step in zip([None, *steps], steps, strict=False):
        now = _counts(step)
        then = _counts(before) if before else now
        lost = ["\u2212" + wording.plural(then[name] - now[name], name) for name in now if then[name] != now[name]]
        counts = [wording.plural(count, name) for name, count in now.items()]
        flow.append({"step": step["step"], "counts": counts, "lost": lost, "reason": step["reason"]})
    # A table of scores knows rows alone.
    for unit in report["cohort"].get("units", []) if not steps else ():
        name, unknown = unit["level"], unit["unknown"]
        lost = ["\u2212" + wording.plural(unknown, name)] if unknown else []
        parts = [f"{unit['positives']:,} positive", f"{unit['negatives']:,} negative"]
        flow += [
            {"step": "in the table", "counts": [wording.plural(unit["eligible"], name)], "lost": [], "reason": ""},
            {"step": "evaluated", "counts": [wording.plural(unit["evaluated"], name), *parts], "lost": lost,
             "reason": f"{unit['label']} unknown"},
        ]  # fmt: skip
    return flow


def _grouped(report: Report) -> list[ResultRow]:
    """All results, those of a label and model together."""
    labels = list(dict.fromkeys(row["label"] for row in report["results"]))
    models = paired(model_order(report))
    rows = [row for row in report["results"] if tells(row)]
    return sorted(rows, key=lambda row: (labels.index(row["label"]), models.index(row["model"])))


def _compared(report: Report, *, whole: bool) -> list[ComparisonRow]:
    """Comparisons in the whole cohort or in its subgroups, those of a label, subgroup and pair of models together."""
    rows = [row for row in report["comparisons"] if (row["subgroup"] in WHOLE) == whole]
    groups: dict[tuple[str, str, str, str], list[ComparisonRow]] = {}
    for row in rows:
        groups.setdefault((row["label"], row["subgroup"], row["a"], row["b"]), []).append(row)
    labels = list(dict.fromkeys(row["label"] for row in rows))
    return [row for key in sorted(groups, key=lambda key: labels.index(key[0])) for row in groups[key]]


def _left_out(report: Report) -> list[dict[str, Any]]:
    """Units that were left out, grouped by reason."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in report["cohort"]["left_out"]:
        groups.setdefault((row["reason"], row["level"], row.get("model", "")), []).append(row["id"])
    return [
        {"reason": reason, "level": level, "model": model, "count": len(ids), "ids": ids[:_IDS_SHOWN],
         "more": max(0, len(ids) - _IDS_SHOWN)}
        for (reason, level, model), ids in groups.items()
    ]  # fmt: skip


def _by_label(figures: list[tuple[Drawing, str]]) -> dict[str, list[tuple[Drawing, str]]]:
    groups: dict[str, list[tuple[Drawing, str]]] = {}
    for one in figures:
        groups.setdefault(one[0].label, []).append(one)
    return groups


def _choices(report: Report) -> dict[str, list[tuple[str, int]]]:
    """The values that the gallery can be filtered by, each with its number of cases."""
    cases = report["cases"]
    return {
        "model": list(Counter(case["model"] for case in cases).items()),
        "label": list(Counter(case["label"] for case in cases).items()),
        "why": list(Counter(str(case["why"]) for case in cases).items()),
    }


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Settings as (dotted key, text)."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{key}", ", ".join(str(one) for one in value) or "none named"
        else:
            yield f"{prefix}{key}", "none" if value is None else str(value)
