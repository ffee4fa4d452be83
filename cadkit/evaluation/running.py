"""Evaluation: joins truth and predictions, asks `cadkit.metrics`, and writes report.json."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

import cadkit
from cadkit import metrics
from cadkit.data import Dataset
from cadkit.evaluation.cohort import Chosen, choose, rows_of
from cadkit.evaluation.detecting import detect, localize
from cadkit.evaluation.flow import units_of, worst_case
from cadkit.evaluation.gallery import cases_of
from cadkit.evaluation.inputs import claim, labels_of, named, predicted_split, primary_of
from cadkit.evaluation.localizing import Annotated
from cadkit.evaluation.locking import lock
from cadkit.evaluation.population import population_of
from cadkit.evaluation.schema import SCHEMA, ModelRow, Report, Warning_
from cadkit.evaluation.scoring import score_label
from cadkit.evaluation.settings import Settings, check_locked
from cadkit.evaluation.work import Work
from cadkit.files import write_json
from cadkit.prediction import Predictions

_USUAL = Settings()


def evaluate(
    predictions: Sequence[Predictions],
    data: Dataset,
    folder: str | Path,
    settings: Settings = _USUAL,
    command: str = "",
    validation: Sequence[Predictions] = (),
) -> Report:
    """Evaluate prediction folders on a dataset and write `folder/report.json` and the gallery's pictures.

    Args:
        predictions: at least one; several are evaluated on the exams that all of them answered.
        data: with its truth.
        folder: of the report; an earlier report there is replaced, anything else is refused.
        settings: what to compute.
        command: what the user typed, for the record.
        validation: predictions of the validation split, one for each model in the same order, on which the thresholds
            are locked; without, they are chosen on the evaluated data and flagged `in-sample`.

    Raises:
        InputError: predictions and dataset do not fit together, or the settings do not fit them.
    """
    folder = Path(folder)
    settings.check()
    check_locked(settings, validation, len(predictions))
    claim(folder)
    models = named(predictions)
    settings = settings if settings.split else replace(settings, split=predicted_split(predictions))
    labels, unions = labels_of(models, data, settings.labels, settings.population)
    population = population_of(data, settings.population, settings.levels)
    chosen = choose(data, settings.split, models, population, unions)
    locked = lock(models, validation, data, chosen, population)
    replicates = _replicates(chosen, labels, settings)
    work = Work(folder, settings, chosen, models, labels, replicates, locked, primary_of(settings.primary, models))
    _warn_of_origin(work)
    froc: dict[str, dict[str, tuple[Annotated, metrics.Matches]]] = {}
    for label in labels:
        for level in settings.levels:
            score_label(work, label, level)
            worst_case(work, label, level)
        froc[label] = detect(work, label) if settings.froc else {}
        if settings.localization:
            localize(work, label)
    # All that can go wrong in the inputs has: only now is an earlier report touched.
    (folder / "report.json").unlink(missing_ok=True)
    shutil.rmtree(folder / "gallery", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for label in labels if settings.cases else ():
        for model in models:
            if model.gives("breast"):
                rows = rows_of(chosen, [model], "breast", label)
                matched = froc[label].get(model.name)
                shown = (settings.froc, *matched) if settings.froc and matched else None
                work.cases += cases_of(folder, model, chosen, label, rows, settings.cases, shown)
    report = _report(work, command)
    write_json(folder / "report.json", report)
    return report


def _replicates(chosen: Chosen, labels: Sequence[str], settings: Settings) -> metrics.Replicates:
    """Counts of patients; stratified, those with the same labels are drawn among themselves."""
    patients = np.array([exam.patient_id for exam in chosen.exams], dtype=str)
    options = metrics.Bootstrap(
        settings.bootstrap, settings.seed, cast(Any, settings.interval), settings.ci, settings.stratify
    )
    if not settings.stratify:
        return metrics.Replicates(patients, options=options)
    having: dict[str, set[str]] = {}
    for exam in chosen.exams:
        having.setdefault(exam.patient_id, set()).update(name for name in labels if chosen.truth(exam, name) == 1)
    strata = [sum(1 << n for n, name in enumerate(labels) if name in having[patient]) for patient in patients.tolist()]
    return metrics.Replicates(patients, strata=strata, options=options)


def _warn_of_origin(work: Work) -> None:
    learnt = [m.name for m in work.models if m.predictions.record.get("run")]
    if work.settings.split == "train":
        work.warnings["in-sample"] = "The split train was learnt from: these numbers say nothing of new patients."
    elif learnt and any(exam.columns.get("split") == "train" for exam in work.chosen.exams):
        work.warnings["in-sample"] = (
            f"Exams of the split train, from which {' and '.join(learnt)} may have learnt, are among those evaluated."
        )
    for model in work.models:
        smaller = [row for row in model.predictions.skipped().iter_rows() if row[0] == "warning"]
        if smaller:
            work.warnings[f"prediction-{model.name}"] = (
                f"{model.name}: {len(smaller)} warning(s), the first of {smaller[0][1]}: {smaller[0][2]}."
            )
        odd = set(model.predictions.marks()["label"]) - set(model.predictions.labels)
        if odd and work.settings.froc:
            work.warnings[f"marks-{model.name}"] = (
                f"{model.name}: its marks of {', '.join(sorted(map(str, odd)))} are not judged: it does not score them."
            )
        made_for = model.predictions.record.get("dataset_fingerprint")
        if made_for and made_for != work.chosen.data.fingerprint:
            work.warnings[f"dataset-changed-{model.name}"] = (
                f"The tables of {work.chosen.data.meta.name} were changed after {model.name} was predicted."
            )


def _report(work: Work, command: str) -> Report:
    data, settings = work.chosen.data, work.settings
    inputs: list[dict[str, Any]] = [{"kind": "dataset", "name": data.meta.name, "fingerprint": data.fingerprint}]
    rows: list[ModelRow] = []
    for model in work.models:
        record = model.predictions.record
        inputs.append({"kind": "predictions", "name": model.name, "fingerprint": model.predictions.fingerprint})
        rows.append(
            {
                "name": model.name,
                "kind": "run" if record.get("run") else "predictions",
                "labels": list(model.predictions.labels),
                "source": str(record.get("run") or model.predictions.name),
                "scores": str(record.get("scores", "risk")),
                "localizes": model.predictions.localizes,
                "pooling": dict(record.get("pooling", {"views": "mean", "breasts": "max"})),
            }
        )
    for one in work.locked:
        validation = one.model.predictions
        inputs.append({"kind": "validation", "name": one.model.name, "fingerprint": validation.fingerprint})
    chosen_settings = asdict(settings)
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
        "comparisons": work.comparisons(),
        "curves": work.curves,
        "cases": work.cases,
        "warnings": [Warning_(id=name, text=text) for name, text in work.warnings.items()],
    }
