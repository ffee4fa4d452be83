"""Reading single attributes of headers that may be wrong.

A value with a broken number, a wrong length or an unknown character set is as good as absent: every
function here answers with a default instead of raising.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence


def value_of(dataset: Dataset, keyword: str) -> Any:
    """The value as pydicom converts it; the undecoded bytes where it cannot; None where it is absent."""
    if keyword not in dataset:
        return None
    try:
        return dataset[keyword].value
    except Exception:  # whatever a broken element makes pydicom raise
        return getattr(dataset.get_item(keyword), "value", None)


def texts_of(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """All values as stripped text; empty parts are kept, as their position may matter."""
    value = value_of(dataset, keyword)
    if value is None or isinstance(value, Sequence | DataElement):
        return ()
    if isinstance(value, bytes):
        return tuple(part.strip(" \0") for part in value.decode("latin-1").split("\\"))
    if isinstance(value, MultiValue | list | tuple):
        return tuple(str(part).strip(" \0") for part in value)
    return (str(value).strip(" \0"),)


def text_of(dataset: Dataset, keyword: str) -> str:
    """The first value as stripped text; empty if absent."""
    return next(iter(texts_of(dataset, keyword)), "")


def numbers_of(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """All values that are finite numbers; empty if any is not."""
    numbers: list[float] = []
    value = value_of(dataset, keyword)
    parts: Iterable[Any] = value if isinstance(value, MultiValue | list | tuple) else texts_of(dataset, keyword)
    for part in parts:
        try:
            number = float(part)
        except (TypeError, ValueError):
            return ()
        if not math.isfinite(number):
            return ()
        numbers.append(number)
    return tuple(numbers)


def number_of(dataset: Dataset, keyword: str) -> float | None:
    """The first value as a finite number, else None."""
    return next(iter(numbers_of(dataset, keyword)), None)


def count_of(dataset: Dataset, keyword: str, default: int) -> int:
    """The first value as a whole number that is not negative, else `default`."""
    value = value_of(dataset, keyword)
    if isinstance(value, bytes) and dictionary_VR(keyword) == "US":
        return int.from_bytes(value, "little")
    number = number_of(dataset, keyword)
    return int(number) if number is not None and number >= 0 else default


def stored_of(dataset: Dataset, keyword: str, signed: bool, little_endian: bool = True) -> tuple[int, ...]:
    """Values whose representation is US or SS by PixelRepresentation (0028,0103).

    A writer or reader that took the wrong one is put right: -2000 read as 63536 comes back as -2000.
    """
    value = value_of(dataset, keyword)
    if value is None:
        return ()
    if isinstance(value, bytes):
        order = "little" if little_endian else "big"
        words = [int.from_bytes(value[at : at + 2], order) for at in range(0, len(value) - 1, 2)]  # type: ignore[arg-type]
    else:
        words = [int(number) for number in numbers_of(dataset, keyword)]
    return tuple(as_signed(word) if signed else word + 65536 if word < 0 else word for word in words)


def as_signed(word: int) -> int:
    """A 16-bit word read as two's complement."""
    return word - 65536 if 32768 <= word < 65536 else word


def items_of(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; empty if it is absent or no sequence."""
    value = value_of(dataset, keyword)
    return list(value) if isinstance(value, Sequence) else []
