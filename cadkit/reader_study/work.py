"""A reader study under way: the draws that all numbers share, and the rows found so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NotRequired, TypedDict, cast

import numpy as np

from cadkit import metrics
from cadkit.evaluation.schema import ComparisonRow, CurveKind, CurveRow, ResultRow
from cadkit.evaluation.work import finite
from cadkit.reader_study.draws import Draws, Number, Target
from cadkit.reader_study.settings import StudySettings
from cadkit.reader_study.wide import FloatArray, Study

WHOLE = "all"
MEAN = "mean(readers)"
CONSENSUS = "consensus"
READER_ENSEMBLE = "reader-ensemble"


def hybrid_name(model: str, reader: str = "") -> str:
    """`hybrid(GMIC)`, the mean over readers, or `hybrid(GMIC) with Reader1`."""
    return f"hybrid({model})" + (f" with {reader}" if reader else "")


def hybrid_ensemble_name(model: str) -> str:
    """The mean of the reader ensemble and a model."""
    return f"hybrid-ensemble({model})"


class SweepRow(TypedDict):
    """Areas of the hybrids of one model and reader at every lambda of the section; the best is the smallest lambda."""

    model: str
    reader: str
    auc: list[float]
    prauc: list[float]
    best_auc: list[float]
    best_prauc: list[float]


class SimplexRow(TypedDict):
    """The surface of a weighted sum of models: an AUC and PRAUC for every row of weights.

    `best`: weights of the largest AUC of this surface, and that AUC. `applied`: weights fitted on validation data.
    """

    models: list[str]
    step: float
    weights: list[list[float]]
    auc: list[float]
    prauc: list[float]
    best: list[float]
    best_auc: float
    applied: NotRequired[list[float]]


class Section(TypedDict):
    """What report.json holds of a reader study beside rows and curves, under `reader_study`.

    `operating`: sensitivity and specificity of binary reads, by reader and of `mean(readers)` and `consensus`.
    """

    readers: list[str]
    models: list[str]
    level: str
    weight: float
    scale: str
    lambdas: list[float]
    sweeps: list[SweepRow]
    simplex: list[SimplexRow]
    operating: dict[str, list[float]]


@dataclass
class Work:
    """A reader study under way.

    Attributes:
        study: reads and scores as they were given.
        scaled: the same on the scale on which they are added.
        targets: sensitivities at which specificities are read: the readers' mean and the consensus's.
        specificities: of the readers' mean and the consensus, by the name of the target.
        areas: AUC and PRAUC of everything that others are compared with, by name.
    """

    study: Study
    scaled: Study
    settings: StudySettings
    draws: Draws
    targets: list[Target] = field(default_factory=list)
    specificities: dict[str, Number] = field(default_factory=dict)
    areas: dict[str, dict[str, metrics.Result]] = field(default_factory=dict)
    results: list[ResultRow] = field(default_factory=list)
    curves: list[CurveRow] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)
    section: Section = field(default_factory=lambda: cast(Section, {}))
    _compared: list[tuple[str, str, metrics.Comparison]] = field(default_factory=list)

    @property
    def in_hybrids(self) -> dict[str, Any]:
        """What a hybrid is defined by."""
        return {"lambda": self.settings.weight, "scale": self.settings.scale}

    def add(self, model: str, found: metrics.Result) -> metrics.Result:
        """A row of the results."""
        made = {"model": model, "label": self.settings.truth, "level": self.study.level, "subgroup": WHOLE}
        row = {**made, **found.to_dict()}
        if not row["flags"]:
            del row["flags"]
        self.results.append(cast(ResultRow, row))
        return found

    def add_areas(
        self, model: str, auc: Number, prauc: Number, *, one: bool = False,
        sd: Sequence[float | None] | None = None,
        given: Mapping[str, Any] | None = None, flags: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """AUC and PRAUC of a model, without an interval where it is in-sample; what it is compared by is kept."""
        spread = sd or (None, None)
        found = {
            name: self.draws.result(name, number, of_one=one, sd=deviation, given=given or {}, flags=flags)
            for name, number, deviation in zip(("auc", "prauc"), (auc, prauc), spread, strict=True)
        }
        if "in-sample" in flags:
            why = None if not self.draws.n else "no interval: the weights were chosen on these rows"
            found = {
                name: replace(row, low=None, high=None, ci=None, ci_method=None, dropped=None, reason=why)
                for name, row in found.items()
            }
        self.areas[model] = {name: self.add(model, row) for name, row in found.items()}

    def compare_areas(self, a: str, b: str) -> None:
        """Paired differences of AUC and PRAUC, a minus b."""
        for metric in ("auc", "prauc"):
            first, second = self.areas[a][metric], self.areas[b][metric]
            self.compare(a, b, replace(first, given={}), replace(second, given={}), given=first.given)

    def compare(
        self, a: str, b: str, first: metrics.Result, second: metrics.Result, *,
        given: Mapping[str, Any], flags: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """The paired bootstrap difference of two results of one metric; none without replicates."""
        if first.replicates is None or second.replicates is None:
            return
        found = metrics.difference(first, second)
        self._compared.append((a, b, replace(found, given=given, flags=(*found.flags, *flags))))

    def compared(self, a: str, b: str, found: metrics.Comparison) -> None:
        """A difference that was found by another test than the bootstrap."""
        self._compared.append((a, b, found))

    def comparisons(self) -> list[ComparisonRow]:
        """All differences, Holm's p over those of one metric, point, method and flag beside the raw one."""
        families: dict[tuple[Any, ...], list[int]] = {}
        for number, (_, _, one) in enumerate(self._compared):
            families.setdefault((one.metric, one.at, one.method, one.flags), []).append(number)
        found = [one for _, _, one in self._compared]
        for members in families.values():
            for number, one in zip(members, metrics.adjust([found[n] for n in members]), strict=True):
                found[number] = one
        rows = []
        for (a, b, _), one in zip(self._compared, found, strict=True):
            made = one.to_dict()
            del made["dropped"], made["ci"]
            if made["reason"] is None:
                del made["reason"]
            place = {"a": a, "b": b, "label": self.settings.truth, "level": self.study.level, "subgroup": WHOLE}
            rows.append(cast(ComparisonRow, {**place, **made}))
        return rows

    def curve(self, model: str, kind: CurveKind, x: FloatArray, y: FloatArray, threshold: FloatArray | None) -> None:
        """A curve, without the points inside straight runs (ROC) or inside falls at one recall (PR)."""
        kept = _corners(x, y) if kind == "roc" else _turns(x)
        self.curves.append(
            CurveRow(
                model=model,
                label=self.settings.truth,
                level=self.study.level,
                kind=kind,
                x=x[kept].tolist(),
                y=y[kept].tolist(),
                threshold=finite(threshold[kept]) if threshold is not None else [None] * len(kept),
            )
        )


def _corners(x: FloatArray, y: FloatArray) -> Any:
    """Points that are not amid a level or an upright run."""
    inside = np.zeros(len(x), dtype=np.bool_)
    inside[1:-1] = ((x[:-2] == x[1:-1]) & (x[1:-1] == x[2:])) | ((y[:-2] == y[1:-1]) & (y[1:-1] == y[2:]))
    return np.flatnonzero(~inside)


def _turns(x: FloatArray) -> Any:
    """The first and the last point at every abscissa."""
    inside = np.zeros(len(x), dtype=np.bool_)
    inside[1:-1] = (x[:-2] == x[1:-1]) & (x[1:-1] == x[2:])
    return np.flatnonzero(~inside)
