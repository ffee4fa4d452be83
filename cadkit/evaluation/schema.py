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
    """One model, reader or combination.

    `members` of a group's ensemble are the runs that it is the mean of, and over which `<name> (mean of N runs)` gives
    mean and sd. A run with a `group` stands in the results alone: it was not named as a source of its own.
    """

    name: str
    kind: Literal["run", "predictions", "scores", "reader", "hybrid", "ensemble"]
    labels: list[str]
    source: str
    scores: NotRequired[str]
    localizes: NotRequired[str]
    pooling: NotRequired[dict[str, str]]
    members: NotRequired[list[str]]
    group: NotRequired[str]


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
    difference of -margin or less. A bootstrap's p flagged `p-floor` is the smallest that its replicates can show.
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


class CorrelationRow(TypedDict):
    """Correlations of the predictions of an exam, over the n exams both of whose breasts the model scored.

    `names`: `left malignant`, ..., `right benign`; the matrices hold a row per name, null where a score does not vary.
    """

    model: str
    names: list[str]
    n: int
    pearson: list[list[float | None]]
    spearman: list[list[float | None]]
    reason: NotRequired[str]


class CurveRow(TypedDict):
    """A curve: points in order, with a pointwise band where one was computed.

    ROC: x false-positive rate, y sensitivity. PR: x recall, y precision. FROC: x false positives per
    image, y sensitivity; a step function. Reliability: x mean probability of a bin, y share of positives, the band its
    interval, `rows` and `positives` its counts. Decision: x threshold probability, y net benefit, `treat_all` that of
    calling all positive. Of ROC, PR and FROC those points that draw the curve; all of them stand in `curves/*.csv`
    (`cadkit.evaluation.thinning`).
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
    rows: NotRequired[list[int]]
    positives: NotRequired[list[int]]
    treat_all: NotRequired[list[float]]


class HistogramRow(TypedDict):
    """Counts of a model's scores: bin k is [edges[k], edges[k + 1]), the last closed."""

    model: str
    label: str
    level: str
    edges: list[float]
    positives: list[int]
    negatives: list[int]


class UnitScores(TypedDict):
    """Every evaluated unit of a label and level, column by column in one order.

    `ids`: its identifiers by column (`exam_id` and `side`; `image_id`; `row`). `scores`: by model. With them the page
    names the cases that change sides when the operating point is moved. A report holds at most 300,000 scores: a
    table that would exceed that is left out.
    """

    label: str
    level: str
    ids: dict[str, list[str]]
    truth: list[int]
    scores: dict[str, list[float]]


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
    (a negative breast scored high); in a reader study whether the model or the readers' mean is the higher.
    """

    model: str
    label: str
    why: Literal["hit", "miss", "false alarm", "higher by the model", "higher by the readers"]
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
    correlations: NotRequired[list[CorrelationRow]]
    curves: list[CurveRow]
    histograms: NotRequired[list[HistogramRow]]
    units: NotRequired[list[UnitScores]]
    cases: list[Case]
    warnings: list[Warning_]
    reader_study: NotRequired[dict[str, Any]]  # what `cadkit.reader_study.work.Section` describes
