"""An evaluation under way: the cohort, the replicates that all numbers share, and the rows found so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from cadkit import metrics
from cadkit.data import Exam
from cadkit.evaluation.cohort import Chosen, Rows, Scored, rows_of
from cadkit.evaluation.locking import Locked
from cadkit.evaluation.pair_tests import NO_MARGIN
from cadkit.evaluation.primary import Primary
from cadkit.evaluation.schema import Case, ComparisonRow, CorrelationRow, CurveRow, HistogramRow, ResultRow, UnitScores
from cadkit.evaluation.settings import Settings

_CARRIED = ("interpolated", "in-sample")  # flags of a number that hold for its difference, too
MODELS = "models"  # the family of comparisons of two models
_COUNTED = ("b", "c", "n")  # what McNemar's test found of a pair, not what it is of


@dataclass(frozen=True)
class _Compared:
    a: str
    b: str
    label: str
    level: str
    subgroup: str
    found: metrics.Comparison
    family: str  # of what it is adjusted with; empty for random marks, which belong to none

    @property
    def key(self) -> tuple[Any, ...]:
        """What the comparisons of one family have in common: all but the pair of models."""
        found = self.found
        at = None if "threshold_for" in found.given else found.at
        flags = tuple(flag for flag in found.flags if flag in _CARRIED)
        defining = {name: value for name, value in found.given.items() if name not in _COUNTED}
        given = tuple(sorted((name, str(value)) for name, value in defining.items()))
        return self.family, self.label, self.level, self.subgroup, found.metric, at, found.method, flags, given


@dataclass
class Work:
    """An evaluation under way.

    Attributes:
        locked: thresholds chosen on validation data, one for each model; () where they are chosen in-sample.
        primary: the comparison that was named beforehand.
        models: that are compared: those that were named, and the ensembles of groups.
        everyone: every model whose answers a row needs: these, and the runs of groups.
        numbers_only: nothing is drawn and nothing set against chance: the runs of a group.
    """

    folder: Path
    settings: Settings
    chosen: Chosen
    models: list[Scored]
    labels: tuple[str, ...]
    replicates: metrics.Replicates
    locked: tuple[Locked, ...] = ()
    primary: Primary | None = None
    everyone: list[Scored] = field(default_factory=list)
    numbers_only: bool = False
    results: list[ResultRow] = field(default_factory=list)
    worst_case: list[ResultRow] = field(default_factory=list)
    correlations: list[CorrelationRow] = field(default_factory=list)
    curves: list[CurveRow] = field(default_factory=list)
    histograms: list[HistogramRow] = field(default_factory=list)
    units: list[UnitScores] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)
    _compared: list[_Compared] = field(default_factory=list)
    _rows: dict[tuple[str, str, str], Rows] = field(default_factory=dict)

    @cached_property
    def of_eligible(self) -> metrics.Replicates:
        """Replicates of all eligible exams, those that some model skipped among them."""
        if len(self.chosen.eligible) == len(self.chosen.exams):
            return self.replicates
        return replicates_of(self.chosen, self.chosen.eligible, self.labels, self.settings)

    def rows(self, label: str, level: str, column: str | None = None) -> Rows:
        """The rows of a label and level that every model scored, with the scores of those compared."""
        key = label, level, column or label
        if key not in self._rows:
            self._rows[key] = rows_of(self.chosen, self.models, level, label, column, self.everyone)
        return self._rows[key]

    def add(self, model: str, label: str, level: str, found: metrics.Result, subgroup: str = "all") -> None:
        """A row of the results."""
        self.results.append(result_row(model, label, level, found, subgroup))

    def turned(self, a: str, b: str) -> bool:
        """Whether the comparison named beforehand is b against a."""
        return self.primary is not None and self.primary.pair == (b, a)

    def margin_of(self, metric: str) -> float | None:
        """The margin of non-inferiority, for shares of which more is better."""
        return None if metric in NO_MARGIN else self.settings.margin

    def compare(
        self,
        a: str,
        b: str,
        label: str,
        level: str,
        pair: tuple[metrics.Result, metrics.Result],
        *,
        subgroup: str = "all",
        chance: bool = False,
        family: str = MODELS,
    ) -> None:
        """The paired bootstrap difference of two results; `chance` where b is no model but random marks.

        Differences of another `family` than models are adjusted among themselves, and no margin is of them.
        """
        if self.turned(a, b):
            a, b, pair = b, a, pair[::-1]
        first, second = pair
        carried = tuple(flag for flag in _CARRIED if flag in (*first.flags, *second.flags))
        at = first.at if first.at == second.at else None
        if first.value is None or second.value is None:
            found = metrics.Comparison(
                first.metric, None, at=at, reason=first.reason or second.reason, given=first.given
            )
        else:
            found = metrics.difference(
                first, second, margin=None if chance or family != MODELS else self.margin_of(first.metric)
            )
        kept = (flag for flag in found.flags if flag not in carried)
        found = replace(found, flags=(*kept, *carried))
        self._compared.append(_Compared(a, b, label, level, subgroup, found, "" if chance else family))

    def compare_areas(
        self,
        names: tuple[str, str],
        label: str,
        level: str,
        truth: Any,
        scores: Any,
        patient: Any,
        subgroup: str,
        family: str = MODELS,
    ) -> None:
        """DeLong's difference of two AUCs, with patients as clusters."""
        a, b = names
        if self.turned(a, b):
            a, b, scores = b, a, scores[::-1]
        found = metrics.delong_difference(
            truth, scores[0], scores[1], cluster=patient, ci=self.settings.ci,
            margin=self.settings.margin if family == MODELS else None,
        )  # fmt: skip
        self._compared.append(_Compared(a, b, label, level, subgroup, found, family))

    def test(self, a: str, b: str, label: str, level: str, subgroup: str, found: metrics.Comparison) -> None:
        """A further test of a pair of models, in the order in which they are to stand (see `turned`)."""
        self._compared.append(_Compared(a, b, label, level, subgroup, found, MODELS))

    def comparisons(self) -> list[ComparisonRow]:
        """All comparisons with Holm's p beside the raw one.

        Raises:
            InputError: the one that was named beforehand is none of them.
        """
        families: dict[tuple[Any, ...], list[int]] = {}
        for number, one in enumerate(self._compared):
            if one.family:
                families.setdefault(one.key, []).append(number)
        found = [one.found for one in self._compared]
        named = self._named_beforehand()
        for members in families.values():
            primary = members.index(named) if named in members else None
            adjusted = metrics.adjust([found[n] for n in members], primary)
            for place, (number, comparison) in enumerate(zip(members, adjusted, strict=True)):
                flags = (*comparison.flags, "primary") if place == primary else comparison.flags
                found[number] = replace(comparison, flags=flags)
        return [_comparison_row(one, last) for one, last in zip(self._compared, found, strict=True)]

    def _named_beforehand(self) -> int | None:
        """The place of the primary comparison: the first on the whole cohort of that pair and metric.

        The first label and level stand first, and of the AUC DeLong's test does.
        """
        if self.primary is None:
            return None
        of_pair = [
            (number, one.found.metric)
            for number, one in enumerate(self._compared)
            if one.family == MODELS and one.subgroup == "all" and (one.a, one.b) == self.primary.pair
        ]
        place = next((number for number, metric in of_pair if metric == self.primary.metric), None)
        if place is None:
            self.primary.refuse(metric for _, metric in of_pair)
        return place


