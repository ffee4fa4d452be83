"""What an evaluation is given: score tables, names, groups of runs; and what is resampled."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from typer.testing import CliRunner

from cadkit import InputError, Predictions
from cadkit.cli.app import app
from cadkit.data import Dataset
from cadkit.evaluation import FrocRule, Group, Settings, evaluate, evaluate_sources
from cadkit.evaluation.sources import Source
from cadkit.prediction import FileSaliency, combine
from cadkit.prediction.folder import saliency_path, write_saliency

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
Pick = Callable[..., Any]


def text_of(hand: Hand, name: str = "breasts.csv") -> str:
    """A file of the folder written by hand in conftest.py."""
    return (hand().folder / name).read_text()


def settings(**changes: Any) -> Settings:
    return Settings(**{"split": "test", "bootstrap": 20, "cases": 0, "labels": ("malignant",), **changes})


@pytest.fixture
def data(make_dataset: MakeDataset) -> Dataset:
    return make_dataset(pixels=False)


@pytest.fixture
def judge(data: Dataset, tmp_path: Path) -> Callable[..., Any]:
    """`judge(source, ..., **changes)`: the report of sources as typed."""

    def run(*sources: object, validation: tuple[object, ...] = (), **changes: Any) -> Any:
        words = [str(source) for source in sources]
        report, _ = evaluate_sources(
            words,
            data=data.folder,
            out=tmp_path / "R",
            settings=settings(**changes),
            validation=list(map(str, validation)),
        )
        return report

    return run


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str, str], Path]:
    """`table(name, text)`: a file."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_vendors_table_is_joined_with_the_truth(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand, pick: Pick
) -> None:
    lines = text_of(hand).splitlines()
    text = "\n".join(f"{line},{'device' if n == 0 else 'X9'},{'age' if n == 0 else 60}" for n, line in enumerate(lines))
    report = judge(table("Vendor 3.csv", text), f"folder={hand().folder}", labels=())
    assert [(m["name"], m["kind"], m["labels"]) for m in report["models"]] == [
        ("Vendor 3", "scores", ["malignant", "benign"]),
        ("folder", "predictions", ["malignant", "benign"]),
    ]
    for model in ("Vendor 3", "folder"):
        # 16.5 of 18 pairs, as in test_scores.
        assert pick(report, model=model, metric="auc", label="malignant")["value"] == pytest.approx(16.5 / 18)
    assert {c["difference"] for c in report["comparisons"] if c["metric"] == "auc"} == {0.0}


def test_a_table_of_exams_or_images_is_judged_at_its_level(
    judge: Callable[..., Any], table: Callable[..., Path], tmp_path: Path
) -> None:
    exams = table("exams.csv", "exam_id,malignant\n" + "".join(f"e{n},0.{n}\n" for n in range(1, 6)))
    report = judge(f"by exam={exams}", levels=())
    assert {(row["model"], row["level"], row["n"]) for row in report["results"]} == {("by exam", "exam", 4)}
    assert "pooling" not in report["models"][0]
    frame = pl.DataFrame({"image_id": [f"e{n}-L-{v}" for n in range(1, 6) for v in ("CC", "MLO")], "malignant": 0.5})
    frame.write_parquet(tmp_path / "views.parquet")
    assert {row["level"] for row in judge(tmp_path / "views.parquet", levels=())["results"]} == {"breast"}
    assert {row["n"] for row in judge(tmp_path / "views.parquet", levels=("image",))["results"]} == {8}
    # What was pooled here is said, and nothing that was not.
    for levels, pooled in ((("breast",), {"views": "mean"}), (("exam",), {"views": "mean", "breasts": "max"})):
        assert judge(tmp_path / "views.parquet", levels=levels)["models"][0]["pooling"] == pooled


