"""All figures of a report, each with its specification and its data as a table."""

from __future__ import annotations

from dataclasses import dataclass

from cadkit.evaluation.schema import Report
from cadkit.report.calibration_figures import decision, reliability
from cadkit.report.curves import OF_PROBABILITIES, Figure, figures_of
from cadkit.report.figures import MOST_BANDS, has_bands, specification, svg
from cadkit.report.interval_plots import differences_of, forests_of
from cadkit.report.plots import Plot
from cadkit.report.score_histograms import histograms_of
from cadkit.report.tables import curve_table
from cadkit.report.wording import FLAGS


@dataclass(frozen=True)
class Drawing(Plot):
    """A figure as the page, its files and a notebook have it.

    Attributes:
        name: of its files and of its element in the page.
        kind: roc, pr, froc, reliability, decision, histogram, forest or differences.
        label, level: of which it is.
        title: kind, label and level in words.
        spec: the Vega-Lite specification, data included, without colours of text and axes.
        table: what it is drawn from.
        wide: it has columns of text beside the plot.
        curve: the curves on which an operating point can be moved; None for other kinds.
    """

    wide: bool = False
    curve: Figure | None = None

    def svg(self) -> str:
        """The figure as SVG, in the colours and sizes of a paper."""
        return svg(self.spec)


def drawings_of(report: Report) -> list[Drawing]:
    """Every figure, label by label: curves, histograms, calibration, subgroups, differences."""
    found = [_of_curves(report, figure) for figure in figures_of(report)]
    plots = [*histograms_of(report), *forests_of(report), *differences_of(report)]
    found += [_of_plot(plot) for plot in plots]
    kinds = ("roc", "pr", "froc", "histogram", *OF_PROBABILITIES, "forest", "differences")
    labels = list(dict.fromkeys(one.label for one in found))
    own = [one for one in found if one.curve is not None]
    # Curves keep their own order; the other kinds follow each label's.
    order = {one.name: place for place, one in enumerate(own)}
    return sorted(
        found,
        key=lambda one: (labels.index(one.label), one.name not in order, order.get(one.name, 0), kinds.index(one.kind)),
    )


def _of_curves(report: Report, figure: Figure) -> Drawing:
    if figure.kind == "reliability":
        spec = reliability(figure, report.get("histograms", []))
    elif figure.kind == "decision":
        spec = decision(figure)
    else:
        spec = specification(figure)
    moved = None if figure.kind in OF_PROBABILITIES else figure
    table = curve_table(figure.name, figure.curves)
    title = figure.title
    if moved is not None and any("low" in curve for curve in figure.curves) and not has_bands(figure):
        title += f"; bands are drawn for at most {MOST_BANDS} models, all stand in the CSV"
    if any(one.beyond and not one.chance for one in figure.series):
        title += f"; at hollow points {FLAGS['beyond']}"
    return Drawing(
        figure.name, figure.kind, figure.label, figure.level, title, spec, table, wide=False, curve=moved
    )  # fmt: skip


def _of_plot(plot: Plot) -> Drawing:
    # Histograms of several models stand in a grid.
    wide = plot.kind != "histogram" or "concat" in plot.spec
    return Drawing(plot.name, plot.kind, plot.label, plot.level, plot.title, plot.spec, plot.table, wide=wide)
