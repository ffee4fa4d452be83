"""MRMC against definitions written out as loops, on small random studies with ties and missing readings."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from cadkit import metrics
from cadkit.reader_study import MarkStudy, RatingStudy, analyse, compare_scores
from cadkit.reader_study.bdg import Bdg
from cadkit.reader_study.covariances import pair_moments
from cadkit.reader_study.endpoints import MARK_FOMS, measure, rated_of

T, R = 2, 3


def ratings(seed: int, sick: int = 5, well: int = 4, missing: float = 0.0) -> RatingStudy:
    """Whole numbers from 0 to 4, so that many are tied."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(sick + well) < sick)
    rating = rng.integers(0, 4, size=(T, R, sick + well)) + truth.astype(float)
    rating[rng.random(rating.shape) < missing] = np.nan
    return RatingStudy(("a", "b", "c"), ("x", "y"), tuple(map(str, range(sick + well))), truth, rating)


def marks(seed: int, cases: int = 9) -> MarkStudy:
    """Up to three lesions per case, unequal weights, up to two false marks, ratings of 1 to 3."""
    rng = np.random.default_rng(seed)
    lesion_case = np.repeat(np.arange(cases), np.r_[rng.integers(1, 4, size=4), np.zeros(cases - 4, dtype=int)])
    weight = rng.random(len(lesion_case)) + 0.1
    weight /= np.bincount(lesion_case, weight)[lesion_case]
    rows = []
    for i, j in product(range(T), range(R)):
        for case in range(cases):
            rows += [(i, j, case, rng.integers(1, 4), -1) for _ in range(rng.integers(0, 3))]
        for lesion, case in enumerate(lesion_case):
            if rng.random() < 0.7:
                rows.append((i, j, case, rng.integers(1, 4), lesion))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return MarkStudy(
        ("a", "b", "c"), ("x", "y"), tuple(map(str, range(cases))), tuple(map(str, range(len(lesion_case)))),
        lesion_case, weight, columns[0], columns[1], columns[2], columns[3].astype(float), columns[4],
    )  # fmt: skip


def psi(high: float, low: float) -> float:
    return 1.0 if high > low else 0.5 if high == low else 0.0


def literal_auc(study: RatingStudy, i: int, j: int, kept: list[int]) -> float:
    rating = study.rating[i, j]
    read = [k for k in kept if not np.isnan(rating[k])]
    pairs = [psi(rating[a], rating[b]) for a in read for b in read if study.truth[a] and not study.truth[b]]
    return float(np.mean(pairs))


def literal_fom(study: MarkStudy, fom: str, i: int, j: int, kept: list[int]) -> float:
    """The table of tony_froc's README."""
    mine = (study.mark_modality == i) & (study.mark_reader == j)
    false = {k: [] for k in kept}
    hit: dict[int, list[float]] = {}
    for case, rating, lesion in zip(
        study.mark_case[mine], study.mark_rating[mine], study.mark_lesion[mine], strict=True
    ):
        if lesion >= 0:
            hit.setdefault(int(lesion), []).append(rating)
        elif case in false:
            false[case].append(rating)
    lesions = [(index, case) for index, case in enumerate(study.lesion_case) if case in false]
    sick = sorted({case for _, case in lesions})
    well = [k for k in kept if k not in sick]
    best = {index: max(hit.get(index, [-np.inf])) for index, _ in lesions}
    highest = {k: max(false[k], default=-np.inf) for k in kept}
    top = {k: max([highest[k], *(best[index] for index, case in lesions if case == k)]) for k in kept}
    if fom == "hr_auc":
        return float(np.mean([psi(top[a], top[b]) for a in sick for b in well]))
    if fom == "hr_se":
        return float(np.mean([top[k] > -np.inf for k in sick]))
    if fom == "hr_sp":
        return float(np.mean([top[k] == -np.inf for k in well]))
    if fom == "max_llf":
        return float(np.mean([value > -np.inf for value in best.values()]))
    if fom == "max_nlf":
        return sum(len(false[k]) for k in well) / len(well)
    if fom == "max_nlf_all_cases":
        return sum(len(false[k]) for k in kept) / len(kept)
    rivals = kept if fom.endswith("1") else well
    if fom.startswith("w"):
        total = sum(study.weight[index] * psi(best[index], highest[k]) for k in rivals for index, _ in lesions)
        return float(total / (len(rivals) * len(sick)))
    return float(np.mean([psi(best[index], highest[k]) for k in rivals for index, _ in lesions]))


