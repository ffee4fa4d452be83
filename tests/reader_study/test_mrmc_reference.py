"""Every number of van_dyke, tony_froc and model_vs_readers: MRMCaov, RJafroc, iMRMC and Iowa's OR-DBM MRMC."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cadkit.reader_study import (
    Estimate,
    MrmcResult,
    VarianceComponents,
    analyse,
    cases_for_power,
    model_against_readers,
    power,
    read_marks,
    read_ratings,
)

Given = dict[str, Any]

OF_ESTIMATE = {
    "": "value", "_se": "se", "_df": "df", "_ci_low": "low", "_ci_high": "high", "_t": "statistic", "_z": "statistic",
    "_p": "p",
}  # fmt: skip


def quantity(result: MrmcResult, name: str, given: Given) -> float | None:
    """The number that a quantity names; KeyError where the result has none such."""
    if name == "fom_cov":
        return of_matrix(result, given)
    pair = tuple(given[key] for key in ("modality", "modality_1", "modality_2") if key in given)
    if name in ("mean_df_bdg", "difference_df_bdg"):
        return result.freedom[pair]
    if name.endswith("_normal"):
        assert result.normal is not None
        one = result.normal.means[pair[0]] if name.startswith("mean") else result.normal.differences[pair]
        return {"low": one.low, "high": one.high, "p": one.p}[name.removesuffix("_normal").rpartition("_")[2]]
    name = name.removesuffix("_bdg")
    if name == "mean_df" and given["method"] == "OR" and given.get("inference") == "FRRC":
        return result.cases - 1
    for stem in ("mean", "reader_fom", "reader_difference", "difference"):
        if name.startswith(stem) and name[len(stem) :] in {*OF_ESTIMATE, "_var"}:
            return of_estimate(result, stem, name[len(stem) :], given)
    if name.startswith("single_"):
        return result.modality_components[given["modality"]][name.removeprefix("single_")]
    if name == "ms_reader" and "modality" in given:
        return result.modality_components[given["modality"]]["ms_reader"]
    if name.startswith("reader_"):
        return result.reader_components[given["reader"]][name.removeprefix("reader_")]
    if name in result.components:
        return result.components[name]
    overall = result.inferences[given["inference"]].overall
    assert overall is not None
    return {
        "F": overall.value, "chi2": overall.value, "df1": overall.df1, "df_chi2": overall.df1, "df2": overall.df2,
        "ddf_hillis": overall.df2, "p": overall.p, "ms_modality": overall.ms_modality,
        "denominator": overall.denominator,
    }[name]  # fmt: skip


def of_estimate(result: MrmcResult, stem: str, ending: str, given: Given) -> float | None:
    if stem == "reader_fom" and ending == "":
        row, column = result.modalities.index(given["modality"]), result.readers.index(given["reader"])
        return float(result.values[row, column])
    random = given.get("inference") or ("RRRC" if result.method == "bdg" else "FRRC")
    one = result.inferences[random]
    pair = given.get("modality_1"), given.get("modality_2")
    estimate: Estimate = {
        "mean": lambda: one.means[given["modality"]],
        "difference": lambda: one.differences[pair],
        "reader_fom": lambda: one.reader_values[given["modality"], given["reader"]],
        "reader_difference": lambda: one.reader_differences[(*pair, given["reader"])],
    }[stem]()
    if ending == "_var":
        assert estimate.se is not None
        return estimate.se**2
    found: float | None = getattr(estimate, OF_ESTIMATE[ending])
    return found


def of_matrix(result: MrmcResult, given: Given) -> float:
    assert result.matrix is not None
    cell = [
        result.modalities.index(given[f"modality_{k}"]) * len(result.readers)
        + result.readers.index(given[f"reader_{k}"])
        for k in (1, 2)
    ]
    return float(result.matrix[cell[0], cell[1]])


def compare(rows: list[dict[str, Any]], number: Callable[[dict[str, Any]], float | None]) -> float:
    """Every row of a list against the number of ours; the largest deviation in units of what is allowed."""
    worst, wrong = 0.0, []
    for row in rows:
        found = number(row)
        assert found is not None, row
        off = abs(found - row["value"]) / row["tol"]
        worst = max(worst, off)
        if off > 1:
            wrong.append(f"{row['quantity']} {row['given']} is {row['value']}, not {found!r} ({row['source']})")
    assert not wrong, f"{len(wrong)} of {len(rows)} differ:\n" + "\n".join(wrong[:40])
    return worst


def told(folder: str, rows: list[dict[str, Any]], worst: float) -> None:
    """Shown by `pytest -s`."""
    print(f"{folder}: {len(rows)} numbers, the largest deviation is {worst:.3f} of what is allowed")


class Results:
    """Analyses, each made once."""

    def __init__(self, make: Callable[[Given], MrmcResult], keys: tuple[str, ...]) -> None:
        self.make, self.keys = make, keys
        self.known: dict[tuple[Any, ...], MrmcResult] = {}

    def of(self, given: Given) -> MrmcResult:
        key = tuple(given.get(name) for name in self.keys)
        if key not in self.known:
            self.known[key] = self.make(given)
        return self.known[key]


def reference(shared: Path, name: str) -> tuple[Path, list[dict[str, Any]]]:
    folder = shared / "reference" / name
    rows: list[dict[str, Any]] = json.loads((folder / "expected.json").read_text())
    return folder, rows


def van_dyke_result(folder: Path) -> Callable[[Given], MrmcResult]:
    def make(given: Given) -> MrmcResult:
        study = read_ratings(folder / f"{given['data']}.csv", case=given.get("case_column", "case"))
        if given.get("method") == "BDG":
            return analyse(study, method="bdg")
        if given.get("method") == "DBM":
            return analyse(study, method="dbm")
        threshold = 3 if "threshold" in given else None
        return analyse(study, fom=given["fom"], covariance=covariance_of(given), threshold=threshold)

    return make


def covariance_of(given: Given) -> Any:
    if given.get("method") == "delong":
        return "delong"
    return given["covariance"] if given.get("covariance") in ("delong", "unbiased") else "jackknife"


PLAN = ("readers", "cases", "effect", "alpha")


def test_van_dyke(shared: Path) -> None:
    folder, rows = reference(shared, "van_dyke")
    results = Results(van_dyke_result(folder), ("data", "case_column", "method", "covariance", "fom", "threshold"))
    components = VarianceComponents.of(analyse(read_ratings(folder / "ratings.csv")))

    def number(row: dict[str, Any]) -> float | None:
        name, given = row["quantity"], row["given"]
        if name.startswith("power"):
            found = power(components, **{key: given[key] for key in PLAN}, random=given["inference"])
            ours: float | None = getattr(
                found, {"power_f_critical": "critical"}.get(name) or name.removeprefix("power_")
            )
            return ours
        if name == "cases_for_power":
            return cases_for_power(
                components, given["readers"], given["effect"], goal=given["power"], alpha=given["alpha"],
                random=given["inference"],
            )  # fmt: skip
        return quantity(results.of(given), name, given)

    told("van_dyke", rows, compare(rows, number))
    assert len(rows) == 2133


def test_degrees_of_freedom_of_nested_designs(shared: Path) -> None:
    """iMRMC's, of the list that is optional; those of missing readings have weights of its own and are left out."""
    folder, _ = reference(shared, "van_dyke")
    rows = json.loads((folder / "expected_other_endpoints.json").read_text())
    rows = [row for row in rows if row["quantity"].endswith("_bdg") and "case_column" in row["given"]]
    results = Results(van_dyke_result(folder), ("data", "case_column", "method"))
    told(
        "van_dyke, nested",
        rows,
        compare(rows, lambda row: quantity(results.of(row["given"]), row["quantity"], row["given"])),
    )
    assert len(rows) == 20


