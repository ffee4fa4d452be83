"""Metrics of scores against the reference values: every number, ours beside it, and the deviation.

python -m benchmarks.reference.scores REFERENCE [--all]

REFERENCE holds the folders below, each with an `expected.json`. Printed is one line per quantity (`--all`: per
value), then those that are not compared, with the reason (`benchmarks.reference.conventions`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reference.table import Compared, main
from cadkit import metrics
from cadkit.metrics._rates import by_bayes

FILES = (
    "asah/expected.json",
    "clustered/expected.json",
    "pr_and_calibration/expected.json",
    "van_dyke/expected.json",
    "van_dyke/expected_other_endpoints.json",
    "model_vs_readers/expected.json",
)

Answer = Callable[[str, dict[str, Any]], Any]
Columns = dict[str, np.ndarray]


def table(path: Path) -> Columns:
    """Columns of a CSV, as text."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def compare(reference: Path, files: tuple[str, ...] = FILES) -> Iterator[Compared]:
    """Every value of the files, in their order."""
    for file in files:
        folder = (reference / file).parent
        answer = ANSWERS[folder.name](folder)
        for row in json.loads((reference / file).read_text(encoding="utf-8")):
            ours = answer(row["quantity"], row["given"])
            deviation = None
            if ours is not None:
                wanted, found = np.atleast_1d(row["value"]), np.atleast_1d(ours)
                deviation = np.inf if wanted.shape != found.shape else float(np.abs(wanted - found).max(initial=0.0))
            yield Compared(folder.name, row["quantity"], row["given"], row["value"], ours, deviation, row["tol"])


def asah(folder: Path) -> Answer:
    """One cohort of independent patients, by pROC."""
    data = table(folder / "asah.csv")
    truth = data["truth"].astype(int)

    def single(quantity: str, given: dict[str, Any]) -> Any:
        score = data[given["score"]].astype(float)
        result = metrics.auc(truth, score, ci=given.get("level", 0.95))
        answers: dict[str, Callable[[], Any]] = {
            "auc": lambda: result.value,
            "auc_ci_low_delong": lambda: result.low,
            "auc_ci_high_delong": lambda: result.high,
            "auc_var_delong": lambda: metrics.auc_covariance(truth, score).covariance[0, 0],
            "partial_auc": lambda: _partial(truth, score, given, corrected=False),
            "partial_auc_mcclish": lambda: _partial(truth, score, given, corrected=True),
        }
        if quantity in ("sensitivity_at_specificity", "specificity_at_sensitivity"):
            of = getattr(metrics, quantity)
            return of(truth, score, given["at"], interpolate=given["interpolate"] == "linear").value
        return answers[quantity]() if quantity in answers else None

    def pair(quantity: str, given: dict[str, Any]) -> Any:
        both = [data[given[name]].astype(float) for name in ("score_1", "score_2")]
        gap = metrics.delong_difference(truth, *both, alternative=given.get("alternative", "two-sided"))
        answers = {
            "difference": gap.difference, "difference_z_delong": gap.statistic, "difference_p_delong": gap.p,
            "difference_ci_low_delong": gap.low, "difference_ci_high_delong": gap.high,
            "auc_cov_delong": metrics.auc_covariance(truth, *both).covariance[0, 1],
        }  # fmt: skip
        return answers.get(quantity)

    def answer(quantity: str, given: dict[str, Any]) -> Any:
        if "score_1" in given:
            return pair(quantity, given)
        return single(quantity, given) if given.get("score") in data and "group_1" not in given else None

    return answer


def _partial(truth: np.ndarray, score: np.ndarray, given: dict[str, Any], corrected: bool) -> Any:
    return metrics.partial_auc(
        truth, score, given["from"], given["to"], focus=given["focus"], corrected=corrected
    ).value


