"""A plugin in a file that raises, exits or prints: what `cadkit predict` says of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cadkit
from cadkit.cli import main
from cadkit.prediction import predict_with

PLUGIN = """import beside
import cadkit

class Spots(cadkit.Model):
    info = cadkit.ModelInfo(labels=("malignant",), scores="risk")

    def predict_image(self, image):
        print("asked about", image.id)
        return cadkit.ImagePrediction({"malignant": beside.score(image)})
"""


@pytest.fixture
def predict(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], object]]:
    """`predict(line)`: with a plugin whose score is computed by a line of the file beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "beside", raising=False)

    def run(line: str) -> object:
        Path("spots.py").write_text(PLUGIN)
        Path("beside.py").write_text(f"import json, sys\n\ndef score(image):\n    {line}\n")
        return predict_with("spots.py:Spots", data=data, split="all", quiet=True)

    yield run
    sys.modules.pop("beside", None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return 1 / 0", "ZeroDivisionError{where}: division by zero (beside.py, line 4)"),
        ("json.loads('{')", "JSONDecodeError{where}: Expecting property name"),
        ("sys.exit(3)", "SystemExit{where}: 3 (beside.py, line 4)"),
        ("raise RuntimeError", "RuntimeError{where} (beside.py, line 4)"),
    ],
)
def test_the_image_and_the_plugins_own_line_are_named(
    predict: Callable[[str], object], data: Path, line: str, said: str
) -> None:
    exam = cadkit.open(data).exams[0]
    where = f" on exam {exam.id}, image {exam.images[0].id}"
    with pytest.raises(cadkit.Failure) as caught:
        predict(line)
    assert f"The model Spots raised {said.format(where=where)}" in str(caught.value)
    assert "(beside.py, line 4)" in str(caught.value)


def test_the_command_says_how_to_see_more(
    predict: Callable[[str], object], data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(cadkit.Failure):
        predict("sys.exit(3)")
    words = ["cadkit", "predict", "spots.py:Spots", "--data", str(data)]
    told = []
    for debug in ([], ["--debug"]):
        monkeypatch.setattr(sys, "argv", [*words, *debug])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        told.append(capsys.readouterr().err)
    assert told[0].splitlines()[-1] == "Type the command again with --debug for the traceback."
    assert "Traceback" not in told[0]
    assert "in score\n    sys.exit(3)" in told[1]
    assert "typer" not in told[1]


def test_what_a_model_prints_is_not_in_the_commands_output(
    predict: Callable[[str], object], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict("return 0.5")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"asked about {cadkit.open(data).exams[0].images[0].id}\n")


def test_a_score_that_is_text_is_refused(predict: Callable[[str], object]) -> None:
    with pytest.raises(
        cadkit.Failure, match=r"image .*: the model's score for malignant is '0.5' \(str\), not a number"
    ):
        predict("return '0.5'")


def test_a_function_is_named_where_it_raises(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def brightest(image: cadkit.Image) -> float:
        raise ValueError("too dark")

    monkeypatch.chdir(tmp_path)
    with pytest.raises(cadkit.Failure, match=r"^The function brightest raised ValueError on exam .*too dark"):
        cadkit.predict(brightest, data, split="all", quiet=True)
