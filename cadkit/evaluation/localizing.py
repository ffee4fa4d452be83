"""FROC: marks and maps of a model against the findings of a dataset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cadkit import metrics
from cadkit.data import Finding, Image, Point
from cadkit.errors import InputError
from cadkit.evaluation.cohort import Chosen, Scored
from cadkit.prediction import FileSaliency

FrocUnit = Literal["finding", "lesion", "breast", "exam"]
Unannotated = Literal["exclude", "miss", "negative"]
CHANCE = "random marks"


@dataclass(frozen=True, kw_only=True)
class FrocRule:
    """How marks are matched and counted (docs/statistics.md, FROC). Each field is printed in the report.

    Attributes:
        hit: `center` the mark's point lies in the finding; `iou`; `distance`.
        threshold: of `iou` (0 to 1) or `distance` (mm, pixels without a spacing).
        duplicates: further marks on a detected finding: `ignore` or `fp`.
        other_findings: marks on findings of another label: `false` positives, or `neutral`.
        fp_images: false positives are counted over `all` images, or over those `normal` for the label; `both` reports
            the one beside the other, the first drawn.
        unit: what sensitivity counts.
        unannotated: positive breasts without a finding drawn; None takes `exclude` for findings and
            lesions and `miss` for breasts and exams.
        floor: peaks of a map count above it.
        nms_mm: peaks closer than this (mm; pixels without a spacing) to a higher one are dropped.
    """

    hit: Literal["center", "iou", "distance"] = "center"
    threshold: float | None = None
    duplicates: Literal["ignore", "fp"] = "ignore"
    other_findings: Literal["false", "neutral"] = "false"
    fp_images: Literal["all", "normal", "both"] = "all"
    unit: FrocUnit = "finding"
    unannotated: Unannotated | None = None
    floor: float = 0.0
    nms_mm: float = 0.0

    def check(self) -> None:
        """Refuse a threshold that nothing is held against.

        Raises:
            InputError: `center` has a threshold.
        """
        if self.hit == "center" and self.threshold is not None:
            raise InputError(
                "is of --hit iou or distance", row="--hit-threshold", value=self.threshold,
                mend="Name one of them, or leave the threshold out: the centre lies in a finding or does not.",
            )  # fmt: skip

    @property
    def missing(self) -> Unannotated:
        """What happens to positive breasts without a finding drawn."""
        return self.unannotated or ("exclude" if self.unit in ("finding", "lesion") else "miss")

    @property
    def denominators(self) -> tuple[metrics.FpImages, ...]:
        """Which images false positives are counted over, the main ones first."""
        return ("all", "normal") if self.fp_images == "both" else (self.fp_images,)


@dataclass(frozen=True)
class Annotated:
    """The images over which an FROC is computed, and the findings of the label in them.

    Attributes:
        images: in order; a mark's image index points here.
        findings: of the label.
        others: of other labels.
        units: index of each finding's unit.
        n_units: number of units; the last ones may be positives that were never drawn.
        image_cluster: what is resampled of each image: its patient by default.
        unit_cluster: likewise of each unit.
        unit_exam: exam of each unit.
        normal: images without a finding of the label.
        excluded: number of images that left both axes, by reason.
    """

    images: list[Image]
    findings: list[Finding]
    others: list[Finding]
    units: NDArray[np.int64]
    n_units: int
    image_cluster: list[str]
    unit_cluster: list[str]
    unit_exam: list[str]
    normal: NDArray[np.bool_]
    excluded: dict[str, int]


def annotate(chosen: Chosen, label: str, rule: FrocRule, answered: set[str]) -> Annotated:
    """Which images and findings count for a label, by the rule for positives that were not drawn."""
    images: list[Image] = []
    findings: list[Finding] = []
    others: list[Finding] = []
    owners: list[str] = []
    units: dict[str, tuple[str, str]] = {}
    normal: list[bool] = []
    parts = chosen.parts(label)
    excluded: dict[str, int] = {}
    for breast in chosen.breasts:
        truth = chosen.truth(breast, label)
        drawn = {i.id: chosen.data.findings_of(i.id) for i in breast.images}
        mine = sum(f.label in parts for found in drawn.values() for f in found)
        reason = ""
        if math.isnan(truth):
            reason = f"whether the breast is {label} is not known"
        elif truth == 1 and not mine and rule.missing == "exclude":
            reason = f"the breast is {label}, but no finding is drawn"
        if reason:
            excluded[reason] = excluded.get(reason, 0) + len(breast.images)
            continue
        owner = chosen.cluster_of(breast), breast.exam.id
        if truth == 1 and not mine and rule.missing == "miss":
            units[_unit_name(rule.unit, breast.exam.id, breast.side, "not drawn")] = owner
        for image in breast.images:
            if image.id not in answered:
                excluded["the model did not answer"] = excluded.get("the model did not answer", 0) + 1
                continue
            images.append(image)
            here = [f for f in drawn[image.id] if f.label in parts]
            normal.append(not here)
            others += [f for f in drawn[image.id] if f.label not in parts]
            for finding in here:
                detail = finding.id if rule.unit == "finding" else finding.lesion_id
                findings.append(finding)
                owners.append(_unit_name(rule.unit, breast.exam.id, breast.side, detail))
                units.setdefault(owners[-1], owner)
    index = {name: n for n, name in enumerate(units)}
    return Annotated(
        images,
        findings,
        others,
        np.array([index[name] for name in owners], dtype=np.int64),
        len(units),
        [chosen.cluster_of(image) for image in images],
        [cluster for cluster, _ in units.values()],
        [exam for _, exam in units.values()],
        np.array(normal, dtype=bool),
        excluded,
    )


def _unit_name(unit: FrocUnit, exam: str, side: str, detail: str) -> str:
    return {"exam": exam, "breast": f"{exam}/{side}"}.get(unit, f"{exam}/{side}/{detail}")


def marks_of(
    model: Scored, images: Sequence[Image], label: str, rule: FrocRule, parts: Sequence[str] = ()
) -> metrics.Marks:
    """A model's marks for a label, or the peaks of its maps, in the files' frames.

    Of a union of labels, `parts`, all their marks, or the peaks of the largest of their maps.

    Raises:
        InputError: the model has neither.
    """
    predictions = model.predictions
    if predictions.localizes == "marks":
        order = {image.id: n for n, image in enumerate(images)}
        table = predictions.marks().filter(
            pl.col("label").is_in(list(parts or (label,))) & pl.col("image_id").is_in(list(order))
        )
        box = table.select("x0", "y0", "x1", "y1").to_numpy()
        without = table.filter(pl.col("x0").is_null())
        if rule.hit == "iou" and without.height:
            raise InputError(
                f"{without.height} of {table.height} marks of {model.name} have no box, which `--hit iou` needs",
                file=predictions.folder,
                value=without["image_id"][0],
                mend="Use `--hit center` or `--hit distance`, or give every mark a box.",
            )
        return metrics.Marks(
            np.array([order[i] for i in table["image_id"]], dtype=np.int64),
            table["x"].to_numpy(),
            table["y"].to_numpy(),
            table["score"].to_numpy(),
            None if without.height or not len(box) else box,
        )
    if not localizes(model):
        raise InputError(
            f"{model.name} gives neither marks nor saliency maps, so there is no FROC",
            file=predictions.folder,
            mend="Leave out --froc; or predict with --saliency, or write marks.csv.",
        )
    columns: list[tuple[int, float, float, float]] = []
    channels = [predictions.labels.index(part) for part in parts or (label,)]
    for number, image in enumerate(images):
        saliency = predictions.saliency(image.id)
        if saliency is not None:
            columns += [(number, x, y, v) for x, y, v in _peaks(saliency, channels, rule, image)]
    array = np.array(columns, dtype=np.float64).reshape(-1, 4)
    return metrics.Marks(array[:, 0].astype(np.int64), array[:, 1], array[:, 2], array[:, 3])


def localizes(model: Scored) -> bool:
    """Whether a model gives what an FROC is made of."""
    made_of = model.predictions.localizes
    return made_of == "marks" or (made_of == "saliency" and model.predictions.has_saliency)


def cell_edges(saliency: FileSaliency) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y edges of a map's cells in the file's frame."""
    y, x = saliency.cells
    return x, y


