"""Pieces of HTML that a notebook shows; all text that comes in is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from cadkit.errors import CadkitError

_TEXT = ' style="text-align: left"'


def table(heads: Sequence[object], rows: Iterable[Sequence[object]], left: int = 1) -> str:
    """A table; `left` columns are text, the others numbers. Numbers are written with thousands apart."""
    head = "".join(f"<th{_TEXT if n < left else ''}>{escape(_text(cell))}</th>" for n, cell in enumerate(heads))
    lines = [
        "".join(f"<td{_TEXT if n < left else ''}>{escape(_text(cell))}</td>" for n, cell in enumerate(row))
        for row in rows
    ]
    body = "".join(f"<tr>{one}</tr>" for one in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """A table of two columns, name and value; a fact without a value is left out."""
    body = "".join(
        f"<tr><th{_TEXT}>{escape(name)}</th><td{_TEXT}>{escape(_text(value))}</td></tr>"
        for name, value in pairs
        if value not in (None, "")
    )
    return f"<table><tbody>{body}</tbody></table>"


def title(text: str, further: str = "") -> str:
    """A line above the rest: a name, and what is said of it."""
    return f"<p><b>{escape(text)}</b>{escape(f', {further}' if further else '')}</p>"


def line(text: str) -> str:
    """A line of text."""
    return f"<p>{escape(text)}</p>"


def shown(make: Callable[[], str]) -> str:
    """What is made, or in one line why it cannot be: a display ends in no traceback."""
    try:
        return make()
    except CadkitError as error:
        return line(str(error))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
