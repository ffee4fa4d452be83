"""Saying that a public name is on its way out, and what to write instead.

The warning is a FutureWarning, which Python shows to everybody, not to developers alone; it stands at the line that
uses the name.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def _said(name: str, instead: str, since: str, until: str) -> str:
    return f"{name} is deprecated since cadkit {since} and goes with {until}; write {instead}."


def deprecated(instead: str, *, since: str, until: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a public function: every call warns with what to write instead.

    Args:
        instead: what to write, such as `cadkit.evaluate(...)`.
        since: version that deprecates it.
        until: version that will no longer have it.
    """

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        said = _said(function.__qualname__, instead, since, until)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            warnings.warn(said, FutureWarning, stacklevel=2)
            return function(*args, **kwargs)

        call.__doc__ = f"{function.__doc__ or ''}\n\nDeprecated: {said}".lstrip()
        return call

    return mark


def renamed_arguments(*, since: str, until: str, **renamed: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a public function whose keyword arguments have new names: `renamed_arguments(folder="out", ...)`.

    A call with an old name warns and has its value under the new one. Methods, and a class by its `__init__`, are
    functions as well.

    Args:
        since, until: as for `deprecated`.
        renamed: the new name by the old one.

    Raises:
        TypeError: by the call, if it gives both names.
    """

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for old in renamed.keys() & kwargs.keys():
                new = renamed[old]
                if new in kwargs:
                    raise TypeError(f"{function.__qualname__} has {old}= and {new}=, which are one; write {new}=")
                said = _said(f"{old}= of {function.__qualname__}", f"{new}=", since, until)
                warnings.warn(said, FutureWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return mark


def renamed_name(module: str, name: str, renamed: Mapping[str, str], *, since: str, until: str) -> Any:
    """What an old name of a module stands for, a class, a function or a value; for `__getattr__` of the module.

        def __getattr__(name):
            return renamed_name(__name__, name, {"Old": "cadkit.data.New"}, since="0.2", until="0.3")

    Args:
        module: that is asked for the name.
        name: that is asked for.
        renamed: the full new name, `module.name`, by the old one.
        since, until: as for `deprecated`.

    Raises:
        AttributeError: the module never had such a name.
    """
    if name not in renamed:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, new = renamed[name].rpartition(".")
    warnings.warn(_said(f"{module}.{name}", renamed[name], since, until), FutureWarning, stacklevel=3)
    return getattr(import_module(home), new)
