"""FROC and localization against the reference values: every number, ours beside it, and the deviation.

python -m benchmarks.reference.froc REFERENCE [--all]

REFERENCE holds the folders froc_monai, localization and tony_froc, each with an `expected.json`. Printed is one line
per quantity (`--all`: per value), then those that are not compared, with the reason
(`benchmarks.reference.conventions`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reference.table import Compared, main
from cadkit import metrics

FOLDERS = ("froc_monai", "localization", "tony_froc")
FOMS = {"AFROC": "afroc", "AFROC1": "afroc1", "wAFROC": "wafroc", "wAFROC1": "wafroc1", "HrAuc": "hr_auc"}


class Pixels:
    """A region made of whole pixels: rectangles y0, x0, y1, x1."""

    def __init__(self, rectangles: np.ndarray) -> None:
        self.mask = np.zeros((32, 32), dtype=bool)
        for y0, x0, y1, x1 in rectangles:
            self.mask[y0:y1, x0:x1] = True
        ys, xs = np.nonzero(self.mask)
        self.box = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        self.center = (xs.mean() + 0.5, ys.mean() + 0.5)

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.mask[np.floor(y).astype(int), np.floor(x).astype(int)]


def table(path: Path) -> dict[str, np.ndarray]:
    """Columns of a CSV, as text."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def compare(reference: Path, folders: Sequence[str] = FOLDERS) -> Iterator[Compared]:
    """Every value of the folders, in their order."""
    readers = {"froc_monai": monai, "localization": maps, "tony_froc": tony}
    for folder in folders:
        answer = readers[folder](reference)
        for row in json.loads((reference / folder / "expected.json").read_text(encoding="utf-8")):
            ours = answer(row["quantity"], row["given"])
            deviation = None
            if ours is not None:
                wanted, found = np.atleast_1d(row["value"]), np.atleast_1d(ours)
                deviation = np.inf if wanted.shape != found.shape else float(np.abs(wanted - found).max(initial=0.0))
            yield Compared(folder, row["quantity"], row["given"], row["value"], ours, deviation, row["tol"])
    if "tony_froc" in folders:
        yield from tony_curves(reference)


def monai(reference: Path) -> Callable[[str, dict[str, Any]], Any]:
    """FROC of the pixel masks; of the overlap tables, the thresholds at which both matchings agree."""
    folder = reference / "froc_monai"
    images, lesions, marks = (table(folder / f"{name}.csv") for name in ("images", "lesions", "marks"))
    samples = {name: _pixel_sample(name, images, lesions, marks) for name in dict.fromkeys(images["set"].tolist())}
    boxes = [table(folder / f"overlap_{name}.csv") for name in ("detections", "lesions")]

    def answer(quantity: str, given: dict[str, Any]) -> Any:
        if quantity == "lesion_scores_missed_as_0" and given["set"] != "excluded":
            best = samples[given["set"]].best
            return np.sort(np.where(np.isfinite(best), best, 0.0))
        if "set" in given:
            return _froc_answer(samples[given["set"]], quantity, given)
        if quantity == "case_auroc":
            return _case_auc(*boxes)
        if given["overlap"] != "iou" or given["min_overlap"] < 0.3 or "image" in given:
            return None
        curve = metrics.froc_curve(_box_sample(*boxes, given))
        # Theirs has no point (0, 0).
        parts = {"curve_fpi": curve.fpi, "curve_sensitivity": curve.sensitivity, "thresholds": curve.threshold}
        return parts[quantity][1:] if quantity in parts else None

    return answer


