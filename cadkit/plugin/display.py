"""A run as a notebook shows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cadkit import html

if TYPE_CHECKING:
    from cadkit.plugin.run import Run

_LAST = 5  # epochs


def run_text(run: Run) -> str:
    """One line for a terminal."""
    plugin, state = run.record.get("plugin", "no plugin"), run.record.get("state", "of unknown state")
    return f"Run({str(run.folder)!r}: {plugin}, {state})"


def run_html(run: Run) -> str:
    """What was trained on what, how far it is, and the last rows of its history."""
    record = run.record
    names = {"plugin": "model", "version": "version", "preset": "preset", "state": "state", "seed": "seed",
             "device_name": "device", "precision": "precision", "created": "begun (UTC)"}  # fmt: skip
    known = [(title, str(record[name])) for name, title in names.items() if name in record]
    known = [(title, value[:16].replace("T", " ") if "UTC" in title else value) for title, value in known]
    data = Path(str(record["dataset"])).name if "dataset" in record else ""
    about = [*known, ("dataset", data), ("labels", ", ".join(map(str, record.get("labels", ()))))]
    rows = run.history()
    last = rows[-_LAST:]
    columns = list(dict.fromkeys(name for row in last for name in row))
    history = html.table(columns, [[_short(row.get(name, "")) for name in columns] for row in last], left=0)
    said = html.line(f"The last {len(last)} of {len(rows)} rows of history.csv:") + history if rows else ""
    return html.title(run.name, str(run.folder)) + html.facts(about) + said


def _short(value: str) -> str:
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value
