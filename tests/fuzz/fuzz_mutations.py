"""Mutations of DICOM files that know their elements, and of any bytes.

A mutation is four drawn values (name, where, how much, junk), so that hypothesis can shrink a failing input to a
few of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_UNDEFINED = 0xFFFFFFFF
_BIG = b"1.2.840.10008.1.2.2"
_IMPLICIT = b"1.2.840.10008.1.2"
_SYNTAXES = [
    f"1.2.840.10008.1.2{rest}".encode()
    for rest in ("", ".1", ".2", ".5", ".1.99", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.81", ".4.90", ".4.91",
                 ".4.201", ".4.203", ".4.100", ".99")
]  # fmt: skip
_VRS = b"AE AS AT CS DA DS DT FL FD IS LO LT OB OW PN SH SL SQ SS ST TM UI UL UN US UT UV ZZ \0\0 a1".split(b" ")
JUNK = (
    b"", b"\0", b"\0\0", b"\xff\xff", b"\x00\x80", b"\x60\xea", b"\x01\x00", b"\xff" * 8,
    b"\x00\x00\x00\x00\x00\x00\xf0\x7f", b"60000", b"-1", b"nan", b"inf", b"1e400", b"-1e308", b"0", b"0.0", b"1e-320",
    b"9" * 40, b"9" * 5000, b"1,5", b"None", b"--", b"1\\\\2", b"\\" * 300, "\u0665\u0663".encode(),
    "\uff11\uff12".encode(), "\xb2".encode("latin-1"),
    "M\xfcller^\xc4nne".encode("latin-1"), "\u5c71\u7530".encode("shift_jis"), b"\x1b$B;3ED\x1b(B", b"\x1b$)C\x80",
    b"ISO_IR 999", b"ISO 2022 IR 149\\ISO_IR 192", b"GB18030", b"00010101", b"99991231", b"20200230", b"-2020101",
    b"999Y", b"0Y", b"1.2." + b"3" * 90, b"L", b"R", b"B", b"MLO", b"MONOCHROME1", b"RGB", b"YES", b"SIGMOID",
    b"LINEAR", b"NORMAL", b"A" * 70000, b"%s%n{0}", b"../../etc/passwd", b"\xed\xa0\x80", b"\xfe\xff\xdd\xe0\0\0\0\0",
)  # fmt: skip
TEXT_JUNK = (
    b"\n", b"\r", b",", b'"', b'""', b"'", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"=", b"[", b"[[a]]\n", b"'''", b";",
    b"x" * 1_000_000, b"1," * 50_000, b"\n" * 50_000, b"[" * 20_000, b"label", b"True", b"1970-01-01", b"1e5", b" ",
)  # fmt: skip
_TELLING = {
    "rows": (0x0028, 0x0010, b"US"),
    "columns": (0x0028, 0x0011, b"US"),
    "frames": (0x0028, 0x0008, b"IS"),
    "allocated": (0x0028, 0x0100, b"US"),
    "stored": (0x0028, 0x0101, b"US"),
    "high": (0x0028, 0x0102, b"US"),
    "signed": (0x0028, 0x0103, b"US"),
    "charset": (0x0008, 0x0005, b"CS"),
    "descriptor": (0x0028, 0x3002, b"US"),
    "width": (0x0028, 0x1051, b"DS"),
    "slope": (0x0028, 0x1053, b"DS"),
    "padding": (0x0028, 0x0120, b"US"),
    "date": (0x0008, 0x0020, b"DA"),
    "age": (0x0010, 0x1010, b"AS"),
    "spacing": (0x0018, 0x1164, b"DS"),
}


@dataclass(frozen=True)
class Element:
    """Where an element, or the head of a sequence or item, lies in a file."""

    at: int
    head: int
    length: int
    tag: tuple[int, int]
    vr: bytes

    @property
    def end(self) -> int:
        """Behind its value; behind its head for a sequence or item."""
        return self.at + self.head + self.length


@dataclass(frozen=True)
class Encoding:
    """How a dataset is written."""

    implicit: bool
    big: bool

    def number(self, value: int, size: int) -> bytes:
        return (value % 256**size).to_bytes(size, "big" if self.big else "little")

    def element(self, group: int, number: int, vr: bytes, value: bytes) -> bytes:
        tag = self.number(group, 2) + self.number(number, 2)
        if self.implicit:
            return tag + self.number(len(value), 4) + value
        if vr in _LONG:
            return tag + vr + b"\0\0" + self.number(len(value), 4) + value
        return tag + vr + self.number(len(value), 2) + value[:65535]


def elements(data: bytes) -> tuple[list[Element], Encoding]:
    """The elements of a file as far as they can be followed; deflated ones cannot."""
    found: list[Element] = []
    plain = Encoding(False, False)
    at = 132 if data[128:132] == b"DICM" else 0
    encoding, syntax, in_pixels = plain, b"", False
    while at + 8 <= len(data) and len(found) < 3000:
        order = "big" if encoding.big else "little"
        group = int.from_bytes(data[at : at + 2], "little")
        if group != 2 and encoding is plain:
            encoding = Encoding(syntax == _IMPLICIT, syntax == _BIG)
            order = "big" if encoding.big else "little"
        tag = (int.from_bytes(data[at : at + 2], order), int.from_bytes(data[at + 2 : at + 4], order))
        vr = data[at + 4 : at + 6]
        if tag[0] == 0xFFFE or encoding.implicit:
            head, vr, length = 8, b"", int.from_bytes(data[at + 4 : at + 8], order)
        elif vr in _LONG:
            head, length = 12, int.from_bytes(data[at + 8 : at + 12], order)
        else:
            head, length = 8, int.from_bytes(data[at + 6 : at + 8], order)
        opens = vr == b"SQ" or length == _UNDEFINED or (tag[0] == 0xFFFE and not in_pixels)
        in_pixels |= tag[0] == 0x7FE0 and length == _UNDEFINED
        element = Element(at, head, 0 if opens else min(length, len(data) - at - head), tag, vr)
        if element.end > len(data):
            break
        found.append(element)
        if tag == (2, 0x10):
            syntax = data[at + head : element.end].strip(b"\0 ")
        at = element.end
    return found, encoding


Mutation = tuple[str, int, int, bytes]


def _pick(data: bytes, where: int) -> tuple[Element | None, Encoding]:
    found, encoding = elements(data)
    return (found[where % len(found)] if found else None), encoding


def _put(data: bytes, element: Element, value: bytes, encoding: Encoding) -> bytes:
    if element.tag[0] == 2:
        encoding = Encoding(False, False)
    value += b" " * (len(value) % 2)
    return data[: element.at] + encoding.element(*element.tag, element.vr, value) + data[element.end :]


def _flip(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    at = where % max(1, len(data))
    return data[:at] + bytes([much % 256]) + data[at + 1 :]


def _overwrite(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    at = where % max(1, len(data))
    return data[:at] + junk[:64] + data[at + len(junk[:64]) :]


def _insert(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    at = where % (len(data) + 1)
    return data[:at] + junk * (1 + much % 5) + data[at:]


def _cut(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    at = where % (len(data) + 1)
    return data[:at] + data[at + much % 4096 :]


def _truncate(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    return data[: where % (len(data) + 1)]


def _delete(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    element, _ = _pick(data, where)
    return data if element is None else data[: element.at] + data[element.end :]


def _duplicate(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    element, _ = _pick(data, where)
    if element is None:
        return data
    copy = data[element.at : element.end]
    return data[: element.end] + copy * (1 + much % 3) + data[element.end :]


def _wrong_vr(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    element, _ = _pick(data, where)
    if element is None or not element.vr:
        return data
    return data[: element.at + 4] + _VRS[much % len(_VRS)] + data[element.at + 6 :]


def _wrong_length(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    element, encoding = _pick(data, where)
    if element is None:
        return data
    size = 2 if element.head == 8 and element.vr else 4
    choices = (0, 1, 3, 7, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, _UNDEFINED, element.length + 1, element.length * 2)
    at = element.at + element.head - size
    return data[:at] + encoding.number(choices[much % len(choices)], size) + data[at + size :]


def _value(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    element, encoding = _pick(data, where)
    return data if element is None else _put(data, element, junk * (1 + much % 2), encoding)


def _telling(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    """Junk into an element on which much depends; it is added where it is missing."""
    group, number, vr = list(_TELLING.values())[where % len(_TELLING)]
    found, encoding = elements(data)
    for element in found:
        if element.tag == (group, number):
            return _put(data, element, junk, encoding)
    at = next((element.at for element in found if element.tag > (group, number)), len(data))
    return data[:at] + encoding.element(group, number, vr, junk + b" " * (len(junk) % 2)) + data[at:]


def _count(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    """A number of pixels, bits or entries that is not so."""
    names = ("rows", "columns", "allocated", "stored", "high", "signed", "descriptor")
    group, number, _ = _TELLING[names[where % len(names)]]
    found, encoding = elements(data)
    values = (0, 1, 7, 8, 12, 31, 32, 64, 255, 4096, 32768, 60000, 65535)
    for element in found:
        if element.tag == (group, number) and element.length >= 2:
            new = encoding.number(values[much % len(values)], 2)
            at = element.at + element.head + 2 * (where // 7 % (element.length // 2))
            data = data[:at] + new + data[at + 2 :]
    return data


def _nested(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    """Sequences in sequences."""
    element, encoding = _pick(data, where)
    at = len(data) if element is None else element.at
    depth = (1, 5, 50, 500, 3000, 20000)[much % 6]
    tag = (0x0054, 0x0220) if much % 2 else (0x5200, 0x9229)
    number = encoding.number
    sequence = number(tag[0], 2) + number(tag[1], 2) + (b"" if encoding.implicit else b"SQ\0\0") + number(_UNDEFINED, 4)
    item = number(0xFFFE, 2) + number(0xE000, 2) + number(_UNDEFINED, 4)
    ends = number(0xFFFE, 2) + number(0xE00D, 2) + number(0, 4) + number(0xFFFE, 2) + number(0xE0DD, 2) + number(0, 4)
    return data[:at] + (sequence + item) * depth + (ends * depth if where % 3 else b"") + data[at:]


def _syntax(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    found, encoding = elements(data)
    for element in found:
        if element.tag == (2, 0x10):
            return _put(data, element, _SYNTAXES[much % len(_SYNTAXES)], encoding)
    return data


def _swap(data: bytes, where: int, much: int, junk: bytes) -> bytes:
    found, _ = elements(data)
    if len(found) < 2:
        return data
    one, other = sorted((where % len(found), much % len(found)))
    first, second = found[one], found[other]
    if one == other or first.end > second.at:
        return data
    return (
        data[: first.at] + data[second.at : second.end] + data[first.end : second.at] + data[first.at : first.end]
        + data[second.end :]
    )  # fmt: skip


_ANY: dict[str, Callable[[bytes, int, int, bytes], bytes]] = {
    "flip": _flip,
    "overwrite": _overwrite,
    "insert": _insert,
    "cut": _cut,
    "truncate": _truncate,
}
_DICOM = {
    **_ANY,
    "delete": _delete,
    "duplicate": _duplicate,
    "wrong vr": _wrong_vr,
    "wrong length": _wrong_length,
    "value": _value,
    "telling": _telling,
    "count": _count,
    "nested": _nested,
    "syntax": _syntax,
    "swap": _swap,
}
_PLACE = st.integers(0, 2**31 - 1)


def mutations(kind: Literal["dicom", "bytes", "text"]) -> st.SearchStrategy[list[Mutation]]:
    """One to five mutations."""
    names = sorted(_DICOM if kind == "dicom" else _ANY)
    junk = st.sampled_from(TEXT_JUNK + JUNK if kind == "text" else JUNK)
    return st.lists(st.tuples(st.sampled_from(names), _PLACE, _PLACE, junk), min_size=1, max_size=5)


def mutated(data: bytes, steps: list[Mutation]) -> bytes:
    """A file after its mutations."""
    for name, where, much, junk in steps:
        data = _DICOM[name](data, where, much, junk)
    return data
