"""Multiple readers, multiple cases: one door to every analysis.

>>> from cadkit.reader_study import analyse, read_ratings
>>> study = read_ratings("ratings.csv")  # doctest: +SKIP
>>> result = analyse(study, fom="auc", method="or", covariance="jackknife")  # doctest: +SKIP
>>> result.inferences["RRRC"].differences["1", "2"].p  # doctest: +SKIP
0.05166568582
"""

from __future__ import annotations

from typing import Literal

from cadkit.errors import InputError
from cadkit.metrics.intervals import check_level
from cadkit.reader_study.bdg import Bdg
from cadkit.reader_study.covariances import delong, jackknife, pair_moments
from cadkit.reader_study.dbm import DorfmanBerbaumMetz, pseudovalues
from cadkit.reader_study.endpoints import PAIRED_FOMS, UNBOUNDED_FOMS, fom_name, measure, rated_of, undefined
from cadkit.reader_study.inference import Inference, MrmcResult, Random, cut
from cadkit.reader_study.obuchowski_rockette import ObuchowskiRockette
from cadkit.reader_study.ratings import FloatArray, MarkStudy, RatingStudy, Study

Method = Literal["or", "dbm", "bdg", "bdg-centred"]
Covariance = Literal["jackknife", "delong", "unbiased"]

METHODS = ("or", "dbm", "bdg", "bdg-centred")
COVARIANCES = ("jackknife", "delong", "unbiased")


def analyse(
    study: Study,
    *,
    fom: str = "auc",
    method: Method = "or",
    covariance: Covariance = "jackknife",
    threshold: float | None = None,
    ci: float = 0.95,
) -> MrmcResult:
    """Analyse a reader study.

    Args:
        study: ratings (`auc`, `sensitivity`, `specificity`, `prauc`, `sensitivity_at_specificity@0.8`,
            `specificity_at_sensitivity@0.8`, `partial_auc@0.7-1` over specificities, `partial_auc_sensitivity@0.8-1`)
            or marks (`afroc`, `afroc1`, `wafroc`, `wafroc1`, `hr_auc`, `hr_se`, `hr_sp`, `max_llf`, `max_nlf`,
            `max_nlf_all_cases`).
        fom: figure of merit; capitals, - and _ are ignored.
        method: `or`, fully crossed or split-plot; `dbm`, fully crossed; `bdg`, any design, for the figures of merit
            that are a mean over pairs of cases (`auc`, `hr_auc`, `wafroc`); `bdg-centred`, the same with a variance
            that is less noisy where readings are missing, and no other elsewhere.
        covariance: for `or`; `delong` and `unbiased` are of the same figures of merit as `bdg`.
        threshold: for sensitivity and specificity: a case is called positive at rating >= threshold.
        ci: level of all intervals.

    Raises:
        InputError: readings are missing where the method needs them, the figure of merit is undefined for a reader,
            or method, covariance, figure of merit and study do not go together.
    """
    check_level(ci)
    name = fom_name(fom, study)
    _known("--method", method, METHODS)
    _known("--covariance", covariance, COVARIANCES)
    paired = method.startswith("bdg") or (method == "or" and covariance != "jackknife")
    if paired and name not in PAIRED_FOMS:
        raise InputError(
            f"{method if method == 'bdg' else covariance} is not for this figure of merit", row="--fom", value=name,
            mend=f"It is for {', '.join(PAIRED_FOMS)}; --method or --covariance jackknife is for every one.",
        )  # fmt: skip
    clustered = isinstance(study, RatingStudy) and study.cluster is not None
    if paired and clustered:
        raise InputError(
            f"{method if method == 'bdg' else covariance} takes every case for independent of the others",
            row="--cluster", mend="Use --method or --covariance jackknife, which leaves out a whole patient at a time.",
        )  # fmt: skip
    if method.startswith("bdg"):
        return _bdg(study, name, ci, centred=method == "bdg-centred")
    if method == "dbm":
        return _dbm(study, name, threshold, ci)
    return _or(study, name, covariance, threshold, ci)


def _known(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError("there is no such choice", row=option, value=value, mend=f"Known are {', '.join(known)}.")


def _design(study: Study) -> str:
    return study.design() if isinstance(study, RatingStudy) else "crossed"


def _shape(study: Study) -> tuple[int, int]:
    return len(study.modalities), len(study.readers)


def _or(study: Study, fom: str, covariance: Covariance, threshold: float | None, ci: float) -> MrmcResult:
    design = _design(study)
    measured = measure(study, fom, threshold)
    matrix = jackknife(measured) if covariance == "jackknife" else _covariance(study, fom, covariance)
    analysis = ObuchowskiRockette(study.modalities, study.readers, measured.values.reshape(_shape(study)), matrix, ci)
    of_modality: dict[str, dict[str, float]] = {}
    of_reader: dict[str, dict[str, float]] = {}
    for i, modality in enumerate(study.modalities):
        one = analysis.of_modality(i).components()
        of_modality[modality] = {key: one[key] for key in ("ms_reader", "var_error", "cov2") if key in one}
    for j, reader in enumerate(study.readers):
        one = analysis.of_reader(j).components()
        of_reader[reader] = {key: one[key] for key in ("ms_modality", "var_error", "cov1") if key in one}
    return MrmcResult(
        fom, "or", covariance, design, ci, study.readers, study.modalities, measured.without.shape[1],
        analysis.values, _cut(fom, analysis.inferences()), analysis.whole.components(), of_modality, of_reader, matrix,
    )  # fmt: skip


def _covariance(study: Study, fom: str, covariance: Covariance) -> FloatArray:
    rated = rated_of(study, fom)
    return delong(study, rated) if covariance == "delong" else pair_moments(study, rated).covariance


def _cut(fom: str, inferences: dict[Random, Inference]) -> dict[Random, Inference]:
    return inferences if fom in UNBOUNDED_FOMS else {random: cut(one) for random, one in inferences.items()}


def _dbm(study: Study, fom: str, threshold: float | None, ci: float) -> MrmcResult:
    t, r = _shape(study)
    if _design(study) != "crossed" or min(t, r) < 2:
        raise InputError(
            "dbm is for two or more readers who read every case in two or more modalities",
            file=study.source or None, row="--method", mend="Use --method or.",
        )  # fmt: skip
    measured = measure(study, fom, threshold)
    pseudo = pseudovalues(measured).reshape(t, r, -1)
    analysis = DorfmanBerbaumMetz(study.modalities, study.readers, measured.values.reshape(t, r), pseudo, ci)
    return MrmcResult(
        fom, "dbm", "pseudovalues", "crossed", ci, study.readers, study.modalities, pseudo.shape[2],
        analysis.values, _cut(fom, analysis.inferences()), analysis.components(),
    )  # fmt: skip


def _bdg(study: Study, fom: str, ci: float, *, centred: bool) -> MrmcResult:
    moments = pair_moments(study, rated_of(study, fom))
    if (moments.pairs == 0).any():
        raise undefined(study, fom, int((moments.pairs == 0).argmax()), 0)
    crossed = isinstance(study, MarkStudy) or bool(study.read.all())
    analysis = Bdg(study.modalities, study.readers, moments, ci, centred)
    return MrmcResult(
        fom, "bdg-centred" if centred else "bdg", "u-statistic", "crossed" if crossed else "not fully crossed", ci,
        study.readers, study.modalities, len(study.cases), moments.values.reshape(_shape(study)),
        {"RRRC": cut(analysis.inference())}, matrix=moments.centred if centred else moments.covariance,
        normal=cut(analysis.inference(student=False)), freedom=analysis.freedom(),
    )  # fmt: skip
