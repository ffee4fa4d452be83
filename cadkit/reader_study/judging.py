"""The numbers of a reader study: readers, models, hybrids, ensembles, consensus, in this order.

Values on the sweep of lambda have a mean and a standard deviation over readers, as Shen et al. (2021) and Wu et al.
(2019) print them, and no interval: a weight that is chosen on the rows that it is judged on is in-sample, and an
interval around it would promise more than it holds. All that has a weight named beforehand has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cadkit import metrics
from cadkit.reader_study.draws import Judged, Target
from cadkit.reader_study.ensembles import (
    Average,
    average_pr,
    average_roc,
    consensus,
    hybrid_ensemble,
    reader_ensemble,
)
from cadkit.reader_study.inferring import against_readers, with_and_without
from cadkit.reader_study.sweeps import combined, simplex_sweep, sweep, weighted
from cadkit.reader_study.wide import FloatArray, Study
from cadkit.reader_study.work import (
    CONSENSUS,
    MEAN,
    READER_ENSEMBLE,
    SimplexRow,
    Work,
    hybrid_ensemble_name,
    hybrid_name,
)

_AT = "specificity_at_sensitivity"


def deviation(values: Sequence[float] | FloatArray) -> float | None:
    """Standard deviation over readers (n - 1); None for one reader."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def judge_readers(work: Work) -> None:
    """Every reader, their mean, and their binary reads with the consensus."""
    found = {name: work.draws.judge(score) for name, score in work.study.readers.items()}
    for name, one in found.items():
        work.add_areas(name, one.auc, one.prauc, one=True)
    _add_mean(work, MEAN, list(found.values()))
    if work.study.recalls:
        _judge_recalls(work)


def _add_mean(work: Work, name: str, found: Sequence[Judged], **given: object) -> None:
    areas = [[one.auc for one in found], [one.prauc for one in found]]
    spread = [deviation([number.value for number in numbers]) for numbers in areas]
    auc, prauc = (work.draws.mean(numbers) for numbers in areas)
    work.add_areas(name, auc, prauc, sd=spread, given=given)


def _judge_recalls(work: Work) -> None:
    draws, recalled = work.draws, work.study.recalled()
    truth = work.study.truth
    shares = {
        "sensitivity": draws.shares_called(recalled, truth),
        "specificity": draws.shares_called(~recalled, ~truth),
    }
    operating: dict[str, list[float]] = {}
    for metric, numbers in shares.items():
        for name, number in zip(work.study.readers, numbers, strict=True):
            work.add(name, draws.result(metric, number, of_one=True))
            operating.setdefault(name, []).append(number.value)
        mean = draws.mean(numbers)
        work.add(MEAN, draws.result(metric, mean, sd=deviation([number.value for number in numbers])))
        operating.setdefault(MEAN, []).append(mean.value)
    ties = consensus(recalled).ties
    voted = {"sensitivity": draws.voted(recalled, truth, True), "specificity": draws.voted(recalled, ~truth, False)}
    for metric, number in voted.items():
        given = {"vote": "majority, ties recalled", "ties": ties}
        work.add(CONSENSUS, draws.result(metric, number, given=given))
        operating.setdefault(CONSENSUS, []).append(number.value)
    if ties:
        work.warnings["ties"] = f"The votes were tied on {ties:,} unit(s); the consensus recalls those."
    work.section["operating"] = operating
    work.targets = [
        Target(MEAN, draws.mean(shares["sensitivity"])),
        Target(CONSENSUS, voted["sensitivity"]),
    ]
    work.specificities = {MEAN: draws.mean(shares["specificity"]), CONSENSUS: voted["specificity"]}


def judge_models(work: Work) -> None:
    """Every model, against the readers' mean and, at its sensitivity, against the consensus."""
    for name, score in work.study.models.items():
        found = work.draws.judge(score, work.targets)
        work.add_areas(name, found.auc, found.prauc, one=True)
        work.compare_areas(name, MEAN)
        against_readers(work, name, score)
        _at_targets(work, name, [found], one=True)


def _at_targets(work: Work, name: str, found: Sequence[Judged], *, one: bool = False, **given: object) -> None:
    """Specificity at the readers' and the consensus's sensitivity, on steps and on straight lines, and its P.

    In every replicate the sensitivity is that of the replicate.
    """
    for target in work.targets:
        for flags in ((), ("interpolated",)):
            numbers = [(judged.interpolated if flags else judged.specificity)[target.of] for judged in found]
            number = numbers[0] if one else work.draws.mean(numbers)
            sd = None if one else deviation([value.value for value in numbers])
            at = target.sensitivity.value
            said = {**given, "sensitivity_of": target.of}
            row = work.draws.result(_AT, number, of_one=one, sd=sd, at=at, given=said, flags=flags)
            work.add(name, row)
            # Readers alone are drawn: a model has no interval of its own, but its difference to them has.
            own = work.draws.result(_AT, number, at=at)
            theirs = work.draws.result(_AT, work.specificities[target.of], at=at)
            work.compare(name, target.of, own, theirs, given=said, flags=flags)


def judge_hybrids(work: Work) -> None:
    """Hybrids of every model with every reader: at the weight named beforehand, and on the sweep of weights."""
    scaled, given = work.scaled, work.in_hybrids
    work.section["sweeps"] = []
    for model, score in scaled.models.items():
        found = []
        for reader, read in scaled.readers.items():
            one = work.draws.judge(weighted(read, score, work.settings.weight), work.targets)
            work.add_areas(hybrid_name(model, reader), one.auc, one.prauc, one=True, given=given)
            found.append(one)
        name = hybrid_name(model)
        _add_mean(work, name, found, **given)
        work.compare_areas(name, MEAN)
        with_and_without(work, name, score)
        work.compare_areas(name, model)
        _at_targets(work, name, found, **given)
        _sweep(work, model, score)


