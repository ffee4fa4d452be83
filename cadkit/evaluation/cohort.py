"""The cohort: which exams, breasts and images are evaluated, and why the others are not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadkit.data import Breast, Dataset, Exam, Image
from cadkit.errors import InputError
from cadkit.evaluation.population import EVERYONE, PAIR, Population, share_of_malignant
from cadkit.evaluation.schema import Cohort, CohortStep, LeftOut
from cadkit.prediction import Predictions
from cadkit.prediction.columns import FILES
from cadkit.prediction.levels import LOWER, Unit, answered_exams, incomplete, pooled, rows_by_id


@dataclass(eq=False)
class Scored:
    """One model's scores of the cohort.

    Attributes:
        name: of the model.
        predictions: its folder.
        label: how it calls each label; further scores are `<name>.<label>`.
        tables: by level, id -> row of scores.
        partial: by level that was pooled here, how many units were pooled from fewer parts than they have, of how many.
    """

    name: str
    predictions: Predictions
    tables: dict[str, dict[Any, dict[str, float]]] = field(default_factory=dict)
    partial: dict[str, tuple[int, int]] = field(default_factory=dict)

    def scores(self, level: str) -> dict[Any, dict[str, float]]:
        """Rows of scores by id: image_id, (exam_id, side) or exam_id."""
        if level not in self.tables:
            self.tables[level] = rows_by_id(self.predictions, level)
        return self.tables[level]

    def gives(self, level: str) -> bool:
        """Whether a level has scores, of its own or from the level below."""
        if self.predictions.has(level) and self.scores(level):
            return True
        return level in LOWER and self.gives(LOWER[level])


@dataclass
class Chosen:
    """The evaluated exams and the account of how they were chosen.

    Attributes:
        exams: of the population that every model answered.
        population: which of their breasts count.
        unions: labels that are one of several, by name: truth is either, score the largest.
        eligible: exams of the population, answered or not.
        clusters: what is resampled, by exam; the patient where it is empty.
        skipped: eligible exams that a model left out, by its name, whatever the others did.
    """

    data: Dataset
    split: str
    exams: list[Exam]
    steps: list[CohortStep]
    left_out: list[LeftOut]
    population: Population = EVERYONE
    unions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    eligible: list[Exam] = field(default_factory=list)
    clusters: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)

    def cluster_of(self, unit: Unit) -> str:
        """The patient of an exam, breast or image, or what is resampled in the patient's place."""
        exam = unit if isinstance(unit, Exam) else unit.exam
        return self.clusters[exam.id] if self.clusters else exam.patient_id

    @property
    def breasts(self) -> list[Breast]:
        """Every breast of the population, exam by exam."""
        return _breasts(self.exams, self.population)

    @property
    def images(self) -> list[Image]:
        """Every image of these breasts, exam by exam."""
        return _images(self.exams, self.population)

    def parts(self, label: str) -> tuple[str, ...]:
        """The labels of a union; a plain label alone."""
        return self.unions.get(label, (label,))

    def truth(self, unit: Unit, label: str) -> float:
        """1, 0 or NaN (unknown): of a union 1 if any is, unknown if none is but one may be."""
        if label not in self.unions:
            return unit.truth(label)
        values = [unit.truth(part) for part in self.parts(label)]
        if 1.0 in values:
            return 1.0
        return math.nan if any(map(math.isnan, values)) else 0.0

    def score(self, row: Mapping[str, float], name: str) -> float | None:
        """The score of a label in a row of scores, or of a further score; None where it has none.

        Raises:
            InputError: scores below 0 are to be made to sum to one.
        """
        if self.population.normalised and name == PAIR[0]:
            if any(part not in row for part in PAIR):
                return None
            share = share_of_malignant(row[PAIR[0]], row[PAIR[1]])
            return None if math.isnan(share) else share
        if name not in self.unions:
            return row.get(name)
        parts = self.parts(name)
        return max(row[part] for part in parts) if all(part in row for part in parts) else None

    def units(self, level: str) -> list[tuple[Any, Unit]]:
        """(id, unit) of a level, in the order of the tables; a breast's id is (exam_id, side)."""
        if level == "exam":
            return [(exam.id, exam) for exam in self.exams]
        if level == "breast":
            return [((breast.exam.id, breast.side), breast) for breast in self.breasts]
        return [(image.id, image) for image in self.images]

    def as_json(self, labels: Sequence[str]) -> Cohort:
        """The cohort as report.json holds it."""
        positives: dict[str, dict[str, int]] = {}
        for level in ("breast", "exam"):
            values = {label: [self.truth(u, label) for _, u in self.units(level)] for label in labels}
            positives[level] = {label: int(sum(v == 1 for v in truth)) for label, truth in values.items()}
        return {
            "split": self.split,
            "population": self.population.name,
            "steps": self.steps,
            "left_out": self.left_out,
            "patients": len({exam.patient_id for exam in self.exams}),
            "positives": positives,
        }


