"""Partial areas under the ROC curve as a person asks for them: `specificity:0.8-1`."""

from __future__ import annotations

from collections.abc import Sequence

from cadkit import metrics
from cadkit.errors import InputError

OPTION = "--partial-auc"
_FOCUS = ("specificity", "sensitivity")


def partial_areas(texts: Sequence[str]) -> list[tuple[str, metrics.Metric]]:
    """Every range as a raw and a corrected area, each with a name that tells it from the others.

    Args:
        texts: `specificity:LOW-HIGH` or `sensitivity:LOW-HIGH`, shares from 0 to 1.

    Raises:
        InputError: a text is of another form.
    """
    found: list[tuple[str, metrics.Metric]] = []
    for text in texts:
        focus, low, high = _parts(text)
        for corrected in (False, True):
            options = {"focus": focus, "low": low, "high": high, "corrected": corrected}
            name = f"partial_auc {focus} {low:g}-{high:g}{', corrected' if corrected else ''}"
            found.append((name, ("partial_auc", None, options)))
    return found


def _parts(text: str) -> tuple[str, float, float]:
    focus, colon, ends = text.partition(":")
    try:
        low, high = (float(end) for end in ends.split("-"))
    except ValueError:
        low = high = 0.0
    if not colon or focus not in _FOCUS or not 0 <= low < high <= 1:
        raise InputError(
            "takes ranges of specificity or sensitivity",
            row=OPTION,
            value=text,
            mend="Write specificity:0.8-1 or sensitivity:0.9-1; several by commas.",
        )
    return focus, low, high
