"""How every figure looks: sizes, a palette for any colour vision, dashes and shapes that tell models apart in grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt

# Okabe and Ito's palette, which people with any colour vision tell apart, in an order that suits lines.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A7A7A")
CHANCE = "#8A8F94"
DASHES = ([1, 0], [7, 3], [2, 2], [8, 3, 2, 3], [12, 3], [4, 2, 1, 2], [5, 5])
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right")
SIDE = 300  # pixels of the plotting area
FONT = "Helvetica, Arial, sans-serif"
_INK, _SOFT, _GRID = "#22262A", "#4A4F54", "#E3E6E8"

PAPER: dict[str, Any] = {
    "background": "white",
    "font": FONT,
    "aria": False,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": _GRID,
        "domainColor": _SOFT,
        "tickColor": _SOFT,
        "labelColor": _INK,
        "titleColor": _INK,
    },
    "legend": {"labelFontSize": 11, "labelColor": _INK},
    "text": {"color": _INK, "fontSize": 11},
    "title": {"color": _INK, "fontSize": 11.5, "fontWeight": "normal", "anchor": "start", "offset": 4},
}


@dataclass(frozen=True)
class Named:
    """A series as the legend has it.

    Attributes:
        legend: its words.
        index: its place among all models; of a model's random marks that of the model.
        chance: a line of reference, grey.
        dotted: the random marks of a model: in its colour, dotted and thin.
    """

    legend: str
    index: int
    chance: bool = False
    dotted: bool = False

    @property
    def colour(self) -> str:
        return CHANCE if self.chance else PALETTE[self.index % len(PALETTE)]

    @property
    def dash(self) -> list[int]:
        if self.dotted:
            return [2, 3]
        return [3, 3] if self.chance else list(DASHES[self._turned % len(DASHES)])

    @property
    def shape(self) -> str:
        return SHAPES[self._turned % len(SHAPES)]

    @property
    def _turned(self) -> int:
        """Every round of the palette begins with the next dash and shape, so that no two of 49 models look alike."""
        return self.index + self.index // len(PALETTE)


def colour(named: Sequence[Named], legend: Any = None) -> alt.Color:
    """The channel of the field `series`; without a legend unless one is given."""
    import altair as alt

    domain, range_ = [one.legend for one in named], [one.colour for one in named]
    return alt.Color("series:N", scale=alt.Scale(domain=domain, range=range_), legend=legend)


def dash(named: Sequence[Named], legend: Any = None) -> alt.StrokeDash:
    import altair as alt

    domain, range_ = [one.legend for one in named], [one.dash for one in named]
    return alt.StrokeDash("series:N", scale=alt.Scale(domain=domain, range=range_), legend=legend)


def width(named: Sequence[Named]) -> alt.StrokeWidth:
    import altair as alt

    domain, range_ = [one.legend for one in named], [1.2 if one.dotted else 2 for one in named]
    # Vega-Lite warns of widths by a field without an order; the order changes nothing.
    return alt.StrokeWidth("series:N", sort=domain, scale=alt.Scale(domain=domain, range=range_), legend=None)


def shape(named: Sequence[Named], legend: Any = None) -> alt.Shape:
    import altair as alt

    domain, range_ = [one.legend for one in named], [one.shape for one in named]
    return alt.Shape("series:N", scale=alt.Scale(domain=domain, range=range_), legend=legend)


def below(size: int = 260) -> alt.Legend:
    """A legend of one line per series below the figure."""
    import altair as alt

    return alt.Legend(
        orient="bottom", direction="vertical", columns=1, title=None, labelLimit=0, symbolSize=size,
        symbolStrokeWidth=2, offset=10,
    )  # fmt: skip


def finished(chart: Any, data: dict[str, Any], description: str) -> dict[str, Any]:
    """The specification of a chart of named data, without colours of text and axes."""
    spec: dict[str, Any] = chart.to_dict()
    spec.pop("config", None)
    # The data comes after altair has checked the specification: it would check every number of it.
    spec["datasets"] = data
    spec["description"] = description
    return spec
