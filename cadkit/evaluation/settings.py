"""What an evaluation computes, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from cadkit import metrics
from cadkit.errors import InputError
from cadkit.evaluation.localizing import FrocRule
from cadkit.evaluation.partial_areas import OPTION, partial_areas
from cadkit.evaluation.repeats import refuse_repeats
from cadkit.prediction.columns import LEVELS

FPI = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
FPI_AT = "fpi_at_sensitivity"
AucInterval = Literal["plain", "logit"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is computed, and how.

    Attributes:
        split: train, validation, test or all; empty: the one that was predicted.
        population: `screening` (all), `biopsied`, `malignant-vs-benign`, a list of exams, or a condition on columns.
        levels: image, breast, exam; (): the breast, or what else every model gives.
        labels: which, unions as `any=malignant|benign`; () for all that the models score and the dataset knows.
        by: columns that make subgroups, `column` or `column:EDGE/EDGE/...`.
        extra: judge the models' further scores too.
        sensitivity_at: specificity at these sensitivities, and the metrics at the thresholds that reach them.
        specificity_at: likewise.
        prevalence: predictive values and recall rate are given for a population with this share of positives, too.
        interpolate: read sensitivities and specificities off straight lines between operating points, too; the FROC
            is interpolated instead.
        partial_auc: ranges as `specificity:0.8-1`, whose areas under the ROC curve are given raw and corrected.
        froc: the rule of the FROC, or None for none.
        fpi: false positives per image at which sensitivity is given.
        fom: further figures of merit: `afroc`, `afroc1`, `wafroc`, `wafroc1`, `hr_auc`, `fpi_at_sensitivity:SHARE`.
        localization: Dice and pixel average precision of the maps; coverage of findings by regions of interest.
        views: judge every model on CC and on MLO images alone, too, and compare the two.
        correlations: of the predictions of an exam, left and right, each label.
        primary: `A:B` or `A:B:METRIC` (`auc` by default), the one comparison that was named beforehand; its p is not
            adjusted (`cadkit.evaluation.primary`).
        margin: of a test of non-inferiority of the first of two models.
        permutations: of a permutation test of every pair of models; 0 for none.
        bootstrap: number of replicates.
        cluster: what is resampled: `patient`, `exam` or a column of exams.csv.
        interval: percentile or bca.
        stratify: draw patients with and without each label apart.
        ci: confidence level.
        seed: of all resampling.
        cases: hits, misses and false alarms shown of each label.
        auc_interval: DeLong's intervals of the AUC, those of the worst case: plain, or made on the logit scale.
    """

    split: str = ""
    population: str = "screening"
    levels: tuple[str, ...] = ("breast",)
    labels: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    extra: bool = False
    sensitivity_at: tuple[float, ...] = ()
    specificity_at: tuple[float, ...] = ()
    prevalence: float | None = None
    interpolate: bool = False
    partial_auc: tuple[str, ...] = ()
    froc: FrocRule | None = None
    fpi: tuple[float, ...] = FPI
    fom: tuple[str, ...] = ()
    localization: bool = False
    views: bool = False
    correlations: bool = False
    primary: str = ""
    margin: float | None = None
    permutations: int = 0
    bootstrap: int = 2000
    cluster: str = "patient"
    interval: str = "percentile"
    stratify: bool = False
    ci: float = 0.95
    seed: int = 0
    cases: int = 6
    auc_interval: AucInterval = "plain"

    def check(self) -> None:
        """Refuse what no data could fit.

        Raises:
            InputError: names the option and what it takes.
        """
        refuse_repeats(
            {
                "--level": self.levels, "--label": self.labels, "--by": self.by, OPTION: self.partial_auc,
                "--sensitivity-at": self.sensitivity_at, "--specificity-at": self.specificity_at, "--fpi": self.fpi,
                "--fom": self.fom,
            }
        )  # fmt: skip
        for level in self.levels:
            if level not in LEVELS:
                raise InputError(f"a level is one of {', '.join(LEVELS)}", row="--level", value=level)
        for option, values in (("--sensitivity-at", self.sensitivity_at), ("--specificity-at", self.specificity_at)):
            for value in values:
                if not 0 < value <= 1:
                    raise InputError("takes shares above 0 and up to 1", row=option, value=value)
        partial_areas(self.partial_auc)
        check_counts({"--bootstrap": (self.bootstrap, 1), "--permutations": (self.permutations, 0),
                      "--cases": (self.cases, 0)})  # fmt: skip
        check_numbers(self.ci, self.margin, self.prevalence, self.auc_interval)
        if self.prevalence is not None and not self.sensitivity_at and not self.specificity_at:
            raise InputError("needs thresholds", row="--prevalence", mend=_CHOOSE)
        if self.froc is not None:
            self.froc.check()
        if self.fom and self.froc is None:
            raise InputError("is of the FROC", row="--fom", value=",".join(self.fom), mend="Add --froc.")
        self.further()

    def further(self) -> tuple[list[str], list[tuple[str, float]]]:
        """The figures of merit of `fom`: those of cases and lesions, and pairs read off the FROC curve."""
        areas: list[str] = []
        points: list[tuple[str, float]] = []
        for one in self.fom:
            name, colon, at = one.partition(":")
            if name in metrics.AFROC_METRICS and not colon:
                areas.append(name)
            elif name == FPI_AT and _is_share(at):
                points.append((name, float(at)))
            else:
                known = [*metrics.AFROC_METRICS, f"{FPI_AT}:0.8 (any sensitivity up to 1)"]
                raise InputError(f"takes {', '.join(known)}", row="--fom", value=one)
        return areas, points