def clustered(folder: Path) -> Answer:
    """Obuchowski's clustered AUC."""
    tables = {name: table(folder / f"{name}.csv") for name in ("mra", "breasts")}
    tables["breasts"]["cluster"] = tables["breasts"]["patient_id"]

    def answer(quantity: str, given: dict[str, Any]) -> Any:
        data = tables[given["data"]]
        truth, cluster = data["truth"].astype(int), data["cluster"]
        names = [given[key] for key in ("score", "score_1", "score_2") if key in given]
        score = [data[name].astype(float) for name in names] or [np.zeros(len(truth))]
        found = metrics.auc_covariance(truth, *score, cluster=cluster)
        plain = metrics.auc_covariance(truth, *score).covariance
        single = metrics.auc(truth, score[0], cluster=cluster)
        answers = {
            "clusters": found.clusters, "clusters_with_positive": found.clusters_with_positive,
            "clusters_with_negative": found.clusters_with_negative, "positives": found.positives,
            "negatives": found.negatives, "auc": single.value, "auc_var_clustered": found.covariance[0, 0],
            "auc_se_clustered": np.sqrt(found.covariance[0, 0]), "auc_ci_low_clustered_unclamped": single.low,
            "auc_ci_high_clustered_unclamped": single.high, "auc_var_delong_ignoring_clusters": plain[0, 0],
            "S10": found.s10[0, -1], "S01": found.s01[0, -1], "S11": found.s11[0, -1],
            "auc_cov_clustered": found.covariance[0, -1],
        }  # fmt: skip
        if len(score) == 2:
            gap = metrics.delong_difference(truth, *score, cluster=cluster)
            answers |= {
                "difference": gap.difference, "difference_z_clustered": gap.statistic, "difference_p_clustered": gap.p,
                "difference_se_clustered": gap.statistic and gap.difference / gap.statistic,
                "difference_se_delong_ignoring_clusters": np.sqrt(plain[0, 0] + plain[1, 1] - 2 * plain[0, 1]),
            }  # fmt: skip
        return answers.get(quantity)

    return answer


def probabilities(folder: Path) -> Answer:
    """Precision and recall, calibration, decisions, proportions."""
    rows, decisions = table(folder / "scores.csv"), table(folder / "decisions.csv")

    def of_table(quantity: str, given: dict[str, Any]) -> Any:
        chosen = rows["table"] == given["table"]
        truth, score = rows["truth"][chosen].astype(int), rows["score"][chosen].astype(float)
        plain = {"average_precision": "prauc", **{name: name for name in ("auc", "prauc_trapezoid", "brier", "pf1")}}
        if quantity in plain:
            return metrics.classification(truth, score, [plain[quantity]])[0].value
        if quantity == "ece_equal_width" and given["intervals"] == "left_closed":
            return metrics.ece(truth, score, bins=given["bins"]).value
        if quantity == "ece_equal_mass":
            return metrics.ece(truth, score, bins=given["bins"], mass="mass").value
        if quantity == "net_benefit":
            return metrics.net_benefit(truth, score, float(given["threshold"])).value
        if quantity == "net_benefit_treat_all":
            return metrics.decision_curve(truth, score, [float(given["threshold"])]).treat_all[0]
        return None

    def of_decisions(quantity: str, given: dict[str, Any]) -> Any:
        truth = decisions["truth"].astype(int)
        called = {name: decisions[f"decision_{name}"].astype(int) for name in "ab"}
        if quantity in ("sensitivity", "specificity"):
            return getattr(metrics, quantity)(truth, called[given["decision"]], 1).value
        gap = metrics.mcnemar(truth, called["a"], called["b"], rows=given["rows"])
        return {"mcnemar_b": gap.given["b"], "mcnemar_c": gap.given["c"], "mcnemar_p_exact": gap.p}.get(quantity)

    def answer(quantity: str, given: dict[str, Any]) -> Any:
        if "table" in given:
            return (of_decisions if given["table"] == "decisions" else of_table)(quantity, given)
        if quantity.startswith("proportion_ci") and given["method"] == "wilson":
            ends = metrics.wilson(given["x"], given["n"], given["level"])
            return ends.low if quantity.endswith("low") else ends.high
        if quantity == "adjusted_p" and given["method"] == "holm":
            return metrics.holm(given["p"])[given["index"]]
        if quantity.endswith("_at_prevalence"):
            hit, false = np.array([given["sensitivity"]]), np.array([1 - given["specificity"]])
            return by_bayes(quantity[:3], hit, false, given["prevalence"])[0]
        return None

    return answer


