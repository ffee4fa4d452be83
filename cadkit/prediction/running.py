"""Running a model over exams and writing what it says, exam by exam, so that a kill loses one exam.

While it runs, a journal takes a line per exam; a line is complete or is not read. At the end the
journal becomes tables. The same command typed again goes on with the exams that have no line.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cadkit.data import Dataset, Exam, Image
from cadkit.data.split_uses import record_use
from cadkit.errors import CadkitError, Failure
from cadkit.files import disk_full
from cadkit.plugin import ExamPrediction, ImagePrediction, Marks, Model, Skipped
from cadkit.plugin.contract import ModelInfo
from cadkit.plugin.pooling import check_kinds, images_of, pool_exam
from cadkit.plugin.raised import place, told
from cadkit.prediction.columns import MARK_COLUMNS, ROI_COLUMNS
from cadkit.prediction.folder import Predictions, saliency_path, write_saliency
from cadkit.prediction.frames import saliency_to_file
from cadkit.prediction.journal import JOURNAL, Failed, left_of, rows_of
from cadkit.prediction.writing import (
    Tables,
    begin,
    differing,
    finish,
    places_table,
    scores_table,
    skipped_table,
)
from cadkit.progress import track

CALLED = "_cadkit_called"  # attribute of a model that stands for something that a person calls otherwise
_IDENTITY = (
    "model", "version", "code", "run", "run_created", "files", "settings", "labels", "scores", "pooling",
    "dataset_fingerprint", "store_fingerprint", "split", "seed", "saliency", "exams",
)  # fmt: skip


def predict_model(
    model: Model,
    data: Dataset,
    folder: str | Path,
    *,
    record: Mapping[str, Any],
    saliency: bool = False,
    quiet: bool = False,
    beside: bool = False,
    retry_failed: bool = False,
) -> Predictions:
    """Run a model over every exam of `data` and write a prediction folder.

    Args:
        model: loaded, ready to predict.
        data: the exams; their truth is hidden from the model.
        folder: of the prediction. One that was begun with the same settings is finished; one that
            is complete is returned as it is.
        record: what prediction.toml says of the model and the run.
        saliency: write the maps too.
        quiet: show no progress.
        beside: where the folder holds another prediction, take the next free one beside it, `<folder>-2`.
        retry_failed: ask again about the exams that were answered `Failed`, also of a complete prediction, which is
            left as it is until all of them are answered.

    Raises:
        InputError: the folder holds another prediction.
        Failure: the model raised, or answered what the contract forbids; the exam is named.
    """
    folder = Path(folder)
    exams = data.view(access="prediction").exams
    info = model.info
    full = {
        **record,
        "labels": list(info.labels),
        "scores": info.scores,
        "localizes": info.localizes,
        "pooling": {"views": info.pooling[0], "breasts": info.pooling[1]},
        "dataset": str(data.folder.resolve()),
        "dataset_fingerprint": data.fingerprint,
        "saliency": saliency,
        "exams": len(exams),
    }
    if beside:
        folder = _beside(folder, full)
    complete = begin(folder, full, _IDENTITY)
    if full.get("run") or full.get("split") != "all":  # what nobody trained, asked about all exams, needs no split
        record_use(data.folder, "prediction", folder)
    journal = folder / JOURNAL
    if complete and not (retry_failed and journal.exists()):
        made = Predictions.open(folder)
        made.was_complete, made.notes = True, _notes(info, data)
        return made
    model.wants = frozenset({"marks", "rois", "saliency"} if saliency else {"marks", "rois"})
    left = left_of(journal, exams, retry_failed)
    answers = _answers(model, left)
    try:
        with journal.open("a", encoding="utf-8") as lines:
            for exam, answer in track(zip(left, answers, strict=True), "predicting exams", len(left), quiet):
                row = _checked_row(model, exam, answer, folder, saliency)
                lines.write(json.dumps(row, allow_nan=False) + "\n")
                lines.flush()
    except OSError as error:
        raise disk_full(journal, error) from error
    _finish(folder, info, full, rows_of(journal, [exam.id for exam in exams]))
    made = Predictions.open(folder)
    made.notes = _notes(info, data)
    return made


def _beside(folder: Path, record: Mapping[str, Any]) -> Path:
    """`folder`, or the first of `<folder>-2`, `<folder>-3`, ... that holds no other prediction."""
    chosen, number = folder, 1
    while differing(chosen, record, _IDENTITY):
        number += 1
        chosen = folder.with_name(f"{folder.name}-{number}")
    return chosen


def _notes(info: ModelInfo, data: Dataset) -> tuple[str, ...]:
    """What cannot be judged afterwards: labels that no table of the dataset has."""
    columns = {*data.tables["breasts"].columns, *data.tables["exams"].columns}
    unknown = [label for label in info.labels if label.partition("=")[0] not in columns]
    if not unknown:
        return ()
    return (
        f"neither breasts.csv nor exams.csv of {data.folder} has {', '.join(unknown)}, which the model scores; "
        f"the dataset's labels are {', '.join(data.meta.labels)}",
    )


def _answers(model: Model, exams: Sequence[Exam]) -> Iterator[ExamPrediction | Skipped]:
    """The model's answers, checked to be one per exam; whatever it raises names the exam."""
    asked: list[str] = []

    def handed() -> Iterable[Exam]:
        for exam in exams:
            asked.append(exam.id)
            yield exam

    given = 0
    try:
        for answer in _spoken_aside(model, handed()):
            if given == len(exams):
                raise Failure(f"The model gave more answers than the {len(exams)} exams that it was asked about.")
            check_kinds(exams[given], answer)
            given += 1
            yield answer
    except CadkitError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and not place(error, type(model)):
            raise  # a signal, and not the model, ends the program
        where = f"exam {asked[given]}" if given < len(asked) else f"the exams after {given}"
        called = getattr(model, CALLED, f"The model {type(model).__name__}")
        raise Failure(f"{called} raised {told(error, type(model), f'on {where}')}") from error
    if given < len(exams):
        raise Failure(f"The model gave {given} answers for {len(exams)} exams; the first without is {exams[given].id}.")


