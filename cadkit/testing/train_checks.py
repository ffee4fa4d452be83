"""Checks of how a plugin learns."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cadkit.plugin import Run
from cadkit.testing import exams
from cadkit.testing.answers import difference
from cadkit.testing.check import Blocked, Fails, NotApplicable, check
from cadkit.testing.subject import Subject, Trained, environment, finite

_SECONDS = 300
_BETWEEN_LOOKS = 0.05
_TO_TELL = 10.0  # seconds for one process to say why it ended after the other has
_OWN_LOOP = "a model that writes `train` itself has no such promise to keep"


def _looped(subject: Subject) -> Trained:
    """A training by the core's loop, which is what makes the promises that are checked."""
    if subject.trainable and not subject.torch:
        raise NotApplicable(_OWN_LOOP)
    trained = subject.trained()
    if not trained.diary.weights:
        raise NotApplicable(_OWN_LOOP)
    return trained


@check(
    "train-ends",
    "Two epochs over two exams come to an end and leave a run behind.",
    "The exception that was raised says what went wrong; `cadkit train --debug` shows where.",
)
def ends(subject: Subject) -> None:
    subject.trained()


@check(
    "train-finite-losses",
    "Every loss of every step is finite.",
    "Leave unknown targets (NaN) out of the loss, as `cadkit.training.bce` does, and take logits instead of logarithms "
    "of probabilities.",
)
def finite_losses(subject: Subject) -> None:
    for number, step in enumerate(_looped(subject).diary.losses, start=1):
        if not finite(step):
            raise Fails(f"the losses of step {number} are {step}")


@check(
    "train-changes-weights",
    "Two steps change the network.",
    "Give the optimiser the parameters of the network that it is handed, and do not detach the losses.",
)
def changes_weights(subject: Subject) -> None:
    diary = _looped(subject).diary
    learning = {name for name, parameter in diary.network.named_parameters() if parameter.requires_grad}
    now = diary.network.state_dict()
    if not any(not now[name].cpu().equal(diary.start[name].cpu()) for name in learning):
        raise Fails(f"none of its {len(learning)} parameters moved in {len(diary.losses)} steps")


@check(
    "train-save-load",
    "What was trained and what is loaded from the run give the same answers to the last bit.",
    "Whatever is learnt belongs in the network, as a parameter or a buffer, or in a file that `load` reads.",
)
def save_load(subject: Subject) -> None:
    trained = subject.trained()
    handed = subject.handed()
    names = [exam.id for exam in handed]
    trained.model.wants = subject.ready().wants
    try:
        other = subject.answers(subject.ready(), handed)
    except Fails as reason:
        raise Blocked("predict-each-once", str(reason)) from reason
    try:
        one, again = (subject.answers(trained.model, handed) for _ in range(2))
    except Fails:  # the object that was trained holds nothing before `load`; then two that were loaded are compared
        one = again = subject.answers(subject.loaded(subject.new_model()), handed)
    if difference(one, again, names):
        raise NotApplicable("its answers differ from one call to the next: see predict-repeatable")
    if found := difference(one, other, names):
        raise Fails(found)


@check(
    "train-resume",
    "One epoch, and another after a new start, give the same weights as two in one go.",
    "Keep no counter and no generator in the model: what a step does may depend on the network, the batch and "
    "`rng` alone.",
)
def resume(subject: Subject) -> None:
    whole = _looped(subject)
    try:
        half = subject.train(subject.data(), stop=True)
        subject.train(subject.data(), run=Run.open(half.run.folder))
    except Blocked as ended:
        raise Fails(f"it could not be gone on with: {ended}") from ended
    if _weights(whole.run) != _weights(half.run):
        raise Fails("the weights after one and one resumed epoch are not those after two")


def _weights(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.weights.iterdir())}


@check(
    "train-ranks",
    "Two processes that train together (gloo) draw the same list, and hold the same weights after each epoch.",
    "Draw from the `rng` that `epoch` is handed, and from nothing else; use every parameter in every step.",
)
def ranks(subject: Subject) -> None:
    for number, step in enumerate(_looped(subject).diary.losses, start=1):
        if not finite(step):
            raise Fails(f"the losses of step {number} are {step}")
    run = subject.run_for_others()
    one, other = _two_ranks(run)
    if one["lists"] != other["lists"]:
        raise Fails("`epoch` gives each of the two processes another list of units")
    if one["weights"] != other["weights"]:
        raise Fails("the two processes hold different weights after an epoch")


def _two_ranks(run: Run) -> list[dict[str, Any]]:
    """Train in two processes; what each of them wrote down."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    processes = []
    for rank in range(2):
        with _said(run, rank).open("w") as said:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cadkit.testing.rank", os.fspath(run.folder)],
                stdout=subprocess.DEVNULL,
                stderr=said,
                stdin=subprocess.DEVNULL,
                env=environment(**shared, RANK=str(rank), LOCAL_RANK=str(rank)),
                start_new_session=True,
            )
        processes.append(process)
    try:
        in_time = _wait(processes)
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if raised := sorted(run.folder.glob("rank?-raised.json")):
        told = [f"process {path.name[4]} raised {json.loads(path.read_text())}" for path in raised]
        # A lost connection is the other's fault.
        raise Fails("; ".join(sorted(told, key=lambda text: "gloo" in text)))
    for rank, process in enumerate(processes):
        if process.returncode > 0:
            lines = _said(run, rank).read_text(errors="replace").strip().splitlines() or ["nothing"]
            raise Fails(f"process {rank} ended with status {process.returncode}: {lines[-1]}")
    if not in_time:
        raise Fails(f"the two processes did not end within {_SECONDS} s; most likely each waits for the other")
    return [json.loads((run.folder / f"rank{rank}.json").read_text()) for rank in range(2)]


def _said(run: Run, rank: int) -> Path:
    """Where a process says what goes wrong."""
    return run.folder / f"rank{rank}.txt"


def _wait(processes: list[subprocess.Popen[bytes]]) -> bool:
    """Wait until all have ended, or not long after one has failed; whether that was in time."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        ended = [process.poll() for process in processes]
        if None not in ended:
            return True
        if any(ended):  # the other may have the cause to tell
            until = min(until, time.monotonic() + _TO_TELL)
        time.sleep(_BETWEEN_LOOKS)
    return any(process.poll() for process in processes)


@check(
    "train-test-truth",
    "The truth of the test split plays no part: nobody asks for it, and turned around it gives the same weights.",
    "Take exams and labels from the data's split 'train' (and 'validation' for choosing), never from all its tables.",
)
def test_truth(subject: Subject) -> None:
    trained = subject.trained()
    turned = subject.train(subject.data(exams.ORDINARY, turned=True))
    if _weights(turned.run) == _weights(trained.run):
        return
    again = subject.train(subject.data())
    if _weights(again.run) != _weights(trained.run):
        raise NotApplicable("two trainings alike give other weights, so that nothing can be told")
    raise Fails("with the labels and findings of the test split turned around, other weights are learnt")
