"""What an option names twice: it would stand twice in the results, and in the families that Holm's method adjusts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cadkit.errors import InputError


def refuse_repeats(given: Mapping[str, Sequence[object]]) -> None:
    """Refuse a value that stands twice.

    Args:
        given: values by option.

    Raises:
        InputError: names the option and the value.
    """
    for option, values in given.items():
        twice = next((value for n, value in enumerate(values) if value in values[:n]), None)
        if twice is not None:
            raise InputError("is given twice", row=option, value=twice, mend="Leave one of them out.")
