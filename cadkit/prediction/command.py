"""Predictions of a program that is no plugin: a vendor's container or executable that reads a folder.

It is started with a folder of exams and an empty folder for its answers (docs/own_scores.md says what lies in the one
and belongs in the other). What goes wrong with an exam is that exam's reason for being skipped, and its log is kept.
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import cadkit
from cadkit.data import Exam
from cadkit.errors import Failure, InputError
from cadkit.files import write_text
from cadkit.plugin import ExamPrediction, Model, ModelInfo, Skipped
from cadkit.plugin.code import program_of
from cadkit.prediction.answers import read_answers
from cadkit.prediction.folder import Predictions, safe_name
from cadkit.prediction.functions import without_empty_marks
from cadkit.prediction.handing import Format, Handing
from cadkit.prediction.processes import Ended, Processes, terminable
from cadkit.prediction.running import predict
from cadkit.prediction.sources import usual_labels
from cadkit.prediction.writing import JOURNAL
from cadkit.prepare import open_dataset
from cadkit.prepare.preparing import files_of

EXAMS, PREDICTIONS = "{exams}", "{predictions}"
WORK, LOGS = "work", "logs"
_HOPELESS = 3
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


@dataclass(frozen=True)
class _Told:
    """What came of an exam; `failed` where the program, not its answer, is the reason."""

    answer: ExamPrediction | Skipped
    failed: bool = False


class CommandModel(Model):
    """A program that reads a folder of exams and writes a folder of predictions.

    Args:
        words: program and arguments, with placeholders.
        info: what it scores.
        handing: how exams are handed over.
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
        handing: Handing,
        folder: Path,
        *,
        timeout: float,
        jobs: int,
        batch: int,
        proven: bool,
    ) -> None:
        super().__init__()
        self.info, self.words, self.handing, self.folder = info, tuple(words), handing, folder.resolve()
        self.timeout, self.jobs, self.batch, self.proven = timeout, jobs, batch, proven
        self.processes = Processes()

    def predict(self, exams: Iterable[Exam]) -> Iterator[ExamPrediction | Skipped]:
        """One answer per exam, in order; `jobs` starts run ahead.

        Raises:
            Failure: it failed on every one of the first exams.
        """
        shutil.rmtree(self.folder / WORK, ignore_errors=True)
        held: list[_Told] = []
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                for told in self._told(iter(exams), pool):
                    held.append(told)
                    self.proven = self.proven or not told.failed
                    if self.proven:
                        yield from (one.answer for one in held)
                        held.clear()
                    elif len(held) >= _HOPELESS:
                        break
            finally:
                self.processes.stop()
                pool.shutdown(cancel_futures=True)
                shutil.rmtree(self.folder / WORK, ignore_errors=True)
        if held:
            first = held[0].answer
            assert isinstance(first, Skipped)
            raise Failure(
                f"The program failed on the first {len(held)} exam(s), so it was not asked further. The first: "
                f"{first.reason}. {self.folder / LOGS} has what it said."
            )

    def _told(self, exams: Iterator[Exam], pool: ThreadPoolExecutor) -> Iterator[_Told]:
        pending: deque[Future[list[_Told]]] = deque()
        while group := list(islice(exams, self.batch)):
            pending.append(pool.submit(self._group, group))
            if len(pending) > self.jobs:
                yield from _result(pending.popleft())
        while pending:
            yield from _result(pending.popleft())

    def _group(self, exams: list[Exam]) -> list[_Told]:
        """The answers for exams of one start; where it fails, each is asked about alone."""
        told = self._start(exams)
        if len(exams) > 1 and told[0].failed:
            return [one for exam in exams for one in self._start([exam])]
        return told

    def _start(self, exams: list[Exam]) -> list[_Told]:
        work = self.folder / WORK
        work.mkdir(exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=work))
        handed, answers = place / "exams", place / "predictions"
        handed.mkdir()
        answers.mkdir()
        ended: Ended | None = None
        try:
            sizes = self.handing.write(exams, handed)
            words = [w.replace(EXAMS, str(handed)).replace(PREDICTIONS, str(answers)) for w in self.words]
            ended = self.processes.run(words, place, self.timeout * len(exams))
            if ended is None:
                return [_Told(Skipped("stopped"), failed=True) for _ in exams]
            if ended.status != 0:
                said = f": {ended.last_words}" if ended.last_words else ""
                return self._failed(exams, f"{ended}{said}", ended)
            frame: Literal["file", "prepared"] = "file" if self.handing.in_file else "prepared"
            read = read_answers(answers, exams, self.info.labels, sizes, frame)
        except (InputError, OSError) as error:
            return self._failed(exams, str(error).rstrip("."), ended)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        self._log(exams, "", ended)
        return [_Told(answer) for answer in read]

    def _failed(self, exams: list[Exam], reason: str, ended: Ended | None) -> list[_Told]:
        self._log(exams, reason, ended)
        return [_Told(Skipped(reason[:500]), failed=True) for _ in exams]

    def _log(self, exams: list[Exam], reason: str, ended: Ended | None) -> None:
        lines = [shlex.join(self.words), f"exams: {', '.join(exam.id for exam in exams)}"]
        if ended is not None:
            lines += [f"{ended}, {ended.seconds:.1f} s"]
        lines += [reason] if reason and (ended is None or ended.status == 0) else []
        if ended is not None:
            lines += ["--- standard error", ended.errors, "--- standard output", ended.output]
        for exam in exams:
            write_text(self.folder / LOGS / f"{safe_name(exam.id)}.log", "\n".join(lines) + "\n")


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
        batch: exams a start. Where one fails, each of its exams is asked about alone.
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
    handing = Handing(format, files_of(dataset.folder, dataset) if format == "dicom" else {})
    journal = folder / JOURNAL
    model = CommandModel(
        words, ModelInfo(chosen, scores, localizes="marks"), handing, folder,
        timeout=timeout, jobs=jobs, batch=batch, proven=journal.is_file() and journal.stat().st_size > 0,
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
            return without_empty_marks(predict(model, dataset, folder, record=record, quiet=quiet))
        finally:
            model.processes.stop()  # where the fault was ours, such as a full disk, its programs still run


def _result(future: Future[list[_Told]]) -> list[_Told]:
    """The result, waited for in short steps: ctrl-C may reach another thread and would not end one long wait."""
    while not future.done():
        wait([future], timeout=0.2)
    return future.result()