def _spoken_aside(model: Model, exams: Iterable[Exam]) -> Iterator[ExamPrediction | Skipped]:
    """What a model answers; what it prints goes to standard error, for standard output belongs to the command."""
    with contextlib.redirect_stdout(sys.stderr):
        answers = iter(model.predict(exams))
    while True:
        with contextlib.redirect_stdout(sys.stderr):
            try:
                answer = next(answers)
            except StopIteration:
                return
        yield answer


def _checked_row(
    model: Model, exam: Exam, answer: ExamPrediction | Skipped, folder: Path, saliency: bool
) -> dict[str, Any]:
    """The journal's row; an answer that cannot be read is the model's defect and names the exam."""
    try:
        return _journal_row(exam, answer, model.info, folder, saliency)
    except CadkitError:
        raise
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise Failure(f"Exam {exam.id}: the answer of {type(model).__name__} cannot be read: {error}") from error


def _journal_row(
    exam: Exam, answer: ExamPrediction | Skipped, info: ModelInfo, folder: Path, saliency: bool
) -> dict[str, Any]:
    pooled = pool_exam(exam, answer, info)
    row: dict[str, Any] = {
        "exam": exam.id,
        "images": pooled.images,
        "breasts": pooled.breasts,
        "scores": pooled.exam,
        "skipped": pooled.skipped,
        "views": pooled.views,
        "marks": [],
        "rois": [],
    }
    if isinstance(answer, Failed):
        row["failed"] = True
    if isinstance(answer, Skipped):
        return row
    for image in exam.images:
        given = images_of(answer).get(image.id)
        if isinstance(given, ImagePrediction):
            if given.crop_of not in (None, image.id):
                raise Failure(
                    f"Exam {exam.id}, image {image.id}: its places are in pixels of a crop of image {given.crop_of}."
                )
            _places(image, given, info, row)
            if saliency and given.saliency is not None:
                _write_map(image, given, info, folder)
    return row


def _smaller_sums(rows: Sequence[Mapping[str, Any]], info: ModelInfo) -> list[tuple[str, str, str]]:
    """A sum over fewer views, or breasts, than others have is not comparable: it is said."""
    parts: list[tuple[str, dict[str, int]]] = []
    if info.pooling[0] == "sum":
        parts.append(("views", {f"{r['exam']}/{side}": n for r in rows for side, n in r["views"].items()}))
    if info.pooling[1] == "sum":
        parts.append(("breasts", {r["exam"]: len(r["breasts"]) for r in rows if r["breasts"]}))
    return [
        ("warning", name, f"a sum over {n} {what} where others have {max(counts.values())}")
        for what, counts in parts
        for name, n in counts.items()
        if n < max(counts.values())
    ]