def test_levels_pooled_from_less_than_there_is_are_warned_of(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand
) -> None:
    kept = [line for line in text_of(hand).splitlines() if not line.startswith("e2,R")]
    texts = {w["id"]: w["text"] for w in judge(table("v.csv", "\n".join(kept)), levels=("exam",))["warnings"]}
    assert texts["pooled-exam-v"] == "v: 1 of 5 exams were pooled from fewer breasts than the dataset has of them."
    views = table("w.csv", "image_id,malignant\n" + "".join(f"e{n}-{s}-CC,0.{n}\n" for n in range(1, 6) for s in "LR"))
    texts = {w["id"]: w["text"] for w in judge(views)["warnings"]}
    assert re.match(r"w: \d+ of 10 breasts were pooled from fewer images \(views\)", texts["pooled-breast-w"])
    whole = judge(table("x.csv", text_of(hand)), levels=("exam",))["warnings"]
    assert not [one for one in whole if one["id"].startswith("pooled")]


def test_a_breast_without_a_score_stays_in_the_froc_and_is_said_to(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand
) -> None:
    kept = [line for line in text_of(hand).splitlines() if not line.startswith("e2,R")]
    report = judge(table("v.csv", "\n".join(kept)), hand().folder, froc=FrocRule())
    alone = judge(hand().folder, froc=FrocRule())
    images = {r["n"] for r in report["results"] + alone["results"] if r["metric"] == "max_sensitivity"}
    assert len(images) == 1
    text = next(w["text"] for w in report["warnings"] if w["id"] == "left-out-breast-malignant")
    assert "1 without a score of every model left out. Images of breasts without a score stay in the FROC" in text


def test_a_folder_has_one_name_whatever_stands_beside_it(judge: Callable[..., Any], hand: Hand) -> None:
    record = 'name = "net-1"\nmodel = "net"\nrun = "/r/{}"\nsplit = "test"\nlabels = ["malignant"]\n'
    text = text_of(hand)
    folders = {
        name: hand(name, {"breasts.csv": text, "prediction.toml": record.format(name)}).folder
        for name in ("net-1-test", "net-1-test-2", "posters")
    }
    usual, again, own = folders.values()
    assert [m["name"] for m in judge(own)["models"]] == ["posters"]
    assert [m["name"] for m in judge(usual)["models"]] == ["net-1"]
    assert [m["name"] for m in judge(again)["models"]] == ["net-1"]
    assert [m["name"] for m in judge(usual, own)["models"]] == ["net-1", "posters"]
    assert [m["name"] for m in judge(usual, again)["models"]] == ["net-1-test", "net-1-test-2"]
    group = judge(f"g={usual},{own}")["models"]
    assert [m["name"] for m in group] == ["g", "net-1", "posters"]
    assert group[0]["source"] == "mean of net-1, posters"


def test_a_mistyped_folder_is_no_plugin(data: Dataset) -> None:
    for source in ("predictions/pozters", "comb1"):
        for folder in (data.folder, None):
            with pytest.raises(InputError, match=rf"no such folder, file or plugin.*'{source}'"):
                evaluate_sources([source], data=folder, settings=settings())


