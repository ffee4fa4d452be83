"""A report in a notebook: frames, charts that need no network, the headline with notes and warnings."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from cadkit.errors import InputError
from cadkit.reader_study import StudySettings, reader_study
from cadkit.report import EvaluationReport

MIME = "application/vnd.vegalite.v5+json"
STUDY = "label,patient,reader_1,reader_2,ai\n" + "".join(
    f"{n % 2},p{n},{(n * 7 + 30 * (n % 2)) % 100},{(n * 11 + 40 * (n % 2)) % 100},{n % 2 * 0.5 + n / 100}\n"
    for n in range(30)
)


@pytest.fixture
def made(drawn: tuple[Path, dict[str, Any]]) -> EvaluationReport:
    return EvaluationReport.open(drawn[0])


@pytest.fixture
def report(drawn: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    """A result of one's own to change."""
    return copy.deepcopy(drawn[1])


def words(drawing: str) -> list[str]:
    return sorted(re.findall(r">([^<>]+)</text>", drawing))


class TestTables:
    def test_they_are_frames_with_the_values_of_the_result(
        self, made: EvaluationReport, drawn: tuple[Path, dict[str, Any]]
    ) -> None:
        assert made.table("results")["value"].to_list() == [row["value"] for row in drawn[1]["results"]]
        assert made.tables[0] == "headline"
        assert made.table().equals(made.table("headline"))
        assert made.table()["auc"][0] == drawn[1]["results"][0]["value"]

    def test_what_there_is_not_is_refused_with_what_there_is(self, made: EvaluationReport) -> None:
        with pytest.raises(InputError, match=r"There are headline, case-flow.*\.$"):
            made.table("nothing")
        with pytest.raises(InputError, match="correlations=True"):
            made.table("correlations")
        with pytest.raises(InputError, match=r"every point stands in curves/KIND-LABEL-LEVEL\.csv"):
            made.table("curves")


class TestCharts:
    def test_every_kind_is_drawn_alike_by_the_notebook_and_without_one(
        self, made: EvaluationReport, report: dict[str, Any]
    ) -> None:
        kinds = {kind for kind, _, _ in made.plots}
        assert kinds == {"roc", "pr", "froc", "histogram", "reliability", "decision", "forest", "differences"}
        # One of layers, of rows, of columns, and of a grid.
        many = [{**one, "model": f"{one['model']} {n}"} for one in report["histograms"] for n in (2, 3)]
        report["histograms"] += many
        charts = [made.plot("froc"), made.plot("histogram"), made.plot("forest")]
        charts.append(EvaluationReport(report).plot("histogram"))  # type: ignore[arg-type]
        for chart in charts:
            bundle = chart._repr_mimebundle_()
            # JupyterLab draws with Vega-Lite 5.
            drawing = vl_convert.vegalite_to_svg(bundle[MIME], vl_version="5.20")
            assert words(drawing) == words(bundle["image/svg+xml"])
            assert words(drawing)
            assert len(chart.altair().to_dict()["datasets"]) == len(chart.spec["datasets"])

    def test_nothing_is_fetched_from_the_network(self, made: EvaluationReport, tmp_path: Path) -> None:
        chart = made.plot("froc", label="benign")
        bundle = chart._repr_mimebundle_()
        addresses = set(re.findall(r"https?://[^\"'\s]+", bundle["image/svg+xml"]))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
        page = chart.save(tmp_path / "a.html").read_text()
        assert not re.search(r"<(script|link)[^>]*\b(src|href)=", page)
        assert "text/html" not in bundle

    def test_a_name_in_the_data_does_not_end_the_script_of_a_page(self, report: dict[str, Any], tmp_path: Path) -> None:
        hostile = "</script><script>alert('<b>')</script>"
        for one in report["histograms"]:
            one["model"] = hostile
        chart = EvaluationReport(report).plot("histogram", label="malignant")
        page = chart.save(tmp_path / "a.html").read_text()
        assert "alert('<b>')" not in page
        assert r"\u003c/script>\u003cscript>alert('\u003cb>')" in page

    def test_two_drawings_on_one_page_share_no_name(self, made: EvaluationReport) -> None:
        names = [
            set(re.findall(r'id="([^"]+)"', made.plot(kind)._repr_mimebundle_()["image/svg+xml"]))
            for kind in ("roc", "froc")
        ]
        assert names[0]
        assert not names[0] & names[1]

    def test_it_is_found_by_kind_label_and_level(self, made: EvaluationReport) -> None:
        chart = made.plot("froc", label="benign")
        assert (chart.kind, chart.label, chart.level) == ("froc", "benign", "finding")
        assert {point["model"] for point in chart.spec["datasets"]["points"]} >= {"gmic-1", "peak-scan"}
        assert chart.spec["params"][0]["views"] == ["values"]
        assert set(chart.table()["model"]) >= {"gmic-1", "peak-scan"}
        assert repr(chart) == "Chart('FROC curve, benign, per finding')"

    def test_what_plots_lists_is_taken_as_it_stands_or_word_by_word(self, made: EvaluationReport) -> None:
        for listed in made.plots:
            whole, parts = made.plot(listed), made.plot(*listed)
            assert (whole.kind, whole.label, whole.level) == (parts.kind, parts.label, parts.level) == listed
        with pytest.raises(InputError, match=r"pie, malignant.*There are roc, pr, froc"):
            made.plot(("pie", "malignant", "breast"))

    @pytest.mark.parametrize(
        ("ending", "begins"), [(".svg", b"<svg"), (".png", b"\x89PNG"), (".PDF", b"%PDF"), (".json", b"{")]
    )
    def test_it_is_saved_as_its_ending_says(
        self, made: EvaluationReport, tmp_path: Path, ending: str, begins: bytes
    ) -> None:
        path = made.plot("roc").save(tmp_path / f"new/roc{ending}")
        assert path.read_bytes().startswith(begins)

    def test_another_ending_is_refused(self, made: EvaluationReport, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"roc\.gif.*'\.gif'.*\.svg"):
            made.plot("roc").save(tmp_path / "roc.gif")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ({"kind": "pie"}, r"\(found: 'pie'\)\. There are roc, pr, froc"),
            ({"kind": "roc", "label": "cyst"}, r"roc, cyst.*There is roc of malignant per breast, benign per breast\."),
            ({"kind": "roc", "level": "exam"}, r"roc, exam.*There is roc of malignant per breast"),
        ],
    )
    def test_what_there_is_not_is_refused_with_what_there_is(
        self, made: EvaluationReport, asked: dict[str, str], said: str
    ) -> None:
        with pytest.raises(InputError, match=said) as raised:
            made.plot(**asked)
        assert "\n" not in str(raised.value)

    def test_what_was_not_asked_for_is_refused_with_how_to_ask(self, report: dict[str, Any]) -> None:
        report["curves"] = [curve for curve in report["curves"] if curve["kind"] != "froc"]
        with pytest.raises(InputError, match="froc=True"):
            EvaluationReport(report).plot("froc")  # type: ignore[arg-type]


