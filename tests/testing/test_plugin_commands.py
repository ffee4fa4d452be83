"""`cadkit plugin check`, `checks` and `new` on the command line, and the example plugin."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cadkit.cli.app import app
from cadkit.testing import checks, parametrize_checks

BROKEN = Path(__file__).parent / "broken"
SMALLEST = Path(__file__).parents[2] / "examples" / "smallest_plugin" / "mean_intensity.py"


def test_a_failed_check_is_shown_with_how_to_mend_it_and_ends_with_1() -> None:
    words = ["plugin", "check", f"{BROKEN}/plain.py:RefusesImplants", "--only", "predict", "--only", "static-info"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "NotImplementedError" in " ".join(done.stdout.split())
    assert "predict-implant: Answer for the images that are there" in done.stdout
    assert re.fullmatch(r"\d+ passed, 1 failed(, \d+ skipped)?", done.stdout.splitlines()[-1])


def test_expected_failures_and_json() -> None:
    words = ["plugin", "check", f"{BROKEN}/plain.py:RefusesImplants", "--only", "predict-implant", "--json"]
    done = CliRunner().invoke(app, [*words, "--expect", "predict-implant=it has seen none"])
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert report["ok"]
    assert report["counts"] == {"expected failure": 1}
    assert report["checks"][0]["reason"].startswith("it has seen none (it raised NotImplementedError")


def test_the_list_of_checks() -> None:
    done = CliRunner().invoke(app, ["plugin", "checks", "--json"])
    assert [row["check"] for row in json.loads(done.stdout)] == [each.id for each in checks()]


def test_new_says_what_it_wrote_and_what_is_next(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["plugin", "new", "my_model", "--out", str(tmp_path)])
    assert done.exit_code == 0
    assert f"Wrote {tmp_path / 'my_model'}: pyproject.toml, README.md" in done.stdout
    assert "cadkit plugin check my_model" in done.stdout


@pytest.mark.parametrize("words", [["--expect", "predict-implant"], ["--expect", "predict-implant= "]])
def test_an_expectation_needs_a_reason(words: list[str]) -> None:
    done = CliRunner().invoke(app, ["plugin", "check", f"{SMALLEST}:MeanIntensity", *words])
    assert "--expect takes ID=REASON" in str(done.exception)


def test_what_a_model_prints_does_not_spoil_json() -> None:
    words = ["plugin", "check", f"{BROKEN}/reasons.py:Prints", "--only", "predict-scores"]
    as_json, as_text = CliRunner().invoke(app, [*words, "--json"]), CliRunner().invoke(app, words)
    assert json.loads(as_json.stdout)["notes"][0].startswith("it prints while it is asked")
    assert "Note: it prints while it is asked: 'looking at exam-0-L-CC'" in as_text.stdout
    assert as_text.stdout.splitlines()[-1] == "1 passed"


@parametrize_checks(f"{SMALLEST}:MeanIntensity", only=["static", "predict"])
def test_the_smallest_plugin_keeps_the_contract(check) -> None:
    check()
