"""The methods paragraph: each thing that was done is said with its number, and nothing that was not."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from cadkit.report import methods


def row(metric: str, **more: Any) -> dict[str, Any]:
    """A result of a comparison of score columns."""
    given: dict[str, Any] = {
        "model": "a", "label": "cancer", "level": "row", "subgroup": "all", "metric": metric, "at": None, "value": 0.8,
        "low": 0.7, "high": 0.9, "ci": 0.95, "ci_method": "bootstrap-percentile", "n": 90, "positives": 30,
        "clusters": 45, "dropped": 0,
    }  # fmt: skip
    return given | more


def pair(method: str = "bootstrap", **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "a": "a", "b": "b", "label": "cancer", "level": "row", "subgroup": "all", "metric": "auc", "at": None,
        "difference": 0.1, "low": 0.0, "high": 0.2, "p": 0.04, "p_adjusted": None, "method": method, "flags": [],
    }  # fmt: skip
    return given | more


def table(**more: Any) -> dict[str, Any]:
    """A comparison of two columns of a table."""
    report: dict[str, Any] = {
        "cadkit": "1.2.3",
        "seed": 5,
        "inputs": [{"kind": "table", "name": "t.csv"}],
        "settings": {"truth": "cancer", "cluster": "patient_id", "bootstrap": 1500, "stratify": False, "by": []},
        "cohort": {
            "split": "the table", "patients": 45, "steps": [], "left_out": [], "positives": {},
            "units": [{"label": "cancer", "level": "row", "eligible": 92, "skipped": 0, "unknown": 2, "unanswered": 0,
                       "evaluated": 90, "positives": 30, "negatives": 60}],
        },
        "models": [{"name": name, "kind": "scores", "source": "t.csv"} for name in "ab"],
        "results": [row("auc")],
        "comparisons": [],
        "curves": [],
    }  # fmt: skip
    return report | more


def text(report: dict[str, Any]) -> str:
    made = methods(report)  # type: ignore[arg-type]
    cited = [int(n) for group in re.findall(r"\[([\d, ]+)\]", made.paragraph) for n in group.split(", ")]
    # Every reference is cited, and first cited in the order of its number.
    assert list(dict.fromkeys(cited)) == list(range(1, len(made.references) + 1))
    return made.paragraph


def test_a_table_its_rows_patients_and_what_was_left_out() -> None:
    said = text(table())
    assert said.startswith("a and b were evaluated on 90 rows of 45 patients of a table of scores.")
    assert "Of 90 rows, 30 were positive for cancer; left out: 2 of unknown truth." in said
    assert said.endswith("The analysis was made with cadkit 1.2.3.")


def test_rows_are_drawn_where_there_are_no_patients() -> None:
    report = table()
    report["settings"]["cluster"] = None
    said = text(report)
    assert "90 rows of a table" in said
    assert "1,500 bootstrap replicates in which rows were drawn with replacement (seed 5)" in said
    assert not any("Rutter" in one for one in methods(report).references)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("results", "fact", "source"),
    [
        ([row("auc")], "percentile intervals from 1,500 bootstrap replicates in which patients were drawn", "Rutter"),
        ([row("auc", ci=0.9)], "90% confidence intervals", "Efron"),
        ([row("auc", ci_method="bootstrap-bca")], "bias-corrected and accelerated (BCa)", "Better bootstrap"),
        ([row("auc", dropped=17)], "left out (17 at most, of AUC of a)", "Efron"),
        ([row("auc", ci_method="delong")], "of the AUC follow DeLong", "DeLong ER"),
        ([row("auc", ci_method="delong-clustered")], "to clusters", "Obuchowski"),
        ([row("sensitivity", at=0.4, ci_method="wilson")], "of proportions are Wilson's", "Wilson EB"),
        ([row("prauc")], "is the average precision", "Davis"),
        ([row("prauc_trapezoid")], "trapezoidal PRAUC, which flatters tied scores", ""),
        (
            [row("partial_auc", given={"focus": "specificity", "low": 0.8, "high": 1.0, "corrected": True})],
            "over specificity 0.8 to 1, raw and McClish-corrected", "McClish",
        ),
        ([row("sensitivity_at_specificity", at=0.9)], "reach specificities of 0.9.", ""),
        ([row("brier"), row("ece")], "assessed by the Brier score", "Naeini"),
        ([row("net_benefit", at=0.1)], "Net benefit was compared with calling all", "Vickers"),
        ([row("pf1")], "Probabilistic F1", ""),
        ([row("dice_soft")], "soft Dice coefficient", "Shen"),
        ([row("roi_coverage")], "hold at least 70% of its pixels", "Shen"),
        ([row("pxap")], "pixel average precision (PxAP)", "Choe"),
        ([row("pxap_pooled")], "takes the pixels of all these images together", ""),
        ([row("auc"), row("auc", subgroup="density B")], "Subgroups by density were analysed", ""),
        ([row("auc", subgroup="density B")], "fewer than 5 positives or 5 negatives nothing was estimated", ""),
        ([row("auc", low=None, ci=None, ci_method=None, sd=0.01, given={"runs": 3})], "use n \u2212 1", ""),
    ],
)  # fmt: skip
def test_what_was_computed_is_said_and_cited(results: list[dict[str, Any]], fact: str, source: str) -> None:
    report = table(results=results)
    report["settings"]["by"] = ["density"]
    assert fact in text(report)
    listed = methods(report).references  # type: ignore[arg-type]
    assert not source or any(source in one for one in listed)


def test_nothing_is_said_of_what_was_not_done() -> None:
    said = text(table())
    for word in ("FROC", "threshold", "Holm", "compared", "Saliency", "Subgroups", "calibration", "prevalence", "Dice"):
        assert word not in said


def test_locked_in_sample_and_given_thresholds_are_told_apart() -> None:
    chosen = {"given": {"threshold_for": "sensitivity 0.9"}}
    locked = text(table(results=[row("sensitivity", at=0.4, **chosen)]))
    assert "chosen for sensitivity 0.9 on validation data and locked" in locked
    assert "in-sample" not in locked
    own = text(table(results=[row("ppv", at=0.4, flags=["in-sample"], **chosen)]))
    assert "chosen for sensitivity 0.9 on the evaluated data themselves (in-sample)" in own
    assert "locked" not in own
    assert "PPV are reported" in own
    assert "Thresholds were given beforehand." in text(table(results=[row("npv", at=0.4)]))


def test_locked_thresholds_are_given_with_the_size_of_their_data() -> None:
    report = table(
        inputs=[{"kind": "table", "name": "t.csv"},
                {"kind": "validation table", "name": "v.csv", "n": 1200, "positives": 31}],
        results=[row("sensitivity", at=0.4, given={"threshold_for": "sensitivity 0.9"}),
                 row("sensitivity", at=0.43125, model="b", given={"threshold_for": "sensitivity 0.9"}),
                 row("sensitivity", at=0.5, model="b (mean of 2 runs)",
                     given={"threshold_for": "sensitivity 0.9", "runs": 2})],
    )  # fmt: skip
    said = text(report)
    assert "on validation data (1,200 rows, 31 positive) and locked" in said
    assert "They were for a 0.4 (sensitivity 0.9); for b 0.4313 (sensitivity 0.9)." in said


def test_the_split_and_the_breasts_that_thresholds_were_locked_on_are_said() -> None:
    used = {"kind": "validation", "name": "m", "n": 60, "level": "exam", "breasts": 119, "split": "validation"}
    results = [row("sensitivity", at=0.4, given={"threshold_for": "sensitivity 0.9"})]
    assert "on validation data (the split validation: 60 exams, 119 breasts) and locked" in text(
        table(inputs=[used], results=results)
    )


def test_the_interval_of_the_headline_is_named_where_there_are_two() -> None:
    two = [row("auc", ci_method="delong-clustered"), row("auc")]
    assert "the headline and the figures show DeLong, clustered (Obuchowski 1997); beside it" in text(
        table(results=two)
    )
    assert "the headline" not in text(table())


def test_what_is_drawn_has_its_own_plural() -> None:
    report = table()
    report["settings"]["cluster"] = "density"
    assert "in which densities were drawn with replacement" in text(report)


def test_the_least_p_of_the_replicates_is_said() -> None:
    assert "is 0.0013; it is printed with \u2264" in text(table(comparisons=[pair(p=2 / 1501)]))
    assert "\u2264" not in text(table(comparisons=[pair(p=4 / 1501)]))


def test_a_bar_of_reliability_takes_rows_as_independent() -> None:
    curve = {"kind": "reliability", "model": "a", "label": "cancer", "level": "row", "x": [0.1], "y": [0.1]}
    report = table(curves=[curve], results=[row("ece")])
    assert "Wilson intervals [2], which take the cases of one patient as independent" in text(report)
    report["settings"]["cluster"] = None
    assert "as independent" not in text(report)


def test_the_prevalence_is_said_in_percent() -> None:
    report = table(results=[row("ppv", at=0.4)])
    report["settings"]["prevalence"] = 0.006
    assert "to a prevalence of 0.6%" in text(report)


@pytest.mark.parametrize(
    ("pairs", "fact", "source"),
    [
        ([pair()], "compared on the same cases by the paired bootstrap; P values are two-sided", ""),
        ([pair("delong-clustered")], "DeLong's test for clustered data", "Obuchowski"),
        ([pair("mcnemar", flags=["rows-independent"])], "takes the cases of one patient as independent", "McNemar"),
        ([pair("permutation")], "permutation of the two scores of whole patients", ""),
        ([pair(p_adjusted=0.12)], "adjusted by Holm's method", "Holm"),
        ([pair(flags=["primary"])], "The comparison of a with b by AUC was named beforehand", ""),
        ([pair(margin=0.05, p_margin=0.01)], "one-sided against a margin of 0.05", ""),
    ],
)
def test_how_models_were_compared(pairs: list[dict[str, Any]], fact: str, source: str) -> None:
    report = table(comparisons=pairs)
    assert fact in text(report)
    listed = methods(report).references  # type: ignore[arg-type]
    assert not source or any(source in one for one in listed)
    assert any("Holm" in one for one in listed) == (source == "Holm")


def test_random_marks_are_no_model_that_is_compared() -> None:
    assert "compared on the same cases" not in text(table(comparisons=[pair(b="random marks")]))


def test_an_evaluation_its_cohort_froc_and_chance(drawn: tuple[Path, dict[str, Any]]) -> None:
    said = text(drawn[1])
    assert "gmic-1 and peak-scan were evaluated on 60 exams of 55 patients of the dataset phantom (split test)." in said
    assert "follows STARD [1]" in said
    assert "Scores were pooled by the mean over views and the maximum over breasts." in said
    assert "sensitivity at 1/4, 1/2, 1, 2, 4 and 8 false positives per image" in said
    assert "A mark hits a finding when its point lies in the finding's region." in said
    assert "Positive breasts without a finding drawn leave both axes." in said
    assert "local maxima of their saliency maps" in said
    assert "marks at random places" in said
    assert "2,000 bootstrap replicates in which patients" in said
    assert "Bands around curves are pointwise" in said


def test_populations_unions_ensembles_and_other_clusters(drawn: tuple[Path, dict[str, Any]]) -> None:
    report = copy.deepcopy(drawn[1])
    report["cohort"]["population"] = "biopsied"
    report["settings"] |= {"labels": ["any=malignant|benign"], "cluster": "site", "stratify": True}
    report["models"].append({"name": "both", "kind": "ensemble", "source": "mean of gmic-1, peak-scan"})
    said = text(report)
    assert "restricted to: biopsied." in said
    assert "any is the union of malignant and benign" in said
    assert "in which sites were drawn with replacement, stratified by truth" in said
    assert "both is an ensemble: mean of gmic-1, peak-scan." in said
    report["comparisons"].append(pair("mcnemar", flags=["rows-independent"]))
    assert "McNemar's test takes the cases of one site as independent." in text(report)


def test_a_listed_population_is_told_with_its_exams(drawn: tuple[Path, dict[str, Any]]) -> None:
    report = copy.deepcopy(drawn[1])
    report["cohort"]["population"] = "reading"
    report["inputs"].append({"kind": "population", "name": "reading", "fingerprint": "ab"})
    report["cohort"]["steps"].append(
        {"step": "of the population reading", "exams": 45, "breasts": 90, "images": 180,
         "reason": "not on the list, or one of 5 for practice"}
    )  # fmt: skip
    said = "The population was the list reading of 45 exams; left out were exams not on the list, or one of 5 for"
    assert said in text(report)
    assert "restricted to" not in text(report)
    report["inputs"][-1]["seed"] = 11
    assert "the list reading of 45 exams, drawn with seed 11;" in text(report)


def test_views_correlations_and_false_positives_at_a_sensitivity_are_told(drawn: tuple[Path, dict[str, Any]]) -> None:
    report = copy.deepcopy(drawn[1])
    assert not any(word in text(report) for word in ("images alone", "correlations", "that reaches a sensitivity"))
    report["results"] += [row("auc", model="gmic-1 (CC)"), row("fpi_at_sensitivity", at=0.8, model="gmic-1")]
    report["results"].append(row("froc_sensitivity", at=1.0, model="gmic-1"))
    report["correlations"] = [{"model": "gmic-1", "names": ["L", "R"], "n": 5, "pearson": [], "spearman": []}]
    said = text(report)
    assert "on the CC images and on the MLO images alone" in said
    assert "Pearson's and Spearman's correlations of the predictions of an exam" in said
    assert "false positives per image that reaches a sensitivity of 0.8 is reported" in said


def test_pooling_is_told_of_the_models_whose_scores_were_pooled(drawn: tuple[Path, dict[str, Any]]) -> None:
    report = copy.deepcopy(drawn[1])
    del report["models"][1]["pooling"]
    said = text(report)
    assert "Scores of gmic-1 were pooled by the mean over views and the maximum over breasts." in said
    assert "Scores were pooled" not in said


def test_the_least_p_of_permutations_and_of_a_margin_is_told() -> None:
    report = table(comparisons=[pair("permutation", p=1 / 201), pair(p_margin=1 / 1501, margin=0.05)])
    report["settings"]["permutations"] = 200
    said = "The least P value of so many replicates is 0.005 of a permutation test and 0.00067 of a margin;"
    assert said in text(report)
    report["comparisons"] = [pair("permutation", p=2 / 201), pair(p_margin=2 / 1501, margin=0.05)]
    assert "The least P value" not in text(report)


def test_bands_are_of_the_kind_that_they_are(drawn: tuple[Path, dict[str, Any]]) -> None:
    report = copy.deepcopy(drawn[1])
    assert "Bands around curves are pointwise percentile" in text(report)
    report["settings"]["interval"] = "bca"
    said = text(report)
    assert "Bands around FROC curves are pointwise BCa" in said
    assert "Bands around other curves are pointwise percentile" in said


def test_page_and_file_hold_the_paragraph_and_its_references(drawn: tuple[Path, dict[str, Any]]) -> None:
    folder, report = drawn
    made = methods(report)  # type: ignore[arg-type]
    written = (folder / "tables/methods.txt").read_text()
    assert written.startswith(made.paragraph)
    assert f"\n1. {made.references[0]}\n" in written
    assert len(made.references) >= 5
    assert f"<li>{made.references[-1]}</li>".replace("&", "&amp;") in (folder / "report.html").read_text()
