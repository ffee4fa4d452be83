"""The metrics of scores on the rows of a table, and every paired test of two models on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from cadkit import metrics
from cadkit.evaluation.bins import with_edges
from cadkit.evaluation.pair_tests import NO_MARGIN, Called, mcnemar_tests, permutation_test
from cadkit.evaluation.partial_areas import partial_areas
from cadkit.evaluation.primary import Primary
from cadkit.evaluation.settings import AucInterval, transform_of

WHOLE = "all"
SHARES = ("sensitivity", "specificity", "ppv", "npv", "recall_rate", "cancer_detection_rate")
REWEIGHED = ("ppv", "npv", "recall_rate")
OF_PROBABILITIES = ("brier", "ece", "pf1", "net_benefit")
METRICS = (
    "auc", "prauc", "prauc_trapezoid", "partial_auc", "sensitivity_at_specificity", "specificity_at_sensitivity",
    *SHARES, *OF_PROBABILITIES,
)  # fmt: skip


class Operating(NamedTuple):
    """A threshold of one model; models are compared at those that were chosen for the same, such as `sensitivity 0.9`.

    `wanted` is empty for a threshold that was given.
    """

    wanted: str
    value: float
    in_sample: bool


class Wanted(NamedTuple):
    """A metric, and what its rows say of it besides: what its threshold was chosen for."""

    metric: metrics.Metric
    given: Mapping[str, object] = {}


@dataclass(frozen=True)
class Column:
    """The scores of one model, whether they are probabilities, and the thresholds at which it is judged."""

    name: str
    kind: Literal["scores", "ensemble"]
    score: npt.NDArray[np.float64]
    probability: bool
    operating: tuple[Operating, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Rows:
    """The rows of the cohort or of a subgroup (`chosen` among all n)."""

    subgroup: str
    truth: npt.NDArray[np.bool_]
    cluster: npt.NDArray[Any] | None
    chosen: npt.NDArray[np.bool_]

    def of(self, column: Column) -> npt.NDArray[np.float64]:
        """The column's scores on these rows."""
        values: npt.NDArray[np.float64] = column.score[self.chosen]
        return values


@dataclass(frozen=True)
class Asked:
    """What is computed of every model.

    Attributes:
        names: metrics, of `METRICS`.
        sensitivity_at: sensitivities at which the specificity is read.
        specificity_at: specificities at which the sensitivity is read.
        interpolate: read both off the ROC polygon, too.
        partial_auc: ranges as `specificity:0.8-1`, whose areas are given raw and corrected.
        prevalence: ppv, npv and recall rate are re-weighed to it as well.
        ci: level of intervals that need no bootstrap.
        auc_interval: DeLong's intervals of the AUC: plain, or made on the logit scale.
    """

    names: tuple[str, ...]
    sensitivity_at: tuple[float, ...]
    specificity_at: tuple[float, ...]
    interpolate: bool
    partial_auc: tuple[str, ...]
    prevalence: float | None
    ci: float
    auc_interval: AucInterval

    def of(self, column: Column) -> dict[str, Wanted]:
        """By a key that says which numbers of two models belong together."""
        found: dict[str, Wanted] = {
            name: Wanted(name) for name in ("auc", "prauc", "prauc_trapezoid") if name in self.names
        }
        if "partial_auc" in self.names:
            found |= {name: Wanted(metric) for name, metric in partial_areas(self.partial_auc)}
        for name, points in (
            ("sensitivity_at_specificity", self.specificity_at),
            ("specificity_at_sensitivity", self.sensitivity_at),
        ):
            for at in points if name in self.names else ():
                found[f"{name} {at:g}"] = Wanted((name, at))
                if self.interpolate:
                    found[f"{name} {at:g}, interpolated"] = Wanted((name, at, {"interpolate": True}))
        for point in column.operating:
            found |= self._shares(point)
        if column.probability:
            found |= {name: Wanted(name) for name in ("brier", "ece", "pf1") if name in self.names}
            if "net_benefit" in self.names:
                points = tuple(point.value for point in column.operating if 0 <= point.value < 1)
                found |= {f"net_benefit {at:.17g}": Wanted(("net_benefit", at)) for at in points}
        return found

    def _shares(self, point: Operating) -> dict[str, Wanted]:
        found: dict[str, Wanted] = {}
        given = {"threshold_for": point.wanted} if point.wanted else {}
        for name in (name for name in SHARES if name in self.names):
            options: dict[str, Any] = {"in_sample": point.in_sample}
            found[f"{name} at {point.wanted}"] = Wanted((name, point.value, options), given)
            if self.prevalence is not None and name in REWEIGHED:
                other: metrics.Metric = (name, point.value, {**options, "prevalence": self.prevalence})
                found[f"{name} at {point.wanted}, re-weighed"] = Wanted(other, given)
        return found


