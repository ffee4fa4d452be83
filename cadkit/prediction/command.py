"""Predictions of a program that is no plugin: a vendor's container or executable that reads a folder.

It is started with a folder of exams and an empty folder for its answers (docs/own_scores.md says what lies in the one
and belongs in the other). What goes wrong with an exam is that exam's reason for being skipped, and its log is kept.
"""

from __future__ import annotations

import errno
import shlex
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import polars as pl

import cadkit
from cadkit.data import Exam
from cadkit.errors import Failure, InputError
from cadkit.files import disk_full, safe_name, write_text
from cadkit.plugin import ExamPrediction, Model, ModelInfo, Skipped
from cadkit.plugin.code import program_of
from cadkit.prediction.answers import SILENT, one_line, read_answers
from cadkit.prediction.exporting import Format
from cadkit.prediction.folder import Predictions
from cadkit.prediction.functions import without_empty_marks
from cadkit.prediction.handing import hand_over
from cadkit.prediction.journal import JOURNAL, Failed
from cadkit.prediction.processes import Ended, Processes, terminable
from cadkit.prediction.running import predict_model
from cadkit.prediction.sources import usual_labels
from cadkit.prepare import open_dataset

EXAMS, PREDICTIONS = "{exams}", "{predictions}"
WORK, LOGS = "work", "logs"
_HOPELESS = 3
Answer = ExamPrediction | Skipped
_SHELL = frozenset({"|", "||", "&&", "&", ";", "<", ">", ">>", "2>"})


