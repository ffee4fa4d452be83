"""Prevalence, visits, occult breasts and forms, counted over a population without pixels."""

from __future__ import annotations

from collections import Counter, defaultdict

from cadkit.phantom.population import ExamPlan, population
from cadkit.phantom.settings import Settings


def women(exams: list[ExamPlan]) -> dict[int, list[ExamPlan]]:
    grouped: dict[int, list[ExamPlan]] = defaultdict(list)
    for exam in exams:
        grouped[exam.patient].append(exam)
    return grouped


def test_prevalence_is_what_was_asked_for() -> None:
    for malignant, benign in ((0.25, 0.25), (0.005, 0.1), (0.0, 0.0)):
        plan = population(Settings(1000, 320, 208, seed=3, malignant=malignant, benign=benign))
        breasts = [breast for exam in plan for breast in exam.breasts]
        assert len(breasts) == 2000
        assert sum(breast.malignant for breast in breasts) == round(2000 * malignant)
        assert sum(breast.benign for breast in breasts) == round(2000 * benign)


def test_about_a_quarter_of_the_women_come_twice_and_later() -> None:
    grouped = women(population(Settings(2000, 320, 208, seed=1)))
    twice = [exams for exams in grouped.values() if len(exams) == 2]
    assert 0.22 < len(twice) / len(grouped) < 0.28
    for first, last in twice:
        assert 300 < (last.date - first.date).days < 900
        assert first.age <= last.age
        assert first.density == last.density
        # A cancer is found in the last exam; a benign lesion was there before.
        assert not any(breast.malignant for breast in first.breasts)
        assert [breast.benign for breast in first.breasts] == [breast.benign for breast in last.breasts]
    assert all(len(exams) <= 2 for exams in grouped.values())


def test_lesions_have_the_breast_s_label_and_the_stated_share_is_occult() -> None:
    plan = population(Settings(4000, 320, 208, seed=2, difficulty="standard"))
    occult: Counter[str] = Counter()
    labelled: Counter[str] = Counter()
    for exam in plan:
        for breast in exam.breasts:
            found = {lesion.label for lesion in breast.lesions}
            for label, present in (("malignant", breast.malignant), ("benign", breast.benign)):
                assert present or label not in found
                labelled[label] += present
                occult[label] += present and label not in found
    # Issue figures: 10% of the malignant and 38% of the benign breasts; 4 standard errors of 2000.
    assert abs(occult["malignant"] / labelled["malignant"] - 0.10) < 0.03
    assert abs(occult["benign"] / labelled["benign"] - 0.38) < 0.045


def test_densities_are_those_of_screening() -> None:
    plan = population(Settings(4000, 320, 208, seed=4))
    shares = Counter(exams[0].density for exams in women(plan).values())
    total = sum(shares.values())
    for density, share in (("A", 0.1), ("B", 0.4), ("C", 0.4), ("D", 0.1)):
        assert abs(shares[density] / total - share) < 0.035


def test_kind_does_not_tell_the_label_and_form_does_in_the_easy_phantom() -> None:
    plan = population(Settings(3000, 320, 208, seed=5, difficulty="easy"))
    lesions = [lesion for exam in plan for breast in exam.breasts for lesion in breast.lesions]
    share = {}
    for label, forms in (("malignant", {"spiculated", "pleomorphic"}), ("benign", {"smooth", "round"})):
        mine = [lesion for lesion in lesions if lesion.label == label]
        assert {lesion.form for lesion in mine} == forms
        share[label] = sum(lesion.kind == "mass" for lesion in mine) / len(mine)
    assert abs(share["malignant"] - share["benign"]) < 0.06


def test_one_vendor_per_exam_and_both_in_use() -> None:
    plan = population(Settings(400, 320, 208, seed=6))
    shares = Counter(exam.vendor for exam in plan)
    assert set(shares) == {"lut", "window"}
    assert min(shares.values()) > 150
