"""What a reader study computes, and how; read from what a person types and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cadkit.errors import InputError

Scale = Literal["as-is", "rank", "calibrated"]
Resample = Literal["cases", "readers", "both"]

SCALES: tuple[Scale, ...] = ("as-is", "rank", "calibrated")
RESAMPLES: tuple[Resample, ...] = ("cases", "readers", "both")
LAMBDAS = 101  # weights of a sweep, evenly from 0 (the model alone) to 1 (the reader alone)


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """How readers, models and their combinations are judged.

    Attributes:
        truth: column of 0 and 1; empty is unknown, left out and counted.
        readers, models, recalls: patterns of columns (`Reader*`), which ignore case. A recall is a reader's binary
            read; what the wildcards stand for (`3` in `Recall3`) tells whose it is.
        cluster: column of the cases that are resampled; None: every row is its own.
        unit: columns that name a row, such as case and side; () where rows have no name.
        weight: lambda, the reader's share in a hybrid.
        scale: of the scores that are added: as they are, by rank, or calibrated on `validation`.
        validation: a table of the same columns on which scores are calibrated and weights of models fitted.
        ensemble: models whose weighted sums are swept; () for all, if there are two or three.
        step: of the grid of those weights.
        resample: what the intervals resample: cases, readers, or both.
        bootstrap: number of replicates; 0 for none.
        ci, seed: confidence level; of all resampling.
        cases: breasts of the gallery of each model and direction, where a dataset is given.
    """

    truth: str
    readers: tuple[str, ...]
    models: tuple[str, ...] = ()
    recalls: tuple[str, ...] = ()
    cluster: str | None = None
    unit: tuple[str, ...] = ()
    weight: float = 0.5
    scale: Scale = "as-is"
    validation: Path | None = None
    ensemble: tuple[str, ...] = ()
    step: float = 0.02
    resample: Resample = "cases"
    bootstrap: int = 2000
    ci: float = 0.95
    seed: int = 0
    cases: int = 6

    def check(self) -> None:
        """InputError where an option contradicts itself or another."""
        if not self.readers:
            raise InputError("no readers are named", row="--readers", mend="Give a pattern, as in --readers 'Reader*'.")
        if not 0 <= self.weight <= 1:
            raise InputError("lambda is the reader's share, from 0 to 1", row="--lambda", value=self.weight)
        if self.scale not in SCALES:
            raise InputError(f"is one of {', '.join(SCALES)}", row="--scale", value=self.scale)
        if self.resample not in RESAMPLES:
            raise InputError(f"is one of {', '.join(RESAMPLES)}", row="--resample", value=self.resample)
        if self.scale == "calibrated" and self.validation is None:
            raise InputError(
                "needs a table to calibrate on", row="--scale calibrated",
                mend="Name a table of the same columns with --validation.",
            )  # fmt: skip
        if not 0 < self.step <= 0.5 or abs(round(1 / self.step) - 1 / self.step) > 1e-6:
            raise InputError("is 1 divided by a whole number of steps", row="--step", value=self.step)
        if self.bootstrap < 0:
            raise InputError("is a number of replicates", row="--bootstrap", value=self.bootstrap)

    @classmethod
    def parse(
        cls, *, readers: str, models: str, recalls: str, unit: str = "", ensemble: str = "", **given: Any
    ) -> StudySettings:
        """The settings from what a person types: lists by commas."""
        return cls(
            readers=words(readers),
            models=words(models),
            recalls=words(recalls),
            unit=words(unit),
            ensemble=words(ensemble),
            **given,
        )


def words(text: str) -> tuple[str, ...]:
    """The parts of a text between commas, without blanks and empty ones."""
    return tuple(word for part in text.split(",") if (word := part.strip()))