@pytest.mark.parametrize("fom", MARK_FOMS)
def test_figures_of_merit_of_marks_with_and_without_each_case(fom: str) -> None:
    study = marks(4)
    every = list(range(len(study.cases)))
    sick = set(study.lesion_case.tolist())
    left_out = {"max_llf": sick, "hr_se": sick, "max_nlf": set(every) - sick, "hr_sp": set(every) - sick}
    counted = sorted(left_out.get(fom, set(every)))
    found = measure(study, fom)
    assert found.without.shape == (T * R, len(counted))
    for s, (i, j) in enumerate(product(range(T), range(R))):
        assert found.values[s] == pytest.approx(literal_fom(study, fom, i, j, every), abs=1e-14)
        for place, case in enumerate(counted):
            literal = literal_fom(study, fom, i, j, [k for k in every if k != case])
            assert found.without[s, place] == pytest.approx(literal, abs=1e-14)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_auc_with_and_without_each_case(missing: float) -> None:
    study = ratings(8, 6, 6, missing)
    every = list(range(len(study.cases)))
    found = measure(study, "auc")
    for s, (i, j) in enumerate(product(range(T), range(R))):
        assert found.values[s] == pytest.approx(literal_auc(study, i, j, every), abs=1e-14)
        for case in every:
            literal = literal_auc(study, i, j, [k for k in every if k != case])
            assert found.without[s, case] == pytest.approx(literal, abs=1e-14)


@pytest.mark.parametrize("fom", ["prauc", "sensitivity_at_specificity@0.7", "partial_auc@0.5-1"])
def test_curves_without_each_case(fom: str) -> None:
    """Against the same metric of the table with the row taken out."""
    study = ratings(21, 7, 8, 0.1)
    found = measure(study, fom)
    for s, (i, j) in enumerate(product(range(T), range(R))):
        for case in range(15):
            kept = ~np.isnan(study.rating[i, j]) & (np.arange(15) != case)
            truth, score = study.truth[kept], study.rating[i, j, kept]
            value = {
                "prauc": metrics.average_precision,
                "sensitivity_at_specificity@0.7": lambda t, x: metrics.sensitivity_at_specificity(
                    t, x, 0.7, interpolate=True
                ),
                "partial_auc@0.5-1": lambda t, x: metrics.partial_auc(t, x, 0.5, 1),
            }[fom](truth, score).value
            assert found.without[s, case] == pytest.approx(value, abs=1e-14)


def test_leaving_out_patients() -> None:
    """Two cases of a patient, one of them diseased, leave together."""
    study = ratings(9, 6, 6)
    cluster = np.arange(12) // 2
    clustered = RatingStudy(study.readers, study.modalities, study.cases, study.truth, study.rating, cluster)
    found = measure(clustered, "auc")
    for patient in range(6):
        kept = [k for k in range(12) if cluster[k] != patient]
        assert found.without[1, patient] == pytest.approx(literal_auc(study, 0, 1, kept), abs=1e-14)
    by_hand = found.without - found.without.mean(axis=1, keepdims=True)
    matrix = analyse(clustered).matrix
    np.testing.assert_allclose(matrix, 5 / 6 * by_hand @ by_hand.T, atol=1e-15)


