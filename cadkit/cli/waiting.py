"""What goes on, on the terminal, while there is nothing to show yet."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], object]]:
    """A line on standard error, if that is a terminal, which is gone at the end.

    Args:
        what: a few words, such as "importing plugins".

    Yields:
        a function that takes how far it has come.
    """
    if not sys.stderr.isatty():
        yield str
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(f"{what} ...") as line:
        yield lambda state: line.update(f"{what}: {escape(state)} ...")
