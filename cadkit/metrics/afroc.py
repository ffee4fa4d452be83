"""Figures of merit of free-response studies: lesions against the false positives of cases.

Chakraborty, Observer Performance Methods for Diagnostic Imaging (2017), chapters 13 and 14. All are areas: the
chance that a lesion is rated above a case's highest false positive, ties one half, unmarked cases and lesions
rated minus infinity (and so tied with each other).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit.metrics import _kernels
from cadkit.metrics._arrays import BoolArray, FloatArray, IntArray, identities, indices, same_length, scores, weights
from cadkit.metrics._kernels import Staircase
from cadkit.metrics.matching import Marks, Matches
from cadkit.metrics.resampling import Bootstrap, Replicates, cluster_rows, estimates, settle
from cadkit.metrics.results import Result

AFROC_METRICS = ("afroc", "afroc1", "wafroc", "wafroc1", "hr_auc")


@dataclass(frozen=True, eq=False)
class CaseRatings:
    """Ratings of cases (images, breasts or exams) and of the lesions in them.

    Attributes:
        false: highest false-positive rating of every case, -inf where it has none.
        lesion: rating of every lesion, -inf where it was not marked.
        lesion_case: its case, in [0, number of cases). A case with a lesion is diseased.
        weight: clinical weight of every lesion, summing to 1 within its case; None: equal ones.
        cluster: patient of every case; None: every case is its own.
    """

    false: FloatArray
    lesion: FloatArray
    lesion_case: IntArray
    weight: FloatArray | None = None
    cluster: npt.NDArray[np.generic] | None = None

    def __post_init__(self) -> None:
        for name in ("false", "lesion"):
            values = scores(getattr(self, name), name)
            if np.isposinf(values).any():
                raise ValueError(f"{name} holds an infinite rating; only -inf (not marked) is allowed")
            object.__setattr__(self, name, values)
        case = indices(self.lesion_case, "lesion_case", len(self.false))
        same_length(len(self.lesion), lesion_case=case)
        object.__setattr__(self, "lesion_case", case)
        per_case = np.bincount(case, minlength=len(self.false))
        weight = weights(self.weight, len(case))
        if weight is None:
            weight = 1 / per_case[case]
        total = np.bincount(case, weight, len(self.false))
        wrong = (per_case > 0) & (np.abs(total - 1) > 1e-9)
        if wrong.any():
            raise ValueError(
                f"the weights of the lesions of a case must sum to 1: those of case {int(wrong.argmax())} "
                f"sum to {total[wrong][0]:g}"
            )
        object.__setattr__(self, "weight", weight)
        if self.cluster is not None:
            object.__setattr__(self, "cluster", identities(self.cluster))
            same_length(len(self.false), cluster=np.asarray(self.cluster))

    @classmethod
    def from_matches(
        cls,
        marks: Marks,
        matches: Matches,
        finding_image: npt.ArrayLike,
        case: npt.ArrayLike,
        *,
        weight: npt.ArrayLike | None = None,
        cluster: npt.ArrayLike | None = None,
    ) -> CaseRatings:
        """Ratings from matched marks.

        Args:
            marks, matches: what `match` was given and gave.
            finding_image: image of every finding, as in `Findings`.
            case: case of every image, numbered from 0; `range(n_images)` makes every image a case.
            weight: of every finding; None: equal ones within a case.
            cluster: patient of every case.
        """
        of_image = indices(case, "case")
        image = indices(marks.image, "image of a mark", len(of_image))
        chosen = matches.false_positive
        false = np.full(int(of_image.max(initial=-1)) + 1, -np.inf)
        np.maximum.at(false, of_image[image[chosen]], marks.score[chosen])
        found = of_image[indices(finding_image, "image of a finding", len(of_image))]
        given = None if weight is None else np.asarray(weight, dtype=np.float64)
        return cls(false, matches.best, found, given, None if cluster is None else np.asarray(cluster))

    @property
    def diseased(self) -> BoolArray:
        """Whether each case has a lesion."""
        found = np.zeros(len(self.false), dtype=np.bool_)
        found[self.lesion_case] = True
        return found

    @property
    def highest(self) -> FloatArray:
        """Highest rating of any kind of every case, -inf where it was not marked."""
        rating = self.false.copy()
        np.maximum.at(rating, self.lesion_case, self.lesion)
        return rating

    def undefined(self) -> str | None:
        """Why there is no area, if so."""
        return None if len(self.lesion) else "no lesions"


class AfrocCurve(NamedTuple):
    """Operating points from (0, 0) on, one per distinct rating, and (1, 1), to which a straight line leads.

    `fpf` is the share of cases whose highest false positive is rated at or above the threshold.
    """

    fpf: FloatArray
    sensitivity: FloatArray
    threshold: FloatArray


def _rows(ratings: CaseRatings, metric: str) -> tuple[FloatArray, FloatArray, IntArray, FloatArray, IntArray]:
    """Rating, weight and case of the positives, then rating and case of what they are compared with."""
    if metric == "hr_auc":
        sick, well = np.flatnonzero(ratings.diseased), np.flatnonzero(~ratings.diseased)
        highest = ratings.highest
        return highest[sick], np.ones(len(sick)), sick, highest[well], well
    if metric not in AFROC_METRICS:
        raise ValueError(f"unknown figure of merit {metric!r}; known are {', '.join(AFROC_METRICS)}")
    cases = np.arange(len(ratings.false)) if metric.endswith("1") else np.flatnonzero(~ratings.diseased)
    assert ratings.weight is not None
    weight = ratings.weight if metric.startswith("w") else np.ones(len(ratings.lesion))
    return ratings.lesion, weight, ratings.lesion_case, ratings.false[cases], cases


def afroc(
    ratings: CaseRatings,
    metrics: Sequence[str] = AFROC_METRICS,
    *,
    bootstrap: int | Bootstrap | Replicates | None = None,
    seed: int = 0,
    ci: float = 0.95,
) -> list[Result]:
    """Figures of merit of free-response ratings, each with a bootstrap interval if asked for.

    Args:
        ratings: of cases and lesions.
        metrics: `afroc` (lesions against non-diseased cases), `afroc1` (against all cases, their own included),
            `wafroc` and `wafroc1` (the same, lesions weighted so that every diseased case counts alike), `hr_auc`
            (highest rating of diseased against that of non-diseased cases).
        bootstrap, seed, ci: as in `classification`; cases are resampled by their `cluster`.

    Returns:
        One `Result` per metric; n counts cases, positives lesions (`hr_auc`: diseased cases).

    >>> ratings = CaseRatings([0.2, -np.inf, 0.5], [0.9, -np.inf], [2, 2])
    >>> afroc(ratings, ["afroc", "wafroc1"])
    [<afroc 0.6250; n=3, positives=2>, <wafroc1 0.5833; n=3, positives=2>]
    """
    diseased = ratings.diseased
    clusters = np.arange(len(diseased)) if ratings.cluster is None else ratings.cluster
    replicates = settle(bootstrap, seed, ci, clusters, diseased) if len(clusters) else None
    index = cluster_rows(clusters, len(clusters), replicates)
    results = []
    for metric in metrics:
        score, weight, case, rival, rival_case = _rows(ratings, metric)
        staircase = Staircase(
            np.concatenate([score, rival]),
            np.concatenate([weight, np.zeros(len(rival))]),
            np.concatenate([np.zeros(len(score)), np.ones(len(rival))]),
            index.index[np.concatenate([case, rival_case])],
            index.count,
        )
        reason = ratings.undefined() or (None if len(rival) else "no non-diseased cases")
        empty = Result(
            metric, None, n=len(diseased), positives=len(score),
            clusters=None if ratings.cluster is None else len(index.present), reason=reason,
        )  # fmt: skip
        results += estimates(staircase, [_kernels.both_classes(_kernels.auc)], [empty], replicates, index.present)
    return results


def afroc_curve(ratings: CaseRatings, metric: str = "afroc") -> AfrocCurve:
    """Operating points of the curve under which a figure of merit is the area.

    Raises:
        ValueError: no lesions or no cases to compare them with: the curve is undefined.
    """
    score, weight, _, rival, _ = _rows(ratings, metric)
    if not len(score) or not len(rival):
        raise ValueError(f"the curve is undefined: {ratings.undefined() or 'no non-diseased cases'}")
    threshold = np.unique(np.concatenate([score, rival]))[::-1]
    threshold = threshold[np.isfinite(threshold)]
    order = np.argsort(score, kind="stable")
    above = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)
    passed = above[np.searchsorted(score[order], threshold, "left")] / weight.sum()
    false = 1 - np.searchsorted(np.sort(rival), threshold, "left") / len(rival)
    return AfrocCurve(
        np.concatenate([[0.0], false, [1.0]]),
        np.concatenate([[0.0], passed, [1.0]]),
        np.concatenate([[np.inf], threshold, [-np.inf]]),
    )
