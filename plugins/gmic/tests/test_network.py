"""Equations 7, 8, 12 and 13 by hand, independence of the images of a batch, presets."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cadkit_gmic.architecture import PRESETS, Architecture
from cadkit_gmic.loss import gmic_losses
from cadkit_gmic.network import GatedAttention, GmicNetwork, GmicOutput, top_t_count, top_t_pooling
from cadkit_gmic.roi import window_on_map


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def test_eq_7_top_t_pooling() -> None:
    # 8 cells, t = 25%: the two largest. (0.9 + 0.7) / 2 = 0.8, whose log odds are ln 4.
    cells = [0.1, 0.7, 0.2, 0.9, 0.5, 0.3, 0.4, 0.6]
    maps = torch.tensor([[[[logit(p) for p in cells[:4]], [logit(p) for p in cells[4:]]]]])
    mean, odds = top_t_pooling(maps, 0.25)
    assert mean.item() == pytest.approx(0.8, abs=1e-6)
    assert odds.item() == pytest.approx(math.log(4), abs=1e-5)
    # t = 1/8 is the maximum, t = 1 the mean: 3.7 / 8 = 0.4625.
    assert top_t_pooling(maps, 0.125)[0].item() == pytest.approx(0.9, abs=1e-6)
    assert top_t_pooling(maps, 1.0)[0].item() == pytest.approx(0.4625, abs=1e-6)


def test_top_t_pools_at_least_one_cell() -> None:
    # 12 * 0.02 = 0.24 rounds to 0
    assert top_t_count(12, 0.02) == 1


def test_pooled_log_odds_keep_their_gradient_where_probabilities_round_to_one() -> None:
    maps = torch.full((1, 1, 2, 2), 40.0, requires_grad=True)
    mean, odds = top_t_pooling(maps, 0.5)
    assert mean.item() == 1.0
    assert odds.item() == pytest.approx(40.0)
    torch.nn.functional.binary_cross_entropy_with_logits(odds, torch.zeros(1, 1)).backward()
    assert maps.grad is not None
    assert maps.grad.sum().item() == pytest.approx(1.0, abs=1e-4)


def test_eqs_8_and_9_gated_attention() -> None:
    # L = 2, M = 2: V h = (h1, h2), U h = (0, h1), w = (2, 1).
    attention = GatedAttention(2, 2)
    attention.load_state_dict(
        {
            "V.weight": torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
            "U.weight": torch.tensor([[0.0, 0.0], [1.0, 0.0]]),
            "w.weight": torch.tensor([[2.0, 1.0]]),
        }
    )
    weights, z = attention(torch.tensor([[[0.0, 0.0], [1.0, 2.0]]]))
    # Patch 1: 0. Patch 2: 2 tanh(1) sigm(0) + tanh(2) sigm(1) = 0.761594 + 0.964028 * 0.731059 = 1.466355;
    # exp(1.466355) = 4.333413, over 5.333413 = 0.812503.
    assert weights[0].tolist() == pytest.approx([0.187497, 0.812503], abs=1e-5)
    assert z[0].tolist() == pytest.approx([0.812503, 1.625006], abs=1e-5)


def output(p: dict[str, list[list[float]]], saliency: Tensor) -> GmicOutput:
    scores = {name: torch.tensor(rows) for name, rows in p.items()}
    nothing = torch.empty(0)
    logits = {name: torch.logit(score) for name, score in scores.items()}
    return GmicOutput(scores, logits, saliency, nothing, nothing, nothing)


def test_eqs_12_and_13_loss() -> None:
    # Two images. BCE of image 1, labels (1, 0): fusion -ln 0.5 - ln 0.75, global -ln 0.8 - ln 0.5,
    # local -ln 0.9 - ln 0.8. Image 2, labels (0, 0): -2 ln 0.5 each.
    half = [0.5, 0.5]
    out = output(
        {"fusion": [[0.5, 0.25], half], "global": [[0.8, 0.5], half], "local": [[0.9, 0.2], half]},
        # Sums over both maps: 4 * 0.25 + 4 * 0.5 = 3 and 0.
        torch.stack([torch.stack([torch.full((2, 2), 0.25), torch.full((2, 2), 0.5)]), torch.zeros(2, 2, 2)]),
    )
    terms = gmic_losses(out, torch.tensor([[1.0, 0.0], [0.0, 0.0]]), beta=0.1)
    assert terms["fusion"].item() == pytest.approx((0.693147 + 0.287682 + 1.386294) / 2, abs=1e-5)
    assert terms["global"].item() == pytest.approx((0.223144 + 0.693147 + 1.386294) / 2, abs=1e-5)
    assert terms["local"].item() == pytest.approx((0.105361 + 0.223144 + 1.386294) / 2, abs=1e-5)
    assert terms["sparse"].item() == pytest.approx(0.1 * 3 / 2, abs=1e-6)
    assert set(terms) == {"fusion", "global", "local", "sparse"}


def test_an_unknown_label_adds_nothing() -> None:
    p = {name: [[0.5, 0.25]] for name in ("fusion", "global", "local")}
    terms = gmic_losses(output(p, torch.zeros(1, 2, 1, 1)), torch.tensor([[float("nan"), 0.0]]), beta=0.0)
    assert terms["fusion"].item() == pytest.approx(0.287682, abs=1e-5)
    logits = torch.zeros(1, 2, requires_grad=True)
    blind = GmicOutput({}, {"fusion": logits}, torch.zeros(1, 2, 1, 1), *[torch.empty(0)] * 3)
    loss = gmic_losses(blind, torch.full((1, 2), float("nan")), beta=0.0)["fusion"]
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0, 0]]


def test_an_answer_does_not_depend_on_the_batch(small_network: GmicNetwork) -> None:
    torch.manual_seed(1)
    images = torch.randn(4, 1, 160, 96)
    with torch.no_grad():
        small_network.train()(images)
        small_network.eval()
        together = small_network(images)
        single = [small_network(image[None]) for image in images]
    for i, one in enumerate(single):
        assert torch.equal(together.positions[i], one.positions[0])
        torch.testing.assert_close(together.saliency[i], one.saliency[0], atol=1e-6, rtol=0)
        torch.testing.assert_close(together.attention[i], one.attention[0], atol=1e-6, rtol=0)
        for name in ("fusion", "global", "local"):
            torch.testing.assert_close(together.scores[name][i], one.scores[name][0], atol=1e-6, rtol=0)


def test_evaluation_repeats_itself(small_network: GmicNetwork) -> None:
    image = torch.rand(1, 1, 160, 96)
    small_network.eval()
    with torch.no_grad():
        assert torch.equal(small_network(image).scores["local"], small_network(image).scores["local"])


def test_further_channels_reach_the_global_network_alone() -> None:
    torch.manual_seed(0)
    small = Architecture(
        channels=3, global_widths=(4,) * 5, local_widths=(4,) * 4, patch=(32, 32), global_strides=(1, 2, 2, 1, 1)
    )
    network = GmicNetwork(small).eval()
    image = torch.rand(1, 3, 160, 96)
    other = torch.cat([image[:, :1], torch.rand(1, 2, 160, 96)], 1)
    with torch.no_grad():
        assert not torch.equal(network(image).saliency, network(other).saliency)
        # K windows of the whole map are the same patches, whatever the map says.
        network.architecture = Architecture(channels=3, patch=(160, 96), rois=2)
        assert torch.equal(network(image).scores["local"], network(other).scores["local"])


def test_a_random_start_answers_where_the_pixels_are() -> None:
    """A bright spot moves the untrained map only in cells close to it, not across a wide receptive field."""
    tiny = PRESETS["tiny"]
    network = GmicNetwork(tiny).eval()
    image = torch.zeros(2, 1, *tiny.window)
    image[1, :, 160:176, 96:112] = 1
    with torch.no_grad():
        plain, spot = network(image).saliency
    rows, columns = torch.nonzero((plain - spot).abs().amax(0) > 1e-6, as_tuple=True)
    # Cells are 8 pixels: the spot covers rows 20 and 21, columns 12 and 13, and the first layers see 11 pixels.
    assert 19 <= rows.min() <= 20
    assert 21 <= rows.max() <= 22
    assert 11 <= columns.min() <= 12
    assert 13 <= columns.max() <= 14


def test_every_parameter_learns_and_heads_stay_in_single_precision(small_network: GmicNetwork) -> None:
    for parameter in small_network.global_network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # away from the start, at which branches of zero learn nothing
    images = torch.rand(2, 1, 160, 96)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = small_network.train()(images)
        total = sum(gmic_losses(out, torch.tensor([[1.0, 0.0], [0.0, 1.0]]), 1e-4).values())
    assert {value.dtype for value in (*out.scores.values(), out.saliency, out.attention)} == {torch.float32}
    assert isinstance(total, Tensor)
    assert total.dtype == torch.float32
    total.backward()
    for name, parameter in small_network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def receptive_field(architecture: Architecture) -> int:
    """Pixels that a cell of the map sees: (kernel - 1) * stride so far, added up over fig. 2."""
    field, stride = 1 + 6 * 1 + 2 * 2, 4
    for step in architecture.global_strides:
        field, stride = field + 2 * stride + 3 * 2 * stride * step, stride * step
    return field


@pytest.mark.parametrize(("name", "pixels"), [("paper", 883), ("small", 467), ("tiny", 195)])
def test_receptive_field_is_smaller_than_the_image(name: str, pixels: int) -> None:
    assert receptive_field(PRESETS[name]) == pixels
    assert pixels < 2 / 3 * PRESETS[name].window[0]


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_scale_down_together(name: str) -> None:
    preset = PRESETS[name]
    rows, columns = preset.map_size()
    assert rows >= 20
    assert columns >= 13
    assert min(window_on_map(preset.patch, preset.window, (rows, columns))) >= 2
    assert top_t_count(rows * columns, preset.top_t) >= 1


def test_the_map_of_the_tiny_preset_is_what_it_states() -> None:
    tiny = PRESETS["tiny"]
    network = GmicNetwork(tiny).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 1, *tiny.window)).saliency.shape == (1, 2, *tiny.map_size())


def test_paper_preset_is_the_published_architecture() -> None:
    paper = PRESETS["paper"]
    assert paper.map_size() == (46, 30)
    assert window_on_map(paper.patch, paper.window, (46, 30)) == (4, 4)
    assert (paper.rois, paper.attention, paper.local_widths[-1]) == (6, 128, 512)


@pytest.mark.parametrize(
    "wrong",
    [
        {"top_t": 0.0},
        {"top_t": 1.5},
        {"rois": 0},
        {"patch": (0, 4)},
        {"global_widths": (1, 2)},
        {"local_strides": (1,)},
    ],
)
def test_impossible_numbers_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"at least 1|share|five|four"):
        Architecture(**wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_one_step_and_one_prediction_at_paper_size() -> None:
    torch.manual_seed(0)
    network = GmicNetwork(PRESETS["paper"]).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-5)
    image = torch.randn(1, 1, *PRESETS["paper"].window)
    total = sum(gmic_losses(network(image), torch.tensor([[0.0, 1.0]]), 3e-5).values())
    assert isinstance(total, Tensor)
    total.backward()
    optimizer.step()
    assert total.isfinite()
    with torch.no_grad():
        scores = network.eval()(image).scores
    assert all(bool(((score >= 0) & (score <= 1)).all()) for score in scores.values())
