"""Reading single attributes of headers that may be wrong.

A value with a broken number, a wrong length or an unknown character set is as good as absent: every
function here answers with a default instead of raising.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

# Text whose parts are separated by backslashes (PS3.5 section 6.2) and need no character set while they are ASCII.
_PLAIN = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI"})
_ESCAPE = b"\x1b"


@cache
def tag_of(keyword: str) -> BaseTag:
    """The tag of an attribute; pydicom would look it up anew for every file."""
    return Tag(keyword)


@cache
def _vr_of(keyword: str) -> str:
    return dictionary_VR(tag_of(keyword))


def value_of(dataset: Dataset, keyword: str) -> Any:
    """The value as pydicom converts it; the undecoded bytes where it cannot; None where it is absent."""
    tag = tag_of(keyword)
    if tag not in dataset:
        return None
    try:
        return dataset[tag].value
    except Exception:  # whatever a broken element makes pydicom raise
        return getattr(dataset.get_item(tag), "value", None)


@dataclass(frozen=True)
class _Raw:
    """An element as it was read, which nothing has converted yet: most headers hold what needs no conversion."""

    vr: str | None
    value: bytes
    little_endian: bool


def _undecoded(dataset: Dataset, keyword: str) -> _Raw | None:
    try:
        element: Any = dataset.get_item(tag_of(keyword))
    except Exception:  # absent, or a deferred element that cannot be read
        return None
    if not isinstance(element, RawDataElement) or not isinstance(element.value, bytes):
        return None
    return _Raw(element.VR, element.value, element.is_little_endian)


def texts_of(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """All values as stripped text; empty parts are kept, as their position may matter."""
    raw = _undecoded(dataset, keyword)
    if raw is not None and (raw.vr or _vr_of(keyword)) in _PLAIN:
        data = raw.value
        if data and data.isascii() and _ESCAPE not in data:
            return tuple(part.strip(" \0") for part in data.decode("ascii").split("\\"))
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
    parts: Iterable[Any]
    if _vr_of(keyword) in _PLAIN:
        parts = texts_of(dataset, keyword)
    else:
        value = value_of(dataset, keyword)
        parts = value if isinstance(value, MultiValue | list | tuple) else texts_of(dataset, keyword)
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
    if _vr_of(keyword) == "US":
        raw = _undecoded(dataset, keyword)
        if raw is not None and raw.vr in (None, "US") and len(raw.value) >= 2:
            return int.from_bytes(raw.value[:2], "little" if raw.little_endian else "big")
        value = value_of(dataset, keyword)
        if isinstance(value, bytes):
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
