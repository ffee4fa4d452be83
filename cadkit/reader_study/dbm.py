"""Dorfman, Berbaum and Metz' analysis of variance of pseudovalues.

Dorfman, Berbaum and Metz (1992), Invest Radiol 27:723-731, with Hillis' degrees of freedom and without their rules for
dropping components (Hillis, Berbaum and Metz 2008, Acad Radiol 15:647-661).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cadkit.reader_study.endpoints import Measured
from cadkit.reader_study.inference import Estimate, Inference, Random, estimate, f_test, hillis
from cadkit.reader_study.ratings import FloatArray


def pseudovalues(measured: Measured) -> FloatArray:
    """n A - (n - 1) A(without the case), s x n."""
    count = measured.without.shape[1]
    values: FloatArray = count * measured.values[:, None] - (count - 1) * measured.without
    return values


@dataclass(frozen=True)
class PseudoSquares:
    """Mean squares of modality (t), reader (r), case (c) and their interactions; NaN without two of a kind."""

    t: float
    r: float
    c: float
    tr: float
    tc: float
    rc: float
    trc: float


def pseudo_squares(table: FloatArray) -> PseudoSquares:
    """Mean squares of a three-way table (modalities x readers x cases) without replication."""
    t, r, c = table.shape
    names = {"t": (0,), "r": (1,), "c": (2,), "tr": (0, 1), "tc": (0, 2), "rc": (1, 2), "trc": (0, 1, 2)}
    means = {name: table.mean(axis=tuple({0, 1, 2} - set(axes)), keepdims=True) for name, axes in names.items()}
    effect = {"": table.mean(keepdims=True)}
    found = {}
    for name, axes in names.items():
        rest = means[name] - sum(value for other, value in effect.items() if set(other) < set(name))
        effect[name] = rest
        levels, freedom = [(t, r, c)[axis] for axis in axes], int(np.prod([(t, r, c)[axis] - 1 for axis in axes]))
        repeats = table.size // int(np.prod(levels))
        found[name] = float(repeats * np.sum(rest**2) / freedom) if freedom else float("nan")
    return PseudoSquares(**found)


@dataclass(frozen=True, eq=False)
class DorfmanBerbaumMetz:
    """The analysis of pseudovalues.

    Attributes:
        modalities, readers: names, two or more of each.
        values: t x r figures of merit (the mean of pseudovalues is the jackknife estimate, not these).
        pseudo: t x r x n.
        ci: level of the intervals.
    """

    modalities: Sequence[str]
    readers: Sequence[str]
    values: FloatArray
    pseudo: FloatArray
    ci: float

    def components(self) -> dict[str, float]:
        """Mean squares and variance components, which may be negative."""
        ms = pseudo_squares(self.pseudo)
        t, r, n = self.pseudo.shape
        found = {f"dbm_ms_{name.upper()}": value for name, value in vars(ms).items()}
        return found | {
            "dbm_var_reader": (ms.r - ms.tr - ms.rc + ms.trc) / (t * n),
            "dbm_var_case": (ms.c - ms.tc - ms.rc + ms.trc) / (t * r),
            "dbm_var_modality_reader": (ms.tr - ms.trc) / n,
            "dbm_var_modality_case": (ms.tc - ms.trc) / r,
            "dbm_var_reader_case": (ms.rc - ms.trc) / t,
            "dbm_var_error": ms.trc,
        }

    def inferences(self) -> dict[Random, Inference]:
        """All three."""
        t, r, n = self.pseudo.shape
        ms = pseudo_squares(self.pseudo)
        freedom = (t - 1) * (r - 1)
        random = ms.tr + max(ms.tc - ms.trc, 0.0)
        choices: dict[Random, tuple[float, float | None]] = {
            "RRRC": (random, hillis(random, ms.tr, freedom)),
            "FRRC": (ms.tc, (t - 1) * (n - 1)),
            "RRFC": (ms.tr, freedom),
        }
        found: dict[Random, Inference] = {}
        for name, (denominator, df) in choices.items():
            found[name] = Inference(
                name,
                f_test(ms.t, denominator, t - 1, np.inf if df is None else df),
                {modality: self._mean(i, name) for i, modality in enumerate(self.modalities)},
                {
                    (self.modalities[a], self.modalities[b]): estimate(
                        self.values[a].mean() - self.values[b].mean(), 2 * denominator / (r * n), df, self.ci, test=True
                    )
                    for a, b in combinations(range(t), 2)
                },
                reader_differences=self._of_readers() if name == "FRRC" else {},
            )
        return found

    def _mean(self, i: int, random: Random) -> Estimate:
        _, r, n = self.pseudo.shape
        ms = pseudo_squares(self.pseudo[i : i + 1])
        both = ms.r + max(ms.c - ms.rc, 0.0)
        denominator, df = {
            "RRRC": (both, hillis(both, ms.r, r - 1)),
            "FRRC": (ms.c, float(n - 1)),
            "RRFC": (ms.r, float(r - 1)),
        }[random]
        return estimate(self.values[i].mean(), denominator / (r * n), df, self.ci, test=False)

    def _of_readers(self) -> dict[tuple[str, str, str], Estimate]:
        t, r, n = self.pseudo.shape
        found = {}
        for j in range(r):
            within = pseudo_squares(self.pseudo[:, j : j + 1]).tc
            for a, b in combinations(range(t), 2):
                found[self.modalities[a], self.modalities[b], self.readers[j]] = estimate(
                    self.values[a, j] - self.values[b, j], 2 * within / n, (t - 1) * (n - 1), self.ci, test=True
                )
        return found
