"""The page of a reader study: one file with tables, figures and cases that needs no network."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cadkit.evaluation.schema import Report
from cadkit.report import wording
from cadkit.report.figures import scripts, svg
from cadkit.report.gallery import Gallery, gallery_of
from cadkit.report.headline import headline
from cadkit.report.mrmc_tables import mrmc_notes, mrmc_tables, mrmc_title
from cadkit.report.page import TEMPLATES, page_code, policy, safe_json, svg_uri
from cadkit.report.reader_figures import StudyFigure, study_figures
from cadkit.report.reader_methods import study_methods
from cadkit.report.reader_tables import StudyTable, section_of, study_tables, study_title
from cadkit.report.sentences import Methods
from cadkit.report.tables import Table, all_tables

_RESAMPLED = {
    "cases": "cases, with the readers of the study",
    "readers": "readers, with the cases of the study",
    "both": "cases and readers, each apart",
}
_SCALES = {
    "as-is": "as they are",
    "rank": "by rank (midranks as shares)",
    "calibrated": "after Platt's calibration on the validation table",
}


def drawn_study(report: Report, folder: Path) -> tuple[dict[str, str], dict[str, str], str]:
    """Drawings, and tables with the methods paragraph, of a reader study by file name, and the HTML of its page.

    Args:
        report: with a part `reader_study`.
        folder: of the report; pictures of cases are read below it.
    """
    figures = [(figure, svg(figure.spec)) for figure in study_figures(report)]
    tables = mrmc_tables(report) if is_mrmc(report) else study_tables(report)
    others = [table for table in all_tables(report, headline(report)) if table.name not in ("headline", "comparisons")]
    every: list[Table] = [
        *(table.source for table in tables), *others, *(figure.table for figure, _ in figures),
    ]  # fmt: skip
    said = study_methods(report)
    page = render_study(report, tables, others, figures, gallery_of(report, folder), said)
    drawings = {f"{figure.name}.svg": drawing for figure, drawing in figures}
    return drawings, {**{f"{table.name}.csv": table.csv() for table in every}, "methods.txt": said.text()}, page


def is_mrmc(report: Report) -> bool:
    """Whether the study is of readers in modalities, not of readers beside models."""
    return "mrmc" in report.get("reader_study", {})


def render_study(
    report: Report,
    tables: list[StudyTable],
    others: list[Table],
    figures: list[tuple[StudyFigure, str]],
    gallery: Gallery,
    said: Methods,
) -> str:
    """The HTML of a reader study; `said` is the methods paragraph."""
    code = page_code("dataset.js")
    vega = scripts() if figures else ""
    data = {
        "csv": {table.name: table.source.csv() for table in tables}
        | {table.name: table.csv() for table in others}
        | {figure.table.name: figure.table.csv() for figure, _ in figures}
        | {"methods.txt": said.text()},
        "figures": [{"name": figure.name, "spec": figure.spec} for figure, _ in figures],
    }
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(image_uri=svg_uri)
    styles = ("report.css", "dataset.css", "reader_study.css")
    return environment.get_template("reader_study.html.j2").render(
        report=report,
        title=mrmc_title(report) if is_mrmc(report) else study_title(report),
        name=report["inputs"][0]["name"] if report["inputs"] else "",
        facts=[] if is_mrmc(report) else _facts(report),
        tables=tables,
        others=others,
        figures=figures,
        gallery=gallery,
        said=said,
        narrow=is_mrmc(report),
        notes=mrmc_notes(report) if is_mrmc(report) else _notes(report),
        wording=wording,
        style=Markup("\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in styles)),
        vega=Markup(vega),
        code=Markup(code),
        data=safe_json(data),
        policy=policy([script for script in (vega, code) if script]),
    )


def _facts(report: Report) -> list[tuple[str, str]]:
    section, units = section_of(report), report["cohort"].get("units", [])
    facts = [("Readers", f"{len(section['readers']):,}"), ("Models", f"{len(section['models']):,}")]
    facts += [("Cases", f"{report['cohort']['patients']:,}")]
    for one in units:
        facts += [(f"{section['level'].capitalize()}s", f"{one['evaluated']:,}"), ("Positive", f"{one['positives']:,}")]
    return facts


def _notes(report: Report) -> list[str]:
    """How the numbers came about, a sentence each."""
    section, settings = section_of(report), report["settings"]
    notes = []
    if settings.get("bootstrap"):
        notes.append(
            f"Intervals: percentile bootstrap, {settings['bootstrap']:,} replicates (seed {report['seed']}) of "
            f"{_RESAMPLED[settings['resample']]}; {100 * settings['ci']:g}%."
        )
    notes.append("After \u00b1: standard deviation over readers (n \u2212 1).")
    if section["models"]:
        notes.append(
            f"Hybrids: {section['weight']:g} times the reader's score and {1 - section['weight']:g} times the model's, "
            f"scores {_SCALES[section['scale']]}. \u03bb* is the smallest of 101 weights of the reader with the "
            "largest area, chosen on these data and so optimistic."
        )
    if section.get("operating"):
        notes.append(
            "Specificities at the readers' sensitivities: the largest at which the sensitivity is reached; in every "
            "replicate the sensitivity is that of the replicate. P: against the readers' mean specificity, or the "
            "consensus's. Consensus: majority of the binary reads, ties recalled."
        )
    notes.append("Holm's P is over all differences of one number by one method.")
    return notes
