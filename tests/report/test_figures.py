"""Figures: what is drawn in each, that it is told apart without colour, and the same as a table and in a notebook."""

from __future__ import annotations

import copy
import csv
import itertools
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cadkit.report import write_report
from cadkit.report.curves import figures_of
from cadkit.report.drawings import Drawing, drawings_of
from cadkit.report.figures import named, rows_of
from cadkit.report.operating import starting_points, units_of
from cadkit.report.style import Named


@pytest.fixture(scope="module")
def drawings(drawn: tuple[Path, dict[str, Any]]) -> dict[str, Drawing]:
    return {one.name: one for one in drawings_of(drawn[1])}  # type: ignore[arg-type]


@pytest.fixture
def report(drawn: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    """A result of one's own to change."""
    return copy.deepcopy(drawn[1])


def words(folder: Path, name: str) -> str:
    return "".join(ElementTree.parse(folder / f"figures/{name}.svg").getroot().itertext())


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"tables/{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_curves_are_told_apart_by_dash_and_shape_as_well(drawings: dict[str, Drawing]) -> None:
    text = json.dumps(drawings["froc-malignant-finding"].spec)
    lines = next(
        layer
        for layer in json.loads(text)["layer"]
        if layer["mark"]["type"] == "line" and "strokeDash" in layer["encoding"]
    )
    dashes = lines["encoding"]["strokeDash"]["scale"]["range"]
    assert dashes[0] != dashes[1]
    points = next(layer for layer in json.loads(text)["layer"] if layer["mark"]["type"] == "point")
    shapes = points["encoding"]["shape"]["scale"]["range"]
    assert shapes[0] != shapes[1]


def test_the_points_of_the_tables_are_marked_on_the_froc(drawn: tuple[Path, dict[str, Any]]) -> None:
    report = drawn[1]
    figure = next(f for f in figures_of(report) if f.name == "froc-malignant-finding")  # type: ignore[arg-type]
    given = {
        (row["at"], row["value"])
        for row in report["results"]
        if (row["metric"], row["label"], row["model"]) == ("froc_sensitivity", "malignant", "gmic-1") and row["at"] <= 5
    }
    legend = next(one.legend for one in figure.series if one.model == "gmic-1")
    assert {(m["x"], m["y"]) for m in rows_of(figure)["marked"] if m["series"] == legend} == given
    assert {m["series"] for m in rows_of(figure)["marked"]} == {one.legend for one in figure.series if not one.chance}


def test_points_behind_the_end_of_a_curve_are_hollow_and_the_caption_says_so(report: dict[str, Any]) -> None:
    def drawn() -> Drawing:
        return next(one for one in drawings_of(report) if one.name == "froc-malignant-finding")  # type: ignore[arg-type]

    for row in report["results"]:
        row["flags"] = [flag for flag in row.get("flags", []) if flag != "beyond"]
    assert "hollow" not in drawn().title
    last = [
        row
        for row in report["results"]
        if (row["metric"], row["label"], row["model"]) == ("froc_sensitivity", "malignant", "gmic-1") and row["at"] <= 5
    ][-1]
    last["flags"] = ["beyond"]
    found = drawn()
    assert "at hollow points the curve ends before this number of false positives" in found.title
    assert [m["x"] for m in found.spec["datasets"]["marked"] if m["beyond"]] == [last["at"]]
    hollow = [layer for layer in found.spec["layer"] if layer["mark"].get("filled") is False]
    assert [layer["transform"] for layer in hollow] == [[{"filter": "datum.beyond"}]]


def test_random_marks_have_the_colour_of_their_model_dotted_and_thin(drawn: tuple[Path, dict[str, Any]]) -> None:
    figure = next(f for f in figures_of(drawn[1]) if f.name == "froc-malignant-finding")  # type: ignore[arg-type]
    looks = {one.model: look for one, look in zip(figure.series, named(figure.series), strict=True)}
    models = [model for model in looks if f"random marks as {model}" in looks]
    assert len(models) > 1
    for model in models:
        marks = looks[f"random marks as {model}"]
        assert marks.colour == looks[model].colour
        assert marks.dash != looks[model].dash
    assert len({looks[model].colour for model in models}) == len(models)
    spec = next(one for one in drawings_of(drawn[1]) if one.name == figure.name).spec  # type: ignore[arg-type]
    scale = next(layer for layer in spec["layer"] if "strokeWidth" in layer["encoding"])["encoding"]["strokeWidth"][
        "scale"
    ]
    widths = dict(zip(scale["domain"], scale["range"], strict=True))
    for one in figure.series:
        assert (widths[one.legend] < 2) == one.chance


def test_bands_of_roc_curves_are_drawn(drawings: dict[str, Drawing]) -> None:
    bands = drawings["roc-malignant-breast"].spec["datasets"]["bands"]
    assert [(b["x"], b["low"], b["high"]) for b in bands[:4]] == [
        (0.0, 0.1, 0.5), (0.25, 0.4, 0.8), (0.5, 0.6, 0.9), (1.0, 0.8, 1.0),
    ]  # fmt: skip


def test_reliability_has_bars_counts_and_the_histogram_below(
    drawn: tuple[Path, dict[str, Any]], drawings: dict[str, Drawing]
) -> None:
    report = drawn[1]
    spec = drawings["reliability-malignant-breast"].spec
    curve = next(c for c in report["curves"] if c["kind"] == "reliability" and c["model"] == "gmic-1")
    own = [point for point in spec["datasets"]["points"] if point["series"] == "gmic-1"]
    assert [(p["x"], p["y"], p["low"], p["high"]) for p in own] == list(
        zip(curve["x"], curve["y"], curve["low"], curve["high"], strict=True)
    )
    assert own[0]["words"] == f"{curve['positives'][0]} of {curve['rows'][0]} positive"
    counts = [one["n"] for one in spec["datasets"]["counts"] if one["series"] == "gmic-1"]
    assert sum(counts[:-1]) == 120
    assert "Observed share of positives" in words(drawn[0], "reliability-malignant-breast")


def test_decision_curve_stands_beside_calling_all_and_none(
    drawn: tuple[Path, dict[str, Any]], drawings: dict[str, Drawing]
) -> None:
    points = drawings["decision-malignant-breast"].spec["datasets"]["points"]
    curve = next(c for c in drawn[1]["curves"] if c["kind"] == "decision")
    everyone = [p["y"] for p in points if p["series"] == "Call all positive"]
    assert everyone == curve["treat_all"]
    assert {p["y"] for p in points if p["series"] == "Call none positive"} == {0.0}
    assert "Net benefit" in words(drawn[0], "decision-malignant-breast")


def test_histogram_mirrors_the_classes_as_shares(
    drawn: tuple[Path, dict[str, Any]], drawings: dict[str, Drawing]
) -> None:
    bars = drawings["histogram-malignant-breast"].spec["datasets"]["bars0"]
    assert sum(bar["y"] for bar in bars if bar["side"] == "positive") == pytest.approx(1)
    assert sum(bar["y"] for bar in bars if bar["side"] == "negative") == pytest.approx(-1)
    truth = drawn[1]["units"][0]["truth"]
    assert f"gmic-1: {sum(truth)} positive breasts above, {120 - sum(truth)} negative below" in words(
        drawn[0], "histogram-malignant-breast"
    )
    table = [row for row in rows(drawn[0], "histogram-malignant-breast") if row["model"] == "gmic-1"]
    assert sum(int(row["positives"]) for row in table) == sum(truth)


def test_forest_writes_value_interval_and_counts_beside_each_subgroup(drawn: tuple[Path, dict[str, Any]]) -> None:
    text = words(drawn[0], "forest-malignant-breast")
    row = next(r for r in drawn[1]["results"] if r["subgroup"] == "density B" and r["model"] == "peak-scan")
    assert f"{row['value']:.3f} ({row['low']:.3f}\u2013{row['high']:.3f})" in text
    assert "density A" in text
    assert "9 / 60" in text
    table = rows(drawn[0], "forest-malignant-breast")
    assert [(r["subgroup"], r["model"]) for r in table[:3]] == [
        ("all", "gmic-1"), ("all", "peak-scan"), ("density A", "gmic-1"),
    ]  # fmt: skip


def test_a_subgroup_without_a_value_stands_in_the_forest_in_words(report: dict[str, Any]) -> None:
    for row in report["results"]:
        if row["subgroup"] == "density A":
            row |= {"value": None, "low": None, "high": None, "reason": "too few"}
    one = next(d for d in drawings_of(report) if d.kind == "forest")
    assert "not estimable" in one.svg()


def test_differences_show_zero_and_the_margin(report: dict[str, Any]) -> None:
    report["comparisons"][0] |= {"margin": 0.05, "p_margin": 0.01}
    chance = {**report["comparisons"][1], "b": "random marks as gmic-1", "difference": 0.5}
    report["comparisons"].append(chance)
    made = {d.name: d for d in drawings_of(report) if d.kind == "differences"}
    spec = made["differences-malignant-breast"].spec
    assert [spec["datasets"]["rule0"], spec["datasets"]["rule1"]] == [[{"x": 0.0}], [{"x": -0.05}]]
    line = spec["datasets"]["lines"][0]
    assert (line["x"], line["low"], line["high"]) == (0.072, -0.011, 0.151)
    assert "margin of \u22120.05" in made["differences-malignant-breast"].title
    assert len(made["differences-malignant-finding"].spec["datasets"]["lines"]) == 1


def test_every_rate_of_false_positives_is_among_the_differences_and_the_primary_is_marked(
    report: dict[str, Any],
) -> None:
    one = report["comparisons"][1]
    report["comparisons"] += [{**one, "at": rate, "flags": ["primary"]} for rate in (0.5, 2.0, 8.0)]
    made = next(d for d in drawings_of(report) if d.name == "differences-malignant-finding")
    lines = made.spec["datasets"]["lines"]
    assert [line["left0"] for line in lines] == [f"Sensitivity at {rate} FPI" for rate in ("1", "1/2", "2", "8")]
    assert ["primary" in line["right1"] for line in lines] == [False, True, True, True]
    assert made.title.endswith("primary: not adjusted")


def test_a_figure_of_differences_says_how_many_it_leaves_out(report: dict[str, Any]) -> None:
    one = report["comparisons"][0]
    report["comparisons"] = [{**one, "a": f"model {n}"} for n in range(61)]
    made = next(d for d in drawings_of(report) if d.kind == "differences")
    assert len(made.spec["datasets"]["lines"]) == 60
    assert "the first 60 of 61" in made.title


def test_the_forest_names_every_model_and_leaves_out_means_over_runs(report: dict[str, Any]) -> None:
    mean = {"model": "gmic-1 (mean of 2 runs)", "value": None, "low": None, "high": None, "given": {"runs": 2}}
    report["results"] += [{**row, **mean} for row in report["results"] if row["metric"] == "auc"]
    lines = next(d for d in drawings_of(report) if d.kind == "forest").spec["datasets"]["lines"]
    assert [(line["left0"], line["left1"]) for line in lines] == [
        ("all", "gmic-1"), ("", "peak-scan"), ("density A", "gmic-1"), ("", "peak-scan"), ("density B", "gmic-1"),
        ("", "peak-scan"),
    ]  # fmt: skip


def test_no_two_of_many_models_have_one_colour_and_marker_or_dash() -> None:
    series = [Named(str(n), n) for n in range(49)]
    assert len({(one.colour, one.shape) for one in series}) == 49
    assert len({(one.colour, tuple(one.dash)) for one in series}) == 49


def test_a_froc_figure_names_the_images_of_its_false_positives(report: dict[str, Any]) -> None:
    def title(images: str) -> str:
        report["settings"]["froc"]["fp_images"] = images
        return next(f.title for f in figures_of(report) if f.kind == "froc")  # type: ignore[arg-type]

    assert title("all") == "FROC curve, malignant, per finding"
    assert title("both") == "FROC curve, malignant, per finding, false positives over all images"
    assert title("normal") == "FROC curve, malignant, per finding, false positives over normal images"


def test_delong_stands_for_the_auc_where_both_tests_were_made(report: dict[str, Any]) -> None:
    other = {**report["comparisons"][0], "method": "delong-clustered", "low": -0.002}
    report["comparisons"].insert(1, other)
    one = next(d for d in drawings_of(report) if d.name == "differences-malignant-breast")
    assert [line["low"] for line in one.spec["datasets"]["lines"]] == [-0.002]


def test_cases_are_called_from_the_point_of_their_score_on(drawn: tuple[Path, dict[str, Any]]) -> None:
    report = drawn[1]
    figure = next(f for f in figures_of(report) if f.name == "roc-malignant-breast")  # type: ignore[arg-type]
    units = units_of(report, figure)  # type: ignore[arg-type]
    assert units is not None
    assert units["ids"][:3] == ["E00001 L", "E00001 R", "E00002 L"]
    series = figure.series[0]
    score = report["units"][0]["scores"]["gmic-1"]
    for place, cut in enumerate(series.curve["threshold"]):
        called = [cut is not None and value >= cut for value in score]
        assert [point <= place for point in units["calls"]["gmic-1"]] == called


def test_the_ring_starts_at_the_threshold_of_the_results(report: dict[str, Any]) -> None:
    auc = next(row for row in report["results"] if row["metric"] == "auc")
    score = sorted(report["units"][0]["scores"]["gmic-1"], reverse=True)
    chosen = {**auc, "metric": "sensitivity", "given": {"threshold_for": "sensitivity 0.9"}}
    report["results"].append(chosen)
    figure = next(f for f in figures_of(report) if f.name == "roc-malignant-breast")  # type: ignore[arg-type]
    # Between two scores, and at one of them, as a threshold that was chosen on these cases is.
    for at in ((score[9] + score[10]) / 2, score[9]):
        chosen["at"] = at
        assert starting_points(report, figure) == [10, None]
    figure = next(f for f in figures_of(report) if f.name == "roc-benign-breast")  # type: ignore[arg-type]
    assert starting_points(report, figure) == [None, None]


def test_the_ring_starts_exactly_at_a_threshold_that_thinning_left_out(report: dict[str, Any]) -> None:
    auc = next(row for row in report["results"] if row["metric"] == "auc")
    curve = next(c for c in report["curves"] if c["kind"] == "roc" and c["label"] == "malignant")
    cut = (curve["threshold"][10] + curve["threshold"][11]) / 2
    given = {"at": cut, "given": {"threshold_for": "sensitivity 0.9"}}
    # A point between two of a curve that was thinned, as the results give it.
    rates = {"sensitivity": (curve["y"][10] + curve["y"][11]) / 2, "specificity": 1 - curve["x"][11]}
    report["results"] += [{**auc, **given, "metric": name, "value": value} for name, value in rates.items()]
    figure = next(f for f in figures_of(report) if f.name == "roc-malignant-breast")  # type: ignore[arg-type]
    (start, _), own = starting_points(report, figure), figure.series[0].curve  # type: ignore[arg-type]
    assert start == 11
    assert (own["threshold"][start], own["y"][start]) == (cut, rates["sensitivity"])
    assert own["x"][start] == pytest.approx(curve["x"][11])
    assert own["threshold"][:11] + own["threshold"][12:] == curve["threshold"]


def test_no_line_leads_from_a_bin_of_few_units(report: dict[str, Any]) -> None:
    curve = next(c for c in report["curves"] if c["kind"] == "reliability" and c["model"] == "gmic-1")
    curve["rows"] = [500, 40, 9, 30, 10]
    spec = next(d for d in drawings_of(report) if d.name == "reliability-malignant-breast").spec
    runs = [point["run"] for point in spec["datasets"]["points"] if point["series"] == "gmic-1"]
    assert [a == b for a, b in itertools.pairwise(runs)] == [True, False, False, True]


def test_the_decision_curve_of_rare_positives_ends_where_the_benefit_does(report: dict[str, Any]) -> None:
    one = {"model": "gmic-1", "label": "rare", "level": "breast", "kind": "decision", "threshold": [0.001, 0.004, 0.3]}
    one |= {"x": [0.001, 0.004, 0.3], "y": [0.0018, 0.0009, 0.0001], "treat_all": [0.001, -0.002, -0.4]}
    report["curves"] = [one]
    assert figures_of(report)[0].end == 0.005  # type: ignore[arg-type]


def test_a_histogram_of_one_bar_is_drawn_over_the_range_of_the_scores(report: dict[str, Any]) -> None:
    row, units = report["histograms"][0], report["units"][0]
    units["scores"]["gmic-1"] = [score**8 / 100 + 1e-6 for score in units["scores"]["gmic-1"]]
    positives = sum(units["truth"])
    empty = [0] * (len(row["edges"]) - 2)
    row |= {"positives": [positives, *empty], "negatives": [120 - positives, *empty]}
    made = next(d for d in drawings_of(report) if d.name == "histogram-malignant-breast")
    bars = made.spec["datasets"]["bars0"]
    assert len(bars) > 10
    assert max(bar["x2"] for bar in bars) == pytest.approx(max(units["scores"]["gmic-1"]))
    assert sum(bar["n"] for bar in bars if bar["side"] == "positive") == positives
    assert sum(bar["n"] for bar in bars if bar["side"] == "negative") == 120 - positives
    assert "log scale" in made.svg()


def test_a_histogram_of_one_bar_without_the_scores_has_a_logarithmic_axis(report: dict[str, Any]) -> None:
    del report["units"]
    row = next(one for one in report["histograms"] if (one["model"], one["label"]) == ("gmic-1", "malignant"))
    bins = len(row["positives"])
    row |= {"positives": [20, 1, *[0] * (bins - 2)], "negatives": [95, 3, *[0] * (bins - 2)]}
    spec = next(d for d in drawings_of(report) if d.name == "histogram-malignant-breast").spec
    encoding = spec["vconcat"][0]["layer"][0]["encoding"]
    assert encoding["y"]["scale"]["type"] == "symlog"
    assert encoding["x"]["scale"]["domain"] == [0.0, row["edges"][2]]
    other = spec["vconcat"][1]["layer"][0]["encoding"]
    assert "type" not in other["y"].get("scale", {})
    assert other["x"]["scale"]["domain"] == [0.0, 1.0]


def test_bands_and_histograms_of_many_models(report: dict[str, Any]) -> None:
    for kind in ("curves", "histograms"):
        report[kind] += [{**one, "model": f"{one['model']} {n}"} for one in report[kind] for n in (2, 3)]
    made = {d.name: d for d in drawings_of(report)}
    roc, histogram = made["roc-malignant-breast"], made["histogram-malignant-breast"]
    assert roc.spec["datasets"]["bands"] == []
    assert "bands are drawn for at most 3 models" in roc.title
    assert any(line[1] == "band" for line in roc.table.rows)
    assert histogram.wide
    assert len(histogram.spec["concat"]) > 3


def test_a_report_without_the_newer_parts_is_drawn(tmp_path: Path, report: dict[str, Any], write_result: Any) -> None:
    del report["units"], report["histograms"]
    report["curves"] = [c for c in report["curves"] if c["kind"] not in ("reliability", "decision")]
    report["cases"] = []
    write_result(tmp_path, report)
    write_report(tmp_path)
    assert not list(tmp_path.glob("figures/histogram-*"))
    assert (tmp_path / "figures/roc-malignant-breast.svg").exists()
