"""A name that goes says what to write instead, at the line that uses it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

import cadkit.data
from cadkit.deprecations import deprecated, renamed_arguments, renamed_name


def test_a_deprecated_function_works_and_warns_its_caller() -> None:
    @deprecated("cadkit.new(...)", since="0.2", until="0.3")
    def old(value: int) -> int:
        """Double."""
        return 2 * value

    with pytest.warns(FutureWarning, match=r"since cadkit 0\.2 and goes with 0\.3; write cadkit\.new") as told:
        assert old(3) == 6
    assert told[0].filename == __file__
    assert old.__name__ == "old"
    assert "cadkit.new" in (old.__doc__ or "")


class TestRenamedArguments:
    @staticmethod
    @renamed_arguments(folder="out", number="n", since="0.2", until="0.3")
    def write(what: str, *, out: str = "here", n: int = 1) -> tuple[str, str, int]:
        return what, out, n

    def test_the_old_name_works_and_warns_the_caller(self) -> None:
        with pytest.warns(FutureWarning, match=r"^folder= of .*write is deprecated .* 0\.3; write out=\.$") as told:
            assert self.write("a", folder="there", n=2) == ("a", "there", 2)  # type: ignore[call-arg]
        assert [one.filename for one in told] == [__file__]

    def test_the_new_name_says_nothing(self) -> None:
        # A warning is an error in the tests.
        assert self.write("a", out="there") == ("a", "there", 1)

    def test_both_names_are_refused(self) -> None:
        with pytest.raises(TypeError, match="folder= and out=, which are one; write out="):
            self.write("a", out="x", folder="y")  # type: ignore[call-arg]

    def test_a_class_has_arguments_too(self) -> None:
        class Thing:
            @renamed_arguments(colour="color", since="0.2", until="0.3")
            def __init__(self, color: str) -> None:
                self.color = color

        with pytest.warns(FutureWarning, match=r"colour= of .*Thing\.__init__") as told:
            assert Thing(colour="red").color == "red"  # type: ignore[call-arg]
        assert told[0].filename == __file__


class TestRenamedName:
    @pytest.fixture(autouse=True)
    def module(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = ModuleType("made_for_this_test")

        def found(name: str) -> Any:
            return renamed_name(made.__name__, name, {"Old": "cadkit.data.Box"}, since="0.2", until="0.3")

        made.__getattr__ = found  # type: ignore[method-assign]
        monkeypatch.setitem(sys.modules, made.__name__, made)

    def test_the_old_name_is_the_new_class(self) -> None:
        import made_for_this_test as module  # type: ignore[import-not-found]

        said = r"^made_for_this_test\.Old is deprecated .* write cadkit\.data\.Box\.$"
        with pytest.warns(FutureWarning, match=said) as told:
            assert module.Old is cadkit.data.Box
        assert told[0].filename == __file__

    def test_an_import_of_it_warns_at_its_line(self) -> None:
        with pytest.warns(FutureWarning, match="Old is deprecated") as told:
            from made_for_this_test import Old
        assert Old is cadkit.data.Box
        assert {one.filename for one in told} == {__file__}

    def test_a_name_that_never_was_is_none(self) -> None:
        import made_for_this_test as module

        with pytest.raises(AttributeError, match="'made_for_this_test' has no attribute 'Older'"):
            module.Older  # noqa: B018