def _peaks(
    saliency: FileSaliency, channels: Sequence[int], rule: FrocRule, image: Image
) -> list[tuple[float, float, float]]:
    """Peaks of a map in the image's file; beside the picture, in the padding of a network's crop, is no mark."""
    spacing = image.spacing_mm
    known = image.prepared or None not in (image.columns.get("rows"), image.columns.get("columns"))
    rows, columns = file_shape(image) if known else (math.inf, math.inf)
    found = metrics.peaks(
        saliency.values[channels].max(axis=0),
        floor=rule.floor,
        edges=cell_edges(saliency),
        radius=rule.nms_mm,
        spacing=(spacing or 1.0, spacing or 1.0),
    )
    places = zip(found.x.tolist(), found.y.tolist(), found.value.tolist(), strict=True)
    return [(x, y, value) for x, y, value in places if 0 <= x <= columns and 0 <= y <= rows]


def random_marks(marks: metrics.Marks, images: Sequence[Image], seed: int) -> metrics.Marks:
    """As many marks in every image, with the same scores, at random places of the breast.

    What a model gains over them is localization; lesions that fill much of a breast are hit by
    chance too.
    """
    rng = np.random.default_rng(seed)
    x, y = np.empty(len(marks)), np.empty(len(marks))
    for number, image in enumerate(images):
        here = np.flatnonzero(marks.image == number)
        if not len(here):
            continue
        rows, columns = np.nonzero(image.raw())
        if not len(rows):  # a picture without a breast
            rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].reshape(2, -1)
        drawn = rng.integers(len(rows), size=len(here))
        u, v = rng.random((2, len(here)))
        x[here], y[here] = image.to_file(columns[drawn] + u, rows[drawn] + v)
    return metrics.Marks(marks.image, x, y, marks.score)


