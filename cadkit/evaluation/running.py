"""Evaluation: joins truth and predictions, asks `cadkit.metrics`, and writes report.json."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import cadkit
from cadkit import metrics
from cadkit.data import Dataset
from cadkit.evaluation.clusters import clusters_of, warning_of
from cadkit.evaluation.cohort import Scored, choose, rows_of
from cadkit.evaluation.correlating import correlate
from cadkit.evaluation.detecting import detect
from cadkit.evaluation.doubts import counted, disagreeing
from cadkit.evaluation.flow import units_of, worst_case
from cadkit.evaluation.gallery import cases_of
from cadkit.evaluation.groups import Group, Grouped, judge_group, lock_all
from cadkit.evaluation.inputs import claim, labels_of, named, predicted_split, usual_level
from cadkit.evaluation.localizing import Annotated
from cadkit.evaluation.locking import SPLIT
from cadkit.evaluation.losses import warn_of_pooling, warn_of_skipped, warn_of_undefined
from cadkit.evaluation.overlapping import localize
from cadkit.evaluation.population import population_of
from cadkit.evaluation.primary import primary_of
from cadkit.evaluation.schema import SCHEMA, ComparisonRow, ModelRow, Report, Warning_
from cadkit.evaluation.scoring import score_label
from cadkit.evaluation.settings import Settings, check_locked
from cadkit.evaluation.thinning import keep_curves
from cadkit.evaluation.views import compare_views
from cadkit.evaluation.work import Work, replicates_of
from cadkit.files import write_json
from cadkit.prediction import Predictions, TablePredictions

_USUAL = Settings()


def evaluate_predictions(
    predictions: Sequence[Predictions | Group],
    data: Dataset,
    folder: str | Path,
    settings: Settings = _USUAL,
    *,
    command: str = "",
    validation: Sequence[Predictions | Group] = (),
) -> Report:
    """Evaluate prediction folders on a dataset and write `folder/report.json` and the gallery's pictures.

    Args:
        predictions: at least one, or a group of runs; several are evaluated on the exams that all of them answered.
        data: with its truth.
        folder: of the report; an earlier report there is replaced, anything else is refused.
        settings: what to compute.
        command: what the user typed, for the record.
        validation: predictions of the validation split, one for each model in the same order (a group for a group), on
            which the thresholds are locked; without, they are chosen on the evaluated data and flagged `in-sample`.

    Raises:
        InputError: predictions and dataset do not fit together, or the settings do not fit them.
    """
    folder = Path(folder)
    settings.check()
    check_locked(settings, validation, len(predictions))
    claim(folder)
    work, groups = _begun(predictions, data, folder, settings, validation)
    _warn_of_origin(work, groups)
    warn_of_skipped(work)
    matched = _judged(work)
    for group in groups:
        judge_group(work, group)
    warn_of_pooling(work)
    warn_of_undefined(work)
    compared = work.comparisons()
    if text := disagreeing(compared, settings.bootstrap, settings.ci):
        work.warnings["few-replicates"] = text
    # All that can go wrong in the inputs has: only now is an earlier report touched.
    (folder / "report.json").unlink(missing_ok=True)
    shutil.rmtree(folder / "gallery", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for label in work.labels if settings.cases else ():
        for model in work.models:
            if model.gives("breast"):
                rows = rows_of(work.chosen, [model], "breast", label)
                found = matched[label].get(model.name)
                shown = (settings.froc, *found) if settings.froc and found else None
                work.cases += cases_of(folder, model, work.chosen, label, rows, settings.cases, shown)
    report = _report(work, groups, compared, command)
    keep_curves(folder, report)
    write_json(folder / "report.json", report)
    return report


def _begun(
    predictions: Sequence[Predictions | Group],
    data: Dataset,
    folder: Path,
    settings: Settings,
    validation: Sequence[Predictions | Group],
) -> tuple[Work, list[Grouped]]:
    """The evaluation before anything is computed: models, labels, cohort, replicates; and the models' groups."""
    found = named(predictions, data)
    models = found.compared
    settings = settings if settings.split else replace(settings, split=predicted_split(predictions))
    labels, unions = labels_of(found.everyone, data, settings.labels, settings.population)
    settings = settings if settings.levels else replace(settings, levels=(usual_level(found.everyone),))
    population = population_of(data, settings.population, settings.levels)
    chosen = choose(data, settings.split, found.given, population, unions)
    chosen = replace(chosen, clusters=clusters_of(data, chosen.eligible, settings.cluster))
    locked, groups = lock_all(models, found.groups, validation, chosen, population.of_validation)
    replicates = replicates_of(chosen, chosen.exams, labels, settings)
    primary = primary_of(settings.primary, [model.name for model in models])
    work = Work(folder, settings, chosen, models, labels, replicates, locked, primary, everyone=found.everyone)
    return work, groups


def _judged(work: Work) -> dict[str, dict[str, tuple[Annotated, metrics.Matches]]]:
    """All that is asked for of the models, into `work`; by label and model what the gallery shows of the FROC."""
    settings = work.settings
    matched: dict[str, dict[str, tuple[Annotated, metrics.Matches]]] = {}
    for label in work.labels:
        for level in settings.levels:
            score_label(work, label, level)
            worst_case(work, label, level)
        matched[label] = detect(work, label) if settings.froc else {}
        if settings.localization:
            localize(work, label)
        if settings.views:
            compare_views(work, label)
    if settings.correlations:
        correlate(work)
    return matched


