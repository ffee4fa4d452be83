"""Covariances of the figures of merit of all readers and modalities, which are of the same cases.

Jackknife, DeLong's structural components and the unbiased estimator (Gallas 2006, Acad Radiol 13:353-362; Hillis 2014,
Stat Med 33:330-360, for the three of them side by side).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cadkit.reader_study.endpoints import Measured, Rated, area_sums, kernels
from cadkit.reader_study.ratings import FloatArray, RatingStudy, Study


def jackknife(measured: Measured) -> FloatArray:
    """(n - 1)/n times the sum of products of deviations of the leave-one-out values from their mean, s x s."""
    count = measured.without.shape[1]
    deviation = measured.without - measured.without.mean(axis=1, keepdims=True)
    product: FloatArray = (count - 1) / count * (deviation @ deviation.T)
    return product


@dataclass(frozen=True, eq=False)
class PairMoments:
    """Sums over pairs of pairs of a U-statistic, from which its variances follow without bias.

    A pair is a diseased and a non-diseased case; pairs of pairs here are those that share neither.

    Attributes:
        values: s areas.
        sums: of all kernels, s.
        pairs: s numbers of pairs that were read.
        products: s x s, sum of products of two series' kernels over pairs of pairs.
        mixed: s x s, sum of a series' kernels over the pairs of pairs of it and another.
        counts: s x s, number of pairs of pairs that were read.
        diseased, others: by case, s x n: sums of kernels, and numbers of pairs that were read, of its case.
    """

    values: FloatArray
    sums: FloatArray
    pairs: FloatArray
    products: FloatArray
    mixed: FloatArray
    counts: FloatArray
    diseased: tuple[FloatArray, FloatArray]
    others: tuple[FloatArray, FloatArray]

    @property
    def covariance(self) -> FloatArray:
        """Unbiased covariance, s x s: product of the values minus the mean product over pairs of pairs."""
        with np.errstate(invalid="ignore", divide="ignore"):
            covariance: FloatArray = np.outer(self.values, self.values) - self.products / self.counts
        return covariance

    @property
    def centred(self) -> FloatArray:
        """The same of kernels less their series' value: minus the mean product of what they deviate."""
        a, b = self.values[:, None], self.values[None, :]
        with np.errstate(invalid="ignore", divide="ignore"):
            deviations = self.products - b * self.mixed - a * self.mixed.T
            covariance: FloatArray = -deviations / self.counts - a * b
        return covariance


def pair_moments(study: Study, rated: Rated) -> PairMoments:
    """Moments of a U-statistic; readings may be missing. The kernel is visited in chunks and never held whole.

    A sum over pairs of pairs that share no case is that over all, less those that share the diseased case, less those
    that share the other, plus those that share both.
    """
    area = area_sums(rated, np.arange(len(study.cases)))
    series = len(rated.positive)
    sick = (_read(study) & study.truth).astype(np.float64)
    well = (_read(study) & ~study.truth).astype(np.float64)
    of_sick = sick * well.sum(axis=1, keepdims=True)
    of_well = well * sick.sum(axis=1, keepdims=True)
    pairs = of_sick.sum(axis=1)
    order = np.unique(rated.owner)
    missing = bool((_read(study) != _read(study)[:1]).any())
    shared, over = np.zeros((series, series)), np.zeros((series, series))
    for chunk, kernel in kernels(rated):
        flat = kernel.reshape(series, -1)
        shared += flat @ flat.T
        if missing:
            by_other = kernel @ well[:, rated.rival_owner].T
            over += np.einsum("ack,kc->ak", by_other, sick[:, order[chunk]])
    products = np.outer(area.total, area.total) - area.row @ area.row.T - area.column @ area.column.T + shared
    if not missing:
        over = np.repeat(area.total[:, None], series, axis=1)
    mixed = np.outer(area.total, pairs) - area.row @ of_sick.T - area.column @ of_well.T + over
    counts = np.outer(pairs, pairs) - of_sick @ of_sick.T - of_well @ of_well.T + (sick @ sick.T) * (well @ well.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = area.total / pairs
    return PairMoments(values, area.total, pairs, products, mixed, counts, (area.row, of_sick), (area.column, of_well))


def delong(study: Study, rated: Rated) -> FloatArray:
    """DeLong's covariance from structural components, s x s; two series read the same cases or none in common."""
    area = area_sums(rated, np.arange(len(study.cases)))
    read = _read(study)
    total = 0.0 * np.outer(area.total, area.total)
    for sums, wanted in ((area.row, study.truth), (area.column, ~study.truth)):
        mine = (read & wanted).astype(np.float64)
        count = mine.sum(axis=1, keepdims=True)
        rivals = (read & ~wanted).sum(axis=1, keepdims=True)
        mean = area.total[:, None] / (count * rivals)
        deviation = (sums / rivals - mean) * mine
        total = total + deviation @ deviation.T / (count * (count - 1))
    symmetric: FloatArray = (total + total.T) / 2
    return symmetric


def _read(study: Study) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which cases were read in every series, s x n."""
    if isinstance(study, RatingStudy):
        return study.read.reshape(-1, len(study.cases))
    return np.ones((len(study.modalities) * len(study.readers), len(study.cases)), dtype=np.bool_)
