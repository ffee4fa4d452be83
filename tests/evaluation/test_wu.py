"""Wu et al.'s analyses: views apart, correlations of an exam's predictions; tests at thresholds; partial areas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, pearsonr, spearmanr
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from cadkit import InputError, Predictions, metrics
from cadkit.cli.app import app
from cadkit.data import Dataset
from cadkit.evaluation import Settings
from cadkit.evaluation import evaluate_predictions as evaluate
from cadkit.evaluation.groups import Group

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]

# Thirty exams; the left breast of every third has a cancer, the right of every fourth a benign lesion.
N = 30
MALIGNANT, BENIGN = np.arange(N) % 3 == 0, np.arange(N) % 4 == 0
RNG = np.random.default_rng(11)
CC, MLO = (RNG.uniform(0, 0.5, (2, N)) + 0.3 * MALIGNANT).round(3)
RIGHT = RNG.uniform(0, 0.4, N).round(3)
BENIGN_SCORE = RNG.uniform(0, 1, (2, N)).round(3)


@pytest.fixture
def women(make_dataset: MakeDataset) -> Dataset:
    images = [f"w{n}-{s}-{v},w{n},{s},{v}\n" for n in range(N) for s in "LR" for v in ("CC", "MLO")]
    images.append("w1-L-CC2,w1,L,CC\n")
    breasts = [f"w{n},L,{int(MALIGNANT[n])},0\nw{n},R,0,{int(BENIGN[n])}\n" for n in range(N)]
    return make_dataset(
        {
            "exams.csv": "exam_id,patient_id,split\n" + "".join(f"w{n},p{n},test\n" for n in range(N)),
            "breasts.csv": "exam_id,side,malignant,benign\n" + "".join(breasts),
            "images.csv": "image_id,exam_id,side,view\n" + "".join(images),
            "findings.csv": "finding_id,image_id,label,shape,coordinates\n",
        },
        pixels=False,
    )


def by_image(without: str = "") -> dict[str, str]:
    """Scores of every image; the second CC image of w1 scores 0.1 more, so that the two average 0.05 more."""
    rows = [f"w{n}-R-{view},{RIGHT[n]},{BENIGN_SCORE[1, n]}\n" for n in range(N) for view in ("CC", "MLO")]
    rows += [f"w{n}-L-CC,{CC[n]},{BENIGN_SCORE[0, n]}\n" for n in range(N)]
    rows += [f"w{n}-L-MLO,{MLO[n]},{BENIGN_SCORE[0, n]}\n" for n in range(N)]
    rows.append(f"w1-L-CC2,{CC[1] + 0.1},{BENIGN_SCORE[0, 1]}\n")
    return {
        "images.csv": "image_id,malignant,benign\n" + "".join(row for row in rows if not row.startswith(without + ","))
    }


def left_malignant() -> Any:
    """Of the breasts: the mean of both views, the second CC image of w1 included."""
    return (CC + np.where(np.arange(N) == 1, 0.05, 0) + MLO) / 2


def settings(**changes: Any) -> Settings:
    return Settings(**{"split": "test", "bootstrap": 20, "cases": 0, "labels": ("malignant",), **changes})


def where(rows: Any, **given: Any) -> list[Any]:
    return [row for row in rows if all(row.get(key) == value for key, value in given.items())]


def test_each_view_is_judged_on_the_breasts_that_have_both(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    model = hand("m", by_image(without="w5-L-MLO"))
    report = evaluate([model], women, tmp_path / "out", settings(views=True, margin=0.1))
    kept = np.arange(N) != 5
    truth = np.concatenate([MALIGNANT[kept], np.zeros(N, bool)])
    cc = CC + np.where(np.arange(N) == 1, 0.05, 0)
    areas = {}
    for view, left in (("CC", cc), ("MLO", MLO)):
        (row,) = where(report["results"], model=f"m ({view})", metric="auc")
        areas[view] = roc_auc_score(truth, np.concatenate([left[kept], RIGHT]))
        assert row["value"] == pytest.approx(areas[view])
        assert (row["n"], row["clusters"], row["level"]) == (2 * N - 1, N, "breast")
        assert len(where(report["results"], model=f"m ({view})", metric="prauc")) == 1
    pairs = where(report["comparisons"], a="m (CC)", b="m (MLO)", metric="auc")
    assert [row["method"] for row in pairs] == ["delong-clustered", "bootstrap"]
    for row in pairs:
        assert row["difference"] == pytest.approx(areas["CC"] - areas["MLO"])
        assert row["p_adjusted"] == row["p"]
        assert "margin" not in row


def test_branches_of_a_model_are_its_views(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    rows = [f"w{n},L,{(CC[n] + MLO[n]) / 2},{CC[n]},{MLO[n]}\n" for n in range(N)]
    rows += [f"w{n},R,{RIGHT[n]},{RIGHT[n]},{RIGHT[n]}\n" for n in range(N)]
    model = hand("m", {"breasts.csv": "exam_id,side,malignant,cc.malignant,mlo.malignant\n" + "".join(rows)})
    report = evaluate([model], women, tmp_path / "out", settings(views=True))
    truth = np.concatenate([MALIGNANT, np.zeros(N, bool)])
    for view, left in (("CC", CC), ("MLO", MLO)):
        (row,) = where(report["results"], model=f"m ({view})", metric="auc")
        assert row["value"] == pytest.approx(roc_auc_score(truth, np.concatenate([left, RIGHT])))


def test_views_of_two_models_are_a_family_of_their_own(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    turned = by_image()
    for n in range(N):  # so that its CC images are far worse than its MLO images
        turned["images.csv"] = turned["images.csv"].replace(f"w{n}-L-CC,{CC[n]},", f"w{n}-L-CC,{0.8 - CC[n]},")
    models = [hand("a", by_image()), hand("b", turned), hand("c", {"breasts.csv": breasts_csv()})]
    report = evaluate(models, women, tmp_path / "out", settings(views=True))
    views = where(report["comparisons"], metric="auc", method="bootstrap")
    raw = {row["a"]: (row["p"], row["p_adjusted"]) for row in views if "(CC)" in row["a"]}
    assert set(raw) == {"a (CC)", "b (CC)"}
    smaller = min(p for p, _ in raw.values())
    assert smaller < 0.2  # else the adjusted one could be 1 in any family
    assert min(adjusted for _, adjusted in raw.values()) == pytest.approx(2 * smaller)
    assert "c scores no images" in next(w["text"] for w in report["warnings"] if w["id"] == "views-c")


def breasts_csv() -> str:
    rows = [f"w{n},L,{CC[n]},{BENIGN_SCORE[0, n]}\nw{n},R,{RIGHT[n]},{BENIGN_SCORE[1, n]}\n" for n in range(N)]
    return "exam_id,side,malignant,benign\n" + "".join(rows)


def test_views_need_scores_of_images(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--views.*no model scores images.*images\.csv"):
        evaluate([hand("m", {"breasts.csv": breasts_csv()})], women, tmp_path / "out", settings(views=True))


def test_correlations_of_the_four_predictions(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    """Of the exams with both breasts scored, whatever part of the label is judged."""
    text = "".join(line for line in breasts_csv().splitlines(True) if not line.startswith("w7,R"))
    report = evaluate([hand("m", {"breasts.csv": text})], women, tmp_path / "out", settings(correlations=True))
    (row,) = report["correlations"]
    assert row["names"] == ["left malignant", "left benign", "right malignant", "right benign"]
    assert row["n"] == N - 1
    kept = np.arange(N) != 7
    columns = [CC[kept], BENIGN_SCORE[0][kept], RIGHT[kept], BENIGN_SCORE[1][kept]]
    for i, first in enumerate(columns):
        for j, second in enumerate(columns):
            assert row["pearson"][i][j] == pytest.approx(pearsonr(first, second).statistic)
            assert row["spearman"][i][j] == pytest.approx(spearmanr(first, second).statistic)
    assert "reason" not in row


def test_correlations_are_of_models_that_score_breasts(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    whole = hand("e", {"exams.csv": "exam_id,malignant\n" + "".join(f"w{n},{CC[n]}\n" for n in range(N))})
    both = [hand("m", {"breasts.csv": breasts_csv()}), whole]
    report = evaluate(both, women, tmp_path / "out", settings(correlations=True, levels=("exam",)))
    assert [row["model"] for row in report["correlations"]] == ["m"]
    assert "e scores no breasts" in next(w["text"] for w in report["warnings"] if w["id"] == "correlations-e")
    with pytest.raises(InputError, match=r"--correlations: no model scores breasts.*'e'"):
        evaluate([whole], women, tmp_path / "none", settings(correlations=True, levels=("exam",)))


def test_correlations_are_of_both_breasts_whatever_part_is_judged(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    chosen = settings(correlations=True, population="side = 'L'")
    report = evaluate([hand("m", by_image())], women, tmp_path / "out", chosen)
    assert {row["n"] for row in report["results"]} == {N}
    assert report["correlations"][0]["n"] == N
    assert report["correlations"][0]["pearson"][0][2] == pytest.approx(pearsonr(left_malignant(), RIGHT).statistic)


def test_a_score_that_does_not_vary_has_no_correlation(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    rows = "".join(f"w{n},{s},{CC[n]},0.5\n" for n in range(N) for s in "LR")
    model = hand("m", {"breasts.csv": "exam_id,side,malignant,benign\n" + rows})
    (row,) = evaluate([model], women, tmp_path / "out", settings(correlations=True))["correlations"]
    assert row["pearson"][0][::2] == pytest.approx([1.0, 1.0])
    assert row["pearson"][0][1::2] == [None, None]
    assert row["spearman"][1] == [None] * 4
    assert row["reason"] == "a score that does not vary"


def test_any_finding_takes_the_larger_score_against_either_truth(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    """As Wu et al.: a breast counts if it has a malignant or a benign finding, by the larger of its two predictions."""
    model = hand("m", {"breasts.csv": breasts_csv()})
    report = evaluate([model], women, tmp_path / "out", settings(labels=("any=malignant|benign",)))
    score = np.concatenate([np.maximum(CC, BENIGN_SCORE[0]), np.maximum(RIGHT, BENIGN_SCORE[1])])
    (row,) = where(report["results"], label="any", metric="auc")
    assert row["value"] == pytest.approx(roc_auc_score(np.concatenate([MALIGNANT, BENIGN]), score))


def test_mcnemar_permutations_and_partial_areas_of_a_pair(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    other = "".join(f"w{n},L,{MLO[n]}\nw{n},R,{RIGHT[::-1][n]}\n" for n in range(N))
    models = [hand("a", {"breasts.csv": breasts_csv()}), hand("b", {"breasts.csv": "exam_id,side,malignant\n" + other})]
    chosen = settings(
        specificity_at=(0.8,),
        permutations=30,
        partial_auc=("specificity:0.8-1",),
        primary="b:a:specificity",
        interpolate=True,
    )
    report = evaluate(models, women, tmp_path / "out", chosen)
    truth = np.concatenate([MALIGNANT, np.zeros(N, bool)])
    score = {"a": np.concatenate([CC, RIGHT]), "b": np.concatenate([MLO, RIGHT[::-1]])}
    called = {name: one >= metrics.threshold_at(truth, one, specificity=0.8) for name, one in score.items()}
    for metric, rows, right in (("sensitivity", truth, True), ("specificity", ~truth, False)):
        (row,) = where(report["comparisons"], metric=metric, method="mcnemar")
        only_b = int(((called["b"] == right) & (called["a"] != right))[rows].sum())
        only_a = int(((called["a"] == right) & (called["b"] != right))[rows].sum())
        assert (row["a"], row["given"]["b"], row["given"]["c"]) == ("b", only_b, only_a)
        assert row["p"] == pytest.approx(binomtest(only_b, only_a + only_b).pvalue if only_a + only_b else 1.0)
        assert row["given"]["threshold_for"] == "specificity 0.8"
        assert set(row["flags"]) == {"in-sample", "rows-independent"}
    (named,) = (row for row in report["comparisons"] if "primary" in row["flags"])
    assert [named[key] for key in ("a", "b", "metric", "method")] == ["b", "a", "specificity", "bootstrap"]
    permuted = where(report["comparisons"], method="permutation")
    assert [row["metric"] for row in permuted] == [
        "auc",
        "prauc",
        "partial_auc",
        "partial_auc",
        *["sensitivity_at_specificity"] * 2,
    ]
    assert {row["a"] for row in permuted} == {"b"}
    assert permuted[0]["difference"] == pytest.approx(
        roc_auc_score(truth, score["b"]) - roc_auc_score(truth, score["a"])
    )
    for one in ("a", "b"):
        raw, corrected = where(report["results"], model=one, metric="partial_auc")
        assert raw["value"] == pytest.approx(metrics.partial_auc(truth, score[one], 0.8, 1.0).value)
        # McClish's from scikit-learn, which gives the corrected area alone.
        assert corrected["value"] == pytest.approx(roc_auc_score(truth, score[one], max_fpr=0.2))
        assert corrected["low"] <= corrected["value"] <= corrected["high"]


def test_only_scores_of_two_kinds_are_permuted_by_rank(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    sure = {"breasts.csv": breasts_csv(), "prediction.toml": 'scores = "probability"\n'}
    models = [hand("a", sure), hand("b", sure), hand("risk", {"breasts.csv": breasts_csv()})]
    report = evaluate(models, women, tmp_path / "out", settings(permutations=3))
    flags = {(row["a"], row["b"]): row["flags"] for row in where(report["comparisons"], method="permutation")}
    assert flags == {("a", "b"): [], ("a", "risk"): ["by-rank"], ("b", "risk"): ["by-rank"]}


def test_mcnemar_of_three_models_is_one_family(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    shift = {"a": 0.0, "b": 0.15, "c": -0.15}
    models = []
    for name, by in shift.items():
        rows = "".join(f"w{n},L,{CC[n] + by * (n % 2)}\nw{n},R,{RIGHT[n] - by * (n % 3)}\n" for n in range(N))
        models.append(hand(name, {"breasts.csv": "exam_id,side,malignant\n" + rows}))
    report = evaluate(models, women, tmp_path / "out", settings(specificity_at=(0.7,)))
    rows = sorted(where(report["comparisons"], metric="specificity", method="mcnemar"), key=lambda row: row["p"])
    assert len(rows) == 3
    # Holm by hand.
    expected, before = [], 0.0
    for factor, row in zip((3, 2, 1), rows, strict=True):
        before = max(before, min(1.0, factor * row["p"]))
        expected.append(before)
    assert [row["p_adjusted"] for row in rows] == pytest.approx(expected)


def test_the_command(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    """All options through the command; page and tables show what was found."""
    model = hand("m", by_image())
    typed = ["evaluate", str(model.folder), "--data", str(women.folder), "--out", str(tmp_path / "out")]
    typed += ["--bootstrap", "20", "--cases", "0", "--split", "test", "--views", "--correlations"]
    done = CliRunner().invoke(app, [*typed, "--permutations", "5", "--partial-auc", "sensitivity:0.8-1"])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "report.html").read_text()
    assert "m (CC)" in page
    table = (tmp_path / "out" / "tables" / "correlations.csv").read_text().splitlines()
    assert table[0] == "model,first,second,n,pearson,spearman"
    assert len(table) == 1 + 16
    assert 'aria-label="Correlations' in page
    assert "Partial AUC (sensitivity 0.8 to 1, corrected)" in page
    # Above the diagonal Pearson's, below it Spearman's, of the two predictions of a left breast.
    shown = (
        pearsonr(left_malignant(), BENIGN_SCORE[0]).statistic,
        spearmanr(left_malignant(), BENIGN_SCORE[0]).statistic,
    )
    for value in shown:
        assert f"{value:.2f}".replace("-", "\u2212") in page


def test_views_of_a_group_have_mean_sd_and_ensemble(women: Dataset, hand: Hand, tmp_path: Path) -> None:
    """As Wu et al.'s Table S2: CC and MLO of every run, mean and sd over the runs, and of their ensemble."""
    other = by_image()
    other["images.csv"] = other["images.csv"].replace(",0.1", ",0.3")
    members = hand("one", by_image()), hand("two", other)
    group = Group("G", members)
    report = evaluate([group], women, tmp_path / "out", settings(views=True))
    for view in ("CC", "MLO"):
        runs = [where(report["results"], model=f"{name} ({view})", metric="auc")[0]["value"] for name in ("one", "two")]
        (mean,) = where(report["results"], model=f"G (mean of 2 runs) ({view})", metric="auc")
        assert (mean["value"], mean["sd"]) == pytest.approx((np.mean(runs), np.std(runs, ddof=1)))
        assert len(where(report["results"], model=f"G ({view})", metric="auc")) == 1
    assert {(row["a"], row["b"]) for row in report["comparisons"]} == {("G (CC)", "G (MLO)")}
