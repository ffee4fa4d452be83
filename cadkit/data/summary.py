"""What a dataset holds, in numbers: what `cadkit info` shows on the terminal, as JSON and as a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from cadkit.data.dataset import Dataset
from cadkit.data.prevalence import Prevalence, prevalence
from cadkit.data.tables import SIDES, SPLITS, read_problems
from cadkit.errors import InputError
from cadkit.files import read_toml

UNKNOWN = "unknown"
NO_PART = "none"
STANDARD_VIEWS = ("CC", "MLO")
_BIRTHDAYS = (40, 50, 60, 70, 80)


@dataclass(frozen=True)
class Group:
    """A part of a dataset: exams of one split or year, or whatever images of one view or vendor show.

    Attributes:
        name: the value that its members share, `unknown` where the field is empty.
        patients, exams, breasts, images: how many; breasts are rows of breasts.csv.
        labels: prevalence of each label among its breasts, or exams for a label of exams.csv.
    """

    name: str
    patients: int
    exams: int
    breasts: int
    images: int
    labels: Mapping[str, Prevalence]


@dataclass(frozen=True)
class Views:
    """Which of the four standard views (CC and MLO of both breasts) the exams have.

    Attributes:
        exams: exams with images.
        complete: those that have all four.
        one_side: those with images of one breast only.
        without_images: exams without any.
        missing: by view, such as `L CC`: exams with images that lack it.
        repeated: how often a view of a breast is there more than once in an exam.
    """

    exams: int
    complete: int
    one_side: int
    without_images: int
    missing: Mapping[str, int]
    repeated: int


@dataclass(frozen=True)
class Spread:
    """Ages at the exams, in years: known and unknown, ends and quartiles."""

    known: int
    unknown: int
    lowest: float
    first_quartile: float
    median: float
    third_quartile: float
    highest: float


@dataclass(frozen=True)
class Format:
    """Images of one size (pixels), pixel spacing (mm) and vendor; None where it is not said."""

    rows: int | None
    columns: int | None
    pixel_spacing_mm: float | None
    vendor: str | None
    images: int


@dataclass(frozen=True)
class FindingGroup:
    """Findings of one label and kind: how many, of how many lesions, in how many images."""

    label: str
    kind: str
    findings: int
    lesions: int
    images: int


@dataclass(frozen=True)
class ProblemGroup:
    """Rows of problems.csv of one step and rule."""

    step: str
    rule: str
    count: int


@dataclass(frozen=True)
class StoreState:
    """The prepared pixels: `complete`, `unfinished` or `none`; images that are in it, and that failed."""

    state: str
    prepared: int
    failed: int


@dataclass(frozen=True)
class Summary:
    """What a dataset holds.

    Attributes:
        name, licence, source, created_by, fingerprint: what it is.
        labels: each label and what a 1 means.
        level: of each label, `breast` or `exam`.
        whole: all of it.
        findings: how many in all.
        groups: the parts by variable: `split`, `fold`, `density`, `birads`, `age`, `year` (of the exams), `view`
            and `vendor` (of the images); only those that the tables have.
        dates: of the first and the last exam, or None.
        ages: None where no age is known.
        exams_per_patient: number of exams -> number of patients.
        views: which are there and which are missing.
        formats: sizes and spacings, the commonest first.
        finding_groups: findings by label and kind.
        not_drawn: by label, positive breasts without a finding of it.
        readers: columns of human readers in breasts.csv.
        problems: what earlier steps left out or doubted.
        store: the prepared pixels.
    """

    name: str
    licence: str
    source: str
    created_by: str
    fingerprint: str
    labels: Mapping[str, str]
    level: Mapping[str, str]
    whole: Group
    findings: int
    groups: Mapping[str, tuple[Group, ...]]
    dates: tuple[str, str] | None
    ages: Spread | None
    exams_per_patient: Mapping[int, int]
    views: Views
    formats: tuple[Format, ...]
    finding_groups: tuple[FindingGroup, ...]
    not_drawn: Mapping[str, int]
    readers: tuple[str, ...]
    problems: tuple[ProblemGroup, ...]
    store: StoreState

    def as_dict(self) -> dict[str, Any]:
        """The summary for JSON."""
        return asdict(self)


def summarize(folder: str | Path) -> Summary:
    """Count a dataset.

    Raises:
        InputError: it is no dataset, or its tables contradict each other.
    """
    data = Dataset.open(folder)
    exams, images = data.tables["exams"], data.tables["images"]
    breasts = data.tables["breasts"].join(exams.select("exam_id", "patient_id"), on="exam_id", maintain_order="left")
    labels = tuple(data.meta.labels)
    dates = exams["date"].drop_nulls() if "date" in exams.columns else pl.Series([], dtype=pl.Date)
    per_patient = exams.group_by("patient_id").len()["len"].value_counts().sort("len")
    return Summary(
        name=data.meta.name,
        licence=data.meta.licence,
        source=data.meta.source,
        created_by=data.meta.created_by,
        fingerprint=data.fingerprint,
        labels=dict(data.meta.labels),
        level={label: "breast" if label in breasts.columns else "exam" for label in labels},
        whole=_group("all", exams, breasts, images, labels),
        findings=data.tables["findings"].height,
        groups=_all_groups(exams, breasts, images, labels),
        dates=(str(dates.min()), str(dates.max())) if len(dates) else None,
        ages=_ages(exams),
        exams_per_patient=dict(per_patient.iter_rows()),
        views=_views(exams, images),
        formats=_formats(images),
        finding_groups=_findings(data),
        not_drawn=_not_drawn(data),
        readers=tuple(c for c in breasts.columns if c.startswith(("reader_", "recall_"))),
        problems=_problems(data.folder),
        store=_store(data.folder),
    )


def _group(name: str, exams: pl.DataFrame, breasts: pl.DataFrame, images: pl.DataFrame, labels: Iterable[str]) -> Group:
    shares = {label: prevalence(breasts if label in breasts.columns else exams, label) for label in labels}
    return Group(name, exams["patient_id"].n_unique(), exams.height, breasts.height, images.height, shares)


def _all_groups(
    exams: pl.DataFrame, breasts: pl.DataFrame, images: pl.DataFrame, labels: tuple[str, ...]
) -> dict[str, tuple[Group, ...]]:
    """The groups of every variable that the tables have and that takes a known value."""
    of_exam: dict[str, pl.Expr] = {
        name: pl.col(name).cast(pl.String) for name in ("split", "fold", "density", "birads") if name in exams.columns
    }
    if "age" in exams.columns:
        of_exam["age"] = _age_band()
    if "date" in exams.columns:
        of_exam["year"] = pl.col("date").dt.year().cast(pl.String)
    of_image = {"view": pl.col("view")}
    if "manufacturer" in images.columns:
        of_image["vendor"] = pl.col("manufacturer")
    elif "vendor" in exams.columns:
        of_exam["vendor"] = pl.col("vendor").cast(pl.String)
    groups: dict[str, tuple[Group, ...]] = {}
    for variable, value in of_exam.items():
        table = exams.with_columns(value.alias("value of group"))
        groups[variable] = tuple(
            _group(
                name,
                members,
                breasts.join(members.select("exam_id"), on="exam_id", how="semi"),
                images.join(members.select("exam_id"), on="exam_id", how="semi"),
                labels,
            )
            for name, members in _by_value(table, variable)
        )
    for variable, value in of_image.items():
        table = images.with_columns(value.alias("value of group"))
        groups[variable] = tuple(
            _group(
                name,
                exams.join(members.select("exam_id"), on="exam_id", how="semi"),
                breasts.join(members.select("exam_id", "side"), on=["exam_id", "side"], how="semi"),
                members,
                labels,
            )
            for name, members in _by_value(table, variable)
        )
    return {
        variable: found for variable, found in groups.items() if any(g.name not in (UNKNOWN, NO_PART) for g in found)
    }


def _age_band() -> pl.Expr:
    """The band of ages that an exam's age falls into, as text."""
    age, first, last = pl.col("age"), _BIRTHDAYS[0], _BIRTHDAYS[-1]
    bands = [pl.when(age < first).then(pl.lit(f"below {first}"))]
    for low, high in pairwise(_BIRTHDAYS):
        bands.append(pl.when((age >= low) & (age < high)).then(pl.lit(f"{low}-{high - 1}")))
    bands.append(pl.when(age >= last).then(pl.lit(f"{last} or more")))
    return pl.coalesce(bands)


