"""What of a table's columns is truth, and rows that hide it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from cadkit.errors import CadkitError

Access = Literal["open", "training", "prediction"]
TRUTH_COLUMNS = ("biopsied", "birads", "interval_cancer")
TRUTH_PREFIXES = ("reader_", "recall_")


class TruthHidden(CadkitError):
    """A model asked for truth where it must not see it."""


class Columns(Mapping[str, Any]):
    """Columns of a row; those that are truth raise `TruthHidden` where it is hidden."""

    def __init__(self, row: Mapping[str, Any], hidden: frozenset[str], owner: str) -> None:
        self._row, self._hidden, self._owner = row, hidden, owner

    def __getitem__(self, name: str) -> Any:
        value = self._row[name]
        if name in self._hidden:
            raise TruthHidden(f"{self._owner}: the column {name} is truth, which is hidden here.")
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(name for name in self._row if name not in self._hidden)

    def __len__(self) -> int:
        return len(self._row.keys() - self._hidden)


def truth_columns(names: Sequence[str], labels: Sequence[str]) -> frozenset[str]:
    """Those of the column names that are truth."""
    return frozenset(n for n in names if n in labels or n in TRUTH_COLUMNS or n.startswith(TRUTH_PREFIXES))