def _sweep(work: Work, model: str, score: FloatArray) -> None:
    swept = sweep(work.study.truth, np.stack(list(work.scaled.readers.values())), score)
    best = {metric: swept.best(metric) for metric in ("auc", "prauc")}
    work.section["lambdas"] = swept.weights.tolist()
    names = list(work.scaled.readers)
    for number, reader in enumerate(names):
        work.section["sweeps"].append(
            {
                "model": model,
                "reader": reader,
                "auc": swept.auc[number].tolist(),
                "prauc": swept.prauc[number].tolist(),
                "best_auc": [float(values[number]) for values in best["auc"]],
                "best_prauc": [float(values[number]) for values in best["prauc"]],
            }
        )
    scale = work.settings.scale
    plain = metrics.Result("", None, n=len(work.study.truth), positives=int(work.study.truth.sum()))
    for metric, (weights, areas) in best.items():
        for number, reader in enumerate(names):
            given = {"of": metric, "scale": scale, "largest": float(areas[number])}
            row = replace(plain, metric="lambda_star", value=float(weights[number]), flags=("in-sample",), given=given)
            work.add(hybrid_name(model, reader), row)
        for name, values in (("lambda_star", weights), (metric, areas)):
            said = {"of": metric, "scale": scale} if name == "lambda_star" else {"lambda": "lambda*", "scale": scale}
            row = replace(plain, metric=name, value=float(values.mean()), sd=deviation(values), given=said)
            work.add(hybrid_name(model), replace(row, flags=("in-sample",)))


def judge_ensembles(work: Work) -> None:
    """The reader ensemble, and with every model the hybrid ensemble."""
    reads, scale = work.scaled.reads(), {"scale": work.settings.scale}
    found = work.draws.judge_mean(reads)
    work.add_areas(READER_ENSEMBLE, found.auc, found.prauc, given=scale)
    for model, score in work.scaled.models.items():
        name = hybrid_ensemble_name(model)
        found = work.draws.judge_mean(reads, score)
        work.add_areas(name, found.auc, found.prauc, given=scale)
        for other in (READER_ENSEMBLE, model):
            work.compare_areas(name, other)
        work.compare_areas(model, READER_ENSEMBLE)


def judge_simplex(work: Work, validation: Study | None) -> None:
    """Weighted sums of several models: the surface, and the sum with weights fitted on validation data or in-sample."""
    names = work.settings.ensemble or (tuple(work.scaled.models) if 2 <= len(work.scaled.models) <= 3 else ())
    work.section["simplex"] = []
    if not names:
        return
    scores = {name: work.scaled.models[name] for name in names}
    surface = simplex_sweep(work.study.truth, scores, work.settings.step)
    best = surface.best()
    applied = best
    if validation is not None:
        others = {name: validation.models[name] for name in names}
        applied = simplex_sweep(validation.truth, others, work.settings.step).best()
    row: SimplexRow = {
        "models": list(names),
        "step": work.settings.step,
        "weights": surface.weights.tolist(),
        "auc": surface.auc.tolist(),
        "prauc": surface.prauc.tolist(),
        "best": best.tolist(),
        "best_auc": float(surface.auc.max()),
    }
    if validation is not None:
        row["applied"] = applied.tolist()
    work.section["simplex"].append(row)
    made: list[tuple[str, FloatArray, tuple[str, ...]]] = [("weights chosen in-sample", best, ("in-sample",))]
    if validation is not None:
        made.insert(0, ("weights from validation", applied, ()))
    made.append(("equal weights", np.full(len(names), 1 / len(names)), ()))
    matrix = np.stack(list(scores.values()))
    for what, weights, flags in made:
        judged = work.draws.judge(combined(matrix, weights.tolist()))
        share = {name: round(float(weight), 6) for name, weight in zip(names, weights, strict=True)}
        given = {"weights": share, "chosen": what, "scale": work.settings.scale}
        work.add_areas(ensemble_name(names, what), judged.auc, judged.prauc, one=True, given=given, flags=flags)


def ensemble_name(names: Sequence[str], what: str) -> str:
    """A weighted sum of models, and where its weights come from."""
    return f"ensemble({', '.join(names)}), {what}"


def draw_curves(work: Work) -> None:
    """ROC and precision-recall curves of readers, models, hybrids, their averages, and ensembles."""
    truth, scaled = work.study.truth, work.scaled
    reads = work.study.reads()
    for name, score in {**work.study.readers, **work.study.models}.items():
        _curves(work, name, score)
    _averages(work, MEAN, average_roc(truth, reads), average_pr(truth, reads))
    _curves(work, READER_ENSEMBLE, reader_ensemble(scaled.reads()))
    for model, score in scaled.models.items():
        mixed = weighted(scaled.reads(), score, work.settings.weight)
        for reader, one in zip(scaled.readers, mixed, strict=True):
            _curves(work, hybrid_name(model, reader), one)
        _averages(work, hybrid_name(model), average_roc(truth, mixed), average_pr(truth, mixed))
        _curves(work, hybrid_ensemble_name(model), hybrid_ensemble(scaled.reads(), score))


def _curves(work: Work, name: str, score: FloatArray) -> None:
    roc, pr = metrics.roc_curve(work.study.truth, score), metrics.pr_curve(work.study.truth, score)
    work.curve(name, "roc", roc.fpr, roc.tpr, roc.threshold)
    work.curve(name, "pr", pr.recall, pr.precision, pr.threshold)


def _averages(work: Work, name: str, roc: Average, pr: Average) -> None:
    work.curve(name, "roc", roc.x, roc.y, None)
    work.curve(name, "pr", pr.x, pr.y, None)
