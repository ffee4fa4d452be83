"""Evaluation: joins truth and predictions, asks `cadkit.metrics`, and writes report.json."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

import cadkit
from cadkit import metrics
from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.evaluation.cohort import Chosen, Scored, choose, level_scores, rows_of
from cadkit.evaluation.gallery import cases_of
from cadkit.evaluation.inputs import claim, labels_of, named, predicted_split
from cadkit.evaluation.localizing import (
    CHANCE,
    Annotated,
    FrocRule,
    annotate,
    answered_images,
    froc_sample,
    localization_cells,
    localizes,
    marks_of,
    random_marks,
)
from cadkit.evaluation.schema import (
    SCHEMA,
    Case,
    ComparisonRow,
    CurveKind,
    CurveRow,
    ModelRow,
    Report,
    ResultRow,
    Warning_,
)
from cadkit.files import write_json
from cadkit.prediction import Predictions
from cadkit.prediction.folder import LEVELS

FPI = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_FEW = 20  # positives below which percentile intervals are known to be too narrow


@dataclass(frozen=True)
class Settings:
    """What is computed, and how.

    Attributes:
        split: train, validation, test or all; empty: the one that was predicted.
        levels: image, breast, exam.
        labels: which; () for all that the models score and the dataset knows.
        extra: judge the models' further scores too.
        froc: the rule of the FROC, or None for none.
        fpi: false positives per image at which sensitivity is given.
        localization: Dice and pixel average precision of the maps.
        bootstrap: number of replicates.
        interval: percentile or bca.
        ci: confidence level.
        seed: of all resampling.
        cases: hits, misses and false alarms shown of each label.
    """

    split: str = ""
    levels: tuple[str, ...] = ("breast",)
    labels: tuple[str, ...] = ()
    extra: bool = False
    froc: FrocRule | None = None
    fpi: tuple[float, ...] = FPI
    localization: bool = False
    bootstrap: int = 2000
    interval: str = "percentile"
    ci: float = 0.95
    seed: int = 0
    cases: int = 6


@dataclass
class _Work:
    """An evaluation under way."""

    folder: Path
    settings: Settings
    chosen: Chosen
    models: list[Scored]
    labels: tuple[str, ...]
    replicates: metrics.Replicates
    results: list[ResultRow] = field(default_factory=list)
    comparisons: list[ComparisonRow] = field(default_factory=list)
    curves: list[CurveRow] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)

    def add(self, model: str, label: str, level: str, found: metrics.Result) -> None:
        row = {"model": model, "label": label, "level": level, "subgroup": "all", **found.to_dict()}
        if not row["flags"]:
            del row["flags"]
        self.results.append(cast(ResultRow, row))

    def compare(self, a: str, b: str, label: str, level: str, pair: tuple[metrics.Result, metrics.Result]) -> None:
        first, second = pair
        if first.value is None or second.value is None:
            found = metrics.Comparison(first.metric, None, at=first.at)
        else:
            found = metrics.difference(first, second)
        made = found.to_dict()
        del made["dropped"], made["ci"]
        made.pop("reason")
        row = {"a": a, "b": b, "label": label, "level": level, "subgroup": "all", "p_adjusted": None, **made}
        self.comparisons.append(cast(ComparisonRow, row))


def evaluate(
    predictions: Sequence[Predictions],
    data: Dataset,
    folder: str | Path,
    settings: Settings = Settings(),
    command: str = "",
) -> Report:
    """Evaluate prediction folders on a dataset and write `folder/report.json` and the gallery's pictures.

    Args:
        predictions: at least one; several are evaluated on the exams that all of them answered.
        data: with its truth.
        folder: of the report; an earlier report there is replaced, anything else is refused.
        settings: what to compute.
        command: what the user typed, for the record.

    Raises:
        InputError: predictions and dataset do not fit together, or the settings do not fit them.
    """
    folder = Path(folder)
    for level in settings.levels:
        if level not in LEVELS:
            raise InputError(f"a level is one of {', '.join(LEVELS)}", row="--level", value=level)
    claim(folder)
    models = named(predictions)
    settings = settings if settings.split else replace(settings, split=predicted_split(predictions))
    chosen = choose(data, settings.split, models)
    labels = labels_of(models, data, settings.labels)
    patients = np.array([exam.patient_id for exam in chosen.exams], dtype=str)
    options = metrics.Bootstrap(settings.bootstrap, settings.seed, cast(Any, settings.interval), settings.ci)
    work = _Work(folder, settings, chosen, models, labels, metrics.Replicates(patients, options=options))
    _warn_of_origin(work)
    froc: dict[str, dict[str, tuple[Annotated, metrics.Matches]]] = {}
    for label in labels:
        for level in settings.levels:
            _classify(work, label, level)
        froc[label] = _froc(work, label) if settings.froc else {}
        if settings.localization:
            _localize(work, label)
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


def _warn_of_origin(work: _Work) -> None:
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


def _columns(work: _Work, label: str, level: str) -> list[tuple[str, str]]:
    """(suffix of the model's name, column) of the scores to judge for a label."""
    columns = [("", label)]
    if work.settings.extra:
        tables = [{c for row in level_scores(m, work.chosen, level).values() for c in row} for m in work.models]
        for column in sorted(set.intersection(*tables)):
            name, dot, scored = column.rpartition(".")
            if dot and scored == label:
                columns.append((f" ({name})", column))
    return columns


def _classify(work: _Work, label: str, level: str) -> None:
    for suffix, column in _columns(work, label, level):
        rows = rows_of(work.chosen, work.models, level, label, column)
        if rows.unanswered or rows.unknown:
            work.warnings.setdefault(
                f"left-out-{level}-{label}",
                f"{label}, {level} level: {rows.unknown} of unknown truth and {rows.unanswered} without a score "
                "were left out.",
            )
        positives = int(rows.truth.sum())
        if 0 < positives < _FEW or 0 < len(rows.truth) - positives < _FEW:
            work.warnings.setdefault(
                f"few-{level}-{label}",
                f"{label}, {level} level: only {positives} positives and {len(rows.truth) - positives} negatives; "
                "intervals from so few are rough and tend to be too narrow.",
            )
        found = []
        for number, model in enumerate(work.models):
            answer = metrics.classification(
                rows.truth, rows.score[number], ("auc", "prauc"), cluster=rows.patient, bootstrap=work.replicates
            )
            found.append(answer)
            for result in answer:
                work.add(model.name + suffix, label, level, result)
            if 0 < positives < len(rows.truth):
                work.curves += _roc_and_pr(model.name + suffix, label, level, rows.truth, rows.score[number])
        for first in range(len(found)):
            for second in range(first + 1, len(found)):
                names = (work.models[first].name + suffix, work.models[second].name + suffix)
                for pair in zip(found[first], found[second], strict=True):
                    work.compare(*names, label, level, pair)


def _finite(values: Any) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]