def van_dyke(folder: Path) -> Answer:
    """AUC, sensitivity and specificity of each reader, and DeLong's covariances between readers who saw all cases."""
    tables = {name: table(folder / f"{name}.csv") for name in ("ratings", "ratings_missing", "ratings_swapped")}

    def read(given: dict[str, Any], end: str = "") -> tuple[np.ndarray, np.ndarray]:
        data = tables[given["data"]]
        mine = (data["modality"] == given[f"modality{end}"]) & (data["reader"] == given[f"reader{end}"])
        return data["truth"][mine].astype(int), data["rating"][mine].astype(float)

    def answer(quantity: str, given: dict[str, Any]) -> Any:
        if given.get("data") not in tables:
            return None
        if quantity == "reader_fom":
            return _endpoint(*read(given), given)
        delong = "delong" in (given.get("covariance"), given["method"]) if "method" in given else False
        if delong and quantity == "fom_cov":
            (truth, first), (_, second) = read(given, "_1"), read(given, "_2")
            return metrics.auc_covariance(truth, first, second).covariance[0, 1]
        if delong and quantity.startswith("reader_fom"):
            return _single(quantity, *read(given))
        if delong and quantity.startswith("reader_difference"):
            (truth, first), (_, second) = (read({**given, "modality": given[name]}) for name in MODALITIES)
            return _difference(quantity, truth, first, second)
        return None

    return answer


MODALITIES = ("modality_1", "modality_2")


def _single(quantity: str, truth: np.ndarray, rating: np.ndarray) -> Any:
    result = metrics.auc(truth, rating)
    error = np.sqrt(metrics.auc_covariance(truth, rating).covariance[0, 0])
    return {"reader_fom_se": error, "reader_fom_ci_low": result.low, "reader_fom_ci_high": result.high}.get(quantity)


def _difference(quantity: str, truth: np.ndarray, first: np.ndarray, second: np.ndarray) -> Any:
    gap = metrics.delong_difference(truth, first, second)
    return {
        "reader_difference": gap.difference, "reader_difference_se": gap.statistic and gap.difference / gap.statistic,
        "reader_difference_ci_low": gap.low, "reader_difference_ci_high": gap.high,
        "reader_difference_z": gap.statistic, "reader_difference_p": gap.p,
    }.get(quantity)  # fmt: skip


def _endpoint(truth: np.ndarray, rating: np.ndarray, given: dict[str, Any]) -> Any:
    fom = given["fom"]
    if fom == "auc":
        return metrics.auc(truth, rating).value
    if fom in ("sensitivity", "specificity"):
        return getattr(metrics, fom)(truth, rating, 3).value
    if fom == "sensitivity_at_specificity":
        return metrics.sensitivity_at_specificity(truth, rating, float(given["at"]), interpolate=True).value
    if fom == "specificity_at_sensitivity":
        return metrics.specificity_at_sensitivity(truth, rating, float(given["at"]), interpolate=True).value
    if fom == "partial_auc_specificity":
        low, high = map(float, given["at"].split("-"))
        return metrics.partial_auc(truth, rating, low, high).value
    return None


def model_vs_readers(folder: Path) -> Answer:
    """AUC of the model and of each reader."""
    data = table(folder / "ratings.csv")

    def answer(quantity: str, given: dict[str, Any]) -> Any:
        if quantity != "reader_fom":
            return None
        mine = data["reader"] == given["reader"]
        return metrics.auc(data["truth"][mine].astype(int), data["rating"][mine].astype(float)).value

    return answer


ANSWERS: dict[str, Callable[[Path], Answer]] = {
    "asah": asah,
    "clustered": clustered,
    "pr_and_calibration": probabilities,
    "van_dyke": van_dyke,
    "model_vs_readers": model_vs_readers,
}


if __name__ == "__main__":
    main(compare)
