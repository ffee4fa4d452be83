"""The checks of a plugin as parameters of a test of pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cadkit.errors import InputError
from cadkit.testing.check import Check, Fails, NotApplicable
from cadkit.testing.checking import checks, perform

if TYPE_CHECKING:
    from cadkit.plugin import Model
    from cadkit.testing.subject import Subject


class _Late:
    """A subject that is made when its first check is run: collecting tests trains nothing."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self._made: Subject | None = None

    def get(self) -> Subject:
        if self._made is None:
            from cadkit.testing.subject import Subject

            self._made = Subject(*self._arguments)
        return self._made


class RunCheck:
    """What a parametrised test calls: one check of one plugin."""

    def __init__(self, each: Check, late: _Late, chosen: Sequence[Check]) -> None:
        self.check, self._late, self._chosen = each, late, chosen

    def __call__(self) -> None:
        """Run it; a failure says what to do, and what cannot be checked skips the test."""
        import pytest

        try:
            perform(self.check, self._late.get(), self._chosen)
        except NotApplicable as reason:
            pytest.skip(str(reason))
        except Fails as reason:
            raise Fails(f"{self.check.id}: {reason}. {self.check.mend}") from None

    def __repr__(self) -> str:
        return self.check.id


def parametrize_checks(
    plugin: str | type[Model],
    *,
    preset: str | None = None,
    config: Mapping[str, Any] | None = None,
    only: Iterable[str] | None = None,
    train: bool = True,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Parametrise a test by the checks of a plugin, which all share one training.

        @cadkit.testing.parametrize_checks(MyModel)
        def test_the_plugin_keeps_the_contract(check):
            check()

    Args:
        plugin: name of an installed plugin, `path/to/file.py:Class`, or the class.
        preset, config, only, train: as of `check_plugin`.
        expected_failures: reason by id of the checks that the plugin is known to fail: marked xfail, strictly.

    Raises:
        InputError: pytest is not installed, or there is no such check.
    """
    try:
        import pytest
    except ImportError:
        raise InputError("the checks as tests need pytest", mend="Type `pip install pytest`.") from None
    expected = dict(expected_failures or {})
    checks(expected)
    late = _Late(plugin, preset, config, train)
    marks = {name: [pytest.mark.xfail(reason=reason, strict=True)] for name, reason in expected.items()}
    chosen = checks(only)
    parameters = [
        pytest.param(RunCheck(each, late, chosen), id=each.id, marks=marks.get(each.id, [])) for each in chosen
    ]
    return pytest.mark.parametrize("check", parameters)
