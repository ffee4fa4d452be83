"""Tables on the terminal: whatever the width, no number and no name is cut, and long results are short."""

from __future__ import annotations

import copy
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cadkit.report import EvaluationReport, compared_tables, terminal_table, write_report

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


def asked_for(report: dict[str, Any]) -> dict[str, Any]:
    """A drawn report's result with all that can be asked for besides."""
    report = copy.deepcopy(report)
    auc = next(row for row in report["results"] if row["metric"] == "auc")
    froc = next(row for row in report["results"] if row["metric"] == "froc_sensitivity")
    part = {"focus": "specificity", "low": 0.8, "high": 1.0, "corrected": True}
    report["results"] += [
        {**auc, "metric": "partial_auc", "value": 0.7123, "given": part},
        {**auc, "metric": "specificity_at_sensitivity", "at": 0.9},
        {**auc, "metric": "specificity", "at": 0.4, "given": {"threshold_for": "sensitivity 0.9"},
         "flags": ["in-sample"]},
        {**auc, "model": "gmic-1 (CC)", "value": 0.6123},
        {**auc, "model": "gmic-1 (mean of 2 runs)", "given": {"runs": 2}, "sd": 0.01, "low": None, "high": None},
        {**froc, "metric": "wafroc", "at": None, "value": 0.6456},
        {**froc, "metric": "fpi_at_sensitivity", "at": 0.8, "value": 0.2345},
        {**froc, "value": 0.3456, "given": {"fp_images": "normal"}},
        {**froc, "metric": "hr_auc", "at": None, "value": 0.5432, "model": "random marks as gmic-1"},
    ]  # fmt: skip
    report["correlations"] = [
        {"model": "gmic-1", "names": ["L", "R"], "n": 5, "pearson": [[1, 0.5], [0.5, 1]],
         "spearman": [[1, 0.5], [0.5, 1]]}
    ]  # fmt: skip
    return report


def test_what_was_asked_for_stands_on_the_terminal(drawn: Any) -> None:
    text = on_terminal(terminal_table(asked_for(drawn[1])), 100)  # type: ignore[arg-type]
    for value in ("0.712", "0.646", "0.234", "0.346"):
        assert f"{value} (" in text
    words = " ".join(text.split())
    assert "normal images" in words
    assert "Sensitivity at 8 FPI" in words
    assert "Correlations of the predictions of an exam: report.html." in words
    # Random marks keep their exam's scores: that number would be the model's.
    assert "0.543" not in text
    # A view stands in a table of its own, and the mean over runs next to its ensemble.
    assert text.index("malignant, CC images alone") < text.index("0.612 (")
    assert text.index("gmic-1 (mean of 2") < text.index("peak-scan")
    assert words.count("the threshold is chosen anew in every replicate") == 1
    plain = on_terminal(terminal_table(drawn[1]), 100)
    assert "asked for" not in plain
    assert "chosen anew" not in plain


def test_what_was_asked_for_stands_in_the_summary_of_the_page(folder: Path, write_result: Any) -> None:
    write_result(folder, asked_for(json.loads((folder / "report.json").read_text())))
    html = write_report(folder).read_text()
    summary = html[html.index('<section id="summary"') : html.index('<section id="curves"')]
    for title, value in (
        ("Partial AUC (specificity 0.8 to 1, corrected)", "0.712"), ("wAFROC", "0.646"),
        ("FPI at sensitivity 0.8", "0.234"), ("Sensitivity at 1/4 FPI (false positives over normal images)", "0.346"),
    ):  # fmt: skip
        assert re.search(rf'<th scope="row">{re.escape(title)}</th>.*?<td class="num">{value}', summary, re.DOTALL)
    assert "0.543" not in html[: html.index("report-data")]


def test_three_models_at_80_columns_fold_no_word() -> None:
    text = on_terminal(compared_tables(compared(long=False)), 80)  # type: ignore[arg-type]
    whole = set(re.findall(r"[a-z]+", text.lower()))
    assert "bootstr" not in whole
    assert {"bootstrap", "vendor", "sensitivity", "specificity", "clustered"} <= whole


@pytest.mark.parametrize(
    ("method", "p", "margin", "shown"),
    [("permutation", 1 / 201, None, True), ("permutation", 2 / 201, None, False), ("bootstrap", 0.5, 1 / 2001, True),
     ("bootstrap", 0.5, 2 / 2001, False), ("delong", 0.5, 1 / 2001, False)],
)  # fmt: skip
def test_p_at_its_floor_is_a_bound(method: str, p: float, margin: float | None, shown: bool) -> None:
    report = compared(long=False)
    report["settings"]["permutations"] = 200
    for row in report["comparisons"]:
        row |= {"method": method, "p": p, "p_adjusted": 0.5, "p_margin": margin}
    text = on_terminal(compared_tables(report), 140)  # type: ignore[arg-type]
    assert ("\u2264" in text) == shown


def test_the_number_of_clusters_says_when_a_metric_has_fewer(drawn: Any) -> None:
    report = copy.deepcopy(drawn[1])
    assert "replacement (55 patients), seed" in " ".join(on_terminal(terminal_table(report), 100).split())
    next(row for row in report["results"] if row["metric"] == "dice_soft")["clusters"] = 17
    said = " ".join(on_terminal(terminal_table(report), 100).split())
    assert "replacement (55 patients, fewer where a metric leaves some out), seed" in said


def test_the_terminal_says_where_thresholds_were_locked(drawn: tuple[Path, dict[str, Any]]) -> None:
    report = copy.deepcopy(drawn[1])
    auc = next(row for row in report["results"] if row["metric"] == "auc" and row["label"] == "malignant")
    given = {"threshold_for": "specificity 0.9"}
    report["results"].append({**auc, "metric": "sensitivity", "at": 0.4, "flags": [], "given": given})
    used = {"kind": "validation", "name": "m", "n": 60, "level": "exam", "breasts": 119, "split": "validation"}
    report["inputs"].append(used)
    said = " ".join(str(EvaluationReport(report)).split())  # type: ignore[arg-type]
    assert "at thresholds locked on validation data (the split validation: 60 exams, 119 breasts)" in said
