"""Every check is failed by a plugin that is broken in one way, and by no other check."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from cadkit import InputError
from cadkit.testing import check_plugin, checks
from cadkit.testing.pytest_checks import parametrize_checks

BROKEN = Path(__file__).parent / "broken"
ELSEWHERE = ["plain.py:SwapsXAndY", "plain.py:KeepsItsNetworksFrame", "plain.py:TransposesItsMap"]
CATCHES = {
    "static-loads": ["prints.py:Prints"],
    "static-no-torch": ["needs_torch.py:NeedsTorch"],
    "static-info": ["plain.py:ViewsAsText"],
    "static-config": ["plain.py:LosesNone", "plain.py:CannotBeMade"],
    "static-unknown-key": ["plain.py:TakesAnyKey"],
    "predict-each-once": ["plain.py:ForgetsTheLast", "plain.py:SkipsAll", "plain.py:Exits"],
    "predict-scores": ["plain.py:NoProbability", "plain.py:NotFinite"],
    "predict-places": ["plain.py:RowsAsX", "plain.py:MapOfLogits", *ELSEWHERE],
    "predict-repeatable": ["plain.py:RollsDice"],
    "predict-batch": ["plain.py:RanksAmongOthers", "learning.py:SoftmaxOverTheBatch"],
    "predict-order": ["plain.py:SortsExams"],
    "predict-inputs-untouched": ["plain.py:WritesPixels"],
    "predict-random-state": ["plain.py:SeedsNumpy"],
    "predict-grad-mode": ["plain.py:LeavesGradientsOff"],
    "predict-missing-view": ["plain.py:WantsBothViews"],
    "predict-extra-image": ["plain.py:WantsOneOfEachView"],
    "predict-implant": ["plain.py:RefusesImplants"],
    "predict-unprepared": ["plain.py:ReadsEveryImage"],
    "predict-memory": ["plain.py:KeepsPixels"],
    "predict-frame": ["plain.py:MarksTheFile", "plain.py:SaysFile"],
    "predict-turned": ["plain.py:LeavesRightBreastsTurned"],
    "predict-pixels": ["plain.py:RemembersByName", "plain.py:SoftmaxOverOneLabel"],
    "predict-sides": ["plain.py:SwapsBreasts"],
    "predict-eval-mode": ["plain.py:StaysInTraining", "plain.py:DropsOut"],
    "train-ends": ["learning.py:HasNoSuchSetting"],
    "train-finite-losses": ["learning.py:LogOfZero"],
    "train-changes-weights": ["learning.py:OptimizesACopy"],
    "train-save-load": ["learning.py:KeepsALearntNumber", "plain.py:LosesItsFile"],
    "train-resume": ["learning.py:CountsSteps"],
    "train-ranks": ["learning.py:SeedsByRank"],
    "train-test-truth": ["learning.py:WeighsByAllTables", "learning.py:AsksAndGoesOn"],
}
PAIRS = [(name, plugin) for name, plugins in CATCHES.items() for plugin in plugins]
# They start processes, or watch every allocation; without --slow they are run for the plugins that they catch.
COSTLY = {"static-loads", "static-no-torch", "predict-memory", "train-ranks"}


def failed(plugin: str, only: list[str]) -> list[str]:
    report = check_plugin(f"{BROKEN}/{plugin}", only=only)
    assert len(report.results) == len(only)
    return [result.id for result in report.results if result.outcome == "failed"]


def test_every_check_has_a_broken_plugin_and_says_what_it_means_and_how_to_mend_it() -> None:
    assert list(CATCHES) == [each.id for each in checks()]
    for each in checks():
        assert each.means.endswith(".")
        assert each.mend.endswith(".")


@pytest.mark.parametrize(("name", "plugin"), PAIRS)
def test_a_broken_plugin_fails_its_check_and_no_other(name: str, plugin: str) -> None:
    assert failed(plugin, [i for i in CATCHES if i == name or i not in COSTLY]) == [name]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "plugin"), PAIRS)
def test_nor_one_of_the_costly_ones(name: str, plugin: str) -> None:
    assert failed(plugin, list(CATCHES)) == [name]


@pytest.mark.parametrize(
    ("plugin", "passed"),
    [
        ("plain.py:Good", 23),
        ("plain.py:TurnsRightBreastsAndBack", 23),
        ("plain.py:Learns", 24),
        ("plain.py:LearnsInItsFile", 24),
        ("learning.py:Good", 29),
    ],
)
def test_a_good_plugin_passes_all_that_concern_it(plugin: str, passed: int) -> None:
    report = check_plugin(f"{BROKEN}/{plugin}")
    assert report.ok, report
    assert report.counts == {"passed": passed, "skipped": 31 - passed}
    assert all(result.reason for result in report.results if result.outcome == "skipped")


def loaded(name: str) -> type:
    spec = importlib.util.spec_from_file_location("cadkit_tests_plain", BROKEN / "plain.py")
    module = sys.modules.setdefault("cadkit_tests_plain", importlib.util.module_from_spec(spec))
    if not hasattr(module, name):
        spec.loader.exec_module(module)
    return getattr(module, name)


def test_a_newer_api_is_told_by_class() -> None:
    report = check_plugin(loaded("NewerApi"), only=["static-info", "predict"])
    (failure,) = [r for r in report.results if r.outcome == "failed"]
    assert (failure.id, "version 1" in failure.reason) == ("static-info", True)


def test_expected_failures_are_counted_and_one_that_passes_is_an_error() -> None:
    expected = {"predict-implant": "no implants in our screening", "predict-order": "sorted by the hospital"}
    report = check_plugin(loaded("RefusesImplants"), only=["predict"], expected_failures=expected)
    found = {result.id: result for result in report.results}
    assert found["predict-implant"].outcome == "expected failure"
    assert "no implants in our screening" in found["predict-implant"].reason
    assert "NotImplementedError" in found["predict-implant"].reason
    assert found["predict-order"].outcome == "unexpected pass"
    assert report.counts == {"passed": 16, "skipped": 1, "expected failure": 1, "unexpected pass": 1}
    assert not report.ok
    assert check_plugin(loaded("RefusesImplants"), only=["predict-implant"], expected_failures=expected).ok


def test_a_training_that_was_left_out_is_a_reason_to_skip() -> None:
    report = check_plugin(loaded("Learns"), only=["predict-order", "train-save-load"], train=False)
    assert [result.outcome for result in report.results] == ["skipped", "skipped"]
    report = check_plugin(loaded("Learns"), train=False)
    assert len(report.results) == len(checks(["static", "predict"]))
    report = check_plugin(f"{BROKEN}/learning.py:Good", only=["predict"], train=False)
    assert report.counts == {"passed": 18, "skipped": 1}  # its maps are of whole pictures: predict-frame


@pytest.mark.parametrize("words", [{"only": ["predict-luck"]}, {"expected_failures": {"predict-luck": "unlucky"}}])
def test_an_unknown_check_is_refused(words: dict) -> None:
    with pytest.raises(InputError, match=r"no such check.*static-loads"):
        check_plugin(loaded("Good"), **words)


def test_settings_reach_the_model() -> None:
    with pytest.raises(InputError, match="there is no such key"):
        check_plugin(loaded("Good"), config={"depth": 3})


@parametrize_checks(f"{BROKEN}/plain.py:RefusesImplants", expected_failures={"predict-implant": "it has none"})
def test_as_parameters_of_a_test(check) -> None:
    check()