def _breasts(exams: Sequence[Exam], population: Population) -> list[Breast]:
    return [b for exam in exams for b in exam.breasts.values() if population.has(exam.id, b.side)]


def _images(exams: Sequence[Exam], population: Population) -> list[Image]:
    return [image for exam in exams for image in exam.images if population.has(exam.id, image.side)]


def _step(step: str, exams: Sequence[Exam], reason: str = "", population: Population = EVERYONE) -> CohortStep:
    return {
        "step": step,
        "exams": len(exams),
        "breasts": len(_breasts(exams, population)),
        "images": len(_images(exams, population)),
        "reason": reason,
    }


def choose(
    data: Dataset,
    split: str,
    models: Sequence[Scored],
    population: Population = EVERYONE,
    unions: Mapping[str, tuple[str, ...]] | None = None,
) -> Chosen:
    """The exams of a split and population that every model answered.

    Raises:
        InputError: a model scored an exam that the dataset has not, or neither scored nor skipped
            one of the split: the number that is missing would otherwise be silent.
    """
    steps = [_step("in the dataset", data.exams)]
    part = data.split(split)
    exams = list(part.exams)
    if split != "all":
        steps.append(_step(f"in the split {split}", exams, "the other splits were for learning"))
    wanted = population.exam_ids()
    if wanted is not None:
        exams = [exam for exam in exams if exam.id in wanted]
        steps.append(_step(f"of the population {population.name}", exams, population.reason, population))
    eligible = list(exams)
    left_out: list[LeftOut] = []
    skipped: dict[str, int] = {}
    for model in models:
        answered, reasons = _answered(model, data, exams)
        skipped[model.name] = sum(exam.id not in answered for exam in eligible)
        dropped = [exam for exam in exams if exam.id not in answered]
        for exam in dropped:
            left_out.append({"level": "exam", "id": exam.id, "reason": reasons[exam.id], "model": model.name})
        exams = [exam for exam in exams if exam.id in answered]
        steps.append(_step(f"answered by {model.name}", exams, "skipped by the model" if dropped else "", population))
        here = {exam.id for exam in exams}
        owner = dict(data.tables["images"].select("image_id", "exam_id").iter_rows())
        for level, name, reason in model.predictions.skipped().iter_rows():
            of_exam = owner.get(name) if level == "image" else name.rpartition("/")[0]
            if level in ("image", "breast") and of_exam in here:
                left_out.append({"level": level, "id": name, "reason": reason, "model": model.name})
    if not exams:
        what = f"split {split}" + (f", population {population.name}" if population.kept is not None else "")
        raise InputError("no exam is left to evaluate", file=data.folder, value=what)
    return Chosen(data, split, exams, steps, left_out, population, unions or {}, eligible, skipped=skipped)