@pytest.mark.parametrize("fom", ["sensitivity_at_specificity", "partial_auc_specificity"])
def test_other_endpoints(shared: Path, fom: str) -> None:
    """Those of the optional list that MRMCaov defines as pROC does."""
    folder, _ = reference(shared, "van_dyke")
    rows = json.loads((folder / "expected_other_endpoints.json").read_text())
    rows = [row for row in rows if row["given"].get("fom") == fom]
    name = fom.replace("_auc_specificity", "_auc")
    study = read_ratings(folder / "ratings.csv")
    result = analyse(study, fom=f"{name}@{rows[0]['given']['at']}")
    told(fom, rows, compare(rows, lambda row: quantity(result, row["quantity"], row["given"])))
    assert len(rows) > 40


def test_tony_froc(shared: Path) -> None:
    folder, rows = reference(shared, "tony_froc")

    def make(given: Given) -> MrmcResult:
        study = read_marks(
            folder / "marks.csv", folder / "cases.csv", folder / "lesions.csv", weight=given.get("weights", "weight")
        )
        method: Any = "dbm" if given.get("method") == "DBM" else "or"
        return analyse(study, fom=given["fom"], method=method)

    results = Results(make, ("weights", "fom", "method"))
    worst = compare(rows, lambda row: quantity(results.of(row["given"]), row["quantity"], row["given"]))
    told("tony_froc", rows, worst)
    assert len(rows) == 1274


def test_model_against_readers(shared: Path) -> None:
    folder, rows = reference(shared, "model_vs_readers")
    found = model_against_readers(read_ratings(folder / "ratings.csv", modality=None), "cad")

    def number(row: dict[str, Any]) -> float | None:
        name, given = row["quantity"], row["given"]
        if name == "reader_fom":
            if given["reader"] == "cad":
                return found.model_value
            return float(found.reader_values[found.readers.index(given["reader"])])
        plain = {
            "readers_mean": found.readers_mean, "var_of_reader_foms": found.var_readers,
            "difference_var_error": found.var_error, "difference_cov2": found.cov2,
        }  # fmt: skip
        if name in plain:
            return plain[name]
        ours: float | None = getattr(
            found.differences[given["inference"]], OF_ESTIMATE[name.removeprefix("difference")]
        )
        return ours

    told("model_vs_readers", rows, compare(rows, number))
    assert len(rows) == 28