def _pixel_sample(name: str, images: Any, lesions: Any, marks: Any) -> metrics.FrocSample:
    here = lesions["set"] == name
    keys = sorted(set(zip(lesions["image"][here].astype(int), lesions["lesion"][here].astype(int), strict=True)))
    corners = np.stack([lesions[side].astype(int) for side in ("y0", "x0", "y1", "x1")], axis=1)

    def findings(ignored: bool) -> metrics.Findings:
        chosen = [key for key in keys if (name == "excluded" and key == (0, 2)) is ignored]
        regions = [
            Pixels(corners[here & (lesions["image"] == str(image)) & (lesions["lesion"] == str(lesion))])
            for image, lesion in chosen
        ]
        return metrics.Findings(np.array([image for image, _ in chosen], dtype=int), regions)

    mine = marks["set"] == name
    x, y, score = (marks[column][mine].astype(float) for column in ("x", "y", "score"))
    drawn = metrics.Marks(marks["image"][mine].astype(int), x, y, score)
    matches = metrics.match(drawn, findings(ignored=False), neutral=findings(ignored=True))
    return metrics.FrocSample.from_matches(drawn, matches, int((images["set"] == name).sum()))


def _froc_answer(sample: metrics.FrocSample, quantity: str, given: dict[str, Any]) -> Any:
    linear = given.get("interpolate") == "linear"
    answers: dict[str, Callable[[], Any]] = {
        "curve_fpi": lambda: metrics.froc_curve(sample).fpi,
        "curve_sensitivity": lambda: metrics.froc_curve(sample).sensitivity,
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


def _box_sample(detections: Any, lesions: Any, given: dict[str, Any]) -> metrics.FrocSample:
    box = np.stack([detections[side].astype(float) for side in ("x0", "y0", "x1", "y1")], axis=1)
    score = detections["score"].astype(float)
    marks = metrics.Marks(detections["image"].astype(int), box[:, 0], box[:, 1], score, box)
    corners = np.stack([lesions[side].astype(int) for side in ("y0", "x0", "y1", "x1")], axis=1)
    findings = metrics.Findings(lesions["image"].astype(int), [Pixels(one[None]) for one in corners])
    duplicates: Any = "fp" if given["surplus_on_hit_lesion"] == "false positive" else "ignore"
    matches = metrics.match(marks, findings, rule="iou", threshold=given["min_overlap"], duplicates=duplicates)
    return metrics.FrocSample.from_matches(marks, matches, 5)


def _case_auc(detections: Any, lesions: Any) -> float | None:
    """AUC of the cases by their highest box, whichever it hits; every case of the table has one."""
    cases, case = np.unique(detections["image"], return_inverse=True)
    highest = np.zeros(len(cases))
    np.maximum.at(highest, case, detections["score"].astype(float))
    return metrics.auc(np.isin(cases, lesions["image"]), highest).value


def maps(reference: Path) -> Callable[[str, dict[str, Any]], Any]:
    """Saliency against masks."""
    folder = reference / "localization"
    rows = table(folder / "maps.csv")
    cells = {}
    for name in dict.fromkeys(rows["map"].tolist()):
        here = rows["map"] == name
        grid, mask = (rows[column][here].astype(float).reshape(12, 10) for column in ("score", "mask"))
        cells[name] = metrics.cell_counts(mask == 1, (0, 0, 10, 12), (12, 10)).cells(grid)
    coarse = table(folder / "coarse_map.csv")["score"].astype(float).reshape(6, 5)
    lines = (folder / "coarse_mask.csv").read_text(encoding="utf-8").split()[1:]
    mask = np.array([[int(digit) for digit in line] for line in lines])
    cells["coarse"] = metrics.cell_counts(mask, (0, 0, 40, 48), (6, 5)).cells(coarse)
    kernels = {"pxap": metrics.pxap, "dice_best": metrics.dice_best, "dice_soft_squared": metrics.dice_soft}

    def answer(quantity: str, given: dict[str, Any]) -> Any:
        if quantity in kernels:
            return kernels[quantity](cells[given["map"]])
        if quantity == "pxap_mean":
            return metrics.image_mean("pxap", [metrics.pxap(cells[name]) for name in given["maps"]]).value
        if quantity == "pxap_pooled":
            return metrics.pxap_pooled([cells[name] for name in given["maps"]]).value
        return None

    return answer


class Tony:
    """Marks of readers who read every case in both modalities."""

    def __init__(self, reference: Path) -> None:
        self.cases, self.lesions, self.marks = (
            table(reference / "tony_froc" / f"{name}.csv") for name in ("cases", "lesions", "marks")
        )
        self.case = {name: number for number, name in enumerate(self.cases["case"].tolist())}
        keys = zip(self.lesions["case"].tolist(), self.lesions["lesion"].tolist(), strict=True)
        self.lesion = {key: number for number, key in enumerate(keys)}

    def read(self, given: dict[str, Any]) -> tuple[metrics.FrocSample, metrics.CaseRatings]:
        """A reader's FROC, with cases as images, and ratings."""
        chosen = (self.marks["modality"] == given["modality"]) & (self.marks["reader"] == given["reader"])
        rows = list(zip(*(self.marks[name][chosen].tolist() for name in ("case", "rating", "lesion")), strict=True))
        false = [(self.case[case], float(rating)) for case, rating, lesion in rows if lesion == "NL"]
        highest = np.full(len(self.case), -np.inf)
        np.maximum.at(highest, [case for case, _ in false], [rating for _, rating in false])
        best = np.full(len(self.lesion), -np.inf)
        hits = [(self.lesion[case, lesion], float(rating)) for case, rating, lesion in rows if lesion != "NL"]
        np.maximum.at(best, [lesion for lesion, _ in hits], [rating for _, rating in hits])
        of_lesion = np.array([self.case[name] for name in self.lesions["case"].tolist()])
        weight = self.lesions[given.get("weights", "weight")].astype(float)
        normal = self.cases["diseased"] == "0"
        sample = metrics.FrocSample(
            [rating for _, rating in false], [case for case, _ in false], best, len(self.case), normal=normal
        )  # fmt: skip
        return sample, metrics.CaseRatings(highest, best, of_lesion, weight)


def tony(reference: Path) -> Callable[[str, dict[str, Any]], Any]:
    """Figures of merit per reader."""
    study = Tony(reference)

    def answer(quantity: str, given: dict[str, Any]) -> Any:
        if quantity != "reader_fom":
            return None
        sample, ratings = study.read(given)
        if given["fom"] in FOMS:
            return metrics.afroc(ratings, [FOMS[given["fom"]]])[0].value
        marked = np.isfinite(ratings.highest)
        answers: dict[str, Callable[[], Any]] = {
            "HrSe": marked[ratings.diseased].mean,
            "HrSp": lambda: 1 - marked[~ratings.diseased].mean(),
            "MaxLLF": lambda: metrics.max_sensitivity(sample).value,
            "MaxNLF": lambda: metrics.froc_curve(sample.over("normal")).fpi[-1],
            "MaxNLFAllCases": lambda: metrics.froc_curve(sample).fpi[-1],
        }
        return answers[given["fom"]]()

    return answer


def tony_curves(reference: Path) -> Iterator[Compared]:
    """Operating points of every reader, printed to ten digits."""
    study, points = Tony(reference), table(reference / "tony_froc" / "curves.csv")
    metric = {"AFROC": "afroc", "wAFROC": "wafroc", "ROC": "hr_auc"}
    keys = zip(points["curve"].tolist(), points["modality"].tolist(), points["reader"].tolist(), strict=True)
    for kind, modality, reader in dict.fromkeys(keys):
        given = {"modality": modality, "reader": reader}
        here = (points["curve"] == kind) & (points["modality"] == modality) & (points["reader"] == reader)
        wanted = np.stack([points[axis][here].astype(float) for axis in ("x", "y")])
        sample, ratings = study.read(given)
        curve = metrics.froc_curve(sample) if kind == "FROC" else metrics.afroc_curve(ratings, metric[kind])
        ours = np.stack(curve[:2])
        deviation = np.inf if ours.shape != wanted.shape else float(np.abs(ours - wanted).max())
        yield Compared("tony_froc", f"curve {kind}", given, wanted.tolist(), ours.tolist(), deviation, 5.1e-11)


if __name__ == "__main__":
    main(compare)
