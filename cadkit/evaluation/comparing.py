"""Comparing the score columns of a table: from a CSV to report.json."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

import cadkit
from cadkit import metrics
from cadkit.errors import InputError
from cadkit.evaluation.clusters import few_clusters
from cadkit.evaluation.compare_settings import CompareSettings
from cadkit.evaluation.curves import histogram, probability_curves, score_curves, unit_scores
from cadkit.evaluation.doubts import (
    constant_scores,
    counted,
    disagreeing,
    few_classes,
    too_many_undefined,
    unknown_truth,
)
from cadkit.evaluation.inputs import claim
from cadkit.evaluation.primary import primary_of
from cadkit.evaluation.schema import (
    SCHEMA,
    Cohort,
    CohortUnits,
    ComparisonRow,
    CurveRow,
    HistogramRow,
    LeftOut,
    ModelRow,
    Report,
    ResultRow,
    UnitScores,
    Warning_,
)
from cadkit.evaluation.score_results import (
    METRICS,
    OF_PROBABILITIES,
    WHOLE,
    Asked,
    Column,
    Judged,
    Operating,
    Rows,
    Tests,
    compared,
    judge,
    over_runs,
    shown,
    too_few,
)
from cadkit.evaluation.score_table import ScoreTable, read_score_table
from cadkit.evaluation.subgroups import few_in, too_small
from cadkit.evaluation.thinning import keep_curves
from cadkit.files import write_json

LEVEL = "row"
_READ_AT = 0.9  # sensitivity and specificity of the operating points read where none is asked for
_PATIENT_COLUMNS = ("patient_id", "patient", "client_id", "subject_id")


@dataclass
class _Work:
    """A comparison under way."""

    table: ScoreTable
    settings: CompareSettings
    asked: Asked
    columns: list[Column]
    replicates: metrics.Replicates | None
    validation: ScoreTable | None
    results: list[ResultRow] = field(default_factory=list)
    comparisons: list[ComparisonRow] = field(default_factory=list)
    curves: list[CurveRow] = field(default_factory=list)
    histograms: list[HistogramRow] = field(default_factory=list)
    units: list[UnitScores] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)

    def add(self, model: str, rows: Rows, found: metrics.Result) -> None:
        place = {"model": model, "label": self.settings.truth, "level": LEVEL, "subgroup": rows.subgroup}
        row = {**place, **found.to_dict()}
        if not row["flags"]:
            del row["flags"]
        self.results.append(cast(ResultRow, row))


def compare_columns(path: str | Path, folder: str | Path, settings: CompareSettings, *, command: str = "") -> Report:
    """Compare score columns of a CSV and write `folder/report.json`.

    Every model has its metrics with intervals, every pair of models its paired tests, in the whole table and in
    each subgroup; one set of bootstrap counts serves all.

    Args:
        path: of the table.
        folder: of the report; an earlier report there is replaced, anything else is refused.
        settings: what is compared, and how.
        command: what the user typed, for the record.

    Raises:
        InputError: the table or the settings are not what they must be.
    """
    settings.check()
    folder = Path(folder)
    claim(folder)
    table = read_score_table(path, settings.truth, settings.columns(), settings.cluster, settings.by)
    _both_classes(table, settings.truth)
    if table.cluster is not None and (table.cluster == table.cluster[0]).all():
        raise InputError(
            f"all rows have the same {settings.cluster}: there is nothing to resample", file=table.path,
            row="--cluster", value=str(table.cluster[0]), mend="Name the column of patients.",
        )  # fmt: skip
    validation = _validation_table(settings)
    columns = _models(table, settings, validation)
    if settings.metrics:
        _check_probabilities(settings, columns)
    default = () if settings.sensitivity_at or settings.specificity_at else (_READ_AT,)
    asked = Asked(
        settings.metrics or METRICS, settings.sensitivity_at or default, settings.specificity_at or default,
        settings.interpolate, settings.partial_auc, settings.prevalence, settings.ci, settings.auc_interval,
    )  # fmt: skip
    work = _Work(table, settings, asked, columns, _replicates(table, settings), validation)
    _warn(work)
    whole = Rows(WHOLE, table.truth, table.cluster, np.ones(len(table.truth), dtype=np.bool_))
    for rows in [whole, *(_subset(whole, name, members) for name, members in table.subgroups.items())]:
        _judge(work, rows)
    if text := too_many_undefined(work.results, settings.bootstrap, settings.stratify):
        work.warnings["undefined-replicates"] = text
    if text := disagreeing(work.comparisons, settings.bootstrap, settings.ci):
        work.warnings["few-replicates"] = text
    _draw(work)
    # All that can go wrong in the inputs has: only now is an earlier report touched.
    (folder / "report.json").unlink(missing_ok=True)
    shutil.rmtree(folder / "gallery", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    report = _report(work, command)
    keep_curves(folder, report)
    write_json(folder / "report.json", report)
    return report


def _both_classes(table: ScoreTable, truth: str) -> None:
    if table.truth.all() or not table.truth.any():
        raise InputError(
            f"the truth {truth} is the same in every row: there is nothing to tell apart",
            file=table.path, value=int(table.truth[0]), mend="A table to compare scores on has rows of 0 and of 1.",
        )  # fmt: skip


def _replicates(table: ScoreTable, settings: CompareSettings) -> metrics.Replicates | None:
    if not settings.bootstrap:
        return None
    options = metrics.Bootstrap(
        settings.bootstrap, settings.seed, cast(Any, settings.interval), settings.ci, settings.stratify
    )
    units: npt.ArrayLike = np.arange(len(table.truth)) if table.cluster is None else table.cluster
    return options.replicates(units, table.truth)


def _scores(table: ScoreTable, settings: CompareSettings) -> dict[str, npt.NDArray[np.float64]]:
    """By name: the columns, and the mean of each group's."""
    averaged = {name: np.mean([table.scores[run] for run in runs], axis=0) for name, runs in settings.groups.items()}
    return {**table.scores, **averaged}


