"""Which marks hit which findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import BoolArray, FloatArray, IntArray, indices, same_length, scores

Rule = Literal["center", "iou", "distance"]
Duplicates = Literal["ignore", "fp"]


class Region(Protocol):
    """A finding's region in the continuous coordinates of its image: x to the right, y down."""

    @property
    def box(self) -> Sequence[float]:
        """Bounding box x0, y0, x1, y1, half open."""

    @property
    def center(self) -> Sequence[float]:
        """Centre of mass x, y."""

    def contains(self, x: FloatArray, y: FloatArray) -> npt.NDArray[np.bool_]:
        """Whether each point lies in the region."""


@dataclass(frozen=True, eq=False)
class Marks:
    """Marks of all images.

    Attributes:
        image: index of each mark's image.
        x, y: its point, in the image's continuous coordinates.
        score: finite, larger is more suspicious.
        box: x0, y0, x1, y1 of each mark (n x 4) where the model gives boxes.
    """

    image: IntArray
    x: FloatArray
    y: FloatArray
    score: FloatArray
    box: FloatArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", indices(self.image, "image of a mark"))
        for name in ("x", "y", "score"):
            object.__setattr__(self, name, scores(getattr(self, name), f"{name} of a mark", finite=True))
        same_length(len(self.image), x=self.x, y=self.y, score=self.score)
        if self.box is not None:
            box = np.asarray(self.box, dtype=np.float64).reshape(-1, 4)
            same_length(len(self.image), box=box)
            if not np.isfinite(box).all() or (box[:, 2:] < box[:, :2]).any():
                raise ValueError("boxes of marks must be finite x0, y0, x1, y1 with x0 <= x1 and y0 <= y1")
            object.__setattr__(self, "box", box)

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True, eq=False)
class Findings:
    """Findings of all images.

    Attributes:
        image: index of each finding's image.
        region: its region.
        spacing: mm per pixel in x and y (n x 2), NaN where unknown; only the rule `distance` reads it.
    """

    image: IntArray
    region: Sequence[Region]
    spacing: FloatArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", indices(self.image, "image of a finding"))
        if len(self.region) != len(self.image):
            raise ValueError(f"{len(self.region)} regions do not fit {len(self.image)} findings")
        if self.spacing is not None:
            spacing = np.asarray(self.spacing, dtype=np.float64).reshape(-1, 2)
            same_length(len(self.image), spacing=spacing)
            object.__setattr__(self, "spacing", spacing)

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True, eq=False)
class Matches:
    """What the marks amount to.

    Attributes:
        best: highest score of the marks that hit each finding, -inf where none does.
        false_positive: per mark, whether it counts as a false positive.
        neutral: per mark, whether it was dropped because it lies on a finding that neither counts for nor against it.
        hit_mark, hit_finding: all pairs of a mark and a finding that it hits.
    """

    best: FloatArray
    false_positive: BoolArray
    neutral: BoolArray
    hit_mark: IntArray
    hit_finding: IntArray


def iou(boxes: FloatArray, box: Sequence[float]) -> FloatArray:
    """Intersection over union of boxes (n x 4) with one box; 0 where the union is empty."""
    x0, y0, x1, y1 = (float(value) for value in box)
    width = np.minimum(boxes[:, 2], x1) - np.maximum(boxes[:, 0], x0)
    height = np.minimum(boxes[:, 3], y1) - np.maximum(boxes[:, 1], y0)
    inside = np.maximum(width, 0) * np.maximum(height, 0)
    union = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) + (x1 - x0) * (y1 - y0) - inside
    share = np.zeros(len(boxes))
    np.divide(inside, union, out=share, where=union > 0)
    return share


