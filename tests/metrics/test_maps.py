"""Peaks of maps, and maps against masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from cadkit import metrics


def points(found: metrics.Peaks) -> list[tuple[float, float, float]]:
    return list(zip(found.x.tolist(), found.y.tolist(), found.value.tolist(), strict=True))


def literal_peaks(grid: np.ndarray, floor: float = 0.0) -> set[tuple[float, float, float]]:
    """Flood fill every plateau; it counts if nothing around it is higher."""
    rows, columns = grid.shape
    seen: set[tuple[int, int]] = set()
    found = set()
    for start in np.ndindex(rows, columns):
        if start in seen:
            continue
        plateau, todo, top = [], [start], True
        seen.add(start)
        while todo:
            r, c = todo.pop()
            plateau.append((r, c))
            for i in range(max(r - 1, 0), min(r + 2, rows)):
                for j in range(max(c - 1, 0), min(c + 2, columns)):
                    if grid[i, j] > grid[r, c]:
                        top = False
                    if grid[i, j] == grid[r, c] and (i, j) not in seen:
                        seen.add((i, j))
                        todo.append((i, j))
        if top and grid[start] > floor:
            y, x = np.mean(plateau, axis=0) + 0.5
            found.add((round(float(x), 9), round(float(y), 9), float(grid[start])))
    return found


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 5), st.integers(0, 10_000))
def test_peaks_are_plateaus_with_nothing_higher_around(rows: int, columns: int, levels: int, seed: int) -> None:
    grid = np.random.default_rng(seed).integers(0, levels + 1, (rows, columns)) / 8
    found = metrics.peaks(grid)
    assert {(round(x, 9), round(y, 9), v) for x, y, v in points(found)} == literal_peaks(grid)
    assert len(found.value) == len(literal_peaks(grid))
    assert (np.diff(found.value) <= 0).all()


def test_peaks_by_pencil() -> None:
    grid = np.zeros((4, 5))
    grid[0, 0] = 0.5  # a corner
    grid[2, 3:5] = 0.6  # a plateau of two at the border
    grid[2, 1] = 0.9
    grid[3, 1] = 0.8  # beside the highest: no peak
    assert points(metrics.peaks(grid)) == [(1.5, 2.5, 0.9), (4.0, 2.5, 0.6), (0.5, 0.5, 0.5)]
    grid[3, 2] = 0.7  # touches the plateau at a corner, and the highest
    assert points(metrics.peaks(grid)) == [(1.5, 2.5, 0.9), (0.5, 0.5, 0.5)]


def test_floor_is_strict_and_a_flat_map_is_one_plateau() -> None:
    assert points(metrics.peaks(np.zeros((3, 3)))) == []
    assert points(metrics.peaks(np.full((3, 4), 0.2))) == [(2.0, 1.5, 0.2)]
    assert points(metrics.peaks(np.full((3, 4), 0.2), floor=0.2)) == []


def test_equal_peaks_stand_in_row_major_order() -> None:
    grid = np.zeros((5, 5))
    grid[4, 0] = grid[0, 4] = grid[0, 0] = 0.5
    assert [(x, y) for x, y, _ in points(metrics.peaks(grid))] == [(0.5, 0.5), (4.5, 0.5), (0.5, 4.5)]


def test_suppression_keeps_the_higher() -> None:
    grid = np.zeros((1, 9))
    grid[0, [0, 3, 6]] = 0.5, 0.9, 0.4
    assert [v for _, _, v in points(metrics.peaks(grid, radius=2.9))] == [0.9, 0.5, 0.4]
    assert [v for _, _, v in points(metrics.peaks(grid, radius=3))] == [0.9]
    # In another unit, half a unit per cell across.
    assert [v for _, _, v in points(metrics.peaks(grid, radius=1.4, spacing=(0.5, 0.1)))] == [0.9, 0.5, 0.4]
    assert [v for _, _, v in points(metrics.peaks(grid, radius=1.5, spacing=(0.5, 0.1)))] == [0.9]


def test_uneven_cells() -> None:
    grid = [[0.1, 0.7, 0.0]]
    assert points(metrics.peaks(grid, edges=([0, 10, 20, 80], [5, 9]))) == [(15, 7, 0.7)]
    plateau = [[0.7, 0.7, 0.0]]
    assert points(metrics.peaks(plateau, edges=([0, 10, 40, 80], [5, 9]))) == [(15, 7, 0.7)]
    with pytest.raises(ValueError, match="x edges must be 4 rising numbers"):
        metrics.peaks(grid, edges=([0, 10, 10, 80], [5, 9]))


def test_bad_maps() -> None:
    with pytest.raises(ValueError, match="1 NaN"):
        metrics.peaks([[0.0, np.nan]])
    with pytest.raises(ValueError, match="two dimensions"):
        metrics.peaks([0.0, 1.0])
    counts = metrics.cell_counts(np.ones((4, 4)), (0, 0, 4, 4), (2, 2))
    with pytest.raises(ValueError, match="from 0 to 1"):
        counts.cells([[0, 1], [2, 0]])
    with pytest.raises(ValueError, match=r"shape \(1, 2\), its counts \(2, 2\)"):
        counts.cells([[0, 1]])
    with pytest.raises(ValueError, match="x0 < x1"):
        metrics.cell_counts(np.ones((4, 4)), (3, 0, 3, 4), (2, 2))
    with pytest.raises(ValueError, match="a mask has two dimensions"):
        metrics.cell_counts(np.ones((2, 4, 4)), (0, 0, 4, 4), (2, 2))
    for shape in ((0, 2), (2, 0)):
        with pytest.raises(ValueError, match="at least one cell"):
            metrics.cell_counts(np.ones((4, 4)), (0, 0, 4, 4), shape)
    for x, y in (([-1, 2, 4], [0, 2, 4]), ([0, 2, 5], [0, 2, 4]), ([0, 2, 4], [-1, 2, 4]), ([0, 2, 4], [0, 2, 5])):
        with pytest.raises(ValueError, match="edges reach past the window"):
            metrics.cell_counts(np.ones((4, 4)), (0, 0, 4, 4), (2, 2), (x, y))
    for value, pixels, lesion in ((np.nan, 1, 0), (0.5, 1, -1), (0.5, 1, 2)):
        with pytest.raises(ValueError, match="cells need values without NaN"):
            metrics.Cells([value], [pixels], [lesion])


def expand(grid: np.ndarray, image: tuple[int, int], window: tuple[float, ...], edges: Any = None) -> np.ndarray:
    """The map pixel by pixel: the value of the cell that holds the pixel's centre, 0 outside the window."""
    rows, columns = grid.shape
    x0, y0, x1, y1 = window
    if edges is None:
        edges = (
            [x0 + (x1 - x0) * i / columns for i in range(columns + 1)],
            [y0 + (y1 - y0) * i / rows for i in range(rows + 1)],
        )
    full = np.zeros(image)
    for row, column in np.ndindex(*image):
        for i, j in np.ndindex(rows, columns):
            inside_x = edges[0][j] <= column + 0.5 < edges[0][j + 1]
            if inside_x and edges[1][i] <= row + 0.5 < edges[1][i + 1]:
                full[row, column] = grid[i, j]
    return full


