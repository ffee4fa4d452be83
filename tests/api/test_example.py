"""The notebook of examples/notebook runs, and what ends a cell shows itself."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

import cadkit.tasks

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples/notebook/first_look.ipynb"
FULL = "exams=40, size=(320, 256)"  # 16 small exams do for a test


def display(value: object) -> dict[str, Any]:
    """What a notebook is handed of a value, by kind."""
    if hasattr(value, "_repr_mimebundle_"):
        return dict(value._repr_mimebundle_())
    return {"text/html": value._repr_html_()}  # type: ignore[attr-defined]


def test_the_notebook_runs_and_shows_what_it_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cadkit.tasks, "processors", lambda: 1)
    cells = [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] for cell in cells)
    sources = ["".join(cell["source"]) for cell in cells]
    assert FULL in sources[0]
    sources[0] = sources[0].replace(FULL, "exams=16, size=(96, 72)")
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for source in sources:
        *before, last = ast.parse(source).body
        assert isinstance(last, ast.Expr)
        exec(compile(ast.Module(before, []), "cell", "exec"), names)
        shown.append(display(eval(compile(ast.Expression(last.value), "cell", "eval"), names)))
    data, exam, predictions, report, froc, results = shown
    assert ">64<" in data["text/html"]
    assert exam["text/html"].count("data:image/png") == 4
    assert "16 of 16" in predictions["text/html"]
    assert "Sensitivity at 1 FPI" in report["text/html"]
    assert froc["image/svg+xml"].startswith("<svg")
    assert "froc_sensitivity" in results["text/html"]
    assert Path("roc.svg").is_file()
    assert "bootstrap" in capsys.readouterr().out