def words_of(command: str) -> list[str]:
    """The words of a command, as a shell would split them; nothing else of a shell is done.

    Raises:
        InputError: it cannot be split, lacks a placeholder, needs a shell, or names no program.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"cannot be split into words: {error}", row="--command", value=command) from None
    for place in (EXAMS, PREDICTIONS):
        if not any(place in word for word in words):
            raise InputError(
                f"lacks the placeholder {place}", row="--command", value=command,
                mend=f"For instance './model --in {EXAMS} --out {PREDICTIONS}'.",
            )  # fmt: skip
    if signs := [word for word in words if word in _SHELL]:
        raise InputError(
            f"no shell reads the command, so {signs[0]} has no meaning", row="--command", value=command,
            mend="Write sh -c '...' if it needs one.",
        )  # fmt: skip
    if shutil.which(words[0]) is None:
        raise InputError(
            "there is no such program, or it may not be executed", row="--command", value=words[0],
            mend="Give its path, and `chmod +x` it.",
        )  # fmt: skip
    return words


class CommandModel(Model):
    """A program that reads a folder of exams and writes a folder of predictions.

    Args:
        words: program and arguments, with placeholders.
        info: what it scores.
        format: that images are handed over in.
        folder: of the prediction; logs go to `logs/` in it.
        timeout: seconds an exam; a start with several exams has as many times that.
        jobs: starts at the same time.
        batch: exams a start.
        proven: it has answered before, so that failures are the exams', not the program's.
    """

    def __init__(
        self,
        words: Sequence[str],
        info: ModelInfo,
        format: Format,
        folder: Path,
        *,
        timeout: float,
        jobs: int,
        batch: int,
        proven: bool,
    ) -> None:
        super().__init__()
        self.info, self.words, self.format, self.folder = info, tuple(words), format, folder.resolve()
        self.timeout, self.jobs, self.batch, self.proven = timeout, jobs, batch, proven
        self.processes = Processes()

    def predict(self, exams: Iterable[Exam]) -> Iterator[Answer]:
        """One answer per exam, in order; `jobs` starts run ahead.

        Raises:
            Failure: it failed on every one of the first exams.
        """
        shutil.rmtree(self.folder / WORK, ignore_errors=True)
        held: list[Answer] = []
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                for answer in self._answers(iter(exams), pool):
                    held.append(answer)
                    self.proven = self.proven or not isinstance(answer, Failed)
                    if self.proven:
                        yield from held
                        held.clear()
                    elif len(held) >= _HOPELESS:
                        break
            finally:
                self.processes.stop()
                pool.shutdown(cancel_futures=True)
                shutil.rmtree(self.folder / WORK, ignore_errors=True)
        if held:
            first = held[0]
            assert isinstance(first, Failed)
            asked = "exam" if len(held) == 1 else f"{len(held)} exams"
            raise Failure(
                f"The program failed on the first {asked}, so it was not asked further. The first: {first.reason}. "
                f"{self.folder / LOGS} has what it said. Add --keep-going if it is the exams' fault."
            )

    def _answers(self, exams: Iterator[Exam], pool: ThreadPoolExecutor) -> Iterator[Answer]:
        pending: deque[Future[list[Answer]]] = deque()
        while group := list(islice(exams, self.batch)):
            pending.append(pool.submit(self._group, group))
            if len(pending) > self.jobs:
                yield from _result(pending.popleft())
        while pending:
            yield from _result(pending.popleft())

    def _group(self, exams: list[Exam]) -> list[Answer]:
        """The answers for exams of one start; those that it failed on, or is silent about, are asked about alone."""
        answers = self._start(exams)
        if len(exams) == 1:
            return answers
        asked = zip(exams, answers, strict=True)
        return [self._start([exam])[0] if isinstance(answer, Failed) else answer for exam, answer in asked]

    def _start(self, exams: list[Exam]) -> list[Answer]:
        """The answers of one start, in a folder that is gone afterwards, so that a program may fill the disk once."""
        work, ended = self.folder / WORK, None
        try:
            work.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=work, ignore_cleanup_errors=True) as place:
                answers, ended = self._asked(exams, Path(place))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full(work, error) from error
            answers = _failed(exams, f"its folders were not as they were made: {error.strerror or error}")
        self._log(exams, answers, ended)
        return answers

    def _asked(self, exams: list[Exam], place: Path) -> tuple[list[Answer], Ended | None]:
        handed, given = place / "exams", place / "predictions"
        handed.mkdir()
        given.mkdir()
        ended: Ended | None = None
        try:
            sizes = hand_over(exams, handed, self.format)
            words = [w.replace(EXAMS, str(handed)).replace(PREDICTIONS, str(given)) for w in self.words]
            ended = self.processes.run(words, place, self.timeout * len(exams))
            if ended is None:
                return _failed(exams, "stopped"), None
            if ended.status != 0:
                said = f": {ended.last_words}" if ended.last_words else ""
                return _failed(exams, f"{ended}{said}"), ended
            frame: Literal["file", "prepared"] = "file" if self.format == "dicom" else "prepared"
            return read_answers(given, exams, self.info.labels, sizes, frame), ended
        except InputError as error:
            return _failed(exams, str(error).rstrip(".")), ended

    def _log(self, exams: list[Exam], answers: list[Answer], ended: Ended | None) -> None:
        lines = [shlex.join(self.words), f"exams: {', '.join(exam.id for exam in exams)}"]
        if ended is not None:
            lines += [f"{ended}, {ended.seconds:.1f} s"]
        said = [] if ended is None else ["--- standard error", ended.errors, "--- standard output", ended.output]
        for exam, answer in zip(exams, answers, strict=True):
            untold = [answer.reason] if isinstance(answer, Failed) and (ended is None or ended.status == 0) else []
            text = "\n".join([*lines, *untold, *said])
            write_text(self.folder / LOGS / f"{safe_name(exam.id)}.log", text + "\n")


def predict_command(
    command: str,
    data: str | Path,
    *,
    split: str = "test",
    out: str | Path | None = None,
    labels: Sequence[str] = (),
    scores: Literal["probability", "risk"] = "risk",
    format: Format = "dicom",
    timeout: float = 600.0,
    jobs: int = 1,
    batch: int = 1,
    retry_failed: bool = False,
    keep_going: bool = False,
    quiet: bool = False,
) -> Predictions:
    """Predict the exams of a split with a program that reads a folder and writes a folder.

    Args:
        command: with the placeholders `{exams}` and `{predictions}`; split into words, no shell reads it.
        data: dataset folder.
        split: train, validation, test or all.
        out: folder; `predictions/<program>-<split>` by default.
        labels: that it scores, a column each; malignant by default, or the dataset's only label.
        scores: probabilities, or any scale.
        format: `dicom`, the files as they came under pseudonyms, or `png16`, the prepared pictures.
        timeout: seconds an exam.
        jobs: starts at the same time.
        batch: exams a start. Where one fails, each of its exams is asked about alone, and so are those that it gave
            neither a score nor a row of skipped.csv.
        retry_failed: ask again about the exams that it failed on, for passing faults; the others keep their answers. A
            changed program makes another prediction: give `out`.
        keep_going: go on where it failed on every one of the first exams.
        quiet: show no progress.

    Returns:
        The predictions. Exams that the program failed on are skipped with its exit status and last words as the
        reason; `logs/` has all that it said. Typed again, what was begun is finished.

    Raises:
        InputError: the command, the dataset or the folder is not what it must be.
        Failure: the program failed on every one of the first exams.
    """
    words = words_of(command)
    for name, value in (("--timeout", timeout), ("--jobs", jobs), ("--batch", batch)):
        if not 0 < value < float("inf"):
            raise InputError("a number above 0 is needed", row=name, value=value)
    dataset = open_dataset(data).split(split)
    if format == "png16":
        _ = dataset.pixel_source
    name = Path(words[0]).stem
    folder = Path(out) if out is not None else Path("predictions") / f"{name}-{split}"
    chosen = tuple(labels) or usual_labels(dataset)
    journal = folder / JOURNAL
    proven = keep_going or (journal.is_file() and journal.stat().st_size > 0)
    model = CommandModel(
        words, ModelInfo(chosen, scores, localizes="marks"), format, folder,
        timeout=timeout, jobs=jobs, batch=batch, proven=proven,
    )  # fmt: skip
    record: dict[str, Any] = {
        "model": name,
        "name": name,
        "cadkit": cadkit.__version__,
        "code": program_of(words) or None,
        "split": split,
        "settings": {"command": command, "format": format},
        "store_fingerprint": dataset.store_fingerprint if format == "png16" else None,
    }
    with terminable():
        try:
            made = without_empty_marks(
                predict_model(model, dataset, folder, record=record, quiet=quiet, retry_failed=retry_failed)
            )
        finally:
            model.processes.stop()  # where the fault was ours, such as a full disk, its programs still run
    made.notes = made.notes + _silent_images(made)
    return made


def _silent_images(made: Predictions) -> tuple[str, ...]:
    """That images of exams that it answered have no score: nobody asks about those again."""
    left = made.skipped().filter((pl.col("level") == "image") & (pl.col("reason") == SILENT))["id"]
    if not len(left):
        return ()
    images = f"{len(left):,} images" if len(left) > 1 else "1 image"
    return (f"the program gave no score of {images} in exams that it answered; the first is {left[0]}",)


def _failed(exams: Sequence[Exam], reason: str) -> list[Answer]:
    return [Failed(one_line(reason, 500)) for _ in exams]


def _result(future: Future[list[Answer]]) -> list[Answer]:
    """The result, waited for in short steps: ctrl-C may reach another thread and would not end one long wait."""
    while not future.done():
        wait([future], timeout=0.2)
    return future.result()
