"""Running other people's programs: a time limit, their last words kept, and no child left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_KEPT_BYTES = 64 * 1024
_GRACE_S = 5.0


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
        if self.status < 0:
            return f"ended by {_signal_name(-self.status)}"
        return f"exit status {self.status}"

    @property
    def last_words(self) -> str:
        """The last line of standard error that says something."""
        lines = [line for line in self.errors.splitlines() if line.strip()]
        return "".join(c if c.isprintable() else " " for c in lines[-1])[:200].strip() if lines else ""


class Processes:
    """Programs that run at the same time, each leading a group of its own, so that its children end with it."""

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
            OSError: it cannot be started.
        """
        started = time.monotonic()
        outputs = folder / "stderr", folder / "stdout"
        with outputs[0].open("wb") as errors, outputs[1].open("wb") as output:
            with self._lock:
                if self._stopped.is_set():
                    return None
                process = subprocess.Popen(
                    list(words), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True
                )
                self._running.add(process)
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired:
                _end([process])
                status = None
            finally:
                self._running.discard(process)
                _signal(process, signal.SIGKILL)  # children that outlived it
        if self._stopped.is_set():
            return None
        return Ended(status, time.monotonic() - started, *map(_tail, outputs))

    def stop(self) -> None:
        """End every program and its children; no further one starts."""
        with self._lock:
            self._stopped.set()
            running = list(self._running)
        _end(running)


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask, wait a little, then kill: a container's client passes the first signal on to the container."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        size = file.tell()
        file.seek(max(0, size - _KEPT_BYTES))
        text = file.read().decode("utf-8", "replace")
    return text if size <= _KEPT_BYTES else f"[{size - _KEPT_BYTES} bytes before this are left out]\n{text}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def terminable() -> Iterator[None]:
    """Within the block a SIGTERM ends this process as ctrl-C does, so that what it started is ended first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
