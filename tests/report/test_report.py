"""What is drawn from a result: the headline, its notes, tables, figures, pictures; and what is refused."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from cadkit.errors import InputError
from cadkit.report import terminal_table, wording, write_report
from cadkit.report.curves import figures_of, for_page
from cadkit.report.gallery import gallery_of
from cadkit.report.pictures import BUDGET, allowance, picture_uri, saliency_uri
from cadkit.report.tables import Table
from cadkit.report.wording import interval, metric_title, number, p_value, rate


def on_terminal(report: dict[str, Any], width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(terminal_table(report))  # type: ignore[arg-type]
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_terminal_shows_values_intervals_and_denominators(build_report: Any, tmp_path: Path) -> None:
    report = build_report(tmp_path / "other", models=("gmic-1",))
    text = on_terminal(report)
    row = next(r for r in report["results"] if r["metric"] == "auc")
    assert f"{row['value']:.3f} ({row['low']:.3f}\u2013{row['high']:.3f})" in text
    assert f"120, {row['positives']}" in text
    assert "236, 41" in text
    assert "Sensitivity at 1/4 FPI" in text
    assert "Warning: FROC, benign: 4 images left out" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100


def test_what_is_not_estimable_says_why_on_terminal_and_page(drawn: tuple[Path, dict[str, Any]]) -> None:
    folder, report = drawn
    text = on_terminal(report)
    found = re.search(r"^ ([a-z]) +Not estimable: no image with a value\.", text, re.MULTILINE)
    assert found is not None
    assert f"not estimable {found[1]}" in text
    html = (folder / "report.html").read_text()
    noted = re.search(r"<sup>([a-z])</sup> Not estimable: no image with a value\.", html)
    assert noted is not None
    assert f"not estimable<sup>{noted[1]}</sup>" in html
    assert not re.search(r"\b(nan|None)\b", text)
    assert not re.search(r">\s*(nan|NaN|None)\s*<", html)


def test_many_models_with_long_names_fit_100_columns(tmp_path: Path, build_report: Any) -> None:
    names = tuple(f"a-model-with-a-rather-long-name-{n}" for n in range(4))
    text = on_terminal(build_report(tmp_path / "r", models=names))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert text.count("AUC") >= 4


def test_names_are_not_taken_for_markup_on_the_terminal(tmp_path: Path, build_report: Any) -> None:
    report = build_report(tmp_path / "r", models=("gmic-1",))
    for row in (*report["models"], *report["results"]):
        key = "name" if "name" in row else "model"
        row[key] = row[key].replace("gmic-1", "[red]x[/red]")
    assert "[red]x[/red]" in on_terminal(report)


def test_tables_hold_full_precision(drawn: tuple[Path, dict[str, Any]]) -> None:
    folder, report = drawn
    with (folder / "tables/results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(report["results"])
    assert float(rows[0]["value"]) == report["results"][0]["value"]
    empty = next(row for row in rows if row["reason"])
    assert empty["value"] == ""
    assert empty["reason"] == "no image with a value"
    with (folder / "tables/headline.csv").open() as file:
        first = next(csv.DictReader(file))
    assert float(first["auc"]) == report["results"][0]["value"]
    assert first["positives"] == str(report["results"][0]["positives"])
    curve = next(c for c in report["curves"] if c["kind"] == "froc" and c["model"] == "gmic-1")
    with (folder / "tables/froc-malignant-finding.csv").open() as file:
        points = [r for r in csv.DictReader(file) if r["model"] == "gmic-1" and r["row"] == "point"]
    assert [float(r["x"]) for r in points] == curve["x"]


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "@x", "-a+3", "\tx"])
def test_a_spreadsheet_runs_no_cell(text: str) -> None:
    written = Table("t", ["name"], [[text]]).csv()
    assert next(iter(csv.reader(io.StringIO(written.split("\n", 1)[1])))) == ["'" + text]


def test_numbers_and_quotes_in_csv_stay_as_they_are() -> None:
    written = Table("t", ["a", "b", "c"], [[-0.25, 'say "hi", twice', None]]).csv()
    assert written == 'a,b,c\n-0.25,"say ""hi"", twice",\n'


def test_page_is_one_file_that_names_no_host(drawn: tuple[Path, dict[str, Any]]) -> None:
    html = (drawn[0] / "report.html").read_text()
    body = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert not re.findall(r'(?:src|href|action)="(?!data:|#)[^"]*"', body)
    assert "url(" not in body
    assert "default-src 'none'" in unescape(html)
    assert "unsafe-eval" not in html


def test_figures_are_svg_with_values_in_their_legends(drawn: tuple[Path, dict[str, Any]]) -> None:
    folder, report = drawn
    names = sorted(path.name for path in (folder / "figures").iterdir())
    of_both = (("roc", "breast"), ("pr", "breast"), ("froc", "finding"), ("histogram", "breast"))
    further = ("reliability-malignant-breast", "decision-malignant-breast", "forest-malignant-breast",
               "differences-malignant-breast", "differences-malignant-finding")  # fmt: skip
    both = [f"{kind}-{label}-{level}.svg" for label in ("malignant", "benign") for kind, level in of_both]
    assert names == sorted([*both, *(f"{name}.svg" for name in further)])
    text = "".join(ElementTree.parse(folder / "figures/roc-malignant-breast.svg").getroot().itertext())
    row = next(r for r in report["results"] if r["metric"] == "auc" and r["model"] == "peak-scan")
    assert f"peak-scan: AUC {row['value']:.3f} ({row['low']:.3f}\u2013{row['high']:.3f})" in text
    froc = "".join(ElementTree.parse(folder / "figures/froc-malignant-finding.svg").getroot().itertext())
    assert "random marks as gmic-1" in froc
    assert "False positives per image" in froc


def test_drawing_twice_gives_the_same_bytes_and_removes_what_is_gone(
    folder: Path, write_result: Callable[[Path, dict[str, Any]], None]
) -> None:
    write_report(folder)
    first = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_report(folder)
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first
    report = json.loads((folder / "report.json").read_text())
    report["curves"] = [curve for curve in report["curves"] if curve["kind"] != "froc"]
    report["comparisons"] = []
    write_result(folder, report)
    write_report(folder)
    assert not list(folder.glob("figures/froc-*"))
    assert not (folder / "tables/comparisons.csv").exists()
    assert not list(folder.rglob("*.part"))


def test_an_empty_result_still_makes_a_page(folder: Path, write_result: Any) -> None:
    report = json.loads((folder / "report.json").read_text())
    for part in ("results", "curves", "cases", "comparisons", "warnings", "inputs"):
        report[part] = []
    report["cohort"] |= {"left_out": [], "positives": {}, "steps": []}
    write_result(folder, report)
    assert "There are no results." in write_report(folder).read_text()
    assert "There are no results." in on_terminal(report)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no report.json"),
        ("{", "not a result of cadkit"),
        ('{"schema": "cadkit.report/99"}', "not of the kind cadkit.report/1"),
        ('{"schema": "cadkit.report/1"}', "lacks a part"),
        ('{"schema": NaN}', "NaN is not a number"),
        ("[]", "not of the kind"),
    ],
)
def test_a_result_that_is_none_is_refused_in_words(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    with pytest.raises(InputError, match=re.escape(words)):
        write_report(tmp_path)


@pytest.mark.parametrize("name", ["../outside.png", "/etc/hostname", "gallery/gone.png", "report.json"])
def test_a_picture_outside_missing_or_broken_is_refused(folder: Path, write_result: Any, name: str) -> None:
    Image.new("L", (4, 4)).save(folder.parent / "outside.png")
    report = json.loads((folder / "report.json").read_text())
    report["cases"][0]["picture"]["file"] = name
    write_result(folder, report)
    with pytest.raises(InputError):
        gallery_of(report, folder)


def test_pictures_keep_to_their_allowance(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (640, 500), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    uri = picture_uri(tmp_path, "noise.png", 20_000)
    assert len(base64.b64decode(uri.partition(",")[2])) <= 20_000
    # Three hundred cases stay under 25 MiB: pictures as base64, and 12 kB for the rest of a case.
    assert 300 * allowance(300) * 4 / 3 + 300 * 12_000 < 24 * 2**20
    assert 3000 * allowance(3000) <= BUDGET


def test_saliency_is_clear_where_low_and_opaque_at_the_top(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 51, 102], [102, 51, 0]], dtype=np.uint8)).save(tmp_path / "map.png")
    uri = saliency_uri(tmp_path, "map.png", top=0.4)
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGBA")
    pixels = np.asarray(picture)
    assert pixels.shape == (2, 3, 4)
    assert pixels[0, :, 3].tolist() == [0, round(255 * 0.5**0.5), 255]
    assert pixels[0, 2, :3].tolist() == [252, 255, 164]


def test_overlays_lie_in_the_pixels_of_the_file(drawn: tuple[Path, dict[str, Any]]) -> None:
    folder, report = drawn
    html = (folder / "report.html").read_text()
    case, mark = report["cases"][0], max(report["cases"][0]["marks"], key=lambda m: m["score"])
    x0, y0, x1, y1 = case["picture"]["window"]
    article = html[html.index('<article class="case') : html.index("</article>")]
    assert f'viewBox="{x0:g} {y0:g} {x1 - x0:g} {y1 - y0:g}"' in article
    assert f'<circle class="hitmark" cx="{mark["x"]:.6g}" cy="{mark["y"]:.6g}"' in article
    u, v = case["findings"][0]["outline"][0]
    assert f'points="{u:.6g},{v:.6g} ' in article
    picture = re.search(r'<use class="pixels" href="#([\w-]+)"', article)
    assert picture
    shared = re.search(rf'<image id="{picture[1]}"[^>]*?(x="[^>]*?)preserve', html)
    assert shared
    assert shared[1] == f'x="{x0}" y="{y0}" width="{x1 - x0}" height="{y1 - y0}" '


def test_the_score_of_a_mark_stands_beside_the_lesion_and_truth_names_all_labels(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    case = next(case for case in report["cases"] if case["why"] == "hit")
    case["truth"] |= {"other": 0.0, "third": None}
    # A lesion about its middle: beside the mark, above and below it, the text would lie on it.
    case["findings"][0]["outline"] = [[900.0, 1500.0], [1500.0, 1500.0], [1500.0, 2100.0], [900.0, 2100.0]]
    case["marks"] = [{**case["marks"][-1], "x": 1200.0, "y": 1800.0, "box": None}]
    drawn = next(one for one in gallery_of(report, folder).cases if one.case is case)
    assert drawn.truth == f"{case['label']}, not other, third unknown"
    text = drawn.marks[0].text
    assert text is not None
    x, _, anchor = text
    assert (anchor, x > 1500) == ("start", True)


def test_an_image_of_several_cases_is_embedded_once(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    report["cases"] = [report["cases"][0], {**report["cases"][0], "why": "miss"}]
    gallery = gallery_of(report, folder)
    assert len(gallery.cases) == 2
    assert len([one for one in gallery.pictures if not one.pixelated]) == 1


def test_thinning_keeps_points_of_the_curve_its_ends_and_its_shape() -> None:
    rng = np.random.default_rng(1)
    x, y = np.sort(rng.random(20_000)) * 30, np.sort(rng.random(20_000))
    curve = {
        "model": "m",
        "label": "l",
        "level": "finding",
        "kind": "froc",
        "x": [0.0, *x],
        "y": [0.0, *y],
        "threshold": [None, *np.linspace(1, 0, 20_000)],
    }
    few = for_page(curve, end=8.0)  # type: ignore[arg-type]
    assert len(few["x"]) <= 1400  # a box of a thousandth a side for each step of both axes, less what is cut off
    assert set(zip(few["x"], few["y"], strict=True)) <= set(zip(curve["x"], curve["y"], strict=True))
    assert (few["x"][0], few["y"][0], few["threshold"][0]) == (0.0, 0.0, None)
    assert few["x"][-1] == x[x > 8][0]
    at = np.linspace(0.1, 8, 50)
    exact = [y[x <= f].max() for f in at]
    # A thousandth of an axis of 8 to the left and to the right, and of one of 1 upwards and downwards.
    before, behind = (
        [max(v for u, v in zip(few["x"], few["y"], strict=True) if u <= f + d) for f in at] for d in (-0.008, 0.008)
    )
    assert (np.subtract(exact, before) > -0.001).all()
    assert (np.subtract(behind, exact) > -0.001).all()


def test_froc_axis_ends_at_a_round_number_and_at_eight_at_most(drawn: tuple[Path, dict[str, Any]]) -> None:
    report = drawn[1]
    froc = [figure for figure in figures_of(report) if figure.kind == "froc"]  # type: ignore[arg-type]
    assert [figure.end for figure in froc] == [5.0, 5.0]  # five false marks per image were simulated
    for curve in report["curves"]:
        if curve["kind"] == "froc":
            curve = {**curve, "x": [10 * x for x in curve["x"]]}
            alone = figures_of({**report, "curves": [curve]})  # type: ignore[typeddict-item]
            assert alone[0].end == 8.0


def test_words_have_their_plurals_and_definitions_their_level() -> None:
    several = [wording.several(word) for word in ("patient", "density", "day", "class", "batch")]
    assert several == ["patients", "densities", "days", "classes", "batches"]
    assert wording.sentence("cancer_detection_rate", "row").endswith("per 1,000 rows.")


@pytest.mark.parametrize(
    ("row", "floor"),
    [
        ({"p": 2 / 2001}, True),
        ({"p": 4 / 2001}, False),
        ({"p": 2 / 2001, "method": "permutation"}, False),
        ({"p": 0.01, "flags": ["p-floor"]}, True),
        ({"p": None}, False),
    ],
)
def test_the_least_p_of_a_bootstrap_is_known_as_such(row: dict[str, Any], floor: bool) -> None:
    whole = {"method": "bootstrap", "flags": [], **row}
    assert wording.at_floor(whole, {"bootstrap": 2000}) is floor  # type: ignore[arg-type]


def test_numbers_are_written_one_way() -> None:
    assert number(-0.02) == "\u22120.020"
    assert number(-0.0001) == "0.000"
    assert interval(0.1, None) == ""
    assert interval(0.5, 0.75) == "0.500\u20130.750"
    assert [p_value(p) for p in (0.0004, 0.0123, 0.4567, None)] == ["< 0.001", "0.012", "0.46", ""]
    assert [rate(f) for f in (0.125, 0.25, 0.3, 1.0, 8.0)] == ["1/8", "1/4", "0.3", "1", "8"]
    assert metric_title("froc_sensitivity", 0.5) == "Sensitivity at 1/2 FPI"
    assert metric_title("sensitivity_at_specificity", 0.9) == "Sensitivity at specificity 0.9"
    assert metric_title("something_new") == "something_new"


def _tables_of(html: str, region: str) -> list[list[str]]:
    """The rows of the table in a labelled region of the page, cell by cell as text."""
    part = html[html.index(f'aria-label="{region}"') :]
    part = part[: part.index("</table>")]
    rows = re.findall(r"<tr.*?</tr>", part, re.DOTALL)
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[unescape(re.sub(r"<.*?>", "", cell)).strip() for cell in row] for row in cells]


@pytest.fixture
def bare(drawn: tuple[Path, dict[str, Any]], tmp_path: Path, write_result: Any) -> Callable[..., str]:
    """`bare(**parts)`: the page of the drawn result with other parts, without its gallery and curves."""

    def draw(**parts: Any) -> str:
        write_result(tmp_path, {**drawn[1], "cases": [], "curves": [], "histograms": [], "units": [], **parts})
        return write_report(tmp_path).read_text()

    return draw


def test_comparisons_show_margins_and_keep_subgroups_apart(
    bare: Callable[..., str], drawn: tuple[Path, dict[str, Any]]
) -> None:
    first, other = drawn[1]["comparisons"]
    tested = {**first, "margin": 0.05, "p_margin": 0.0123, "flags": ["in-sample"]}
    html = bare(comparisons=[tested, {**other, "subgroup": "density B"}, {**tested, "subgroup": "density B"}])
    heads, *rows = _tables_of(html, "Comparisons")
    assert [heads.index(name) for name in ("P adjusted", "Margin", "P margin")] == [8, 9, 10]
    assert [row[7:] for row in rows] == [["0.083", "", "0.05", "0.012", "bootstrap, in-sample"]]
    assert 'title="chosen on the data that it is judged on"' in html
    heads, *rows = _tables_of(html, "Comparisons in subgroups")
    assert heads[4] == "Subgroup"
    assert [row[4] for row in rows] == ["density B", ""]
    assert "In subgroups: 2 comparisons" in html


def test_no_columns_of_margins_where_none_was_asked_for(bare: Callable[..., str]) -> None:
    html = bare()
    assert "Margin" not in _tables_of(html, "Comparisons")[0]
    assert "Comparisons in subgroups" not in html


def test_a_mean_over_runs_stands_with_its_sd(bare: Callable[..., str]) -> None:
    base = {"model": "ens (mean of 3 runs)", "label": "malignant", "level": "breast", "subgroup": "all", "at": None,
            "low": None, "high": None, "ci": None, "ci_method": None, "n": 120, "positives": 24, "clusters": 55,
            "dropped": None, "given": {"runs": 3}, "reason": "no interval: sd over 3 runs"}  # fmt: skip
    results = [{**base, "metric": "auc", "value": 0.812, "sd": 0.0126}]
    html = bare(results=results, comparisons=[])
    assert '<span class="interval">\u00b1 0.013</span>' in html
    assert "Mean and standard deviation over 3 runs." in html
    assert "No interval" not in html
    assert "use n \u2212 1" in html


def test_a_table_of_scores_has_its_flow_in_rows(bare: Callable[..., str], drawn: tuple[Path, dict[str, Any]]) -> None:
    counts = {"label": "cancer", "level": "row", "eligible": 92, "skipped": 0, "unknown": 2, "unanswered": 0,
              "evaluated": 90, "positives": 30, "negatives": 60}  # fmt: skip
    cohort = {**drawn[1]["cohort"], "steps": [], "left_out": [], "positives": {}, "units": [counts]}
    html = bare(cohort=cohort, inputs=[{"kind": "table", "name": "scores.csv", "fingerprint": "0"}])
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<.*?>", " ", html[html.index('id="cohort"') :])))
    assert "In the table 92 rows" in text
    assert "\u22122 rows : cancer unknown" in text
    assert "Evaluated 90 rows 30 positive 60 negative" in text
    assert "Scores of <strong>scores.csv</strong>" in html