def literal_mean_product(study: RatingStudy, one: tuple[int, int], two: tuple[int, int]) -> tuple[float, int]:
    """Sum and number of products of kernels of two series over pairs that share no case."""
    total, count = 0.0, 0
    sick, well = np.flatnonzero(study.truth), np.flatnonzero(~study.truth)
    a, b = study.rating[one], study.rating[two]
    for p, q in product(sick, sick):
        for n, m in product(well, well):
            if p != q and n != m and not np.isnan([a[p], a[n], b[q], b[m]]).any():
                total += psi(a[p], a[n]) * psi(b[q], b[m])
                count += 1
    return total, count


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_bdg(missing: float) -> None:
    study = ratings(12, 6, 5, missing)
    assert (study.unread > 0) == (missing > 0)
    sums = {
        (one, two): literal_mean_product(study, one, two)
        for one in product(range(T), range(R))
        for two in product(range(T), range(R))
    }
    area, pairs = np.zeros(T), np.zeros(T)
    for i, j in product(range(T), range(R)):
        read = ~np.isnan(study.rating[i, j])
        count = int((read & study.truth).sum() * (read & ~study.truth).sum())
        area[i] += literal_auc(study, i, j, list(range(len(study.cases)))) * count
        pairs[i] += count
    area /= pairs
    covariance = np.zeros((T, T))
    for i, k in product(range(T), range(T)):
        chosen = [sums[(i, j), (k, m)] for j in range(R) for m in range(R) if j != m]
        covariance[i, k] = area[i] * area[k] - sum(s for s, _ in chosen) / sum(c for _, c in chosen)
    found = analyse(study, method="bdg")
    one = found.inferences["RRRC"]
    assert found.design == ("not fully crossed" if missing else "crossed")
    for i, name in enumerate(study.modalities):
        assert one.means[name].value == pytest.approx(area[i], abs=1e-14)
        if covariance[i, i] > 0:
            assert one.means[name].se == pytest.approx(covariance[i, i] ** 0.5, abs=1e-12)
        else:
            assert one.means[name].se is None
    total, count = sums[(0, 1), (1, 1)]
    values = [literal_auc(study, i, 1, list(range(len(study.cases)))) for i in range(T)]
    assert found.matrix is not None
    assert found.matrix[1, R + 1] == pytest.approx(values[0] * values[1] - total / count, abs=1e-14)


@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_centred_bdg(missing: float) -> None:
    """Minus the mean product of kernels less their modality's area, over what differs in reader and both cases."""
    study = ratings(13, 6, 5, missing)
    sick, well = np.flatnonzero(study.truth), np.flatnonzero(~study.truth)
    kernel = {
        (i, j, p, n): psi(study.rating[i, j, p], study.rating[i, j, n])
        for i, j, p, n in product(range(T), range(R), sick, well)
        if not np.isnan(study.rating[i, j, [p, n]]).any()
    }
    area = [np.mean([value for (k, *_), value in kernel.items() if k == i]) for i in range(T)]
    products = [
        (value - area[0]) * (other - area[1])
        for (i, j, p, n), value in kernel.items()
        for (k, m, q, o), other in kernel.items()
        if i == 0 and k == 1 and j != m and p != q and n != o
    ]
    analysis = Bdg(study.modalities, study.readers, pair_moments(study, rated_of(study, "auc")), 0.95, centred=True)
    assert analysis.covariance()[0, 1] == pytest.approx(-np.mean(products), abs=1e-13)
    if not missing:
        plain = analyse(study, method="bdg").matrix
        centred = analyse(study, method="bdg-centred").matrix
        np.testing.assert_allclose(centred, plain, atol=1e-14)


def test_delong_of_one_reader_is_the_pairwise_test() -> None:
    """The reader's difference under fixed readers is DeLong's test of the two modalities."""
    study = ratings(3, 12, 15)
    found = analyse(study, covariance="delong").inferences["FRRC"].reader_differences["x", "y", "b"]
    pair = metrics.auc_covariance(study.truth, study.rating[0, 1], study.rating[1, 1])
    assert pair.covariance is not None
    variance = pair.covariance[0, 0] + pair.covariance[1, 1] - 2 * pair.covariance[0, 1]
    assert found.se == pytest.approx(variance**0.5, abs=1e-14)


def test_unbiased_of_weighted_lesions() -> None:
    """wAFROC is a U-statistic of cases: its kernel sums the lesions of a case."""
    study = marks(6)
    moments = pair_moments(study, rated_of(study, "wafroc"))
    sick, well = np.flatnonzero(study.truth), np.flatnonzero(~study.truth)

    def kernel(i: int, j: int) -> np.ndarray:
        table = np.zeros((len(sick), len(well)))
        for row, case in enumerate(sick):
            for lesion in np.flatnonzero(study.lesion_case == case):
                for column, rival in enumerate(well):
                    beaten = psi(study.lesion_rating[i, j, lesion], study.false_rating[i, j, rival])
                    table[row, column] += study.weight[lesion] * beaten
        return table

    a, b = kernel(0, 0), kernel(1, 2)
    products = [
        a[p, n] * b[q, m]
        for p, q in product(range(len(sick)), repeat=2)
        for n, m in product(range(len(well)), repeat=2)
        if p != q and n != m
    ]
    assert moments.covariance[0, R + 2] == pytest.approx(a.mean() * b.mean() - np.mean(products), abs=1e-14)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_dbm_and_or_agree(seed: int) -> None:
    """Hillis et al. (2005): with the jackknife, the F of both is the same where cov2 >= cov3, and so are the df."""
    study = ratings(seed, 20, 20)
    one, two = (analyse(study, method=method).inferences["RRRC"].overall for method in ("or", "dbm"))  # type: ignore[arg-type]
    assert one is not None
    assert two is not None
    assert one.value == pytest.approx(two.value, rel=1e-9)
    assert one.df2 == pytest.approx(two.df2, rel=1e-9)


