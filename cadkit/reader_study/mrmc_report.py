"""An MRMC analysis as a report: from ratings or marks of readers in modalities to report.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import cadkit
from cadkit import metrics
from cadkit.errors import InputError
from cadkit.evaluation.inputs import claim
from cadkit.evaluation.schema import SCHEMA, Cohort, CohortUnits, ComparisonRow, ModelRow, Report, ResultRow
from cadkit.evaluation.work import result_row
from cadkit.files import sha256_of, write_json
from cadkit.reader_study.exports import export
from cadkit.reader_study.formats import read_imrmc, read_ratings
from cadkit.reader_study.inference import Estimate, MrmcResult
from cadkit.reader_study.marks import read_marks
from cadkit.reader_study.mrmc import Covariance, Method, analyse
from cadkit.reader_study.ratings import MarkStudy, RatingStudy
from cadkit.reader_study.rjafroc import read_rjafroc
from cadkit.reader_study.single_model import model_against_readers
from cadkit.reader_study.sizing import VarianceComponents, cases_for_power, power, readers_for_power

_USUAL_FOM = {True: "wafroc", False: "auc"}  # of marks, of ratings
_LABEL = "truth"
_LEVEL = "case"


@dataclass(frozen=True)
class MrmcInput:
    """Where the reads of a study are.

    Attributes:
        table: a long table (CSV), an `.imrmc` file or a workbook of RJafroc (`.xlsx`); None where there are marks.
        marks, cases, lesions: the three tables of a free-response study.
        reader, modality, case, rating, truth, cluster: columns of a long table; modality "" where there is one only.
        weight: column of the lesions' weights.
    """

    table: Path | None = None
    marks: Path | None = None
    cases: Path | None = None
    lesions: Path | None = None
    reader: str = "reader"
    modality: str = "modality"
    case: str = "case"
    rating: str = "rating"
    truth: str = "truth"
    cluster: str | None = None
    weight: str = "weight"

    def files(self) -> list[Path]:
        """What is read."""
        return [path for path in (self.table, self.marks, self.cases, self.lesions) if path is not None]

    def read(self) -> RatingStudy | MarkStudy:
        """The study.

        Raises:
            InputError: the options do not go together, or a file is not what it must be.
        """
        tables = (self.marks, self.cases, self.lesions)
        if any(tables):
            if self.table is not None or not all(tables):
                raise InputError(
                    "marks, cases and lesions go together, without a table", row="--marks",
                    mend="Give --marks marks.csv --cases cases.csv --lesions lesions.csv.",
                )  # fmt: skip
            return read_marks(*(cast(Path, path) for path in tables), weight=self.weight)
        if self.table is None:
            raise InputError("there is nothing to read", mend="Name a table, or --marks, --cases and --lesions.")
        if self.table.suffix.lower() == ".imrmc":
            return read_imrmc(self.table)
        if self.table.suffix.lower() == ".xlsx":
            return read_rjafroc(self.table)
        return read_ratings(
            self.table, reader=self.reader, modality=self.modality or None, case=self.case, rating=self.rating,
            truth=self.truth, cluster=self.cluster,
        )  # fmt: skip


@dataclass(frozen=True)
class MrmcSettings:
    """How an MRMC study is analysed.

    Attributes:
        fom: figure of merit; "" for AUC of ratings and weighted AFROC of marks.
        method, covariance, threshold, ci: as `cadkit.reader_study.analyse` takes them.
        model: a reader that is a model: it is tested against the others.
        size: planned studies as (readers, cases) whose power is given; 0 for the smallest number that reaches `goal`.
        effect: true difference of the figure of merit that a plan is to show.
        goal: power to be reached.
    """

    fom: str = ""
    method: Method = "or"
    covariance: Covariance = "jackknife"
    threshold: float | None = None
    ci: float = 0.95
    model: str = ""
    size: tuple[tuple[int, int], ...] = ()
    effect: float | None = None
    goal: float = 0.8

    @staticmethod
    def sizes(texts: Sequence[str]) -> tuple[tuple[int, int], ...]:
        """`12x200`: readers and cases; a `?` for one of them asks for the smallest number.

        Raises:
            InputError: a text is not of this form.
        """
        found = []
        for text in texts:
            parts = text.lower().split("x")
            known = [0 if part.strip() == "?" else int(part) if part.strip().isdigit() else -1 for part in parts]
            if len(known) != 2 or min(known) < 0 or known == [0, 0]:
                raise InputError(
                    "takes readers and cases as 12x200, one of them may be ?", row="--size", value=text,
                    mend="12x? asks how many cases twelve readers need.",
                )  # fmt: skip
            found.append((known[0], known[1]))
        return tuple(found)


def mrmc_study(
    given: MrmcInput,
    folder: str | Path,
    settings: MrmcSettings,
    *,
    command: str = "",
    exports: Sequence[str] = (),
) -> Report:
    """Analyse ratings or marks of several readers and write `folder/report.json`.

    Args:
        given: where the reads are.
        folder: of the report; an earlier report there is replaced, anything else is refused.
        settings: what is computed.
        command: what the user typed.
        exports: layouts in which the study is written into the folder as well: imrmc, rjafroc.

    Raises:
        InputError: the reads or the settings are not what they must be.
    """
    folder = Path(folder)
    claim(folder)
    if settings.size and settings.effect is None:
        raise InputError("needs a difference to show", row="--size", mend="Add --effect 0.05.")
    if settings.size and settings.model:
        raise InputError(
            "a plan is of two modalities, not of a model against readers", row="--size", mend="Leave out --models."
        )
    study = given.read()
    report = mrmc_report(study, given, settings, command)
    (folder / "report.json").unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "report.json", report)
    for layout in exports:
        export(study, folder, layout)
    return report


def mrmc_report(study: RatingStudy | MarkStudy, given: MrmcInput, settings: MrmcSettings, command: str = "") -> Report:
    """The report of an MRMC analysis, without writing it."""
    fom = settings.fom or _USUAL_FOM[isinstance(study, MarkStudy)]
    if settings.model:
        results, comparisons, part = _against(study, fom, settings)
    else:
        found = analyse(
            study, fom=fom, method=settings.method, covariance=settings.covariance, threshold=settings.threshold,
            ci=settings.ci,
        )  # fmt: skip
        results, comparisons, part = _results(study, found), _comparisons(found), _part(found, settings)
    truth = study.truth
    positives = int(truth.sum())
    units = CohortUnits(
        label=_LABEL, level=_LEVEL, eligible=len(truth), skipped=0, unknown=0, unanswered=0, evaluated=len(truth),
        positives=positives, negatives=len(truth) - positives,
    )  # fmt: skip
    models: list[ModelRow] = [
        {"name": name, "kind": "scores", "labels": [_LABEL], "source": f"modality {name}"} for name in study.modalities
    ]
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "cadkit": cadkit.__version__,
        "command": command,
        "seed": 0,
        "inputs": [{"kind": "table", "name": p.name, "fingerprint": sha256_of(p)} for p in given.files()],
        "settings": {**asdict(settings), "fom": fom},
        "cohort": Cohort(
            split="the table", steps=[], left_out=[], units=[units], patients=len(truth),
            positives={_LEVEL: {_LABEL: positives}},
        ),
        "models": models,
        "results": results,
        "worst_case": [],
        "comparisons": comparisons,
        "curves": [],
        "cases": [],
        "warnings": [],
        "reader_study": {"mrmc": part},
    }  # fmt: skip


def _row(model: str, fom: str, one: Estimate, ci: float, study: Any, given: dict[str, Any], how: str) -> ResultRow:
    whole = one.low is not None
    found = metrics.Result(
        fom, one.value, one.low, one.high, ci if whole else None, how if whole else None, n=len(study.cases),
        positives=int(study.truth.sum()), reason=one.reason, given=given,
    )  # fmt: skip
    return result_row(model, _LABEL, _LEVEL, found)


def _results(study: RatingStudy | MarkStudy, found: MrmcResult) -> list[ResultRow]:
    rows = []
    for modality, values in zip(found.modalities, found.values, strict=True):
        for reader, value in zip(found.readers, values, strict=True):
            rows.append(_row(modality, found.fom, Estimate(float(value)), found.ci, study, {"reader": reader}, ""))
    for random, inference in found.inferences.items():
        for modality, one in inference.means.items():
            given = {"of": "mean of readers", "inference": random, "se": one.se, "df": one.df}
            rows.append(_row(modality, found.fom, one, found.ci, study, given, f"{found.method}-{random.lower()}"))
    return rows


def _comparison(a: str, b: str, fom: str, one: Estimate, method: str, **given: Any) -> ComparisonRow:
    row = ComparisonRow(
        a=a, b=b, label=_LABEL, level=_LEVEL, subgroup="all", metric=fom, at=None, difference=one.value, low=one.low,
        high=one.high, p=one.p, p_adjusted=None, method=method, flags=[],
        given={**given, "se": one.se, "df": one.df, "statistic": one.statistic},
    )  # fmt: skip
    if one.reason is not None:
        row["reason"] = one.reason
    return row


def _comparisons(found: MrmcResult) -> list[ComparisonRow]:
    """Differences of modalities, Holm's P over the pairs of one inference."""
    rows: list[ComparisonRow] = []
    for random, inference in found.inferences.items():
        pairs = [
            _comparison(a, b, found.fom, one, f"{found.method}-{random.lower()}")
            for (a, b), one in inference.differences.items()
        ]
        known = [row for row in pairs if row["p"] is not None]
        for row, adjusted in zip(known, metrics.holm([cast(float, row["p"]) for row in known]), strict=True):
            row["p_adjusted"] = float(adjusted)
        rows += pairs
    return rows


