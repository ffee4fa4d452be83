"""Running other people's programs: a time limit, their last words kept, and no child left behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from cadkit.errors import InputError

_KEPT_BYTES = 64 * 1024
_GRACE_S = 5.0
_SUPERVISED_S = 3 * _GRACE_S  # a supervisor waits for the program, then kills what is left
SUPERVISOR: tuple[str, ...] = ()
"""Words before those of a program that make it supervised; none where the system has no subreapers."""
if sys.platform == "linux" and os.access(sys.executable or "", os.X_OK):
    SUPERVISOR = (sys.executable, "-I", "-S", str(Path(__file__).with_name("supervisor.py")))


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        status: exit status; negative: the signal that ended it; None: it was killed for taking too long.
        seconds: how long it ran.
        errors, output: the ends of what it wrote to standard error and standard output.
    """

    status: int | None
    seconds: float
    errors: str
    output: str

    def __str__(self) -> str:
        if self.status is None:
            return f"killed after {self.seconds:.0f} s, its time limit"
        if self.status == -signal.SIGKILL:
            return "ended by SIGKILL, as where memory runs out"
        if self.status < 0:
            return f"ended by {_signal_name(-self.status)}"
        return f"exit status {self.status}"

    @property
    def last_words(self) -> str:
        """The last line of standard error that says something."""
        lines = [line for line in self.errors.splitlines() if line.strip()]
        return "".join(c if c.isprintable() else " " for c in lines[-1])[:200].strip() if lines else ""


class Processes:
    """Programs that run at the same time, each with all of its children, which end with it.

    On Linux a supervisor (`cadkit.prediction.supervisor`) holds a program and whatever it starts. Elsewhere a program
    leads a group of its own, and a child that takes a session of its own is out of reach.
    """

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def run(self, words: Sequence[str], folder: Path, timeout: float) -> Ended | None:
        """Run a program to its end.

        Args:
            words: program and arguments; no shell reads them.
            folder: where its standard error and output are kept while it runs.
            timeout: seconds.

        Returns:
            How it ended; None if `stop` was called.

        Raises:
            InputError: it cannot be started.
        """
        started = time.monotonic()
        with (folder / "stderr").open("w+b") as errors, (folder / "stdout").open("w+b") as output:
            with self._lock:
                if self._stopped.is_set():
                    return None
                process, told = _start(words, output, errors)
                self._running.add(process)
            try:
                process.wait(timeout)
                status: int | None = _status(process, told, words)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                self._running.discard(process)
                _end([process])  # and children that outlived it
                told.close()
            if self._stopped.is_set():
                return None
            return Ended(status, time.monotonic() - started, _tail(errors), _tail(output))

    def stop(self) -> None:
        """End every program and its children; no further one starts."""
        with self._lock:
            self._stopped.set()
            running = list(self._running)
        _end(running)


def run_program(words: Sequence[str], timeout: float) -> Ended:
    """Run another program to its end, or to a time limit; none of its children is left when this returns.

    Args:
        words: program and arguments; no shell reads them.
        timeout: seconds.

    Returns:
        How it ended, and what it said.

    Raises:
        InputError: it cannot be started.
    """
    with tempfile.TemporaryDirectory() as folder, terminable():
        ended = Processes().run(words, Path(folder), timeout)
    assert ended is not None  # nobody else can stop it
    return ended


def _start(words: Sequence[str], output: IO[bytes], errors: IO[bytes]) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Start a program; where it has a supervisor, what is read from the second tells its status."""
    read, write = os.pipe()
    told = os.fdopen(read, "rb")
    try:
        before = [*SUPERVISOR, str(write), str(os.getpid()), str(_GRACE_S)] if SUPERVISOR else []
        process = subprocess.Popen(
            [*before, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True,
            pass_fds=[write] if before else [],
        )  # fmt: skip
    except OSError as error:
        told.close()
        raise _unstarted(words, error.errno) from None
    finally:
        os.close(write)
    return process, told


def _status(process: subprocess.Popen[bytes], told: IO[bytes], words: Sequence[str]) -> int:
    """The program's status, once it has ended."""
    said = told.read().decode()
    if said.startswith("error "):
        raise _unstarted(words, int(said.removeprefix("error ")))
    if SUPERVISOR and not said:  # the supervisor was killed; its own status is 0 where SIGCHLD is ignored
        return process.returncode or -signal.SIGKILL
    return int(said or process.returncode)


def _unstarted(words: Sequence[str], number: int | None) -> InputError:
    mend = "A script begins with a line such as #!/bin/sh." if number == errno.ENOEXEC else ""
    reason = os.strerror(number) if number else "no reason is known"
    return InputError(f"the program cannot be started: {reason}", value=words[0], mend=mend)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask, wait a little, then kill: a container's client passes the first signal on to the container."""
    for process in processes:
        if process.returncode is None:
            _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + (_SUPERVISED_S if SUPERVISOR else _GRACE_S)
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _tail(file: IO[bytes]) -> str:
    """The end of a file that was opened before the program was: its name may lead elsewhere by now."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _KEPT_BYTES))
    text = file.read(_KEPT_BYTES).decode("utf-8", "replace")
    return text if size <= _KEPT_BYTES else f"[{size - _KEPT_BYTES} bytes before this are left out]\n{text}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def terminable() -> Iterator[None]:
    """Within the block a SIGTERM ends this process as ctrl-C does, so that what it started is ended first.

    Where SIGCHLD is ignored, it is not within the block: the system would tell of no program how it ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, leave)}
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
