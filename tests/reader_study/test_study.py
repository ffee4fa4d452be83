"""Whole studies: numbers, intervals and P values against literal recomputation, and the record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cadkit import metrics
from cadkit.errors import InputError
from cadkit.reader_study.draws import Draws, Number, Target
from cadkit.reader_study.settings import StudySettings
from cadkit.reader_study.study import reader_study, study_report
from cadkit.reader_study.wide import Study

R, N = 4, 120


def made(seed: int = 1, readers: int = R, models: int = 2, n: int = N) -> Study:
    random = np.random.default_rng(seed)
    truth = random.random(n) < 0.3
    looks = 1.5 * truth + random.normal(size=n)
    reads = {f"R{k}": np.round(1 / (1 + np.exp(-looks - random.normal(size=n))), 1) for k in range(readers)}
    scores = {f"M{k}": 1 / (1 + np.exp(-looks - random.normal(size=n))) for k in range(models)}
    recalls = {name: read >= 0.7 for name, read in reads.items()}
    cluster = (np.arange(n) // 2).astype(str)
    return Study("s", truth, cluster, reads, scores, recalls, units=tuple(str(i) for i in range(n)))


def report_of(study: Study, **changes: Any) -> Any:
    return study_report(study, StudySettings(truth="label", readers=("R*",), **{"bootstrap": 60, **changes}))


def value(report: Any, model: str, metric: str, **given: Any) -> dict[str, Any]:
    flags = given.pop("flags", None)
    rows = [
        row
        for row in report["results"]
        if (row["model"], row["metric"]) == (model, metric)
        and all(row.get("given", {}).get(name) == one for name, one in given.items())
        and (flags is None or row.get("flags", []) == flags)
    ]
    assert len(rows) == 1, rows
    return rows[0]


def spec_at(truth: np.ndarray, score: np.ndarray, sensitivity: float) -> float:
    """Largest specificity over thresholds whose sensitivity is at least that, by definition."""
    cuts = np.unique(score)
    return max((score[~truth] < c).mean() for c in cuts if (score[truth] >= c).mean() >= sensitivity - 1e-12)


def test_values_of_the_issue() -> None:
    study = made()
    report = report_of(study)
    truth, reads = study.truth, study.reads()
    aucs = [roc_auc_score(truth, read) for read in reads]
    mean = value(report, "mean(readers)", "auc")
    assert mean["value"] == pytest.approx(np.mean(aucs))
    assert mean["sd"] == pytest.approx(np.std(aucs, ddof=1))
    recalled = study.recalled()
    sensitivity = recalled[:, truth].mean()
    assert value(report, "mean(readers)", "sensitivity")["value"] == pytest.approx(sensitivity)
    votes = 2 * recalled.sum(axis=0) >= R
    assert value(report, "consensus", "sensitivity")["value"] == pytest.approx(votes[truth].mean())
    assert value(report, "consensus", "specificity")["value"] == pytest.approx((~votes)[~truth].mean())
    hybrids = [(read + study.models["M0"]) / 2 for read in reads]
    praucs = [average_precision_score(truth, one) for one in hybrids]
    found = value(report, "hybrid(M0)", "prauc", **{"lambda": 0.5})
    assert found["value"] == pytest.approx(np.mean(praucs))
    assert found["sd"] == pytest.approx(np.std(praucs, ddof=1))
    for of, at in (("mean(readers)", sensitivity), ("consensus", votes[truth].mean())):
        one = value(report, "M1", "specificity_at_sensitivity", sensitivity_of=of, flags=[])
        assert one["value"] == pytest.approx(spec_at(truth, study.models["M1"], at))
        assert one["at"] == pytest.approx(at)
        line = value(report, "M1", "specificity_at_sensitivity", sensitivity_of=of, flags=["interpolated"])
        expected = metrics.specificity_at_sensitivity(truth, study.models["M1"], at, interpolate=True, bootstrap=0)
        assert line["value"] == pytest.approx(expected.value)
        both = value(report, "hybrid(M1)", "specificity_at_sensitivity", sensitivity_of=of, flags=[])
        each = [spec_at(truth, (read + study.models["M1"]) / 2, at) for read in reads]
        assert both["value"] == pytest.approx(np.mean(each))
        assert both["sd"] == pytest.approx(np.std(each, ddof=1))
    ensemble = np.round(reads.mean(axis=0), 12)
    assert value(report, "reader-ensemble", "auc")["value"] == pytest.approx(roc_auc_score(truth, ensemble))
    joint = np.round((ensemble + study.models["M1"]) / 2, 12)
    assert value(report, "hybrid-ensemble(M1)", "auc")["value"] == pytest.approx(roc_auc_score(truth, joint))


def test_lambda_star_per_reader_and_on_average() -> None:
    study = made()
    report = report_of(study, bootstrap=0)
    chosen, largest = [], []
    for name, read in study.readers.items():
        values = [roc_auc_score(study.truth, k / 100 * read + (1 - k / 100) * study.models["M0"]) for k in range(101)]
        place = next(k for k in range(101) if values[k] >= max(values) - 1e-12)
        chosen.append(place / 100)
        largest.append(max(values))
        row = value(report, f"hybrid(M0) with {name}", "lambda_star", of="auc")
        assert row["value"] == pytest.approx(place / 100)
        assert row["flags"] == ["in-sample"]
    mean = value(report, "hybrid(M0)", "lambda_star", of="auc")
    assert (mean["value"], mean["sd"]) == (pytest.approx(np.mean(chosen)), pytest.approx(np.std(chosen, ddof=1)))
    best = value(report, "hybrid(M0)", "auc", **{"lambda": "lambda*"})
    assert (best["value"], best["sd"]) == (pytest.approx(np.mean(largest)), pytest.approx(np.std(largest, ddof=1)))


@pytest.mark.parametrize("resample", ["cases", "readers", "both"])
def test_every_replicate_is_the_study_of_the_drawn_cases_and_readers(resample: Any) -> None:
    study, b = made(n=60), 25
    draws = Draws(study.truth, study.cluster, R, resample, metrics.Bootstrap(b, seed=9))
    reads, recalled, model = study.reads(), study.recalled(), study.models["M0"]
    sensitivity = draws.mean(draws.shares_called(recalled, study.truth))
    target = Target("mean(readers)", sensitivity)
    mean = draws.mean([draws.judge(read).auc for read in reads])
    hybrid = draws.mean([draws.judge((read + model) / 2, [target]).specificity[target.of] for read in reads])
    ensemble, joint = draws.judge_mean(reads), draws.judge_mean(reads, model)
    voted = draws.voted(recalled, study.truth, True)
    counts = draws.replicates.weights(draws.index).astype(int) if resample != "readers" else np.ones((60, b), int)
    shares = np.round(draws.shares * R).astype(int)
    assert shares.sum(axis=0).tolist() == [R] * b
    assert (resample == "cases") == bool((shares == 1).all())
    for k in range(b):
        rows, drawn = np.repeat(np.arange(60), counts[:, k]), np.repeat(np.arange(R), shares[:, k])
        truth = study.truth[rows]
        at = np.mean([recalled[r][rows][truth].mean() for r in drawn])
        assert sensitivity.replicates[k] == pytest.approx(at)
        assert mean.replicates[k] == pytest.approx(np.mean([roc_auc_score(truth, reads[r][rows]) for r in drawn]))
        each = [spec_at(truth, ((reads[r] + model) / 2)[rows], at) for r in drawn]
        assert hybrid.replicates[k] == pytest.approx(np.mean(each))
        together = np.round(reads[drawn].mean(axis=0), 12)
        assert ensemble.auc.replicates[k] == pytest.approx(roc_auc_score(truth, together[rows]))
        assert joint.prauc.replicates[k] == pytest.approx(
            average_precision_score(truth, np.round((together + model) / 2, 12)[rows])
        )
        votes = 2 * recalled[drawn].sum(axis=0) >= R
        assert voted.replicates[k] == pytest.approx(votes[rows][truth].mean())


def test_p_is_of_the_difference_that_is_shown() -> None:
    report = report_of(made(), bootstrap=200, resample="both")
    row = next(
        row
        for row in report["comparisons"]
        if (row["a"], row["b"], row["metric"]) == ("hybrid(M0)", "mean(readers)", "specificity_at_sensitivity")
    )
    mine = value(report, "hybrid(M0)", "specificity_at_sensitivity", sensitivity_of="mean(readers)", flags=[])
    theirs = value(report, "mean(readers)", "specificity")
    assert row["difference"] == pytest.approx(mine["value"] - theirs["value"])
    assert row["low"] < row["difference"] < row["high"]
    assert row["p_adjusted"] >= row["p"]


def test_with_readers_alone_a_model_has_no_interval_but_its_difference_has() -> None:
    report = report_of(made(), resample="readers")
    row = value(report, "M0", "auc")
    assert row["low"] is None
    assert row["reason"] == "no interval: readers alone are resampled"
    assert value(report, "mean(readers)", "auc")["low"] is not None
    pair = next(row for row in report["comparisons"] if (row["a"], row["b"]) == ("M0", "mean(readers)"))
    assert pair["low"] is not None


def test_a_reader_with_one_score_has_the_area_of_ties_and_a_warning() -> None:
    study = made()
    study.readers["R0"] = np.full(N, 0.5)
    report = report_of(study, bootstrap=20)
    assert value(report, "R0", "auc")["value"] == 0.5
    assert any(warning["id"] == "constant-R0" for warning in report["warnings"])


def test_one_reader_has_no_deviation_and_no_models_are_needed() -> None:
    study = made(readers=1, models=0)
    report = report_of(study, bootstrap=20)
    assert "sd" not in value(report, "mean(readers)", "auc")
    assert report["reader_study"]["sweeps"] == []


def test_weights_are_fitted_on_the_validation_table(tmp_path: Path) -> None:
    for name, seed in (("test.csv", 1), ("validation.csv", 2)):
        study = made(seed)
        columns = {"label": study.truth.astype(int), **study.readers, **study.models}
        lines = [",".join(columns), *(",".join(str(v) for v in row) for row in zip(*columns.values(), strict=True))]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    settings = StudySettings(
        truth="label", readers=("R*",), models=("M*",), validation=tmp_path / "validation.csv", step=0.1, bootstrap=10
    )
    report = reader_study(tmp_path / "test.csv", tmp_path / "out", settings, command="typed")
    surface = report["reader_study"]["simplex"][0]
    other = made(2)
    values = [
        roc_auc_score(other.truth, k / 10 * other.models["M0"] + (1 - k / 10) * other.models["M1"]) for k in range(11)
    ]
    place = int(np.argmax(np.array(values) > max(values) - 1e-12))
    assert surface["applied"] == pytest.approx([place / 10, 1 - place / 10])
    row = value(report, "ensemble(M0, M1), weights from validation", "auc")
    assert "in-sample" not in row.get("flags", [])
    optimistic = value(report, "ensemble(M0, M1), weights chosen in-sample", "auc")
    assert optimistic["flags"] == ["in-sample"]
    assert (optimistic["low"], optimistic["high"], optimistic["ci"]) == (None, None, None)
    assert "chosen on these rows" in optimistic["reason"]
    assert row["low"] < row["value"] < row["high"]
    assert json.loads((tmp_path / "out" / "report.json").read_text())["inputs"][1]["kind"] == "validation table"


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="holds no report"):
        reader_study(tmp_path / "t.csv", tmp_path, StudySettings(truth="label", readers=("R*",)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weight": 1.5}, "from 0 to 1"),
        ({"scale": "calibrated"}, "--scale calibrated: needs a table to calibrate on"),
        ({"scale": "log"}, "as-is, rank, calibrated"),
        ({"resample": "units"}, "cases, readers, both"),
        ({"step": 0.3}, "1 divided by a whole number"),
        ({"ensemble": ("X",)}, "no such model"),
    ],
)
def test_options_that_cannot_be(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        report_of(made(), **changes)


def test_a_model_against_readers_has_the_published_test(shared: Path, tmp_path: Path) -> None:
    import polars as pl

    folder = shared / "reference" / "model_vs_readers"
    wide = pl.read_csv(folder / "ratings.csv").pivot("reader", index=["case", "truth"], values="rating")
    wide = wide.rename({name: f"Reader{name}" for name in wide.columns if name.isdigit()})
    wide.write_csv(tmp_path / "wide.csv")
    settings = StudySettings(
        truth="truth", cluster="case", unit=("case",), readers=("Reader*",), models=("cad",), bootstrap=0
    )
    report = reader_study(tmp_path / "wide.csv", tmp_path / "out", settings)
    expected = {
        (one["quantity"], one["given"].get("reader", ""), one["given"].get("inference", "")): (one["value"], one["tol"])
        for one in json.loads((folder / "expected.json").read_text())
        if one["given"].get("covariance", "jackknife") == "jackknife"
    }
    for (quantity, reader, _), (number, tolerance) in expected.items():
        if quantity == "reader_fom":
            name = reader if reader == "cad" else f"Reader{reader}"
            assert value(report, name, "auc")["value"] == pytest.approx(number, abs=tolerance)
    mean, tolerance = expected["readers_mean", "", "RRRC"]
    assert value(report, "mean(readers)", "auc")["value"] == pytest.approx(mean, abs=tolerance)
    for inference in ("RRRC", "RRFC"):
        row = next(row for row in report["comparisons"] if row["method"] == f"hillis-{inference.lower()}")
        # There readers minus model, here model minus readers.
        for quantity, key, sign in (
            ("difference", "difference", -1), ("difference_p", "p", 1),
            ("difference_ci_low", "high", -1), ("difference_ci_high", "low", -1),
        ):  # fmt: skip
            number, tolerance = expected[quantity, "", inference]
            assert sign * row[key] == pytest.approx(number, abs=tolerance)


def test_specificity_on_straight_lines_is_that_of_the_polygon() -> None:
    truth = np.array([1, 1, 0, 1, 0, 0, 1, 0, 0, 0], dtype=bool)
    score = np.array([9, 7, 7, 7, 5, 5, 3, 3, 2, 1.0])
    wanted = np.array([0.25, 0.5, 0.6, 0.75, 0.9, 1.0])
    # Corners by pencil: (0, 0), (0, 1/4), (1/6, 3/4), (3/6, 3/4), (4/6, 1), (1, 1).
    line = [0.0, 1 / 12, 7 / 60, 1 / 6, 0.6, 4 / 6]
    stairs = [0.0, 1 / 6, 1 / 6, 1 / 6, 4 / 6, 4 / 6]
    draws = Draws(truth, np.arange(10).astype(str), 2, "cases", None)
    none = np.empty(0)
    judged = draws.judge(score, [Target(str(one), Number(one, none)) for one in wanted])
    assert [judged.interpolated[str(one)].value for one in wanted] == pytest.approx([1 - x for x in line])
    assert [judged.specificity[str(one)].value for one in wanted] == pytest.approx([1 - x for x in stairs])


def test_a_case_of_two_equal_rows_tells_no_more_than_one_row() -> None:
    single = made()
    single = replace(single, cluster=np.arange(N).astype(str))
    twice = Study(
        "s", np.repeat(single.truth, 2), np.repeat(single.cluster, 2),
        {name: np.repeat(read, 2) for name, read in single.readers.items()},
        {name: np.repeat(score, 2) for name, score in single.models.items()},
        units=tuple(str(i) for i in range(2 * N)),
    )  # fmt: skip
    pairs = [report_of(study, bootstrap=0)["comparisons"] for study in (single, twice)]
    tests = [
        {(row["a"], row["b"], row["method"]): (row["low"], row["high"], row["p"]) for row in rows} for rows in pairs
    ]
    kept = [key for key in tests[0] if key[2] in ("hillis-rrrc", "hillis-rrfc", "or-rrrc")]
    assert len(kept) == 6
    for key in kept:
        assert tests[1][key] == pytest.approx(tests[0][key])


def test_at_a_sensitivity_a_model_is_compared_with_whose_it_is() -> None:
    report = report_of(made())
    section = report["reader_study"]["operating"]
    assert section["mean(readers)"][1] != section["consensus"][1]
    for of in ("mean(readers)", "consensus"):
        own = value(report, "M0", "specificity_at_sensitivity", sensitivity_of=of, flags=[])["value"]
        rows = [
            row for row in report["comparisons"]
            if (row["a"], row["b"], row["metric"]) == ("M0", of, "specificity_at_sensitivity")
            and "interpolated" not in row["flags"]
        ]  # fmt: skip
        assert [row["difference"] for row in rows] == pytest.approx([own - section[of][1]])
