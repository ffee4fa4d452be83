"""Algorithm 1 of Shen et al. 2021 against a literal transcription, and what surrounds it."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cadkit_gmic.roi import boxes_of, cut_patches, on_image, retrieve_roi, turn_patches, window_on_map

Map = list[list[int]]


def literal_retrieve_roi(maps: list[Map], window: tuple[int, int], count: int) -> list[list[int]]:
    """Algorithm 1, line by line, in fractions, for the maps of one image."""
    rows, columns = len(maps[0]), len(maps[0][0])
    star = [[Fraction(0)] * columns for _ in range(rows)]
    for one in maps:
        low, high = min(map(min, one)), max(map(max, one))
        if high > low:
            for i in range(rows):
                for j in range(columns):
                    star[i][j] += Fraction(one[i][j] - low, high - low)
    chosen = []
    for _ in range(count):
        best, place = Fraction(-1), [0, 0]
        for r in range(rows - window[0] + 1):
            for c in range(columns - window[1] + 1):
                inside = [star[r + i][c + j] for i in range(window[0]) for j in range(window[1])]
                if sum(inside) > best:
                    best, place = sum(inside, Fraction(0)), [r, c]
        chosen.append(place)
        for i in range(window[0]):
            for j in range(window[1]):
                star[place[0] + i][place[1] + j] = Fraction(0)
    return chosen


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[list[Map]], tuple[int, int], int]:
    """Maps of few distinct values, hence full of ties; ranges are powers of two, so that sums are exact."""
    rows, columns = draw(st.integers(2, 7)), draw(st.integers(2, 7))
    images = []
    for _ in range(draw(st.integers(1, 3))):
        maps = []
        for _ in range(draw(st.shared(st.integers(1, 3), key="labels"))):
            top, offset = draw(st.sampled_from([0, 1, 2, 4])), draw(st.integers(0, 3))
            cells = draw(st.lists(st.integers(0, top), min_size=rows * columns, max_size=rows * columns))
            low, high = draw(st.permutations(range(rows * columns)))[:2]
            cells[low], cells[high] = 0, top
            maps.append([[offset + v for v in cells[i * columns : (i + 1) * columns]] for i in range(rows)])
        images.append(maps)
    window = (draw(st.integers(1, rows)), draw(st.integers(1, columns)))
    return images, window, draw(st.integers(1, 6))


@settings(max_examples=150, deadline=None)
@given(problems())
def test_algorithm_1(problem: tuple[list[list[Map]], tuple[int, int], int]) -> None:
    images, window, count = problem
    expected = [literal_retrieve_roi(maps, window, count) for maps in images]
    found = retrieve_roi(torch.tensor(images, dtype=torch.float32), window, count)
    assert found.tolist() == expected


def test_saliency_in_half_precision_is_read_in_single() -> None:
    maps = torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16)
    maps[0, 0, 2, 3] = 1
    assert retrieve_roi(maps, (1, 1), 1).tolist() == [[[2, 3]]]


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(60, 4000))
def test_positions_are_rounded_half_to_even(cells: int, pixels: int) -> None:
    index = torch.stack([torch.arange(cells), torch.arange(cells)], 1)
    expected = [round(Fraction(i * pixels, cells)) for i in range(cells)]
    found = on_image(index, (cells, cells), (pixels, pixels))
    assert found.tolist() == [[value, value] for value in expected]


def test_window_is_rounded_half_to_even_within_one_and_the_map() -> None:
    # 160 * 8 / 512 = 2.5 and 224 * 6 / 384 = 3.5; 20 * 8 / 512 = 0.31; 600 * 8 / 512 = 9.4
    assert window_on_map((160, 224), (512, 384), (8, 6)) == (2, 4)
    assert window_on_map((20, 20), (512, 384), (8, 6)) == (1, 1)
    assert window_on_map((600, 600), (512, 384), (8, 6)) == (8, 6)


def test_a_cut_patch_is_filled_with_the_minimum_of_its_own_image() -> None:
    images = torch.stack([torch.arange(12.0).reshape(3, 4), 100 + torch.arange(12.0).reshape(3, 4)])
    cut = cut_patches(images, torch.tensor([[[2, 3]], [[2, 2]]]), (2, 2))
    assert cut.tolist() == [[[[0, 0], [0, 11]]], [[[100, 100], [110, 111]]]]


def test_a_patch_larger_than_the_image_holds_all_of_it() -> None:
    cut = cut_patches(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[[0, 0]]]), (3, 3))
    assert cut.tolist() == [[[[1, 1, 1], [1, 1, 2], [1, 3, 4]]]]


def test_boxes_end_at_the_border() -> None:
    boxes = boxes_of(torch.tensor([[[10, 20], [90, 70]]]), (16, 32), (100, 80))
    assert boxes.tolist() == [[[20, 10, 52, 26], [70, 90, 80, 100]]]


def test_turns_are_quarter_turns_of_each_patch_and_equally_likely() -> None:
    torch.manual_seed(0)
    one = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    turned = turn_patches(one.expand(400, 6, 2, 2)).flatten(0, 1)
    names = {(0, 1, 2, 3): 0, (1, 3, 0, 2): 1, (3, 2, 1, 0): 2, (2, 0, 3, 1): 3}
    found = [names[tuple(int(v) for v in patch.flatten().tolist())] for patch in turned]
    # 2400 draws: 600 of each, standard deviation 21.
    assert all(abs(found.count(turn) - 600) < 100 for turn in range(4))
    image_turns = {tuple(found[6 * i : 6 * i + 6]) for i in range(400)}
    assert len(image_turns) > 100


def test_oblong_patches_turn_by_half_only() -> None:
    torch.manual_seed(0)
    one = torch.arange(6.0).reshape(2, 3)
    turned = turn_patches(one.expand(20, 2, 2, 3)).flatten(0, 1).flatten(1)
    assert {tuple(row) for row in turned.tolist()} == {(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0)}


class NoValueRead(TorchDispatchMode):
    """Fails on every operation that hands values or sizes made of values to the host."""

    reading = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "is_nonzero", "equal")

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        name = function.overloadpacket.__name__
        if name in self.reading:
            pytest.fail(f"{name} waits for the device")
        return function(*args, **(kwargs or {}))


def choose_and_cut(saliency: Tensor, image: Tensor) -> Tensor:
    cells = retrieve_roi(saliency, (2, 2), 3)
    return turn_patches(cut_patches(image, on_image(cells, (6, 5), (60, 50)), (20, 20)))


def test_no_value_is_read_on_the_host() -> None:
    with pytest.raises(pytest.fail.Exception), NoValueRead():
        torch.ones(1).item()
    with NoValueRead():
        choose_and_cut(torch.rand(2, 2, 6, 5), torch.rand(2, 60, 50))


def test_nothing_is_made_on_another_device() -> None:
    """Tensors without values: reading one, or mixing it with one of the host, raises."""
    patches = choose_and_cut(torch.empty(2, 2, 6, 5, device="meta"), torch.empty(2, 60, 50, device="meta"))
    assert patches.shape == (2, 3, 20, 20)
    assert patches.device.type == "meta"


def test_network_reads_no_value_on_the_host_either(small_network: torch.nn.Module) -> None:
    image = torch.rand(2, 1, 160, 96)
    with NoValueRead():
        out = small_network.train()(image)
        out.scores["fusion"].sum().backward()
