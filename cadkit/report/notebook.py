"""A report in a notebook and in print: tables as frames, figures as charts, the headline with notes and warnings."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from cadkit import html
from cadkit.errors import InputError
from cadkit.evaluation.schema import Report, ResultRow
from cadkit.report import wording
from cadkit.report.charts import Chart
from cadkit.report.compared import compared_tables
from cadkit.report.headline import Headline, HeadlineRow, Key, Notes, headline, interval_methods
from cadkit.report.methods import methods
from cadkit.report.plots import Plot
from cadkit.report.reading import read_report
from cadkit.report.tables import Table, all_tables
from cadkit.report.terminal import terminal_table

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Group

    from cadkit.report.curves import Figure
    from cadkit.report.reader_tables import StudyTable

# What must be asked for, or be so, that a report has a figure of a kind.
_FIGURES = {
    "roc": "It needs positives and negatives of known truth.",
    "pr": "It needs positives and negatives of known truth.",
    "froc": "It takes cadkit.evaluate(..., froc=True).",
    "histogram": "It needs positives and negatives of known truth.",
    "reliability": "It needs scores that are probabilities.",
    "decision": "It needs scores that are probabilities.",
    "forest": 'It takes by=("density",) or another column.',
    "differences": "It takes two models.",
}
_NAMED = 4  # models in a line
_TABLES = {
    "comparisons": "It takes two models.",
    "correlations": "It takes correlations=True.",
    "worst-case": "It needs units that a model did not answer.",
    "left-out": "Nothing was left out.",
    "curves": "plot() draws them; every point stands in curves/KIND-LABEL-LEVEL.csv of the report's folder.",
    "cases": "It takes a dataset whose images are prepared, and cases=6.",
}


class EvaluationReport:
    """A result to look at, as `cadkit evaluate`, `cadkit compare` and `cadkit reader-study` write it.

    In a notebook it shows its headline with notes and warnings, and `print` gives what the command line prints;
    `table`, `plot` and `methods` give the rest.

    Attributes:
        report: the content of report.json.
        folder: where it lies, with report.html, figures and tables; None if nowhere.
    """

    def __init__(self, report: Report, folder: Path | None = None) -> None:
        self.report, self.folder = report, folder
        self._found: list[tuple[Plot, Figure | None]] | None = None

    @classmethod
    def open(cls, folder: str | Path) -> EvaluationReport:
        """The report of a folder.

        Raises:
            InputError: there is none, or it is of another version.
        """
        return cls(read_report(Path(folder)), Path(folder))

    @property
    def warnings(self) -> list[str]:
        """What the reader of the numbers must know."""
        return [warning["text"] for warning in self.report["warnings"]]

    @property
    def tables(self) -> list[str]:
        """Names of the tables, that which is shown first in front."""
        return [table.name for table in self._tables()]

    def table(self, name: str | None = None) -> pl.DataFrame:
        """A table at full precision; undefined values are null.

        Args:
            name: one of `tables`; the first of them by default, `headline` of an evaluation.

        Raises:
            InputError: the report has no such table; the message names those that it has.
        """
        tables = self._tables()
        found = next((table for table in tables if name in (None, table.name)), None)
        if found is None:
            there = ", ".join(table.name for table in tables) or "none"
            raise InputError(
                "the report has no such table", value=name, mend=f"There are {there}. {_TABLES.get(str(name), '')}"
            )
        return found.frame()

    @property
    def plots(self) -> list[tuple[str, str, str]]:
        """(kind, label, level) of every figure."""
        return [(one.kind, one.label, one.level) for one, _ in self._figures()]

    def plot(
        self, kind: str | tuple[str, str, str] = "roc", label: str | None = None, level: str | None = None
    ) -> Chart:
        """A figure, the first that fits.

        Curves have the points that draw them; every point stands in `folder / "curves"`, a CSV per kind, label and
        level.

        Args:
            kind: roc, pr, froc, histogram, reliability, decision, forest or differences; of a reader study one of
                `plots`. Or one of `plots` as it stands there, kind, label and level.
            label, level: of the figure; None for any.

        Raises:
            InputError: the report has no such figure; the message names those that it has, and what the other takes.
        """
        if not isinstance(kind, str):
            return self.plot(*kind)
        for one, curve in self._figures():
            if one.kind == kind and label in (None, one.label) and level in (None, one.level):
                return Chart(one, curve)
        asked = ", ".join(str(word) for word in (kind, label, level) if word)
        raise InputError("the report has no such figure", value=asked, mend=self._instead(kind))

    def _instead(self, kind: str) -> str:
        """What figures there are in place of one that there is not, and what that one takes."""
        own = [f"{label} per {level}" for one, label, level in self.plots if one == kind and label]
        if own:
            return f"There is {kind} of {', '.join(own)}."
        kinds = ", ".join(dict.fromkeys(one for one, _, _ in self.plots)) or "none"
        return f"There are {kinds}. {'' if self._is_study else _FIGURES.get(kind, '')}"

    def methods(self) -> str:
        """The methods paragraph with its references."""
        return methods(self.report).text()

    @property
    def _is_study(self) -> bool:
        return "reader_study" in self.report

    def _tables(self) -> list[Table]:
        tables = all_tables(self.report, headline(self.report))
        if not self._is_study:
            return tables
        own = [table.source for table in self._study_tables()]
        names = {"headline", "comparisons", *(table.name for table in own)}
        return [*own, *(table for table in tables if table.name not in names)]

    def _study_tables(self) -> list[StudyTable]:
        from cadkit.report.mrmc_tables import mrmc_tables
        from cadkit.report.reader_page import is_mrmc
        from cadkit.report.reader_tables import study_tables

        return mrmc_tables(self.report) if is_mrmc(self.report) else study_tables(self.report)

    def _figures(self) -> list[tuple[Plot, Figure | None]]:
        if self._found is None:
            from cadkit.report.drawings import drawings_of
            from cadkit.report.reader_figures import study_figures

            if self._is_study:
                made = study_figures(self.report)
                self._found = [(Plot(one.name, one.name, "", "", one.title, one.spec, one.table), None) for one in made]
            else:
                self._found = [(one, one.curve) for one in drawings_of(self.report)]
        return self._found

    def __repr__(self) -> str:
        return f"<report of {self._models()}: {len(self.report['results']):,} results>"

    def __str__(self) -> str:
        from rich.console import Console

        # Not a terminal of its own, so that no escape sequences are in it; as wide as the one that it is printed on.
        written = io.StringIO()
        Console(file=written, width=Console().width, color_system=None).print(self._printed())
        return "\n".join(line.rstrip() for line in written.getvalue().splitlines())

    def _printed(self) -> Group:
        """What the command that made it prints."""
        if self._is_study:
            from cadkit.report.reader_terminal import printed_study

            return printed_study(self.report)
        tables = [one for one in self.report["inputs"] if one["kind"] == "table"]
        return compared_tables(self.report) if tables else terminal_table(self.report)

    def _models(self) -> str:
        names = [model["name"] for model in self.report["models"]]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return ", ".join(names[:_NAMED]) + more

    def _repr_html_(self) -> str:
        return html.shown(lambda: self._heading() + (self._study() if self._is_study else _shown(self.report)))

    def _heading(self) -> str:
        report = self.report
        on = report["inputs"][0]["name"] if report["inputs"] else ""
        split = report["cohort"].get("split", "")
        patients = report["cohort"]["patients"]
        place = f"on {on}" + (f", {split}" if split else "") if on else ""
        said = "; ".join(part for part in (place, f"{patients:,} patients" if patients else "") if part)
        lies = html.line(f"Page, figures and tables: {self.folder}") if self.folder is not None else ""
        return html.title(self._models(), said) + lies

    def _study(self) -> str:
        tables = [html.line(one.title) + html.table(one.columns, one.rows, one.left) for one in self._study_tables()]
        return "".join(tables) + _warnings(self.report)


def _shown(report: Report) -> str:
    """The headline as the terminal has it: numbers with intervals and denominators, notes, warnings."""
    first, notes = headline(report), Notes()
    labels = dict.fromkeys(row.label for row in first.rows)
    tables = [_headlines(label, [row for row in first.rows if row.label == label], first, notes) for label in labels]
    return ("".join(tables) or html.line("There are no results.")) + _notes(report, first, notes) + _warnings(report)


def _headlines(label: str, rows: list[HeadlineRow], first: Headline, notes: Notes) -> str:
    """A row for each number, a column for each model."""
    lines: list[list[str]] = []
    for keys, counted, positive in (
        (first.classification, f"{first.level}s", "positive"),
        (first.detection, "images", f"{first.unit}s"),
        (first.localization, "images with a finding", ""),
    ):
        if not any(row.group(keys) for row in rows):
            continue
        name = ", ".join(part for part in (counted, positive) if part)
        lines.append([name, *(_counts(row.group(keys), positive) for row in rows)])
        shown = [key for key in keys if any(key in row.cells for row in rows)]
        lines += [[wording.metric_title(*key), *(_cell(row, key, notes) for row in rows)] for key in shown]
    return html.table([label, *(row.shown_as for row in rows)], lines)


def _counts(row: ResultRow | None, positive: str) -> str:
    if row is None:
        return ""
    return f"{row['n']:,}" + (f", {row['positives']:,}" if positive and row["positives"] is not None else "")


def _cell(row: HeadlineRow, key: Key, notes: Notes) -> str:
    found = row.cells.get(key)
    if found is None:
        return ""
    letters = "".join(f" {letter}" for letter in notes.of(found))
    if found["value"] is None:
        return wording.NOT_ESTIMABLE + letters
    between = wording.spread(found)
    return wording.number(found["value"]) + (f" ({between})" if between else "") + letters


def _notes(report: Report, first: Headline, notes: Notes) -> str:
    said = [f"{letter}  {text}" for letter, text in notes.lettered()]
    said += interval_methods(report, [found for row in first.rows for found in row.cells.values()])
    if first.detection:
        said.append(" ".join(wording.froc_rule(report["settings"])))
    return "".join(html.line(text) for text in said if text)


def _warnings(report: Report) -> str:
    return "".join(html.title("Warning", warning["text"]) for warning in report["warnings"])