def _part(found: MrmcResult, settings: MrmcSettings) -> dict[str, Any]:
    overall = {random: asdict(one.overall) for random, one in found.inferences.items() if one.overall is not None}
    return {
        "fom": found.fom,
        "method": found.method,
        "covariance": found.covariance,
        "design": found.design,
        "readers": list(found.readers),
        "modalities": list(found.modalities),
        "cases": found.cases,
        "overall": overall,
        "components": dict(found.components),
        "power": _plans(found, settings),
    }


def _plans(found: MrmcResult, settings: MrmcSettings) -> list[dict[str, Any]]:
    """Power of every planned study, cases and readers random; a 0 is replaced by the smallest number that suffices."""
    if not settings.size or settings.effect is None:
        return []
    components = VarianceComponents.of(found)
    alpha = 1 - settings.ci
    rows = []
    for readers, cases in settings.size:
        if not cases:
            cases = cases_for_power(components, readers, settings.effect, goal=settings.goal, alpha=alpha) or 0
        elif not readers:
            readers = readers_for_power(components, cases, settings.effect, goal=settings.goal, alpha=alpha) or 0
        if readers and cases:
            rows.append(asdict(power(components, readers, cases, settings.effect, alpha=alpha)))
        else:
            reason = f"no number of {'cases' if readers else 'readers'} reaches a power of {settings.goal:g}"
            rows.append(
                {"readers": readers, "cases": cases, "effect": settings.effect, "power": None, "reason": reason}
            )
    return rows


