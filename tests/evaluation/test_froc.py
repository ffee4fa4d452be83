"""FROC of marks and of maps against findings: every rule by pencil, and the denominators counted literally."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cadkit import InputError, Predictions, metrics
from cadkit.data import Dataset, Image
from cadkit.evaluation import FrocRule, Settings
from cadkit.evaluation import evaluate_predictions as evaluate
from cadkit.evaluation.cohort import Chosen, Scored, choose
from cadkit.evaluation.localizing import annotate, answered_images, case_ratings, froc_sample, marks_of, random_marks
from cadkit.prediction import FileSaliency
from cadkit.prediction.folder import saliency_path, write_saliency

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
Curve = list[tuple[float, float]]


def settings(**changes: Any) -> Settings:
    usual = {"split": "test", "bootstrap": 40, "cases": 0, "labels": ("malignant",), "froc": FrocRule()}
    return Settings(**{**usual, **changes})


def sampled(
    predictions: Predictions, data: Dataset, rule: FrocRule, label: str = "malignant"
) -> tuple[metrics.FrocSample, list[Image]]:
    model = Scored("m", predictions)
    chosen = choose(data, "test", [model])
    truth = annotate(chosen, label, rule, answered_images(model, chosen))
    sample, _ = froc_sample(marks_of(model, truth.images, label, rule), truth, rule)
    return sample, truth.images


def points(predictions: Predictions, data: Dataset, rule: FrocRule, label: str = "malignant") -> Curve:
    """(false positives, detected) of every operating point but the first, as numbers and not as shares."""
    sample, _ = sampled(predictions, data, rule, label)
    curve = metrics.froc_curve(sample)
    per_image, per_unit = int(sample.images.sum()), len(sample.best)
    return [
        (round(f * per_image, 9), round(s * per_unit, 9)) for f, s in zip(curve.fpi, curve.sensitivity, strict=True)
    ][1:]


# Rule, images counted, units, operating points by falling score; see the list beside MARKS_CSV.
RULES: list[tuple[dict[str, Any], int, int, Curve]] = [
    ({}, 16, 3, [(0, 1), (1, 1), (1, 2), (2, 2), (3, 2), (3, 3)]),
    ({"duplicates": "fp"}, 16, 3, [(0, 1), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2), (4, 3)]),
    ({"other_findings": "neutral"}, 16, 3, [(0, 1), (1, 1), (1, 2), (2, 2), (2, 3)]),
    ({"fp_images": "normal"}, 13, 3, [(0, 1), (1, 1), (1, 2), (2, 2), (2, 3)]),
    ({"unit": "lesion"}, 16, 2, [(0, 1), (1, 1), (1, 2), (2, 2), (3, 2)]),
    ({"unit": "breast"}, 18, 3, [(0, 1), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2)]),
    ({"unit": "exam"}, 18, 3, [(0, 1), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2)]),
    ({"unit": "breast", "unannotated": "exclude"}, 16, 2, [(0, 1), (1, 1), (1, 2), (2, 2), (3, 2)]),
    ({"unit": "breast", "unannotated": "negative"}, 18, 2, [(0, 1), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2)]),
    ({"unannotated": "miss"}, 18, 4, [(0, 1), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2), (4, 3)]),
    ({"unannotated": "negative"}, 18, 3, [(0, 1), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2), (4, 3)]),
    ({"unit": "lesion", "unannotated": "miss"}, 18, 3, [(0, 1), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2)]),
    # Within 1 mm (2 pixels of 0.5 mm) of the centre: both marks of f1 (13, 13), of f3 (8, 24) and f2 (20, 30) none.
    ({"hit": "distance", "threshold": 1.0}, 16, 3, [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]),
    # (12, 24) lies 2 mm from the centre of f3, (11.9, 27.9) 2.76 mm; (25, 30) exactly 2.5 mm from that of f2.
    ({"hit": "distance", "threshold": 2.5}, 16, 3, [(0, 1), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "images", "units", "curve"), RULES, ids=[str(rule[0]) for rule in RULES])
def test_a_rule_by_pencil(
    make_dataset: MakeDataset, hand: Hand, rule: dict[str, Any], images: int, units: int, curve: Curve
) -> None:
    sample, _ = sampled(hand(), make_dataset(), FrocRule(**rule))
    assert (int(sample.images.sum()), len(sample.best)) == (images, units)
    assert points(hand(), make_dataset(), FrocRule(**rule)) == curve


def test_marks_belong_to_their_label(make_dataset: MakeDataset, hand: Hand) -> None:
    # Benign: e2-L has the only finding and its mark hits it; every breast's benign is known.
    sample, images = sampled(hand(), make_dataset(), FrocRule(), "benign")
    assert (len(images), sample.best.tolist(), sample.false_score.tolist()) == (20, [0.4], [])


def test_normal_exams_move_the_curve_only_where_false_positives_are_counted_over_all_images(
    make_dataset: MakeDataset, hand: Hand
) -> None:
    """Anchors 17: more images without marks lower FPI by their number, and nothing else."""
    few = sampled(hand(), make_dataset(), FrocRule())[0]
    data = make_dataset()
    exams = (data.folder / "exams.csv").read_text() + "e6,p6,B,1,test\n"
    breasts = (data.folder / "breasts.csv").read_text() + "e6,L,0,0\n"
    images = (data.folder / "images.csv").read_text() + "e6-L-CC,e6,L,CC,50,40,0.5\n"
    more_data = make_dataset({"exams.csv": exams, "breasts.csv": breasts, "images.csv": images})
    scores = (hand().folder / "breasts.csv").read_text() + "e6,L,0,0\n"
    marks = (hand().folder / "marks.csv").read_text()
    more = sampled(hand("more", {"breasts.csv": scores, "marks.csv": marks}), more_data, FrocRule())[0]
    assert more.n_images == few.n_images + 1
    np.testing.assert_array_equal(more.best, few.best)
    np.testing.assert_array_equal(more.false_score, few.false_score)


def test_a_label_that_is_absent_or_repeated_does_not_move_the_denominator(
    make_dataset: MakeDataset, hand: Hand
) -> None:
    """Anchors 14: findings of another label, present or not, once or twice, leave the units alone."""
    data = make_dataset()
    findings = (data.folder / "findings.csv").read_text()
    without = "".join(line for line in findings.splitlines(keepends=True) if not line.startswith("f4"))
    twice = findings + "f5,e2-L-CC,C,benign,mass,box,10 10 20 20\n"
    for neutral in ("false", "neutral"):
        counts = [
            len(sampled(hand(), make_dataset({"findings.csv": text}), FrocRule(other_findings=neutral))[0].best)  # type: ignore[arg-type]
            for text in (findings, without, twice)
        ]
        assert counts == [3, 3, 3]


def random_world(rng: np.random.Generator) -> tuple[dict[str, str], dict[str, str]]:
    """Tables and predictions drawn at random, among them unknown labels and positives that were not drawn."""
    exams = [f"e{n}" for n in range(8)]
    truth = {(e, s): rng.choice(["0", "1", ""], p=[0.5, 0.4, 0.1]) for e in exams for s in "LR"}
    images = [(e, s, v) for e in exams for s in "LR" for v in ("CC", "MLO") if rng.random() < 0.9]
    findings, marks = [], []
    for e, s, v in images:
        for lesion in "AB":
            labels = ["malignant"] if truth[e, s] == "1" else []
            for label in [*labels, "benign"]:
                if rng.random() < 0.4:
                    x, y = rng.integers(0, 30, 2)
                    findings.append(f"f{len(findings)},{e}-{s}-{v},{label}{lesion},{label},box,{x} {y} {x + 8} {y + 8}")
        for _ in range(rng.integers(0, 4)):
            x, y = rng.integers(0, 40, 2)
            marks.append(f"{e}-{s}-{v},malignant,{x},{y},{rng.integers(1, 6) / 5}")
    tables = {
        "exams.csv": "exam_id,patient_id,split\n" + "".join(f"{e},p{n // 2},test\n" for n, e in enumerate(exams)),
        "breasts.csv": "exam_id,side,malignant,benign\n" + "".join(f"{e},{s},{t},\n" for (e, s), t in truth.items()),
        "images.csv": "image_id,exam_id,side,view,rows,columns\n"
        + "".join(f"{e}-{s}-{v},{e},{s},{v},50,40\n" for e, s, v in images),
        "findings.csv": "finding_id,image_id,lesion_id,label,shape,coordinates\n" + "".join(f"{f}\n" for f in findings),
    }
    predictions = {
        "breasts.csv": "exam_id,side,malignant\n" + "".join(f"{e},{s},0.5\n" for e in exams for s in "LR"),
        "marks.csv": "image_id,label,x,y,score\n" + "".join(f"{m}\n" for m in marks),
    }
    return tables, predictions


def literal(tables: dict[str, str], predictions: dict[str, str], rule: FrocRule) -> dict[str, Any]:
    """Images, units and operating points, counted by loops over the rows of the tables."""

    def read(text: str) -> list[dict[str, str]]:
        head, *lines = (line.split(",") for line in text.splitlines())
        return [dict(zip(head, line, strict=True)) for line in lines]

    breasts, images = read(tables["breasts.csv"]), read(tables["images.csv"])
    findings, marks = read(tables["findings.csv"]), read(predictions["marks.csv"])
    kept, units = [], {}
    for breast in breasts:
        key = breast["exam_id"], breast["side"]
        mine = [i for i in images if (i["exam_id"], i["side"]) == key]
        names = {i["image_id"] for i in mine}
        drawn = [f for f in findings if f["image_id"] in names and f["label"] == "malignant"]
        if breast["malignant"] == "" or (breast["malignant"] == "1" and not drawn and rule.missing == "exclude"):
            continue
        kept += [i["image_id"] for i in mine]
        for f in drawn:
            unit = {
                "finding": f["finding_id"],
                "lesion": (*key, f["lesion_id"]),
                "breast": key,
                "exam": key[0],
            }[rule.unit]
            units.setdefault(unit, []).append(f)
        if breast["malignant"] == "1" and not drawn and rule.missing == "miss":
            units.setdefault(key[0] if rule.unit == "exam" else key if rule.unit == "breast" else (*key, None), [])

    def hits(mark: dict[str, str], finding: dict[str, str]) -> bool:
        x0, y0, x1, y1 = map(float, finding["coordinates"].split())
        x, y = float(mark["x"]), float(mark["y"])
        return mark["image_id"] == finding["image_id"] and x0 <= x < x1 and y0 <= y < y1

    malignant = [f for members in units.values() for f in members]
    others = [f for f in findings if f["label"] != "malignant" and f["image_id"] in kept]
    counted = [i for i in kept if rule.fp_images == "all" or not any(f["image_id"] == i for f in malignant)]
    curve = []
    for threshold in sorted({float(m["score"]) for m in marks}, reverse=True):
        called = [m for m in marks if float(m["score"]) >= threshold and m["image_id"] in kept]
        false = [m for m in called if not any(hits(m, f) for f in malignant) and m["image_id"] in counted]
        if rule.other_findings == "neutral":
            false = [m for m in false if not any(hits(m, f) for f in others)]
        detected = [u for u, members in units.items() if any(hits(m, f) for m in called for f in members)]
        curve.append((len(false), len(detected)))
    return {"images": len(counted), "units": len(units), "curve": set(curve) - {(0, 0)}}


@pytest.mark.parametrize("seed", range(6))
def test_denominators_and_curves_equal_a_literal_count(make_dataset: MakeDataset, hand: Hand, seed: int) -> None:
    tables, files = random_world(np.random.default_rng(seed))
    data, predictions = make_dataset(tables), hand("random", files)
    for unit in ("finding", "lesion", "breast", "exam"):
        for unannotated in ("exclude", "miss", "negative"):
            for fp_images, other in (("all", "false"), ("normal", "neutral")):
                rule = FrocRule(unit=unit, unannotated=unannotated, fp_images=fp_images, other_findings=other)  # type: ignore[arg-type]
                expected = literal(tables, files, rule)
                sample, _ = sampled(predictions, data, rule)
                assert int(sample.images.sum()) == expected["images"], rule
                assert len(sample.best) == expected["units"], rule
                assert set(points(predictions, data, rule)) - {(0, 0)} == expected["curve"], rule


def test_boxes_are_matched_by_overlap(make_dataset: MakeDataset, hand: Hand) -> None:
    scores = (hand().folder / "breasts.csv").read_text()
    head = "image_id,label,x,y,x0,y0,x1,y1,score\n"
    # f1 is 10 10 16 16. Overlap 3 x 6 of a union of 54 = 1/3; the circle's bounding box is 15 25 25 35.
    marks = head + "e1-L-CC,malignant,16,13,13,10,19,16,0.9\ne1-L-MLO,malignant,20,30,15,25,25,35,0.8\n"
    model = hand("boxes", {"breasts.csv": scores, "marks.csv": marks})
    third = FrocRule(hit="iou", threshold=1 / 3)
    assert points(model, make_dataset(), third) == [(0, 1), (0, 2)]
    assert points(model, make_dataset(), replace(third, threshold=0.34)) == [(1, 0), (1, 1)]
    assert points(model, make_dataset(), FrocRule(hit="iou")) == [(0, 1), (0, 2)], "0.1 by default"
    assert points(model, make_dataset(), FrocRule()) == [(1, 0), (1, 1)], "its point lies beside f1"


def test_overlap_needs_a_box_of_every_mark(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    scores = (hand().folder / "breasts.csv").read_text()
    head = "image_id,label,x,y,x0,y0,x1,y1,score\n"
    marks = head + "e1-L-CC,malignant,12,12,10,10,16,16,0.9\ne1-R-CC,malignant,20,30,,,,,0.8\n"
    mixed = hand("mixed", {"breasts.csv": scores, "marks.csv": marks})
    assert points(mixed, make_dataset(), FrocRule()) == [(0, 1), (1, 1)]
    with pytest.raises(InputError, match=r"1 of 2 marks of mixed have no box.*'e1-R-CC'"):
        evaluate([mixed], make_dataset(), tmp_path / "R", settings(froc=FrocRule(hit="iou")))
    whole = hand("whole", {"breasts.csv": scores, "marks.csv": marks.rpartition("e1-R-CC")[0]})
    report = evaluate([whole], make_dataset(), tmp_path / "R", settings(froc=FrocRule(hit="iou")))
    assert {row["model"] for row in report["results"]} == {"whole"}
    assert "they have no boxes" in next(w["text"] for w in report["warnings"] if w["id"] == "no-random-marks")
    report = evaluate([mixed], make_dataset(), tmp_path / "R", settings(cases=9))
    boxes = {(m["x"], tuple(m["box"] or ())) for case in report["cases"] for m in case["marks"]}
    assert boxes == {(12.0, (10.0, 10.0, 16.0, 16.0)), (20.0, ())}


def test_a_point_needs_a_distance(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    data = make_dataset()
    text = (data.folder / "findings.csv").read_text().replace("circle,20 30 5", "point,20 30")
    data = make_dataset({"findings.csv": text})
    with pytest.raises(InputError, match="some findings are points"):
        evaluate([hand()], data, tmp_path / "R", settings())
    near = FrocRule(hit="distance", threshold=2.5)
    assert points(hand(), data, near)[-1] == (3, 3)


def test_random_marks_lie_in_the_breast_and_are_the_same_every_time(make_dataset: MakeDataset, hand: Hand) -> None:
    data, model = make_dataset(), Scored("m", hand())
    chosen: Chosen = choose(data, "test", [model])
    truth = annotate(chosen, "malignant", FrocRule(), answered_images(model, chosen))
    few = marks_of(model, truth.images, "malignant", FrocRule())
    marks = metrics.Marks(*(np.tile(values, 100) for values in (few.image, few.x, few.y, few.score)))
    made = random_marks(marks, truth.images, seed=3)
    np.testing.assert_array_equal(made.image, marks.image)
    np.testing.assert_array_equal(made.score, marks.score)
    for number, x, y in zip(made.image, made.x, made.y, strict=True):
        image = truth.images[number]
        u, v = image.to_file.inverse()(x, y)
        assert image.raw()[int(np.floor(v)), int(np.floor(u))] > 0, "prepared pixels of the breast: columns below 20"
        # In the file the breast lies left of column 22, or right of column 20 where it is mirrored.
        assert (2 <= x < 22) if image.side == "L" else (20 < x <= 40)
        assert 5 <= y < 45
    again, other = random_marks(marks, truth.images, seed=3), random_marks(marks, truth.images, seed=4)
    np.testing.assert_array_equal(made.x, again.x)
    assert not np.array_equal(made.x, other.x)
    assert not np.array_equal(made.x, marks.x)


def write_maps(folder: Path, maps: dict[str, np.ndarray]) -> None:
    for name, values in maps.items():
        made = FileSaliency(values[None].astype(np.float32), (0.0, 0.0, 40.0, 50.0))
        write_saliency(saliency_path(folder, name), made)


def test_marks_are_the_peaks_of_a_map(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    model = hand("maps", {"breasts.csv": (hand().folder / "breasts.csv").read_text().replace(",benign", ",b")})
    one = np.zeros((10, 8))  # cells of 5 x 5 pixels
    one[2, 2], one[9, 7], one[0, 0] = 0.9, 0.4, 0.125
    write_maps(model.folder, {"e1-L-CC": one, "e3-R-CC": np.zeros((10, 8))})
    toml = model.folder / "prediction.toml"
    toml.write_text('labels = ["malignant"]\nlocalizes = "saliency"\n')
    model = Predictions.open(model.folder)
    # The centres are (12.5, 12.5) in f1, (37.5, 47.5) and (2.5, 2.5).
    assert points(model, make_dataset(), FrocRule()) == [(0, 1), (1, 1), (2, 1)]
    assert points(model, make_dataset(), FrocRule(floor=0.125)) == [(0, 1), (1, 1)], "strictly above the floor"
    # (12.5, 12.5) to (2.5, 2.5) is 7.07 mm.
    assert points(model, make_dataset(), FrocRule(nms_mm=7.1)) == [(0, 1), (1, 1)]
    assert points(model, make_dataset(), FrocRule(nms_mm=7.0)) == [(0, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize("window", [(-20.0, 0.0, 20.0, 50.0), (20.0, 0.0, 60.0, 50.0)], ids=["left", "right"])
def test_peaks_beside_the_picture_are_no_marks(
    make_dataset: MakeDataset, hand: Hand, window: tuple[float, float, float, float]
) -> None:
    folder = hand("maps", {"breasts.csv": (hand().folder / "breasts.csv").read_text()}).folder
    (folder / "prediction.toml").write_text('labels = ["malignant"]\nlocalizes = "saliency"\n')
    values = np.zeros((1, 10, 8), dtype=np.float32)  # cells of 5 x 5 pixels; the file has 40 columns
    values[0, 2, 1], values[0, 2, 6] = 0.5, 0.25
    write_saliency(saliency_path(folder, "e1-L-CC"), FileSaliency(values, window))
    images = [image for image in make_dataset().images if image.id == "e1-L-CC"]
    found = marks_of(Scored("m", Predictions.open(folder)), images, "malignant", FrocRule())
    inside = [(x, v) for x, v in ((window[0] + 7.5, 0.5), (window[0] + 32.5, 0.25)) if 0 < x < 40]
    assert list(zip(found.x.tolist(), found.score.tolist(), strict=True)) == inside
    assert len(inside) == 1


def test_marks_of_a_union_are_the_peaks_of_the_largest_of_its_maps(make_dataset: MakeDataset, hand: Hand) -> None:
    folder = hand("maps", {"breasts.csv": (hand().folder / "breasts.csv").read_text()}).folder
    toml = 'labels = ["malignant", "benign"]\nlocalizes = "saliency"\n'
    (folder / "prediction.toml").write_text(toml)
    both = np.zeros((2, 10, 8), dtype=np.float32)  # cells of 5 x 5 pixels
    both[0, 2, 2], both[1, 2, 2], both[1, 9, 7] = 0.75, 0.5, 0.25
    write_saliency(saliency_path(folder, "e1-L-CC"), FileSaliency(both, (0.0, 0.0, 40.0, 50.0)))
    model = Scored("m", Predictions.open(folder))
    images = [image for image in make_dataset().images if image.id == "e1-L-CC"]
    for label, parts, peaks in (
        ("malignant", (), [(12.5, 12.5, 0.75)]),
        ("benign", (), [(12.5, 12.5, 0.5), (37.5, 47.5, 0.25)]),
        ("any", ("malignant", "benign"), [(12.5, 12.5, 0.75), (37.5, 47.5, 0.25)]),
    ):
        found = marks_of(model, images, label, FrocRule(), parts)
        assert list(zip(found.x.tolist(), found.y.tolist(), found.score.tolist(), strict=True)) == peaks


def test_a_positive_breast_without_an_image_is_a_lesion_that_nobody_marked(
    make_dataset: MakeDataset, hand: Hand
) -> None:
    data = make_dataset()
    exams = (data.folder / "exams.csv").read_text() + "e6,p6,B,1,test\n"
    breasts = (data.folder / "breasts.csv").read_text() + "e6,L,1,0\n"
    data = make_dataset({"exams.csv": exams, "breasts.csv": breasts})
    scores = (hand().folder / "breasts.csv").read_text() + "e6,L,0.5,0\n"
    model = Scored("m", hand("m", {"breasts.csv": scores, "marks.csv": (hand().folder / "marks.csv").read_text()}))
    rule = FrocRule(unannotated="miss")
    chosen = choose(data, "test", [model])
    truth = annotate(chosen, "malignant", rule, answered_images(model, chosen))
    marks = marks_of(model, truth.images, "malignant", rule)
    ratings = case_ratings(marks, truth, *froc_sample(marks, truth, rule))
    # Exams in the order of their images, then e6, which has none; e4-L is of unknown truth.
    assert ratings.cluster.tolist() == ["p1", "p1", "p2", "p3", "p4", "p6"]
    assert ratings.false.tolist() == [0.8, 0.5, 0.55, -math.inf, 0.85, -math.inf]
    # f1, f2, f3 and the breasts e5-L and e6-L, where nothing is drawn.
    assert sorted(zip(ratings.lesion_case.tolist(), ratings.lesion.tolist(), strict=True)) == [
        (0, 0.3), (0, 0.9), (2, 0.6), (4, -math.inf), (5, -math.inf),
    ]  # fmt: skip


def test_dice_of_a_map_by_pencil(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, pick: Callable[..., Any]
) -> None:
    model = hand("maps", {"breasts.csv": (hand().folder / "breasts.csv").read_text()})
    toml = model.folder / "prediction.toml"
    toml.write_text('labels = ["malignant"]\nlocalizes = "saliency"\n')
    values = np.zeros((10, 8))
    values[2, 2] = 0.5  # covers 10..15 x 10..15: 25 pixels, all in f1's 36
    write_maps(model.folder, {"e1-L-CC": values, "e1-L-MLO": np.zeros((10, 8)), "e1-R-CC": values})
    report = evaluate([Predictions.open(model.folder)], make_dataset(), tmp_path / "R", settings(localization=True))
    dice = pick(report, metric="dice_soft")
    # 2 x 25 x 0.5 / (25 x 0.25 + 36) for f1, 0 for f2; f3 has no map, e1-R no finding.
    assert dice["value"] == pytest.approx((25 / 42.25 + 0) / 2)
    assert (dice["n"], dice["level"]) == (2, "image")
    # At the threshold 0.5 the Dice of f1 is 2 x 25 / (25 + 36); of f2 that of all pixels, 2 m / (2000 + m).
    circle = sum((x + 0.5 - 20) ** 2 + (y + 0.5 - 30) ** 2 <= 25 for x in range(40) for y in range(50))
    best = (50 / 61 + 2 * circle / (2000 + circle)) / 2
    assert pick(report, metric="dice_best")["value"] == pytest.approx(best)


def test_an_image_that_was_not_answered_leaves_both_axes(make_dataset: MakeDataset, hand: Hand) -> None:
    images = "image_id,malignant\n" + "".join(
        f"e{n}-{s}-{v},0.5\n" for n in range(1, 6) for s in "LR" for v in ("CC", "MLO") if (n, s, v) != (1, "L", "CC")
    )
    model = hand("images", {"images.csv": images, "marks.csv": (hand().folder / "marks.csv").read_text()})
    sample, kept = sampled(model, make_dataset(), FrocRule())
    assert (len(kept), len(sample.best)) == (15, 2)
    assert not math.isinf(max(sample.best))
