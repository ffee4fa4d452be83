"""CC against MLO: breasts judged on the images of one view alone, by the same model (Wu et al. 2019, Table S2).

Where a model gives further scores named `cc` and `mlo` (the branches of Wu et al.'s network), those are taken; else the
scores of a breast's images of the view, pooled as the model pools images of one view. Both are judged on the breasts
that have both, so that the difference CC - MLO is paired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import fmean
from typing import Any

import numpy as np

from cadkit import metrics
from cadkit.data import Breast
from cadkit.errors import InputError
from cadkit.evaluation.cohort import Scored, level_scores
from cadkit.evaluation.work import Work

VIEWS = ("CC", "MLO")
_METRICS: tuple[metrics.Metric, ...] = ("auc", "prauc")
_FAMILY = "views"
_LEVEL = "breast"


def compare_views(work: Work, label: str) -> None:
    """AUC and PRAUC of every model on CC and on MLO images alone, and their paired differences.

    Raises:
        InputError: no model scores images or views.
    """
    able = models_with_views(work, label)
    if not able:
        raise InputError(
            "no model scores images, so that CC and MLO cannot be told apart", row="--views",
            value=", ".join(model.name for model in work.models),
            mend="Leave it out, or give predictions with images.csv.",
        )  # fmt: skip
    for model in work.models:
        if model in able:
            _compare(work, model, label)
        else:
            work.warnings[f"views-{model.name}"] = f"{model.name} scores no images: its CC and MLO are not compared."


def models_with_views(work: Work, label: str) -> list[Scored]:
    """The models that score images, or CC and MLO apart."""
    return [model for model in work.models if model.gives("image") or _branches(work, model, label)]


def _compare(work: Work, model: Scored, label: str) -> None:
    truths: list[int] = []
    patients: list[str] = []
    scores: list[list[float]] = []
    for breast, by_view in _by_view(work, model, label):
        truth = work.chosen.truth(breast, label)
        found = [work.chosen.score(by_view.get(view, {}), label) for view in VIEWS]
        if not math.isnan(truth) and all(score is not None for score in found):
            truths.append(int(truth))
            patients.append(work.chosen.cluster_of(breast))
            scores.append([float(score) for score in found if score is not None])
    truth_of, patient = np.array(truths, dtype=np.int64), np.array(patients, dtype=str)
    columns = np.array(scores, dtype=np.float64).reshape(len(scores), len(VIEWS)).T
    names = tuple(f"{model.name} ({view})" for view in VIEWS)
    judged = [
        metrics.classification(truth_of, score, _METRICS, cluster=patient, bootstrap=work.replicates)
        for score in columns
    ]
    for name, results in zip(names, judged, strict=True):
        for result in results:
            work.add(name, label, _LEVEL, result)
    a, b = names
    if 0 < truth_of.sum() < len(truth_of):
        work.compare_areas((a, b), label, _LEVEL, truth_of, columns, patient, "all", family=_FAMILY)
    for pair in zip(*judged, strict=True):
        work.compare(a, b, label, _LEVEL, pair, family=_FAMILY)


def _branches(work: Work, model: Scored, label: str) -> dict[str, str]:
    """Names of the model's further scores of each view, by view; none where it has not both."""
    if not model.gives(_LEVEL):
        return {}
    columns = {column for row in level_scores(model, work.chosen, _LEVEL).values() for column in row}
    part = work.chosen.parts(label)[0]
    names = {name for name, dot, scored in (column.rpartition(".") for column in columns) if dot and scored == part}
    found = {view: name for view in VIEWS for name in sorted(names) if name.upper() == view}
    return found if len(found) == len(VIEWS) else {}


def _by_view(work: Work, model: Scored, label: str) -> list[tuple[Breast, dict[str, Mapping[str, float]]]]:
    """The scores of every breast by view, by label."""
    branches = _branches(work, model, label)
    breasts = work.chosen.breasts
    if branches:
        table = level_scores(model, work.chosen, _LEVEL)
        return [
            (breast, {view: _of_branch(table.get((breast.exam.id, breast.side), {}), branches[view]) for view in VIEWS})
            for breast in breasts
        ]
    images = level_scores(model, work.chosen, "image")
    largest = model.predictions.record.get("pooling", {}).get("views", "mean") == "max"
    return [(breast, _of_images(breast, images, largest)) for breast in breasts]


def _of_branch(row: Mapping[str, float], name: str) -> dict[str, float]:
    return {column[len(name) + 1 :]: score for column, score in row.items() if column.startswith(f"{name}.")}


def _of_images(
    breast: Breast, scores: Mapping[Any, Mapping[str, float]], largest: bool
) -> dict[str, Mapping[str, float]]:
    """Several images of one view are averaged, or their largest taken where the model pools so."""
    found: dict[str, Mapping[str, float]] = {}
    for view in VIEWS:
        rows = [scores[image.id] for image in breast.images if image.view == view and image.id in scores]
        if rows:
            names = [name for name in rows[0] if all(name in row for row in rows)]
            found[view] = {name: (max if largest else fmean)([row[name] for row in rows]) for name in names}
    return found
