"""The methods paragraph of a report, written from what was run, with numbered references."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cadkit.evaluation.schema import Report, ResultRow
from cadkit.report import wording
from cadkit.report.inference import intervals, subgroups, tests, unit_of
from cadkit.report.reading import is_chance, view_of
from cadkit.report.references import REFERENCES
from cadkit.report.sentences import Cited, Methods, listed

_AREAS = ("afroc", "afroc1", "wafroc", "wafroc1", "hr_auc")
_VALUES = 8  # models of which the paragraph can name the thresholds
_AT_A_THRESHOLD = ("sensitivity", "specificity", "ppv", "npv", "recall_rate", "cancer_detection_rate")


def methods(report: Report) -> Methods:
    """What was done, from the settings, results and comparisons of a report; nothing that was not done."""
    if "reader_study" in report:
        from cadkit.report.reader_methods import study_methods

        return study_methods(report)
    cited = Cited()
    parts = (_cohort, _scores, _views, _classification, _thresholds, _probabilities, _froc, _localization, intervals,
             subgroups, tests, _software)  # fmt: skip
    sentences = [sentence for part in parts for sentence in part(report, cited)]
    return Methods(sentences, [REFERENCES[key] for key in cited.keys])


def _metrics(report: Report) -> set[str]:
    return {row["metric"] for row in report["results"]}


def _is_table(report: Report) -> bool:
    return any(row.get("kind") == "table" for row in report["inputs"])


def _cohort(report: Report, cited: Cited) -> Iterator[str]:
    cohort, settings = report["cohort"], report["settings"]
    names = [model["name"] for model in report["models"]]
    who = f"{listed(names)} {'was' if len(names) == 1 else 'were'} evaluated"
    units = cohort.get("units", [])
    if _is_table(report):
        rows = wording.plural(units[0]["evaluated"], "row") if units else "the rows"
        of = f" of {wording.plural(cohort['patients'], 'patient')}" if settings.get("cluster") else ""
        yield f"{who} on {rows}{of} of a table of scores."
    else:
        last = cohort["steps"][-1] if cohort["steps"] else None
        exams = f"{wording.plural(last['exams'], 'exam')} of " if last else ""
        data = next((f"the dataset {row['name']}" for row in report["inputs"] if row.get("kind") == "dataset"), "")
        split = f" (split {cohort['split']})" if cohort["split"] else ""
        on = f" of {data}" if data else ""
        yield f"{who} on {exams}{wording.plural(cohort['patients'], 'patient')}{on}{split}."
        population = cohort.get("population", "screening")
        yield from _listed_population(report)
        if population != "screening" and not _population_list(report):
            yield f"The population was restricted to: {population}."
        lost = [step for step in cohort["steps"] if step["reason"]]
        if lost or cohort["left_out"]:
            yield f"The flow of cases follows STARD{cited('stard')}."
    for row in units:
        parts = (
            (row["skipped"], "of exams that a model did not answer"),
            (row["unknown"], "of unknown truth"),
            (row["unanswered"], "without a score"),
        )
        gone = [f"{count:,} {words}" for count, words in parts if count]
        left = f"; left out: {listed(gone)}" if gone else ""
        yield (
            f"Of {wording.plural(row['evaluated'], row['level'])}, {row['positives']:,} "
            f"{'was' if row['positives'] == 1 else 'were'} positive for {row['label']}{left}."
        )


def _population_list(report: Report) -> dict[str, Any] | None:
    """The list of exams that was evaluated, as the inputs name it."""
    return next((dict(row) for row in report["inputs"] if row.get("kind") == "population"), None)


def _listed_population(report: Report) -> Iterator[str]:
    """The list of exams: its counts, what is not on it, and the seed where the report has one."""
    found = _population_list(report)
    if found is None:
        return
    name = found["name"]
    step = next((one for one in report["cohort"]["steps"] if one["step"] == f"of the population {name}"), None)
    counts = f" of {wording.plural(step['exams'], 'exam')}" if step else ""
    drawn = f", drawn with seed {found['seed']}" if "seed" in found else ""
    left = f"; left out were exams {step['reason']}" if step and step["reason"] else ""
    yield f"The population was the list {name}{counts}{drawn}{left}."


def _views(report: Report, cited: Cited) -> Iterator[str]:
    """Single views and correlations within exams, where they were asked for."""
    if any(view_of(row["model"]) for row in report["results"]):
        yield "Models were also judged on the CC images and on the MLO images alone, and the two compared."
    if report.get("correlations"):
        yield (
            "Pearson's and Spearman's correlations of the predictions of an exam, left and right and of each label, "
            "are reported."
        )


def _scores(report: Report, cited: Cited) -> Iterator[str]:
    for label in report["settings"].get("labels") or ():
        name, sign, parts = str(label).partition("=")
        if sign and "|" in parts:
            yield (
                f"{name} is the union of {listed(parts.split('|'))}: positive where any of them is, scored with "
                "the largest of their scores."
            )
    pooled: dict[str, list[str]] = {}
    means = {"mean": "the mean", "max": "the maximum", "sum": "the sum"}
    for model in report["models"]:
        ways = sorted((model.get("pooling") or {}).items(), reverse=True)
        words = listed(f"{means.get(way, way)} over {over}" for over, way in ways) if ways else ""
        pooled.setdefault(words, []).append(model["name"])
    for words, names in pooled.items():
        if words:
            yield f"Scores {f'of {listed(names)} ' if len(pooled) > 1 else ''}were pooled by {words}."
    ensembles = [model for model in report["models"] if model["kind"] == "ensemble"]
    for model in ensembles:
        yield f"{model['name']} is an ensemble: {model['source']}."
    if any(row.get("given", {}).get("runs") for row in report["results"]):
        yield "Means and standard deviations over the runs of a model use n \u2212 1."


def _classification(report: Report, cited: Cited) -> Iterator[str]:
    found = _metrics(report)
    if "auc" in found:
        yield (
            "The area under the receiver operating characteristic curve (AUC) is the Mann-Whitney statistic, ties "
            f"counting one half{cited('delong')}."
        )
    if "prauc" in found:
        yield f"The area under the precision-recall curve (PRAUC) is the average precision{cited('pr')}."
    if "prauc_trapezoid" in found:
        yield "The trapezoidal PRAUC, which flatters tied scores, is given beside it."
    if "partial_auc" in found:
        given = [row.get("given", {}) for row in report["results"] if row["metric"] == "partial_auc"]
        corrected = any(one.get("corrected") for one in given)
        ranges = dict.fromkeys(f"{one['focus']} {one['low']:g} to {one['high']:g}" for one in given if "focus" in one)
        over = f" over {listed(ranges)}" if ranges else ""
        yield f"Partial AUC was computed{over}{', raw and McClish-corrected' + cited('mcclish') if corrected else ''}."
    for metric, held, read in (
        ("sensitivity_at_specificity", "specificities", "Sensitivity"),
        ("specificity_at_sensitivity", "sensitivities", "Specificity"),
    ):
        points = sorted({row["at"] for row in report["results"] if row["metric"] == metric and row["at"] is not None})
        if points:
            also = " and, beside it, interpolated linearly" if report["settings"].get("interpolate") else ""
            yield (
                f"{read} is the largest among thresholds that reach {held} of "
                f"{listed(f'{point:g}' for point in points)}{also}."
            )


def _thresholds(report: Report, cited: Cited) -> Iterator[str]:
    rows = [row for row in report["results"] if row["metric"] in _AT_A_THRESHOLD]
    if not rows:
        return
    names = [name for name in _AT_A_THRESHOLD if any(row["metric"] == name for row in rows)]
    words = listed(wording.metric_title(name).lower().replace("ppv", "PPV").replace("npv", "NPV") for name in names)
    yield f"At a threshold t, cases with a score of t or more were called positive; {words} are reported."
    chosen = dict.fromkeys(w for row in rows if (w := row.get("given", {}).get("threshold_for")))
    goals = f" for {listed(chosen)}" if chosen else ""
    locked = [
        row for row in rows if "in-sample" not in row.get("flags", []) and "threshold_for" in row.get("given", {})
    ]
    given = [row for row in rows if "threshold_for" not in row.get("given", {})]
    if locked:
        yield f"Thresholds were chosen{goals} on validation data{locked_on(report)} and locked before the evaluation."
        yield from _values(locked)
    if any("in-sample" in row.get("flags", []) for row in rows):
        yield (
            f"Thresholds were chosen{goals} on the evaluated data themselves (in-sample), which makes the numbers at "
            "them optimistic."
        )
    if given:
        yield "Thresholds were given beforehand."
    prevalence = report["settings"].get("prevalence")
    if prevalence is not None:
        yield (
            "Predictive values and recall rate were re-weighed by Bayes' theorem to a prevalence of "
            f"{100 * prevalence:g}%."
        )


def locked_on(report: Report) -> str:
    """Sizes of the validation data, where the inputs tell them: ` (1,200 rows, 31 positive)`."""
    sizes: dict[str, None] = {}
    for row in report["inputs"]:
        if str(row.get("kind")).startswith("validation") and "n" in row:
            positives = f", {row['positives']:,} positive" if "positives" in row else ""
            breasts = f", {wording.plural(row['breasts'], 'breast')}" if "breasts" in row else ""
            split = f"the split {row['split']}: " if "split" in row else ""
            sizes[split + wording.plural(row["n"], row.get("level", "row")) + breasts + positives] = None
    return f" ({'; '.join(sizes)})" if sizes else ""


def _values(locked: list[ResultRow]) -> Iterator[str]:
    """The thresholds themselves, of each model and point once."""
    chosen: dict[tuple[str, str], dict[str, float]] = {}
    for row in locked:
        if row["at"] is not None and "runs" not in row["given"]:
            chosen.setdefault((row["label"], row["model"]), {})[row["given"]["threshold_for"]] = row["at"]
    labels = {label for label, _ in chosen}
    given = [
        f"for {model}{f' ({label})' if len(labels) > 1 else ''} "
        + listed(f"{at:.4g} ({point})" for point, at in points.items())
        for (label, model), points in chosen.items()
    ]
    if 0 < len(given) <= _VALUES:
        yield f"They were {'; '.join(given)}."
    elif given:
        yield "Their values are given with the results."


def _probabilities(report: Report, cited: Cited) -> Iterator[str]:
    found = _metrics(report)
    kinds = {curve["kind"] for curve in report["curves"]}
    parts = []
    if "brier" in found:
        parts.append(f"the Brier score{cited('brier')}")
    if "ece" in found:
        parts.append(f"the expected calibration error over 10 bins of equal width{cited('ece')}")
    if "reliability" in kinds:
        unit = wording.cluster(report["settings"])
        rows = f", which take the cases of one {unit} as independent" if unit_of(report["settings"]) else ""
        parts.append(f"a reliability curve with Wilson intervals{cited('wilson')}{rows}")
    if parts:
        yield f"Where scores are probabilities, calibration was assessed by {listed(parts)}."
    if "pf1" in found:
        yield "Probabilistic F1 (pF1) takes scores in the place of decisions."
    if "net_benefit" in found or "decision" in kinds:
        yield f"Net benefit was compared with calling all and calling none positive{cited('benefit')}."


def _froc(report: Report, cited: Cited) -> Iterator[str]:
    found, settings = _metrics(report), report["settings"]
    if "froc_sensitivity" not in found:
        return
    rows = [row for row in report["results"] if row["metric"] == "froc_sensitivity" and row["at"] is not None]
    rates = listed(wording.rate(rate) for rate in sorted({row["at"] for row in rows if row["at"] is not None}))
    how = "interpolated linearly" if settings.get("interpolate") else "the largest among operating points within them"
    yield (
        f"Detection was assessed by free-response ROC analysis (FROC){cited('froc')}: sensitivity at {rates} false "
        f"positives per image, {how}."
    )
    yield from wording.froc_rule(settings)
    rule = settings.get("froc") or {}
    if any(model.get("localizes") == "saliency" for model in report["models"]):
        thinned = f", at least {rule['nms_mm']:g} mm apart" if rule.get("nms_mm") else ""
        yield f"Marks of models without marks are the local maxima of their saliency maps{thinned}."
    if any(is_chance(row["model"]) for row in rows):
        yield "As many marks at random places of the breasts serve as the level of chance."
    reached = sorted(
        {r["at"] for r in report["results"] if r["metric"] == "fpi_at_sensitivity" and r["at"] is not None}
    )
    if reached:
        yield (
            f"The smallest number of false positives per image that reaches a sensitivity of "
            f"{listed(f'{at:g}' for at in reached)} is reported."
        )
    areas = [wording.metric_title(name) for name in _AREAS if name in found]
    if areas:
        yield f"{listed(areas)} followed Chakraborty{cited('chakraborty')}, with exams as cases."


def _localization(report: Report, cited: Cited) -> Iterator[str]:
    found = _metrics(report)
    parts = []
    if "dice_soft" in found:
        parts.append(f"the soft Dice coefficient (DSC){cited('gmic')}")
    if "dice_best" in found:
        parts.append("the largest Dice coefficient over thresholds of each image")
    if "pxap" in found:
        parts.append(f"pixel average precision (PxAP){cited('pxap')}")
    if parts:
        yield (
            f"Saliency maps were compared with the outlined findings by {listed(parts)}, averaged over the images "
            "that have a finding of the label."
        )
    if "pxap_pooled" in found:
        yield "Pooled PxAP takes the pixels of all these images together."
    if "roi_coverage" in found:
        yield f"A finding was covered where the regions of interest hold at least 70% of its pixels{cited('gmic')}."


def _software(report: Report, cited: Cited) -> Iterator[str]:
    yield f"The analysis was made with cadkit {report['cadkit']}."
