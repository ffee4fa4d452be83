"""Several predictions as one: marks that coincide are merged, maps are averaged, a stopped combination goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cadkit import InputError, Predictions
from cadkit.data import Dataset
from cadkit.prediction import FileSaliency, Merging, merging
from cadkit.prediction import combine_predictions as combine
from cadkit.prediction.columns import MARK_COLUMNS
from cadkit.prediction.folder import saliency_path, write_saliency
from cadkit.prediction.merging import average_maps, merge_marks

MakeDataset = Callable[..., Dataset]
Make = Callable[..., Predictions]
SCORES = "exam_id,side,malignant,benign\ne1,L,0.9,0.1\ne1,R,0.2,0.4\ne2,L,0.5,0.5\n"
SCHEMA = {name: pl.String if name in ("image_id", "label") else pl.Float64 for name in MARK_COLUMNS}
BOXES = """image_id,label,x,y,x0,y0,x1,y1,score
e1-L-CC,malignant,15,15,10,10,20,20,0.8
e1-L-CC,malignant,15,15,11,11,19,19,0.6
e1-L-CC,malignant,35,35,30,30,40,40,0.4
e1-R-CC,malignant,5,5,,,,,0.9
e1-L-CC,benign,15,15,10,10,20,20,0.5
"""
OTHERS = """image_id,label,x,y,x0,y0,x1,y1,score
e1-L-CC,malignant,18,15,13,10,23,20,0.5
e1-L-CC,malignant,45,35,39,30,51,40,1.0
e1-R-CC,malignant,15,15,10,10,20,20,0.7
e1-R-CC,malignant,28,5,,,,,0.2
"""


@pytest.fixture
def data(make_dataset: MakeDataset) -> Dataset:
    return make_dataset(pixels=False)


def test_marks_that_coincide_are_added(data: Dataset, made: Make, tmp_path: Path) -> None:
    a = made("a", {"breasts.csv": SCORES, "marks.csv": BOXES})
    b = made("b", {"breasts.csv": SCORES, "marks.csv": OTHERS})
    found = combine([a, b], data, tmp_path / "C")
    table = {
        (i, label, x): score for i, label, x, score in found.marks().select("image_id", "label", "x", "score").rows()
    }
    assert table == {
        # IoU of (10..20) and (13..23) is 70/130; the smaller box of the same model, 0.6, stays alone.
        ("e1-L-CC", "malignant", 15.0): pytest.approx(0.3),
        ("e1-L-CC", "malignant", 35.0): pytest.approx(0.2),
        # 1/21 of their union is shared: not one mark.
        ("e1-L-CC", "malignant", 45.0): pytest.approx(0.5),
        ("e1-L-CC", "benign", 15.0): pytest.approx(0.25),
        # A mark without a box is 14.1 px = 7.1 mm from the one with, 11.5 mm from the other.
        ("e1-R-CC", "malignant", 5.0): pytest.approx(0.8),
        ("e1-R-CC", "malignant", 28.0): pytest.approx(0.1),
    }
    first = found.marks().row(1, named=True)  # behind that of the label benign
    assert (first["score"], first["x0"], first["x1"]) == (pytest.approx(0.65), 10.0, 20.0)
    apart = combine([a, b], data, tmp_path / "F", rule=Merging(iou=0.6, mm=7.0))
    assert apart.marks().height == 9
    # What stands alone has only its own model's share of the score.
    heavy = combine([a, b], data, tmp_path / "H", weights=[1, 0])
    assert sorted(heavy.marks()["score"]) == [0.4, 0.5, 0.6, 0.8, 0.9]


def _literally(marks: list[list[dict[str, Any]]], weights: list[float], rule: Merging) -> list[tuple[Any, ...]]:
    """The rule of `cadkit.prediction.merging`, mark by mark."""
    left = [{**m, "part": n, "score": m["score"] * w} for n, w in enumerate(weights) for m in marks[n]]
    left.sort(key=lambda m: -m["score"])
    made = []
    while left:
        seed = left.pop(0)
        total = seed["score"]
        for part in set(range(len(marks))) - {seed["part"]}:
            rivals = [(near, m) for m in left if m["part"] == part and (near := _near(seed, m, rule)) is not None]
            if rivals:
                best = max(rivals, key=lambda found: found[0])[1]
                total += best["score"]
                left.remove(best)
        made.append((seed["image_id"], seed["x"], seed["y"], pytest.approx(total)))
    return made


def _near(a: dict[str, Any], b: dict[str, Any], rule: Merging) -> float | None:
    if (a["image_id"], a["label"]) != (b["image_id"], b["label"]):
        return None
    if a["x0"] is None or b["x0"] is None:
        distance = 0.5 * float(np.hypot(a["x"] - b["x"], a["y"] - b["y"]))
        return -distance if distance <= rule.mm else None
    sides = [min(a[f"{k}1"], b[f"{k}1"]) - max(a[f"{k}0"], b[f"{k}0"]) for k in "xy"]
    shared = max(sides[0], 0) * max(sides[1], 0)
    areas = [(m["x1"] - m["x0"]) * (m["y1"] - m["y0"]) for m in (a, b)]
    iou = shared / (sum(areas) - shared)
    return iou if iou >= rule.iou else None


@pytest.mark.parametrize("seed", range(5))
def test_merging_equals_the_rule_taken_literally(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_PAIRS", 40)  # so that several blocks are needed
    rng = np.random.default_rng(seed)
    tables, marks = [], []
    for _ in range(3):
        rows = []
        for _ in range(60):
            x, y, w, h = rng.uniform(0, 60), rng.uniform(0, 60), *rng.uniform(3, 15, size=2)
            box = [x - w, y - h, x + w, y + h] if rng.random() < 0.7 else [None] * 4
            image, label = f"i{rng.integers(4)}", ("malignant", "benign")[rng.integers(2)]
            rows.append([image, label, x, y, *box, float(rng.random())])
        tables.append(pl.DataFrame(rows, schema=SCHEMA, orient="row"))
        marks.append(tables[-1].to_dicts())
    rule, weights = Merging(iou=0.2, mm=8.0), [0.5, 0.2, 0.3]
    found = merge_marks(tables, weights, rule, {f"i{n}": 0.5 for n in range(4)})
    assert 60 < found.height < 170
    assert sorted(found.select("image_id", "x", "y", "score").rows()) == sorted(
        _literally(marks, weights, rule), key=lambda row: row[:3]
    )


def test_marks_beside_maps_or_below_zero_are_left_out_and_it_is_said(data: Dataset, made: Make, tmp_path: Path) -> None:
    a = made("a", {"breasts.csv": SCORES, "marks.csv": BOXES})
    without = combine([a, made("b", {"breasts.csv": SCORES})], data, tmp_path / "C")
    assert (without.localizes, without.marks().height) == ("", 0)
    assert "(a marks, b neither)" in without.skipped().row(0)[2]
    low = made("l", {"breasts.csv": SCORES, "marks.csv": "image_id,label,x,y,score\ne1-L-CC,malignant,1,1,-2\n"})
    assert "l have scores below 0" in combine([a, low], data, tmp_path / "F").skipped().row(0)[2]


def _mapped(made: Make, name: str, scores: str, maps: Mapping[str, FileSaliency]) -> Predictions:
    toml = 'localizes = "saliency"\nlabels = ["malignant", "benign"]\nscores = "probability"\n'
    folder = made(name, {"breasts.csv": scores, "prediction.toml": toml}).folder
    for image, one in maps.items():
        write_saliency(saliency_path(folder, image), one)
    return Predictions.open(folder)


def test_maps_of_one_grid_are_averaged_and_only_where_all_have_one(data: Dataset, made: Make, tmp_path: Path) -> None:
    grids = np.random.default_rng(1).random((2, 2, 4, 3)).astype(np.float32)
    window = (0.0, 0.0, 30.0, 40.0)
    a = _mapped(
        made, "a", SCORES, {"e1-L-CC": FileSaliency(grids[0], window), "e1-R-CC": FileSaliency(grids[0], window)}
    )
    b = _mapped(made, "b", SCORES, {"e1-L-CC": FileSaliency(grids[1], window)})
    found = combine([a, b], data, tmp_path / "C", weights=[0.25, 0.75])
    mean = found.saliency("e1-L-CC")
    assert mean is not None
    np.testing.assert_allclose(mean.values, 0.25 * grids[0] + 0.75 * grids[1], rtol=1e-6)
    assert (mean.window, mean.edges) == (window, None)
    assert found.saliency("e1-R-CC") is None
    assert (found.localizes, found.probability) == ("saliency", True)


@pytest.mark.parametrize("seed", range(4))
def test_maps_of_different_windows_are_averaged_exactly(seed: int) -> None:
    """At every point the mean is that of the maps, each constant in its cells and 0 outside."""
    rng = np.random.default_rng(seed)
    maps = []
    for _ in range(3):
        x0, y0 = rng.integers(0, 10, size=2).astype(float)
        rows, columns = rng.integers(2, 6, size=2)
        edges = None
        x1, y1 = x0 + rng.integers(8, 20), y0 + rng.integers(8, 20)
        if rng.random() < 0.5:
            inner = [np.sort(rng.uniform(low, high, n - 1)) for low, high, n in ((y0, y1, rows), (x0, x1, columns))]
            edges = np.r_[y0, inner[0], y1], np.r_[x0, inner[1], x1]
        maps.append(FileSaliency(rng.random((1, rows, columns)).astype(np.float32), (x0, y0, x1, y1), edges))
    weights = (0.5, 0.3, 0.2)
    mean = average_maps(maps, weights)

    def at(one: FileSaliency, x: float, y: float) -> float:
        edges_y, edges_x = one.cells
        row, column = np.searchsorted(edges_y, y) - 1, np.searchsorted(edges_x, x) - 1
        if not (0 <= row < len(edges_y) - 1 and 0 <= column < len(edges_x) - 1):
            return 0.0
        return float(one.values[0, row, column])

    for x, y in rng.uniform(-1, 32, size=(300, 2)):
        wanted = sum(w * at(one, x, y) for one, w in zip(maps, weights, strict=True))
        assert at(mean, x, y) == pytest.approx(wanted, abs=1e-6)


def test_a_combination_that_was_stopped_is_finished(data: Dataset, made: Make, tmp_path: Path) -> None:
    maps = {
        name: FileSaliency(np.full((2, 2, 2), 0.5, dtype=np.float32), (0.0, 0.0, 10.0, 10.0))
        for name in ("e1-L-CC", "e2-L-CC")
    }
    parts = [_mapped(made, name, SCORES, maps) for name in "ab"]
    whole = combine(parts, data, tmp_path / "C", name="c")
    again = tmp_path / "again"
    combine(parts, data, again, name="c")
    # As a kill leaves it: the record begun, one map written, no table.
    toml = (again / "prediction.toml").read_text()
    (again / "prediction.toml").write_text(toml.replace("complete = true", "complete = false"))
    kept = saliency_path(again, "e1-L-CC")
    stamp = kept.stat().st_mtime_ns
    for path in (saliency_path(again, "e2-L-CC"), again / "breasts.parquet", again / "skipped.csv"):
        path.unlink()
    with pytest.raises(InputError, match="not finished"):
        Predictions.open(again)
    combine(parts, data, again, name="c")
    assert kept.stat().st_mtime_ns == stamp
    files = {str(path.relative_to(whole.folder)) for path in whole.folder.rglob("*")}
    assert files == {str(path.relative_to(again)) for path in again.rglob("*")}
    for name in files:
        if (whole.folder / name).is_file():
            assert (whole.folder / name).read_bytes() == (again / name).read_bytes()