def _models(table: ScoreTable, settings: CompareSettings, validation: ScoreTable | None) -> list[Column]:
    """Columns, then ensembles, each with the thresholds at which it is judged."""
    by_name = _scores(table, settings)
    locked = _chosen_thresholds(table, settings, validation)
    found = []
    for name, score in by_name.items():
        given = settings.thresholds.get(name, settings.thresholds.get(""))
        points = [*([] if given is None else [Operating("", given, False)]), *locked.get(name, ())]
        runs = settings.groups.get(name)
        probability = not settings.risk and bool((score >= 0).all() and (score <= 1).all())
        found.append(
            Column(
                name, "ensemble" if runs else "scores", score, probability, tuple(points),
                f"mean of {', '.join(runs)}" if runs else f"{table.path.name}, column {name}",
            )
        )  # fmt: skip
    return found


def _validation_table(settings: CompareSettings) -> ScoreTable | None:
    """The table that thresholds are locked on; None where they are chosen in-sample."""
    if settings.threshold_from is None:
        return None
    table = read_score_table(settings.threshold_from, settings.truth, settings.columns())
    _both_classes(table, settings.truth)
    return table


def _chosen_thresholds(
    table: ScoreTable, settings: CompareSettings, validation: ScoreTable | None
) -> dict[str, list[Operating]]:
    """Thresholds of every model for the points asked for, locked on the validation table or chosen in-sample."""
    wanted = [("sensitivity", at) for at in settings.sensitivity_at]
    wanted += [("specificity", at) for at in settings.specificity_at]
    other = table if validation is None else validation
    in_sample = other.fingerprint == table.fingerprint
    found: dict[str, list[Operating]] = {}
    for name, score in _scores(other, settings).items():
        for share, at in wanted:
            value = metrics.threshold_at(other.truth, score, **{share: at})
            # Only calling no one positive reaches it: no threshold that a report could give.
            if np.isfinite(value):
                found.setdefault(name, []).append(Operating(f"{share} {at:g}", value, in_sample))
    return found


def _check_probabilities(settings: CompareSettings, columns: Sequence[Column]) -> None:
    wanted = [name for name in settings.metrics if name in OF_PROBABILITIES]
    others = [column.name for column in columns if not column.probability]
    if wanted and others:
        why = "--risk says that they are none" if settings.risk else f"{others[0]} has scores outside [0, 1]"
        raise InputError("needs probabilities", row="--metrics", value=wanted[0], mend=f"Leave it out: {why}.")


def _subset(whole: Rows, name: str, members: npt.NDArray[np.bool_]) -> Rows:
    return Rows(name, whole.truth[members], None if whole.cluster is None else whole.cluster[members], members)


def _warn(work: _Work) -> None:
    table, settings = work.table, work.settings
    if table.unknown:
        first = table.place(table.unknown[0])
        work.warnings["unknown-truth"] = unknown_truth("row", len(table.unknown), first, settings.truth)
    if table.repeated:
        work.warnings["repeated-rows"] = (
            f"An earlier row is repeated in every column by {counted(len(table.repeated), 'row')}, the first is "
            f"{table.place(table.repeated[0])}; a case that stands twice counts twice."
        )
    if few := few_classes(table.truth):
        work.warnings["few"] = few
    work.warnings |= constant_scores({column.name: column.score for column in work.columns})
    _warn_of_few(work)
    patients = [name for name in _PATIENT_COLUMNS if name in table.columns]
    if settings.cluster is None and patients:
        work.warnings["no-cluster"] = (
            f"Rows were taken as independent, though the table has a column {patients[0]}: where a patient has "
            f"several rows, give --cluster {patients[0]}."
        )
    asked_for = len(settings.sensitivity_at) + len(settings.specificity_at)
    for column in work.columns:
        if sum(bool(point.wanted) for point in column.operating) < asked_for:
            work.warnings[f"no-threshold-{column.name}"] = (
                f"{column.name}: a sensitivity or specificity that was asked for is reached only by calling no row "
                "positive; there is no threshold for it."
            )
    if any(point.in_sample for column in work.columns for point in column.operating):
        work.warnings["in-sample"] = (
            "Thresholds were chosen on the rows that they are judged on (flag in-sample): optimistic. "
            "Lock them with --threshold-from VALIDATION.csv."
        )