def literal_values(full: np.ndarray, mask: np.ndarray) -> tuple[float, float, float]:
    soft = 2 * (full * mask).sum() / ((full**2).sum() + mask.sum())
    best = max(2 * (mask & (full >= t)).sum() / (mask.sum() + (full >= t).sum()) for t in np.unique(full))
    return soft, best, average_precision_score(mask.ravel(), full.ravel())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_cells_equal_pixels(seed: int, uneven: bool) -> None:
    generator = np.random.default_rng(seed)
    image = tuple(generator.integers(3, 12, 2).tolist())
    mask = generator.random(image) < 0.3
    mask[generator.integers(image[0]), generator.integers(image[1])] = True
    grid = generator.integers(0, 5, generator.integers(1, 6, 2)) / 4
    x0, y0 = generator.integers(-8, 8, 2) / 4
    window = (x0, y0, x0 + generator.integers(2, 50) / 4, y0 + generator.integers(2, 50) / 4)
    edges = None
    if uneven:
        edges = [np.cumsum(np.append(0, generator.integers(1, 5, cells))) for cells in (grid.shape[1], grid.shape[0])]
        edges = [low + (high - low) * e / e[-1] for e, low, high in zip(edges, window[:2], window[2:], strict=True)]
        edges = [np.minimum(e, high) for e, high in zip(edges, window[2:], strict=True)]
    counts = metrics.cell_counts(mask, window, grid.shape, edges)
    assert counts.pixels.sum() + counts.outside_pixels == mask.size
    assert counts.lesion.sum() + counts.outside_lesion == mask.sum()
    cells = counts.cells(grid)
    full = expand(grid, image, window, edges)
    wanted = literal_values(full, mask)
    found = metrics.dice_soft(cells), metrics.dice_best(cells), metrics.pxap(cells)
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_pixel_belongs_to_the_cell_of_its_centre() -> None:
    mask = np.zeros((1, 6), dtype=bool)
    mask[0, 2] = True
    counts = metrics.cell_counts(mask, (0, 0, 5, 1), (1, 2))  # the border at 2.5 is pixel 2's centre
    assert counts.pixels.tolist() == [[2, 3]]
    assert counts.lesion.tolist() == [[0, 1]]
    assert (counts.outside_pixels, counts.outside_lesion) == (1, 0)


