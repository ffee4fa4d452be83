"""Simulated radiologists against the published readers, over plans without pixels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cadkit.phantom.mix import ceiling, mix_of
from cadkit.phantom.population import BreastPlan, population
from cadkit.phantom.readers import Reading, reader_columns, screen_readers, study_reader, suspicion
from cadkit.phantom.settings import PhantomSettings

# Breasts as in the reader study of Wu et al. 2019: 62 malignant and 356 benign of 1,440.
STUDY = PhantomSettings(
    6000, 320, 208, seed=9, malignant=62 / 1440, benign=356 / 1440, interval=0.0, visits=(1, 0, 0, 0)
)
Study = tuple[NDArray[np.int64], NDArray[np.float64], list[Reading]]


@pytest.fixture(scope="module")
def study() -> Study:
    exams = population(STUDY)
    truth = np.array([breast.malignant for exam in exams for breast in exam.breasts], dtype=np.int64)
    looks = suspicion(STUDY, exams)
    return truth, looks, [study_reader(STUDY, number, looks) for number in range(1, 15)]


def area(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Wilcoxon's statistic over all pairs, literally."""
    positive, negative = scores[truth == 1], np.sort(scores[truth == 0])
    below = np.searchsorted(negative, positive, side="left")
    not_above = np.searchsorted(negative, positive, side="right")
    return float((below + not_above).sum() / 2 / len(positive) / len(negative))


def test_fourteen_readers_spread_as_those_of_the_study(study: Study) -> None:
    truth, _, readers = study
    areas = np.array([area(truth, reader.scores) for reader in readers])
    # Published: 0.705 to 0.860, mean 0.778, sd 0.0435; the sampling error of one area is about 0.01 here.
    assert 0.68 < areas.min() < 0.74
    assert 0.83 < areas.max() < 0.88
    assert abs(areas.mean() - 0.778) < 0.02
    assert abs(areas.std(ddof=1) - 0.0435) < 0.012


def test_their_recalls_are_near_the_published_operating_points(study: Study) -> None:
    truth, _, readers = study
    sensitivity = np.array([reader.recalls[truth == 1].mean() for reader in readers])
    specificity = np.array([1 - reader.recalls[truth == 0].mean() for reader in readers])
    # Shen et al. 2021, section 3.4: 0.621 (sd 0.09) and 0.852 (sd 0.055).
    assert abs(sensitivity.mean() - 0.621) < 0.09
    assert abs(specificity.mean() - 0.852) < 0.055
    assert 0.02 < specificity.std(ddof=1) < 0.08


def test_scores_clump_and_recall_follows_them(study: Study) -> None:
    _, _, readers = study
    for reader in readers:
        assert len(np.unique(reader.scores)) <= 16
        assert reader.scores.min() >= 0
        assert reader.scores.max() <= 1
        assert np.mean(reader.scores <= 0.02) > 0.3
        assert reader.scores[reader.recalls == 1].min() > reader.scores[reader.recalls == 0].max()
    assert len({len(np.unique(reader.scores)) for reader in readers}) > 1


def test_readers_agree_through_the_case(study: Study) -> None:
    truth, looks, readers = study
    cancers = np.stack([reader.scores[truth == 1] for reader in readers])
    shared = np.corrcoef(cancers)[np.triu_indices(14, 1)]
    assert shared.min() > 0.1
    assert shared.mean() > 0.25
    # Fourteen together are better than the mean of them, and no better than what all of them share.
    together = area(truth, np.mean([reader.scores for reader in readers], axis=0))
    assert together > np.mean([area(truth, reader.scores) for reader in readers]) + 0.05
    assert together < area(truth, looks) + 0.01
    stop = ceiling(mix_of("standard"), STUDY.malignant, STUDY.benign)
    assert area(truth, looks) < stop.malignant


def test_more_readers_change_nothing_for_the_first() -> None:
    few, many = (PhantomSettings(60, 320, 208, seed=4, readers=number) for number in (2, 5))
    exams = population(few)
    two, five = reader_columns(few, exams), reader_columns(many, population(many))
    assert list(two) == [
        *("reader_screen_1", "recall_screen_1", "reader_screen_2", "recall_screen_2"),
        *("reader_1", "recall_1", "reader_2", "recall_2"),
    ]
    assert len(five) == len(two) + 6
    assert all(five[name] == values for name, values in two.items())
    assert five["reader_3"] != five["reader_4"]


def test_screen_readers_give_integers_that_fit_the_labels() -> None:
    settings = PhantomSettings(3000, 320, 208, seed=6, malignant=0.05, benign=0.05, interval=0.24)
    exams = population(settings)
    breasts = [breast for exam in exams for breast in exam.breasts]
    first, second = screen_readers(settings, exams, suspicion(settings, exams))
    for reading in (first, second):
        assert set(np.unique(reading.scores)) == {1, 2, 3, 4, 5}
        assert np.array_equal(reading.recalls, reading.scores > 1)
    summed = first.scores + second.scores
    found = np.array([_visible_cancer(breast) and not breast.interval_cancer for breast in breasts])
    late = np.array([breast.interval_cancer for breast in breasts])
    assert summed[found].min() >= 3
    assert summed[late].max() <= 3
    normal = np.array([not breast.lesions for breast in breasts])
    assert np.mean(first.scores[normal] > 1) < 0.04
    # Dahl et al. 2023: the sum of two readers is above one; with interval cancers both fall.
    truth = np.array([breast.malignant for breast in breasts], dtype=np.int64)
    screened = truth * ~late
    assert area(truth, summed) > area(truth, first.scores) + 0.02
    assert area(screened, summed) > area(truth, summed) + 0.02


def _visible_cancer(breast: BreastPlan) -> bool:
    return any(lesion.label == "malignant" for lesion in breast.findings)
