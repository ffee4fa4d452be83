"""Power and sample size of a planned study of two modalities, from the variance components of a pilot.

Hillis, Obuchowski and Berbaum (2011), Acad Radiol 18:129-142, and Chakraborty (2017), chapter 11. Covariances go with
one over the number of cases; the share of diseased cases is taken to stay that of the pilot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scipy import stats

from cadkit.errors import InputError
from cadkit.reader_study.inference import MrmcResult, Random

MOST_CASES = 100_000
MOST_READERS = 1_000


@dataclass(frozen=True)
class VarianceComponents:
    """What a plan starts from.

    Attributes:
        var_modality_reader: of the interaction of modality and reader; a negative one counts as 0.
        var_error, cov1, cov2, cov3: as Obuchowski and Rockette define them, in a study of `cases` cases.
        cases: of the pilot, K*.
    """

    var_modality_reader: float
    var_error: float
    cov1: float
    cov2: float
    cov3: float
    cases: int

    def __post_init__(self) -> None:
        if self.var_error <= 0 or self.cases < 1:
            raise InputError("the variance of error and the number of cases of the pilot must be positive",
                             value=f"var_error {self.var_error:g}, cases {self.cases}")  # fmt: skip

    @classmethod
    def of(cls, result: MrmcResult) -> VarianceComponents:
        """Those of an Obuchowski-Rockette analysis of two or more modalities and readers."""
        known = result.components
        if result.method != "or" or "cov3" not in known:
            raise InputError(
                "a plan needs the components of an analysis of two modalities and two readers or more by --method or",
                row="--method",
                value=result.method,
            )
        return cls(
            known["var_modality_reader"], known["var_error"], known["cov1"], known["cov2"], known["cov3"], result.cases
        )


@dataclass(frozen=True)
class Power:
    """Power of a plan.

    Attributes:
        readers, cases, effect, alpha, random: the plan.
        power: chance to reject no difference, where the true one is `effect`.
        noncentrality, df1, df2, critical: of the F distribution (df2 None: chi-square) and its critical value.
    """

    readers: int
    cases: int
    effect: float
    alpha: float
    random: Random
    power: float
    noncentrality: float
    df1: int
    df2: float | None
    critical: float


def power(
    components: VarianceComponents,
    readers: int,
    cases: int,
    effect: float,
    *,
    alpha: float = 0.05,
    random: Random = "RRRC",
) -> Power:
    """Power of a fully crossed study of two modalities.

    Args:
        components: of the pilot.
        readers, cases: of the plan; two readers or more where readers are random.
        effect: true difference of the figure of merit.
        alpha: of the two-sided test.
        random: what is a sample of many; with fixed cases (RRFC) the plan's are those that the result holds for.

    Raises:
        InputError: a plan out of its range.
    """
    if not 0 < alpha < 1 or effect == 0 or cases < 2 or readers < (1 if random == "FRRC" else 2):
        raise InputError(
            "a plan has 0 < alpha < 1, an effect other than 0, two cases and two readers or more (one if fixed)",
            value=f"alpha {alpha:g}, effect {effect:g}, cases {cases}, readers {readers}",
        )  # fmt: skip
    scale = components.cases / cases
    excess = max(components.cov2 - components.cov3, 0.0)
    own = components.var_error - components.cov1
    interaction = 0.0 if random == "FRRC" else max(components.var_modality_reader, 0.0)
    within = interaction + scale * (own - excess)
    denominator = within if random == "RRFC" else interaction + scale * (own + (readers - 1) * excess)
    if denominator <= 0:
        raise InputError("the components leave no variance to test against", value=denominator)
    noncentrality = effect**2 * readers / 2 / denominator
    if random == "FRRC":
        critical = float(stats.chi2.ppf(1 - alpha, 1))
        reached = float(stats.ncx2.sf(critical, 1, noncentrality))
        return Power(readers, cases, effect, alpha, random, reached, noncentrality, 1, None, critical)
    df2 = float(readers - 1) if random == "RRFC" or within <= 0 else denominator**2 / (within**2 / (readers - 1))
    critical = float(stats.f.ppf(1 - alpha, 1, df2))
    reached = float(stats.ncf.sf(critical, 1, df2, noncentrality))
    return Power(readers, cases, effect, alpha, random, reached, noncentrality, 1, df2, critical)


def cases_for_power(
    components: VarianceComponents,
    readers: int,
    effect: float,
    *,
    goal: float = 0.8,
    alpha: float = 0.05,
    random: Random = "RRRC",
) -> int | None:
    """Smallest number of cases that reaches a power; None where 100,000 do not, for want of readers."""
    return _smallest(
        lambda cases: power(components, readers, cases, effect, alpha=alpha, random=random).power, goal, 2, MOST_CASES
    )


def readers_for_power(
    components: VarianceComponents,
    cases: int,
    effect: float,
    *,
    goal: float = 0.8,
    alpha: float = 0.05,
    random: Random = "RRRC",
) -> int | None:
    """Smallest number of readers that reaches a power; None where 1,000 do not, for want of cases."""
    return _smallest(
        lambda readers: power(components, readers, cases, effect, alpha=alpha, random=random).power, goal,
        1 if random == "FRRC" else 2, MOST_READERS,
    )  # fmt: skip


def _smallest(reached: Callable[[int], float], goal: float, least: int, most: int) -> int | None:
    """Smallest number in [least, most] that reaches the goal, by halving: power grows with numbers."""
    if not 0 < goal < 1:
        raise InputError("a power lies between 0 and 1", value=goal)
    if reached(most) < goal:
        return None
    low, high = least - 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) >= goal else (middle, high)
    return high
