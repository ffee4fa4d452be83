"""Standardisation and the masked cross-entropy by hand."""

from __future__ import annotations

import math

import torch

import cadkit.training as ct


def test_standardize_by_hand() -> None:
    x = torch.tensor([[[[0.0, 0.2], [0.4, 0.6]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    out = ct.standardize(x)
    deviation = math.sqrt((0.09 + 0.01 + 0.01 + 0.09) / 4)  # population
    torch.testing.assert_close(out[0, 0], torch.tensor([[-0.3, -0.1], [0.1, 0.3]]) / deviation)
    assert not out[1].any()  # no division by 0


def test_standardize_divides_by_at_least_1e_5() -> None:
    x = torch.tensor([[[[0.5, 0.5 + 2e-6]]]], dtype=torch.float64)
    assert ct.standardize(x).abs().max() < 0.2


def test_bce_by_hand() -> None:
    scores = torch.tensor([[0.8, 0.4], [0.5, 0.9]])
    targets = torch.tensor([[1.0, 0.0], [math.nan, 1.0]])
    expected = (-math.log(0.8) - math.log(0.6) - math.log(0.9)) / 2
    torch.testing.assert_close(ct.bce(scores, targets), torch.tensor(expected))
    torch.testing.assert_close(ct.bce(torch.logit(scores), targets, logits=True), torch.tensor(expected))


def test_an_unknown_label_gives_no_gradient() -> None:
    scores = torch.tensor([[0.3, 0.7]], requires_grad=True)
    ct.bce(scores, torch.tensor([[math.nan, 1.0]])).backward()
    assert scores.grad is not None
    assert scores.grad[0, 0] == 0
    assert torch.isfinite(scores.grad).all()
