"""What a dataset holds, as a page: one file with figures and tables that needs no network."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cadkit import __version__
from cadkit.data.prevalence import METHOD
from cadkit.data.summary import Group, Summary
from cadkit.files import write_text
from cadkit.report.dataset_figures import dataset_figures
from cadkit.report.dataset_terminal import (
    TITLES,
    between,
    capped,
    interval_text,
    notes,
    share_text,
    size_text,
    spacing_text,
    view_rows,
)
from cadkit.report.figures import scripts, svg
from cadkit.report.page import TEMPLATES, page_code, policy, safe_json, svg_uri

_FORMATS = 30


@dataclass(frozen=True)
class PageTable:
    """A table of the page.

    Attributes:
        name: id of the table, and of its CSV file when it is copied.
        title: above it.
        columns: their headings.
        rows: cells as they are shown.
        plain: the same for the CSV file, numbers as numbers.
        left: number of columns that are text.
        opens: rows that begin a part of the table.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    plain: tuple[tuple[object, ...], ...]
    left: int = 1
    opens: frozenset[int] = frozenset()

    def csv(self) -> str:
        """The table as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.plain)
        return text.getvalue()


def write_dataset_page(summary: Summary, path: str | Path) -> Path:
    """Write the page of a dataset.

    Args:
        summary: what is in it (`cadkit.data.summary.summarize`).
        path: of the HTML file.

    Returns:
        The path.
    """
    write_text(path, render_dataset(summary))
    return Path(path)


def render_dataset(summary: Summary) -> str:
    """The HTML of a dataset's page; no id of a patient, exam or image is in it."""
    figures = dataset_figures(summary)
    tables = (_labels(summary), _parts(summary), *_others(summary))
    code = page_code("dataset.js")
    vega = scripts() if figures else ""
    data = {
        "csv": {table.name: table.csv() for table in tables},
        "figures": [{"name": figure.name, "spec": figure.spec} for figure in figures],
    }
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(image_uri=svg_uri)
    return environment.get_template("dataset.html.j2").render(
        summary=summary,
        version=__version__,
        facts=_facts(summary),
        between=between(summary),
        labels=tables[0],
        parts=tables[1],
        others=tables[2:],
        figures=[(figure, svg(figure.spec)) for figure in figures],
        method=METHOD,
        notes=notes(summary),
        style=Markup(
            "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "dataset.css"))
        ),
        vega=Markup(vega),
        code=Markup(code),
        data=safe_json(data),
        policy=policy([script for script in (vega, code) if script]),
    )


def _facts(summary: Summary) -> list[tuple[str, str]]:
    whole, store = summary.whole, summary.store
    facts = [
        *(("Patients", f"{whole.patients:,}"), ("Exams", f"{whole.exams:,}"), ("Breasts", f"{whole.breasts:,}")),
        *(("Images", f"{whole.images:,}"), ("Findings", f"{summary.findings:,}")),
        ("Prepared", f"{store.prepared:,}" if store.state == "complete" else "no"),
    ]
    facts += [(f"Positive for {label}", interval_text(found)) for label, found in whole.labels.items()]
    return facts


def _labels(summary: Summary) -> PageTable:
    rows: list[tuple[str, ...]] = []
    plain: list[tuple[object, ...]] = []
    groups = [summary.whole, *summary.groups.get("split", ())]
    for label in summary.labels:
        for group in groups:
            found = group.labels[label]
            rows.append(
                (label if group is groups[0] else "", group.name, f"{found.positives:,}", f"{found.known:,}",
                 interval_text(found), f"{found.patients:,}", f"{found.unknown:,}")
            )  # fmt: skip
            plain.append(
                (label, group.name, found.positives, found.known, found.share, found.low, found.high, found.patients,
                 found.unknown)
            )  # fmt: skip
    return PageTable(
        "labels",
        "Labels",
        ("Label", "Split", "Positive", "Known", "Share (95% interval)", "Patients", "Unknown"),
        tuple(rows),
        tuple(plain),
        left=2,
        opens=frozenset(range(0, len(rows), len(groups))),
    )


def _parts(summary: Summary) -> PageTable:
    rows: list[tuple[str, ...]] = []
    plain: list[tuple[object, ...]] = []
    opens = set()
    for variable, title in TITLES.items():
        for number, group in enumerate(summary.groups.get(variable, ())):
            if number == 0:
                opens.add(len(rows))
            shares = tuple(f"{found.positives:,} ({share_text(found)})" for found in group.labels.values())
            rows.append((title if number == 0 else "", group.name, *(f"{n:,}" for n in _counts(group)), *shares))
            plain.append((title, group.name, *_counts(group), *(found.positives for found in group.labels.values())))
    columns = ("", "Value", "Patients", "Exams", "Breasts", "Images", *summary.labels)
    return PageTable("parts", "Parts", columns, tuple(rows), tuple(plain), left=2, opens=frozenset(opens))


def _counts(group: Group) -> tuple[int, int, int, int]:
    return group.patients, group.exams, group.breasts, group.images


def _others(summary: Summary) -> Iterable[PageTable]:
    yield _numbers("views", "Standard views", ("Exams with images", "Exams"), view_rows(summary))
    yield _numbers("visits", "Visits", ("Exams of a patient", "Patients"), capped(summary.exams_per_patient, 10))
    if summary.finding_groups:
        findings = [(g.label, g.kind, g.findings, g.lesions, g.images) for g in summary.finding_groups]
        columns = ("Label", "Kind", "Findings", "Lesions", "Images")
        yield _numbers("findings", "Findings", columns, findings, left=2)
    formats = [
        (one.vendor or "unknown", size_text(one.rows, one.columns), spacing_text(one.pixel_spacing_mm), one.images)
        for one in summary.formats
    ]
    shown = formats[:_FORMATS]
    if more := formats[_FORMATS:]:
        shown.append((f"{len(more)} more", "", "", sum(row[3] for row in more)))
    headings = ("Vendor", "Rows x columns", "Spacing (mm)", "Images")
    yield _numbers("formats", "Sizes and spacing", headings, shown, left=2)
    if summary.problems:
        problems = [(p.step, p.rule, p.count) for p in summary.problems]
        yield _numbers("problems", "Left out or doubtful (problems.csv)", ("Step", "Rule", "Rows"), problems, left=2)


def _numbers(
    name: str, title: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]], left: int = 1
) -> PageTable:
    plain = tuple(rows)
    shown = tuple(tuple(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row) for row in plain)
    return PageTable(name, title, columns, shown, plain, left)