def _roc_and_pr(model: str, label: str, level: str, truth: Any, score: Any) -> list[CurveRow]:
    roc, pr = metrics.roc_curve(truth, score), metrics.pr_curve(truth, score)
    points: tuple[tuple[CurveKind, Any, Any, Any], ...] = (
        ("roc", roc.fpr, roc.tpr, roc.threshold),
        ("pr", pr.recall, pr.precision, pr.threshold),
    )
    return [
        CurveRow(
            model=model, label=label, level=level, kind=kind, x=x.tolist(), y=y.tolist(), threshold=_finite(threshold)
        )
        for kind, x, y, threshold in points
    ]


def _froc(work: _Work, label: str) -> dict[str, tuple[Annotated, metrics.Matches]]:
    """FROC of every model that localizes, and of random marks in equal number; what the gallery needs."""
    rule = work.settings.froc
    assert rule is not None
    shown: dict[str, tuple[Annotated, metrics.Matches]] = {}
    models = [model for model in work.models if localizes(model)] or work.models
    for model in work.models:
        if model not in models:
            work.warnings[f"no-froc-{model.name}"] = f"{model.name} gives neither marks nor saliency maps: no FROC."
    answered = set.intersection(*(answered_images(model, work.chosen) for model in models))
    truth = annotate(work.chosen, label, rule, answered)
    for reason, count in truth.excluded.items():
        work.warnings[f"froc-excluded-{label}-{reason.split()[-1]}"] = (
            f"FROC, {label}: {count} image(s) left out: {reason}."
        )
    wanted: list[Any] = [("froc_sensitivity", rate) for rate in work.settings.fpi] + ["max_sensitivity", "cpm"]
    found: list[tuple[str, list[metrics.Result]]] = []
    own: list[int] = []
    rivals: list[tuple[int, int]] = []
    for model in models:
        marks = marks_of(model, truth.images, label, rule)
        sample, matches = froc_sample(marks, truth, rule)
        shown[model.name] = (truth, matches)
        samples = [(model.name, sample)]
        chance = _chance(work, marks, truth, rule)
        if chance is not None:
            samples.append((CHANCE if len(models) == 1 else f"{CHANCE} as {model.name}", chance))
            rivals.append((len(found), len(found) + 1))
        rivals += [(other, len(found)) for other in own]
        own.append(len(found))
        for name, one in samples:
            results = metrics.froc(one, wanted, bootstrap=work.replicates)
            found.append((name, results))
            for result in results:
                work.add(name, label, rule.unit, result)
            if one.undefined() is None:
                work.curves.append(_froc_curve(work, name, label, rule.unit, one))
    for first, second in sorted(rivals):
        for pair in zip(found[first][1], found[second][1], strict=True):
            work.compare(found[first][0], found[second][0], label, rule.unit, pair)
    return shown


