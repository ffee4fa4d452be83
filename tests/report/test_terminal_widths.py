"""Tables on the terminal: whatever the width, no number and no name is cut, and long results are short."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from cadkit.report import compared_tables, terminal_table

MODELS = ("vendor", "ours", "trio")
RUNS = ("run-1", "run-2", "run-3")
PAIRS = (("vendor", "ours"), ("vendor", "trio"), ("ours", "trio"))
METRICS: tuple[tuple[str, float | None, dict[str, Any]], ...] = (
    ("auc", None, {}),
    ("partial_auc", None, {"focus": "specificity", "low": 0.8, "high": 1.0, "corrected": True}),
    ("specificity_at_sensitivity", 0.9, {}),
    ("pf1", None, {}),
)
AT = tuple((name, 0.25, {"threshold_for": f"sensitivity 0.{n}"}) for n in range(6) for name in ("sensitivity", "ppv"))


def compared(*, long: bool) -> dict[str, Any]:
    """A comparison of three models, one of them of three runs, with a margin; `long` adds numbers at 12 thresholds."""
    metrics = (*METRICS, *(AT if long else ()))
    common = {"label": "cancer", "level": "row", "subgroup": "all"}
    results = [
        {**common, "model": model, "metric": metric, "at": at, "value": 0.5 + n / 1000, "low": 0.1 + n / 1000,
         "high": 0.9 + n / 1000, "ci": 0.95, "ci_method": "delong-clustered", "n": 28296, "positives": 62,
         "clusters": 14148, "dropped": 0, **({"given": given} if given else {})}
        for n, (metric, at, given) in enumerate(metrics)
        for model in (*MODELS, *RUNS)
    ]  # fmt: skip
    comparisons = [
        {**common, "a": a, "b": b, "metric": metric, "at": at, "difference": -0.5 - n / 1000, "low": -0.6 - n / 1000,
         "high": -0.4 - n / 1000, "p": 2 / 2001, "p_adjusted": 0.04, "method": "bootstrap", "flags": [],
         "margin": 0.05, "p_margin": 0.031, **({"given": given} if given else {})}
        for n, (metric, at, given) in enumerate(metrics)
        for a, b in PAIRS
    ]  # fmt: skip
    groups = [{**row, "subgroup": f"density {name}"} for name in "ABCD" for row in results if row["metric"] == "auc"]
    return {
        "settings": {"cluster": "patient_id", "bootstrap": 2000, "groups": {"trio": list(RUNS)}, "scores": MODELS[:2]},
        "models": [{"name": name} for name in (*MODELS, *RUNS)],
        "results": [*results, *groups],
        "comparisons": comparisons,
        "warnings": [],
    }


def on_terminal(tables: Any, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(tables)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    return str(text)


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_number_of_a_comparison_is_cut(width: int) -> None:
    report = compared(long=False)
    text = on_terminal(compared_tables(report), width)  # type: ignore[arg-type]
    for n in range(len(METRICS)):
        assert text.count(f"0.{500 + n} (0.{100 + n}\u20130.{900 + n})") >= 6
        assert text.count(f"\u22120.{500 + n} (\u22120.{600 + n} to \u22120.{400 + n})") == len(PAIRS)
    rows = len(METRICS) * len(PAIRS)
    # P at the floor of 2,000 replicates, of the margin, adjusted.
    assert [text.count(p) for p in ("\u2264 0.001", "0.031", "\u2264 0.040")] == [rows, rows, rows]
    for a, b in PAIRS:
        # In one table the names of a pair are folded at blanks.
        assert f"{a} \u2212 {b}" in text or (f"{a} \u2212" in text and b in text)
    assert "\u2026" not in text
    words = " ".join(text.split())
    assert "corrected" in words
    assert "report.html besides" not in words


def test_even_a_very_narrow_terminal_only_folds() -> None:
    text = on_terminal(compared_tables(compared(long=False)), 24)  # type: ignore[arg-type]
    joined = "".join(text.split())
    for n in range(len(METRICS)):
        assert f"0.{500 + n}" in joined
    assert joined.count("0.031") == len(METRICS) * len(PAIRS)


def test_long_results_are_short_and_say_what_they_leave_out() -> None:
    report = compared(long=True)
    text = on_terminal(compared_tables(report), 100)  # type: ignore[arg-type]
    assert "run-1" not in text[: text.index("Paired")]
    words = " ".join(text.split())
    # 16 metrics of six models are too many; those of three are not.
    assert f"In report.html besides, numbers: single runs of groups ({3 * (len(METRICS) + len(AT))})." in words
    assert "PPV, threshold for sensitivity 0.5" in words
    # Predictive values are not among the differences, so that 30 remain: few enough.
    assert "PPV" not in text[text.index("Paired") :]
    assert "paired differences:" not in words
    assert len(text.splitlines()) < 200


def test_a_table_that_is_still_too_long_leaves_out_further_metrics() -> None:
    report = compared(long=True)
    report["settings"]["groups"] = {}
    text = on_terminal(compared_tables(report), 100)  # type: ignore[arg-type]
    assert "run-1" in text
    assert "PPV" not in text
    # pF1 and six predictive values of six models.
    assert "further metrics (42)" in " ".join(text.split())


@pytest.mark.parametrize("width", [50, 80, 100])
def test_no_number_of_an_evaluation_is_cut(drawn: Any, width: int) -> None:
    report = drawn[1]
    text = on_terminal(terminal_table(report), width)
    for row in report["results"]:
        if row["metric"] == "auc" and row["level"] == "breast" and row["low"] is not None:
            assert f"{row['value']:.3f} ({row['low']:.3f}\u2013{row['high']:.3f})" in text
    assert "\u2026" not in text
