"""What a metric answers: a value with its interval and its denominators, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cadkit.metrics._arrays import FloatArray

if TYPE_CHECKING:
    from cadkit.metrics.resampling import Replicates


AT_A_THRESHOLD = frozenset(
    {"sensitivity", "specificity", "ppv", "npv", "recall_rate", "cancer_detection_rate"}
)  # each model may have its own
NO_SPREAD = "no-spread"


@dataclass(frozen=True)
class Result:
    """One metric of one model.

    Attributes:
        metric: its name as in the report (`auc`, `prauc`, `froc_sensitivity`, ...).
        value: the estimate, or None where it is undefined (never NaN).
        low, high: ends of the confidence interval, or None.
        ci: its level (0.95), None without an interval.
        ci_method: `delong`, `delong-clustered`, `bootstrap-percentile`, `bootstrap-bca`, `wilson`, or None.
        n: rows (FROC and localization: images).
        positives: positive rows (FROC: findings, lesions, breasts or exams counted as positives).
        clusters: resampling units, None where rows were taken as independent.
        dropped: bootstrap replicates in which the metric was undefined.
        at: the operating point (a specificity, sensitivity or number of false positives per image), if any.
        sd: standard deviation over images (n - 1), where the value is a mean over images.
        reason: why the value or the interval is missing.
        flags: `beyond` (past the end of the curve), `replicates-dropped` (more than 1%), `interpolated`,
            `in-sample` (the threshold was chosen on these rows), `no-spread` (low and high are equal, as where nothing
            was missed: no replicate of such data differs, which says nothing of the uncertainty).
        given: what else the metric is defined by: the `prevalence` that it is re-weighed to, the range of a partial
            area, the bins of a calibration error.
        replicates: the metric in every replicate, NaN where undefined; shared counts make these pairs with
            those of any other result of the same `resampling`.
        jackknife: the metric with one cluster left out, for the BCa interval.
        resampling: the replicates' counts.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    ci: float | None = None
    ci_method: str | None = None
    n: int = 0
    positives: int | None = None
    clusters: int | None = None
    dropped: int | None = None
    at: float | None = None
    sd: float | None = None
    reason: str | None = None
    flags: tuple[str, ...] = ()
    given: Mapping[str, object] = field(default_factory=dict, hash=False)
    replicates: FloatArray | None = field(default=None, repr=False, compare=False)
    jackknife: FloatArray | None = field(default=None, repr=False, compare=False)
    resampling: Replicates | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, object]:
        """The row of report.json; `sd`, `reason` and `given` only where they apply."""
        row: dict[str, object] = {name: getattr(self, name) for name in _COLUMNS}
        row["flags"] = list(self.flags)
        for name in ("sd", "reason"):
            if getattr(self, name) is not None:
                row[name] = getattr(self, name)
        if self.given:
            row["given"] = dict(self.given)
        return row

    def __repr__(self) -> str:
        name = self.metric if self.at is None else f"{self.metric}({self.at:g})"
        text = f"{name} undefined" if self.value is None else f"{name} {self.value:.4f}"
        if self.low is not None and self.high is not None and self.ci is not None:
            text += f" ({100 * self.ci:g}% CI {self.low:.4f} to {self.high:.4f}, {self.ci_method})"
        counts = [f"n={self.n}"]
        if self.positives is not None:
            counts.append(f"positives={self.positives}")
        if self.clusters is not None:
            counts.append(f"clusters={self.clusters}")
        if self.dropped:
            counts.append(f"dropped={self.dropped}")
        parts = [text, ", ".join(counts), *_spoken(self.given), *self.flags]
        if self.reason:
            parts.append(self.reason)
        return f"<{'; '.join(parts)}>"


def _spoken(given: Mapping[str, object]) -> list[str]:
    return [", ".join(f"{name}={value}" for name, value in given.items())] if given else []


_COLUMNS = (
    "metric", "at", "value", "low", "high", "ci", "ci_method", "n", "positives", "clusters", "dropped",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """The difference of one metric between two models on the same rows: a minus b.

    Attributes:
        difference: value of a minus value of b, None where either is undefined.
        low, high, ci: confidence interval of the difference.
        p: p-value of no difference, two-sided unless asked otherwise.
        p_adjusted: the same, adjusted for the other comparisons of its family (`holm`); None if it was not.
        statistic: z of the test, where it has one.
        method: `delong`, `delong-clustered`, `bootstrap`, `permutation` or `mcnemar`.
        at: the operating point, if both have the same.
        margin: of a non-inferiority test, as a positive number in the metric's unit.
        p_margin: its one-sided p-value: of a difference of -margin or less.
        dropped: replicates in which the difference was undefined.
        given: what else the metric or the test is defined by.
    """

    metric: str
    difference: float | None
    low: float | None = None
    high: float | None = None
    ci: float | None = None
    p: float | None = None
    method: str | None = None
    at: float | None = None
    statistic: float | None = None
    dropped: int | None = None
    reason: str | None = None
    flags: tuple[str, ...] = ()
    p_adjusted: float | None = None
    margin: float | None = None
    p_margin: float | None = None
    given: Mapping[str, object] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, object]:
        """The row of report.json; margin, its p and `given` only where they apply."""
        row: dict[str, object] = {
            "metric": self.metric, "at": self.at, "difference": self.difference, "low": self.low,
            "high": self.high, "ci": self.ci, "p": self.p, "p_adjusted": self.p_adjusted, "method": self.method,
            "dropped": self.dropped, "reason": self.reason, "flags": list(self.flags),
        }  # fmt: skip
        if self.margin is not None:
            row |= {"margin": self.margin, "p_margin": self.p_margin}
        if self.given:
            row["given"] = dict(self.given)
        return row

    def __repr__(self) -> str:
        if self.difference is None:
            return f"<difference of {self.metric} undefined; {self.reason}>"
        text = f"difference of {self.metric} {self.difference:+.4f}"
        if self.low is not None and self.high is not None and self.ci is not None:
            text += f" ({100 * self.ci:g}% CI {self.low:+.4f} to {self.high:+.4f})"
        for name, p in (("p", self.p), ("adjusted p", self.p_adjusted)):
            if p is not None:
                text += f", {name}={p:.3g}"
        if self.p_margin is not None:
            text += f", p={self.p_margin:.3g} against a margin of {self.margin:g}"
        parts = [text, *([self.method] if self.method else []), *_spoken(self.given), *self.flags]
        return f"<{'; '.join([*parts, *([self.reason] if self.reason else [])])}>"
