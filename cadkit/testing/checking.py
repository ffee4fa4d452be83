"""Checking a plugin: which checks there are, running them, and the report of what they found."""

from __future__ import annotations

import contextlib
import difflib
import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from cadkit.errors import InputError
from cadkit.plugin.raised import told
from cadkit.progress import track
from cadkit.testing.check import REGISTERED, Blocked, Check, Fails, NotApplicable

if TYPE_CHECKING:
    from cadkit.plugin import Model
    from cadkit.testing.subject import Subject

Outcome = Literal["passed", "failed", "skipped", "expected failure", "unexpected pass"]
_FAMILIES = ("static", "predict", "train")
_SHOWN = 60  # characters of what a plugin prints
_WRONG = ("failed", "unexpected pass")


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
        notes: what else its author should know.
    """

    plugin: str
    settings: str
    results: tuple[CheckResult, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed that was not expected to, and whatever was expected to fail failed."""
        return not any(result.outcome in _WRONG for result in self.results)

    @property
    def counts(self) -> dict[str, int]:
        """Number of results by outcome, of those that there are, always in one order."""
        found = Counter(result.outcome for result in self.results)
        return {outcome: found[outcome] for outcome in get_args(Outcome) if outcome in found}

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "plugin": self.plugin,
            "settings": self.settings,
            "ok": self.ok,
            "counts": self.counts,
            "checks": [asdict(result) for result in self.results],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items())
        lines = [f"{self.plugin} ({self.settings}): {counts}"]
        for result in self.results:
            if result.outcome != "passed":
                lines.append(f"  {result.outcome}: {result.id}: {' '.join((result.reason, result.mend)).strip()}")
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


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

    known = sorted(REGISTERED.values(), key=lambda each: _FAMILIES.index(_family(each.id)))
    if only is None:
        return tuple(known)
    wanted: set[str] = set()
    for name in only:
        found = {each.id for each in known if name in (each.id, _family(each.id))}
        if not found:
            raise _unknown(name, [each.id for each in known])
        wanted |= found
    return tuple(each for each in known if each.id in wanted)


def _unknown(name: str, there: Sequence[str]) -> InputError:
    near = difflib.get_close_matches(name, [*_FAMILIES, *there], n=1)
    mend = f"Did you mean {near[0]}? " if near else ""
    return InputError("there is no such check", value=name, mend=f"{mend}The checks are {', '.join(there)}.")


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
        train: False leaves out the checks `train`, unless `only` names them, and skips what cannot do without training.
        expected_failures: reason by id of the checks that the plugin is known to fail. One that passes is an error.
        quiet: show no progress.

    Raises:
        InputError: there is no such plugin, check or preset, or the plugin cannot be imported.
    """
    from cadkit.testing.subject import Subject

    expected = dict(expected_failures or {})
    checks(expected)
    chosen = tuple(each for each in checks(only) if train or only is not None or _family(each.id) != "train")
    with Subject(plugin, preset, config, train) as subject:
        shown = track(chosen, "checking", len(chosen), quiet)
        results = tuple(run_check(each, subject, chosen, expected.get(each.id)) for each in shown)
    return CheckReport(subject.name, subject.settings, results, _notes(subject.printed.getvalue()))


def _notes(printed: str) -> tuple[str, ...]:
    lines = [line for line in printed.splitlines() if line.strip()]
    if not lines:
        return ()
    first, more = textwrap.shorten(lines[0], _SHOWN, placeholder=" ..."), len(lines) - 1
    rest = f" and {more} more lines" if more else ""
    return (
        f"it prints while it is asked: {first!r}{rest}. Leave it out: in a prediction it stands among cadkit's lines.",
    )


def perform(each: Check, subject: Subject, chosen: Sequence[Check]) -> None:
    """Run one check.

    Args:
        each: the check.
        subject: the plugin.
        chosen: all that are run. Of those that one cause fails, one fails: the one whose matter it is, else the first.

    Raises:
        Fails: the plugin does not pass it.
        NotApplicable: there is nothing to check, or something else has to be mended first.
    """
    try:
        each.run(subject)
    except Blocked as blocked:
        own = blocked.check if any(blocked.check == other.id for other in chosen) else each.id
        if subject.tellers.setdefault(blocked.check, own) == each.id:
            raise Fails(str(blocked)) from blocked
        raise NotApplicable(f"first mend what {subject.tellers[blocked.check]} says") from None


def run_check(each: Check, subject: Subject, chosen: Sequence[Check], expected: str | None = None) -> CheckResult:
    """Run one check and say what it found; no exception of a plugin ends it, and nothing that it prints is shown."""
    mend = each.mend
    try:
        with contextlib.redirect_stdout(subject.printed):
            perform(each, subject, chosen)
    except NotApplicable as reason:
        return CheckResult(each.id, "skipped", str(reason))
    except Fails as reason:
        failed = str(reason)
        cause = reason.__cause__
        if isinstance(cause, Blocked) and subject.tellers.get(cause.check) == each.id:
            mend = REGISTERED[cause.check].mend
    except (Exception, SystemExit) as error:  # whatever a plugin raises is what the check found
        failed = told(error, subject.model_class)
    else:
        if expected is None:
            return CheckResult(each.id, "passed")
        return CheckResult(each.id, "unexpected pass", f"it was expected to fail ({expected})", "Expect it no longer.")
    if expected is not None:
        return CheckResult(each.id, "expected failure", f"{expected} ({failed})")
    return CheckResult(each.id, "failed", failed, mend)


def as_json(report: CheckReport) -> str:
    """The report as JSON."""
    return json.dumps(report.as_dict(), indent=1)
