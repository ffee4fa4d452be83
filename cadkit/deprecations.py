"""Saying that a public name is on its way out, and what to write instead."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def deprecated(instead: str, *, since: str, until: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a public function: every call warns with what to write instead, at the caller's line.

    The warning is a FutureWarning, which Python shows to everybody, not to developers alone.

    Args:
        instead: what to write, such as `cadkit.evaluate(...)`.
        since: version that deprecates it.
        until: version that will no longer have it.
    """

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        said = f"{function.__qualname__} is deprecated since cadkit {since} and goes with {until}; write {instead}."

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            warnings.warn(said, FutureWarning, stacklevel=2)
            return function(*args, **kwargs)

        call.__doc__ = f"{function.__doc__ or ''}\n\nDeprecated: {said}".lstrip()
        return call

    return mark
