"""What a metric answers: a value with its interval and its denominators, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cadkit.metrics._arrays import FloatArray

if TYPE_CHECKING:
    from cadkit.metrics.resampling import Replicates


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
        flags: `beyond` (past the end of the curve), `replicates-dropped` (more than 1%), `interpolated`.
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
    replicates: FloatArray | None = field(default=None, repr=False, compare=False)
    jackknife: FloatArray | None = field(default=None, repr=False, compare=False)
    resampling: Replicates | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, object]:
        """The row of report.json; `sd` and `reason` only where they apply."""
        row: dict[str, object] = {name: getattr(self, name) for name in _COLUMNS}
        row["flags"] = list(self.flags)
        for name in ("sd", "reason"):
            if getattr(self, name) is not None:
                row[name] = getattr(self, name)
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
        parts = [text, ", ".join(counts), *self.flags]
        if self.reason:
            parts.append(self.reason)
        return f"<{'; '.join(parts)}>"


_COLUMNS = (
    "metric", "at", "value", "low", "high", "ci", "ci_method", "n", "positives", "clusters", "dropped",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """The difference of one metric between two models on the same rows: a minus b.

    Attributes:
        difference: value of a minus value of b, None where either is undefined.
        low, high, ci: confidence interval of the difference.
        p: two-sided p-value of no difference.
        statistic: z of the test, where it has one.
        method: `delong`, `delong-clustered` or `bootstrap`.
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

    def to_dict(self) -> dict[str, object]:
        """The row of report.json."""
        return {
            "metric": self.metric, "at": self.at, "difference": self.difference, "low": self.low,
            "high": self.high, "ci": self.ci, "p": self.p, "method": self.method, "dropped": self.dropped,
            "reason": self.reason, "flags": list(self.flags),
        }  # fmt: skip

    def __repr__(self) -> str:
        if self.difference is None:
            return f"<difference of {self.metric} undefined; {self.reason}>"
        text = f"difference of {self.metric} {self.difference:+.4f}"
        if self.low is not None and self.high is not None and self.ci is not None:
            text += f" ({100 * self.ci:g}% CI {self.low:+.4f} to {self.high:+.4f})"
        if self.p is not None:
            text += f", p={self.p:.3g}"
        return f"<{'; '.join([text, *([self.method] if self.method else []), *self.flags])}>"
