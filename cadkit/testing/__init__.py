"""Checks of a plugin and of an installation.

Names are imported when they are first used: neither pytest nor torch is needed to look at this package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cadkit.testing.check import Check
    from cadkit.testing.checking import CheckReport, CheckResult, check_plugin, checks
    from cadkit.testing.pytest_checks import parametrize_checks

_HOMES = {
    "Check": "cadkit.testing.check",
    "CheckReport": "cadkit.testing.checking",
    "CheckResult": "cadkit.testing.checking",
    "check_plugin": "cadkit.testing.checking",
    "checks": "cadkit.testing.checking",
    "parametrize_checks": "cadkit.testing.pytest_checks",
}

__all__ = ["Check", "CheckReport", "CheckResult", "check_plugin", "checks", "parametrize_checks"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
