"""Every reference value whose quantity these modules define, to its printed precision."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cadkit import metrics

VALUES = Path(__file__).parent / "values"

Row = dict[str, Any]


def table(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def expected(folder: Path) -> list[Row]:
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


def compare(folder: Path, answer: Callable[[Row], Any]) -> Counter[str]:
    """Compare every row that `answer` answers (None: not ours); return how many of each quantity were."""
    seen: Counter[str] = Counter()
    wrong = []
    for row in expected(folder):
        found = answer(row)
        if found is None:
            continue
        seen[row["quantity"]] += 1
        wanted = np.atleast_1d(row["value"])
        found = np.atleast_1d(found)
        if found.shape != wanted.shape or np.abs(found - wanted).max(initial=0.0) > row["tol"]:
            wrong.append((row["quantity"], row["given"], row["value"], found.tolist(), row["source"]))
    assert not wrong
    return seen


def test_precision_recall_and_proportions() -> None:
    folder = VALUES / "pr_and_calibration"
    rows = table(folder / "scores.csv")

    def answer(row: Row) -> Any:
        quantity, given = row["quantity"], row["given"]
        names = {"auc": "auc", "average_precision": "prauc", "prauc_trapezoid": "prauc_trapezoid"}
        if quantity in names:
            chosen = rows["table"] == given["table"]
            truth, score = rows["truth"][chosen].astype(int), rows["score"][chosen].astype(float)
            return metrics.classification(truth, score, [names[quantity]])[0].value
        if quantity.startswith("proportion_ci") and given["method"] == "wilson":
            ends = metrics.wilson(given["x"], given["n"], given["level"])
            return ends.low if quantity.endswith("low") else ends.high
        return None

    seen = compare(folder, answer)
    assert seen == {
        "auc": 8,
        "average_precision": 8,
        "prauc_trapezoid": 8,
        "proportion_ci_low": 20,
        "proportion_ci_high": 20,
    }


@pytest.fixture(scope="module")
def clustered() -> dict[str, dict[str, np.ndarray]]:
    mra = table(VALUES / "clustered" / "mra.csv")
    breasts = table(VALUES / "clustered" / "breasts.csv")
    breasts["cluster"] = breasts["patient_id"]
    return {"mra": mra, "breasts": breasts}


def clustered_answer(row: Row, data: dict[str, np.ndarray]) -> Any:
    quantity, given = row["quantity"], row["given"]
    truth, cluster = data["truth"].astype(int), data["cluster"]
    names = [given[key] for key in ("score", "score_1", "score_2") if key in given]
    score = [data[name].astype(float) for name in names] or [np.zeros(len(truth))]
    found = metrics.auc_covariance(truth, *score, cluster=cluster)
    plain = metrics.auc_covariance(truth, *score)
    assert found.covariance is not None
    assert plain.covariance is not None
    assert found.s10 is not None
    assert found.s01 is not None
    assert found.s11 is not None
    single = metrics.auc(truth, score[0], cluster=cluster)
    gap = metrics.delong_difference(truth, *score, cluster=cluster) if len(score) == 2 else None
    answers: dict[str, Callable[[], Any]] = {
        "clusters": lambda: found.clusters,
        "clusters_with_positive": lambda: found.clusters_with_positive,
        "clusters_with_negative": lambda: found.clusters_with_negative,
        "positives": lambda: found.positives,
        "negatives": lambda: found.negatives,
        "auc": lambda: single.value,
        "auc_se_clustered": lambda: np.sqrt(found.covariance[0, 0]),
        "auc_var_clustered": lambda: found.covariance[0, 0],
        "auc_ci_low_clustered_unclamped": lambda: single.low,
        "auc_ci_high_clustered_unclamped": lambda: single.high,
        "auc_var_delong_ignoring_clusters": lambda: plain.covariance[0, 0],
        "S10": lambda: found.s10[0, -1],
        "S01": lambda: found.s01[0, -1],
        "S11": lambda: found.s11[0, -1],
        "auc_cov_clustered": lambda: found.covariance[0, 1],
        "difference": lambda: gap.difference,
        "difference_se_clustered": lambda: gap.difference / gap.statistic,
        "difference_z_clustered": lambda: gap.statistic,
        "difference_p_clustered": lambda: gap.p,
        "difference_se_delong_ignoring_clusters": lambda: np.sqrt(
            plain.covariance[0, 0] + plain.covariance[1, 1] - 2 * plain.covariance[0, 1]
        ),
    }
    return answers[quantity]() if quantity in answers else None


def test_clustered_auc(clustered: dict[str, dict[str, np.ndarray]]) -> None:
    seen = compare(VALUES / "clustered", lambda row: clustered_answer(row, clustered[row["given"]["data"]]))
    # The simpler variance, single_sum, is not Obuchowski's and not ours.
    assert sum(seen.values()) == len(expected(VALUES / "clustered")) - 5


def asah_answer(row: Row, data: dict[str, np.ndarray]) -> Any:
    quantity, given = row["quantity"], row["given"]
    truth = data["truth"].astype(int)

    def score(key: str) -> np.ndarray:
        return data[given[key]].astype(float)

    if quantity in ("sensitivity_at_specificity", "specificity_at_sensitivity"):
        return getattr(metrics, quantity)(
            truth, score("score"), given["at"], interpolate=given["interpolate"] == "linear"
        ).value
    if quantity == "auc":
        return metrics.auc(truth, score("score")).value
    if quantity == "auc_var_delong":
        return metrics.auc_covariance(truth, score("score")).covariance[0, 0]
    if quantity.startswith("auc_ci"):
        result = metrics.auc(truth, score("score"), ci=given["level"])
        return result.low if "low" in quantity else result.high
    if quantity == "auc_cov_delong":
        return metrics.auc_covariance(truth, score("score_1"), score("score_2")).covariance[0, 1]
    if quantity.startswith("difference"):
        gap = metrics.delong_difference(
            truth, score("score_1"), score("score_2"), alternative=given.get("alternative", "two-sided")
        )
        return {
            "difference": gap.difference,
            "difference_z_delong": gap.statistic,
            "difference_p_delong": gap.p,
            "difference_ci_low_delong": gap.low,
            "difference_ci_high_delong": gap.high,
        }[quantity]
    return None


def test_asah(shared: Path) -> None:
    folder = shared / "reference" / "asah"
    data = table(folder / "asah.csv")
    seen = compare(folder, lambda row: asah_answer(row, data))
    assert seen["sensitivity_at_specificity"] == seen["specificity_at_sensitivity"] == 24
    assert seen["difference_p_delong"] == 12
    assert sum(seen.values()) == 4 + 4 + 16 + 48 + 4 * 5 + 12


def test_asah_operating_points(shared: Path) -> None:
    folder = shared / "reference" / "asah"
    data, points = table(folder / "asah.csv"), table(folder / "roc_points_wfns.csv")
    curve = metrics.roc_curve(data["truth"].astype(int), data["wfns"].astype(float))
    # Theirs run from many positives to few, with thresholds half way between scores.
    np.testing.assert_allclose(1 - curve.fpr[::-1], points["specificity"].astype(float), atol=1e-9)
    np.testing.assert_allclose(curve.tpr[::-1], points["sensitivity"].astype(float), atol=1e-9)


class Rectangles:
    """A mask made of rectangles (y0, x0, y1, x1) of whole pixels."""

    def __init__(self, rows: np.ndarray) -> None:
        self.mask = np.zeros((32, 32), dtype=bool)
        for y0, x0, y1, x1 in rows:
            self.mask[y0:y1, x0:x1] = True
        ys, xs = np.nonzero(self.mask)
        self.box = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        self.center = (xs.mean() + 0.5, ys.mean() + 0.5)

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.mask[np.floor(y).astype(int), np.floor(x).astype(int)]


def monai_sets() -> Iterator[tuple[str, metrics.FrocSample]]:
    folder = VALUES / "froc_monai"
    images, lesions, marks = (table(folder / f"{name}.csv") for name in ("images", "lesions", "marks"))
    for name in dict.fromkeys(images["set"].tolist()):
        count = int((images["set"] == name).sum())
        here = lesions["set"] == name
        keys = sorted(set(zip(lesions["image"][here].astype(int), lesions["lesion"][here].astype(int), strict=True)))
        boxes = np.stack([lesions[side].astype(int) for side in ("y0", "x0", "y1", "x1")], axis=1)
        regions = []
        for image, lesion in keys:
            rows = here & (lesions["image"] == str(image)) & (lesions["lesion"] == str(lesion))
            regions.append(Rectangles(boxes[rows]))
        ignored = [name == "excluded" and key == (0, 2) for key in keys]
        both = [
            metrics.Findings(
                np.array([key[0] for key, out in zip(keys, ignored, strict=True) if out is neutral], dtype=int),
                [region for region, out in zip(regions, ignored, strict=True) if out is neutral],
            )
            for neutral in (False, True)
        ]
        mine = marks["set"] == name
        x, y, score = (marks[column][mine].astype(float) for column in ("x", "y", "score"))
        drawn = metrics.Marks(marks["image"][mine].astype(int), x, y, score)
        yield name, metrics.FrocSample.from_matches(drawn, metrics.match(drawn, both[0], neutral=both[1]), count)


def froc_answer(row: Row, samples: dict[str, metrics.FrocSample]) -> Any:
    quantity, given = row["quantity"], row["given"]
    if "set" not in given:
        return None  # picai_eval matches one to one
    sample = samples[given["set"]]
    if quantity in ("curve_fpi", "curve_sensitivity"):
        curve = metrics.froc_curve(sample)
        return curve.fpi if quantity == "curve_fpi" else curve.sensitivity
    linear = given.get("interpolate") == "linear"
    answers: dict[str, Callable[[], Any]] = {
        "images": lambda: sample.n_images,
        "lesions": lambda: len(sample.best),
        "false_positive_scores": lambda: np.sort(sample.false_score),
        "max_sensitivity": lambda: metrics.max_sensitivity(sample).value,
        "max_fpi": lambda: metrics.froc_curve(sample).fpi[-1],
        "sensitivity_at_fpi": lambda: metrics.froc_sensitivity(sample, given["fpi"], interpolate=linear).value,
        "cpm": lambda: metrics.cpm(sample, given["fpi"], interpolate=linear).value,
        "fpi_at_sensitivity": lambda: metrics.fpi_at_sensitivity(sample, given["sensitivity"]).value,
    }
    return answers[quantity]() if quantity in answers else None


def test_froc() -> None:
    samples = dict(monai_sets())
    seen = compare(VALUES / "froc_monai", lambda row: froc_answer(row, samples))
    assert seen["curve_fpi"] == seen["curve_sensitivity"] == 7
    assert seen["sensitivity_at_fpi"] == 98
    assert seen["fpi_at_sensitivity"] == 12
    assert metrics.fpi_at_sensitivity(samples["none_hit"], 0.5).value is None


@pytest.fixture(scope="module")
def maps() -> dict[str, metrics.Cells]:
    folder = VALUES / "localization"
    rows = table(folder / "maps.csv")
    cells = {}
    for name in dict.fromkeys(rows["map"].tolist()):
        here = rows["map"] == name
        grid = rows["score"][here].astype(float).reshape(12, 10)
        mask = rows["mask"][here].astype(int).reshape(12, 10) == 1
        cells[name] = metrics.cell_counts(mask, (0, 0, 10, 12), (12, 10)).cells(grid)
    coarse = table(folder / "coarse_map.csv")["score"].astype(float).reshape(6, 5)
    lines = (folder / "coarse_mask.csv").read_text(encoding="utf-8").split()[1:]
    mask = np.array([[int(digit) for digit in line] for line in lines]) == 1
    cells["coarse"] = metrics.cell_counts(mask, (0, 0, 40, 48), (6, 5)).cells(coarse)
    return cells


def test_localization(maps: dict[str, metrics.Cells]) -> None:
    kernels = {"pxap": metrics.pxap, "dice_best": metrics.dice_best, "dice_soft_squared": metrics.dice_soft}

    def answer(row: Row) -> Any:
        quantity, given = row["quantity"], row["given"]
        if quantity in kernels:
            return kernels[quantity](maps[given["map"]])
        if quantity == "pxap_mean":
            return metrics.image_mean("pxap", [metrics.pxap(maps[name]) for name in given["maps"]]).value
        if quantity == "pxap_pooled":
            return metrics.pxap_pooled([maps[name] for name in given["maps"]]).value
        return None

    seen = compare(VALUES / "localization", answer)
    assert seen == {"pxap": 10, "dice_best": 10, "dice_soft_squared": 11, "pxap_mean": 1, "pxap_pooled": 2}
    assert metrics.pxap(maps["empty_mask"]) is None
    assert metrics.dice_best(maps["empty_mask"]) is None


def test_values_are_the_published_ones(shared: Path) -> None:
    for folder in VALUES.iterdir():
        if folder.is_dir():
            published = shared / "reference" / folder.name / "expected.json"
            assert (folder / "expected.json").read_bytes() == published.read_bytes()