def test_one_model_against_readers_by_hand() -> None:
    """psi = (1/4, 0) for two readers: mean 1/8, variance 1/32, t = 1 with one degree of freedom, p = 1/2."""
    found = compare_scores([1, 1, 0, 0], [3, 1, 2, 0], [[3, 2, 1, 0], [3, 1, 2, 0]])
    assert found.model_value == 0.75
    assert found.reader_values.tolist() == [1.0, 0.75]
    fixed = found.differences["RRFC"]
    assert (fixed.value, fixed.statistic, fixed.df) == (0.125, pytest.approx(1.0), 1)
    assert fixed.p == pytest.approx(0.5)


def test_three_modalities_term_by_term() -> None:
    """Hillis' formulas with sums written out, four readers in three modalities, P by scipy's distributions."""
    rng = np.random.default_rng(31)
    t, r, truth = 3, 4, np.arange(30) % 2 == 0
    rating = rng.normal(size=(t, r, 30)) + truth * (1 + 0.4 * np.arange(t)[:, None, None])
    study = RatingStudy(tuple("abcd"), tuple("xyz"), tuple(map(str, range(30))), truth, rating)
    result = analyse(study)
    a, matrix = result.values, result.matrix
    assert matrix is not None
    cells = list(product(range(t), range(r)))
    groups: dict[tuple[bool, bool], list[float]] = {}
    for (m, (i, j)), (n, (k, q)) in product(enumerate(cells), repeat=2):
        groups.setdefault((i == k, j == q), []).append(matrix[m, n])
    error, cov1, cov2, cov3 = (
        sum(groups[key]) / len(groups[key]) for key in ((True, True), (False, True), (True, False), (False, False))
    )
    ms_t = sum(r * (a[i].mean() - a.mean()) ** 2 for i in range(t)) / (t - 1)
    ms_tr = sum((a[i, j] - a[i].mean() - a[:, j].mean() + a.mean()) ** 2 for i, j in cells) / ((t - 1) * (r - 1))
    excess = max(cov2 - cov3, 0)
    bottom = ms_tr + r * excess
    df = bottom**2 / (ms_tr**2 / ((t - 1) * (r - 1)))
    both, fixed, of_readers = (result.inferences[name] for name in ("RRRC", "FRRC", "RRFC"))
    assert both.overall is not None
    assert both.overall.df2 == pytest.approx(df, rel=1e-9)
    assert both.overall.p == pytest.approx(stats.f.sf(ms_t / bottom, t - 1, df), rel=1e-9)
    one = both.differences["x", "z"]
    se = (2 / r * bottom) ** 0.5
    assert one.value == pytest.approx(a[0].mean() - a[2].mean(), rel=1e-12)
    assert one.se == pytest.approx(se, rel=1e-9)
    assert one.low == pytest.approx(one.value - stats.t.ppf(0.975, df) * se, rel=1e-9)
    assert one.p == pytest.approx(2 * stats.t.sf(abs(one.value) / se, df), rel=1e-9)
    below = error - cov1 + (r - 1) * excess
    assert fixed.overall is not None
    assert fixed.overall.p == pytest.approx(stats.chi2.sf((t - 1) * ms_t / below, t - 1), rel=1e-9)
    assert fixed.differences["x", "y"].se == pytest.approx((2 / r * below) ** 0.5, rel=1e-9)
    assert of_readers.overall is not None
    assert of_readers.overall.p == pytest.approx(stats.f.sf(ms_t / ms_tr, t - 1, (t - 1) * (r - 1)), rel=1e-9)
    assert of_readers.differences["y", "z"].df == (t - 1) * (r - 1)
