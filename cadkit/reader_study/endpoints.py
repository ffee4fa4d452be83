"""Figures of merit of a reader study: each reader's value in each modality, and what it is without each case.

Two kinds, both of which leave a case out in closed form:

areas: the mean over positives (weighted) and their rivals of psi, 1 if the positive is rated above the rival, 1/2 if
    alike, else 0. With T the sum over all, row and column the sums over what belongs to the case, and both the sum
    over pairs within it, the value without the case is (T - row - column + both) / ((W - w)(K - k)).
shares: the sum of x over the sum of y, without the case (X - x) / (Y - y).

A series is a reader in a modality; there are s = t r of them, the modality the slower of the two.

Chakraborty (2017), Observer Performance Methods for Diagnostic Imaging, chapters 13 and 14, for those of marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cadkit.errors import InputError
from cadkit.reader_study.curve_foms import CURVE_FOMS, curve_values, metric_named
from cadkit.reader_study.ratings import FloatArray, IntArray, MarkStudy, RatingStudy, Study

RATING_FOMS = ("auc", "sensitivity", "specificity", *CURVE_FOMS)
MARK_FOMS = (
    "afroc", "afroc1", "wafroc", "wafroc1", "hr_auc", "hr_se", "hr_sp", "max_llf", "max_nlf", "max_nlf_all_cases",
)  # fmt: skip
AREAS = ("auc", "afroc", "afroc1", "wafroc", "wafroc1", "hr_auc")
PAIRED_FOMS = ("auc", "hr_auc", "wafroc")
"""Those that are a mean over pairs of a diseased and a non-diseased case, each pair counting alike: U-statistics."""
UNBOUNDED_FOMS = ("max_nlf", "max_nlf_all_cases")
"""Marks per case, which may pass 1; smaller is better. All others lie in [0, 1]."""

_CHUNK = 4_000_000  # numbers of a kernel held at a time


@dataclass(frozen=True, eq=False)
class Measured:
    """A figure of merit of every series.

    Attributes:
        fom: its name.
        values: s numbers.
        without: s x n, the value when a case (a patient, where cases are clustered) is left out.
    """

    fom: str
    values: FloatArray
    without: FloatArray


@dataclass(frozen=True, eq=False)
class Rated:
    """What an area is made of: ratings s x l of positives and s x k of their rivals, NaN where not read.

    Attributes:
        weight: l weights of the positives.
        owner, rival_owner: case of every positive and rival.
    """

    positive: FloatArray
    weight: FloatArray
    owner: IntArray
    rival: FloatArray
    rival_owner: IntArray


@dataclass(frozen=True, eq=False)
class AreaSums:
    """Sums of psi over all pairs (s) and by unit (s x n each); `weight` and `rivals` are what each unit holds."""

    total: FloatArray
    row: FloatArray
    column: FloatArray
    both: FloatArray
    weight: FloatArray
    rivals: FloatArray


def fom_name(fom: str, study: Study) -> str:
    """The name of a figure of merit as cadkit writes it; `wAFROC`, `HrAuc`, `hr-auc` and `hr_auc` are all known.

    A point behind an @ stays as it is.

    Raises:
        InputError: there is none of that name for such a study.
    """
    known = RATING_FOMS if isinstance(study, RatingStudy) else MARK_FOMS
    asked, sign, point = fom.strip().partition("@")
    plain = asked.casefold().replace("_", "").replace("-", "")
    for name in known:
        if name.replace("_", "") == plain and (name in CURVE_FOMS or not sign):
            found = f"{name}{sign}{point}"
            if name in CURVE_FOMS:
                metric_named(found)
            return found
    what = "ratings of cases" if isinstance(study, RatingStudy) else "marks"
    raise InputError(
        f"there is no such figure of merit of {what}", row="--fom", value=fom, mend=f"Known are {', '.join(known)}."
    )


def measure(study: Study, fom: str = "auc", threshold: float | None = None) -> Measured:
    """A figure of merit of every reader in every modality, with all cases and without each that it counts.

    Args:
        study: of ratings (`RATING_FOMS`) or of marks (`MARK_FOMS`).
        fom: as `fom_name` takes it.
        threshold: for sensitivity and specificity: a case is positive at rating >= threshold.

    Raises:
        InputError: the figure of merit is undefined for a reader, or would be without one of the cases.
    """
    name = fom_name(fom, study)
    if (threshold is None) == (name in ("sensitivity", "specificity")):
        raise InputError(
            f"{name} {'needs a' if threshold is None else 'has no'} threshold", row="--threshold", value=threshold,
            mend="Give one for sensitivity and specificity, and for nothing else.",
        )  # fmt: skip
    cluster = study.cluster if isinstance(study, RatingStudy) else None
    unit: IntArray = np.arange(len(study.cases)) if cluster is None else cluster
    if name in AREAS:
        top, bottom = _area_without(area_sums(rated_of(study, name), unit))
    elif isinstance(study, RatingStudy) and name.partition("@")[0] in CURVE_FOMS:
        top = curve_values(name, study.truth, _series(study.rating), unit)
        bottom = np.isfinite(top).astype(np.float64)
    else:
        top, bottom = _share_without(*_shares(study, name, threshold), unit)
    if (bottom <= 0).any():
        place, case = np.unravel_index(int((bottom <= 0).argmax()), bottom.shape)
        raise undefined(study, name, int(place), int(case))
    values = top / bottom
    return Measured(name, values[:, 0], values[:, 1:])


def rated_of(study: Study, name: str) -> Rated:
    """Positives and rivals of an area."""
    sick, well = np.flatnonzero(study.truth), np.flatnonzero(~study.truth)
    if isinstance(study, RatingStudy):
        rating = _series(study.rating)
        return Rated(rating[:, sick], np.ones(len(sick)), sick, rating[:, well], well)
    if name == "hr_auc":
        rating = _series(study.highest_rating)
        return Rated(rating[:, sick], np.ones(len(sick)), sick, rating[:, well], well)
    rivals = np.arange(len(study.cases)) if name.endswith("1") else well
    weight = study.weight if name.startswith("w") else np.ones(len(study.lesions))
    return Rated(
        _series(study.lesion_rating), weight, study.lesion_case, _series(study.false_rating)[:, rivals], rivals
    )


def area_sums(rated: Rated, unit: IntArray) -> AreaSums:
    """Sums of psi by unit.

    Args:
        rated: positives and rivals.
        unit: of every case, in [0, n).
    """
    count, series = int(unit.max(initial=-1)) + 1, len(rated.positive)
    mine, theirs = unit[rated.owner], unit[rated.rival_owner]
    left, right = _pairs_within(mine, theirs, count)
    sums = [np.zeros((series, count)) for _ in range(5)]
    row, column, both, weight, rivals = sums
    for s in range(series):
        z, f = rated.positive[s], rated.rival[s]
        w = np.where(np.isnan(z), 0.0, rated.weight)
        row[s] = np.bincount(mine, w * _beaten(z, f), count)
        column[s] = np.bincount(theirs, _beaten_by(f, z, rated.weight), count)
        both[s] = np.bincount(mine[left], w[left] * ((z[left] > f[right]) + 0.5 * (z[left] == f[right])), count)
        weight[s] = np.bincount(mine, w, count)
        rivals[s] = np.bincount(theirs, ~np.isnan(f), count)
    return AreaSums(row.sum(axis=1), row, column, both, weight, rivals)


def kernels(rated: Rated) -> Iterator[tuple[slice, FloatArray]]:
    """Kernels of a U-statistic in chunks of diseased cases: which of them, and s x chunk x rivals.

    Pairs that were not read are 0. The lesions of a case are summed with their weights.
    """
    order = np.argsort(rated.owner, kind="stable")
    positive, weight, owner = rated.positive[:, order], rated.weight[order], rated.owner[order]
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    edges = np.append(starts, len(owner))
    step = max(1, _CHUNK // max(1, rated.rival.size))
    for begin in range(0, len(starts), step):
        end = min(begin + step, len(starts))
        rows = slice(int(edges[begin]), int(edges[end]))
        z, f = positive[:, rows, None], rated.rival[:, None, :]
        psi = ((z > f) + 0.5 * (z == f)) * weight[rows, None]
        if rows.stop - rows.start > end - begin:
            psi = np.add.reduceat(psi, starts[begin:end] - rows.start, axis=1)
        yield slice(begin, end), psi


def _series(table: FloatArray) -> FloatArray:
    return table.reshape(-1, table.shape[-1])


def _beaten(z: FloatArray, f: FloatArray) -> FloatArray:
    """Sum of psi of every positive over all rivals; 0 where it was not read."""
    rising = np.sort(f[~np.isnan(f)])
    sums = (np.searchsorted(rising, z, "left") + np.searchsorted(rising, z, "right")) / 2
    return np.where(np.isnan(z), 0.0, sums)


def _beaten_by(f: FloatArray, z: FloatArray, weight: FloatArray) -> FloatArray:
    """Sum of weight times psi of every rival over all positives; 0 where it was not read."""
    read = np.flatnonzero(~np.isnan(z))
    order = read[np.argsort(z[read], kind="stable")]
    above = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    places = (np.searchsorted(z[order], f, side) for side in ("left", "right"))
    return np.where(np.isnan(f), 0.0, sum(above[np.minimum(place, len(order))] for place in places) / 2)


def _pairs_within(mine: IntArray, theirs: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """All pairs of a positive and a rival of the same unit."""
    order = np.argsort(theirs, kind="stable")
    per_unit = np.bincount(theirs, minlength=count)
    first = np.cumsum(per_unit) - per_unit
    repeat = per_unit[mine]
    left = np.repeat(np.arange(len(mine)), repeat)
    within = np.arange(len(left)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    return left, order[first[mine[left]] + within]


def _area_without(sums: AreaSums) -> tuple[FloatArray, FloatArray]:
    """Numerator and denominator of the area, of all cases (column 0) and without each unit."""
    total, weight = sums.total[:, None], sums.weight.sum(axis=1, keepdims=True)
    rivals = sums.rivals.sum(axis=1, keepdims=True)
    top = np.concatenate([total, total - sums.row - sums.column + sums.both], axis=1)
    # A weight of zero is what is left of thirds and sevenths when all of them are taken away.
    left = np.where(np.abs(weight - sums.weight) < 1e-9, 0.0, weight - sums.weight)
    return top, np.concatenate([weight * rivals, left * (rivals - sums.rivals)], axis=1)


def _shares(study: Study, name: str, threshold: float | None) -> tuple[FloatArray, FloatArray]:
    """Numerator and denominator of a share, case by case, s x n each."""
    sick = study.truth
    if isinstance(study, RatingStudy):
        assert threshold is not None
        rating, wanted = _series(study.rating), sick if name == "sensitivity" else ~sick
        counts = ~np.isnan(rating) & wanted
        right = rating >= threshold if name == "sensitivity" else rating < threshold
        return (right & counts).astype(np.float64), counts.astype(np.float64)
    everyone = np.ones((len(study.modalities) * len(study.readers), len(sick)))
    marked = np.isfinite(_series(study.highest_rating))
    if name == "hr_se":
        return (marked & sick).astype(np.float64), everyone * sick
    if name == "hr_sp":
        return (~marked & ~sick).astype(np.float64), everyone * ~sick
    if name == "max_llf":
        found = np.isfinite(_series(study.lesion_rating)).astype(np.float64)
        lesions = np.bincount(study.lesion_case, minlength=len(sick))
        return np.stack([np.bincount(study.lesion_case, one, len(sick)) for one in found]), everyone * lesions
    wanted = ~sick if name == "max_nlf" else np.ones_like(sick)
    return _series(study.false_count) * wanted, everyone * wanted


def _share_without(x: FloatArray, y: FloatArray, unit: IntArray) -> tuple[FloatArray, FloatArray]:
    """Numerator and denominator of the share, of all cases (column 0) and without each unit that it counts."""
    count = int(unit.max(initial=-1)) + 1
    mine, ours = (np.stack([np.bincount(unit, one, count) for one in table]) for table in (x, y))
    counted = ours.any(axis=0)
    top, bottom = mine.sum(axis=1, keepdims=True), ours.sum(axis=1, keepdims=True)
    return (
        np.concatenate([top, top - mine[:, counted]], axis=1),
        np.concatenate([bottom, bottom - ours[:, counted]], axis=1),
    )


def undefined(study: Study, name: str, place: int, case: int) -> InputError:
    """The error that a series (its place among all) has no value, with all cases (0) or without one of them."""
    modality, reader = divmod(place, len(study.readers))
    who = f"of reader {study.readers[reader]} in modality {study.modalities[modality]}"
    if case == 0:
        what, mend = f"the {name} {who} is undefined", "It needs diseased and non-diseased cases that were read."
    else:
        what = f"the {name} {who} cannot be computed without one of the cases"
        mend = "Its variance needs at least two diseased and two non-diseased cases (patients) that were read."
    if not isinstance(study, MarkStudy) and not study.read[modality, reader].any():
        what, mend = f"there is no reading {who}", "Leave the reader or the modality out, or add the readings."
    return InputError(what, file=study.source or None, mend=mend)