def _against(
    study: RatingStudy | MarkStudy, fom: str, settings: MrmcSettings
) -> tuple[list[ResultRow], list[ComparisonRow], dict[str, Any]]:
    """One model against the readers (Hillis 2013); differences are model minus readers."""
    found = model_against_readers(
        study, settings.model, fom=fom, covariance=settings.covariance, threshold=settings.threshold, ci=settings.ci
    )
    rows = [_row(found.model, found.fom, Estimate(found.model_value), settings.ci, study, {"reader": found.model}, "")]
    for reader, value in zip(found.readers, found.reader_values, strict=True):
        rows.append(_row("readers", found.fom, Estimate(float(value)), settings.ci, study, {"reader": reader}, ""))
    rows.append(
        _row("readers", found.fom, Estimate(found.readers_mean), settings.ci, study, {"of": "mean of readers"}, "")
    )
    comparisons = []
    for random, one in found.differences.items():
        turned = Estimate(
            -one.value, one.se, one.df, None if one.high is None else -one.high, None if one.low is None else -one.low,
            None if one.statistic is None else -one.statistic, one.p, one.reason,
        )  # fmt: skip
        comparisons.append(_comparison(found.model, "readers", found.fom, turned, f"hillis-{random.lower()}"))
    part = {
        "fom": found.fom, "method": "hillis", "covariance": found.covariance, "design": "crossed",
        "readers": list(found.readers), "modalities": [found.model, "readers"], "cases": len(study.cases),
        "overall": {}, "power": [],
        "components": {"var_readers": found.var_readers, "var_error": found.var_error, "cov2": found.cov2},
    }  # fmt: skip
    return rows, comparisons, part
