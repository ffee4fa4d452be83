"""Warnings about numbers that say different things."""

from __future__ import annotations

from typing import Any

import pytest

from cadkit.evaluation.doubts import counted, disagreeing, unknown_truth


@pytest.mark.parametrize(
    ("p", "low", "high", "method", "replicates", "said"),
    [
        (0.04, -0.01, 0.2, "bootstrap", 200, True),
        (0.06, 0.01, 0.2, "bootstrap-percentile", 999, True),
        (0.04, 0.01, 0.2, "bootstrap", 200, False),
        (0.06, -0.01, 0.2, "bootstrap", 200, False),
        (0.04, -0.01, 0.2, "bootstrap", 1000, False),
        (0.04, -0.01, 0.2, "delong", 200, False),
        (None, -0.01, 0.2, "bootstrap", 200, False),
        (0.04, None, None, "bootstrap", 200, False),
    ],
)
def test_where_p_and_the_interval_of_few_replicates_disagree_it_is_said(
    p: float | None, low: float | None, high: float | None, method: str, replicates: int, said: bool
) -> None:
    row: dict[str, Any] = {"p": p, "low": low, "high": high, "method": method}
    text = disagreeing([row], replicates, 0.95)  # type: ignore[list-item]
    assert ("disagree about 1 difference, as they may" in text) is said
    assert ("--bootstrap 1000 or more" in text) is said


def test_one_is_no_plural() -> None:
    assert (counted(1, "row"), counted(2, "row")) == ("1 row", "2 rows")
    assert unknown_truth("row", 2, "row 5", "cancer") == "2 rows of unknown cancer were left out, the first is row 5."
