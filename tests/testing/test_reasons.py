"""Each way in which a check finds a plugin broken, by the words in which it says so."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from cadkit import InputError
from cadkit.testing import CheckResult, check_plugin, train_checks

BROKEN = Path(__file__).parent / "broken"
FAILS = [
    ("static-info", "NoInfoOfItsOwn", "info is None, no cadkit.ModelInfo"),
    ("static-info", "SamplesWomen", "info.unit is 'woman', not image, breast or exam"),
    ("static-info", "LearnsHope", "info.learns has ['hope']; it takes boxes, labels, masks, points"),
    ("static-info", "NamesALabelTwice", "info.labels names something twice: ('malignant', 'malignant')"),
    ("static-config", "PresetOutOfRange", "the preset none: the configuration is wrong:\n  limit: "),
    ("predict-each-once", "AnswersForAnotherImage", "the answer for exam exam-0 speaks of elsewhere, which it has not"),
    ("predict-each-once", "AnswersForAThirdBreast", "the answer for exam exam-0 speaks of M, which it has not"),
    ("predict-places", "MarksNowhere", "image exam-0-L-CC: a mark has a point or a score that is not finite, and 31"),
    ("predict-places", "TurnsBoxesOver", "a mark's box is not x0, y0, x1, y1 with x0 <= x1 and y0 <= y1"),
    ("predict-places", "MarksAThirdLabel", "a mark has the label 1; the model has 1"),
    ("predict-places", "MarksALabelBelowAll", "a mark has the label -1; the model has 1"),
    ("predict-places", "LooksBesideThePicture", "a region of interest lies outside the prepared picture of 208 x 320"),
    ("predict-places", "MapsTwice", "image exam-0-L-CC: 2 saliency maps for 1 labels"),
    ("predict-places", "MapsElsewhere", "the saliency window (-208.0, 0.0, 0.0, 320.0) does not touch the 208 x 320"),
    ("predict-places", "EdgesFall", "the edges of the saliency's cells do not increase"),
    ("predict-repeatable", "MarksByChance", "exam exam-0: image exam-0-L-CC marks scores has 1 and 25 entries"),
    ("predict-repeatable", "MarksSometimes", "image exam-0-L-CC marks points, image exam-0-L-CC marks scores"),
    ("predict-repeatable", "FurtherScoreByChance", "exam exam-0: image exam-0-L-CC global.malignant differs by up to"),
    ("predict-repeatable", "MapByChance", "exam exam-0: image exam-0-L-CC saliency differs by up to 0.99"),
    ("predict-batch", "DependsOnTheSetting", "with batch=3: exam exam-0: image exam-0-L-CC malignant differs by up to"),
    ("predict-inputs-untouched", "TakesABreastAway", "the exams' images or columns were changed"),
    ("predict-random-state", "DrawsFromRandom", "the shared generator of random was drawn from or seeded"),
    ("predict-random-state", "DrawsFromTorch", "the shared generator of torch was drawn from or seeded"),
    ("predict-grad-mode", "GradientsOffBetweenAnswers", "after an answer gradients are off"),
    ("predict-grad-mode", "GradientsOffAtTheEnd", "at the end gradients are off"),
    ("predict-grad-mode", "InferenceBetweenAnswers", "after an answer gradients are off, inference mode is on"),
    ("predict-grad-mode", "ComputesInDouble", "after an answer the default type is torch.float64"),
    (
        "predict-each-once",
        "ReturnsNothing",
        "Exam exam-0, image exam-0-L-CC: the model answered NoneType, not ImagePred",
    ),
    ("predict-each-once", "ReturnsText", "Exam exam-0, image exam-0-L-CC: the model answered str, not ImagePrediction"),
    ("predict-scores", "ScoresAsText", "the model's score for malignant is '0.5' (str), not a number"),
    (
        "predict-scores",
        "ScoresAsPicture",
        "the model's score for malignant is an array of 3 x 4, float32, not a number",
    ),
    ("predict-scores", "ScoreWithoutLabel", "the model's scores are float, not a dictionary of a number by label"),
    ("train-save-load", "AnswersNothingOnceLoaded", "OSError at exam exam-0, image exam-0-L-CC: no licence in process"),
    ("predict-implant", "NoScoreWithImplant", "malignant is nan; a score must be finite"),
    ("predict-memory", "KeepsTensors", "each further exam takes 1.0"),
    ("predict-memory", "ReadsAllExamsFirst", "each further exam takes 1.0"),
    (
        "predict-frame",
        "CountsMarksByTheMargin",
        "places are marks of image exam-0-L-CC that were marks of image",
    ),
    ("predict-pixels", "ScoresTheWomanAlone", "whatever the picture, every score is 0.25"),
]
SKIPS = [
    ("predict-frame", "ReadsTheFile", "it reads what stands in the files, which is other than before"),
    ("predict-frame", "Plain", "it answers no places"),
    ("predict-turned", "Plain", "it answers no places"),
    ("predict-frame", "MapsTheFile", "it answers no places"),
    ("predict-turned", "MapsTheFile", "it answers no places"),
    ("train-test-truth", "LearnsByChance", "two trainings alike give other weights, so that nothing can be told"),
    ("train-save-load", "AnswersByChance", "its answers differ from one call to the next: see predict-repeatable"),
]
DIFFERENT = "the two processes hold different weights after an epoch"
OWN_LOOP = "a model that writes `train` itself has no such promise to keep"


def found(plugin: type | str, check: str) -> CheckResult:
    (result,) = check_plugin(plugin, only=[check]).results
    return result


def plain(name: str) -> type:
    spec = importlib.util.spec_from_file_location("cadkit_tests_reasons", BROKEN / "reasons.py")
    module = sys.modules.setdefault("cadkit_tests_reasons", importlib.util.module_from_spec(spec))
    if not hasattr(module, name):
        spec.loader.exec_module(module)
    return getattr(module, name)


@pytest.mark.parametrize(("check", "plugin", "said"), FAILS)
def test_a_check_says_what_is_broken(check: str, plugin: str, said: str) -> None:
    import torch  # noqa: F401 (the checks watch it where somebody has imported it)

    result = found(plain(plugin), check)
    assert (result.outcome, said in result.reason) == ("failed", True), result


@pytest.mark.parametrize(("check", "plugin", "said"), SKIPS)
def test_where_nothing_can_be_told_the_check_is_left_out(check: str, plugin: str, said: str) -> None:
    result = found(plain(plugin), check)
    assert (result.outcome, result.reason) == ("skipped", said)


def test_a_network_that_needs_larger_pictures_than_the_elongated_ones_has_no_fault_in_its_places() -> None:
    assert found(plain("WantsWidth"), "predict-places").outcome == "passed"


@pytest.mark.parametrize(
    ("check", "plugin", "said"),
    [
        ("train-resume", "IsNotGoneOnWith", "it could not be gone on with: it raised FileExistsError"),
        pytest.param("train-ranks", "MovesWeightsByRank", DIFFERENT, marks=pytest.mark.slow),
        pytest.param("train-ranks", "RaisesOnTheSecondProcess", "one card, one licence", marks=pytest.mark.slow),
    ],
)
def test_a_training_that_goes_wrong_is_said(check: str, plugin: str, said: str) -> None:
    result = found(f"{BROKEN}/ranks.py:{plugin}", check)
    assert (result.outcome, said in result.reason) == ("failed", True), result


@pytest.mark.parametrize(
    ("weights", "lists", "said"),
    [
        (["b"], [["u1", "u2"]], DIFFERENT),
        (["a"], [["u2", "u1"]], "`epoch` gives each of the two processes another list of units"),
        (["a"], [["u1", "u2"]], ""),
    ],
)
def test_two_processes_are_compared(
    weights: list[str], lists: list[list[str]], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = [{"lists": [["u1", "u2"]], "weights": ["a"]}, {"lists": lists, "weights": weights}]
    monkeypatch.setattr(train_checks, "_two_ranks", lambda run: written)
    result = found(f"{BROKEN}/ranks.py:Plain", "train-ranks")
    assert (result.outcome, result.reason) == ("failed" if said else "passed", said)


def test_two_processes_that_do_not_end_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_checks, "_SECONDS", 0)
    result = found(f"{BROKEN}/ranks.py:Plain", "train-ranks")
    assert result.outcome == "failed"
    assert result.reason == "the two processes did not end within 0 s; most likely each waits for the other"


@pytest.mark.parametrize("check", ["train-finite-losses", "train-changes-weights", "train-resume", "train-ranks"])
def test_of_a_loop_of_its_own_nothing_is_promised(check: str) -> None:
    result = found(f"{BROKEN}/ranks.py:TrainsByItself", check)
    assert (result.outcome, result.reason) == ("skipped", OWN_LOOP)


def test_what_only_its_own_folder_makes_it_importable_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "threshold.txt").write_text("0.5")
    (tmp_path / "model.py").write_text(
        "import cadkit, pathlib\nTHRESHOLD = float(pathlib.Path('threshold.txt').read_text())\n"
        "class Reads(cadkit.Model):\n"
        "    info = cadkit.ModelInfo(('malignant',), 'risk')\n"
    )
    monkeypatch.chdir(tmp_path)
    result = found("model.py:Reads", "static-loads")
    assert result.outcome == "failed"
    assert "its import failed: FileNotFoundError" in result.reason
    assert "threshold.txt" in result.reason
    torchless = found("model.py:Reads", "static-no-torch")
    assert (torchless.outcome, torchless.reason) == ("skipped", "it cannot be imported: see static-loads")


def test_a_class_that_no_other_process_can_name_is_left_out_of_what_needs_one() -> None:
    nested = type("Nested", (plain("Plain"),), {"__module__": "__main__", "__qualname__": "here.Nested"})
    for check in ("static-loads", "static-no-torch"):
        result = found(nested, check)
        assert (result.outcome, result.reason) == ("skipped", "another process cannot load the class by a name")


ALONE = {"ReturnsNothing": "predict-each-once", "ScoresAsText": "predict-scores", "ScoreWithoutLabel": "predict-scores"}


@pytest.mark.parametrize(("plugin", "check"), ALONE.items())
def test_an_answer_that_is_none_fails_one_check_for_one_cause(plugin: str, check: str) -> None:
    report = check_plugin(plain(plugin), only=["predict"])
    assert [result.id for result in report.results if result.outcome == "failed"] == [check]


def test_a_model_that_cannot_run_fails_whatever_check_is_asked_for() -> None:
    report = check_plugin(plain("Raises"), only=["predict-scores", "predict-order"])
    failed, skipped = report.results
    line = (BROKEN / "reasons.py").read_text().splitlines().index("        return self.weights  # not there") + 1
    assert (failed.id, failed.outcome) == ("predict-scores", "failed")
    assert failed.reason.startswith(
        "it raised AttributeError at exam exam-0, image exam-0-L-CC: 'Raises' object has no"
    )
    assert failed.reason.endswith(f"(reasons.py, line {line})")
    assert "where an exception was raised, it says what went wrong" in failed.mend
    assert (skipped.outcome, skipped.reason) == ("skipped", "first mend what predict-scores says")


def test_what_a_model_prints_is_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    report = check_plugin(plain("Prints"), only=["predict"])
    assert report.ok
    (note,) = report.notes
    assert note.startswith("it prints while it is asked: 'looking at exam-0-L-CC' and ")
    assert report.as_dict()["notes"] == [note]
    assert note in str(report)
    assert capsys.readouterr().out == ""


def test_counts_stand_in_one_order_and_an_unknown_check_is_guessed() -> None:
    counts = check_plugin(plain("ScoresAsText"), only=["predict", "static-info"]).counts
    assert list(counts) == ["passed", "failed", "skipped"]
    with pytest.raises(InputError, match=r"no such check.*Did you mean predict-scores\?"):
        check_plugin(plain("Plain"), only=["predict-score"])
