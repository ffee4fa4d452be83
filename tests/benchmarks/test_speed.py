"""The benchmarks of speed run at small sizes; what they measure is no matter of tests."""

from __future__ import annotations

import importlib
import math

import pytest

from benchmarks.speed.__main__ import NAMES
from benchmarks.speed.measuring import Row


@pytest.mark.parametrize("name", NAMES)
def test_each_measures(name: str) -> None:
    rows = list(importlib.import_module(f"benchmarks.speed.{name}").measure(True))
    assert rows
    assert all(math.isfinite(row.measured) and row.measured > 0 for row in rows)


def test_a_bar_is_a_floor_or_a_ceiling() -> None:
    ratio = Row("loop", 149.6, "times", 150)
    assert not ratio.holds()
    assert ratio._replace(measured=150.0).holds()
    assert ratio.cells() == ["loop", "150 times", "150 times", "NO", ""]
    seconds = Row("delong", 0.2, "s", 0.2, at_most=True)
    assert seconds.holds()
    assert not seconds._replace(measured=0.21).holds()
    assert seconds.cells()[2:4] == ["at most 0.2 s", "yes"]
    assert Row("drawing", 1.0, "s").cells()[2:4] == ["", ""]
