"""Which function it is that predicts: by what it does and holds, as two of them in a notebook may have one name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_SIMPLE = (str, bytes, int, float, complex, bool, type(None))
_LIBRARIES = frozenset({"cadkit", "numpy", "pandas", "polars", "scipy", "skimage", "sklearn", "torch", "torchvision"})
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def identity_of(function: Any) -> str:
    """Eight hexadecimal digits of a function's code, defaults, closure and the global names that it uses.

    The same cell run again gives the same digits; another body, another closed-over value or network gives others. Of
    libraries, only their names are taken.
    """
    digest = hashlib.sha256()
    for part in _parts(function, {}):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:8]


def _parts(value: Any, seen: dict[int, Any]) -> Iterator[bytes]:
    yield type(value).__qualname__.encode()
    if isinstance(value, _SIMPLE):
        yield repr(value).encode()
        return
    if id(value) in seen:
        return
    seen[id(value)] = value  # held, as the id of what is gone is given again
    if isinstance(value, ModuleType | type):
        yield getattr(value, "__qualname__", value.__name__).encode()
    elif isinstance(value, CodeType):
        yield value.co_code
        yield from _parts((value.co_names, value.co_consts), seen)
    elif isinstance(value, FunctionType):
        yield from _parts(_held(value), seen)
    elif isinstance(value, MethodType):
        yield from _parts((value.__func__, value.__self__), seen)
    elif isinstance(value, Mapping):
        for key, item in list(value.items()):
            yield from _parts(key, seen)
            yield from _parts(item, seen)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item, seen)
    else:
        yield from _parts_of_object(value, seen)


def _held(function: FunctionType) -> tuple[Any, ...]:
    """What decides what a function answers; of a library's function its name will do."""
    if _of_library(function):
        return (function.__module__, function.__qualname__)
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != type(cell)()]
    used = {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}
    return (function.__code__, function.__defaults__, function.__kwdefaults__, cells, used)


def _of_library(made: Any) -> bool:
    return str(getattr(made, "__module__", "")).partition(".")[0] in _LIBRARIES


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _names(part)


def _parts_of_object(value: Any, seen: dict[int, Any]) -> Iterator[bytes]:
    """An object is its class's functions and what it holds; numbers in an array or tensor are taken in full."""
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except Exception:  # whatever a stranger's object does when it is asked, it is no array
        array = np.empty(0, dtype=object)
    if array.dtype != object:
        yield from (str(array.shape).encode(), str(array.dtype).encode(), array.tobytes())
        return
    if not _of_library(type(value)):
        yield from _parts([made for made in vars(type(value)).values() if isinstance(made, FunctionType)], seen)
    held = getattr(value, "__dict__", None)
    if held and not (type(value).__module__ or "").startswith("cadkit"):
        yield from _parts(held, seen)
    else:
        yield _ADDRESS.sub("", repr(value)).encode()