def check_counts(counts: Mapping[str, tuple[int, int]]) -> None:
    """Refuse a count, by option, that lies below its least.

    Raises:
        InputError: names the option and what it takes.
    """
    for option, (count, least) in counts.items():
        if count < least:
            raise InputError(f"takes a number from {least} up", row=option, value=count)


def check_numbers(ci: float, margin: float | None, prevalence: float | None, auc_interval: str) -> None:
    """Refuse what no evaluation and no comparison takes.

    Raises:
        InputError: names the option and what it takes.
    """
    if not 0.5 <= ci < 1:
        mend = f"Write {ci / 100:g} for {ci:g}%." if 50 <= ci < 100 else "Write 0.95 for 95%."
        raise InputError("a confidence level lies from 0.5 to below 1", row="--ci", value=ci, mend=mend)
    if margin is not None and not 0 < margin < 1:
        mend = f"Write {margin / 100:g} for {margin:g} percentage points." if 1 <= margin < 100 else ""
        raise InputError(
            "a margin is of a difference of shares, above 0 and below 1", row="--margin", value=margin, mend=mend
        )
    if prevalence is not None and not 0 < prevalence < 1:
        raise InputError("a prevalence lies between 0 and 1", row="--prevalence", value=prevalence)
    if auc_interval not in get_args(AucInterval):
        raise InputError(f"is {' or '.join(get_args(AucInterval))}", row="--auc-interval", value=auc_interval)


def transform_of(interval: AucInterval) -> Literal["none", "logit"]:
    """What `cadkit.metrics` calls the scale of an interval of the AUC."""
    return "logit" if interval == "logit" else "none"


_CHOOSE = "Add --sensitivity-at or --specificity-at, which choose them."


def check_locked(settings: Settings, sources: Sequence[object], models: int) -> None:
    """Refuse validation predictions that choose no threshold, or that are not one for each model."""
    if sources and not settings.sensitivity_at and not settings.specificity_at:
        raise InputError("has no threshold to choose", row="--threshold-from", mend=_CHOOSE)
    if sources and len(sources) != models:
        raise InputError(
            f"{len(sources)} given for {models} model(s)",
            row="--threshold-from",
            mend="Give it once for every model, in the same order.",
        )


def _is_share(text: str) -> bool:
    try:
        return 0 < float(text) <= 1
    except ValueError:
        return False
