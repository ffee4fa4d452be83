"""A small process between cadkit and a program, on Linux: no child of the program outlives it.

It is started as a script, `supervisor.py STATUS_FD PARENT_PID GRACE_S PROGRAM...`, and imports nothing of cadkit, so
that a start costs little. As a child subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) it becomes the parent of whatever
loses its own, also of what took a session of its own (setsid(2)), which the signals of a process group do not reach. It
is a process of its own as a notebook's interpreter should not inherit strangers. When cadkit is killed, it hears of it
(PR_SET_PDEATHSIG) and ends the program too.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_HEARD = {signal.SIGCHLD, signal.SIGTERM}
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_KILLING_S = 5.0


def supervise(words: list[str], status_fd: int, parent: int, grace: float) -> None:
    """Run a program to its end, or to a SIGTERM, then end all that it has left.

    Args:
        words: program and arguments.
        status_fd: takes the exit status (negative: the signal that ended it), or `error N`: errno of a failed start.
        parent: process that started this one.
        grace: seconds between asking and killing.
    """
    os.set_inheritable(status_fd, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    _prctl()
    if os.getppid() != parent:
        return
    try:
        child = os.posix_spawnp(words[0], words, os.environ, setsid=True, setsigmask=(), setsigdef=_IGNORED_BY_PYTHON)
    except OSError as error:
        os.write(status_fd, f"error {error.errno}".encode())
        return
    status = _until_ended(child)
    if status is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGTERM)
        status = _until_ended(child, time.monotonic() + grace)
    _kill_children()
    if status is not None:
        os.write(status_fd, str(status).encode())


def _prctl() -> None:
    """Adopt orphans, and hear of the parent's end; where there is no such call, do without."""
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def _until_ended(child: int, deadline: float | None = None) -> int | None:
    """The child's status; None if a SIGTERM (without a deadline) or the deadline came first."""
    while True:
        status = _reap(child)
        if status is not None:
            return status
        if deadline is None:
            if signal.sigwait(_HEARD) == signal.SIGTERM:
                return None
        elif time.monotonic() >= deadline:
            return None
        else:
            signal.sigtimedwait({signal.SIGCHLD}, max(0.0, deadline - time.monotonic()))


def _reap(child: int) -> int | None:
    """Bury every child that has ended; the status of this one if it is among them."""
    found = None
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                found = os.waitstatus_to_exitcode(ended[1])
    return found


def _kill_children() -> None:
    """Kill children until there are none: the children of one that is killed become ours.

    Nobody else buries our children, so that none of their numbers can be another process's by now. What cannot be
    killed, such as a program that runs as another user, is left after a while.
    """
    deadline = time.monotonic() + _KILLING_S
    while time.monotonic() < deadline:
        for process in _children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        signal.sigtimedwait({signal.SIGCHLD}, 0.1)


def _children() -> list[int]:
    ours = str(os.getpid())
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                if file.read().rpartition(b")")[2].split()[1].decode() == ours:
                    found.append(int(name))
    return found


if __name__ == "__main__":
    supervise(sys.argv[4:], int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
