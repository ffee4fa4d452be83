"""Area under a part of the ROC curve."""

from __future__ import annotations

from typing import Literal, Unpack

import numpy.typing as npt

from cadkit.metrics.classification import Sampling, classification
from cadkit.metrics.results import Result


def partial_auc(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    low: float,
    high: float,
    *,
    focus: Literal["specificity", "sensitivity"] = "specificity",
    corrected: bool = False,
    **sampling: Unpack[Sampling],
) -> Result:
    """Area under the ROC polygon between two specificities, or beside it between two sensitivities (as pROC).

    Raw, it is not divided by the width. `corrected` is McClish's (1989, Med Decis Making 9:190-195)
    (1 + (area - min) / (max - min)) / 2, min being the area under the diagonal there and max the full strip: 0.5 is
    chance and 1 perfect; an area below min has none.

    >>> partial_auc([0, 0, 0, 0, 1, 1], [1, 2, 3, 4, 3, 5], 0.5, 1.0).value
    0.3125
    >>> partial_auc([0, 0, 0, 0, 1, 1], [1, 2, 3, 4, 3, 5], 0, 1, corrected=True).value
    0.8125
    """
    options = {"low": low, "high": high, "focus": focus, "corrected": corrected}
    return classification(truth, score, [("partial_auc", None, options)], **sampling)[0]
