"""The shape of `report.json`: the result of an evaluation, from which everything else is drawn.

A number that is not defined is null and stands with a `reason`. All coordinates are in the frame of
the image's file.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

SCHEMA = "cadkit.report/1"
Level = Literal["image", "breast", "exam"]
CurveKind = Literal["roc", "pr", "froc", "reliability", "decision"]


class CohortStep(TypedDict):
    """Counts after one step of the way from all exams to those evaluated (a STARD flow)."""

    step: str
    exams: int
    breasts: int
    images: int
    reason: str


class LeftOut(TypedDict):
    """One unit that was left out or not answered, and why."""

    level: str
    id: str
    reason: str
    model: NotRequired[str]


class CohortUnits(TypedDict):
    """Units of one label and level, from those eligible to those evaluated.

    `skipped`: of exams that some model skipped; `unknown`: of unknown truth; `unanswered`: without a score.
    """

    label: str
    level: str
    eligible: int
    skipped: int
    unknown: int
    unanswered: int
    evaluated: int
    positives: int
    negatives: int


class Cohort(TypedDict):
    """The cohort: who was evaluated, who was not, and how many have each label."""

    split: str
    population: NotRequired[str]
    units: NotRequired[list[CohortUnits]]
    steps: list[CohortStep]
    left_out: list[LeftOut]
    patients: int
    positives: dict[str, dict[str, int]]


class ModelRow(TypedDict):
    """One model, reader or combination."""

    name: str
    kind: Literal["run", "predictions", "scores", "reader", "hybrid", "ensemble"]
    labels: list[str]
    source: str
    scores: NotRequired[str]
    localizes: NotRequired[str]
    pooling: NotRequired[dict[str, str]]


class ResultRow(TypedDict):
    """One number with its interval. `at` is a false-positive rate per image, a specificity, a threshold, ...

    `ci_method`, `clusters` and `dropped` are null where no interval was computed. `given` is what else defines the
    number: `threshold_for` (what the threshold was chosen for), `prevalence`, `fp_images`, `skipped` (how units
    without an answer were scored).
    """

    model: str
    label: str
    level: str
    subgroup: str
    metric: str
    at: float | None
    value: float | None
    low: float | None
    high: float | None
    ci: float | None
    ci_method: str | None
    n: int
    positives: int | None
    clusters: int | None
    dropped: int | None
    sd: NotRequired[float]
    reason: NotRequired[str]
    flags: NotRequired[list[str]]
    given: NotRequired[dict[str, Any]]


class ComparisonRow(TypedDict):
    """A paired difference of two models, a minus b.

    `p_adjusted` is Holm's over all pairs of models that were compared by the same number and method; the pair that was
    named beforehand (flag `primary`) and random marks are left out of it. `p_margin` is the one-sided p of a
    difference of -margin or less.
    """

    a: str
    b: str
    label: str
    level: str
    subgroup: str
    metric: str
    at: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    method: str | None
    flags: list[str]
    given: NotRequired[dict[str, Any]]
    margin: NotRequired[float]
    p_margin: NotRequired[float | None]
    reason: NotRequired[str]


class CurveRow(TypedDict):
    """A curve: points in order, with a pointwise band where one was computed.

    ROC: x false-positive rate, y sensitivity. PR: x recall, y precision. FROC: x false positives per
    image, y sensitivity; a step function.
    """

    model: str
    label: str
    level: str
    kind: CurveKind
    x: list[float]
    y: list[float]
    threshold: list[float | None]
    band_x: NotRequired[list[float]]
    low: NotRequired[list[float]]
    high: NotRequired[list[float]]


class CaseFinding(TypedDict):
    """A finding as the gallery draws it: outline is a list of (x, y), closed."""

    id: str
    label: str
    kind: str
    outline: list[list[float]]
    detected: NotRequired[bool]


class CaseMark(TypedDict):
    """A mark: a point, and a box or null."""

    model: str
    label: str
    x: float
    y: float
    box: list[float] | None
    score: float
    hit: bool


class CasePicture(TypedDict):
    """A picture beside the report: `file` relative to it; `window` what it covers, in file pixels."""

    file: str
    window: list[float]


class Case(TypedDict):
    """One image of the gallery.

    `why`: `hit` (a positive breast scored high), `miss` (a positive breast scored low), `false alarm`
    (a negative breast scored high).
    """

    model: str
    label: str
    why: Literal["hit", "miss", "false alarm"]
    rank: int
    image_id: str
    exam_id: str
    patient_id: str
    side: str
    view: str
    rows: int
    columns: int
    spacing_mm: float | None
    truth: dict[str, float | None]
    scores: dict[str, float]
    breast_scores: dict[str, float]
    picture: CasePicture | None
    saliency: list[dict[str, Any]]
    findings: list[CaseFinding]
    marks: list[CaseMark]
    note: str


class Warning_(TypedDict):
    """Something that the reader of the numbers must know; `id` is stable."""

    id: str
    text: str


class Report(TypedDict):
    """`report.json`.

    `worst_case`: what results would be had the units that a model did not answer been scored at their worst
    (positives lowest, negatives highest) or at their best.
    """

    schema: str
    created: str
    cadkit: str
    command: str
    seed: int
    inputs: list[dict[str, Any]]
    settings: dict[str, Any]
    cohort: Cohort
    models: list[ModelRow]
    results: list[ResultRow]
    worst_case: NotRequired[list[ResultRow]]
    comparisons: list[ComparisonRow]
    curves: list[CurveRow]
    cases: list[Case]
    warnings: list[Warning_]