def _warn_of_origin(work: Work, groups: Sequence[Grouped]) -> None:
    learnt = [model.name for model in work.models if _runs_of(model)]
    unsafe = warning_of(work.chosen.exams, work.chosen.clusters, work.settings.cluster)
    if unsafe:
        work.warnings["clusters"] = unsafe
    for one in (*work.locked, *(one for group in groups for one in group.locked)):
        if one.warning:
            work.warnings[f"threshold-from-{one.model.name}"] = one.warning
    if work.settings.split == "train":
        work.warnings["in-sample"] = "The split train was learnt from: these numbers say nothing of new patients."
    elif learnt and any(exam.columns.get("split") == "train" for exam in work.chosen.exams):
        work.warnings["in-sample"] = (
            f"Exams of the split train, from which {' and '.join(learnt)} may have learnt, are among those evaluated."
        )
    for model in work.everyone:
        smaller = [row for row in model.predictions.skipped().iter_rows() if row[0] == "warning"]
        if smaller:
            work.warnings[f"prediction-{model.name}"] = (
                f"{model.name}: {counted(len(smaller), 'warning')}, the first of {smaller[0][1]}: {smaller[0][2]}."
            )
        marked = set(model.predictions.marks()["label"]) if work.settings.froc else set()
        odd = marked - set(model.predictions.labels)
        if odd:
            work.warnings[f"marks-{model.name}"] = (
                f"{model.name}: its marks of {', '.join(sorted(map(str, odd)))} are not judged: it does not score them."
            )
        made_for = model.predictions.record.get("dataset_fingerprint")
        if made_for and made_for != work.chosen.data.fingerprint:
            work.warnings[f"dataset-changed-{model.name}"] = (
                f"The tables of {work.chosen.data.meta.name} were changed after {model.name} was predicted."
            )


def _runs_of(model: Scored) -> list[str]:
    """The runs that a model's predictions were made by: its own, or those of its parts."""
    record = model.predictions.record
    return [str(one["run"]) for one in (record, *record.get("parts", ())) if one.get("run")]


def _kind(model: Scored) -> Literal["run", "predictions", "scores", "ensemble"]:
    record = model.predictions.record
    if record.get("parts"):
        return "ensemble"
    if isinstance(model.predictions, TablePredictions):
        return "scores"
    return "run" if record.get("run") else "predictions"


def _source(model: Scored) -> str:
    record = model.predictions.record
    parts = ", ".join(str(part["name"]) for part in record.get("parts", ()))
    return f"mean of {parts}" if parts else str(record.get("run") or model.predictions.name)


def _pooling(model: Scored, levels: Sequence[str]) -> dict[str, str]:
    """How a model pools, as its prediction says; else what was pooled here of the levels that it does not give."""
    if recorded := model.predictions.record.get("pooling"):
        return dict(recorded)
    exams = "exam" in levels and not model.predictions.has("exam")
    breasts = (exams or "breast" in levels) and not model.predictions.has("breast")
    return {**({"views": "mean"} if breasts else {}), **({"breasts": "max"} if exams else {})}


def _report(work: Work, groups: Sequence[Grouped], compared: list[ComparisonRow], command: str) -> Report:
    data, settings = work.chosen.data, work.settings
    inputs: list[dict[str, Any]] = [{"kind": "dataset", "name": data.meta.name, "fingerprint": data.fingerprint}]
    rows: list[ModelRow] = []
    group_of = {run.name: group.ensemble.name for group in groups for run in group.members if run not in work.models}
    members = {group.ensemble.name: [run.name for run in group.members] for group in groups}
    for model in work.everyone:
        record = model.predictions.record
        inputs.append({"kind": "predictions", "name": model.name, "fingerprint": model.predictions.fingerprint})
        rows.append(
            {
                "name": model.name,
                "kind": _kind(model),
                "labels": list(model.predictions.labels),
                "source": _source(model),
                "scores": str(record.get("scores", "risk")),
                "localizes": model.predictions.localizes,
            }
        )
        if pooling := _pooling(model, settings.levels):
            rows[-1]["pooling"] = pooling
        if model.name in group_of:
            rows[-1]["group"] = group_of[model.name]
        if model.name in members:
            rows[-1]["members"] = members[model.name]
    listed = work.chosen.population
    if listed.fingerprint is not None:
        inputs.append({"kind": "population", "name": listed.name, "fingerprint": listed.fingerprint})
    for one in work.locked:
        breasts = sum(len(exam.breasts) for exam in one.chosen.exams)
        size = {"n": len(one.chosen.exams), "level": "exam", "breasts": breasts, "split": SPLIT}
        given = one.model.predictions
        source = {"name": given.title, "fingerprint": given.fingerprint, "of": one.model.name}
        inputs.append({"kind": "validation", **source, **size})
    chosen_settings = {**asdict(settings), "threshold_from": [one.model.predictions.title for one in work.locked]}
    if settings.froc is not None:
        chosen_settings["froc"]["unannotated"] = settings.froc.missing
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cadkit": cadkit.__version__,
        "command": command,
        "seed": settings.seed,
        "inputs": inputs,
        "settings": chosen_settings,
        "cohort": {**work.chosen.as_json(work.labels), "units": units_of(work)},
        "models": rows,
        "results": work.results,
        "worst_case": work.worst_case,
        "comparisons": compared,
        "correlations": work.correlations,
        "curves": work.curves,
        "histograms": work.histograms,
        "units": work.units,
        "cases": work.cases,
        "warnings": [Warning_(id=name, text=text) for name, text in work.warnings.items()],
    }
