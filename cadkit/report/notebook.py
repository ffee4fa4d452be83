"""A report in a notebook: its tables as data frames, its figures as charts."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cadkit.errors import InputError
from cadkit.evaluation.schema import Report
from cadkit.report import wording
from cadkit.report.headline import headline
from cadkit.report.methods import methods
from cadkit.report.reading import read_report
from cadkit.report.tables import Table, all_tables

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

    from cadkit.report.drawings import Drawing

    Chart = alt.LayerChart | alt.HConcatChart | alt.VConcatChart


class EvaluationReport:
    """A result to look at, as `cadkit evaluate` and `cadkit compare` write it.

    In a notebook it shows its headline; `table`, `plot` and `methods` give the rest.

    Args:
        report: the content of report.json.
        folder: where it lies, with report.html, figures and tables; None if nowhere.
    """

    def __init__(self, report: Report, folder: Path | None = None) -> None:
        self.report, self.folder = report, folder
        self._drawings: list[Drawing] | None = None

    @classmethod
    def open(cls, folder: str | Path) -> EvaluationReport:
        """The report of a folder.

        Raises:
            InputError: there is none, or it is of another version.
        """
        return cls(read_report(Path(folder)), Path(folder))

    @property
    def tables(self) -> list[str]:
        """Names of the tables, `headline` first."""
        return [table.name for table in self._tables()]

    def table(self, name: str = "headline") -> pl.DataFrame:
        """A table at full precision; undefined values are null.

        Raises:
            InputError: the report has no such table.
        """
        import polars as pl

        found = next((table for table in self._tables() if table.name == name), None)
        if found is None:
            raise InputError("there is no such table", value=name, mend=f"There are {', '.join(self.tables)}.")
        return pl.DataFrame(found.rows, schema=found.columns, orient="row", strict=False, infer_schema_length=None)

    @property
    def plots(self) -> list[tuple[str, str, str]]:
        """(kind, label, level) of every figure."""
        return [(one.kind, one.label, one.level) for one in self._figures()]

    def plot(self, kind: str = "roc", *, label: str | None = None, level: str | None = None) -> Chart:
        """A figure as an interactive chart, the first that fits.

        Args:
            kind: roc, pr, froc, histogram, reliability, decision, forest or differences.
            label, level: of the figure; None for any.

        Raises:
            InputError: the report has no such figure.
        """
        from cadkit.report.figures import interactive
        from cadkit.report.style import PAPER

        fitting = (
            one for one in self._figures()
            if one.kind == kind and label in (None, one.label) and level in (None, one.level)
        )  # fmt: skip
        found = next(fitting, None)
        if found is None:
            asked = ", ".join(word for word in (kind, label, level) if word)
            there = "; ".join(", ".join(one) for one in self.plots) or "none"
            raise InputError("there is no such figure", value=asked, mend=f"There are: {there}.")
        spec = found.spec if found.curve is None else interactive(found.curve, found.spec)
        spec = {**spec, "datasets": {"operating": [], **spec["datasets"]}, "config": PAPER}
        kind_of_chart = next(made for key, made in self._charts().items() if key in spec)
        chart: Chart = kind_of_chart.from_dict(spec, validate=False)
        return chart

    @staticmethod
    def _charts() -> dict[str, type[Chart]]:
        import altair as alt

        return {"layer": alt.LayerChart, "hconcat": alt.HConcatChart, "vconcat": alt.VConcatChart}

    def methods(self) -> str:
        """The methods paragraph with its references."""
        return methods(self.report).text()

    def _tables(self) -> list[Table]:
        return all_tables(self.report, headline(self.report))

    def _figures(self) -> list[Drawing]:
        if self._drawings is None:
            from cadkit.report.drawings import drawings_of

            self._drawings = drawings_of(self.report)
        return self._drawings

    def __repr__(self) -> str:
        names = ", ".join(model["name"] for model in self.report["models"])
        return f"<report of {names}: {len(self.report['results']):,} results>"

    def _repr_html_(self) -> str:
        first = headline(self.report)
        heads = ["Label", "Model", *(wording.metric_title(*key) for key in first.keys)]
        lines: list[list[Any]] = []
        for row in first.rows:
            cells: list[str] = []
            for key in first.keys:
                found = row.cells.get(key)
                if found is None or found["value"] is None:
                    cells.append("" if found is None else wording.NOT_ESTIMABLE)
                else:
                    between = wording.spread(found)
                    cells.append(wording.number(found["value"]) + (f" ({between})" if between else ""))
            lines.append([row.label, row.shown_as, *cells])
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
        head = "".join(f"<th>{escape(one)}</th>" for one in heads)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
