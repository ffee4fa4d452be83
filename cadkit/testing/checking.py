"""Checks of a plugin: what one is, what it says, and the report of many."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from cadkit.errors import InputError
from cadkit.progress import track

if TYPE_CHECKING:
    from cadkit.plugin import Model
    from cadkit.testing.subject import Subject

Outcome = Literal["passed", "failed", "skipped", "expected failure", "unexpected pass"]
_FAMILIES = ("static", "predict", "train")
_WRONG = ("failed", "unexpected pass")


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


@dataclass(frozen=True)
class CheckResult:
    """What a check found; `reason` where it did not pass, `mend` where something is to be done."""

    id: str
    outcome: Outcome
    reason: str = ""
    mend: str = ""


@dataclass(frozen=True)
class CheckReport:
    """What all checks found of one plugin.

    Attributes:
        plugin: its name.
        settings: which settings it was tried with.
        results: in the order of the checks.
    """

    plugin: str
    settings: str
    results: tuple[CheckResult, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed that was not expected to, and whatever was expected to fail failed."""
        return not any(result.outcome in _WRONG for result in self.results)

    @property
    def counts(self) -> dict[str, int]:
        """Number of results by outcome, of those that there are."""
        return dict(Counter(result.outcome for result in self.results))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "plugin": self.plugin,
            "settings": self.settings,
            "ok": self.ok,
            "counts": self.counts,
            "checks": [asdict(result) for result in self.results],
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        lines = [f"{self.plugin} ({self.settings}): {counts}"]
        for result in self.results:
            if result.outcome != "passed":
                lines.append(f"  {result.outcome}: {result.id}: {' '.join((result.reason, result.mend)).strip()}")
        return "\n".join(lines)


_CHECKS: dict[str, Check] = {}


def check(name: str, means: str, mend: str) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    """Make a function a check."""

    def registered(function: Callable[[Subject], None]) -> Callable[[Subject], None]:
        _CHECKS[name] = Check(name, means, mend, function)
        return function

    return registered


def checks(only: Iterable[str] | None = None) -> tuple[Check, ...]:
    """All checks in the order in which they are run, or some of them.

    Args:
        only: ids, or first words of ids (`static`, `predict`, `train`); None for all.

    Raises:
        InputError: there is no such check.
    """
    from cadkit.testing import (  # noqa: F401 (they register themselves)
        predict_checks,
        response_checks,
        static_checks,
        train_checks,
    )

    known = sorted(_CHECKS.values(), key=lambda each: _FAMILIES.index(_family(each.id)))
    if only is None:
        return tuple(known)
    wanted: set[str] = set()
    for name in only:
        found = {each.id for each in known if name in (each.id, _family(each.id))}
        if not found:
            there = ", ".join(each.id for each in known)
            raise InputError("there is no such check", value=name, mend=f"The checks are {there}.")
        wanted |= found
    return tuple(each for each in known if each.id in wanted)


def _family(name: str) -> str:
    return name.partition("-")[0]


def check_plugin(
    plugin: str | type[Model],
    *,
    preset: str | None = None,
    config: Mapping[str, Any] | None = None,
    only: Iterable[str] | None = None,
    train: bool = True,
    expected_failures: Mapping[str, str] | None = None,
    quiet: bool = True,
) -> CheckReport:
    """Check that a plugin keeps the contract, over tiny exams drawn in memory, on the CPU.

    Args:
        plugin: name of an installed plugin, `path/to/file.py:Class`, or the class.
        preset: of its configuration; by default `tiny`, if it has a preset of that name.
        config: further settings, which win; those that make a training long (epochs, workers) are set anyhow.
        only: ids of checks, or `static`, `predict`, `train`; None for all.
        train: False leaves out whatever needs a training.
        expected_failures: reason by id of the checks that the plugin is known to fail. One that passes is an error.
        quiet: show no progress.

    Raises:
        InputError: there is no such plugin, check or preset, or the plugin cannot be imported.
    """
    from cadkit.testing.subject import Subject

    expected = dict(expected_failures or {})
    checks(expected)
    chosen = checks(only)
    with Subject(plugin, preset, config, train) as subject:
        shown = track(chosen, "checking", len(chosen), quiet)
        results = tuple(run_check(each, subject, expected.get(each.id)) for each in shown)
    return CheckReport(subject.name, subject.settings, results)


def perform(each: Check, subject: Subject) -> None:
    """Run one check.

    Raises:
        Fails: the plugin does not pass it.
        NotApplicable: there is nothing to check, or something else has to be mended first.
    """
    try:
        each.run(subject)
    except Blocked as blocked:
        if blocked.check == each.id:
            raise Fails(str(blocked)) from blocked
        raise NotApplicable(f"first mend what {blocked.check} says") from None


def run_check(each: Check, subject: Subject, expected: str | None = None) -> CheckResult:
    """Run one check and say what it found; no exception of a plugin ends it."""
    try:
        perform(each, subject)
    except NotApplicable as reason:
        return CheckResult(each.id, "skipped", str(reason))
    except Fails as reason:
        failed = str(reason)
    except Exception as error:  # whatever a plugin raises is what the check found
        failed = f"{type(error).__name__}: {error}"
    else:
        if expected is None:
            return CheckResult(each.id, "passed")
        return CheckResult(each.id, "unexpected pass", f"it was expected to fail ({expected})", "Expect it no longer.")
    if expected is not None:
        return CheckResult(each.id, "expected failure", f"{expected} ({failed})")
    return CheckResult(each.id, "failed", failed, each.mend)


def as_json(report: CheckReport) -> str:
    """The report as JSON."""
    return json.dumps(report.as_dict(), indent=1)