def froc_sample(marks: metrics.Marks, truth: Annotated, rule: FrocRule) -> tuple[metrics.FrocSample, metrics.Matches]:
    """False positives and detections of marks against the findings of a cohort.

    Raises:
        InputError: the hit rule does not fit the marks (iou without boxes, distance without a number).
    """
    order = {image.id: n for n, image in enumerate(truth.images)}

    def table(findings: Sequence[Finding]) -> metrics.Findings:
        spacing = [truth.images[order[f.image_id]].spacing_mm or math.nan for f in findings]
        return metrics.Findings(
            np.array([order[f.image_id] for f in findings], dtype=np.int64),
            [f.region for f in findings],
            np.column_stack([spacing, spacing]) if findings else None,
        )

    if rule.hit != "distance" and any(isinstance(f.region, Point) for f in truth.findings):
        raise InputError(
            f"some findings are points, which `--hit {rule.hit}` can never hit",
            file="findings.csv",
            mend="Use `--hit distance --hit-threshold MM`.",
        )
    try:
        matches = metrics.match(
            marks,
            table(truth.findings),
            rule=rule.hit,
            threshold=rule.threshold if rule.hit == "iou" and rule.threshold is not None else 0.1,
            distance=rule.threshold if rule.hit == "distance" else None,
            duplicates=rule.duplicates,
            neutral=table(truth.others) if rule.other_findings == "neutral" and truth.others else None,
        )
    except ValueError as error:
        raise InputError(str(error), row="--hit") from None
    sample = metrics.FrocSample.from_matches(
        marks,
        matches,
        len(truth.images),
        best=metrics.pool_units(matches.best, truth.units, truth.n_units) if truth.n_units else np.zeros(0),
        image_cluster=np.array(truth.image_cluster, dtype=str),
        unit_cluster=np.array(truth.unit_cluster, dtype=str),
        counted=truth.normal if rule.fp_images == "normal" else None,
        normal=truth.normal,
    )
    return sample, matches


def case_ratings(
    marks: metrics.Marks, truth: Annotated, sample: metrics.FrocSample, matches: metrics.Matches
) -> metrics.CaseRatings:
    """Ratings for the figures of merit of free-response studies: the cases are exams, the lesions units of the FROC."""
    exams = list(dict.fromkeys([*(image.exam.id for image in truth.images), *truth.unit_exam]))
    cluster = {image.exam.id: own for image, own in zip(truth.images, truth.image_cluster, strict=True)}
    cluster |= dict(zip(truth.unit_exam, truth.unit_cluster, strict=True))
    index = {exam: n for n, exam in enumerate(exams)}
    of_image = np.array([index[image.exam.id] for image in truth.images], dtype=np.int64)
    false = np.full(len(exams), -np.inf)
    alarms = matches.false_positive
    np.maximum.at(false, of_image[marks.image[alarms]], marks.score[alarms])
    cases = np.array([index[exam] for exam in truth.unit_exam], dtype=np.int64)
    return metrics.CaseRatings(
        false, sample.best, cases, cluster=np.array([cluster[exam] for exam in exams], dtype=str)
    )


def file_shape(image: Image) -> tuple[int, int]:
    """Rows and columns of the image's file: as the table says, else the extent of the prepared picture."""
    rows, columns = image.columns.get("rows"), image.columns.get("columns")
    if rows is not None and columns is not None:
        return int(rows), int(columns)
    if not image.prepared:
        raise InputError(
            "the size of the image is not known",
            file="images.csv",
            value=image.id,
            mend="Fill the columns rows and columns, or prepare the dataset.",
        )
    _, _, x1, y1 = image.to_file.box((0, 0, image.shape[1], image.shape[0]))
    return math.ceil(y1), math.ceil(x1)


def answered_images(model: Scored, chosen: Chosen) -> set[str]:
    """Images that the model answered: those with a score, or else all images of the cohort."""
    if model.predictions.has("image") and (scored := model.scores("image")):
        return set(scored)
    return {image.id for image in chosen.images}
