"""Matching of many marks at once equals looking at every mark and every finding, one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadkit import metrics
from cadkit.metrics import matching
from tests.metrics.regions import Box

INF = np.inf


@dataclass
class Circle:
    center: tuple[float, float]
    radius: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        (x, y), r = self.center, self.radius
        return x - r, y - r, x + r, y + r

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x - self.center[0]) ** 2 + (y - self.center[1]) ** 2 <= self.radius**2


class Pixels:
    """A mask, pixel by pixel."""

    def __init__(self, *rows: str) -> None:
        self.mask = np.array([[cell == "#" for cell in row] for row in rows])
        ys, xs = np.nonzero(self.mask)
        self.box = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        self.center = (xs.mean() + 0.5, ys.mean() + 0.5)

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.mask[np.floor(y).astype(int), np.floor(x).astype(int)]


def overlap(a: Any, b: Any) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union else 0.0


@st.composite
def studies(draw: st.DrawFn) -> tuple[metrics.Marks, metrics.Findings]:
    whole = st.integers(0, 6).map(float)
    regions: list[Any] = []
    image = []
    for _ in range(draw(st.integers(0, 5))):
        image.append(draw(st.integers(0, 2)))
        x, y = draw(whole), draw(whole)
        if draw(st.booleans()):
            regions.append(Box((x, y, x + draw(st.integers(1, 4)), y + draw(st.integers(1, 4)))))
        else:
            regions.append(Circle((x, y), float(draw(st.integers(1, 3)))))
    rows = draw(st.lists(st.tuples(st.integers(0, 3), whole, whole, st.integers(1, 4)), max_size=12))
    at, x, y, score = (np.array(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    boxes = np.array([[a - 1, b - 1, a + 1, b + 2] for _, a, b, _ in rows]).reshape(-1, 4)
    spacing = np.where(draw(st.booleans()), 0.5, np.nan) * np.ones((len(regions), 2))
    return metrics.Marks(at, x, y, score, boxes), metrics.Findings(np.array(image, dtype=int), regions, spacing)


def literal(
    marks: metrics.Marks, findings: metrics.Findings, rule: str, limit: float, fp: bool
) -> tuple[list[float], list[bool]]:
    """Best score of every finding and false positives, mark by mark."""

    def away(m: int, f: int) -> float:
        scale = findings.spacing[f] if np.isfinite(findings.spacing[f]).all() else (1, 1)
        centre = findings.region[f].center
        return math.hypot((marks.x[m] - centre[0]) * scale[0], (marks.y[m] - centre[1]) * scale[1])

    def hits(m: int, f: int) -> bool:
        if marks.image[m] != findings.image[f]:
            return False
        region = findings.region[f]
        if rule == "iou":
            return overlap(marks.box[m], region.box) >= limit
        if rule == "distance":
            return away(m, f) <= limit
        return bool(region.contains(marks.x[m : m + 1], marks.y[m : m + 1])[0])

    hit = {m: [f for f in range(len(findings)) if hits(m, f)] for m in range(len(marks))}
    best = [max((marks.score[m] for m in hit if f in hit[m]), default=-INF) for f in range(len(findings))]
    false = [not hit[m] for m in hit]
    if fp:
        claimed: set[int] = set()
        order = [m for m in hit if hit[m]]
        for m in sorted(order, key=lambda m: (-marks.score[m], min(away(m, f) for f in hit[m]), m)):
            false[m] = claimed.issuperset(hit[m])
            claimed.update(hit[m])
    return best, false


@settings(max_examples=60, deadline=None)
@given(studies(), st.sampled_from([("center", 0.0), ("iou", 0.1), ("iou", 0.3), ("distance", 1.0), ("distance", 2.5)]))
def test_all_rules_mark_by_mark(study: tuple[metrics.Marks, metrics.Findings], how: tuple[str, float]) -> None:
    marks, findings = study
    rule, limit = how
    for duplicates in ("ignore", "fp"):
        found = metrics.match(
            marks, findings, rule=rule, threshold=limit or 0.1, distance=limit, duplicates=duplicates
        )  # fmt: skip
        best, false = literal(marks, findings, rule, limit, duplicates == "fp")
        assert found.best.tolist() == best
        assert found.false_positive.tolist() == false


def test_portions_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(4)
    marks = metrics.Marks(
        generator.integers(0, 5, 60), *generator.integers(0, 9, (2, 60)).astype(float), generator.random(60)
    )
    findings = metrics.Findings(generator.integers(0, 7, 9), [Circle((4, 4), r) for r in range(1, 10)])
    whole = metrics.match(marks, findings)
    monkeypatch.setattr(matching, "_PAIRS", 5)
    parts = metrics.match(marks, findings)
    assert parts.hit_mark.tolist() == whole.hit_mark.tolist()
    assert parts.hit_finding.tolist() == whole.hit_finding.tolist()
    pairs = list(zip(whole.hit_finding.tolist(), whole.hit_mark.tolist(), strict=True))
    assert pairs
    assert pairs == sorted(pairs), "by finding, then by mark"


def test_a_circle_is_closed_and_a_box_is_not() -> None:
    rim = metrics.Marks([0, 0, 0], [9, 5, 9.01], [5, 1, 5], [3, 2, 1])
    assert metrics.match(rim, metrics.Findings([0], [Circle((5, 5), 4)])).false_positive.tolist() == [0, 0, 1]
    assert metrics.match(rim, metrics.Findings([0], [Box((1, 1, 9, 9))])).false_positive.tolist() == [1, 0, 1]


def test_a_non_convex_mask_is_its_pixels() -> None:
    horseshoe = Pixels("######", "#....#", "#....#")
    marks = metrics.Marks([0] * 4, [3, 0.99, 1, 5], [0.5, 2.9, 2.9, 1], [4, 3, 2, 1])
    found = metrics.match(marks, metrics.Findings([0], [horseshoe]))
    assert found.false_positive.tolist() == [False, False, True, False]
    # Its centre of mass lies in the gap: (3.0, 1.1); a mark there hits by distance only.
    gap = metrics.Marks([0], [3], [1.1], [1])
    assert metrics.match(gap, metrics.Findings([0], [horseshoe])).best.tolist() == [-INF]
    assert metrics.match(gap, metrics.Findings([0], [horseshoe]), rule="distance", distance=0).best.tolist() == [1]


def test_a_mark_on_the_label_and_on_another_is_a_hit() -> None:
    marks = metrics.Marks([0, 0, 0], [5, 15, 8], [5, 5, 5], [0.9, 0.8, 0.7])
    mine = metrics.Findings([0], [Box((0, 0, 10, 10))])
    other = metrics.Findings([0, 1], [Box((7, 0, 20, 10)), Box((0, 0, 99, 99))])
    found = metrics.match(marks, mine, neutral=other, duplicates="fp")
    assert found.best.tolist() == [0.9]
    # The third is a second mark on the finding of the label, whatever else it lies on.
    assert found.false_positive.tolist() == [False, False, True]
    assert found.neutral.tolist() == [False, True, False]


def test_boxes_at_the_ends_of_overlap() -> None:
    whole = metrics.Marks([0], [5], [5], [1], [[0, 0, 10, 10]])
    lesion = metrics.Findings([0], [Box((0, 0, 10, 10))])
    assert metrics.match(whole, lesion, rule="iou", threshold=1).best.tolist() == [1]
    # An empty box on an empty box: nothing is shared of nothing.
    empty = metrics.Marks([0], [5], [5], [1], [[5, 5, 5, 5]])
    point = metrics.Findings([0], [Box((5, 5, 5, 5))])
    assert metrics.match(empty, point, rule="iou", threshold=0.1).best.tolist() == [-INF]
    # A model that marked nothing has no boxes to show, and missed every finding.
    assert metrics.match(metrics.Marks([], [], [], []), lesion, rule="iou").best.tolist() == [-INF]


def test_input_that_cannot_be_matched() -> None:
    with pytest.raises(ValueError, match="box has 1 rows, 2 were expected"):
        metrics.Marks([0, 0], [0, 0], [0, 0], [1, 2], [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match="2 regions do not fit 1 findings"):
        metrics.Findings([0], [Box((0, 0, 1, 1))] * 2)
    with pytest.raises(ValueError, match="boxes of marks must be finite"):
        metrics.Marks([0], [0], [0], [1], [[2, 0, 1, 1]])
    with pytest.raises(ValueError, match="score of a mark is infinite"):
        metrics.Marks([0], [0], [0], [INF])
    with pytest.raises(ValueError, match="image of a mark must be integers"):
        metrics.Marks([0.5], [0], [0], [1])
    for bad in ({"rule": "iou", "threshold": 0}, {"rule": "distance", "distance": -1}):
        with pytest.raises(ValueError, match=r"must lie in|needs a distance"):
            metrics.match(metrics.Marks([0], [0], [0], [1], [[0, 0, 1, 1]]), metrics.Findings([], []), **bad)
