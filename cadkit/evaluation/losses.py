"""Warnings of what was lost on the way: exams left out, units pooled from less than there is, intervals."""

from __future__ import annotations

from cadkit.evaluation.doubts import too_many_undefined
from cadkit.evaluation.work import Work

_PARTS = {"breast": "images (views)", "exam": "breasts"}
_UNITS = {"breast": "breasts", "exam": "exams"}


def warn_of_skipped(work: Work) -> None:
    """How many of the eligible exams each model left out, which are thereby left out for all."""
    total = len(work.chosen.eligible)
    consequence = "they are left out for all models" if len(work.chosen.skipped) > 1 else "they are not evaluated"
    for name, count in work.chosen.skipped.items():
        if count:
            work.warnings[f"skipped-{name}"] = (
                f"{name} left out {count} of {total} exams ({count / total:.1%}); {consequence}."
            )


def warn_of_undefined(work: Work) -> None:
    """What helps where numbers have no interval."""
    if text := too_many_undefined(work.results, work.settings.bootstrap, work.settings.stratify):
        work.warnings["undefined-replicates"] = text


def warn_of_pooling(work: Work) -> None:
    """How many breasts were pooled from some of their images alone, and exams from one breast of two."""
    for model in dict.fromkeys([*work.models, *work.everyone]):
        for level, (count, total) in model.partial.items():
            if count:
                work.warnings[f"pooled-{level}-{model.name}"] = (
                    f"{model.name}: {count} of {total} {_UNITS[level]} were pooled from fewer {_PARTS[level]} than the "
                    "dataset has of them."
                )
