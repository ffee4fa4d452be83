"""Which marks hit which findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from cadkit.metrics._arrays import BoolArray, FloatArray, IntArray, indices, same_length, scores

Rule = Literal["center", "iou", "distance"]
Duplicates = Literal["ignore", "fp"]

_PAIRS = 1 << 20  # pairs of a mark and a finding looked at together
_MARGIN = 1e-6


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


def iou(boxes: FloatArray, others: npt.ArrayLike) -> FloatArray:
    """Intersection over union of boxes (n x 4) with one box or with n boxes; 0 where the union is empty."""
    x0, y0, x1, y1 = np.asarray(others, dtype=np.float64).T
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
    candidates = np.searchsorted(ordered, findings.image, "right") - starts
    pairs: list[tuple[IntArray, IntArray]] = []
    for chosen in _portions(candidates):
        count = candidates[chosen]
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        mark = order[np.repeat(starts[chosen], count) + within]
        finding = np.repeat(chosen, count)
        if rule == "iou" and marks.box is not None:
            boxes = np.array([findings.region[number].box for number in chosen], dtype=np.float64)
            hit = iou(marks.box[mark], np.repeat(boxes, count, axis=0)) >= threshold
        elif rule == "distance" and distance is not None:
            hit = _distances(marks, findings, mark, finding) <= distance
        else:
            hit = _contained(marks, findings, mark, finding)
        pairs.append((mark[hit].astype(np.int64), finding[hit]))
    if not pairs:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate([mark for mark, _ in pairs]), np.concatenate([finding for _, finding in pairs])


def _portions(candidates: IntArray) -> Iterator[IntArray]:
    """Findings with a mark in their image, in order, as many at a time as bounded memory allows."""
    numbers = np.flatnonzero(candidates)
    total = np.cumsum(candidates[numbers])
    start = 0
    while start < len(numbers):
        before = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, before + _PAIRS, "right")))
        yield numbers[start:stop]
        start = stop


def _contained(marks: Marks, findings: Findings, mark: IntArray, finding: IntArray) -> BoolArray:
    """Whether each mark's point lies in the region of its finding; `finding` is ordered."""
    x, y = marks.x[mark], marks.y[mark]
    numbers, first = np.unique(finding, return_index=True)
    boxes = np.array([findings.region[number].box for number in numbers], dtype=np.float64).reshape(-1, 4)
    x0, y0, x1, y1 = np.repeat(boxes, np.diff(np.append(first, len(finding))), axis=0).T
    # Only regions near which a mark lies are asked. The margin covers rounding; the region itself decides.
    hit: BoolArray = (x >= x0 - _MARGIN) & (x <= x1 + _MARGIN) & (y >= y0 - _MARGIN) & (y <= y1 + _MARGIN)
    near = np.flatnonzero(hit)
    asked, first = np.unique(finding[near], return_index=True)
    for number, these in zip(asked, np.split(near, first[1:]), strict=False):
        hit[these] = findings.region[number].contains(x[these], y[these])
    return hit


def _distances(marks: Marks, findings: Findings, mark: IntArray, finding: IntArray) -> FloatArray:
    """Distance of each mark from the centre of its finding, in mm, or in pixels where the spacing is unknown."""
    numbers, index = np.unique(finding, return_inverse=True)
    centre = np.array([findings.region[number].center for number in numbers], dtype=np.float64).reshape(-1, 2)[index]
    scale = np.ones((len(finding), 2))
    if findings.spacing is not None:
        spacing = findings.spacing[finding]
        known = np.isfinite(spacing).all(axis=1)
        scale[known] = spacing[known]
    away: FloatArray = np.hypot(
        (marks.x[mark] - centre[:, 0]) * scale[:, 0], (marks.y[mark] - centre[:, 1]) * scale[:, 1]
    )
    return away


def _surplus(marks: Marks, findings: Findings, mark: IntArray, finding: IntArray) -> IntArray:
    """Marks that hit only findings which marks before them have claimed."""
    gap = np.full(len(marks), np.inf)
    np.minimum.at(gap, mark, _distances(marks, findings, mark, finding))
    hitting = np.unique(mark)
    rank = np.zeros(len(marks), dtype=np.int64)
    rank[hitting[np.lexsort((hitting, gap[hitting], -marks.score[hitting]))]] = np.arange(len(hitting))
    # A mark claims all that it hits, so a finding belongs to the first mark on it.
    first = np.full(len(findings), len(marks))
    np.minimum.at(first, finding, rank[mark])
    claims = np.zeros(len(marks), dtype=np.bool_)
    claims[mark[first[finding] == rank[mark]]] = True
    return hitting[~claims[hitting]]