def _chance(work: _Work, marks: metrics.Marks, truth: Annotated, rule: FrocRule) -> metrics.FrocSample | None:
    """As many marks at random places of the breasts; None where no pixels say where the breasts are."""
    if rule.hit == "iou" or not all(truth.images[n].prepared for n in np.unique(marks.image)):
        why = "they have no boxes" if rule.hit == "iou" else "the images were not prepared"
        work.warnings["no-random-marks"] = f"There are no {CHANCE} to compare with: {why}."
        return None
    return froc_sample(random_marks(marks, truth.images, work.settings.seed), truth, rule)[0]


def _froc_curve(work: _Work, model: str, label: str, level: str, sample: metrics.FrocSample) -> CurveRow:
    curve = metrics.froc_curve(sample)
    last = max(work.settings.fpi)
    grid = np.unique(np.concatenate([np.geomspace(0.02, last, 40), np.array(work.settings.fpi)]))
    band = metrics.froc_band(sample, grid, bootstrap=work.replicates)
    row = CurveRow(
        model=model,
        label=label,
        level=level,
        kind="froc",
        x=curve.fpi.tolist(),
        y=curve.sensitivity.tolist(),
        threshold=_finite(curve.threshold),
    )
    if np.isfinite(band.low).all() and np.isfinite(band.high).all():
        row["band_x"], row["low"], row["high"] = band.fpi.tolist(), band.low.tolist(), band.high.tolist()
    return row


def _localize(work: _Work, label: str) -> None:
    for model in [model for model in work.models if model.predictions.has_saliency] or work.models:
        images, cells = localization_cells(model, work.chosen, label)
        patients = np.array([image.exam.patient_id for image in images], dtype=str)
        columns: tuple[tuple[str, Any], ...] = (
            ("dice_soft", metrics.dice_soft),
            ("dice_best", metrics.dice_best),
            ("pxap", metrics.pxap),
        )
        for name, function in columns:
            values = [function(cell) for cell in cells]
            found = metrics.image_mean(name, values, cluster=patients, bootstrap=work.replicates if images else None)
            work.add(model.name, label, "image", found)
        pooled = metrics.pxap_pooled(cells, cluster=patients, bootstrap=work.replicates if images else None)
        work.add(model.name, label, "image", pooled)


def _report(work: _Work, command: str) -> Report:
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
        "cohort": work.chosen.as_json(work.labels),
        "models": rows,
        "results": work.results,
        "comparisons": work.comparisons,
        "curves": work.curves,
        "cases": work.cases,
        "warnings": [Warning_(id=name, text=text) for name, text in work.warnings.items()],
    }