def _places(image: Image, answer: ImagePrediction, info: ModelInfo, row: dict[str, Any]) -> None:
    for name, marks in (("marks", answer.marks), ("rois", answer.rois)):
        if marks is None:
            continue
        _check_marks(marks, info, f"Exam {image.exam.id}, image {image.id}: {name}")
        if answer.frame == "prepared":
            marks = marks.moved(image.to_file)
        for index in range(len(marks)):
            box = [None] * 4 if marks.boxes is None else marks.boxes[index].tolist()
            place = [image.id, *marks.points[index].tolist(), *box]
            for label, score in _mark_scores(marks, index, info, name):
                row[name].append([place[0], label, *place[1:], score])


def _check_marks(marks: Marks, info: ModelInfo, who: str) -> None:
    arrays = [marks.scores, marks.points, *([] if marks.boxes is None else [marks.boxes])]
    if not all(np.isfinite(array).all() for array in arrays):
        raise Failure(f"{who}: the model gave a score, point or box that is not finite.")
    if marks.boxes is not None and (marks.boxes[:, 2:] < marks.boxes[:, :2]).any():
        raise Failure(f"{who}: a box is x0, y0, x1, y1 with x0 <= x1 and y0 <= y1.")
    labels = len(info.labels)
    if marks.labels is not None and ((marks.labels < 0) | (marks.labels >= labels)).any():
        raise Failure(f"{who}: the model has {labels} label(s); a mark's label is {marks.labels.max()}.")
    if who.endswith("rois"):
        if marks.scores.ndim != 1:
            raise Failure(f"{who}: a region of interest has one attention.")
    elif marks.scores.ndim == 2 and marks.scores.shape[1] != labels:
        raise Failure(f"{who}: the model has {labels} label(s) and gave {marks.scores.shape[1]} scores a mark.")
    elif marks.scores.ndim == 1 and marks.labels is None and labels > 1:
        raise Failure(f"{who}: marks of a model with several labels need labels, or a score for every label.")


def _mark_scores(marks: Marks, index: int, info: ModelInfo, name: str) -> list[tuple[str, float]]:
    scores = marks.scores[index]
    if name == "rois":
        return [("", float(scores))]
    if scores.ndim == 1:
        return [(label, float(score)) for label, score in zip(info.labels, scores, strict=True)]
    if marks.labels is not None:
        return [(info.labels[int(marks.labels[index])], float(scores))]
    return [(info.labels[0], float(scores))]


def _write_map(image: Image, answer: ImagePrediction, info: ModelInfo, folder: Path) -> None:
    assert answer.saliency is not None
    values = answer.saliency.values
    who = f"Exam {image.exam.id}, image {image.id}"
    if len(values) != len(info.labels):
        raise Failure(f"{who}: the model has {len(info.labels)} label(s) and gave {len(values)} saliency maps.")
    if not (np.isfinite(values).all() and (values >= -1e-6).all() and (values <= 1 + 1e-6).all()):
        low, high = values.min(), values.max()
        raise Failure(f"{who}: saliency lies between 0 and 1; the model's reaches from {low} to {high}.")
    if answer.frame == "file":
        from cadkit.data import Affine

        rows, columns = image.columns.get("rows"), image.columns.get("columns")
        made = saliency_to_file(answer.saliency, (rows or image.shape[0], columns or image.shape[1]), Affine())
    else:
        made = saliency_to_file(answer.saliency, image.shape, image.to_file)
    write_saliency(saliency_path(folder, image.id), made)


def _finish(folder: Path, info: ModelInfo, record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Turn the journal's rows into tables; only then is the prediction complete."""
    levels = {
        "image": [{"image_id": i, "exam_id": r["exam"], **s} for r in rows for i, s in r["images"].items()],
        "breast": [{"exam_id": r["exam"], "side": side, **s} for r in rows for side, s in r["breasts"].items()],
        "exam": [{"exam_id": r["exam"], **r["scores"]} for r in rows if r["scores"] is not None],
    }
    skipped = [*(s for row in rows for s in row["skipped"]), *_smaller_sums(rows, info)]
    finish(
        folder,
        Tables(
            {level: scores_table(level, table, info.labels) for level, table in levels.items()},
            places_table([mark for row in rows for mark in row["marks"]], MARK_COLUMNS),
            places_table([roi[:1] + roi[2:] for row in rows for roi in row["rois"]], ROI_COLUMNS),
            skipped_table(skipped),
        ),
        {**record, "failed": sum(bool(row.get("failed")) for row in rows) or None},
    )
