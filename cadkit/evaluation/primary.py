"""The one comparison that was named beforehand, and whose p is therefore not adjusted for the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, NoReturn

from cadkit.errors import InputError

OPTION = "--primary"
USUAL = "auc"


class Primary(NamedTuple):
    """Two models and a metric, as `A:B` or `A:B:METRIC` names them.

    The comparison is one: on the whole cohort, of the first label and level, at the metric's first operating point, by
    its first test: DeLong's of the AUC, the bootstrap of all others.
    """

    a: str
    b: str
    metric: str = USUAL

    @property
    def pair(self) -> tuple[str, str]:
        """The two models, as they are subtracted."""
        return self.a, self.b

    def refuse(self, compared: Iterable[str]) -> NoReturn:
        """Say that no such comparison was made.

        Raises:
            InputError: always; names the metrics that the pair was compared by.
        """
        there = ", ".join(dict.fromkeys(compared))
        raise InputError(
            f"{self.a} and {self.b} are not compared by {self.metric}",
            row=OPTION,
            value=":".join(self),
            mend=f"Name one of {there} as A:B:METRIC." if there else "They are not compared at all.",
        )


def primary_of(text: str, names: Sequence[str]) -> Primary | None:
    """What `A:B` or `A:B:METRIC` names; None of an empty text. Names may hold colons.

    Raises:
        InputError: it does not name two of the models.
    """
    if not text:
        return None
    head, colon, metric = text.rpartition(":")
    ways = [(text, USUAL), *([(head, metric.strip())] if colon and metric.strip() else [])]
    for pair, of in ways:
        for place in (place for place, sign in enumerate(pair) if sign == ":"):
            first, second = pair[:place].strip(), pair[place + 1 :].strip()
            if first in names and second in names and first != second:
                return Primary(first, second, of)
    raise InputError(
        "takes two of the models, as A:B or A:B:METRIC", row=OPTION, value=text,
        mend=f"The models are {', '.join(names)}.",
    )  # fmt: skip
