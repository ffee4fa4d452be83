"""Running a decoder in a process of its own.

Decoders are compiled libraries. On damaged data some of them end the process that called them (GDCM does, by an
exception that nothing catches), run for ever, or ask for all memory. In a forked child that costs one picture and not
the work of a night: the parent gets an error like any other.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.integer[Any]]
TOO_SLOW = "too slow"
MEMORY = 3 * 2**29
"""Bytes that a decoder may take besides what the process has already."""


class DecoderFailed(Exception):
    """A decoder raised an error, crashed, took too long or too much memory; the text says which."""


def apart(function: Callable[[], Array], seconds: int) -> Array:
    """What `function` returns, worked out in a child process.

    Where processes cannot be forked it is called directly.

    Args:
        function: takes nothing and returns an array of numbers.
        seconds: of processor time after which it is ended.

    Raises:
        DecoderFailed: it raised an exception, or its process died.
    """
    if sys.platform != "linux":
        return function()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # The child calls one decoder and ends; it takes none of the locks that other threads may hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(function, writing, seconds)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            answer = _received(pipe.readline(), pipe.read)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
    if isinstance(answer, str):
        raise DecoderFailed(answer or _death(status))
    return answer


def _answer(function: Callable[[], Array], writing: int, seconds: int) -> NoReturn:
    """The child: call, write what came of it, and end without any of the parent's cleaning up."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        _limit(seconds)
        head: dict[str, Any]
        try:
            array = np.ascontiguousarray(function())
            head, data = {"dtype": array.dtype.str, "shape": array.shape}, array.tobytes()
        except Exception as error:
            head, data = {"error": type(error).__name__}, b""
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(head).encode() + b"\n")
            pipe.write(data)
        os._exit(0)
    finally:
        os._exit(1)


def _limit(seconds: int) -> None:
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, hard))


def _received(line: bytes, read: Callable[[], bytes]) -> Array | str:
    """The array, or the name of the error; an empty one where the child died before it could say it."""
    if not line.endswith(b"\n"):
        return ""
    head = json.loads(line)
    if "error" in head:
        return str(head["error"])
    data, dtype = read(), np.dtype(head["dtype"])
    if len(data) != int(np.prod(head["shape"], dtype=np.int64)) * dtype.itemsize:
        return ""
    array: Array = np.frombuffer(bytearray(data), dtype).reshape(head["shape"])
    return array


def _death(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return TOO_SLOW if number == signal.SIGXCPU else f"crashed, {signal.Signals(number).name}"
    return "crashed"