def _by_value(table: pl.DataFrame, variable: str) -> list[tuple[str, pl.DataFrame]]:
    """Rows by value: splits and ages in their order, views and vendors by size, all else sorted; unknown last."""
    empty = NO_PART if variable in ("split", "fold") else UNKNOWN
    parts = [(str(key[0]), part) for key, part in table.group_by("value of group") if key[0] is not None]
    if variable == "split":
        parts.sort(key=lambda part: SPLITS.index(part[0]))
    elif variable == "age":
        parts.sort(key=lambda part: min(part[1]["age"].to_list()))
    elif variable in ("view", "vendor"):
        parts.sort(key=lambda part: (-part[1].height, part[0]))
    else:
        parts.sort(key=lambda part: (float(part[0]) if part[0].isdigit() else 0.0, part[0]))
    nothing = table.filter(pl.col("value of group").is_null())
    return [*parts, (empty, nothing)] if nothing.height else parts


def _ages(exams: pl.DataFrame) -> Spread | None:
    ages = exams["age"].drop_nulls() if "age" in exams.columns else pl.Series([], dtype=pl.Float64)
    if not len(ages):
        return None
    quartiles = [float(ages.quantile(q, "linear") or 0.0) for q in (0, 0.25, 0.5, 0.75, 1)]
    return Spread(len(ages), exams.height - len(ages), *quartiles)


