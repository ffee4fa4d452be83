"""Prevalence, visits, sites, forms, occult breasts and interval cancers, counted without pixels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cadkit.data.tables import read_meta
from cadkit.errors import InputError
from cadkit.phantom import mix as mixes
from cadkit.phantom import tables
from cadkit.phantom.mix import Mix, ceiling, mix_of
from cadkit.phantom.population import BreastPlan, ExamPlan, LesionPlan, population
from cadkit.phantom.settings import EMBEDDED_SETTINGS, PhantomSettings, asked_shares


def women(exams: list[ExamPlan]) -> dict[int, list[ExamPlan]]:
    grouped: dict[int, list[ExamPlan]] = defaultdict(list)
    for exam in exams:
        grouped[exam.patient].append(exam)
    return grouped


def breasts(exams: list[ExamPlan]) -> Iterator[tuple[ExamPlan, BreastPlan]]:
    return ((exam, breast) for exam in exams for breast in exam.breasts)


def occult(breast: BreastPlan, *labels: str) -> bool:
    return not any(lesion.label in labels for lesion in breast.findings)


def close(count: int, share: float, total: int, errors: float = 4.0) -> bool:
    """Whether a count lies within so many binomial standard errors of its share."""
    return abs(count - share * total) <= errors * (total * share * (1 - share)) ** 0.5 + 1


@pytest.fixture(scope="module")
def plan() -> list[ExamPlan]:
    return population(PhantomSettings(4000, 320, 208, seed=2, interval=0.24))


@pytest.mark.parametrize(
    ("malignant", "benign"), [(0.25, 0.25), (0.005, 0.02), (0.25, 0.02), (0.5, 0.5), (0.0, 0.1), (0.0, 0.0)]
)
def test_prevalence_is_what_was_asked_for(malignant: float, benign: float) -> None:
    exams = population(PhantomSettings(1000, 320, 208, seed=3, malignant=malignant, benign=benign, interval=0.24))
    assert len(exams) == 1000
    assert sum(breast.malignant for _, breast in breasts(exams)) == round(2000 * malignant)
    assert sum(breast.benign for _, breast in breasts(exams)) == round(2000 * benign)


def test_more_cancers_than_women_need_more_women() -> None:
    exams = population(PhantomSettings(300, 320, 208, seed=3, malignant=0.5, visits=(0, 0, 0, 1)))
    assert sum(breast.malignant for _, breast in breasts(exams)) == 300


def test_women_come_once_to_four_times_over_years(plan: list[ExamPlan]) -> None:
    grouped = women(plan)
    visits = Counter(len(exams) for exams in grouped.values())
    for number, share in ((1, 0.60), (2, 0.22), (3, 0.12), (4, 0.06)):
        assert close(visits[number], share, len(grouped))
    assert max(exam.date for exam in plan).year - min(exam.date for exam in plan).year >= 8
    fallen = 0
    for exams in grouped.values():
        assert [exam.visit for exam in exams] == list(range(len(exams)))
        assert len({exam.site for exam in exams}) == 1
        assert all(40 <= exam.age <= 84 for exam in exams)
        for before, after in pairwise(exams):
            gap = (after.date - before.date).days
            assert 330 <= gap < 800
            assert after.years - before.years == pytest.approx(gap / 365.25)
            assert 0 <= after.age - before.age <= 3
            assert ord(before.density) - ord(after.density) in (0, 1)
            fallen += before.density != after.density
    assert 0 < fallen < 0.1 * len(plan)


def test_densities_are_those_of_screening_and_fall_with_age(plan: list[ExamPlan]) -> None:
    firsts = [exams[0] for exams in women(plan).values()]
    for density, share in (("A", 0.1), ("B", 0.4), ("C", 0.4), ("D", 0.1)):
        assert close(sum(exam.density == density for exam in firsts), share, len(firsts))
    dense = {True: [], False: []}  # type: dict[bool, list[bool]]
    for exam in firsts:
        dense[exam.age < 50].append(exam.density in "CD")
    assert np.mean(dense[True]) - np.mean(dense[False]) > 0.1


def test_sites_have_their_devices_and_say_nothing_of_the_label(plan: list[ExamPlan]) -> None:
    vendors: dict[str, set[str]] = defaultdict(set)
    labels: dict[str, list[bool]] = defaultdict(list)
    for exam, breast in breasts(plan):
        vendors[exam.site].add(exam.vendor)
        labels[exam.site].append(breast.malignant)
    assert vendors == {"north": {"lut"}, "south": {"window"}, "west": {"lut", "window"}}
    for values in labels.values():
        assert close(sum(values), 0.25, len(values))
        assert len(values) > 0.25 * 2 * len(plan)


def test_a_cancer_is_labelled_where_it_was_found_and_a_benign_lesion_in_every_exam(plan: list[ExamPlan]) -> None:
    followed = 0
    for exams in women(plan).values():
        for side in (0, 1):
            mine = [exam.breasts[side] for exam in exams]
            assert len({breast.benign for breast in mine}) == 1
            cancers = [number for number, breast in enumerate(mine) if breast.malignant]
            if len(cancers) == 2:
                followed += 1
                assert cancers == [len(mine) - 2, len(mine) - 1]
                assert (mine[-2].interval_cancer, mine[-1].interval_cancer) == (True, False)
                assert 365 <= (exams[-1].date - exams[-2].date).days < 730
                assert not occult(mine[-1], "malignant")
                assert all(lesion.size == 1 for lesion in mine[-1].findings if lesion.label == "malignant")
            else:
                assert cancers in ([], [len(mine) - 1])
            for breast in mine:
                assert breast.malignant or not breast.interval_cancer
                assert breast.benign or not breast.high_risk
                assert breast.biopsied == (breast.benign or (breast.malignant and not breast.interval_cancer))
    assert followed > 30


def test_a_lesion_keeps_number_kind_and_form_over_the_years(plan: list[ExamPlan]) -> None:
    known: dict[tuple[int, str, int], list[tuple[LesionPlan, float]]] = defaultdict(list)
    for exam, breast in breasts(plan):
        numbers = [lesion.number for lesion in breast.lesions]
        assert len(set(numbers)) == len(numbers)
        for lesion in breast.lesions:
            known[exam.patient, breast.side, lesion.number].append((lesion, exam.years))
    several = [seen for seen in known.values() if len(seen) > 1]
    assert len(several) > 300
    for seen in several:
        assert len({(lesion.label, lesion.kind, lesion.form) for lesion, _ in seen}) == 1
        sizes = [lesion.size for lesion, _ in sorted(seen, key=lambda pair: pair[1])]
        assert sizes == sorted(sizes)
        assert sizes[0] > 0
        assert sizes[-1] <= 1


def test_first_signs_are_small_and_unlabelled(plan: list[ExamPlan]) -> None:
    early = [lesion for _, breast in breasts(plan) for lesion in breast.lesions if lesion not in breast.findings]
    assert len(early) > 50
    assert all(lesion.label == "malignant" and lesion.size <= 0.4 for lesion in early)


def test_the_stated_share_is_occult_and_more_of_it_in_dense_breasts() -> None:
    plan = population(PhantomSettings(6000, 320, 208, seed=7))
    hidden: dict[str, dict[str, list[bool]]] = {"malignant": defaultdict(list), "benign": defaultdict(list)}
    for exam, breast in breasts(plan):
        if breast.malignant:
            hidden["malignant"][exam.density].append(occult(breast, "malignant"))
        if breast.benign:
            hidden["benign"][exam.density].append(occult(breast, "benign", "high_risk"))
    for label, share in (("malignant", 0.10), ("benign", 0.38)):
        values = [value for of_density in hidden[label].values() for value in of_density]
        assert len(values) == 3000
        # A benign lesion counts once in each exam of a woman, hence the wider bound.
        assert close(sum(values), share, len(values), errors=5.0)
        means = [np.mean(hidden[label][density]) for density in "ABCD"]
        assert means == sorted(means)
        assert means[3] > 2 * means[0]


def test_interval_cancers_are_smaller_denser_and_more_often_occult(plan: list[ExamPlan]) -> None:
    late = [(exam, breast) for exam, breast in breasts(plan) if breast.interval_cancer]
    screened = [(exam, breast) for exam, breast in breasts(plan) if breast.malignant and not breast.interval_cancer]
    # A cancer of two labelled exams is one cancer.
    cancers = 2000 - sum(len(exams) > 1 and any(
        exams[-2].breasts[k].interval_cancer and exams[-1].breasts[k].malignant for k in (0, 1)
    ) for exams in women(plan).values())  # fmt: skip
    assert close(len(late), 0.24, cancers, errors=5.0)
    sizes = [lesion.size for _, breast in late for lesion in breast.findings if lesion.label == "malignant"]
    assert min(sizes) >= 0.35
    assert max(sizes) <= 0.70
    assert all(le.size >= 0.75 for _, b in screened for le in b.findings if le.label == "malignant")
    assert np.mean([e.density in "CD" for e, _ in late]) > np.mean([e.density in "CD" for e, _ in screened]) + 0.1
    assert np.mean([occult(b, "malignant") for _, b in late]) > 1.8 * np.mean(
        [occult(b, "malignant") for _, b in screened]
    )


def test_size_does_not_tell_the_label() -> None:
    plan = population(PhantomSettings(4000, 320, 208, seed=11))
    sizes: dict[str, list[float]] = defaultdict(list)
    for _, breast in breasts(plan):
        for lesion in breast.findings:
            sizes[lesion.label].append(lesion.size)
    assert abs(np.mean(sizes["malignant"]) - np.mean(sizes["benign"])) < 0.02


def test_kinds_and_forms_have_the_stated_proportions() -> None:
    plan = population(PhantomSettings(5000, 320, 208, seed=12, visits=(1, 0, 0, 0)))
    lesions = [lesion for _, breast in breasts(plan) for lesion in breast.lesions]
    # Wu et al. 2019, reader study.
    for label, counts in (("malignant", (21, 26, 4, 12)), ("benign", (87, 102, 6, 36))):
        mine = [lesion for lesion in lesions if lesion.label == label]
        kinds = ("mass", "calcification", "distortion", "asymmetry")
        for kind, count in zip(kinds, counts, strict=True):
            assert close(sum(lesion.kind == kind for lesion in mine), count / sum(counts), len(mine))
    for label, kind, forms, share in (
        ("malignant", "mass", ("smooth", "lobulated"), 0.08),
        ("malignant", "mass", ("ill-defined",), 0.15),
        ("benign", "mass", ("spiculated",), 0.04),
        ("benign", "mass", ("ill-defined",), 0.12),
        ("malignant", "calcification", ("round", "scattered"), 0.10),
        ("benign", "calcification", ("pleomorphic", "segmental"), 0.08),
        ("malignant", "asymmetry", ("plain",), 0.30),
        ("high_risk", "asymmetry", ("plain",), 0.575),
        ("malignant", "distortion", ("sparse",), 0.20),
    ):
        mine = [lesion for lesion in lesions if (lesion.label, lesion.kind) == (label, kind)]
        assert close(sum(lesion.form in forms for lesion in mine), share, len(mine))
    benign = [breast for _, breast in breasts(plan) if breast.benign]
    assert close(sum(breast.high_risk for breast in benign), 0.07, len(benign))
    both = sum(breast.malignant for breast in benign)
    assert close(both, 0.24, 2500)


def test_the_easy_phantom_shows_everything_and_form_tells_the_label() -> None:
    settings = PhantomSettings(1000, 320, 208, seed=5, difficulty="easy")
    plan = population(settings)
    lesions = [lesion for _, breast in breasts(plan) for lesion in breast.lesions]
    share = {}
    for label, forms in (("malignant", {"spiculated", "pleomorphic"}), ("benign", {"smooth", "round"})):
        mine = [lesion for lesion in lesions if lesion.label == label]
        assert {lesion.form for lesion in mine} == forms
        share[label] = sum(lesion.kind == "mass" for lesion in mine) / len(mine)
    assert abs(share["malignant"] - share["benign"]) < 0.08
    for _, breast in breasts(plan):
        assert not (breast.malignant and occult(breast, "malignant"))
        assert not (breast.benign and occult(breast, "benign"))
        assert breast.findings == breast.lesions
    assert set(tables.labels_of(settings)) == {"malignant", "benign"}
    assert EMBEDDED_SETTINGS == {"exams": 240, "size": (320, 208), "difficulty": "easy"}


def test_birads_follows_what_is_visible(plan: list[ExamPlan]) -> None:
    recalled: dict[bool, list[bool]] = {True: [], False: []}
    for exam in plan:
        assert exam.birads in (0, 1, 2)
        visible = any(breast.biopsied and breast.findings for breast in exam.breasts)
        recalled[visible].append(exam.birads == 0)
    assert np.mean(recalled[True]) > 0.65
    assert np.mean(recalled[False]) < 0.1


def test_the_ceiling_by_pencil(monkeypatch: pytest.MonkeyPatch) -> None:
    """One kind, forms that tell the label, the same share occult in every density."""
    monkeypatch.setattr(mixes, "_OCCULT_BY_DENSITY", dict.fromkeys("ABCD", 1.0))
    one = {"mass": 1.0}
    pencil = Mix(
        name="pencil",
        kinds={"malignant": one, "benign": one},
        forms={"malignant": {"mass": {"spiculated": 1.0}}, "benign": {"mass": {"smooth": 1.0}}},
        occult={"malignant": 0.1, "benign": 0.4},
        second=0.0,
        together=0.0,
        high_risk=0.0,
        interval=0.0,
        hindsight=0.0,
    )
    # A visible cancer stands above all; an occult one ties with what shows nothing (0.6 and 0.4 x 0.2 of the
    # others' 0.8) and stands above the benign breasts that show something.
    stop = ceiling(pencil, 0.2, 0.2)
    nothing = (0.6 + 0.4 * 0.2) / 0.8
    assert stop.malignant == pytest.approx(0.9 + 0.1 * (1 - nothing) + 0.1 * nothing / 2)
    assert stop.against_benign == pytest.approx(0.9 + 0.1 * 0.6 + 0.1 * 0.4 / 2)
    assert np.isnan(ceiling(pencil, 0.0, 0.2).malignant)
    easy = ceiling(mix_of("easy"), 0.25, 0.25)
    assert (easy.malignant, easy.against_benign) == pytest.approx((1, 1))


def test_the_tables_say_what_was_planned(tmp_path: Path) -> None:
    settings = PhantomSettings(300, 320, 208, seed=8, readers=1)
    plan = population(settings)
    tables.write(tmp_path, settings, plan)
    rows = pl.read_csv(tmp_path / "breasts.csv").rows(named=True)
    for row, (exam, breast) in zip(rows, breasts(plan), strict=True):
        assert (row["exam_id"], row["side"]) == (exam.exam_id, breast.side)
        for name in ("malignant", "benign", "high_risk", "biopsied", "interval_cancer"):
            assert row[name] == int(getattr(breast, name))
    # A finding for both views of each labelled lesion, and none for the first signs of a later cancer.
    findings = pl.read_csv(tmp_path / "findings.csv")
    marked = [f"{e.exam_id}_{b.side}_{lesion.number}" for e, b in breasts(plan) for lesion in b.findings]
    assert sorted(findings["lesion_id"]) == sorted(2 * marked)
    assert len(marked) < sum(len(breast.lesions) for _, breast in breasts(plan))
    assert set(findings["label"]) == {"malignant", "benign", "high_risk"}
    meta = read_meta(tmp_path)
    assert list(meta.labels) == ["malignant", "benign", "high_risk"]
    assert meta.settings["auc_ceiling_malignant"] == 0.945
    assert pl.read_csv(tmp_path / "exams.csv")["site"].to_list() == [exam.site for exam in plan]


def test_screening_and_prevalence_exclude_each_other() -> None:
    assert asked_shares() == {"malignant": 0.25, "benign": 0.25}
    assert asked_shares(prevalence=0.01) == {"malignant": 0.01, "benign": 0.25}
    assert asked_shares(screening=True)["malignant"] == 0.005
    with pytest.raises(InputError, match=r"--screening sets the shares.*--prevalence"):
        asked_shares(prevalence=0.1, screening=True)
