"""One breast in two views, masks against the difference that a lesion makes, and what simple scores see."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_laplace
from scipy.stats import mannwhitneyu

from cadkit.phantom.acquisition import Acquisition, acquire
from cadkit.phantom.difficulty import DIFFICULTIES
from cadkit.phantom.lesions import draw, place, structure
from cadkit.phantom.mix import MIXES
from cadkit.phantom.noise import generator, mixed_waves, textures
from cadkit.phantom.population import BreastPlan, ExamPlan, LesionPlan, population
from cadkit.phantom.projection import Projection, frame_of
from cadkit.phantom.rendering import Picture, render, scene
from cadkit.phantom.settings import PhantomSettings
from cadkit.phantom.shape import DENSITIES, draw_breast
from cadkit.phantom.volume import Volume, gland_volume

EASY = PhantomSettings(24, 320, 208, seed=11, difficulty="easy")


def visible(settings: PhantomSettings) -> list[tuple[ExamPlan, BreastPlan]]:
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
            # The rest is scatter: up to 22% of a lesion's signal, spread over centimetres.
            assert difference[union].sum() > 0.7 * difference.sum()
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
    forms = ("spiculated", "ill-defined", "lobulated", "smooth", "clump")
    for look in DIFFICULTIES.values():
        for key in range(20):
            bodies = [structure(form, look, generator(key)).body for form in forms]
            assert len({(body.radius, body.contrast) for body in bodies if body is not None}) == 1


def test_every_form_of_the_mix_can_be_drawn() -> None:
    look, frame = DIFFICULTIES["standard"], frame_of(320, 208)
    breast = draw_breast(1, 2, "L", "B", frame)
    volume = gland_volume(breast, (1, 2, "L", 0), frame.spacing_mm)
    forms = {form for kinds in MIXES["standard"].forms.values() for shares in kinds.values() for form in shares}
    assert len(forms) == 12
    for form in forms:
        item = place(structure(form, look, generator(3)), breast, volume, frame, generator(4))
        for view in ("CC", "MLO"):
            patch = draw(item, breast, view, frame)
            assert patch is not None
            assert patch.brightness.max() > 0.03
            assert patch.mask.any()


def test_both_views_hold_all_of_the_gland() -> None:
    """A shadow is a sum along the beam: its integral is the volume of the gland, whatever the view."""
    frame = frame_of(640, 416)
    breast = draw_breast(5, 6, "L", "C", frame)
    volume = gland_volume(breast, (5, 6, "L", 0), frame.spacing_mm)
    total = float(volume.gland.sum()) * volume.voxel_mm**3
    for view in ("CC", "MLO"):
        shadow = volume.shadow(breast.projection(view), frame)
        assert float(shadow.sum()) * frame.spacing_mm**2 == pytest.approx(total, rel=0.03)


def test_a_shadow_is_the_sum_along_the_beam() -> None:
    """A rod of 3 x 3 x 30 mm along the beam of CC, seen end on."""
    gland = np.zeros((40, 40, 40), dtype=np.float32)
    gland[9:12, 19:22, 5:35] = 1
    volume = Volume(gland, 1.0, (0.0, -20.0, -20.0))
    frame = frame_of(1000, 625)
    shadow = volume.shadow(Projection("CC", (60.0, 100.0)), frame)
    assert shadow.max() == pytest.approx(30.0, rel=0.02)
    row, column = np.argwhere(shadow > 15).mean(axis=0) + 0.5
    assert [column * frame.spacing_mm, row * frame.spacing_mm] == pytest.approx([60 - 10, 100 - 0], abs=0.2)
    assert volume.at(np.array([[10.0, 0.0, 0.0], [10.0, 0.0, 19.0], [99.0, 0.0, 0.0]])) == pytest.approx([1, 0, 0])


def test_denser_classes_hold_more_gland() -> None:
    frame = frame_of(320, 208)
    share = []
    for density in DENSITIES:
        breasts = [draw_breast(9, patient, "L", density, frame) for patient in range(8)]
        volumes = [gland_volume(b, (9, p, "L", 0), frame.spacing_mm).gland.mean() for p, b in enumerate(breasts)]
        share.append(float(np.mean(volumes)))
    assert share[0] < 0.6 * share[1] < 0.6 * share[2] * 0.8
    assert share[2] < 0.8 * share[3]


def test_gland_hides_a_mass() -> None:
    """The same mass adds less to an image inside gland than inside fat."""
    frame, look = frame_of(320, 208), DIFFICULTIES["standard"]
    breast = draw_breast(1, 1, "L", "B", frame)
    item = structure("smooth", look, generator(1))
    shown = []
    for share in (0.35, 1.0):
        volume = Volume(np.full((90, 130, 130), share, dtype=np.float32), 2.0, (0.0, -130.0, -130.0))
        patch = draw(place(item, breast, volume, frame, generator(2)), breast, "CC", frame)
        assert patch is not None
        shown.append(float(patch.brightness.max()))
    assert shown[1] < 0.9 * shown[0]


def test_a_lesion_keeps_its_place_and_grows_over_exams() -> None:
    settings = replace(EASY, difficulty="standard")
    last = next(exam for exam in population(replace(settings, exams=60)) if exam.visit == 2)
    areas, centers = [], []
    for visit, size in enumerate((0.4, 0.7, 1.0)):
        lesion = LesionPlan(1, "malignant", "mass", "spiculated", size)
        plan = replace(last.breasts[0], malignant=True, lesions=(lesion,))
        content = scene(settings, replace(last, visit=visit), plan)
        centers.append(content.lesions[0].center)
        areas.append(render(settings, replace(last, visit=visit), plan, "CC", content).masks[0].sum())
    assert areas[0] < areas[1] < areas[2]
    assert np.ptp(centers, axis=0).max() == 0


def test_scatter_takes_contrast_and_noise_grows_with_the_signal() -> None:
    frame = frame_of(640, 416)
    inside = np.ones((640, 416), dtype=bool)
    disc = np.hypot(*np.mgrid[-320:320, -208:208]) * frame.spacing_mm < 6
    field = np.where(disc, np.float32(0.5), np.float32(0.2))
    contrast = []
    for scatter in (0.0, 0.3):
        shown = acquire(field, inside, frame, Acquisition(scatter, 0.1, 0.0, 1.0, 0.9), generator(1))
        contrast.append(float(shown[disc].mean() - shown[~disc].mean()))
    assert contrast[0] == pytest.approx(0.3, abs=0.01)
    assert contrast[1] < 0.85 * contrast[0]
    noisy = acquire(field, inside, frame, Acquisition(0.0, 0.1, 0.02, 1.0, 0.9), generator(1))
    assert noisy[disc].std() > 1.3 * noisy[~disc].std()


def test_texture_has_the_power_spectrum_that_was_asked_for() -> None:
    spacing, exponent = 0.5, 3.0
    waves = mixed_waves((256, 256), [(generator(1, "a"), 1.0)])
    for field in textures(waves, spacing, exponent, (0.0, 1e6)):
        power = np.abs(np.fft.fft2(field)) ** 2
        f = np.hypot(*np.meshgrid(np.fft.fftfreq(256, spacing), np.fft.fftfreq(256, spacing)))
        band = (f > 0.03) & (f < 0.9)
        slope = np.polyfit(np.log(f[band]), np.log(power[band]), 1)[0]
        assert slope == pytest.approx(-exponent, abs=0.1)


def test_a_volume_and_its_projection_have_the_exponent_that_was_asked_for() -> None:
    spacing, exponent = 1.0, 3.0
    field, _ = textures(mixed_waves((96, 96, 96), [(generator(1, "v"), 1.0)]), spacing, exponent, (0.0, 1e6))
    power = np.abs(np.fft.fft2(field.sum(axis=2))) ** 2
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(96, spacing), np.fft.fftfreq(96, spacing)))
    band = (f > 0.03) & (f < 0.45)
    assert np.polyfit(np.log(f[band]), np.log(power[band]), 1)[0] == pytest.approx(-exponent, abs=0.15)


def test_textures_that_share_a_generator_correlate_by_its_share() -> None:
    shape = (128, 128)
    waves = [mixed_waves(shape, [(generator(1), 0.5), (generator(2, side), 0.5)]) for side in "LR"]
    correlation = np.corrcoef(waves[0].real.ravel(), waves[1].real.ravel())[0, 1]
    assert correlation == pytest.approx(0.5, abs=0.03)


@pytest.mark.slow
def test_simple_scores_hardly_tell_malignant_breasts() -> None:
    """The phantom on which models are compared is no game of bright blobs; `benchmarks/phantom` has the whole of it."""
    settings = PhantomSettings(150, 512, 416, seed=21, difficulty="standard")
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
        assert 0.35 < _auc(column[truth], column[~truth]) < 0.65
        assert 0.35 < _auc(column[truth & ~other], column[other & ~truth]) < 0.65


def _simple(display: np.ndarray) -> list[float]:
    blobs = [(-gaussian_laplace(display, sigma))[display > 0.1].max() * sigma**2 for sigma in (2.0, 4.0, 6.0)]
    return [float(display[display > 0].mean()), float(display.max()), *blobs]


def _auc(positive: np.ndarray, negative: np.ndarray) -> float:
    return float(mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative)))
