"""A figure of a report in a notebook and in files; it asks the network for nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cadkit.errors import InputError
from cadkit.files import atomic, write_text
from cadkit.report.figures import interactive, svg
from cadkit.report.plots import Plot
from cadkit.report.style import PAPER

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

    from cadkit.report.curves import Figure

    Altair = alt.LayerChart | alt.HConcatChart | alt.VConcatChart | alt.ConcatChart

# JupyterLab and VS Code draw this kind themselves, and know no later one; what is drawn here is the same in both.
_MIME, _SCHEMA = "application/vnd.vegalite.v5+json", "https://vega.github.io/schema/vega-lite/v5.20.1.json"
_ENDINGS = (".html", ".svg", ".png", ".pdf", ".json")
_LESS = "\ue000"  # for private use: no text of a report holds it
_SHARP = 2.0  # pixels of a PNG for each of the figure


class Chart:
    """A figure of a report.

    A notebook shows it with values under the pointer where it can (JupyterLab, VS Code), elsewhere as a drawing: a page
    that is made of the notebook shows it without a network. `save` writes it, `altair` goes on with it.

    Attributes:
        kind: roc, pr, froc, histogram, reliability, decision, forest or differences; of a reader study its name.
        label, level: of which it is; empty in a reader study.
        title: what it shows, in words.
        spec: the Vega-Lite specification, data included.
    """

    def __init__(self, plot: Plot, curve: Figure | None = None) -> None:
        self.kind, self.label, self.level, self.title = plot.kind, plot.label, plot.level, plot.title
        self._plot = plot
        spec = plot.spec if curve is None else interactive(curve, plot.spec)
        self.spec: dict[str, Any] = {**spec, "datasets": {"operating": [], **spec["datasets"]}, "config": PAPER}

    def altair(self) -> Altair:
        """The figure as a chart of altair, to change; altair itself draws with scripts from the network."""
        import altair as alt

        kinds: dict[str, type[Altair]] = {
            "layer": alt.LayerChart,
            "hconcat": alt.HConcatChart,
            "vconcat": alt.VConcatChart,
            "concat": alt.ConcatChart,
        }
        kind = next(made for key, made in kinds.items() if key in self.spec)
        chart: Altair = kind.from_dict(self.spec, validate=False)
        return chart

    def table(self) -> pl.DataFrame:
        """What it is drawn from, at full precision."""
        return self._plot.table.frame()

    def svg(self) -> str:
        """The figure as SVG, in the colours and sizes of a paper."""
        return svg(self._plot.spec)

    def save(self, path: str | Path) -> Path:
        """Write the figure.

        Args:
            path: its ending says what: .svg, .pdf or .png; .html with values under the pointer, about 1 MB that needs
                no network; .json for the specification.

        Raises:
            InputError: the ending is another.
        """
        import vl_convert

        path = Path(path)
        ending = path.suffix.lower()
        if ending not in _ENDINGS:
            raise InputError("the ending of a figure's file says what to write", file=path, value=path.suffix,
                             mend=f"Take one of {', '.join(_ENDINGS)}.")  # fmt: skip
        if ending == ".svg":
            write_text(path, self.svg())
        elif ending == ".json":
            write_text(path, json.dumps(self.spec))
        elif ending == ".html":
            # A name of the data must not end the script that holds it; the converter escapes nothing.
            marked = json.loads(json.dumps(self.spec).replace("<", _LESS))
            write_text(path, str(vl_convert.vegalite_to_html(marked, bundle=True)).replace(_LESS, r"\u003c"))
        else:
            drawn = self.svg()
            data = vl_convert.svg_to_pdf(drawn) if ending == ".pdf" else vl_convert.svg_to_png(drawn, scale=_SHARP)
            with atomic(path) as part:
                part.write_bytes(data)
        return path

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        return {
            _MIME: {**self.spec, "$schema": _SCHEMA, "datasets": _short(self.spec["datasets"])},
            "image/svg+xml": _alone(self.svg()),
            "text/plain": repr(self),
        }

    def __repr__(self) -> str:
        return f"Chart({self.title!r})"


def _short(data: Any) -> Any:
    """Data with numbers of six digits, which a figure shows no more of; a saved notebook holds every one as text."""
    if isinstance(data, dict):
        return {key: _short(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_short(value) for value in data]
    return float(f"{data:.6g}") if isinstance(data, float) else data


def _alone(drawing: str) -> str:
    """A drawing whose names of clips and gradients are those of no other on a page."""
    own = hashlib.blake2b(drawing.encode(), digest_size=6).hexdigest()
    return re.sub(r"\b((?:clip|gradient_)\d+)\b", rf"\1-{own}", drawing)
