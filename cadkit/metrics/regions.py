"""Regions of interest against the findings they should show (GMIC: Shen et al. 2021, localization performance)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import BoolArray, identities, same_length
from cadkit.metrics.intervals import wilson
from cadkit.metrics.localization import first_pixels, image_mean
from cadkit.metrics.resampling import Bootstrap, Replicates
from cadkit.metrics.results import Result

ROI_SHARE = 0.7


def union_mask(masks: Sequence[npt.ArrayLike], shape: tuple[int, int]) -> BoolArray:
    """Pixels (rows x columns) that lie in any of an image's masks.

    Raises:
        ValueError: a mask of another size than the image.
    """
    union = np.zeros(shape, dtype=np.bool_)
    for number, mask in enumerate(masks):
        lesion = np.asarray(mask)
        if lesion.shape != tuple(shape):
            raise ValueError(
                f"mask {number} has {' x '.join(map(str, lesion.shape))} pixels, its image {shape[0]} x {shape[1]}"
            )
        union |= lesion.astype(np.bool_, copy=False)
    return union


def covered_share(mask: npt.ArrayLike, rois: npt.ArrayLike) -> float | None:
    """Share of a finding's pixels whose centre lies in at least one region of interest.

    Args:
        mask: the finding's pixels (rows x columns), true in the finding.
        rois: boxes x0, y0, x1, y1 (n x 4), half open, in the image's continuous coordinates; they may reach past it.

    Returns:
        The share, 0 to 1; None for a finding without a pixel.

    >>> covered_share([[1, 1, 1, 1]], [[0, 0, 2, 1], [1, 0, 3, 1]])
    0.75
    """
    lesion = np.asarray(mask).astype(np.bool_, copy=False)
    boxes = np.asarray(rois, dtype=np.float64)
    boxes = boxes.reshape(-1, 4) if not boxes.size else boxes
    if lesion.ndim != 2 or boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"a mask has two dimensions and boxes are n x 4 (found {lesion.shape} and {boxes.shape})")
    if not np.isfinite(boxes).all() or (boxes[:, 2:] < boxes[:, :2]).any():
        raise ValueError("regions of interest must be finite x0, y0, x1, y1 with x0 <= x1 and y0 <= y1")
    total = int(np.count_nonzero(lesion))
    if not total:
        return None
    inside = np.zeros(lesion.shape, dtype=np.bool_)
    columns, rows = first_pixels(boxes[:, 0::2], lesion.shape[1]), first_pixels(boxes[:, 1::2], lesion.shape[0])
    for (left, right), (top, bottom) in zip(columns, rows, strict=True):
        inside[top:bottom, left:right] = True
    return int(np.count_nonzero(lesion & inside)) / total


def roi_coverage(
    shares: Sequence[float | None],
    image: npt.ArrayLike,
    *,
    threshold: float = ROI_SHARE,
    cluster: npt.ArrayLike | None = None,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> tuple[Result, Result]:
    """`roi_coverage`, the share of findings covered, and `roi_coverage_images`, of images with such a finding.

    Args:
        shares: covered share of every finding (`covered_share`); None (no pixels) is left out.
        image: image of every finding.
        threshold: a finding is covered from this share on.
        cluster: patient of every finding; without, the findings' interval is Wilson's, taking them as independent.
        bootstrap, seed, ci: as in `classification`.

    Returns:
        Both results; n counts images, positives the findings (of the second: the images).
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"the share from which a finding is covered lies in (0, 1] (found {threshold})")
    images = identities(image, "image")
    same_length(len(shares), image=images)
    known = np.array([share is not None for share in shares], dtype=np.bool_)
    hit = np.array([share for share in shares if share is not None], dtype=np.float64)
    if not ((hit >= 0) & (hit <= 1)).all():
        raise ValueError("shares must lie between 0 and 1; an undefined one is None")
    patient = None
    if cluster is not None:
        patient = identities(cluster)
        same_length(len(shares), cluster=patient)
        patient = patient[known]
    _, first, index = np.unique(images[known], return_index=True, return_inverse=True)
    covered = hit >= threshold
    per_image = np.zeros(len(first), dtype=np.bool_)
    np.logical_or.at(per_image, index, covered)
    answers = []
    for name, values, owner in (
        ("roi_coverage", covered, patient),
        ("roi_coverage_images", per_image, None if patient is None else patient[first]),
    ):
        numbers = values.astype(np.float64).tolist()
        result = image_mean(name, numbers, cluster=owner, bootstrap=bootstrap, seed=seed, ci=ci)
        result = replace(result, n=len(first), sd=None)
        if result.value is not None and patient is None and not bootstrap:
            low, high, _ = wilson(int(values.sum()), len(values), ci)
            result = replace(result, low=low, high=high, ci=ci, ci_method="wilson")
        answers.append(result)
    return answers[0], answers[1]
