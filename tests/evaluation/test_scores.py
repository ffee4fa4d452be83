"""From truth and scores to AUC and PRAUC: who is counted, at which level, and which mistakes are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cadkit import InputError, Predictions
from cadkit.data import Dataset
from cadkit.evaluation import Settings
from cadkit.evaluation import evaluate_predictions as evaluate

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
QUICK = Settings(split="test", bootstrap=40, cases=0)
# The nine breasts of known truth, without e4-L: (truth, score).
KNOWN = [(1, 0.9), (0, 0.2), (0, 0.6), (0, 0.1), (0, 0.3), (1, 0.4), (0, 0.4), (1, 0.7), (0, 0.05)]


def settings(**changes: Any) -> Settings:
    return Settings(**{"split": "test", "bootstrap": 40, "cases": 0, **changes})


def warnings(report: Any) -> dict[str, str]:
    return {warning["id"]: warning["text"] for warning in report["warnings"]}


def test_breasts_of_unknown_truth_are_left_out_and_counted(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    report = evaluate([hand()], make_dataset(), tmp_path / "R", QUICK)
    row = pick(report, metric="auc", label="malignant")
    truth, score = zip(*KNOWN, strict=True)
    # 18 pairs: 0.9 and 0.7 beat all six (0.7 > 0.6), 0.4 beats four and ties with one.
    assert row["value"] == pytest.approx((6 + 6 + 4.5) / 18)
    assert row["value"] == pytest.approx(roc_auc_score(truth, score))
    assert (row["n"], row["positives"], row["clusters"]) == (9, 3, 4)
    assert row["ci"] == 0.95
    assert row["low"] <= row["value"] <= row["high"]
    pr = pick(report, metric="prauc", label="malignant")
    assert pr["value"] == pytest.approx(average_precision_score(truth, score))
    assert "level: 1 of unknown truth left out." in warnings(report)["left-out-breast-malignant"]
    assert pick(report, metric="auc", label="benign")["n"] == 10
    assert report["cohort"]["positives"]["breast"] == {"malignant": 3, "benign": 1}
    assert report["cohort"]["patients"] == 4
    assert "only 3 positives and 6 negatives" in warnings(report)["few-breast-malignant"]


def test_a_known_positive_breast_makes_the_exam_positive_an_unknown_one_leaves_it_unknown(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    report = evaluate([hand()], make_dataset(), tmp_path / "R", settings(levels=("exam",), labels=("malignant",)))
    row = pick(report, metric="auc")
    # Exams by the larger breast: e1 0.9 and e5 0.7 and e3 0.4 positive, e2 0.6 negative, e4 unknown.
    assert (row["n"], row["positives"]) == (4, 3)
    assert row["value"] == pytest.approx(2 / 3)
    assert "1 of unknown truth" in warnings(report)["left-out-exam-malignant"]


def test_levels_are_pooled_from_below_as_the_prediction_says(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    # CC scores as breasts, MLO scores 0.2 more: means keep the order, the maximum too; e1-L-MLO is missing.
    lines = []
    for line in hand().scores("breast").iter_rows(named=True):
        for view, more in (("CC", 0.0), ("MLO", 0.2)):
            if (line["exam_id"], line["side"], view) != ("e1", "L", "MLO"):
                lines.append(f"{line['exam_id']}-{line['side']}-{view},{line['malignant'] + more}\n")
    images = "image_id,malignant\n" + "".join(lines)
    # Means: e1-L 0.9 (one view), every other breast 0.1 more; so e4 apart the order stays: AUC as before.
    mean = evaluate([hand("mean", {"images.csv": images})], make_dataset(), tmp_path / "A", QUICK)
    assert pick(mean, metric="auc")["value"] == pytest.approx(16.5 / 18)
    # Sums: e1-L 0.9 against 2 x score + 0.2 of the others: 1.4, 0.8, 0.4, 0.6, 1.0, 1.6, 0.3 and 1.0 of e3-R.
    toml = '[pooling]\nviews = "sum"\nbreasts = "max"\n'
    total = evaluate(
        [hand("sum", {"images.csv": images, "prediction.toml": toml})], make_dataset(), tmp_path / "B", QUICK
    )
    # Negatives: e1-R 0.6, e2-L 1.4, e2-R 0.4, e3-L 0.8, e4-R 1.0, e5-R 0.3. Positives: 0.9, 1.0, 1.6.
    assert pick(total, metric="auc")["value"] == pytest.approx((4 + 4.5 + 6) / 18)
    assert [model["pooling"]["views"] for model in (mean["models"][0], total["models"][0])] == ["mean", "sum"]


def test_a_level_is_never_pooled_from_above(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    exams = "exam_id,malignant\n" + "".join(f"e{n},0.{n}\n" for n in range(1, 6))
    model = hand("exams", {"exams.csv": exams})
    with pytest.raises(InputError, match=r"exams has no scores of breasts.*--level"):
        evaluate([model], make_dataset(), tmp_path / "R", QUICK)
    empty = hand("empty", {"exams.csv": exams, "breasts.csv": "exam_id,side,malignant\n"})
    with pytest.raises(InputError, match="empty has no scores of breasts"):
        evaluate([empty], make_dataset(), tmp_path / "R", QUICK)
    report = evaluate([model], make_dataset(), tmp_path / "R", settings(levels=("exam",), cases=2))
    assert report["results"][0]["n"] == 4
    assert report["cases"] == []


def test_a_level_that_is_given_wins_over_pooling(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    files = {
        "breasts.csv": (hand().folder / "breasts.csv").read_text(),
        "exams.csv": "exam_id,malignant\ne1,0.1\ne2,0.2\ne3,0.3\ne4,0\ne5,0.4\n",
    }
    chosen = settings(levels=("breast", "exam"), labels=("malignant",))
    report = evaluate([hand("both", files)], make_dataset(), tmp_path / "R", chosen)
    assert pick(report, level="breast", metric="auc")["value"] == pytest.approx(16.5 / 18)
    assert pick(report, level="exam", metric="auc")["value"] == pytest.approx(2 / 3)


def test_scores_are_never_squeezed_or_guessed(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    logits = [("e1", 900.0, -200.0), ("e2", 600.0, -1e6), ("e3", 300.0, 400.0), ("e4", 0.0, 400.0), ("e5", 700.0, -5.0)]
    text = "exam_id,side,malignant\n" + "".join(f"{e},L,{a}\n{e},R,{b}\n" for e, a, b in logits)
    report = evaluate([hand("logits", {"breasts.csv": text})], make_dataset(), tmp_path / "R", QUICK)
    assert pick(report, metric="auc")["value"] == pytest.approx(16.5 / 18)
    roc = next(curve for curve in report["curves"] if curve["kind"] == "roc")
    assert 900.0 in roc["threshold"]


def test_a_label_without_a_positive_has_a_reason_and_no_number(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    data = make_dataset({"breasts.csv": "exam_id,side,malignant,benign\ne1,L,1,0\ne3,R,1,0\ne5,L,1,0\n"})
    report = evaluate([hand()], data, tmp_path / "R", QUICK)
    for label, reason in (("malignant", "no negative rows"), ("benign", "no positive rows")):
        row = pick(report, metric="auc", label=label)
        assert (row["value"], row["low"], row["high"]) == (None, None, None)
        assert row["reason"] == reason


def test_further_scores_are_judged_where_asked_for(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    lines = (hand().folder / "breasts.csv").read_text().splitlines()
    turned = [lines[0] + ",world.malignant"] + [f"{line},{1 - float(line.split(',')[2])}" for line in lines[1:]]
    turned[2] = turned[2].rpartition(",")[0] + ","  # e1-R, a negative, has none
    model = hand("more", {"breasts.csv": "\n".join(turned) + "\n"})
    assert {row["model"] for row in evaluate([model], make_dataset(), tmp_path / "A", QUICK)["results"]} == {"more"}
    report = evaluate([model], make_dataset(), tmp_path / "B", settings(extra=True))
    row = pick(report, model="more (world)", metric="auc")
    assert row["n"] == 8
    # Turned round, a positive loses where it won: of 15 pairs without e1-R it wins 15 - (5 + 5 + 3.5).
    assert row["value"] == pytest.approx(1.5 / 15)


def test_an_image_level_asked_for_by_breast_scores(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vendor has no scores of images"):
        evaluate([hand()], make_dataset(), tmp_path / "R", settings(levels=("image",)))
    with pytest.raises(InputError, match="a level is one of image, breast, exam"):
        evaluate([hand()], make_dataset(), tmp_path / "R", settings(levels=("lesion",)))


def drop(text: str, start: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(start))


def test_an_exam_without_an_answer_must_be_listed_as_skipped(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    text = (hand().folder / "breasts.csv").read_text()
    model = hand("less", {"breasts.csv": drop(text, "e2")})
    model.record["split"] = "validation"
    with pytest.raises(InputError, match=r"1 of 5 exams have no prediction.*'e2'.*the split validation.*skipped\.csv"):
        evaluate([model], make_dataset(), tmp_path / "R", QUICK)
    skipped = "level,id,reason\nexam,e2,only CC views\nbreast,e5/R,implant\nwarning,e1/L,a sum over 1 views\n"
    model = hand("less", {"breasts.csv": drop(drop(text, "e2"), "e5,R"), "skipped.csv": skipped})
    report = evaluate([model], make_dataset(), tmp_path / "R", QUICK)
    steps = [(step["step"], step["exams"], step["breasts"], step["images"]) for step in report["cohort"]["steps"]]
    assert steps == [
        ("in the dataset", 6, 12, 24),
        ("in the split test", 5, 10, 20),
        ("answered by less", 4, 8, 16),
    ]
    assert [(row["level"], row["id"], row["reason"]) for row in report["cohort"]["left_out"]] == [
        ("exam", "e2", "only CC views"),
        ("breast", "e5/R", "implant"),
    ]
    assert (
        "1 of unknown truth and 1 without a score of every model left out."
        in warnings(report)["left-out-breast-malignant"]
    )
    assert "the first of e1/L: a sum over 1 views" in warnings(report)["prediction-less"]


def test_an_exam_that_is_scored_and_listed_as_skipped_is_skipped(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    files = {
        "breasts.csv": (hand().folder / "breasts.csv").read_text(),
        "skipped.csv": "level,id,reason\nexam,e2,withdrawn\n",
    }
    report = evaluate([hand("both", files)], make_dataset(), tmp_path / "R", QUICK)
    assert pick(report, metric="auc", label="malignant")["n"] == 7
    assert [row["id"] for row in report["cohort"]["left_out"]] == ["e2"]


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        (
            {"breasts.csv": "exam_id,side,malignant\ne1,L,0\nx9,L,1\n"},
            r"1 breast\(s\) .* not in the dataset hand.*'x9/L'",
        ),
        ({"breasts.csv": "exam_id,side,malignant\ne1,left,0\n"}, r"breast\(s\).*'e1/left'"),
        ({"images.csv": "image_id,malignant\ne1-L-CC.png,0\n"}, r"image\(s\).*'e1-L-CC\.png'"),
        ({"exams.csv": "exam_id,malignant\n1,0\n"}, r"exam\(s\).*'1'"),
        (
            {"marks.csv": "image_id,label,x,y,score\nnowhere,malignant,1,1,1\n"},
            r"marks\.csv, row 1: 1 mark\(s\) .*'nowhere'",
        ),
        ({"breasts.csv": "exam_id,side,malignant\ne1,L,nan\n"}, r"breasts\.csv, row 1.*'nan'"),
    ],
)
def test_predictions_of_something_else_are_refused(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, files: dict[str, str], pattern: str
) -> None:
    usual = {"breasts.csv": (hand().folder / "breasts.csv").read_text()}
    with pytest.raises(InputError, match=pattern):
        evaluate([hand("other", {**usual, **files})], make_dataset(), tmp_path / "R", QUICK)


def test_a_label_must_be_scored_and_known(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the label cyst cannot be judged"):
        evaluate([hand()], make_dataset(), tmp_path / "R", settings(labels=("cyst",)))
    other = hand(
        "other", {"breasts.csv": (hand().folder / "breasts.csv").read_text().replace("malignant,benign", "a,b")}
    )
    with pytest.raises(InputError, match="nothing to judge"):
        evaluate([other], make_dataset(), tmp_path / "R", QUICK)


def test_a_label_may_be_the_value_of_a_column(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    exams = "e1,p1,0,test\ne2,p1,2,test\ne3,p2,0,test\ne4,p3,,test\ne5,p4,1,test\nt1,p9,1,train\n"
    data = make_dataset({"exams.csv": "exam_id,patient_id,birads,split\n" + exams})
    model = hand("birads", {"exams.csv": "exam_id,birads=0\ne1,0.4\ne2,0.3\ne3,0.1\ne4,0.9\ne5,0.2\n"})
    report = evaluate([model], data, tmp_path / "R", settings(levels=("exam",)))
    row = pick(report, metric="auc", label="birads=0")
    assert (row["n"], row["positives"], row["value"]) == (4, 2, pytest.approx(0.5))


def test_several_models_are_compared_on_the_exams_that_all_answered(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    text = (hand().folder / "breasts.csv").read_text()
    flat = drop(text, "e5").replace("0.9,", "0.15,", 1)
    other = hand("other", {"breasts.csv": flat, "skipped.csv": "level,id,reason\nexam,e5,film\n"})
    report = evaluate([hand(), other], make_dataset(), tmp_path / "R", settings(labels=("malignant",)))
    # Without e5: positives e1-L and e3-R (0.4), negatives 0.2, 0.6, 0.1, 0.3, 0.4.
    first, second = (pick(report, model=name, metric="auc") for name in ("vendor", "other"))
    assert first["n"] == second["n"] == 7
    assert first["value"] == pytest.approx((5 + 3.5) / 10)
    assert second["value"] == pytest.approx((1 + 3.5) / 10)
    areas = [row for row in report["comparisons"] if row["metric"] == "auc"]
    assert [auc["method"] for auc in areas] == ["delong-clustered", "bootstrap"]
    for auc in areas:
        assert (auc["a"], auc["b"], auc["level"]) == ("vendor", "other", "breast")
        assert auc["difference"] == pytest.approx(0.4)
        assert 0 < auc["p"] <= 1
    assert [step["exams"] for step in report["cohort"]["steps"]] == [6, 5, 5, 4]


def test_models_of_one_name_are_told_apart(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    usual = {"breasts.csv": (hand().folder / "breasts.csv").read_text()}
    named = {**usual, "prediction.toml": 'name = "gmic-1"\n'}

    def names(*models: Predictions) -> list[str]:
        report = evaluate(models, make_dataset(), tmp_path / "R", settings(labels=("malignant",), bootstrap=10))
        assert {row["model"] for row in report["results"]} == {model["name"] for model in report["models"]}
        return [model["name"] for model in report["models"]]

    assert names(hand("a", named), hand("b", usual)) == ["gmic-1", "b"]
    assert names(hand("a", named), hand("c", named)) == ["a", "c"]
    assert names(hand("x/p", usual), hand("y/p", usual), hand("z/p (2)", usual)) == ["p", "p (3)", "p (2)"]
    assert names(hand("random marks", usual)) == ["random marks (2)"]


def test_a_replicate_draws_whole_patients(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    """With one patient for all exams every replicate is the cohort itself."""
    exams = "exam_id,patient_id,split\n" + "".join(f"{e},p,test\n" for e in ("e1", "e2", "e3", "e4", "e5", "t1"))
    data = make_dataset({"exams.csv": exams})
    text = (hand().folder / "breasts.csv").read_text() + "t1,L,0,0\nt1,R,1,0\n"
    report = evaluate([hand("all", {"breasts.csv": text})], data, tmp_path / "R", settings(labels=("malignant",)))
    row = pick(report, metric="auc")
    assert row["low"] in (None, pytest.approx(row["value"]))
    assert row["clusters"] == 1


def test_the_split_is_the_one_that_was_predicted(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    text = (hand().folder / "breasts.csv").read_text() + "t1,L,0.1,0\nt1,R,0.2,0\n"
    model = hand("all", {"breasts.csv": text, "prediction.toml": 'split = "all"\nrun = "runs/gmic-1"\n'})
    report = evaluate([model], make_dataset(), tmp_path / "R", Settings(bootstrap=10, cases=0))
    assert report["cohort"]["split"] == "all"
    assert report["settings"]["split"] == "all"
    assert report["cohort"]["steps"][-1]["exams"] == 6
    assert "all may have learnt" in warnings(report)["in-sample"]
    train = evaluate([model], make_dataset(), tmp_path / "T", settings(split="train"))
    assert "in-sample" in warnings(train)
    assert "in-sample" not in warnings(evaluate([model], make_dataset(), tmp_path / "S", QUICK))