def match(
    marks: Marks,
    findings: Findings,
    *,
    rule: Rule = "center",
    threshold: float = 0.1,
    distance: float | None = None,
    duplicates: Duplicates = "ignore",
    neutral: Findings | None = None,
) -> Matches:
    """Match marks to findings (statistics, FROC).

    Args:
        marks: all marks of one model and label.
        findings: the findings of that label.
        rule: `center`: the mark's point lies in the region; `iou`: intersection over union of the mark's box and
            the region's bounding box is at least `threshold`; `distance`: the point lies within `distance` of the
            region's centre of mass, in mm where the finding has a spacing, else in pixels.
        threshold: of `iou`, in (0, 1].
        distance: of `distance`, in mm or pixels.
        duplicates: what a further mark on a finding already detected is: `ignore` nothing, `fp` a false positive
            (marks visited by falling score, each finding claimed once; a tie is broken by distance to the
            centre of the nearest finding hit, then by order).
        neutral: findings on which a mark counts neither way: those of other labels (`--other-findings neutral`), or
            ones excluded. Without them such a mark is a false positive. A finding of the label itself goes first.

    Raises:
        ValueError: marks without boxes under `iou`, no `distance` under `distance`, a threshold out of range.
    """
    _check(marks, rule, threshold, distance)
    mark, finding = _hits(marks, findings, rule, threshold, distance)
    best = np.full(len(findings), -np.inf)
    np.maximum.at(best, finding, marks.score[mark])
    false = np.ones(len(marks), dtype=np.bool_)
    false[mark] = False
    dropped = np.zeros(len(marks), dtype=np.bool_)
    if neutral is not None:
        dropped[_hits(marks, neutral, rule, threshold, distance)[0]] = True
        dropped &= false
        false &= ~dropped
    if duplicates == "fp":
        false[_surplus(marks, findings, mark, finding)] = True
    elif duplicates != "ignore":
        raise ValueError(f"duplicates must be 'ignore' or 'fp' (found {duplicates!r})")
    return Matches(best, false, dropped, mark, finding)


def _check(marks: Marks, rule: str, threshold: float, distance: float | None) -> None:
    if rule not in ("center", "iou", "distance"):
        raise ValueError(f"rule must be 'center', 'iou' or 'distance' (found {rule!r})")
    if rule == "iou" and marks.box is None and len(marks):
        raise ValueError("the rule 'iou' needs marks with boxes; these are points: use 'center' or 'distance'")
    if rule == "iou" and not 0 < threshold <= 1:
        raise ValueError(f"the IoU threshold must lie in (0, 1] (found {threshold})")
    if rule == "distance" and (distance is None or not 0 <= distance < np.inf):
        raise ValueError(f"the rule 'distance' needs a distance of 0 or more (found {distance})")


def _hits(
    marks: Marks, findings: Findings, rule: Rule, threshold: float, distance: float | None
) -> tuple[IntArray, IntArray]:
    """Pairs of mark and finding, ordered by finding, then by mark."""
    order = np.argsort(marks.image, kind="stable")
    ordered = marks.image[order]
    starts = np.searchsorted(ordered, findings.image, "left")
    stops = np.searchsorted(ordered, findings.image, "right")
    pairs: list[tuple[IntArray, IntArray]] = []
    for number, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        candidates = order[start:stop]
        if not len(candidates):
            continue
        region = findings.region[number]
        if rule == "iou" and marks.box is not None:
            hit = iou(marks.box[candidates], region.box) >= threshold
        elif rule == "distance" and distance is not None:
            spacing = None if findings.spacing is None else findings.spacing[number]
            hit = _distances(marks, candidates, region, spacing) <= distance
        else:
            hit = np.asarray(region.contains(marks.x[candidates], marks.y[candidates]), dtype=np.bool_)
        found = candidates[hit].astype(np.int64)
        pairs.append((found, np.full(len(found), number, dtype=np.int64)))
    if not pairs:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate([mark for mark, _ in pairs]), np.concatenate([finding for _, finding in pairs])


def _distances(marks: Marks, chosen: IntArray, region: Region, spacing: FloatArray | None) -> FloatArray:
    """Distance of marks from the region's centre, in mm, or in pixels where the spacing is unknown."""
    scale = np.ones(2) if spacing is None or not np.isfinite(spacing).all() else spacing
    x, y = region.center
    away: FloatArray = np.hypot((marks.x[chosen] - x) * scale[0], (marks.y[chosen] - y) * scale[1])
    return away


def _surplus(marks: Marks, findings: Findings, mark: IntArray, finding: IntArray) -> IntArray:
    """Marks that hit only findings which marks before them have claimed."""
    hits: dict[int, list[int]] = {}
    gap: dict[int, float] = {}
    for one, other in zip(mark.tolist(), finding.tolist(), strict=True):
        hits.setdefault(one, []).append(other)
        spacing = None if findings.spacing is None else findings.spacing[other]
        away = float(_distances(marks, np.array([one]), findings.region[other], spacing)[0])
        gap[one] = min(away, gap.get(one, np.inf))
    claimed: set[int] = set()
    surplus = []
    for one in sorted(hits, key=lambda number: (-marks.score[number], gap[number], number)):
        if claimed.issuperset(hits[one]):
            surplus.append(one)
        claimed.update(hits[one])
    return np.array(surplus, dtype=np.int64)
