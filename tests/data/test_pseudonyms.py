"""Pseudonyms: keyed, repeatable, of one kind, with a key that stays outside."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from cadkit.data.pseudonyms import Pseudonyms, key_folder
from cadkit.errors import InputError

ONE, OTHER = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)


def test_the_same_identity_has_one_name_per_key() -> None:
    assert ONE("patient", "123", "hospital") == Pseudonyms(b"a" * 32)("patient", "123", "hospital")
    assert ONE("patient", "123", "hospital") != OTHER("patient", "123", "hospital")
    names = {ONE("patient", str(number)) for number in range(2000)}
    assert len(names) == 2000
    assert all(len(name) == 12 and int(name, 16) >= 0 for name in names)
    assert len(ONE("patient", "123", length=20)) == 20


def test_kinds_and_parts_are_told_apart() -> None:
    assert ONE("patient", "123") != ONE("exam", "123")
    assert ONE("patient", "12", "3") != ONE("patient", "1", "23") != ONE("patient", "123")


def test_a_name_is_no_plain_hash() -> None:
    name = ONE("patient", "123")
    for make in (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.blake2b):
        assert not make(b"123").hexdigest().startswith(name)


def test_a_projects_key_is_made_once_and_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADKIT_CONFIG", str(tmp_path))
    assert key_folder() == tmp_path
    first = Pseudonyms.of_project("a")("patient", "1")
    assert Pseudonyms.of_project("a")("patient", "1") == first
    assert Pseudonyms.of_project("b")("patient", "1") != first
    (path,) = tmp_path.rglob("a.key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().strip()) == 64


def test_a_bad_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADKIT_CONFIG", str(tmp_path))
    Pseudonyms.of_project("a")
    (path,) = tmp_path.rglob("a.key")
    path.write_text("no key")
    with pytest.raises(InputError, match=r"a\.key.*not a pseudonym key"):
        Pseudonyms.of_project("a")
    with pytest.raises(InputError, match="at least 16 bytes"):
        Pseudonyms(b"short")
