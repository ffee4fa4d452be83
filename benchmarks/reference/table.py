"""One line per quantity: how many reference values were compared, and the largest deviation."""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.reference.conventions import why_not


class Compared(NamedTuple):
    """One reference value and what cadkit gives for it; `deviation` is None where nothing is compared."""

    folder: str
    quantity: str
    given: dict[str, Any]
    value: Any
    ours: Any
    deviation: float | None
    tolerance: float

    @property
    def why(self) -> str | None:
        """Why it is not compared, as `benchmarks.reference.conventions` says; None where that says nothing."""
        return why_not(self.folder, self.quantity, self.given)

    @property
    def line(self) -> str:
        """The quantity, and the figure of merit where it has several."""
        return (
            f"{self.quantity} {self.given.get('fom', '')}".strip() if self.quantity == "reader_fom" else self.quantity
        )


def main(compare: Callable[[Path], Iterable[Compared]]) -> None:
    """Compare the folder that was typed, and print the table (`--all`: every value as well)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("reference", type=Path)
    parser.add_argument("--all", action="store_true", help="a line per value")
    arguments = parser.parse_args()
    groups: defaultdict[tuple[str, str], list[Compared]] = defaultdict(list)
    for row in compare(arguments.reference):
        groups[row.folder, row.line].append(row)
        if arguments.all and row.deviation is not None:
            print(row.folder, row.quantity, row.given, row.value, row.ours, f"{row.deviation:.2g}", sep=" | ")
    print("| reference | quantity | values | compared | largest deviation | of the tolerance |")
    print("|---|---|---|---|---|---|")
    for (folder, quantity), rows in groups.items():
        done = [(row.deviation, row.tolerance) for row in rows if row.deviation is not None]
        if not done:
            continue
        share = max(deviation / tolerance for deviation, tolerance in done)
        largest = max(deviation for deviation, _ in done)
        print(f"| {folder} | {quantity} | {len(rows)} | {len(done)} | {largest:.2g} | {share:.2f} |")
    print("\n| reference | not compared | values | why |")
    print("|---|---|---|---|")
    others: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in (row for rows in groups.values() for row in rows if row.deviation is None):
        others[row.folder, row.why or "NO REASON IS KNOWN"][row.line] += 1
    for (folder, why), counts in others.items():
        print(f"| {folder} | {', '.join(counts)} | {counts.total()} | {why} |")
