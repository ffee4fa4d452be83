"""Peaks and sliding windows with a pencil, and a segmentation network that learns from masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cadkit.training as ct
from cadkit.plugin import ModelInfo
from cadkit.testing import check_plugin
from cadkit.training.batch import Found


def test_peaks_are_in_crop_pixels() -> None:
    maps = torch.zeros(2, 2, 4, 5)
    maps[0, 1, 0, 4], maps[0, 1, 3, 0], maps[1, 0, 2, 2] = 0.5, 0.75, 1.0
    maps[0, 0, 1, 1] = 0.0625  # below the floor
    first, second = ct.peak_marks(maps, (16, 40), floor=0.1)
    # A cell is 8 wide and 4 high.
    assert first.points.tolist() == [[4, 14], [36, 2]]
    assert (first.scores.tolist(), first.labels.tolist()) == ([0.75, 0.5], [1, 1])
    assert (second.points.tolist(), second.labels.tolist()) == ([[20, 10]], [0])
    (near,) = ct.peak_marks(maps[:1], (16, 40), floor=0.1, radius=35)  # they are 34.2 pixels apart
    assert near.points.tolist() == [[4, 14]]


def test_no_peak_is_no_mark() -> None:
    (none,) = ct.peak_marks(torch.zeros(1, 2, 4, 4), (8, 8), floor=0.5)
    assert (len(none), none.points.shape) == (0, (0, 2))


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_sliding_gives_every_patch_its_own_score(batch: int) -> None:
    pictures = torch.arange(2 * 6 * 9.0).reshape(2, 1, 6, 9) / 108
    made = ct.slide(lambda x: x.amax((2, 3)), pictures, (4, 4), (2, 3), batch=batch)
    # Patches begin at rows 0 and 2 and columns 0, 3 and 5; their largest pixel is their last.
    for number, saliency in enumerate(made):
        expected = [[54 * number + 9 * (y + 3) + x + 3 for x in (0, 3, 5)] for y in (0, 2)]
        assert np.allclose(saliency.values * 108, [expected])
        assert saliency.edges[0].tolist() == [0, 3, 6]
        assert saliency.edges[1].tolist() == [0, 3.5, 6, 9]


def test_a_small_picture_is_one_patch() -> None:
    (made,) = ct.slide(lambda x: x.mean((2, 3)), torch.ones(1, 1, 2, 3), (4, 4), (4, 4))
    assert made.values.tolist() == [[[0.375]]]
    assert [edge.tolist() for edge in made.edges] == [[0, 2], [0, 3]]


def test_the_masks_of_a_batch_are_padded_like_its_pictures() -> None:
    sizes = (2, 3), (3, 2)
    found = [Found(*torch.zeros(3, 0), torch.ones(1, *size, dtype=torch.bool)) for size in sizes]
    batch = ct.Batch([], frozenset(), {"image": torch.zeros(2, 1, 3, 3)}, {}, {}, {"image": found})
    assert batch.mask[:, 0].tolist() == [[[1, 1, 1], [1, 1, 1], [0, 0, 0]], [[1, 1, 0], [1, 1, 0], [1, 1, 0]]]
    batch.findings = {}
    with pytest.raises(KeyError, match=r"learns=\('masks',\)"):
        _ = batch.mask


def test_a_network_learns_from_masks() -> None:
    class Segmenter(ct.TorchModel):
        info = ModelInfo(("malignant",), "probability", localizes="marks", learns=("masks",))

        def network(self) -> torch.nn.Module:
            return torch.nn.Conv2d(1, 1, 3, stride=4, padding=1)

        def losses(self, network: torch.nn.Module, batch: ct.Batch) -> dict[str, torch.Tensor]:
            logits = network(ct.standardize(batch.image))
            assert batch.mask.shape == batch.image.shape
            wanted = torch.nn.functional.adaptive_max_pool2d(batch.mask, logits.shape[2:])
            return {"bce": torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted)}

        def outputs(self, network: torch.nn.Module, batch: ct.Batch) -> ct.Outputs:
            maps = network(ct.standardize(batch.image)).sigmoid()
            size = batch.image.shape[2], batch.image.shape[3]
            return ct.Outputs(maps.amax((2, 3)), marks=ct.peak_marks(maps, size, radius=20), saliency=maps)

    only = ["predict-each-once", "predict-places", "train-ends", "train-finite-losses", "train-changes-weights"]
    report = check_plugin(Segmenter, config={"window": (80, 52)}, only=only)
    assert report.counts == {"passed": 5}, str(report)


def test_patches_of_other_height_than_width_slide_over_pictures_of_other_size() -> None:
    picture = torch.arange(7 * 11.0).reshape(1, 1, 7, 11) / 77
    (made,) = ct.slide(lambda x: x[:, :, -1, -1], picture, (4, 6), (2, 3))
    # Patches begin at rows 0, 2 and 3 and columns 0, 3 and 5; their middles are 2 rows and 3 columns further.
    expected = [[11 * (y + 3) + x + 5 for x in (0, 3, 5)] for y in (0, 2, 3)]
    assert np.allclose(made.values * 77, [expected])
    assert [edge.tolist() for edge in made.edges] == [[0, 3, 4.5, 7], [0, 4.5, 7, 11]]
    (low,) = ct.slide(lambda x: x.amax((2, 3)), picture, (9, 6), (9, 5))
    assert (low.values.shape, low.edges[0].tolist()) == ((1, 1, 2), [0, 7])
    assert np.allclose(low.values * 77, [[[71, 76]]])