def result_row(model: str, label: str, level: str, found: metrics.Result, subgroup: str = "all") -> ResultRow:
    """A row as report.json holds it; an empty list of flags is left out."""
    row = {"model": model, "label": label, "level": level, "subgroup": subgroup, **found.to_dict()}
    if not row["flags"]:
        del row["flags"]
    return cast(ResultRow, row)


def _comparison_row(one: _Compared, found: metrics.Comparison) -> ComparisonRow:
    made = found.to_dict()
    del made["dropped"], made["ci"]
    if made["reason"] is None:
        del made["reason"]
    row = {"a": one.a, "b": one.b, "label": one.label, "level": one.level, "subgroup": one.subgroup, **made}
    return cast(ComparisonRow, row)


def finite(values: Any) -> list[float | None]:
    """Numbers for JSON: None in place of those that are not finite."""
    return [float(v) if np.isfinite(v) else None for v in values]


def replicates_of(
    chosen: Chosen, exams: Sequence[Exam], labels: Sequence[str], settings: Settings
) -> metrics.Replicates:
    """Counts of patients, or other clusters; stratified, those with the same labels are drawn among themselves."""
    clusters = np.array([chosen.cluster_of(exam) for exam in exams], dtype=str)
    options = metrics.Bootstrap(
        settings.bootstrap, settings.seed, cast(Any, settings.interval), settings.ci, settings.stratify
    )
    if not settings.stratify:
        return metrics.Replicates(clusters, options=options)
    having: dict[str, set[str]] = {}
    for exam in exams:
        own = having.setdefault(chosen.cluster_of(exam), set())
        own.update(name for name in labels if chosen.truth(exam, name) == 1)
    strata = [sum(1 << n for n, name in enumerate(labels) if name in having[one]) for one in clusters.tolist()]
    return metrics.Replicates(clusters, strata=strata, options=options)
