"""What an FROC curve is made of: false positives, best scores of the positives, and images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import BoolArray, FloatArray, IntArray, indices, same_length, scores
from cadkit.metrics.matching import Marks, Matches

FpImages = Literal["all", "normal"]


def pool_units(best: npt.ArrayLike, unit: npt.ArrayLike, n_units: int) -> FloatArray:
    """Best score per unit (lesion, breast or exam): the largest over its findings.

    Args:
        best: best hitting score per finding, -inf if none.
        unit: index of each finding's unit in [0, n_units).
        n_units: number of units; one without any finding (occult) is never hit: -inf.
    """
    values = scores(best, "best")
    index = indices(unit, "unit", n_units)
    same_length(len(values), unit=index)
    pooled = np.full(n_units, -np.inf)
    np.maximum.at(pooled, index, values)
    return pooled


@dataclass(frozen=True, eq=False)
class FrocSample:
    """What an FROC curve is made of.

    Attributes:
        false_score: score of every false positive.
        false_image: its image's index in [0, n_images).
        best: best hitting score of every positive unit (finding, lesion, breast or exam); -inf: never hit.
        n_images: number of images.
        image_cluster: patient of every image; None: every image is its own cluster.
        unit_cluster: patient of every unit; None (only if `image_cluster` is None, too): the index of its image.
        counted: images over which false positives are counted, numerator and denominator alike; None: all.
        normal: images without a finding of the label, from which `over` takes `counted`; None: not known.
    """

    false_score: FloatArray
    false_image: IntArray
    best: FloatArray
    n_images: int
    image_cluster: npt.NDArray[np.generic] | None = None
    unit_cluster: npt.NDArray[np.generic] | None = None
    counted: BoolArray | None = None
    normal: BoolArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "false_score", scores(self.false_score, "false_score", finite=True))
        object.__setattr__(self, "false_image", indices(self.false_image, "false_image", self.n_images))
        object.__setattr__(self, "best", scores(self.best, "best"))
        same_length(len(self.false_score), false_image=self.false_image)
        if np.isposinf(self.best).any():
            raise ValueError("best holds an infinite score; only -inf (never hit) is allowed")
        for name, length in (
            ("image_cluster", self.n_images),
            ("unit_cluster", len(self.best)),
            ("counted", self.n_images),
            ("normal", self.n_images),
        ):
            value = getattr(self, name)
            if value is not None:
                array = np.asarray(value, dtype=np.bool_ if name in ("counted", "normal") else None)
                object.__setattr__(self, name, array)
                same_length(length, **{name: array})
        if (self.image_cluster is None) != (self.unit_cluster is None):
            raise ValueError("give the clusters of both the images and the units, or of neither")

    @classmethod
    def from_matches(
        cls,
        marks: Marks,
        matches: Matches,
        n_images: int,
        *,
        best: npt.ArrayLike | None = None,
        image_cluster: npt.ArrayLike | None = None,
        unit_cluster: npt.ArrayLike | None = None,
        counted: npt.ArrayLike | None = None,
        normal: npt.ArrayLike | None = None,
    ) -> FrocSample:
        """Sample of a match; `best` (default: of each finding) may have been pooled to other units (`pool_units`).

        Raises:
            ValueError: a mark on an image that is not there, or arrays that do not fit each other.
        """
        indices(marks.image, "image of a mark", n_images)
        false = matches.false_positive
        return cls(
            marks.score[false],
            marks.image[false],
            matches.best if best is None else np.asarray(best, dtype=np.float64),
            n_images,
            None if image_cluster is None else np.asarray(image_cluster),
            None if unit_cluster is None else np.asarray(unit_cluster),
            None if counted is None else np.asarray(counted, dtype=np.bool_),
            None if normal is None else np.asarray(normal, dtype=np.bool_),
        )

    def over(self, images: FpImages) -> FrocSample:
        """The sample with false positives counted over all images, or over those without a finding of the label.

        Raises:
            ValueError: `normal` is asked for but not known.
        """
        if images not in ("all", "normal"):
            raise ValueError(f"false positives are counted over 'all' or 'normal' images (found {images!r})")
        if images == "normal" and self.normal is None:
            raise ValueError("the sample does not say which images are normal: give `normal`")
        return replace(self, counted=None if images == "all" else self.normal)

    @property
    def images(self) -> BoolArray:
        """Which images false positives are counted over."""
        return np.ones(self.n_images, dtype=np.bool_) if self.counted is None else self.counted

    def undefined(self) -> str | None:
        """Why the curve does not exist, if so."""
        if not len(self.best):
            return "no positive findings"
        return None if self.images.any() else "no images to count false positives over"
