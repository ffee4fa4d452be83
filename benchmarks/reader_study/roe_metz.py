"""How often MRMC tests reject a hypothesis that is true: 5% is right.

Roe and Metz's model (1997, Acad Radiol 4:298-303): the rating of case k by reader j in modality i, of truth t, is

    delta t + R_jt + C_kt + (mR)_ijt + (mC)_ikt + (RC)_jkt + (mRC)_ijkt

with normal, independent effects; both modalities have the same delta, so that no difference is true. The variances of
C, mC, RC and mRC sum to 1. Reader effects are drawn with variance R and again with R for the interaction mR.

The last designs set a model, a series without reader effects, against readers in one modality (Hillis 2013), take a
tenth of all readings away at random (BDG only), and give every reader cases of their own (split-plot).

python -m benchmarks.reader_study.roe_metz [--simulations 2000] [--out roe_metz.json]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cadkit.metrics import wilson
from cadkit.reader_study import RatingStudy, analyse, model_against_readers

HIGH = (0.3, 0.3, 0.2, 0.2)  # variances of C, mC, RC, mRC: ratings of a case are alike
LOW = (0.1, 0.1, 0.2, 0.6)


@dataclass(frozen=True)
class Setting:
    """A configuration: separation delta, numbers, variance of the reader effects and those of the cases."""

    name: str
    delta: float
    readers: int
    positives: int
    negatives: int
    reader_variance: float
    variances: tuple[float, float, float, float] = HIGH
    kind: str = "crossed"


SETTINGS = (
    Setting("AUC 0.86, 5 readers, 50 + 50", 1.5, 5, 50, 50, 0.011),
    Setting("AUC 0.86, 5 readers, 50 + 50, unlike readers", 1.5, 5, 50, 50, 0.03),
    Setting("AUC 0.70, 10 readers, 50 + 50, low correlation", 0.75, 10, 50, 50, 0.0055, LOW),
    Setting("AUC 0.86, 3 readers, 100 + 100", 1.5, 3, 100, 100, 0.011),
    Setting("AUC 0.86, 10 readers, 30 + 120", 1.5, 10, 30, 120, 0.011),
    Setting("AUC 0.96, 5 readers, 50 + 50", 2.5, 5, 50, 50, 0.03),
    Setting("AUC 0.86, 5 readers, 25 + 25", 1.5, 5, 25, 25, 0.011),
    Setting("a tenth of the readings missing, 5 readers, 50 + 50", 1.5, 5, 50, 50, 0.011, kind="missing"),
    Setting("cases nested in readers, 5 readers, 50 + 50 each", 1.5, 5, 50, 50, 0.011, kind="nested"),
    Setting("one model against 8 readers, 50 + 50", 1.5, 8, 50, 50, 0.011, kind="model"),
)


def simulate(setting: Setting, generator: np.random.Generator) -> RatingStudy:
    """A study of two modalities (one for `model`) without a true difference."""
    t, r = (1, setting.readers + 1) if setting.kind == "model" else (2, setting.readers)
    groups = setting.readers if setting.kind == "nested" else 1
    n = (setting.positives + setting.negatives) * groups
    truth = np.tile(np.arange(setting.positives + setting.negatives) < setting.positives, groups)

    def effect(variance: float, *shape: int) -> np.ndarray:
        return np.sqrt(variance) * generator.normal(size=shape)

    of_readers = effect(setting.reader_variance, 1, r, 2) + effect(setting.reader_variance, t, r, 2)
    if setting.kind == "model":
        of_readers[:, 0] = 0.0
    case, by_modality, by_reader, rest = setting.variances
    rating = setting.delta * truth + of_readers[:, :, truth.astype(int)] + effect(case, 1, 1, n)
    rating = rating + effect(by_modality, t, 1, n) + effect(by_reader, 1, r, n) + effect(rest, t, r, n)
    if setting.kind == "missing":
        rating[generator.random(rating.shape) < 0.1] = np.nan
    if setting.kind == "nested":
        owner = np.repeat(np.arange(groups), n // groups)
        rating = np.where(owner == np.arange(r)[:, None], rating, np.nan)
    names = [tuple(f"{letter}{k}" for k in range(count)) for letter, count in (("r", r), ("m", t), ("c", n))]
    return RatingStudy(names[0], names[1], names[2], truth, rating)


def p_of_crossed(study: RatingStudy) -> dict[str, float | None]:
    """P values of no difference, readers and cases random."""
    found: dict[str, float | None] = {}
    for covariance in ("jackknife", "delong", "unbiased"):
        overall = analyse(study, covariance=covariance).inferences["RRRC"].overall
        assert overall is not None
        found[f"OR {covariance}"] = overall.p
    return found | p_of_bdg(study)


def p_of_bdg(study: RatingStudy) -> dict[str, float | None]:
    """P values of the U-statistic, by Student's t and by the normal; centred as well where that is another number."""
    found: dict[str, float | None] = {}
    for method in ("bdg",) if study.read.all() else ("bdg", "bdg-centred"):
        result = analyse(study, method=method)
        assert result.normal is not None
        found[f"{method} t"] = result.inferences["RRRC"].differences["m0", "m1"].p
        found[f"{method} normal"] = result.normal.differences["m0", "m1"].p
    return found


def p_of_nested(study: RatingStudy) -> dict[str, float | None]:
    """P values of a split-plot design."""
    overall = analyse(study).inferences["RRRC"].overall
    assert overall is not None
    return {"OR jackknife": overall.p} | p_of_bdg(study)


def p_of_model(study: RatingStudy) -> dict[str, float | None]:
    """P values of the readers' mean being the model's value."""
    found = model_against_readers(study, "r0").differences
    return {"Hillis 2013 RRRC": found["RRRC"].p}


TESTS = {"crossed": p_of_crossed, "missing": p_of_bdg, "nested": p_of_nested, "model": p_of_model}


def rates(setting: Setting, simulations: int, seed: int) -> list[dict[str, object]]:
    """Rejection rates of every test, with Wilson's 95% interval. A study without variance is no rejection."""
    generator = np.random.default_rng([seed, SETTINGS.index(setting)])
    rejected: dict[str, int] = {}
    for _ in range(simulations):
        for name, p in TESTS[setting.kind](simulate(setting, generator)).items():
            rejected[name] = rejected.get(name, 0) + (p is not None and p < 0.05)
    rows: list[dict[str, object]] = []
    for name, count in rejected.items():
        interval = wilson(count, simulations)
        row = {"setting": setting.name, "test": name, "simulations": simulations, "rate": count / simulations}
        rows.append({**row, "low": interval.low, "high": interval.high})
    return rows


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    started, rows = time.process_time(), []
    for setting in SETTINGS:
        for row in rates(setting, options.simulations, options.seed):
            rows.append(row)
            interval = f"{row['low']:.1%} to {row['high']:.1%}"
            print(f"{row['setting']:52} {row['test']:17} {row['rate']:6.2%}  ({interval})", flush=True)
    print(f"{options.simulations} studies each, {time.process_time() - started:.0f} s of one processor")
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