Judged = dict[str, metrics.Result]


def judge(rows: Rows, column: Column, asked: Asked, replicates: metrics.Replicates | None) -> Judged:
    """Every metric of one model, with its bootstrap where there are replicates."""
    # Without clusters the replicates are of the rows of the whole table, by number.
    unit = np.flatnonzero(rows.chosen) if rows.cluster is None and replicates is not None else rows.cluster
    found = _classified(rows, column, asked.of(column), {"cluster": unit, "bootstrap": replicates})
    if rows.cluster is None:
        return {key: replace(result, clusters=None) for key, result in found.items()}
    return found


def _classified(rows: Rows, column: Column, wanted: Mapping[str, Wanted], sampling: Mapping[str, Any]) -> Judged:
    asked = [one.metric for one in wanted.values()]
    found = metrics.classification(rows.truth, rows.of(column), asked, **sampling)
    return {
        key: with_edges(replace(result, given={**one.given, **result.given}))
        for (key, one), result in zip(wanted.items(), found, strict=True)
    }


def shown(rows: Rows, column: Column, asked: Asked, judged: Judged) -> list[metrics.Result]:
    """The results as a report lists them: of the AUC DeLong's interval and the bootstrap's, of shares the analytic."""
    shares = {key: one for key, one in asked.of(column).items() if judged[key].metric in SHARES}
    analytic = _classified(rows, column, shares, {"cluster": rows.cluster, "ci": asked.ci})
    found: list[metrics.Result] = []
    for key, result in judged.items():
        if key == "auc":
            transform = transform_of(asked.auc_interval)
            found.append(
                metrics.auc_delong(rows.truth, rows.of(column), cluster=rows.cluster, ci=asked.ci, transform=transform)
            )
        # Without an interval the bootstrap's row would say nothing that DeLong's does not.
        if key != "auc" or result.ci_method is not None:
            found.append(analytic.get(key, result))
    return found


def too_few(rows: Rows, column: Column, asked: Asked, reason: str) -> list[metrics.Result]:
    """Every metric of one model, not estimated for a reason."""
    positives = int(rows.truth.sum())
    clusters = None if rows.cluster is None else len(np.unique(rows.cluster))
    found = []
    for one in asked.of(column).values():
        name, at = (one.metric, None) if isinstance(one.metric, str) else (one.metric[0], one.metric[1])
        part: Mapping[str, Any] = {}
        if not isinstance(one.metric, str) and len(one.metric) == 3 and name == "partial_auc":
            part = one.metric[2]
        found.append(
            metrics.Result(
                name, None, n=len(rows.truth), positives=positives, clusters=clusters, at=at, reason=reason,
                given={**one.given, **part},
            )
        )  # fmt: skip
    return found


def over_runs(runs: Sequence[Judged]) -> list[metrics.Result]:
    """Mean and sd (n - 1) over the runs of one model, of every metric that all of them have."""
    found = []
    for key in runs[0]:
        results = [run[key] for run in runs if key in run]
        if len(results) < len(runs):
            continue
        first = results[0]
        values = [result.value for result in results if result.value is not None]
        reason = f"no interval: sd over {len(runs)} runs"
        if len(values) < len(runs):
            reason = next(result.reason for result in results if result.value is None) or "undefined in a run"
        whole = len(values) == len(runs)
        found.append(
            metrics.Result(
                first.metric,
                float(np.mean(values)) if whole else None,
                n=first.n,
                positives=first.positives,
                clusters=first.clusters,
                at=first.at if len({result.at for result in results}) == 1 else None,
                sd=float(np.std(values, ddof=1)) if whole and len(values) > 1 else None,
                reason=reason,
                flags=tuple(dict.fromkeys(flag for result in results for flag in result.flags)),
                given={**first.given, "runs": len(runs)},
            )
        )
    return found


