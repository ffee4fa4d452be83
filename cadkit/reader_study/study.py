"""A reader study on a wide table: from the columns of a CSV to report.json."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import cadkit
from cadkit import metrics
from cadkit.errors import InputError
from cadkit.evaluation.doubts import constant_scores, few_classes, unknown_truth
from cadkit.evaluation.inputs import claim
from cadkit.evaluation.schema import SCHEMA, Case, Cohort, CohortUnits, LeftOut, ModelRow, Report, Warning_
from cadkit.files import write_json
from cadkit.reader_study.draws import Draws
from cadkit.reader_study.judging import (
    draw_curves,
    judge_ensembles,
    judge_hybrids,
    judge_models,
    judge_readers,
    judge_simplex,
)
from cadkit.reader_study.scales import on_scale
from cadkit.reader_study.settings import StudySettings
from cadkit.reader_study.wide import Study, read_wide_table, roles_of
from cadkit.reader_study.work import CONSENSUS, MEAN, READER_ENSEMBLE, Work, hybrid_ensemble_name, hybrid_name

_FEW_READERS = 4


def reader_study(path: str | Path, folder: str | Path, settings: StudySettings, *, command: str = "") -> Report:
    """Judge the readers, models and hybrids of a wide table and write `folder/report.json`.

    Args:
        path: of the table, a row per breast or case.
        folder: of the report; an earlier report there is replaced, anything else is refused.
        settings: which columns are what, and what is computed.
        command: what the user typed, for the record.

    Raises:
        InputError: the table or the settings are not what they must be.
    """
    settings.check()
    claim(Path(folder))
    study = read_wide_table(path, settings)
    return judge_study(study, folder, settings, command=command)


def judge_study(
    study: Study, folder: str | Path, settings: StudySettings, *, command: str = "", cases: Sequence[Case] = ()
) -> Report:
    """The same from reads that are already in memory; `cases` are for the gallery."""
    report = study_report(study, settings, command=command, cases=cases)
    folder = Path(folder)
    (folder / "report.json").unlink(missing_ok=True)
    if not cases:
        shutil.rmtree(folder / "gallery", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "report.json", report)
    return report


def study_report(study: Study, settings: StudySettings, *, command: str = "", cases: Sequence[Case] = ()) -> Report:
    """The report of a study, without writing it."""
    settings.check()
    strange = [name for name in settings.ensemble if name not in study.models]
    if strange:
        raise InputError(
            "no such model", row="--ensemble", value=strange[0], mend=f"The models are {', '.join(study.models)}."
        )
    validation = validation_of(study, settings)
    options = metrics.Bootstrap(settings.bootstrap, settings.seed, ci=settings.ci) if settings.bootstrap else None
    work = Work(
        study,
        on_scale(study, settings.scale, validation),
        settings,
        Draws(study.truth, study.cluster, len(study.readers), settings.resample, options),
    )
    _warn(work)
    if validation is not None:
        _same_cases(work, validation)
        validation = on_scale(validation, settings.scale, validation)
    judge_readers(work)
    judge_models(work)
    judge_hybrids(work)
    judge_ensembles(work)
    judge_simplex(work, validation)
    draw_curves(work)
    return _report(work, validation, command, cases)


def validation_of(study: Study, settings: StudySettings) -> Study | None:
    """The validation table in the columns of the study, where one is named."""
    if settings.validation is None:
        return None
    return read_wide_table(settings.validation, settings, roles_of(study))


def _same_cases(work: Work, validation: Study) -> None:
    both = set(work.study.cluster.tolist()) & set(validation.cluster.tolist())
    if work.study.inputs and work.study.inputs[0].get("fingerprint") == validation.inputs[0]["fingerprint"]:
        work.warnings["in-sample"] = "The validation table is the table itself: what was fitted on it is in-sample."
    elif both and work.settings.cluster is not None:
        work.warnings["shared-cases"] = f"{len(both):,} case(s) stand in the validation table as well."


def _warn(work: Work) -> None:
    study, settings = work.study, work.settings
    if study.unknown:
        work.warnings["unknown-truth"] = unknown_truth("unit", len(study.unknown), study.unknown[0], settings.truth)
    if study.aside:
        work.warnings["screening-readers"] = (
            f"The readers of screening are no part of the study: {', '.join(study.aside)}. Name them with --readers to "
            "take them in."
        )
    if few := few_classes(study.truth):
        work.warnings["few"] = few
    work.warnings |= constant_scores({**study.readers, **study.models})
    outside = [n for n, s in {**work.scaled.readers, **work.scaled.models}.items() if s.min() < 0 or s.max() > 1]
    if outside and study.models:
        work.warnings["scales"] = (
            f"Scores of {outside[0]}{' and others' if len(outside) > 1 else ''} lie outside 0 to 1: in hybrids and "
            "means of readers, scores of larger range weigh more. Choose columns of one scale, or --scale rank."
        )
    if settings.resample != "cases" and len(study.readers) < _FEW_READERS:
        work.warnings["few-readers"] = f"{len(study.readers)} reader(s) are too few to be resampled."
    if not study.recalls:
        work.warnings["no-recalls"] = (
            "There are no binary reads (--recalls): no sensitivity of readers, no consensus, no specificity at either."
        )
    if study.models:
        work.warnings["lambda-star"] = (
            "lambda* and the areas at it are chosen on the rows that they are judged on (flag in-sample): optimistic."
        )


def _models(work: Work) -> list[ModelRow]:
    study, label = work.study, work.settings.truth
    source = study.inputs[0]["name"] if study.inputs else study.name
    rows: list[ModelRow] = []

    def add(name: str, kind: Any, what: str) -> None:
        rows.append({"name": name, "kind": kind, "labels": [label], "source": what})

    for name in study.readers:
        recall = ", with binary reads" if study.recalls else ""
        add(name, "reader", f"{source}, column {name}{recall}")
    add(MEAN, "reader", f"mean of {len(study.readers)} readers")
    for name in study.models:
        add(name, "scores", f"{source}, column {name}")
    for name in study.models:
        add(hybrid_name(name), "hybrid", f"mean of {len(study.readers)} hybrids of {name} with a reader each")
        for reader in study.readers:
            add(hybrid_name(name, reader), "hybrid", f"{work.settings.weight:g} {reader}, the rest {name}")
    add(READER_ENSEMBLE, "ensemble", f"mean score of {len(study.readers)} readers")
    for name in study.models:
        add(hybrid_ensemble_name(name), "ensemble", f"mean of {READER_ENSEMBLE} and {name}")
    if study.recalls:
        add(CONSENSUS, "ensemble", f"majority vote of {len(study.readers)} readers, ties recalled")
    named = {row["name"] for row in rows}
    for row in work.results:
        if row["model"] not in named:
            named.add(row["model"])
            add(row["model"], "ensemble", str(row.get("given", {}).get("weights", "")))
    return rows


def _cohort(work: Work) -> Cohort:
    study, label = work.study, work.settings.truth
    n, positives = len(study.truth), int(study.truth.sum())
    counts = CohortUnits(
        label=label, level=study.level, eligible=n + len(study.unknown), skipped=0, unknown=len(study.unknown),
        unanswered=0, evaluated=n, positives=positives, negatives=n - positives,
    )  # fmt: skip
    return Cohort(
        split="the table",
        steps=[],
        left_out=[LeftOut(level=study.level, id=name, reason=f"{label} unknown") for name in study.unknown],
        units=[counts],
        patients=len(np.unique(study.cluster)),
        positives={study.level: {label: positives}},
    )


def _report(work: Work, validation: Study | None, command: str, cases: Sequence[Case]) -> Report:
    settings, study = work.settings, work.study
    chosen = {**asdict(settings), "validation": None if settings.validation is None else settings.validation.name}
    work.section["readers"], work.section["models"] = list(study.readers), list(study.models)
    work.section["level"], work.section["weight"] = study.level, settings.weight
    work.section["scale"] = settings.scale
    work.section.setdefault("operating", {})
    work.section.setdefault("lambdas", [])
    inputs = [
        *study.inputs,
        *({**one, "kind": "validation table"} for one in (validation.inputs if validation else ())),
    ]
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cadkit": cadkit.__version__,
        "command": command,
        "seed": settings.seed,
        "inputs": inputs,
        "settings": chosen,
        "cohort": _cohort(work),
        "models": _models(work),
        "results": work.results,
        "worst_case": [],
        "comparisons": work.comparisons(),
        "curves": work.curves,
        "cases": list(cases),
        "warnings": [Warning_(id=name, text=text) for name, text in work.warnings.items()],
        "reader_study": dict(work.section),
    }
