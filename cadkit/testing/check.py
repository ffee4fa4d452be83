"""What a check is, what it raises, and how a function becomes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cadkit.testing.subject import Subject


class Fails(AssertionError):
    """What a check raises where the plugin does not keep the contract; its text is the reason."""


class NotApplicable(Exception):
    """What a check raises where there is nothing to check; its text is the reason."""


class Blocked(Exception):
    """What is raised where something fails that several checks presuppose.

    Attributes:
        check: id of the one that fails for it; the others are skipped.
    """

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(reason)
        self.check = check


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        id: stable name, such as `predict-order`; its first word is `static`, `predict` or `train`.
        means: what holds of a plugin that passes.
        mend: what to do about a plugin that fails.
        run: raises `Fails`, or `NotApplicable`.
    """

    id: str
    means: str
    mend: str
    run: Callable[[Subject], None]


REGISTERED: dict[str, Check] = {}
"""Every check by its id, once the modules of checks are imported."""


def check(name: str, means: str, mend: str) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    """Make a function a check."""

    def registered(function: Callable[[Subject], None]) -> Callable[[Subject], None]:
        REGISTERED[name] = Check(name, means, mend, function)
        return function

    return registered
