"""What a report says of detectors: counts, doubts, comparisons with each other and with chance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cadkit import InputError, Predictions
from cadkit.data import Dataset
from cadkit.evaluation import FrocRule, Settings
from cadkit.evaluation import evaluate_predictions as evaluate

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]


def settings(**changes: Any) -> Settings:
    usual = {"split": "test", "bootstrap": 40, "cases": 0, "labels": ("malignant",), "froc": FrocRule()}
    return Settings(**{**usual, **changes})


def test_the_report_says_what_was_counted(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    report = evaluate([hand()], make_dataset(), tmp_path / "R", settings(fpi=(1 / 16, 3 / 16, 0.25)))
    assert [report["settings"]["froc"][key] for key in ("hit", "unit", "unannotated", "fp_images", "duplicates")] == [
        "center", "finding", "exclude", "all", "ignore",
    ]  # fmt: skip
    one, three, more = (pick(report, model="vendor", metric="froc_sensitivity", at=at) for at in (1 / 16, 3 / 16, 0.25))
    assert one["value"] == pytest.approx(2 / 3)
    assert three["value"] == more["value"] == 1.0
    assert (one["n"], one["positives"], one["level"], one["clusters"]) == (16, 3, "finding", 4)
    assert ["beyond" in row.get("flags", []) for row in (one, three, more)] == [False, False, True]
    assert pick(report, model="vendor", metric="max_sensitivity")["value"] == 1.0
    # At 1/8 two of three (2/16), from 1/4 on all: (2/3 + 6) / 7.
    assert pick(report, model="vendor", metric="cpm")["value"] == pytest.approx((2 / 3 + 6) / 7)
    texts = {warning["text"] for warning in report["warnings"]}
    assert "FROC, malignant: 2 images left out: whether the breast is malignant is not known." in texts
    assert "FROC, malignant: 2 images left out: the breast is malignant, but no finding is drawn." in texts
    curve = next(c for c in report["curves"] if c["kind"] == "froc" and c["model"] == "vendor")
    assert curve["x"] == pytest.approx([0, 0, 1 / 16, 1 / 16, 2 / 16, 3 / 16, 3 / 16])
    assert curve["y"] == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 1])
    assert curve["threshold"] == [None, 0.9, 0.8, 0.6, 0.55, 0.5, 0.3]


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        (FrocRule(hit="distance"), "needs a distance"),
        (FrocRule(hit="iou", threshold=0.0), "no box|IoU threshold"),
    ],
)
def test_a_rule_that_does_not_fit_is_the_users_error(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, rule: FrocRule, pattern: str
) -> None:
    with pytest.raises(InputError, match=pattern):
        evaluate([hand()], make_dataset(), tmp_path / "R", settings(froc=rule))


def test_a_dataset_without_pixels_is_evaluated_all_the_same(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    report = evaluate([hand()], make_dataset(pixels=False), tmp_path / "R", settings(cases=2))
    assert pick(report, metric="max_sensitivity")["value"] == 1.0
    assert {case["picture"] for case in report["cases"]} == {None}
    assert any(case["findings"] for case in report["cases"])
    assert "not prepared" in next(w["text"] for w in report["warnings"] if w["id"] == "no-random-marks")


def test_models_that_do_not_localize_have_no_curve_and_it_is_said(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    scores = {"breasts.csv": (hand().folder / "breasts.csv").read_text()}
    with pytest.raises(InputError, match=r"plain gives neither marks nor saliency maps.* Leave out --froc"):
        evaluate([hand("plain", scores)], make_dataset(), tmp_path / "R", settings())
    with pytest.raises(InputError, match="plain gives no saliency maps"):
        evaluate([hand("plain", scores)], make_dataset(), tmp_path / "R", settings(froc=None, localization=True))
    report = evaluate([hand(), hand("plain", scores)], make_dataset(), tmp_path / "R", settings())
    froc = {row["model"] for row in report["results"] if row["metric"] == "max_sensitivity"}
    assert froc == {"vendor", "random marks"}
    assert "plain gives neither" in next(w["text"] for w in report["warnings"] if w["id"] == "no-froc-plain")


def test_detectors_are_compared_with_each_other_and_each_with_its_own_chance(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    scores = (hand().folder / "breasts.csv").read_text()
    marks = (hand().folder / "marks.csv").read_text()
    worse = marks.replace("e1-L-CC,malignant,12,12,0.9\n", "").replace("e1-L-CC,malignant,13,13,0.7\n", "")
    other = hand("random marks of somebody", {"breasts.csv": scores, "marks.csv": worse})
    report = evaluate([hand(), other], make_dataset(), tmp_path / "R", settings())
    rows = [row for row in report["comparisons"] if row["metric"] == "max_sensitivity"]
    assert [(row["a"], row["b"]) for row in rows] == [
        ("vendor", "random marks as vendor"),
        ("vendor", "random marks of somebody"),
        ("random marks of somebody", "random marks as random marks of somebody"),
    ]
    assert rows[1]["difference"] == pytest.approx(1 / 3)


def test_marks_of_a_label_without_scores_are_said_to_be_unused(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    marks = (hand().folder / "marks.csv").read_text() + "e1-L-CC,cyst,1,1,0.5\n"
    model = hand("cysts", {"breasts.csv": (hand().folder / "breasts.csv").read_text(), "marks.csv": marks})
    report = evaluate([model], make_dataset(), tmp_path / "R", settings())
    assert "marks of cyst are not judged" in next(w["text"] for w in report["warnings"] if w["id"] == "marks-cysts")
