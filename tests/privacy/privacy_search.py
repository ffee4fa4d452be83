"""Looking for identities in every byte of files, however they are packed.

A file's bytes are read as UTF-8, Latin-1, UTF-16 and ISO 2022, in any case, with the escapes of JSON, HTML and URLs
undone; so is whatever is packed in them: gzip and zlib, PNG (its texts and its pixels), blosc2 arrays and
their notes, Parquet, zip, and runs of base64, to any depth.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import io
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import blosc2
import polars as pl

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32,128}(?![0-9a-f])")
_JSON = re.compile(r"\\u([0-9a-fA-F]{4})")
_DEPTH = 4
_LONG = 300


class Searcher:
    """Finds secrets by their names.

    Args:
        secrets: name to the texts of which none may occur. Plain digests of them may not either: a number that can
            be guessed is found from its digest by trying all.
    """

    def __init__(self, secrets: Mapping[str, Iterable[str]]) -> None:
        self._texts = {name: [text.casefold() for text in texts] for name, texts in secrets.items()}
        self._digests = {digest: name for name, texts in secrets.items() for text in texts for digest in _digests(text)}

    def bytes(self, data: bytes, depth: int = 0) -> set[str]:
        """Names of the secrets in some bytes."""
        found: set[str] = set()
        if not data:
            return found
        for text in _readings(data):
            found |= {name for name, parts in self._texts.items() if any(part in text for part in parts)}
        runs = {match[0].decode() for match in _HEX.finditer(data.lower())}
        found |= {f"digest of {self._digests[run]}" for run in runs & self._digests.keys()}
        if depth < _DEPTH:
            for inner in _packed(data):
                found |= self.bytes(inner, depth + 1)
        return found

    def tree(self, folder: Path) -> dict[str, set[str]]:
        """Names of the secrets in the files below a folder, hidden ones too, and in their names; with the files."""
        found: dict[str, set[str]] = {}
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder).as_posix()
            names = self.bytes(relative.encode("utf-8", "surrogateescape"))
            if path.is_file():
                names |= self.bytes(path.read_bytes())
            for name in names:
                found.setdefault(name, set()).add(relative)
        return found


def _digests(text: str) -> Iterator[str]:
    for name in ("md5", "sha1", "sha256", "blake2b", "blake2s"):
        yield hashlib.new(name, text.encode()).hexdigest()
    yield hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _readings(data: bytes) -> Iterator[str]:
    yield from (data.decode("latin-1").casefold(),)
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "iso2022_jp"):
        if encoding == "iso2022_jp" and b"\x1b$B" not in data:
            continue
        text = data.decode(encoding, "ignore")
        yield text.casefold()
        if encoding == "utf-8":
            yield from (plain.casefold() for plain in _unescaped(text))
        elif encoding.startswith("utf-16"):
            yield data[1:].decode(encoding, "ignore").casefold()


def _unescaped(text: str) -> Iterator[str]:
    if "\\u" in text:
        yield _JSON.sub(lambda match: chr(int(match[1], 16)), text)
    if "&" in text:
        yield html.unescape(text)
    if "%" in text:
        yield urllib.parse.unquote(text, errors="ignore")


def _packed(data: bytes) -> Iterator[bytes]:
    """What is packed in some bytes, as far as it can be unpacked."""
    if data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data)
    elif data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif data.startswith(b"\x89PNG"):
        yield from _png(data)
    elif data.startswith(b"PAR1"):
        yield pl.read_parquet(io.BytesIO(data)).write_json().encode()
    elif b"b2frame" in data[:64]:
        yield from _blosc2(data)
    elif data[:1] == b"\x78":
        yield _inflated(data)
    runs = [m[0].rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/") for m in _BASE64.finditer(data)]
    for start in range(4):  # a run may begin before the base64 does, for instance behind a slash
        decoded = [base64.b64decode(run[start : start + (len(run) - start) // 4 * 4]) for run in runs]
        yield from (blob for blob in decoded if len(blob) > _LONG)
        yield b"\n".join(blob for blob in decoded if len(blob) <= _LONG)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data)
    except zlib.error:
        return b""


def _png(data: bytes) -> Iterator[bytes]:
    at, pixels = 8, b""
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunk = data[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            pixels += chunk
        elif kind in (b"zTXt", b"iTXt", b"iCCP"):
            for start in range(min(len(chunk), 120)):
                if chunk[start : start + 1] == b"\x78":
                    yield _inflated(chunk[start:])
        at += 12 + length
    yield _inflated(pixels)


def _blosc2(data: bytes) -> Iterator[bytes]:
    schunk = blosc2.schunk_from_cframe(data, copy=True)
    for name in schunk.vlmeta:
        yield repr(schunk.vlmeta[name]).encode()
    for number in range(schunk.nchunks):
        yield bytes(schunk.decompress_chunk(number))