@dataclass(frozen=True)
class Tests:
    """How models are compared.

    Attributes:
        margin: of non-inferiority, or None.
        permutations: of whole clusters; 0 for none.
        seed: of the permutations.
        primary: the comparison that is not adjusted, or None.
        ci: level of DeLong's intervals.
    """

    margin: float | None
    permutations: int
    seed: int
    primary: Primary | None
    ci: float

    def pairs(self, columns: Sequence[Column]) -> list[tuple[Column, Column]]:
        """All pairs in order; the primary one as it was named."""
        turned = None if self.primary is None else self.primary.pair[::-1]
        return [(b, a) if (a.name, b.name) == turned else (a, b) for a, b in combinations(columns, 2)]


class Paired(NamedTuple):
    """A comparison of models a and b."""

    a: str
    b: str
    found: metrics.Comparison


@dataclass
class _Families:
    """Comparisons by metric, point and method: those of one entry are adjusted together."""

    members: dict[tuple[object, ...], list[Paired]] = field(default_factory=dict)

    def add(self, key: str, a: str, b: str, found: metrics.Comparison) -> None:
        self.members.setdefault((key, found.method), []).append(Paired(a, b, found))

    def adjusted(self, primary: Primary | None) -> list[Paired]:
        rows: list[Paired] = []
        chosen = None if primary is None else self._chosen(primary)
        for members in self.members.values():
            place = next((n for n, one in enumerate(members) if one is chosen), None)
            made = metrics.adjust([one.found for one in members], place)
            if place is not None:
                made[place] = replace(made[place], flags=(*made[place].flags, "primary"))
            rows += [Paired(old.a, old.b, new) for old, new in zip(members, made, strict=True)]
        return rows

    def _chosen(self, primary: Primary) -> Paired:
        """The first test of the pair and metric that were named beforehand."""
        of_pair = [one for members in self.members.values() for one in members if (one.a, one.b) == primary.pair]
        chosen = next((one for one in of_pair if one.found.metric == primary.metric), None)
        if chosen is None:
            primary.refuse(one.found.metric for one in of_pair)
        return chosen


def compared(
    rows: Rows, columns: Sequence[Column], judged: Mapping[str, Judged], asked: Asked, how: Tests
) -> list[Paired]:
    """Paired differences of all pairs of models on the same rows, with Holm's adjustment within each metric."""
    families = _Families()
    for a, b in how.pairs(columns):
        first, second = judged[a.name], judged[b.name]
        if "auc" in first:
            delong = metrics.delong_difference(
                rows.truth, rows.of(a), rows.of(b), cluster=rows.cluster, ci=how.ci, margin=how.margin
            )
            families.add("auc", a.name, b.name, delong)
        for key in (key for key in first if key in second):
            if first[key].resampling is not None:
                families.add(key, a.name, b.name, _bootstrap(first[key], second[key], how.margin))
            if how.permutations and first[key].metric not in SHARES:
                families.add(key, a.name, b.name, _permuted(rows, a, b, asked.of(a)[key].metric, how))
        for point in a.operating:
            for other in (other for other in b.operating if other.wanted == point.wanted):
                here, there = (
                    Called(rows.of(column), at.value, at.wanted, at.in_sample)
                    for column, at in ((a, point), (b, other))
                )
                clustered = rows.cluster is not None
                for test in mcnemar_tests(rows.truth, here, there, clustered=clustered, names=asked.names):
                    families.add(f"{test.metric} at {point.wanted}", a.name, b.name, test)
    # A subgroup is never what was named beforehand.
    return families.adjusted(how.primary if rows.subgroup == WHOLE else None)


def _bootstrap(first: metrics.Result, second: metrics.Result, margin: float | None) -> metrics.Comparison:
    applies = first.metric not in NO_MARGIN
    found = metrics.difference(first, second, margin=margin if applies else None)
    carried = (flag for flag in ("in-sample", "interpolated") if flag in (*first.flags, *second.flags))
    flags = tuple(dict.fromkeys([*found.flags, *carried]))
    return replace(found, method="bootstrap", flags=flags)


def _permuted(rows: Rows, a: Column, b: Column, metric: metrics.Metric, how: Tests) -> metrics.Comparison:
    """Scores of two kinds are exchanged by rank; what needs probabilities is not asked for of such."""
    return permutation_test(
        rows.truth, (rows.of(a), rows.of(b)), metric, cluster=rows.cluster, n=how.permutations, seed=how.seed,
        ranks=not (a.probability and b.probability),
    )  # fmt: skip
