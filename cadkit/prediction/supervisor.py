"""A small process between cadkit and a program, on Linux: no child of the program outlives it.

It is started as a script, `supervisor.py STATUS_FD PARENT_PID GRACE_S PROGRAM...`, and imports nothing of cadkit, so
that a start costs little. As a child subreaper (prctl(2), PR_SET_CHILD_SUBREAPER) it becomes the parent of whatever
loses its own, also of what took a session of its own (setsid(2)), which the signals of a process group do not reach. It
is a process of its own as a notebook's interpreter should not inherit strangers. When cadkit is killed, it hears of it
(PR_SET_PDEATHSIG) and ends the program too. When it is killed itself, the program hears of that.
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
            A program that was asked to end and answers 0 has not done its work: it counts as ended by SIGTERM.
        parent: process that started this one.
        grace: seconds between asking and killing.
    """
    os.set_inheritable(status_fd, False)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored, the system buries children, status and all
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        return
    try:
        child = _start(words)
    except OSError as error:
        _tell(status_fd, f"error {error.errno}")
        return
    status = _until_ended(child)
    if status is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGTERM)
        status = _until_ended(child, time.monotonic() + grace)
        status = -signal.SIGKILL if status is None else status or -signal.SIGTERM
    _tell(status_fd, str(status))
    _kill_children()


def _tell(status_fd: int, text: str) -> None:
    with suppress(BrokenPipeError):  # cadkit was killed
        os.write(status_fd, text.encode())


def _prctl(option: int, value: int) -> None:
    """Where there is no such call, do without."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return


def _start(words: list[str]) -> int:
    """Start the program in a session of its own.

    It is asked to end where this process is gone (PR_SET_PDEATHSIG), which posix_spawn(3) cannot arrange.

    Raises:
        OSError: it cannot be started.
    """
    ours = os.getpid()
    read, write = os.pipe()  # closed where the program starts; else it tells why it did not
    child = os.fork()
    if not child:
        try:
            _become(words, ours)
        except OSError as error:
            os.write(write, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        failed = told.read()
    if failed:
        os.waitpid(child, 0)
        raise OSError(int(failed), os.strerror(int(failed)))
    return child


def _become(words: list[str], supervisor: int) -> None:
    """Be the program, with the signals that it expects."""
    os.setsid()
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if os.getppid() == supervisor:
        os.execvp(words[0], words)


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
    """Bury children that have ended, until there is none or it is this one, whose status is answered."""
    while (ended := os.waitpid(-1, os.WNOHANG))[0]:
        if ended[0] == child:
            return os.waitstatus_to_exitcode(ended[1])
    return None


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
    """Their numbers; none where there is no /proc to read them from."""
    ours = str(os.getpid())
    names: list[str] = []
    with suppress(OSError):
        names = os.listdir("/proc")
    found = []
    for name in names:
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                if file.read().rpartition(b")")[2].split()[1].decode() == ours:
                    found.append(int(name))
    return found


if __name__ == "__main__":
    supervise(sys.argv[4:], int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
