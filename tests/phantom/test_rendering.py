"""One breast in two views, masks against the difference that a lesion makes, and what simple scores see."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_laplace
from scipy.stats import mannwhitneyu

from cadkit.phantom.anatomy import draw_breast
from cadkit.phantom.difficulty import DIFFICULTIES
from cadkit.phantom.lesions import structure
from cadkit.phantom.noise import generator, mixed_waves, textures
from cadkit.phantom.population import BreastPlan, ExamPlan, population
from cadkit.phantom.projection import Projection, frame_of
from cadkit.phantom.rendering import Picture, render, scene
from cadkit.phantom.settings import Settings

EASY = Settings(24, 320, 208, seed=11, difficulty="easy")


def visible(settings: Settings) -> list[tuple[ExamPlan, BreastPlan]]:
    return [(exam, breast) for exam in population(settings) for breast in exam.breasts if breast.lesions]


def nipple_to_lesion_mm(picture: Picture, mask: np.ndarray, plan: BreastPlan, spacing: float) -> float:
    """Depth behind the foremost pixel of the skin, from the pixels alone."""
    if plan.side == "R":
        picture, mask = replace(picture, display=picture.display[:, ::-1]), mask[:, ::-1]
    front = np.flatnonzero((picture.display > 0).any(axis=0)).max() + 1
    return float((front - (np.argwhere(mask)[:, 1].mean() + 0.5)) * spacing)


def test_both_views_show_a_lesion_at_the_same_depth_behind_the_nipple() -> None:
    spacing = frame_of(EASY.rows, EASY.columns).spacing_mm
    differences = []
    for exam, plan in visible(EASY):
        content = scene(EASY, exam, plan)
        pictures = {view: render(EASY, exam, plan, view, content) for view in ("CC", "MLO")}
        for number, item in enumerate(content.lesions):
            depth = {v: nipple_to_lesion_mm(p, p.masks[number], plan, spacing) for v, p in pictures.items()}
            # The mask's centre wanders with the spicules; the foremost skin is the nipple's to 2 mm.
            assert depth["CC"] == pytest.approx(float(item.center[0]), abs=6.5)
            differences.append(abs(depth["CC"] - depth["MLO"]))
    assert len(differences) >= 15
    assert np.median(differences) < 2.5


def test_a_point_projects_as_a_pencil_says() -> None:
    point = np.array([30.0, 10.0, 20.0])  # 30 mm deep, 10 mm towards the arm, 20 mm towards the head
    assert Projection("CC", (90.0, 120.0)).project(point) == pytest.approx([60.0, 110.0])
    # MLO sees (20 + 10) / sqrt(2) mm above the nipple.
    assert Projection("MLO", (90.0, 150.0)).project(point) == pytest.approx([60.0, 150 - 30 / math.sqrt(2)])


@pytest.mark.parametrize("difficulty", ["easy", "standard"])
def test_masks_cover_the_difference_that_lesions_make(difficulty: str) -> None:
    settings = replace(EASY, difficulty=difficulty, exams=10)
    for exam, plan in visible(settings):
        content = scene(settings, exam, plan)
        for view in ("CC", "MLO"):
            picture = render(settings, exam, plan, view, content)
            without = render(settings, exam, plan, view, content, lesions=False)
            difference = np.abs(picture.display - without.display)
            union = np.any(picture.masks, axis=0)
            assert difference[union].sum() > 0.9 * difference.sum()
            assert all(difference[mask].max() > 0.02 for mask in picture.masks)
            assert not union[picture.display == 0].any()
            assert all(np.array_equal(a, b) for a, b in zip(picture.masks, without.masks, strict=True))


def test_air_is_exactly_zero_and_tissue_clearly_above() -> None:
    exam = population(EASY)[0]
    for plan in exam.breasts:
        for view in ("CC", "MLO"):
            display = render(EASY, exam, plan, view, scene(EASY, exam, plan)).display
            assert display.dtype == np.float32
            assert set(np.unique(display[display < 0.04])) == {np.float32(0)}
            assert display.max() <= 1
            assert display[:, -1 if plan.side == "L" else 0].max() == 0


def test_the_breasts_of_a_woman_are_alike_and_those_of_two_women_are_not() -> None:
    frame = frame_of(320, 208)
    own, between = [], []
    for patient in range(30):
        left, right = (draw_breast(1, patient, side, "B", frame) for side in "LR")
        other = draw_breast(1, patient + 1, "L", "B", frame)
        own.append(abs(left.depth - right.depth))
        between.append(abs(left.depth - other.depth))
    assert np.mean(own) < 0.4 * np.mean(between)


def test_size_and_contrast_of_a_mass_do_not_depend_on_its_form() -> None:
    for look in DIFFICULTIES.values():
        for key in range(20):
            bodies = [structure(f, look, generator(key)).body for f in ("spiculated", "smooth", "ill-defined", "clump")]
            assert len({(body.radius, body.contrast) for body in bodies if body is not None}) == 1


def test_texture_has_the_power_spectrum_that_was_asked_for() -> None:
    spacing, exponent = 0.5, 3.0
    waves = mixed_waves((256, 256), [(generator(1, "a"), 1.0)])
    for field in textures(waves, spacing, exponent, (0.0, 1e6)):
        power = np.abs(np.fft.fft2(field)) ** 2
        f = np.hypot(*np.meshgrid(np.fft.fftfreq(256, spacing), np.fft.fftfreq(256, spacing)))
        band = (f > 0.03) & (f < 0.9)
        slope = np.polyfit(np.log(f[band]), np.log(power[band]), 1)[0]
        assert slope == pytest.approx(-exponent, abs=0.1)


def test_textures_that_share_a_generator_correlate_by_its_share() -> None:
    shape = (128, 128)
    waves = [mixed_waves(shape, [(generator(1), 0.5), (generator(2, side), 0.5)]) for side in "LR"]
    correlation = np.corrcoef(waves[0].real.ravel(), waves[1].real.ravel())[0, 1]
    assert correlation == pytest.approx(0.5, abs=0.03)


@pytest.mark.slow
def test_simple_scores_hardly_tell_malignant_breasts() -> None:
    """Easy as it is to see, the easy phantom is no game of bright blobs."""
    settings = replace(EASY, exams=150, seed=21)
    malignant, benign, scores = [], [], []
    for exam in population(settings):
        for plan in exam.breasts:
            content = scene(settings, exam, plan)
            pictures = [render(settings, exam, plan, view, content).display for view in ("CC", "MLO")]
            scores.append(np.mean([_simple(picture) for picture in pictures], axis=0))
            malignant.append(plan.malignant)
            benign.append(plan.benign)
    table, truth, other = np.array(scores), np.array(malignant), np.array(benign)
    for column in table.T:
        assert 0.3 < _auc(column[truth], column[~truth]) < 0.72
        assert 0.3 < _auc(column[truth & ~other], column[other & ~truth]) < 0.70


def _simple(display: np.ndarray) -> list[float]:
    blobs = [(-gaussian_laplace(display, sigma))[display > 0.1].max() * sigma**2 for sigma in (2.0, 4.0, 6.0)]
    return [float(display[display > 0].mean()), float(display.max()), *blobs]


def _auc(positive: np.ndarray, negative: np.ndarray) -> float:
    return float(mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative)))
