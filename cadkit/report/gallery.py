"""Cases of the gallery as the page draws them: one SVG each, in the pixels of the image's file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cadkit.evaluation.schema import Case, CaseFinding, CaseMark, Report
from cadkit.report import wording
from cadkit.report.pictures import allowance, picture_uri, saliency_uri

WHY = {
    "hit": ("Hit", "a positive breast among the highest scored positives"),
    "miss": ("Miss", "a positive breast among the lowest scored positives"),
    "false alarm": ("False alarm", "a negative breast among the highest scored negatives"),
}
Box = tuple[float, float, float, float]  # x0, y0, x1, y1
_LABELLED = 3  # marks of an image whose score is written beside them


@dataclass(frozen=True)
class DrawnMark:
    """A mark, its rank among the image's marks, its tooltip, and where its score is written (x, y, anchor)."""

    x: float
    y: float
    box: list[float] | None
    score: float
    rank: int
    hit: bool
    words: str
    text: tuple[float, float, str] | None


@dataclass(frozen=True)
class DrawnCase:
    """What the template needs of a case.

    Attributes:
        window: x0, y0, width and height of the SVG's view box, in file pixels.
        unit: one hundredth of its longer side, the measure of symbols and letters.
        picture: id of the shared picture, or empty.
        maps: (id of the shared map, x0, y0, width, height, largest value) of the case's own label.
        ruler: length of 10 mm in file pixels, 0 where the spacing is unknown.
    """

    number: int
    case: Case
    title: str
    badge: str
    window: tuple[float, float, float, float]
    unit: float
    picture: str
    maps: list[tuple[str, float, float, float, float, float]]
    findings: list[tuple[CaseFinding, str, bool, str]]
    marks: list[DrawnMark]
    ruler: float
    truth: str
    score: str
    scores: str


@dataclass(frozen=True)
class SharedPicture:
    """A picture that several cases may show: an `image` element with this id."""

    name: str
    uri: str
    x: float
    y: float
    width: float
    height: float
    pixelated: bool


@dataclass(frozen=True)
class Gallery:
    """All cases, the pictures that they share, and the value of the highest saliency colour by label."""

    cases: list[DrawnCase]
    pictures: list[SharedPicture]
    tops: dict[str, float]


def gallery_of(report: Report, folder: Path) -> Gallery:
    """Draw the cases of a report whose pictures lie below `folder`."""
    cases = report["cases"]
    tops = _tops(cases)
    files = {case["picture"]["file"] for case in cases if case["picture"]}
    most = allowance(len(files))
    pictures: dict[tuple[str, tuple[float, ...], float], SharedPicture] = {}

    def shared(file: str, window: list[float], top: float) -> SharedPicture:
        key = (file, tuple(window), top)
        if key not in pictures:
            x0, y0, x1, y1 = window
            uri = saliency_uri(folder, file, top) if top else picture_uri(folder, file, most)
            name = f"{'map' if top else 'picture'}-{len(pictures)}"
            pictures[key] = SharedPicture(name, uri, x0, y0, x1 - x0, y1 - y0, bool(top))
        return pictures[key]

    drawn = []
    for number, case in enumerate(cases, start=1):
        picture = shared(case["picture"]["file"], case["picture"]["window"], 0.0) if case["picture"] else None
        maps = []
        for one in case["saliency"]:
            if one["label"] == case["label"]:
                found = shared(one["file"], one["window"], tops[_scale(case)])
                place = (found.x, found.y, found.width, found.height)
                maps.append((found.name, *place, float(one.get("maximum") or 0.0)))
        drawn.append(_drawn(number, case, picture, maps))
    return Gallery(drawn, list(pictures.values()), tops)


def _scale(case: Case) -> str:
    return f"{case['model']}, {case['label']}"


def _tops(cases: list[Case]) -> dict[str, float]:
    """The largest value of all maps of a model and label, so that one colour means one value in all cases."""
    tops: dict[str, float] = {}
    for case in cases:
        values = [float(one.get("maximum") or 0.0) for one in case["saliency"] if one["label"] == case["label"]]
        if values:
            tops[_scale(case)] = max(tops.get(_scale(case), 0.0), *values, 1 / 255)
    return tops


