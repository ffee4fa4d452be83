"""Predictions as a notebook shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from cadkit import html
from cadkit.errors import InputError
from cadkit.prediction.columns import BOX, LEVELS

if TYPE_CHECKING:
    from cadkit.prediction.folder import Predictions

_FIRST = ("exam", "breast", "image")  # where the exams that were answered are counted


def predictions_text(predictions: Predictions) -> str:
    """One line for a terminal."""
    split = predictions.record.get("split")
    of = f" on {split}" if split else ""
    try:
        labels = ", ".join(predictions.labels)
    except InputError:
        labels = "unreadable"
    return f"Predictions({str(predictions.folder)!r}: {predictions.title}{of}; {labels})"


def predictions_html(predictions: Predictions) -> str:
    """Who predicted what, how many exams were answered and skipped, and what is in the files."""
    record = predictions.record
    data = Path(str(record["dataset"])).name if record.get("dataset") else ""
    run = Path(str(record["run"])).name if record.get("run") else ""
    levels = [level for level in LEVELS if predictions.has(level)]
    return html.title(predictions.title, str(predictions.folder)) + html.facts(
        [
            ("model", str(record.get("model", ""))),
            ("run", run),
            ("dataset", data),
            ("split", str(record.get("split", ""))),
            ("exams answered", _answered(predictions)),
            ("skipped", _skipped(predictions)),
            ("labels", ", ".join(predictions.labels)),
            ("scores", "probabilities" if predictions.probability else "risks, larger is more suspicious"),
            ("scores by level", ", ".join(f"{predictions.scores(level).height:,} {level}s" for level in levels)),
            ("localizes by", _places(predictions)),
        ]
    )


def _answered(predictions: Predictions) -> str:
    for level in _FIRST:
        if predictions.has(level) and "exam_id" in predictions.scores(level).columns:
            answered = predictions.scores(level)["exam_id"].n_unique()
            asked = predictions.record.get("exams")
            return f"{answered:,}" + (f" of {asked:,}" if isinstance(asked, int) else "")
    return ""


def _skipped(predictions: Predictions) -> str:
    found = predictions.skipped().filter(pl.col("level") != "warning")
    counted = found.group_by("level", maintain_order=True).len().iter_rows()
    return ", ".join(f"{count:,} {level}{'s' if count > 1 else ''}" for level, count in counted) or "none"


def _places(predictions: Predictions) -> str:
    if predictions.localizes == "marks":
        marks = predictions.marks()
        boxes = marks[BOX[0]].count()
        return f"marks: {marks.height:,}, with a box {boxes:,}"
    if predictions.localizes == "saliency":
        return "saliency maps" if predictions.has_saliency else "saliency, but no maps were written"
    return "nothing"
