"""Options of an evaluation: pairs of models, unions, populations, subgroups, locked thresholds, lost units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from cadkit import InputError, Predictions, metrics
from cadkit.cli.app import app
from cadkit.data import Dataset
from cadkit.evaluation import FrocRule, Settings
from cadkit.evaluation import evaluate_predictions as evaluate
from cadkit.evaluation.subgroups import column_and_edges, groups_of

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
Pick = Callable[..., Any]


def settings(**changes: Any) -> Settings:
    return Settings(**{"split": "test", "bootstrap": 20, "cases": 0, "labels": ("malignant",), **changes})


def picked(rows: Any, **where: Any) -> Any:
    found = [row for row in rows if all(row.get(key) == value for key, value in where.items())]
    assert len(found) == 1, found
    return found[0]


# Left breasts of forty women, every second with a cancer: half of density B, sixteen of C, four of D; ages 40 to 79.
DENSITY = ["B"] * 20 + ["C"] * 16 + ["D"] * 4
TRUTH = np.arange(40) % 2
SCORE = np.random.default_rng(3).normal(TRUTH * 1.0, 1.0).round(1)
# Of the validation split: sensitivity 1 asks for 0.4, where one of two negatives is called as well; specificity 0.9
# for 0.8, where one of two positives is.
VALIDATION = [(0, 0.1), (0, 0.7), (1, 0.8), (1, 0.4)]


@pytest.fixture
def women(make_dataset: MakeDataset) -> Dataset:
    exams = [f"w{n},p{n},{40 + n},{d},test\n" for n, d in enumerate(DENSITY)]
    exams += [f"v{n},q{n},60,B,validation\n" for n in range(4)]
    breasts = [f"w{n},L,{t},0\n" for n, t in enumerate(TRUTH)]
    breasts += [f"v{n},L,{t},0\n" for n, (t, _) in enumerate(VALIDATION)]
    return make_dataset(
        {
            "exams.csv": "exam_id,patient_id,age,density,split\n" + "".join(exams),
            "breasts.csv": "exam_id,side,malignant,benign\n" + "".join(breasts),
            "images.csv": "image_id,exam_id,side,view\n",
            "findings.csv": "finding_id,image_id,label,shape,coordinates\n",
        },
        pixels=False,
    )


def scored(hand: Hand, name: str, score: Any = SCORE, without: tuple[int, ...] = ()) -> Predictions:
    rows = [f"w{n},L,{s}\n" for n, s in enumerate(score) if n not in without]
    files = {"breasts.csv": "exam_id,side,malignant\n" + "".join(rows)}
    if without:
        files["skipped.csv"] = "level,id,reason\n" + "".join(f"exam,w{n},film\n" for n in without)
    return hand(name, files)


def test_pairs_of_models_have_both_tests_and_an_adjusted_p(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    noise = np.random.default_rng(4).normal(size=(2, 40))
    models = [scored(hand, name, s) for name, s in zip("abc", (SCORE, *noise), strict=True)]
    chosen = settings(bootstrap=200, primary="c:b", margin=0.1, by=("density",))
    report = evaluate(models, women, tmp_path / "R", chosen)
    areas = {name: roc_auc_score(TRUTH, s) for name, s in zip("abc", (SCORE, *noise), strict=True)}
    for method in ("delong-clustered", "bootstrap"):
        rows = [r for r in report["comparisons"] if (r["metric"], r["method"], r["subgroup"]) == ("auc", method, "all")]
        assert [(r["a"], r["b"]) for r in rows] == [("a", "b"), ("a", "c"), ("c", "b")]
        for row in rows:
            assert row["difference"] == pytest.approx(areas[row["a"]] - areas[row["b"]])
            assert row["low"] < row["difference"] < row["high"]
            assert row["margin"] == 0.1
            assert row["p_margin"] < 1
        if method == "delong-clustered":
            assert (rows[2]["p_adjusted"], rows[2]["flags"]) == (None, ["primary"])
            rows = rows[:2]
        # Holm over two: the smaller p counts twice, the larger at least as much; over three of the bootstrap.
        ordered, least = sorted(r["p"] for r in rows), 0.0
        for place, p in enumerate(ordered):
            least = max(least, min(1, (len(ordered) - place) * p))
            assert sorted(r["p_adjusted"] for r in rows)[place] == pytest.approx(least)
    assert len([row for row in report["comparisons"] if "primary" in row["flags"]]) == 1
    other = evaluate(models, women, tmp_path / "R", settings(primary="c:b:prauc"))
    (named,) = (row for row in other["comparisons"] if "primary" in row["flags"])
    assert [named[key] for key in ("a", "b", "metric", "subgroup")] == ["c", "b", "prauc", "all"]
    with pytest.raises(InputError, match=r"--primary: c and b are not compared by cpm.*Name one of auc, prauc as A:"):
        evaluate(models, women, tmp_path / "R", settings(primary="c:b:cpm"))
    assert (tmp_path / "R" / "report.json").exists()  # a mistake leaves an earlier report
    with pytest.raises(InputError, match=r"--primary: takes two of the models.*'a:x'.*a, b, c"):
        evaluate(models, women, tmp_path / "S", settings(primary="a:x"))


def test_subgroups_have_counts_and_small_ones_a_reason(women: Dataset, hand: Hand, tmp_path: Path, pick: Pick) -> None:
    report = evaluate([scored(hand, "m")], women, tmp_path / "R", settings(by=("density", "age:50/60")))
    of = np.array(DENSITY)
    for value in "BC":
        row = pick(report, metric="auc", subgroup=f"density {value}")
        assert row["value"] == pytest.approx(roc_auc_score(TRUTH[of == value], SCORE[of == value]))
        assert row["n"] == int((of == value).sum())
    small = pick(report, metric="auc", subgroup="density D")
    assert (small["value"], small["n"], small["positives"]) == (None, 4, 2)
    assert "2 positives and 2 negatives" in small["reason"]
    sizes = {row["subgroup"]: row["n"] for row in report["results"] if row["metric"] == "auc"}
    assert sizes == {
        "all": 40, "density B": 20, "density C": 16, "density D": 4,
        "age < 50": 10, "age 50 to < 60": 10, "age >= 60": 20,
    }  # fmt: skip
    texts = {warning["id"]: warning["text"] for warning in report["warnings"]}
    few = "density B (10 and 10), density C (8 and 8), age < 50 (5 and 5), age 50 to < 60 (5 and 5), age >= 60 (10 and"
    assert few in texts["few-subgroups-breast-malignant"]
    with pytest.raises(InputError, match=r"--by: there is no column site.*density"):
        evaluate([scored(hand, "m")], women, tmp_path / "S", settings(by=("site",)))


def test_ages_go_by_decade_and_other_numbers_by_quarters() -> None:
    ages = groups_of("age", (), [39.0, 40.0, 49.9, None, 71.0])
    assert {name: members.tolist().count(True) for name, members in ages.items()} == {
        "age 30-39": 1, "age 40-49": 2, "age 70-79": 1, "age unknown": 1,
    }  # fmt: skip
    quarters = groups_of("thickness", (), list(range(12)))
    assert [int(members.sum()) for members in quarters.values()] == [3, 3, 3, 3]
    assert list(groups_of("visits", (), [2, 1, 2])) == ["visits 1", "visits 2"]
    with pytest.raises(InputError, match="rising numbers"):
        column_and_edges("age:50/40")


def locking(hand: Hand) -> Predictions:
    rows = "".join(f"v{n},L,{s}\n" for n, (_, s) in enumerate(VALIDATION))
    return hand("locking", {"breasts.csv": "exam_id,side,malignant\n" + rows})


def test_a_threshold_is_locked_on_the_validation_split_or_said_to_be_in_sample(
    women: Dataset, hand: Hand, tmp_path: Path
) -> None:
    model = scored(hand, "m")
    asked = settings(sensitivity_at=(1.0,), specificity_at=(0.9,), prevalence=0.01)
    report = evaluate([model], women, tmp_path / "R", asked, validation=[locking(hand)])
    rows = report["results"]
    for wanted, threshold in (("sensitivity 1", 0.4), ("specificity 0.9", 0.8)):
        given = {"threshold_for": wanted}
        hit = picked(rows, metric="sensitivity", given=given)
        share = float((SCORE[TRUTH == 1] >= threshold).mean())
        alarms = float((SCORE[TRUTH == 0] >= threshold).mean())
        assert (hit["at"], hit["value"]) == (threshold, pytest.approx(share))
        assert "flags" not in hit
        assert hit["low"] <= share <= hit["high"]
        assert picked(rows, metric="specificity", given=given)["value"] == pytest.approx(1 - alarms)
        called = sum(score >= threshold for score in SCORE)
        assert picked(rows, metric="ppv", given=given)["value"] == pytest.approx(20 * share / called)
        rare = picked(rows, metric="ppv", given={**given, "prevalence": 0.01})["value"]
        assert rare == pytest.approx(0.01 * share / (0.01 * share + 0.99 * alarms))
    assert [report["inputs"][-1][key] for key in ("kind", "name", "of")] == ["validation", "locking", "m"]
    assert report["settings"]["threshold_from"] == ["locking"]
    (used,) = [one for one in report["inputs"] if one["kind"] == "validation"]
    parts = women.tables["exams"]
    answered = parts.filter(parts["split"] == "validation")["exam_id"].to_list()
    sides = women.tables["breasts"].filter(women.tables["breasts"]["exam_id"].is_in(answered)).height
    assert (used["split"], used["n"], used["breasts"]) == ("validation", len(answered), sides)
    (doubt,) = (one["text"] for one in report["warnings"] if one["id"] == "threshold-from-m")
    assert "The thresholds of m were locked on locking." in doubt
    own = evaluate([model], women, tmp_path / "S", asked)
    judged = [row for row in own["results"] if "threshold_for" in row.get("given", {})]
    assert judged
    assert all("in-sample" in row["flags"] for row in judged)
    with pytest.raises(InputError, match="no threshold can be locked for m"):
        evaluate([model], women, tmp_path / "T", asked, validation=[model])
    with pytest.raises(InputError, match="--threshold-from: 1 given for 2"):
        evaluate([model, model], women, tmp_path / "T", asked, validation=[model])


GMIC = 'model = "gmic"\nrun = "/runs/gmic-1"\nrun_created = "2026-01-02"\n'


@pytest.mark.parametrize(
    ("of_validation", "answer"),
    [
        (GMIC, "same"),
        (GMIC.replace("/runs", "/moved"), "same"),
        (GMIC.replace("2026", "2027"), "another"),
        (GMIC.replace("gmic", "faster_rcnn"), "another"),
        ('model = "faster_rcnn"\n', "another"),
        ('model = "gmic"\n', "unknown"),
    ],
)
def test_a_threshold_is_locked_on_the_model_that_is_judged(
    women: Dataset, hand: Hand, tmp_path: Path, of_validation: str, answer: str
) -> None:
    def with_record(made: Predictions, text: str) -> Predictions:
        (made.folder / "prediction.toml").write_text(text + 'labels = ["malignant"]\n')
        return Predictions.open(made.folder)

    model, other = with_record(scored(hand, "m"), GMIC), with_record(locking(hand), of_validation)
    asked = settings(sensitivity_at=(1.0,))
    if answer == "another":
        named = r"--threshold-from: the thresholds of m \(gmic, run /runs/gmic-1 .*on locking \(.*another model"
        with pytest.raises(InputError, match=named):
            evaluate([model], women, tmp_path / "R", asked, validation=[other])
        return
    report = evaluate([model], women, tmp_path / "R", asked, validation=[other])
    doubts = [one["id"] for one in report["warnings"] if one["id"].startswith("threshold-from")]
    assert doubts == (["threshold-from-m"] if answer == "unknown" else [])


def test_skipped_exams_are_warned_of_for_each_model(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    # Exam 3 is left out by both, and counted for both.
    models = [scored(hand, "a", without=(3,)), scored(hand, "b", without=(3, 4)), scored(hand, "c")]
    texts = {one["id"]: one["text"] for one in evaluate(models, women, tmp_path / "R", settings())["warnings"]}
    assert texts["skipped-a"] == "a left out 1 of 40 exams (2.5%); they are left out for all models."
    assert texts["skipped-b"].startswith("b left out 2 of 40 exams (5.0%)")
    assert "skipped-c" not in texts
    alone = evaluate(models[:1], women, tmp_path / "R", settings())["warnings"]
    assert "they are not evaluated." in next(one["text"] for one in alone if one["id"] == "skipped-a")


def test_a_center_has_no_threshold() -> None:
    with pytest.raises(InputError, match=r"--hit-threshold: is of --hit iou or distance.*'?0\.5"):
        settings(froc=FrocRule(threshold=0.5)).check()


@pytest.mark.parametrize(
    "words",
    [["--hit", "iou"], ["--hit-threshold", "0"], ["--saliency-floor", "0"], ["--fpi", "1"], ["--froc-unit", "exam"]],
)
def test_rules_of_an_froc_without_one_are_refused(words: list[str]) -> None:
    with pytest.raises(InputError, match=f"{words[0]}: is of the FROC.*Add --froc"):
        CliRunner().invoke(app, ["evaluate", "P", *words], catch_exceptions=False)


def test_a_calibration_error_says_what_its_bins_are(women: Dataset, hand: Hand, tmp_path: Path, pick: Pick) -> None:
    model = scored(hand, "m", TRUTH / 2)
    model.record["scores"] = "probability"
    report = evaluate([model], women, tmp_path / "R", settings())
    assert pick(report, metric="ece")["given"] == {"bins": 10, "edges": "equal width"}


def test_both_denominators_and_figures_of_merit_of_an_froc(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    rule = FrocRule(fp_images="both")
    asked = settings(froc=rule, fpi=(1 / 16,), fom=("afroc1", "fpi_at_sensitivity:0.5"))
    rows = evaluate([hand()], make_dataset(), tmp_path / "R", asked)["results"]
    mine = [row for row in rows if row["model"] == "vendor"]
    everywhere = picked(mine, metric="froc_sensitivity", given=None)
    normal = picked(mine, metric="froc_sensitivity", given={"fp_images": "normal"})
    # See RULES of test_froc.py: with 16 images one false positive is 1/16, with 13 it is more.
    assert (everywhere["n"], everywhere["value"]) == (16, pytest.approx(2 / 3))
    assert (normal["n"], normal["value"]) == (13, pytest.approx(1 / 3))
    assert picked(mine, metric="fpi_at_sensitivity", given=None)["value"] == pytest.approx(1 / 16)
    # Lesions 0.9, 0.6 and 0.3 against the highest false positives of e1 0.8, e2 0.5, e3 0.55, e4 (right) and e5 (right)
    # none: 5, 4 and 2 of 5 are below.
    area = picked(mine, metric="afroc1")
    assert (area["value"], area["n"], area["positives"]) == (pytest.approx(11 / 15), 5, 3)
    with pytest.raises(InputError, match="--fom: takes afroc"):
        evaluate([hand()], make_dataset(), tmp_path / "S", settings(froc=rule, fom=("jafroc",)))


def test_the_way_to_the_evaluated_units_and_the_worst_case_of_those_lost(
    women: Dataset, hand: Hand, tmp_path: Path
) -> None:
    # w0 (negative), w1 and w3 (positive) were skipped.
    report = evaluate([scored(hand, "m", without=(0, 1, 3))], women, tmp_path / "R", settings())
    assert report["cohort"]["units"] == [
        {
            "label": "malignant", "level": "breast", "eligible": 40, "skipped": 3, "unknown": 0, "unanswered": 0,
            "evaluated": 37, "positives": 18, "negatives": 19,
        }
    ]  # fmt: skip
    logit = evaluate([scored(hand, "l", without=(0, 1, 3))], women, tmp_path / "L", settings(auc_interval="logit"))
    for side, positive, negative in (("worst", -99.0, 99.0), ("best", 99.0, -99.0)):
        score = SCORE.copy()
        score[[1, 3]], score[0] = positive, negative
        row = picked(report["worst_case"], metric="auc", given={"skipped": side, "units": 3})
        assert (row["n"], row["value"]) == (40, pytest.approx(roc_auc_score(TRUTH, score)))
        # The interval of the PRAUC is that of all forty women.
        row = picked(report["worst_case"], metric="prauc", given={"skipped": side, "units": 3})
        own = metrics.prauc(TRUTH, score, cluster=[f"p{n}" for n in range(40)], bootstrap=20)
        assert (row["low"], row["high"]) == pytest.approx((own.low, own.high))
        assert (row["clusters"], row["ci_method"]) == (40, "bootstrap-percentile")
        assert picked(logit["worst_case"], metric="auc", given={"skipped": side, "units": 3})["ci_method"] == (
            "delong-clustered-logit"
        )
    assert evaluate([scored(hand, "whole")], women, tmp_path / "S", settings())["worst_case"] == []


@pytest.mark.parametrize(
    ("changes", "pattern"),
    [
        ({"sensitivity_at": (90.0,)}, "--sensitivity-at: takes shares"),
        ({"prevalence": 0.006}, "--prevalence: needs thresholds"),
        ({"margin": -0.1}, "--margin"),
        ({"margin": 5.0}, "--margin: .*Write 0.05 for 5 percentage points"),
        ({"ci": 95.0}, "--ci: .*Write 0.95 for 95%"),
        ({"auc_interval": "probit"}, "--auc-interval: is plain or logit"),
        ({"fom": ("afroc",)}, "--fom: is of the FROC"),
        ({"permutations": -1}, "--permutations: takes a number from 0 up"),
        ({"bootstrap": -3}, "--bootstrap: takes a number from 1 up"),
        ({"cases": -2}, "--cases: takes a number from 0 up"),
        ({"partial_auc": ("specificity:0.8",)}, "--partial-auc.*Write specificity:0.8-1"),
        # Each would double a family of Holm's.
        ({"sensitivity_at": (0.8, 0.9, 0.8)}, "--sensitivity-at: is given twice.*0.8"),
        ({"levels": ("breast", "breast")}, "--level: is given twice.*breast"),
        ({"partial_auc": ("specificity:0.8-1",) * 2}, "--partial-auc: is given twice"),
    ],
)
def test_settings_that_no_data_fit(
    women: Dataset, hand: Hand, tmp_path: Path, changes: Mapping[str, Any], pattern: str
) -> None:
    with pytest.raises(InputError, match=pattern):
        evaluate([scored(hand, "m")], women, tmp_path / "R", settings(**changes))
    assert not (tmp_path / "R").exists()


def test_the_command_passes_its_options_on_and_the_report_shows_them(
    women: Dataset, hand: Hand, tmp_path: Path
) -> None:
    rows = [f"w{n},L,{s},0\n" for n, s in enumerate(SCORE) if n != 7]
    other = {
        "breasts.csv": "exam_id,side,malignant,benign\n" + "".join(rows),
        "skipped.csv": "level,id,reason\nexam,w7,film\n",
    }
    first, second = scored(hand, "first", -SCORE), hand("second", other)
    words = ["evaluate", str(first.folder), str(second.folder), "--data", str(women.folder), "--split", "test"]
    words += ["--population", "age < 76", "--by", "density, age:60", "--specificity-at", "0.9", "--prevalence", "0.006"]
    words += ["--threshold-from", str(locking(hand).folder), "--threshold-from", str(locking(hand).folder)]
    words += ["--primary", "second:first", "--margin", "0.05", "--stratify", "--interpolate", "--bootstrap", "20"]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*words, "--out", str(tmp_path / "R")], catch_exceptions=False)
    assert done.exit_code == 0
    for shown in ("density B", "age >= 60", "threshold for specificity 0.9", "second \u2212 first", "primary"):
        assert shown in done.output
    page = (tmp_path / "R" / "report.html").read_text()
    assert "Of the population age &lt; 76" in page
    assert "Had all been answered" in page
    assert "PPV at threshold 0.8 (chosen for specificity 0.9; at a prevalence of 0.006)" in page
    tables = {path.name for path in (tmp_path / "R" / "tables").iterdir()}
    assert {"units.csv", "worst-case.csv"} <= tables
    with pytest.raises(InputError, match="--specificity-at: takes numbers"):
        CliRunner().invoke(app, ["evaluate", "--specificity-at", "high"], catch_exceptions=False)


def test_stratified_replicates_keep_the_only_woman_with_a_cancer(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Pick
) -> None:
    breasts = "".join(f"e{n},{s},{int((n, s) == (1, 'L'))},0\n" for n in range(1, 6) for s in "LR")
    data = make_dataset(
        {
            "breasts.csv": "exam_id,side,malignant,benign\n" + breasts,
            "findings.csv": "finding_id,image_id,label,shape,coordinates\n",
        }
    )
    reports = [evaluate([hand()], data, tmp_path / "R", settings(bootstrap=60, stratify=how)) for how in (False, True)]
    plain, kept = (pick(report, metric="auc") for report in reports)
    # (3/4)^4 of the replicates miss her, 32%, which is too many for an interval.
    assert plain["dropped"] > 0.2 * 60
    assert plain["low"] is None
    told = [{w["id"]: w["text"] for w in report["warnings"]}.get("undefined-replicates") for report in reports]
    lost = sum(row["value"] is not None and row["low"] is None for row in reports[0]["results"])
    assert f"{lost} of {len(reports[0]['results'])} numbers have no interval" in told[0]
    assert "--stratify draws positives and negatives apart; more cases help, more replicates alone do not" in told[0]
    assert told[1] is None
    assert kept["dropped"] == 0
    assert plain["value"] == kept["value"]