def _drawn(number: int, case: Case, picture: SharedPicture | None, maps: list[Any]) -> DrawnCase:
    window = (0.0, 0.0, float(case["columns"]), float(case["rows"]))
    if picture is not None:
        window = (picture.x, picture.y, picture.width, picture.height)
    label = case["label"]
    spacing = case["spacing_mm"]
    truth = case["truth"].get(label)
    score = case["breast_scores"].get(label)
    own = case["scores"].get(label)
    scores = [f"breast {wording.number(score)}"] if score is not None else []
    scores += [f"image {wording.number(own)}"] if own is not None else []
    scores += [f"{name} {wording.number(value)}" for name, value in case["breast_scores"].items() if name != label]
    return DrawnCase(
        number=number,
        case=case,
        title=f"{case['side']} {case['view']}",
        badge=WHY.get(case["why"], (case["why"], ""))[0],
        window=window,
        unit=max(window[2], window[3]) / 100,
        picture=picture.name if picture else "",
        maps=maps,
        findings=[_finding(one, label) for one in case["findings"]],
        marks=_marks(case["marks"], window, [_frame(one) for one in case["findings"]]),
        ruler=10 / spacing if spacing else 0.0,
        truth=", ".join([_truth(label, truth), *(_truth(*one) for one in case["truth"].items() if one[0] != label)]),
        score="" if score is None else wording.number(score),
        scores=", ".join(scores),
    )


def _truth(label: str, truth: float | None) -> str:
    return f"{label} unknown" if truth is None else label if truth else f"not {label}"


def _frame(finding: CaseFinding) -> Box:
    """The smallest box that holds a finding."""
    x, y = zip(*finding["outline"], strict=True) if finding["outline"] else ((0.0,), (0.0,))
    return min(x), min(y), max(x), max(y)


def _finding(finding: CaseFinding, label: str) -> tuple[CaseFinding, str, bool, str]:
    """(finding, points of its polygon, whether it is of the case's label, words)."""
    points = " ".join(f"{x:.6g},{y:.6g}" for x, y in finding["outline"])
    detected = finding.get("detected")
    state = "" if detected is None else ", hit by a mark" if detected else ", hit by no mark"
    kind = f" ({finding['kind']})" if finding["kind"] else ""
    return finding, points, finding["label"] == label, f"{finding['label']}{kind}, {finding['id']}{state}"


def _marks(marks: list[CaseMark], window: Box, findings: list[Box]) -> list[DrawnMark]:
    ordered = sorted(marks, key=lambda mark: -mark["score"])
    first = ordered[:_LABELLED]
    boxes: list[Box] = [(x0, y0, x1, y1) for mark in first if mark["box"] for x0, y0, x1, y1 in (mark["box"],)]
    texts = _texts([(mark["x"], mark["y"]) for mark in first], window, [*findings, *boxes])
    return [
        DrawnMark(
            x=mark["x"],
            y=mark["y"],
            box=mark["box"],
            score=mark["score"],
            rank=rank,
            hit=mark["hit"],
            words=f"Mark {rank}: score {mark['score']:.4g} at x {mark['x']:.0f}, y {mark['y']:.0f}, "
            + ("on a finding" if mark["hit"] else "false positive"),
            text=texts[rank - 1] if rank <= _LABELLED else None,
        )
        for rank, mark in enumerate(ordered, start=1)
    ]


def _texts(places: list[tuple[float, float]], window: Box, frames: list[Box]) -> list[tuple[float, float, str]]:
    """Where the scores of some marks are written: where the least of other texts, marks, findings and boxes is covered.

    Beside, above or below each mark, or outside of what it lies in: `frames` are those of findings and boxes.
    """
    left, top, width, height = window
    unit = max(width, height) / 100
    wide, high = 10.5 * unit, 3.6 * unit
    taken = [(x - 1.5 * unit, y - 1.5 * unit, x + 1.5 * unit, y + 1.5 * unit) for x, y in places]
    texts = []
    for x, y in places:
        best = None
        offsets = [(2.2, 1.2, "start"), (-2.2, 1.2, "end"), (0, -2.4, "middle"), (0, 5.2, "middle")]
        spots = [(x + dx * unit, y + dy * unit, anchor) for dx, dy, anchor in offsets]
        for x0, y0, x1, y1 in frames:
            if x0 <= x <= x1 and y0 <= y <= y1:
                spots += [(x1 + unit, y + 1.2 * unit, "start"), (x0 - unit, y + 1.2 * unit, "end")]
                spots += [(x, y0 - 1.2 * unit, "middle"), (x, y1 + 3.6 * unit, "middle")]
        for u, v, anchor in spots:
            x0 = u - {"start": 0.0, "end": wide, "middle": wide / 2}[anchor]
            box = (x0, v - 0.8 * high, x0 + wide, v + 0.2 * high)
            inside = (max(left, box[0]), max(top, box[1]), min(left + width, box[2]), min(top + height, box[3]))
            cost = sum(_overlap(box, other) for other in (*taken, *frames)) + wide * high - _overlap(box, inside)
            if best is None or cost < best[0] - 1e-9:
                best = (cost, (u, v, anchor), box)
        if best is not None:
            texts.append(best[1])
            taken.append(best[2])
    return texts


def _overlap(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
