"""A name that goes says what to write instead, at the line that uses it."""

from __future__ import annotations

import pytest

from cadkit.deprecations import deprecated


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