def _views(exams: pl.DataFrame, images: pl.DataFrame) -> Views:
    shown = images.select("exam_id", "side", "view")
    per_view = shown.group_by("exam_id", "side", "view").len()
    with_images = shown["exam_id"].n_unique()
    missing, complete = {}, set(shown["exam_id"])
    for side in SIDES:
        for view in STANDARD_VIEWS:
            has = set(per_view.filter((pl.col("side") == side) & (pl.col("view") == view))["exam_id"])
            missing[f"{side} {view}"] = with_images - len(has)
            complete &= has
    sides = shown.group_by("exam_id").agg(pl.col("side").n_unique())["side"]
    return Views(
        exams=with_images,
        complete=len(complete),
        one_side=int((sides == 1).sum()),
        without_images=exams.height - with_images,
        missing=missing,
        repeated=per_view.filter(pl.col("len") > 1).height,
    )


def _formats(images: pl.DataFrame) -> tuple[Format, ...]:
    kinds = {"rows": pl.Int64, "columns": pl.Int64, "pixel_spacing_mm": pl.Float64, "manufacturer": pl.String}
    columns = [
        pl.col(name) if name in images.columns else pl.lit(None, kind).alias(name) for name, kind in kinds.items()
    ]
    counted = images.select(columns).group_by(*kinds).len().sort("len", *kinds, descending=[True, *[False] * 4])
    return tuple(Format(*row) for row in counted.iter_rows())


def _located(data: Dataset) -> pl.DataFrame:
    """Findings with exam and side, lesion and kind filled."""
    findings = data.tables["findings"]
    for name, instead in (("lesion_id", pl.col("finding_id")), ("kind", pl.lit(UNKNOWN))):
        given = pl.col(name) if name in findings.columns else pl.lit(None, pl.String)
        findings = findings.with_columns(pl.coalesce(given, instead).alias(name))
    return findings.join(data.tables["images"].select("image_id", "exam_id", "side"), on="image_id")


def _findings(data: Dataset) -> tuple[FindingGroup, ...]:
    counted = (
        _located(data)
        .group_by("label", "kind")
        .agg(
            pl.len().alias("findings"),
            pl.struct("exam_id", "side", "lesion_id").n_unique().alias("lesions"),
            pl.col("image_id").n_unique().alias("images"),
        )
        .sort("label", "findings", "kind", descending=[False, True, False])
    )
    return tuple(FindingGroup(*row) for row in counted.iter_rows())


def _not_drawn(data: Dataset) -> dict[str, int]:
    found, breasts = _located(data), data.tables["breasts"]
    return {
        label: breasts.filter(pl.col(label) == 1)
        .join(found.filter(pl.col("label") == label), on=["exam_id", "side"], how="anti")
        .height
        for label in data.meta.labels
        if label in breasts.columns
    }


def _problems(folder: Path) -> tuple[ProblemGroup, ...]:
    counted = (
        read_problems(folder)
        .group_by("step", "rule")
        .len()
        .sort("step", "len", "rule", descending=[False, True, False])
    )
    return tuple(ProblemGroup(step or "", rule or "", count) for step, rule, count in counted.iter_rows())


def _store(folder: Path) -> StoreState:
    try:
        state = read_toml(folder / "store" / "store.toml")
    except InputError:
        return StoreState("none", 0, 0)
    if not state.get("complete"):
        return StoreState("unfinished", 0, 0)
    return StoreState("complete", int(state.get("images", 0)), int(state.get("failed", 0)))