class TestReport:
    def test_print_gives_every_number_of_the_headline_at_the_width_of_the_terminal(
        self, made: EvaluationReport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for width in ("80", "120"):
            monkeypatch.setenv("COLUMNS", width)
            said = str(made)
            assert max(map(len, said.splitlines())) <= int(width)
            assert "..." not in said
            assert "\u2026" not in said
            assert "\x1b" not in said
            for name in ("gmic-1", "peak-scan"):
                assert name in said
            assert f"{made.table()['auc'][0]:.3f}" in said

    def test_it_shows_its_headline_with_names_escaped(self, report: dict[str, Any]) -> None:
        for row in (*report["results"], *report["curves"], *report["histograms"], *report["models"]):
            key = "name" if "name" in row else "model"
            row[key] = row[key].replace("gmic-1", "<i>x")
        report["warnings"][0]["text"] = "<i>x"
        report["inputs"][0]["name"] = "<i>x"
        html = EvaluationReport(report)._repr_html_()  # type: ignore[arg-type]
        assert html.count("&lt;i&gt;x") >= 4
        assert "<i>" not in html
        assert f"{report['results'][0]['value']:.3f} (" in html
        assert "<i>x" in repr(EvaluationReport(report))  # type: ignore[arg-type]

    def test_it_shows_what_the_terminal_prints_besides(self, report: dict[str, Any]) -> None:
        report["results"][0] |= {"value": None, "low": None, "high": None, "reason": "every breast is positive"}
        html = EvaluationReport(report)._repr_html_()  # type: ignore[arg-type]
        assert "not estimable a" in html
        assert re.search(r"<p>a  [^<]*every breast is positive\.</p>", html)
        row = report["results"][0]
        assert f">{row['n']}, {row['positives']}<" in html
        for warning in report["warnings"]:
            assert warning["text"] in html
        assert "A mark hits a finding when" in html
        assert "replicates" in html

    def test_many_models_are_named_in_part(self, report: dict[str, Any]) -> None:
        report["models"] = [{**report["models"][0], "name": f"m{n}"} for n in range(9)]
        assert repr(EvaluationReport(report)).startswith("<report of m0, m1, m2, m3 and 5 more:")  # type: ignore[arg-type]

    def test_a_reader_study_has_its_own_tables_and_figures(self, tmp_path: Path) -> None:
        (tmp_path / "t.csv").write_text(STUDY)
        settings = StudySettings(truth="label", readers=("reader_*",), models=("ai",), cluster="patient", bootstrap=0)
        result = reader_study(tmp_path / "t.csv", tmp_path / "R", settings)
        made = EvaluationReport.open(tmp_path / "R")
        assert {"headline", "readers"} <= set(made.tables)
        assert len(set(made.tables)) == len(made.tables)
        assert "reader_1" in json.dumps(made.table("readers").rows())
        kinds = [kind for kind, _, _ in made.plots]
        assert "curves-ai" in kinds
        assert "svg" in made.plot("curves-ai")._repr_mimebundle_()["image/svg+xml"]
        html = made._repr_html_()
        assert "reader_1" in html
        assert "reader_1" in str(made)
        assert all(warning["text"] in html for warning in result["warnings"])
        with pytest.raises(InputError, match=r"There are curves-ai, .*[a-z]\. *$"):
            made.plot("froc")
