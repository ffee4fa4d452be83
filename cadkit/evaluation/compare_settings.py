"""What `cadkit compare` computes, and how; read from what a person types and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cadkit.errors import InputError
from cadkit.evaluation.partial_areas import OPTION, partial_areas
from cadkit.evaluation.primary import primary_of
from cadkit.evaluation.repeats import refuse_repeats
from cadkit.evaluation.score_results import METRICS, REWEIGHED
from cadkit.evaluation.settings import AucInterval, check_counts, check_numbers


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """What is compared, and how.

    Attributes:
        truth: column of 0 and 1; empty is unknown, left out and counted.
        scores: columns that are compared; a larger score is more suspicious.
        cluster: column of patients; None: every row is its own.
        groups: names of models and their runs (columns); the mean of the runs' scores is compared as their ensemble.
        by: columns that make subgroups.
        metrics: of `METRICS`; () for all that apply.
        sensitivity_at: specificity at these sensitivities, and the metrics at the thresholds that reach them.
        specificity_at: likewise. Where neither is given, both are read at 0.9, without metrics at a threshold.
        interpolate: read sensitivities and specificities off straight lines between operating points, too.
        partial_auc: ranges as `specificity:0.8-1`, whose areas under the ROC curve are given raw and corrected.
        thresholds: given ones by model; the name "" stands for all others.
        threshold_from: a table of the same columns on which the thresholds for `sensitivity_at` and
            `specificity_at` are locked; without one they are chosen in-sample and said to be.
        prevalence: ppv, npv and recall rate are also re-weighed to it.
        primary: `a:b` or `a:b:METRIC` (`auc` by default), the one comparison that is not adjusted for the others.
        margin: of non-inferiority, tested one-sided.
        permutations: of a permutation test; 0 for none.
        risk: the scores are no probabilities, even where they all lie in [0, 1].
        bootstrap: number of replicates; 0 for none.
        interval: percentile or bca.
        stratify: draw patients with and without a positive apart.
        ci, seed: confidence level; of all resampling.
        auc_interval: DeLong's intervals of the AUC: plain, or made on the logit scale.
    """

    truth: str
    scores: tuple[str, ...] = ()
    cluster: str | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    sensitivity_at: tuple[float, ...] = ()
    specificity_at: tuple[float, ...] = ()
    interpolate: bool = False
    partial_auc: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    threshold_from: Path | None = None
    prevalence: float | None = None
    primary: str = ""
    margin: float | None = None
    permutations: int = 0
    risk: bool = False
    bootstrap: int = 2000
    interval: str = "percentile"
    stratify: bool = False
    ci: float = 0.95
    seed: int = 0
    auc_interval: AucInterval = "plain"

    def columns(self) -> tuple[str, ...]:
        """Every score column: those compared, then the runs of groups."""
        return tuple(dict.fromkeys([*self.scores, *(run for runs in self.groups.values() for run in runs)]))

    def names(self) -> list[str]:
        """What is compared: columns and ensembles."""
        return [*self.scores, *self.groups]

    def check(self) -> None:
        """InputError where an option contradicts itself or another."""
        for name in self.metrics:
            if name not in METRICS:
                raise InputError("unknown metric", row="--metrics", value=name, mend=f"Known are {', '.join(METRICS)}.")
        partial_areas(self.partial_auc)
        refuse_repeats(
            {
                OPTION: self.partial_auc, "--sensitivity-at": self.sensitivity_at,
                "--specificity-at": self.specificity_at, "--by": self.by,
            }
        )  # fmt: skip
        if "partial_auc" in self.metrics and not self.partial_auc:
            raise InputError(
                "partial_auc is of a range", row="--metrics", mend=f"Name it, as in {OPTION} specificity:0.8-1."
            )
        shares = (("--sensitivity-at", self.sensitivity_at), ("--specificity-at", self.specificity_at))
        for option, values in shares:
            for value in values:
                if not 0 < value <= 1:
                    raise InputError("takes shares above 0 and up to 1", row=option, value=value)
        check_counts({"--bootstrap": (self.bootstrap, 0), "--permutations": (self.permutations, 0)})
        check_numbers(self.ci, self.margin, self.prevalence, self.auc_interval)
        if self.interval not in ("percentile", "bca"):
            raise InputError("is percentile or bca", row="--interval", value=self.interval)
        self._check_prevalence()
        if len(set(self.scores)) < len(self.scores):
            raise InputError("a column is named twice", row="--scores", value=",".join(self.scores))
        self._check_names()

    def _check_prevalence(self) -> None:
        if self.prevalence is None:
            return
        if not (self.sensitivity_at or self.specificity_at or self.thresholds):
            raise InputError(
                "needs thresholds", row="--prevalence", mend="Add --sensitivity-at, --specificity-at or --threshold."
            )
        if not set(REWEIGHED) & set(self.metrics or METRICS):
            raise InputError(
                f"re-weighs {', '.join(REWEIGHED)} alone", row="--prevalence", value=self.prevalence,
                mend="Add one of them to --metrics, or leave the prevalence out.",
            )  # fmt: skip

    def _check_names(self) -> None:
        for name, runs in self.groups.items():
            if name in self.columns():
                raise InputError("a group has the name of a column", row="--groups", value=name)
            if len(runs) < 2 or len(set(runs)) < len(runs):
                raise InputError("a group has at least two runs, each once", row="--groups", value=",".join(runs))
        every = [*self.columns(), *self.groups]
        strange = [(name, "--threshold") for name in self.thresholds if name and name not in every]
        if strange:
            raise InputError(
                "no such model", row=strange[0][1], value=strange[0][0], mend=f"The models are {', '.join(every)}."
            )
        primary_of(self.primary, self.names())
        if self.threshold_from is not None and not (self.sensitivity_at or self.specificity_at):
            raise InputError(
                "has no threshold to choose", row="--threshold-from",
                mend="Add --sensitivity-at or --specificity-at, which choose them.",
            )  # fmt: skip

    @classmethod
    def parse(
        cls,
        *,
        scores: str,
        groups: Sequence[str],
        by: str,
        metrics: str,
        sensitivity_at: str,
        specificity_at: str,
        partial_auc: str,
        thresholds: Sequence[str],
        **given: Any,
    ) -> CompareSettings:
        """The settings from what a person types: lists by commas, `NAME=A,B`, `NAME=VALUE` or `VALUE`.

        Raises:
            InputError: a text is not of its form; names the option.
        """
        return cls(
            scores=_names(scores),
            groups=_groups(groups),
            by=_names(by),
            metrics=_names(metrics),
            sensitivity_at=_shares(sensitivity_at, "--sensitivity-at"),
            specificity_at=_shares(specificity_at, "--specificity-at"),
            partial_auc=_names(partial_auc),
            thresholds=_thresholds(thresholds),
            **given,
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _shares(text: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(dict.fromkeys(float(part) for part in _names(text)))
    except ValueError:
        raise InputError("takes numbers separated by commas", row=option, value=text) from None


def _groups(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, runs = text.partition("=")
        if not name.strip() or not equals or name.strip() in found:
            raise InputError("takes a name of its own and columns as NAME=A,B", row="--groups", value=text)
        found[name.strip()] = _names(runs)
    return found


def _thresholds(texts: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or name.strip() in found:
            raise InputError("takes one number per model as NAME=VALUE, or VALUE", row="--threshold", value=text)
        found[name.strip()] = number
    return found
