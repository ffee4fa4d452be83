"""An evaluation under way: the cohort, the replicates that all numbers share, and the rows found so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from cadkit import metrics
from cadkit.evaluation.cohort import Chosen, Scored
from cadkit.evaluation.locking import Locked
from cadkit.evaluation.schema import Case, ComparisonRow, CurveRow, ResultRow
from cadkit.evaluation.settings import FPI_AT, Settings

_CARRIED = ("interpolated", "in-sample")  # flags of a number that hold for its difference, too
_SMALLER_IS_BETTER = (FPI_AT,)


@dataclass(frozen=True)
class _Compared:
    a: str
    b: str
    label: str
    level: str
    subgroup: str
    found: metrics.Comparison
    family: bool

    @property
    def key(self) -> tuple[Any, ...]:
        """What the comparisons of one family have in common: all but the pair of models."""
        found = self.found
        at = None if "threshold_for" in found.given else found.at
        flags = tuple(flag for flag in found.flags if flag in _CARRIED)
        given = tuple(sorted((name, str(value)) for name, value in found.given.items()))
        return self.label, self.level, self.subgroup, found.metric, at, found.method, flags, given


@dataclass
class Work:
    """An evaluation under way.

    Attributes:
        locked: thresholds chosen on validation data, one for each model; () where they are chosen in-sample.
        primary: the pair of models that was named beforehand.
    """

    folder: Path
    settings: Settings
    chosen: Chosen
    models: list[Scored]
    labels: tuple[str, ...]
    replicates: metrics.Replicates
    locked: tuple[Locked, ...] = ()
    primary: tuple[str, str] | None = None
    results: list[ResultRow] = field(default_factory=list)
    worst_case: list[ResultRow] = field(default_factory=list)
    curves: list[CurveRow] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)
    _compared: list[_Compared] = field(default_factory=list)

    def add(self, model: str, label: str, level: str, found: metrics.Result, subgroup: str = "all") -> None:
        """A row of the results."""
        self.results.append(result_row(model, label, level, found, subgroup))

    def turned(self, a: str, b: str) -> bool:
        """Whether the comparison named beforehand is b against a."""
        return (b, a) == self.primary

    def margin_of(self, metric: str) -> float | None:
        """The margin of non-inferiority, for metrics of which more is better."""
        return None if metric in _SMALLER_IS_BETTER else self.settings.margin

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
    ) -> None:
        """The paired bootstrap difference of two results; `chance` where b is no model but random marks."""
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
            found = metrics.difference(first, second, margin=None if chance else self.margin_of(first.metric))
        kept = (flag for flag in found.flags if flag not in carried)
        found = replace(found, flags=(*kept, *carried))
        self._compared.append(_Compared(a, b, label, level, subgroup, found, not chance))

    def compare_areas(
        self, names: tuple[str, str], label: str, level: str, truth: Any, scores: Any, patient: Any, subgroup: str
    ) -> None:
        """DeLong's difference of two AUCs, with patients as clusters."""
        a, b = names
        if self.turned(a, b):
            a, b, scores = b, a, scores[::-1]
        found = metrics.delong_difference(
            truth, scores[0], scores[1], cluster=patient, ci=self.settings.ci, margin=self.settings.margin
        )
        self._compared.append(_Compared(a, b, label, level, subgroup, found, True))

    def comparisons(self) -> list[ComparisonRow]:
        """All comparisons with Holm's p beside the raw one."""
        families: dict[tuple[Any, ...], list[int]] = {}
        for number, one in enumerate(self._compared):
            if one.family:
                families.setdefault(one.key, []).append(number)
        found = [one.found for one in self._compared]
        for members in families.values():
            chosen = [place for place, n in enumerate(members) if self._is_primary(self._compared[n])]
            primary = chosen[0] if chosen else None
            adjusted = metrics.adjust([found[n] for n in members], primary)
            for place, (number, comparison) in enumerate(zip(members, adjusted, strict=True)):
                flags = (*comparison.flags, "primary") if place == primary else comparison.flags
                found[number] = replace(comparison, flags=flags)
        return [_comparison_row(one, last) for one, last in zip(self._compared, found, strict=True)]

    def _is_primary(self, one: _Compared) -> bool:
        return (one.a, one.b) == self.primary


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
