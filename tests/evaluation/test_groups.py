"""Runs of one model as a group: mean, spread and ensemble."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cadkit import InputError, Predictions
from cadkit.data import Dataset
from cadkit.evaluation import FrocRule, Group, Settings
from cadkit.evaluation import evaluate_predictions as evaluate
from cadkit.prediction import FileSaliency
from cadkit.prediction import combine_predictions as combine
from cadkit.prediction.folder import saliency_path, write_saliency

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
Pick = Callable[..., Any]
Seeds = Callable[..., list[Predictions]]


def text_of(hand: Hand, name: str = "breasts.csv") -> str:
    """A file of the folder written by hand in conftest.py."""
    return (hand().folder / name).read_text()


def settings(**changes: Any) -> Settings:
    return Settings(**{"split": "test", "bootstrap": 20, "cases": 0, "labels": ("malignant",), **changes})


TRUTH = {("e1", "L"), ("e3", "R"), ("e5", "L")}


def _known(runs: list[Predictions]) -> tuple[list[int], list[list[float]]]:
    keys = [(f"e{e}", side) for e in range(1, 6) for side in "LR" if (e, side) != (4, "L")]
    tables = [{(e, s): v for e, s, v in run.scores("breast").iter_rows()} for run in runs]
    return [int(key in TRUTH) for key in keys], [[one[key] for key in keys] for one in tables]


def test_a_group_is_mean_sd_and_ensemble(seeds: Seeds, data: Dataset, hand: Hand, tmp_path: Path, pick: Pick) -> None:
    runs = seeds(3)
    report = evaluate([hand("other"), Group("model", tuple(runs))], data, tmp_path / "R", settings(by=("density",)))
    truth, scores = _known(runs)
    for metric, reference in (("auc", roc_auc_score), ("prauc", average_precision_score)):
        areas = [reference(truth, score) for score in scores]
        mean = pick(report, model="model (mean of 3 runs)", metric=metric, subgroup="all")
        assert (mean["value"], mean["sd"]) == (pytest.approx(np.mean(areas)), pytest.approx(np.std(areas, ddof=1)))
        assert (mean["low"], mean["given"]) == (None, {"runs": 3})
        whole = pick(report, model="model", metric=metric, subgroup="all")
        assert whole["value"] == pytest.approx(reference(truth, np.mean(scores, axis=0)))
        for run, area in zip(runs, areas, strict=True):
            assert pick(report, model=run.name, metric=metric, subgroup="all")["value"] == pytest.approx(area)
    assert pick(report, model="model (mean of 3 runs)", metric="auc", subgroup="density B")["given"] == {"runs": 3}
    # The runs stand in the results alone, and say whose they are.
    assert {(c["a"], c["b"]) for c in report["comparisons"]} == {("other", "model")}
    assert {curve["model"] for curve in report["curves"]} == {"other", "model"}
    kinds = {m["name"]: (m["kind"], m.get("group"), m.get("members")) for m in report["models"]}
    assert kinds["model"] == ("ensemble", None, ["seed0", "seed1", "seed2"])
    assert kinds["seed1"] == ("predictions", "model", None)
    assert kinds["other"] == ("predictions", None, None)


def test_a_number_and_its_interpolation_are_two_means(seeds: Seeds, data: Dataset, hand: Hand, tmp_path: Path) -> None:
    runs = seeds(2)
    chosen = settings(specificity_at=(0.75,), interpolate=True)
    report = evaluate([Group("model", tuple(runs))], data, tmp_path / "R", chosen)
    found: dict[tuple[str, bool], float] = {
        (row["model"], "interpolated" in row.get("flags", [])): row["value"]
        for row in report["results"]
        if row["metric"] == "sensitivity_at_specificity"
    }
    for interpolated in (False, True):
        own = [found[run.name, interpolated] for run in runs]
        assert found["model (mean of 2 runs)", interpolated] == pytest.approx(np.mean(own))


def test_the_ensemble_of_a_group_is_the_combination_of_its_runs(
    seeds: Seeds, data: Dataset, hand: Hand, tmp_path: Path, pick: Pick
) -> None:
    runs = seeds(2, **{"marks.csv": text_of(hand, "marks.csv")})
    written = combine(runs, data, tmp_path / "C", name="written")
    chosen = settings(froc=FrocRule(), levels=("breast", "exam"), sensitivity_at=(0.6,))
    report = evaluate([Group("model", tuple(runs)), written], data, tmp_path / "R", chosen)
    rows = {
        (r["level"], r["metric"], str(r["at"]), str(r.get("given"))): r
        for r in report["results"]
        if r["model"] == "model"
    }
    same = [r for r in report["results"] if r["model"] == "written"]
    assert len(rows) == len(same) > 20
    for row in same:
        own = rows[(row["level"], row["metric"], str(row["at"]), str(row.get("given")))]
        assert {**own, "model": ""} == {**row, "model": ""}
    # Both runs mark alike, so that the merged marks hit what each of them hits: e1-L-CC, e1-L-MLO and e3-R-CC.
    hits = {r["model"]: r["value"] for r in report["results"] if r["metric"] == "max_sensitivity"}
    assert hits["seed0"] == hits["model (mean of 2 runs)"] == hits["model"] == 1.0
    assert next(m for m in report["models"] if m["name"] == "written")["kind"] == "ensemble"


def test_a_run_of_a_group_is_compared_if_it_is_named_too(
    seeds: Seeds, data: Dataset, hand: Hand, tmp_path: Path
) -> None:
    runs = seeds(2)
    report = evaluate([runs[1], Group("model", tuple(runs))], data, tmp_path / "R", settings())
    assert {(c["a"], c["b"]) for c in report["comparisons"]} == {("seed1", "model")}
    for name in ("seed0", "seed1", "model", "model (mean of 2 runs)"):
        assert len([r for r in report["results"] if (r["model"], r["metric"]) == (name, "auc")]) == 1
    assert [m.get("group") for m in report["models"]] == [None, None, "model"]


def test_a_run_keeps_the_name_that_it_was_given_beside_its_group(
    seeds: Seeds, judge: Callable[..., Any], hand: Hand
) -> None:
    first, second = (run.folder for run in seeds(2))
    report = judge(f"g={first},{second}", f"mine={second}")
    assert [m["name"] for m in report["models"]] == ["g", "mine", "seed0"]


MAP = np.zeros((1, 5, 4), dtype=np.float32)
MAP[0, 1, 1] = 0.8
LESS = np.zeros((1, 5, 4), dtype=np.float32)
LESS[0, 4, 3] = 0.4


def test_maps_of_a_group_are_averaged_and_everything_is_drawn_of_the_ensemble(
    seeds: Seeds, make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Pick
) -> None:
    toml = 'localizes = "saliency"\nlabels = ["malignant"]\n'
    runs = seeds(2, **{"prediction.toml": toml})
    for run, values in zip(runs, (MAP, LESS), strict=True):
        for image in ("e1-L-CC", "e3-R-CC"):
            write_saliency(saliency_path(run.folder, image), FileSaliency(values, (0.0, 0.0, 40.0, 50.0)))
    whole = hand("whole", {"breasts.csv": (runs[0].folder / "breasts.csv").read_text()})
    chosen = settings(froc=FrocRule(), localization=True, cases=2)
    report = evaluate([whole, Group("net", tuple(runs))], make_dataset(), tmp_path / "R", chosen)
    # f1 is 6 x 6 of 10..16; the cell of 0.8 covers 10..20 in both, 36 of its 100 pixels. f1 alone in e1-L-CC;
    # f3 (8 x 8 from 4, 20) in e3-R-CC is touched by neither map's cell.
    soft = {run: pick(report, model=run, metric="dice_soft")["value"] for run in ("seed0", "seed1", "net")}
    assert soft["seed0"] == pytest.approx(2 * 0.8 * 36 / (0.64 * 100 + 36) / 2)
    assert soft["seed1"] == 0.0
    assert soft["net"] == pytest.approx(2 * 0.4 * 36 / (0.16 * 100 + 0.04 * 100 + 36) / 2)
    mean = pick(report, model="net (mean of 2 runs)", metric="dice_soft")
    assert mean["value"] == pytest.approx(soft["seed0"] / 2)
    assert mean["sd"] == pytest.approx(soft["seed0"] / np.sqrt(2))
    hits = {row["model"]: row["value"] for row in report["results"] if row["metric"] == "max_sensitivity"}
    assert {name: hits[name] for name in ("seed0", "seed1", "net")} == {
        "seed0": pytest.approx(1 / 3), "seed1": 0.0, "net": pytest.approx(1 / 3)
    }  # fmt: skip
    assert not [name for name in hits if name.startswith("random marks as seed")]
    assert {curve["model"] for curve in report["curves"] if curve["kind"] == "froc"} == {"net", "random marks"}
    shown = [m for case in report["cases"] if case["model"] == "net" for m in case["saliency"]]
    assert [m["maximum"] for m in shown] == [pytest.approx(0.4)] * len(shown)
    assert shown


def test_further_scores_of_a_group_are_judged_where_every_model_has_them(
    data: Dataset, hand: Hand, tmp_path: Path
) -> None:
    rows = [line.split(",") for line in text_of(hand).splitlines()[1:]]
    text = "exam_id,side,malignant,cc.malignant\n" + "".join(f"{e},{s},{m},{m}\n" for e, s, m, _ in rows)
    group = Group("net", tuple(hand(name, {"breasts.csv": text}) for name in ("one", "two")))
    alone = evaluate([group], data, tmp_path / "A", settings(extra=True))
    names = {row["model"] for row in alone["results"]}
    assert {"net (cc)", "one (cc)", "two (cc)", "net (mean of 2 runs) (cc)"} < names
    beside = evaluate([group, hand("plain")], data, tmp_path / "B", settings(extra=True))
    assert not [row for row in beside["results"] if "(cc)" in row["model"]]


def test_an_exam_that_a_run_skipped_is_lost_to_the_group(
    seeds: Seeds, data: Dataset, hand: Hand, tmp_path: Path, pick: Pick
) -> None:
    runs = seeds(2)
    rows = [",".join(map(str, row)) for row in runs[0].scores("breast").rows() if row[0] != "e2"]
    files = {
        "breasts.csv": "exam_id,side,malignant\n" + "\n".join(rows),
        "skipped.csv": "level,id,reason\nexam,e2,film\n",
    }
    short = hand("short", files)
    report = evaluate([Group("model", (short, runs[1]))], data, tmp_path / "R", settings())
    assert {r["n"] for r in report["results"]} == {7}
    assert {row["model"] for row in report["worst_case"]} == {"model"}
    assert report["cohort"]["left_out"][0] == {"level": "exam", "id": "e2", "reason": "film", "model": "short"}


def test_thresholds_of_a_group_are_locked_on_a_group(
    seeds: Seeds, make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    split = {"e1": "test", "e2": "test", "e3": "test", "e4": "validation", "e5": "validation", "t1": "train"}
    exams = "exam_id,patient_id,split\n" + "".join(f"{e},{e},{part}\n" for e, part in split.items())
    data = make_dataset({"exams.csv": exams}, pixels=False)
    runs = seeds(2)
    # e5-L is the one positive of the validation split: its score is the threshold of sensitivity 1.
    at = [next(v for e, s, v in run.scores("breast").iter_rows() if (e, s) == ("e5", "L")) for run in runs]
    group = Group("model", tuple(runs))
    report = evaluate([group], data, tmp_path / "R", settings(sensitivity_at=(1.0,)), validation=[group])
    found = {r["model"]: r for r in report["results"] if r["metric"] == "specificity"}
    assert [found[f"seed{n}"]["at"] for n in (0, 1)] == pytest.approx(at)
    assert found["model"]["at"] == pytest.approx(np.mean(at))
    mean = found["model (mean of 2 runs)"]
    assert mean["at"] is None
    assert mean["value"] == pytest.approx(np.mean([found[f"seed{n}"]["value"] for n in (0, 1)]))
    assert all("in-sample" not in row.get("flags", []) for row in found.values())
    with pytest.raises(InputError, match=r"--threshold-from: 1 given for model, which is 2 run\(s\)"):
        evaluate([group], data, tmp_path / "S", settings(sensitivity_at=(1.0,)), validation=[runs[0]])
