"""The simulation of reader studies has the areas that its model gives, and no true difference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.reader_study.roe_metz import SETTINGS, simulate
from cadkit.reader_study import analyse


@pytest.mark.parametrize("place", [0, 2, 5])
def test_areas_of_the_model(place: int) -> None:
    setting = SETTINGS[place]
    generator = np.random.default_rng(7)
    values = np.array([analyse(simulate(setting, generator)).values for _ in range(150)])
    # A diseased and a non-diseased case differ by delta; the variances of either add up to 1 and two reader effects.
    area = stats.norm.cdf(setting.delta / np.sqrt(2 * (sum(setting.variances) + 2 * setting.reader_variance)))
    assert sum(setting.variances) == pytest.approx(1)
    error = values.mean(axis=(1, 2)).std(ddof=1) / np.sqrt(len(values))
    assert values.mean() == pytest.approx(area, abs=4 * error)
    difference = values[:, 0].mean(axis=1) - values[:, 1].mean(axis=1)
    assert abs(difference.mean()) < 4 * difference.std(ddof=1) / np.sqrt(len(values))


@pytest.mark.parametrize(("kind", "design"), [("nested", "cases nested in readers"), ("missing", "not fully crossed")])
def test_designs_of_the_model(kind: str, design: str) -> None:
    setting = next(one for one in SETTINGS if one.kind == kind)
    study = simulate(setting, np.random.default_rng(1))
    assert analyse(study, method="or" if kind == "nested" else "bdg").design == design