def test_pooled_average_precision_and_its_bootstrap() -> None:
    generator = np.random.default_rng(1)
    grids = generator.integers(0, 6, (6, 3, 4)) / 5
    masks = generator.random((6, 6, 8)) < 0.3
    images = [metrics.cell_counts(m, (0, 0, 8, 6), (3, 4)).cells(g) for g, m in zip(grids, masks, strict=True)]
    patient = np.array([0, 0, 1, 1, 2, 2])
    replicates = metrics.Replicates(patient, options=metrics.Bootstrap(n=30))
    result = metrics.pxap_pooled(images, cluster=patient, bootstrap=replicates)
    full = np.kron(grids, np.ones((1, 2, 2)))
    assert result.value == pytest.approx(average_precision_score(masks.ravel(), full.ravel()), abs=1e-12)
    weights = replicates.weights(replicates.index(patient))
    assert result.replicates is not None
    for column in range(30):
        pixel_weight = np.repeat(weights[:, column], 48)
        slow = average_precision_score(masks.ravel(), full.ravel(), sample_weight=pixel_weight)
        assert result.replicates[column] == pytest.approx(slow, abs=1e-12)
    assert (result.n, result.positives, result.clusters) == (6, int(masks.any(axis=(1, 2)).sum()), 3)
    assert metrics.pxap_pooled(images).clusters is None
    assert metrics.pxap_pooled([]).value is None


def test_paper_size() -> None:
    mask = np.zeros((2944, 1920), dtype=bool)
    mask[700:1100, 500:800] = True
    grid = np.zeros((46, 30))
    grid[10:18, 7:13] = 0.5
    cells = metrics.cell_counts(mask, (0, 0, 1920, 2944), (46, 30)).cells(grid)
    # Cells of 64 x 64: rows 640 to 1152, columns 448 to 832; the lesion's 120,000 pixels all lie inside.
    assert metrics.dice_best(cells) == 2 * 120_000 / (120_000 + 512 * 384)
    assert metrics.dice_soft(cells) == 120_000 / (512 * 384 / 4 + 120_000)
    assert metrics.pxap(cells) == 120_000 / (512 * 384)


def test_without_lesion_pixels_nothing_is_told_of_precision() -> None:
    cells = metrics.cell_counts(np.zeros((4, 4)), (0, 0, 4, 4), (2, 2)).cells([[0, 0.5], [1, 0]])
    assert metrics.pxap(cells) is None
    assert metrics.dice_best(cells) is None
    assert metrics.dice_soft(cells) == 0
    result = metrics.image_mean("pxap", [metrics.pxap(cells)])
    assert (result.value, result.reason) == (None, "no image with a value")
    assert metrics.pxap_pooled([cells]).reason == "no lesion pixels"
    blank = metrics.cell_counts(np.zeros((4, 4)), (0, 0, 4, 4), (2, 2)).cells(np.zeros((2, 2)))
    assert metrics.dice_soft(blank) is None
