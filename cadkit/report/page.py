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

from cadkit.evaluation.schema import CohortStep, Report, ResultRow
from cadkit.report import wording
from cadkit.report.curves import Figure
from cadkit.report.figures import interactive, scripts
from cadkit.report.gallery import WHY, Gallery
from cadkit.report.headline import Headline, Notes, interval_methods, paired
from cadkit.report.reading import WHOLE, is_chance, model_order
from cadkit.report.tables import Table

TEMPLATES = Path(__file__).parent / "templates"
_IDS_SHOWN = 200


def render(
    report: Report,
    first: Headline,
    tables: Iterable[Table],
    figures: list[tuple[Figure, dict[str, Any], str]],
    gallery: Gallery,
) -> str:
    """The HTML of a report.

    Args:
        report: the result.
        first: its headline.
        tables: those that can be copied.
        figures: each with its specification and its SVG.
        gallery: the drawn cases.
    """
    code = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    vega = scripts() if figures else ""
    data = {
        "csv": {table.name: table.csv() for table in tables},
        "figures": [_figure_data(figure, spec) for figure, spec, _ in figures],
        "countsFalseMarks": (report["settings"].get("froc") or {}).get("fp_images", "all") == "all",
    }
    notes, all_notes = Notes(), Notes()
    shown = [row for one in first.rows for row in one.cells.values()]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        number=wording.number, rate=wording.rate, p_value=wording.p_value, image_uri=svg_uri, count="{:,}".format
    )
    return environment.get_template("report.html.j2").render(
        report=report,
        title=_title(report),
        facts=_facts(report),
        first=first,
        by_label=[(label, list(rows)) for label, rows in groupby(first.rows, key=lambda row: row.label)],
        notes=notes,
        all_notes=all_notes,
        methods=interval_methods(report, shown),
        froc_rule=wording.froc_rule(report["settings"]) if first.detection else [],
        definitions=_definitions(report["results"]),
        flow=_flow(report["cohort"]["steps"]),
        left_out=_left_out(report),
        labels=_by_label(figures),
        results=_grouped(report),
        subgroups=any(row["subgroup"] not in WHOLE for row in report["results"]),
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
        data=safe_json(data),
        policy=policy([script for script in (vega, code) if script]),
    )


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


def _figure_data(figure: Figure, spec: dict[str, Any]) -> dict[str, Any]:
    """A figure for the script: its curves by column, from which the script fills the named data again."""
    light = interactive(figure, spec)
    del light["datasets"]["points"]
    return {
        "name": figure.name,
        "kind": figure.kind,
        "pair": [figure.label, figure.level],
        "end": figure.end,
        "level": figure.level,
        "spec": light,
        "series": [
            {
                "model": one.model, "legend": one.legend, "n": one.n, "positives": one.positives, "chance": one.chance,
                "x": one.curve["x"], "y": one.curve["y"], "threshold": one.curve["threshold"],
            }
            for one in figure.series
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
    for label, count in cohort["positives"].get("breast", {}).items():
        facts.append((f"Breasts {label}", f"{count:,}"))
    return facts


def _counts(step: CohortStep) -> dict[str, int]:
    return {"exam": step["exams"], "breast": step["breasts"], "image": step["images"]}


def _definitions(rows: Iterable[ResultRow]) -> list[tuple[str, str]]:
    """(title, sentence) of every metric that the report gives."""
    metrics = dict.fromkeys(row["metric"] for row in rows)
    return [(wording.metric_title(name), wording.sentence(name)) for name in metrics if wording.sentence(name)]


def _flow(steps: list[CohortStep]) -> list[dict[str, Any]]:
    """Steps of the cohort, each with what was lost on the way to it."""
    flow: list[dict[str, Any]] = []
    for before, step in zip([None, *steps], steps, strict=False):
        now = _counts(step)
        then = _counts(before) if before else now
        lost = ["\u2212" + wording.plural(then[name] - now[name], name) for name in now if then[name] != now[name]]
        flow.append({"step": step, "lost": lost})
    return flow


def _grouped(report: Report) -> list[ResultRow]:
    """All results, those of a label and model together."""
    labels = list(dict.fromkeys(row["label"] for row in report["results"]))
    models = paired(model_order(report))
    return sorted(report["results"], key=lambda row: (labels.index(row["label"]), models.index(row["model"])))


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


def _by_label(figures: list[tuple[Figure, dict[str, Any], str]]) -> dict[str, list[tuple[Figure, dict[str, Any], str]]]:
    groups: dict[str, list[tuple[Figure, dict[str, Any], str]]] = {}
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
