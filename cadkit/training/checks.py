"""What is said of a dataset before the first epoch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import numpy as np

from cadkit.data import Breast, Dataset
from cadkit.errors import InputError
from cadkit.plugin import ModelInfo
from cadkit.training.findings import finding_labels, unused

_COVERED = 95


def require(train: Dataset, validation: Dataset | None, info: ModelInfo) -> list[str]:
    """Check that a dataset has what a model learns from.

    Args:
        train: the training split.
        validation: the validation split, if there is one.
        info: of the model.

    Returns:
        Lines for the log: how many breasts have each label, and what cannot be judged or is not used.

    Raises:
        InputError: no image was prepared, a label is known for no breast, or findings are missing
            that the model learns from.
    """
    train.pixel_source.has("")  # raises where nothing was prepared
    if not any(image.prepared for image in train.images):
        raise InputError(
            "no image of the training split was prepared",
            file=train.folder,
            mend=f"Type `cadkit prepare {train.folder}` and see problems.csv.",
        )
    lines = []
    for label in info.labels:
        counts = _counts(train.breasts, label)
        if not counts[1] + counts[0]:
            raise InputError(
                f"no breast of the training split has a known value of the label {label}",
                file=train.folder / "breasts.csv",
                row=label,
                mend="Fill the column with 0 and 1; empty means unknown.",
            )
        lines.append(f"{label}: {counts[1]} breasts with it and {counts[0]} without to learn from")
        if 0 in (counts[0], counts[1]):
            lines.append(f"{label}: only one class to learn from")
        if validation is not None:
            counts = _counts(validation.breasts, label)
            lines[-1] += f", {counts[1]} and {counts[0]} to choose the epoch by"
            if 0 in (counts[0], counts[1]):
                lines.append(f"{label}: one class only in the validation split, so that its AUC is undefined there")
    return lines + _check_findings(train, info)


def _counts(breasts: Iterable[Breast], label: str) -> Counter[float]:
    return Counter(value for breast in breasts if not math.isnan(value := breast.truth(label)))


def _check_findings(train: Dataset, info: ModelInfo) -> list[str]:
    wanted = [kind for kind in info.learns if kind != "labels"]
    if not wanted:
        return []
    names = finding_labels(info)
    left_out = Counter(reason for finding in train.findings if (reason := unused(finding, info)))
    if left_out.total() == len(train.findings):
        found = "; ".join(f"{count} are {reason}" for reason, count in sorted(left_out.items()))
        raise InputError(
            f"the model learns from {' and '.join(wanted)} of {', '.join(names)}; the training split has none"
            + (f" ({found})" if found else ""),
            file=train.folder / "findings.csv",
            mend="Import the dataset with its annotations, or train a model that learns from labels alone.",
        )
    return [f"findings {reason} are not used ({count})" for reason, count in sorted(left_out.items())]


def fitting_scale(train: Dataset, window: tuple[int, int]) -> float:
    """Prepared pixels per pixel of the window, so that the window covers 95% of the pictures.

    At least 1: a smaller picture is padded, never enlarged. Rounded up to a hundredth.
    """
    source = train.pixel_source
    shapes = np.array([source.shape(image.id) for image in train.images if source.has(image.id)], dtype=np.float64)
    needed = (shapes / np.array(window)).max(1)
    return max(1.0, math.ceil(float(np.percentile(needed, _COVERED)) * 100 - 1e-6) / 100)
