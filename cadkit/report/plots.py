"""A figure: its specification with its data, and the same data as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cadkit.report.tables import Table


@dataclass(frozen=True)
class Plot:
    """A figure of one label and level: its specification with its data, and the same data as a table."""

    name: str
    kind: str
    label: str
    level: str
    title: str
    spec: dict[str, Any]
    table: Table