def _warn_of_few(work: _Work) -> None:
    """Few clusters, and subgroups of few positives or negatives (those of fewer still are not estimated)."""
    table, column = work.table, work.settings.cluster
    if table.cluster is not None and (text := few_clusters(len(np.unique(table.cluster)), str(column))):
        work.warnings["clusters"] = text
    if text := few_in(table.subgroups, table.truth):
        work.warnings["few-subgroups"] = text


def _judge(work: _Work, rows: Rows) -> None:
    settings, asked = work.settings, work.asked
    reason = None if rows.subgroup == WHOLE else too_small(rows.truth.astype(np.int64))
    if reason is not None:
        for column in work.columns:
            for result in too_few(rows, column, asked, reason):
                work.add(column.name, rows, result)
        return
    judged: dict[str, Judged] = {c.name: judge(rows, c, asked, work.replicates) for c in work.columns}
    for column in work.columns:
        for result in shown(rows, column, asked, judged[column.name]):
            work.add(column.name, rows, result)
        runs = settings.groups.get(column.name)
        if runs:
            for result in over_runs([judged[run] for run in runs]):
                work.add(f"{column.name} (mean of {len(runs)} runs)", rows, result)
    primary = primary_of(settings.primary, settings.names())
    how = Tests(settings.margin, settings.permutations, settings.seed, primary, settings.ci)
    chosen = [column for column in work.columns if column.name in settings.names()]
    for a, b, found in compared(rows, chosen, judged, asked, how):
        made = found.to_dict()
        del made["dropped"], made["ci"]
        if made["reason"] is None:
            del made["reason"]
        row = {"a": a, "b": b, "label": settings.truth, "level": LEVEL, "subgroup": rows.subgroup, **made}
        work.comparisons.append(cast(ComparisonRow, row))


def _draw(work: _Work) -> None:
    """What the figures are drawn from, into `work`."""
    table, label = work.table, work.settings.truth
    for column in work.columns:
        place = (column.name, label, LEVEL)
        # Without clusters the replicates are of the rows, by number.
        unit = np.arange(len(table.truth)) if table.cluster is None else table.cluster
        made = score_curves(place, table.truth, column.score, unit, work.replicates)
        if column.probability:
            made += probability_curves(place, table.truth, column.score, work.settings.ci)
        work.curves += made
        work.histograms.append(histogram(place, table.truth, column.score, probability=column.probability))
    rows = np.setdiff1d(np.arange(1, len(table.truth) + len(table.unknown) + 1), table.unknown)
    units = unit_scores(label, LEVEL, rows, table.truth, {c.name: c.score for c in work.columns}, ())
    work.units += [] if units is None else [units]


def _cohort(table: ScoreTable, settings: CompareSettings) -> Cohort:
    """Counts of rows; what exams they are of, and which went before, a table does not say."""
    n, positives = len(table.truth), int(table.truth.sum())
    counts = CohortUnits(
        label=settings.truth,
        level=LEVEL,
        eligible=n + len(table.unknown),
        skipped=0,
        unknown=len(table.unknown),
        unanswered=0,
        evaluated=n,
        positives=positives,
        negatives=n - positives,
    )
    return Cohort(
        split="the table",
        steps=[],
        left_out=[LeftOut(level=LEVEL, id=str(row), reason=f"{settings.truth} unknown") for row in table.unknown],
        units=[counts],
        patients=n if table.cluster is None else len(np.unique(table.cluster)),
        positives={LEVEL: {settings.truth: positives}},
    )


def _report(work: _Work, command: str) -> Report:
    table, settings = work.table, work.settings
    inputs: list[dict[str, Any]] = [{"kind": "table", "name": table.path.name, "fingerprint": table.fingerprint}]
    if work.validation is not None:
        other = work.validation
        counts = {"n": len(other.truth), "level": LEVEL, "positives": int(other.truth.sum())}
        inputs.append({"kind": "validation table", "name": other.path.name, "fingerprint": other.fingerprint, **counts})
    chosen = asdict(settings)
    chosen["threshold_from"] = None if settings.threshold_from is None else settings.threshold_from.name
    chosen["thresholds"] = {name or "all others": value for name, value in settings.thresholds.items()}
    chosen["operating"] = {
        c.name: {p.wanted or "given": p.value for p in c.operating} for c in work.columns if c.operating
    }
    models: list[ModelRow] = [
        {
            "name": column.name,
            "kind": column.kind,
            "labels": [settings.truth],
            "source": column.source,
            "scores": "probability" if column.probability else "risk",
        }
        for column in work.columns
    ]
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cadkit": cadkit.__version__,
        "command": command,
        "seed": settings.seed,
        "inputs": inputs,
        "settings": chosen,
        "cohort": _cohort(table, settings),
        "models": models,
        "results": work.results,
        "worst_case": [],
        "comparisons": work.comparisons,
        "curves": work.curves,
        "histograms": work.histograms,
        "units": work.units,
        "cases": [],
        "warnings": [Warning_(id=name, text=text) for name, text in work.warnings.items()],
    }