def test_an_exam_that_a_table_lacks_is_skipped_and_counted_and_a_breast_unanswered(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand
) -> None:
    kept = [line for line in text_of(hand).splitlines() if not line.startswith(("e3,", "e2,R"))]
    report = judge(table("v.csv", "\n".join(kept)))
    assert report["cohort"]["left_out"] == [
        {"level": "exam", "id": "e3", "reason": "not in the score table", "model": "v"}
    ]
    counts = report["cohort"]["units"][0]
    assert (counts["eligible"], counts["skipped"], counts["unknown"], counts["unanswered"]) == (10, 2, 1, 1)
    assert (counts["evaluated"], counts["positives"]) == (6, 2)
    assert {row["given"]["units"] for row in report["worst_case"]} == {3}


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("exam_id,side,malignant\ne1,L,0.1\nx9,L,0.2\n", r"v\.csv, row 2: 1 breast\(s\).*'x9/L'"),
        ("exam_id,side,malignant\ne1,left,0.1\n", r"v\.csv, row 1: 1 breast\(s\).*'e1/left'.*Sides are L and R"),
        (
            "exam_id,side,malignant\ne1,L,0.1\ne1,R,1\ne1,L,0.3\n",
            r"v\.csv, row 3: the same id stands twice, first in row 1.*'e1', 'L'",
        ),
        ("exam_id,side,malignant\ne1,L,0.1\ne1,R,high\n", r"v\.csv, row 2: .*malignant must hold finite.*'high'"),
        ("exam_id,side,malignant\ne1,L,nan\n", r"v\.csv, row 1: .*finite.*'nan'"),
        ("exam_id,side,malignant\ne1,L,0\ne1,R,inf\n", r"v\.csv, row 2: .*finite.*'inf'"),
        ("exam_id,side,malignant\ne1,L,\n", r"v\.csv, row 1: .*finite.*leave the row out"),
        ("exam_id,side,score\ne1,L,1\n", r"v\.csv, header: no column is named by a label \(benign, malignant\)"),
        ("exam_id,side,malignant,malignant\ne1,L,1,2\n", r"v\.csv, header: two columns have one name.*'malignant'"),
        ("patient,malignant\np1,1\n", r"v\.csv, header: .*does not say what is scored.*'patient, malignant'"),
        ("exam_id,side,malignant\n,L,1\n", r"v\.csv, row 1: exam_id and side must be filled"),
        ("exam_id,side,malignant\n", r"v\.csv: the score table has no rows"),
        ("exam_id,side,malignant\ne1,L,0.1\ne1,R,0,2\n", r"v\.csv, row 2 \(line 3\): 4 fields where .* has 3"),
        ("exam_id,side,note,malignant\ne1,L,0.1\n", r"v\.csv, row 1 \(line 2\): 3 fields where the header has 4"),
        ("exam_id;side;malignant\ne1;L;0,1\n", r"v\.csv, header: .*separated by semicolons"),
        ("", r"v\.csv: the table cannot be read"),
    ],
)
def test_a_table_that_is_wrong_is_told_with_file_row_and_value(
    judge: Callable[..., Any], table: Callable[..., Path], tmp_path: Path, text: str, pattern: str
) -> None:
    with pytest.raises(InputError, match=pattern):
        judge(table("v.csv", text))
    assert not (tmp_path / "R").exists()


def test_sources_that_cannot_be(
    judge: Callable[..., Any], table: Callable[..., Path], hand: Hand, tmp_path: Path
) -> None:
    folder, vendor = hand().folder, table("v.csv", text_of(hand))
    faults: list[tuple[tuple[object, ...], str]] = [
        ((tmp_path / "no.csv",), r"no\.csv: the score table is missing"),
        ((table("v.parquet", "no table"),), r"v\.parquet: the table cannot be read"),
        ((folder, folder), "a source is given twice"),
        ((f"a={folder}", f"a={vendor}"), "two sources have one name.*'a'"),
        ((f"g={folder},{vendor}", f"g={vendor},{folder}"), "two sources have one name.*'g'"),
        ((f"g={folder},{folder}",), r"g: a group has at least two runs, each once"),
        ((f"={vendor}",), "a source is PATH, NAME=PATH or NAME=PATH,PATH"),
        ((f"g={folder},",), "a source is PATH, NAME=PATH or NAME=PATH,PATH"),
    ]
    for sources, pattern in faults:
        with pytest.raises(InputError, match=pattern):
            judge(*sources)
    with pytest.raises(InputError, match="the label cyst cannot be judged"):
        judge(vendor, labels=("cyst",))
    with pytest.raises(InputError, match=r"no source says what dataset.*--data"):
        evaluate_sources([str(vendor)], settings=settings())
    assert not (tmp_path / "R").exists()


def test_signs_in_the_name_of_a_file_are_not_taken_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b,c.csv").write_text("")
    Path("d,e.csv").write_text("")
    assert Source.parse("a=b,c.csv") == Source("", ("a=b,c.csv",))
    assert Source.parse("x=d,e.csv") == Source("x", ("d,e.csv",))
    assert Source.parse("x= d , f.csv") == Source("x", ("d", "f.csv"))


