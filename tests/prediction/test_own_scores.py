"""Ways without a plugin: `cadkit.predict` and `cadkit.evaluate` of functions and tables; examples/own_scores."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import cadkit
from cadkit import Failure, InputError
from cadkit.data import Dataset

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "own_scores"


@pytest.fixture
def data(twelve: Path) -> Path:
    return twelve


def test_a_function_is_predicted_and_evaluated(data: Path, here: Path) -> None:
    spec = importlib.util.spec_from_file_location("own_function", EXAMPLES / "function.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    opened = cadkit.open(data)
    made = cadkit.predict(module.texture, opened, split="all")
    assert re.fullmatch(r"predictions/texture-[0-9a-f]{8}-all", str(made.folder))
    scores = dict(made.scores("image").select("image_id", "malignant").iter_rows())
    for image in opened.images:
        pixels = image.pixels()
        assert scores[image.id] == pytest.approx(float(pixels[pixels > 0].std()))
    assert made.localizes == ""
    report = cadkit.evaluate({"texture": made}, opened, bootstrap=20, cases=0)
    assert report.folder == Path("report/texture-all")
    assert (report.folder / "report.html").is_file()
    auc = report.table("results").filter((pl.col("metric") == "auc") & (pl.col("label") == "malignant"))
    truth = {(b.exam.id, b.side): b.truth("malignant") for b in opened.breasts}
    ours = {(e, s): v for e, s, v in made.scores("breast").select("exam_id", "side", "malignant").iter_rows()}
    pairs = [(ours[p], ours[n]) for p in truth if truth[p] == 1 for n in truth if truth[n] == 0]
    expected = sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)
    assert auc["value"][0] == pytest.approx(expected)
    assert "texture" in repr(report)
    assert "<table>" in report._repr_html_()


@pytest.mark.parametrize(
    ("answer", "column"),
    [
        (0.25, "malignant"),
        ({"malignant": 0.25}, "malignant"),
        (cadkit.ImagePrediction({"malignant": 0.25}, marks=cadkit.Marks([1.0], [(2, 3)])), "malignant"),
    ],
)
def test_a_function_may_answer_in_three_ways(answer: Any, column: str, make_dataset: Callable[..., Dataset]) -> None:
    from cadkit.plugin import ModelInfo
    from cadkit.prediction.functions import FunctionModel

    model = FunctionModel(lambda image: answer, ModelInfo(("malignant",), "risk"))
    given = model.predict_image(make_dataset().images[0])
    assert isinstance(given, cadkit.ImagePrediction)
    assert given.scores == {column: 0.25}


def test_a_function_that_changed_is_asked_again_and_nobody_elses_folder_is_touched(data: Path, here: Path) -> None:
    values = iter((1.0, 2.0))
    for _ in range(2):
        value = next(values)

        def constant(image: cadkit.Image, value: float = value) -> float:
            return value

        made = cadkit.predict(constant, data, split="all")
        assert set(made.scores("image")["malignant"]) == {value}

    def other(image: cadkit.Image) -> float:
        return 0.0

    with pytest.raises(InputError, match="other predictions"):
        cadkit.predict(other, data, split="all", out=made.folder)


def test_a_function_that_raises_is_named_with_its_exam(data: Path, here: Path) -> None:
    def broken(image: cadkit.Image) -> float:
        return 1 / 0

    with pytest.raises(Failure, match=r"ZeroDivisionError on exam e0"):
        cadkit.predict(broken, data, split="all")


def test_a_part_of_a_dataset_is_not_taken_for_the_whole(data: Path, here: Path) -> None:
    opened = cadkit.open(data)
    with pytest.raises(InputError, match="part of a dataset"):
        cadkit.evaluate("x.csv", opened.view([opened.exams[0].id]))


def test_the_examples_table_is_compared(here: Path) -> None:
    shutil.copy(EXAMPLES / "scores.csv", here)
    report = cadkit.compare("scores.csv", "cancer", ["vendor", "ours"], cluster="patient_id", bootstrap=20)
    found = report.table("results").filter(pl.col("metric") == "auc")
    rows = pl.read_csv(EXAMPLES / "scores.csv")
    ill, well = rows.filter(pl.col("cancer") == 1)["ours"], rows.filter(pl.col("cancer") == 0)["ours"]
    expected = sum((a > b) + 0.5 * (a == b) for a in ill for b in well) / (len(ill) * len(well))
    assert found.filter(pl.col("model") == "ours")["value"][0] == pytest.approx(expected)
    same = cadkit.compare(rows, "cancer", ["ours"], cluster="patient_id", bootstrap=20)
    assert same.table("results").filter(pl.col("metric") == "auc")["value"][0] == pytest.approx(expected)


def test_the_examples_program_answers(data: Path, here: Path) -> None:
    from cadkit.prediction.command import predict_command

    command = f"{EXAMPLES / 'model'} --in {{exams}} --out {{predictions}}"
    made = predict_command(command, data, split="all", batch=12, quiet=True)
    assert made.folder == Path("predictions/model-all")
    assert made.scores("image").height == len(cadkit.open(data).images)


def test_two_functions_of_one_name_have_a_folder_each(data: Path, here: Path) -> None:
    def made_of(value: float) -> cadkit.Predictions:
        return cadkit.predict(lambda image: value, data, split="all")

    low, high = made_of(1.0), made_of(2.0)
    assert set(low.scores("image")["malignant"]) == {1.0}
    assert set(high.scores("image")["malignant"]) == {2.0}
    assert made_of(1.0).folder == low.folder
    report = cadkit.evaluate([low, high], data, bootstrap=20, cases=0)
    assert len(report.table("results")["model"].unique()) == 2


def test_a_function_is_known_by_what_decides_its_answer() -> None:
    from cadkit.prediction.function_identity import identity_of

    def with_closure(value: Any) -> Callable[[Any], Any]:
        def score(image: Any) -> Any:
            return value

        return score

    def with_default(value: Any) -> Callable[[Any], Any]:
        def score(image: Any, value: Any = value) -> Any:
            return value

        return score

    def of_source(text: str, **names: Any) -> Any:
        exec(text, names)
        return names["score"]

    class Net:
        def __init__(self, weight: float) -> None:
            self.weights = np.arange(5000) + 0.0
            self.weights[2500] = weight
            self.own = self

        def __call__(self, image: Any) -> float:
            return float(self.weights[2500])

    def different() -> list[Any]:
        body = "def score(image):\n    return {}"
        return [
            *map(with_closure, (1.0, 2.0, Net(1), Net(2))),
            *map(with_default, (1.0, 2.0)),
            of_source(body.format("image + 1")), of_source(body.format("image + 2")),
            of_source(body.format("image - 1")), of_source(body.format("net(image)"), net=Net(1)),
            of_source(body.format("net(image)"), net=Net(2)), Net(1), Net(2), Net(2).__call__,
        ]  # fmt: skip

    first, second = ([identity_of(one) for one in different()] for _ in range(2))
    assert first == second
    assert len(set(first)) == len(first)


def test_a_function_that_answers_nothing_is_told_so(data: Path, here: Path) -> None:
    def forgot(image: cadkit.Image) -> None:
        image.pixels().mean()

    with pytest.raises(InputError, match=r"function forgot answered None for image .* of exam e0.*return a number"):
        cadkit.predict(forgot, data, split="all")


def test_a_label_that_no_table_has_is_told(data: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(UserWarning, match="neither breasts.csv nor exams.csv of .* has tumour, which"):
        made = cadkit.predict(lambda image: 0.5, data, split="all", labels=["tumour"])
    from cadkit.cli.models import _told

    _told(made)
    assert "Warning: neither breasts.csv" in capsys.readouterr().err


class Pandas:
    """What is used of a data frame of pandas."""

    def to_csv(self, path_or_buf: Path, *, index: bool) -> None:
        assert not index
        shutil.copy(EXAMPLES / "scores.csv", path_or_buf)


def test_data_frames_are_compared_and_elsewhere_it_is_said_how_to_write_them(data: Path, here: Path) -> None:
    whole = cadkit.compare(EXAMPLES / "scores.csv", "cancer", ["ours"], cluster="patient_id", bootstrap=20, out="A")
    same = cadkit.compare(Pandas(), "cancer", ["ours"], cluster="patient_id", bootstrap=20)
    assert same.table("results")["value"].to_list() == whole.table("results")["value"].to_list()
    with pytest.raises(InputError, match=r"data frame is no source.*frame\.to_csv\(.scores.csv., index=False"):
        cadkit.evaluate(Pandas(), data)  # type: ignore[arg-type]
    frame = pl.read_csv(EXAMPLES / "scores.csv")
    for given in (frame, [frame], {"ours": frame}):
        with pytest.raises(InputError, match=r"data frame is no source.*frame\.write_csv"):
            cadkit.evaluate(given, data)  # type: ignore[arg-type]
