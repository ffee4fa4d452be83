"""Coverage of findings by regions of interest, and the differences of models in the places they show, by pencil."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from cadkit import Predictions, metrics
from cadkit.data import Dataset
from cadkit.evaluation import Settings
from cadkit.evaluation import evaluate_predictions as evaluate
from cadkit.evaluation.groups import Group
from cadkit.prediction import FileSaliency
from cadkit.prediction.folder import saliency_path, write_saliency
from cadkit.report.terminal import terminal_table

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
Pick = Callable[..., Any]

HEAD = "image_id,x,y,x0,y0,x1,y1,attention\n"
# f1 is 6 x 6 from (10, 10), in the first image; two regions cover its first five columns, 30 of 36 pixels, together
# and neither by itself. f2 in e1-L-MLO: no region. f3 is 8 x 8 from (4, 20): 5 of its 8 rows.
FIRST = HEAD + "e1-L-CC,12,13,10,10,13,16,0.5\ne1-L-CC,13,13,12,10,15,16,0.5\ne3-R-CC,8,22,4,20,12,25,1\n"
# Half of f1, and 7 of the 8 rows of f3; f4 (benign, 10 x 10 from (10, 10)) whole.
SECOND = HEAD + "e1-L-CC,12,13,10,10,13,16,1\ne3-R-CC,8,23,4,20,12,27,1\ne2-L-CC,15,15,0,0,30,30,1\n"
FINDINGS = """finding_id,image_id,lesion_id,label,kind,shape,coordinates
f1,e1-L-CC,A,malignant,mass,box,10 10 16 16
f5,e1-L-CC,D,malignant,mass,box,30 30 34 34
f2,e1-L-MLO,A,malignant,mass,circle,20 30 5
f3,e3-R-CC,B,malignant,mass,box,4 20 12 28
f4,e2-L-CC,C,benign,mass,box,10 10 20 20
"""


def settings(**changes: Any) -> Settings:
    usual = {"split": "test", "bootstrap": 400, "cases": 0, "labels": ("malignant",), "localization": True}
    return Settings(**{**usual, **changes})


@pytest.fixture
def showing(hand: Hand) -> Callable[..., Predictions]:
    """`showing(name, rois=None, maps={}, **files)`: predictions with regions of interest and maps."""

    def make(name: str, rois: str | None = None, maps: dict[str, Any] | None = None, **files: str) -> Predictions:
        given = {"breasts.csv": (hand().folder / "breasts.csv").read_text(), **files}
        made = hand(name, {**given, **({} if rois is None else {"rois.csv": rois})})
        for image, value in (maps or {}).items():
            values = np.full((2, 5, 4), value, dtype=np.float32)
            values[:, 0, 0] = 1.0  # 100 pixels without a lesion
            write_saliency(saliency_path(made.folder, image), FileSaliency(values, (0.0, 0.0, 40.0, 50.0)))
        return Predictions.open(made.folder)

    return make


def test_the_coverage_of_findings_and_of_images_is_printed_with_its_interval(
    make_dataset: MakeDataset, showing: Any, tmp_path: Path, pick: Pick
) -> None:
    data = make_dataset({"findings.csv": FINDINGS}, pixels=False)
    report = evaluate([showing("net", FIRST)], data, tmp_path / "R", settings())
    findings, images = pick(report, metric="roi_coverage"), pick(report, metric="roi_coverage_images")
    assert (findings["value"], findings["n"], findings["positives"], findings["clusters"]) == (1 / 4, 3, 4, 2)
    assert (images["value"], images["n"], images["positives"]) == (1 / 3, 3, 3)
    assert {row["level"] for row in (findings, images)} == {"image"}
    # p1 has three findings, one of them covered, p2 one that is not: shares k / (3 k + m) of drawn counts k and m.
    assert (findings["low"], findings["high"]) == (0, pytest.approx(1 / 3))
    assert findings["ci_method"] == "bootstrap-percentile"
    assert not [row for row in report["results"] if row["metric"] in ("dice_soft", "pxap")]
    assert "net gives no saliency maps" in next(w["text"] for w in report["warnings"] if w["id"] == "no-maps-net")
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(terminal_table(report))
    assert "ROI coverage of findings" in console.export_text()


def test_findings_of_every_label_together_are_those_of_a_union(
    make_dataset: MakeDataset, showing: Any, tmp_path: Path, pick: Pick
) -> None:
    data = make_dataset({"findings.csv": FINDINGS}, pixels=False)
    chosen = settings(labels=("malignant", "any=malignant|benign"))
    report = evaluate([showing("net", SECOND)], data, tmp_path / "R", chosen)
    shares = {row["label"]: row["value"] for row in report["results"] if row["metric"] == "roi_coverage"}
    assert shares == {"malignant": 1 / 4, "any": 2 / 5}
    assert pick(report, label="any", metric="roi_coverage_images")["value"] == 2 / 4


def test_a_model_without_regions_has_no_row_and_no_warning_of_them(
    make_dataset: MakeDataset, showing: Any, tmp_path: Path
) -> None:
    model = showing("maps", None, {"e1-L-CC": 0.5, "e1-L-MLO": 0.5, "e3-R-CC": 0.5})
    report = evaluate([model], make_dataset(pixels=False), tmp_path / "R", settings())
    assert {row["metric"] for row in report["results"] if row["level"] == "image"} == {
        "dice_soft", "dice_best", "pxap", "pxap_pooled",
    }  # fmt: skip
    assert not [w for w in report["warnings"] if "region" in w["text"] or "Localization" in w["text"]]


def test_images_that_a_model_did_not_answer_are_not_held_against_it_and_are_counted(
    make_dataset: MakeDataset, showing: Any, tmp_path: Path, pick: Pick
) -> None:
    images = "image_id,malignant\n" + "".join(
        f"e{n}-{s}-{v},0.5\n" for n in range(1, 6) for s in "LR" for v in ("CC", "MLO") if (n, s, v) != (1, "L", "MLO")
    )
    model = showing("net", FIRST, **{"images.csv": images})
    report = evaluate([model], make_dataset(pixels=False), tmp_path / "R", settings())
    assert pick(report, metric="roi_coverage")["value"] == 1 / 2
    lost = next(w["text"] for w in report["warnings"] if w["id"] == "localization-regions-malignant")
    assert "1 image with a finding left out: not every model answered them" in lost


def test_regions_without_a_box_cover_nothing_that_could_be_counted(
    make_dataset: MakeDataset, showing: Any, tmp_path: Path
) -> None:
    model = showing("net", FIRST + "e1-L-MLO,20,30,,,,,0.1\n")
    report = evaluate([model], make_dataset(pixels=False), tmp_path / "R", settings())
    assert not [row for row in report["results"] if row["metric"].startswith("roi_coverage")]
    told = next(w["text"] for w in report["warnings"] if w["id"] == "regions-net")
    assert told == "net: 1 of 4 regions of interest have no box: no coverage."


def test_two_models_are_tested_against_each_other_over_the_same_images(
    make_dataset: MakeDataset, showing: Any, tmp_path: Path, pick: Pick
) -> None:
    first = showing("first", FIRST, {"e1-L-CC": 0.5, "e1-L-MLO": 0.25, "e3-R-CC": 0.5, "e2-L-CC": 0.5})
    second = showing("second", SECOND, {"e1-L-CC": 0.9, "e3-R-CC": 0.0})
    plain = showing("plain")
    data = make_dataset({"findings.csv": FINDINGS}, pixels=False)
    report = evaluate([first, plain, second], data, tmp_path / "R", settings())
    rows = {row["metric"]: row for row in report["comparisons"] if row["level"] == "image"}
    assert set(rows) == {"dice_soft", "pxap", "pxap_pooled", "roi_coverage", "roi_coverage_images"}
    assert {(row["a"], row["b"], row["method"]) for row in rows.values()} == {("first", "second", "bootstrap")}

    def dice(value: float, lesion: int) -> float:
        return 2 * value * lesion / (100 + value**2 * 1900 + lesion)

    # e1-L-CC holds f1 and f5, 52 pixels, e3-R-CC f3 with 64; of e1-L-MLO the second has no map.
    gaps = dice(0.5, 52) - dice(0.9, 52), dice(0.5, 64) - 0
    found = rows["dice_soft"]
    assert found["difference"] == pytest.approx(sum(gaps) / 2)
    assert pick(report, model="first", metric="dice_soft")["n"] == 2
    lost = next(w["text"] for w in report["warnings"] if w["id"] == "localization-maps-malignant")
    assert "1 image with a finding left out: not every model has a map of them" in lost
    # One image of each of two patients: in 2.5% of the replicates only the one or the other was drawn.
    assert (found["low"], found["high"]) == (pytest.approx(min(gaps)), pytest.approx(max(gaps)))
    # No replicate shows the second ahead: the least p of as many replicates as drew either of the two.
    dropped = pick(report, model="first", metric="dice_soft")["dropped"]
    assert found["p"] == found["p_adjusted"] == pytest.approx(2 / (400 - dropped + 1))
    assert rows["roi_coverage"]["difference"] == pytest.approx(1 / 4 - 1 / 4)
    assert rows["roi_coverage_images"]["difference"] == pytest.approx(0)
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(terminal_table(report))
    text = console.export_text()
    assert text.count("DSC") >= 2
    assert text.count("PxAP") >= 2


def test_of_three_models_holm_adjusts_the_pairs_of_one_metric(
    make_dataset: MakeDataset, showing: Any, tmp_path: Path
) -> None:
    images = ("e1-L-CC", "e1-L-MLO", "e3-R-CC")
    models = [showing(f"m{n}", None, dict.fromkeys(images, value)) for n, value in enumerate((0.5, 0.3, 0.29))]
    report = evaluate(models, make_dataset(pixels=False), tmp_path / "R", settings())
    rows = [row for row in report["comparisons"] if row["metric"] == "dice_soft"]
    assert [(row["a"], row["b"]) for row in rows] == [("m0", "m1"), ("m0", "m2"), ("m1", "m2")]
    assert [row["p_adjusted"] for row in rows] == pytest.approx(metrics.holm([row["p"] for row in rows]))
    assert rows[0]["p_adjusted"] > rows[0]["p"]
    named = evaluate(models, make_dataset(pixels=False), tmp_path / "S", settings(primary="m0:m1:dice_soft"))
    (primary,) = [row for row in named["comparisons"] if "primary" in row["flags"]]
    assert (primary["metric"], primary["p_adjusted"]) == ("dice_soft", None)


def test_runs_of_a_group_have_their_mean_coverage_and_no_test(
    make_dataset: MakeDataset, showing: Any, tmp_path: Path, pick: Pick
) -> None:
    images = ("e1-L-CC", "e1-L-MLO", "e3-R-CC")
    toml = {"prediction.toml": 'localizes = "saliency"\nlabels = ["malignant", "benign"]\n'}
    maps = dict.fromkeys(images, 0.5)
    runs = showing("one", FIRST, maps, **toml), showing("two", HEAD + "e1-L-CC,1,1,0,0,40,50,1\n", maps, **toml)
    report = evaluate([Group("net", runs)], make_dataset(pixels=False), tmp_path / "R", settings())
    # Of f1, f2 and f3 either covers f1 alone.
    mean = pick(report, model="net (mean of 2 runs)", metric="roi_coverage")
    assert (mean["value"], mean["sd"]) == (pytest.approx(1 / 3), 0)
    assert not [row for row in report["comparisons"] if row["level"] == "image"]