TRUTH = {("e1", "L"), ("e3", "R"), ("e5", "L")}


def _runs(hand: Hand, n: int, **more: str) -> list[Predictions]:
    """Seeds of one model; each is unsure of other breasts."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(n):
        rows = [
            f"e{e},{side},{(0.5 if (f'e{e}', side) in TRUTH else 0.2) + rng.random() / 2:.3f}"
            for e in range(1, 6) for side in "LR"
        ]  # fmt: skip
        files = {"breasts.csv": "exam_id,side,malignant\n" + "\n".join(rows) + "\n", **more}
        made.append(hand(f"seed{number}", files))
    return made


def _known(runs: list[Predictions]) -> tuple[list[int], list[list[float]]]:
    keys = [(f"e{e}", side) for e in range(1, 6) for side in "LR" if (e, side) != (4, "L")]
    tables = [{(e, s): v for e, s, v in run.scores("breast").iter_rows()} for run in runs]
    return [int(key in TRUTH) for key in keys], [[one[key] for key in keys] for one in tables]


def test_a_group_is_mean_sd_and_ensemble(data: Dataset, hand: Hand, tmp_path: Path, pick: Pick) -> None:
    runs = _runs(hand, 3)
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


def test_a_number_and_its_interpolation_are_two_means(data: Dataset, hand: Hand, tmp_path: Path) -> None:
    runs = _runs(hand, 2)
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
    data: Dataset, hand: Hand, tmp_path: Path, pick: Pick
) -> None:
    runs = _runs(hand, 2, **{"marks.csv": text_of(hand, "marks.csv")})
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


def test_a_run_of_a_group_is_compared_if_it_is_named_too(data: Dataset, hand: Hand, tmp_path: Path) -> None:
    runs = _runs(hand, 2)
    report = evaluate([runs[1], Group("model", tuple(runs))], data, tmp_path / "R", settings())
    assert {(c["a"], c["b"]) for c in report["comparisons"]} == {("seed1", "model")}
    for name in ("seed0", "seed1", "model", "model (mean of 2 runs)"):
        assert len([r for r in report["results"] if (r["model"], r["metric"]) == (name, "auc")]) == 1
    assert [m.get("group") for m in report["models"]] == [None, None, "model"]


def test_a_run_keeps_the_name_that_it_was_given_beside_its_group(judge: Callable[..., Any], hand: Hand) -> None:
    first, second = (run.folder for run in _runs(hand, 2))
    report = judge(f"g={first},{second}", f"mine={second}")
    assert [m["name"] for m in report["models"]] == ["g", "mine", "seed0"]


MAP = np.zeros((1, 5, 4), dtype=np.float32)
MAP[0, 1, 1] = 0.8
LESS = np.zeros((1, 5, 4), dtype=np.float32)
LESS[0, 4, 3] = 0.4


def test_maps_of_a_group_are_averaged_and_everything_is_drawn_of_the_ensemble(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Pick
) -> None:
    toml = 'localizes = "saliency"\nlabels = ["malignant"]\n'
    runs = _runs(hand, 2, **{"prediction.toml": toml})
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


def test_an_exam_that_a_run_skipped_is_lost_to_the_group(data: Dataset, hand: Hand, tmp_path: Path, pick: Pick) -> None:
    runs = _runs(hand, 2)
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


def test_thresholds_of_a_group_are_locked_on_a_group(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    split = {"e1": "test", "e2": "test", "e3": "test", "e4": "validation", "e5": "validation", "t1": "train"}
    exams = "exam_id,patient_id,split\n" + "".join(f"{e},{e},{part}\n" for e, part in split.items())
    data = make_dataset({"exams.csv": exams}, pixels=False)
    runs = _runs(hand, 2)
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


SITES = {"e1": "a", "e2": "b", "e3": "b", "e4": "c", "e5": "c", "t1": "a"}


@pytest.fixture
def sites(make_dataset: MakeDataset) -> Dataset:
    patients = {"e1": "p1", "e2": "p1", "e3": "p2", "e4": "p3", "e5": "p4", "t1": "p9"}
    rows = [f"{e},{p},{SITES[e]},same,{'train' if e == 't1' else 'test'}" for e, p in patients.items()]
    return make_dataset({"exams.csv": "exam_id,patient_id,site,land,split\n" + "\n".join(rows) + "\n"}, pixels=False)


def test_what_is_resampled_is_the_patient_the_exam_or_a_column(sites: Dataset, hand: Hand, tmp_path: Path) -> None:
    for column, clusters in (("patient", 4), ("exam", 5), ("site", 3)):
        chosen = settings(cluster=column, froc=FrocRule(fp_images="normal"), stratify=True)
        report = evaluate([hand()], sites, tmp_path / "R", chosen)
        assert report["settings"]["cluster"] == column
        rows = {row["metric"]: row["clusters"] for row in report["results"]}
        assert (rows["auc"], rows["prauc"]) == (clusters, clusters)
        # e4-L and e5-L leave the FROC, their other breasts stay.
        assert rows["max_sensitivity"] == clusters
        divided = [warning["text"] for warning in report["warnings"] if warning["id"] == "clusters"]
        assert len(divided) == (column != "patient")
        assert all(f"Only {clusters} clusters of {column}" in text for text in divided)
        assert all("1 of 4 patients are in more than one" in text for text in divided)


def test_clusters_of_exams_equal_those_of_patients_with_one_exam_each(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    rows = [f"{e},{e},{'train' if e == 't1' else 'test'}" for e in SITES]
    data = make_dataset({"exams.csv": "exam_id,patient_id,split\n" + "\n".join(rows) + "\n"}, pixels=False)
    chosen = settings(froc=FrocRule(), bootstrap=60)
    plain, other = (
        evaluate([hand(), hand("b", {"breasts.csv": text_of(hand).replace("0.4", "0.1")})], data, tmp_path / "R",
                 settings(**{**vars(chosen), "cluster": how}))
        for how in ("patient", "exam")
    )  # fmt: skip
    assert plain["results"] == other["results"]
    assert plain["comparisons"] == other["comparisons"]


def test_the_command_takes_groups_tables_and_clusters_and_the_report_names_them(
    sites: Dataset, hand: Hand, table: Callable[..., Path], tmp_path: Path
) -> None:
    runs = ",".join(str(run.folder) for run in _runs(hand, 2))
    words = ["evaluate", f"net={runs}", str(table("vendor.csv", text_of(hand))), "--data", str(sites.folder)]
    words += ["--label", "malignant", "--cluster", "site", "--bootstrap", "20", "--out", str(tmp_path / "R")]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    for said in (
        "net (mean of 2 runs)",
        "vendor",
        "net \u2212 vendor",
        "whole sites drawn with replacement",
    ):
        assert said in done.output, said
    assert "seed0 \u2212" not in done.output
    page = (tmp_path / "R" / "report.html").read_text()
    for said in (
        "whole sites drawn with replacement",
        "3 sites</span>",
        "1 of 4 patients are in more than one cluster",
    ):
        assert said in page, said


def test_a_cluster_that_cannot_be(sites: Dataset, make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--cluster: there is no such column.*'town'.*patient, exam or one of"):
        evaluate([hand()], sites, tmp_path / "R", settings(cluster="town"))
    with pytest.raises(InputError, match=r"--cluster: all exams have the same land"):
        evaluate([hand()], sites, tmp_path / "R", settings(cluster="land"))
    text = (sites.folder / "exams.csv").read_text().replace("e3,p2,b", "e3,p2,")
    gaps = make_dataset({"exams.csv": text}, pixels=False)
    with pytest.raises(InputError, match=r"exams\.csv, row 3: the cluster site is missing.*'e3'"):
        evaluate([hand()], gaps, tmp_path / "R", settings(cluster="site"))
