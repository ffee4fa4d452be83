"""Maps and regions of interest against the findings drawn: Dice, pixel average precision, coverage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cadkit import metrics
from cadkit.data import Image, Point
from cadkit.errors import InputError
from cadkit.evaluation.cohort import Chosen, Scored
from cadkit.evaluation.doubts import counted
from cadkit.evaluation.localizing import answered_images, file_shape
from cadkit.evaluation.work import Work
from cadkit.prediction import FileSaliency

_BOX = ("x0", "y0", "x1", "y1")
_NOT_COMPARED = "dice_best"  # its threshold knows each image's truth

Masks = list[NDArray[np.bool_]]


def localize(work: Work, label: str) -> None:
    """How maps and regions of interest overlap with the findings of a label, and the differences, into `work`.

    Of every model what it has: Dice and pixel average precision take maps, the coverage regions of interest.

    Raises:
        InputError: no model has either.
    """
    mapped = [model for model in work.models if model.predictions.has_saliency]
    showing = [model for model in work.models if shows_regions(model)]
    if not mapped and not showing:
        first = work.models[0]
        raise InputError(
            f"{first.name} gives no saliency maps", file=first.predictions.folder, mend="Predict with --saliency."
        )
    for model in showing:
        if model not in mapped:
            work.warnings[f"no-maps-{model.name}"] = (
                f"{model.name} gives no saliency maps (predict with --saliency): no DSC and no PxAP."
            )
    if mapped:
        _tell(work, label, _of_maps(work, mapped, label))
    boxes = {model.name: found for model in showing if (found := _boxes(work, model)) is not None}
    if boxes:
        _tell(work, label, _of_regions(work, boxes, label))


def shows_regions(model: Scored) -> bool:
    """Whether a model gives regions of interest."""
    return model.predictions.rois().height > 0


def _tell(work: Work, label: str, found: Mapping[str, Sequence[metrics.Result]]) -> None:
    """The rows of every model, and the differences of every pair, which were found over the same images."""
    for name, results in found.items():
        for result in results:
            work.add(name, label, "image", result)
    for a, b in combinations(found, 2):
        for pair in zip(found[a], found[b], strict=True):
            if pair[0].metric != _NOT_COMPARED:
                work.compare(a, b, label, "image", pair)


def _drawn(chosen: Chosen, label: str) -> Iterator[tuple[Image, Masks]]:
    """Images of the cohort with the masks of their findings of a label, those left out that hold no pixel's centre."""
    parts = chosen.parts(label)
    for image in chosen.images:
        regions = [f.region for f in chosen.data.findings_of(image.id) if f.label in parts]
        regions = [region for region in regions if not isinstance(region, Point)]
        if regions:
            shape = file_shape(image)
            masks = [mask for mask in (region.raster(shape) for region in regions) if mask.any()]
            if masks:
                yield image, masks


def _of_maps(work: Work, models: Sequence[Scored], label: str) -> dict[str, list[metrics.Result]]:
    """Dice and pixel average precision over the images of which every model with maps has one."""
    everyone = dict.fromkeys([*models, *(model for model in work.everyone if model.predictions.has_saliency)])
    cells: dict[str, list[metrics.Cells]] = {model.name: [] for model in models}
    images: list[Image] = []
    lost = 0
    for image, masks in _drawn(work.chosen, label):
        maps = {model: model.predictions.saliency(image.id) for model in everyone}
        if None in maps.values():
            lost += 1
            continue
        images.append(image)
        mask = metrics.union_mask(masks, masks[0].shape)
        for model in models:
            saliency = maps[model]
            assert saliency is not None
            cells[model.name].append(_cells(model, saliency, mask, work.chosen.parts(label)))
    _warn_of_lost(work, "maps", label, lost, "not every model has a map of them")
    return {name: _overlaps(work, images, own) for name, own in cells.items()}


def _cells(model: Scored, saliency: FileSaliency, mask: NDArray[np.bool_], parts: Sequence[str]) -> metrics.Cells:
    edges = None if saliency.edges is None else (saliency.edges[1], saliency.edges[0])
    channels = [model.predictions.labels.index(part) for part in parts]
    counts = metrics.cell_counts(mask, saliency.window, saliency.values.shape[1:], edges=edges)
    return counts.cells(saliency.values[channels].max(axis=0))


def _overlaps(work: Work, images: Sequence[Image], cells: Sequence[metrics.Cells]) -> list[metrics.Result]:
    clusters = np.array([work.chosen.cluster_of(image) for image in images], dtype=str)
    replicates = work.replicates if images else None
    found = [
        metrics.image_mean(name, [function(one) for one in cells], cluster=clusters, bootstrap=replicates)
        for name, function in (
            ("dice_soft", metrics.dice_soft),
            ("dice_best", metrics.dice_best),
            ("pxap", metrics.pxap),
        )
    ]
    return [*found, metrics.pxap_pooled(cells, cluster=clusters, bootstrap=replicates)]


def _boxes(work: Work, model: Scored) -> dict[str, NDArray[np.float64]] | None:
    """Boxes x0, y0, x1, y1 (n x 4, the file's frame) of a model's regions by image; None where one has no box."""
    table = model.predictions.rois()
    without = table.filter(pl.any_horizontal(pl.col(name).is_null() for name in _BOX)).height
    if without:
        work.warnings[f"regions-{model.name}"] = (
            f"{model.name}: {without} of {table.height} regions of interest have no box: no coverage."
        )
        return None
    by_image = table.partition_by("image_id", as_dict=True)
    return {str(image): own.select(_BOX).to_numpy() for (image,), own in by_image.items()}


def _of_regions(
    work: Work, boxes: Mapping[str, Mapping[str, NDArray[np.float64]]], label: str
) -> dict[str, list[metrics.Result]]:
    """Coverage of the findings of the images that every model with regions answered; without a region none is."""
    answering = [model for model in (*work.models, *work.everyone) if shows_regions(model)]
    answered = set.intersection(*(answered_images(model, work.chosen) for model in answering))
    shares: dict[str, list[float | None]] = {name: [] for name in boxes}
    owners: list[Image] = []
    lost = 0
    for image, masks in _drawn(work.chosen, label):
        if image.id not in answered:
            lost += 1
            continue
        owners += [image] * len(masks)
        for name, own in boxes.items():
            shares[name] += [metrics.covered_share(mask, own.get(image.id, np.empty((0, 4)))) for mask in masks]
    _warn_of_lost(work, "regions of interest", label, lost, "not every model answered them")
    clusters = np.array([work.chosen.cluster_of(image) for image in owners], dtype=str)
    images = np.array([image.id for image in owners], dtype=str)
    replicates = work.replicates if owners else None
    return {
        name: list(metrics.roi_coverage(own, images, cluster=clusters, bootstrap=replicates))
        for name, own in shares.items()
    }


def _warn_of_lost(work: Work, what: str, label: str, lost: int, reason: str) -> None:
    if lost:
        work.warnings[f"localization-{what.split()[0]}-{label}"] = (
            f"Localization by {what}, {label}: {counted(lost, 'image')} with a finding left out: {reason}."
        )