def _answered(model: Scored, data: Dataset, exams: Sequence[Exam]) -> tuple[set[str], dict[str, str]]:
    answered = answered_exams(model.predictions, data)
    skipped = {name: reason for level, name, reason in model.predictions.skipped().iter_rows() if level == "exam"}
    missing = [exam.id for exam in exams if exam.id not in answered and exam.id not in skipped]
    if missing and not model.predictions.absent:
        raise InputError(
            f"{len(missing)} of {len(exams)} exams have no prediction",
            file=model.predictions.folder,
            value=missing[0],
            mend=_made_for(model) + "Predict them, or list each with its reason in skipped.csv (level,id,reason).",
        )
    return answered - set(skipped), {**dict.fromkeys(missing, model.predictions.absent), **skipped}


def _made_for(model: Scored) -> str:
    """Which split a model's predictions are of, as they record it."""
    split = model.predictions.record.get("split")
    return f"These predictions are of the split {split}. " if split else ""


@dataclass(frozen=True)
class Rows:
    """Truth, scores and patients of the units of one level and label, in one order for all models.

    Attributes:
        ids: of the units.
        truth: 0 or 1.
        score: models x units.
        patient: cluster of every unit: its patient, unless something else is resampled.
        unknown: units that were left out because their label is not known.
        unanswered: units that were left out because a model has no score for them.
    """

    ids: list[Any]
    truth: NDArray[np.int64]
    score: NDArray[np.float64]
    patient: NDArray[np.str_]
    unknown: int
    unanswered: int


def rows_of(
    chosen: Chosen,
    models: Sequence[Scored],
    level: str,
    label: str,
    column: str | None = None,
    also: Sequence[Scored] = (),
) -> Rows:
    """The rows of a level and label that are known and that every model scored.

    Args:
        chosen: the cohort.
        models: their scores.
        level: image, breast or exam.
        label: whose truth.
        column: the score; the label's own by default.
        also: further models that must have scored a row.

    Raises:
        InputError: a model has no such score.
    """
    every = [*models, *(one for one in also if one not in models)]
    tables = [level_scores(model, chosen, level) for model in every]
    name = column or label
    for table, model in zip(tables, every, strict=True):
        for part in PAIR if chosen.population.normalised and name == PAIR[0] else chosen.parts(name):
            _has_column(table, part, model)
    ids, truth, patient, scores = [], [], [], []
    unknown = unanswered = 0
    for identity, unit in chosen.units(level):
        value = chosen.truth(unit, label)
        found = [chosen.score(table.get(identity, {}), name) for table in tables]
        if math.isnan(value):
            unknown += 1
        elif any(score is None for score in found):
            unanswered += 1
        else:
            ids.append(identity)
            truth.append(int(value))
            patient.append(chosen.cluster_of(unit))
            scores.append(found[: len(models)])
    matrix = np.array(scores, dtype=np.float64).reshape(len(ids), len(models)).T
    return Rows(ids, np.array(truth, dtype=np.int64), matrix, np.array(patient, dtype=str), unknown, unanswered)


def _has_column(table: dict[Any, dict[str, float]], name: str, model: Scored) -> None:
    columns = dict.fromkeys(column for row in table.values() for column in row)
    if table and name not in columns:
        raise InputError(
            f"{model.name} has no score {name}; it has {', '.join(columns)}",
            file=model.predictions.folder,
            mend="Choose a label that it scores with --label.",
        )


def level_scores(model: Scored, chosen: Chosen, level: str) -> dict[Any, dict[str, float]]:
    """Scores of a level; a level that the folder lacks is pooled from the one below.

    By the pooling that prediction.toml names: mean over views and maximum over breasts by default.
    """
    if not model.gives(level):
        raise InputError(
            f"{model.name} has no scores of {FILES[level]}",
            file=model.predictions.folder,
            mend="Choose another level with --level; scores are pooled from images to breasts to exams, never back.",
        )
    if model.predictions.has(level) and model.scores(level):
        return model.scores(level)
    lower, units = level_scores(model, chosen, LOWER[level]), chosen.units(level)
    model.tables[level] = pooled(lower, units, model.predictions.record.get("pooling", {}))
    model.partial[level] = incomplete(lower, units), len(model.tables[level])
    return model.tables[level]
