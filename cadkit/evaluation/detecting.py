"""The FROC of every model against the findings of the cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cadkit import metrics
from cadkit.evaluation.doubts import counted
from cadkit.evaluation.localizing import (
    CHANCE,
    Annotated,
    FrocRule,
    annotate,
    answered_images,
    case_ratings,
    froc_sample,
    localizes,
    marks_of,
    random_marks,
)
from cadkit.evaluation.schema import CurveRow
from cadkit.evaluation.work import Work, finite

_FigureOfMerit = str | tuple[str, float]


def detect(work: Work, label: str) -> dict[str, tuple[Annotated, metrics.Matches]]:
    """FROC of every model that localizes, and of random marks in equal number; what the gallery needs."""
    rule = work.settings.froc
    assert rule is not None
    shown: dict[str, tuple[Annotated, metrics.Matches]] = {}
    models = [model for model in work.models if localizes(model)] or work.models
    for model in work.models:
        if model not in models:
            kept = model.predictions.localizes != "saliency"
            without = "gives neither marks nor saliency maps" if kept else "was predicted without --saliency"
            work.warnings[f"no-froc-{model.name}"] = f"{model.name} {without}: no FROC."
    answering = dict.fromkeys([*models, *(model for model in work.everyone if localizes(model))])
    answered = set.intersection(*(answered_images(model, work.chosen) for model in answering))
    truth = annotate(work.chosen, label, rule, answered)
    for reason, count in truth.excluded.items():
        work.warnings[f"froc-excluded-{label}-{reason.split()[-1]}"] = (
            f"FROC, {label}: {counted(count, 'image')} left out: {reason}."
        )
    found: list[tuple[str, list[metrics.Result]]] = []
    own: list[int] = []
    rivals: list[tuple[int, int]] = []
    for model in models:
        marks = marks_of(model, truth.images, label, rule, work.chosen.parts(label))
        sample, matches = froc_sample(marks, truth, rule)
        shown[model.name] = (truth, matches)
        samples = [(model.name, sample, _areas(work, marks, truth, sample, matches))]
        chance = None if work.numbers_only else _chance(work, marks, truth, rule)
        if chance is not None:
            samples.append((CHANCE if len(models) == 1 else f"{CHANCE} as {model.name}", *chance))
            rivals.append((len(found), len(found) + 1))
        rivals += [(other, len(found)) for other in own]
        own.append(len(found))
        for name, one, areas in samples:
            found.append((name, _curve_and_numbers(work, name, label, rule, one) + areas))
            for result in found[-1][1]:
                work.add(name, label, rule.unit, result)
    for first, second in sorted(rivals):
        for pair in zip(found[first][1], found[second][1], strict=True):
            chance_too = second not in own
            work.compare(found[first][0], found[second][0], label, rule.unit, pair, chance=chance_too)
    return shown


def _curve_and_numbers(
    work: Work, model: str, label: str, rule: FrocRule, sample: metrics.FrocSample
) -> list[metrics.Result]:
    """The curve with its band into `work`; sensitivities over each kind of images that was asked for."""
    settings = work.settings
    wanted: list[_FigureOfMerit] = [("froc_sensitivity", rate) for rate in settings.fpi]
    wanted += ["max_sensitivity", "cpm", *settings.further()[1]]
    grid = np.unique(np.concatenate([np.geomspace(0.02, max(settings.fpi), 40), np.array(settings.fpi)]))
    kinds: tuple[metrics.FpImages, ...] = rule.denominators
    summaries = metrics.froc_summary(
        sample, wanted, grid=grid, fp_images=kinds, interpolate=settings.interpolate, bootstrap=work.replicates
    )
    results: list[metrics.Result] = []
    for kind, summary in summaries.items():
        further: Mapping[str, object] = {"fp_images": kind} if kind != kinds[0] else {}
        results += [replace(result, given=further) if further else result for result in summary.results]
    first = summaries[kinds[0]]
    if first.curve is not None and first.band is not None:
        work.curves.append(_curve_row(model, label, rule.unit, first.curve, first.band))
    return results


def _curve_row(model: str, label: str, level: str, curve: metrics.FrocCurve, band: metrics.FrocBand) -> CurveRow:
    row = CurveRow(
        model=model,
        label=label,
        level=level,
        kind="froc",
        x=curve.fpi.tolist(),
        y=curve.sensitivity.tolist(),
        threshold=finite(curve.threshold),
    )
    if np.isfinite(band.low).all() and np.isfinite(band.high).all():
        row["band_x"], row["low"], row["high"] = band.fpi.tolist(), band.low.tolist(), band.high.tolist()
    return row


def _areas(
    work: Work, marks: metrics.Marks, truth: Annotated, sample: metrics.FrocSample, matches: metrics.Matches
) -> list[metrics.Result]:
    """Chakraborty's figures of merit that were asked for, with exams as cases."""
    asked = work.settings.further()[0]
    return metrics.afroc(case_ratings(marks, truth, sample, matches), asked, bootstrap=work.replicates) if asked else []


def _chance(
    work: Work, marks: metrics.Marks, truth: Annotated, rule: FrocRule
) -> tuple[metrics.FrocSample, list[metrics.Result]] | None:
    """As many marks at random places of the breasts; None where no pixels say where the breasts are."""
    if rule.hit == "iou" or not all(truth.images[n].prepared for n in np.unique(marks.image)):
        why = "they have no boxes" if rule.hit == "iou" else "the images were not prepared"
        work.warnings["no-random-marks"] = f"There are no {CHANCE} to compare with: {why}."
        return None
    thrown = random_marks(marks, truth.images, work.settings.seed)
    sample, matches = froc_sample(thrown, truth, rule)
    return sample, _areas(work, thrown, truth, sample, matches)
