"""Pseudonyms: keyed BLAKE2 of an identity, the key outside the dataset.

A plain hash of a patient number can be undone by trying all numbers; a keyed one cannot without the
key. The key lies in the user's configuration folder, one per project, so that two datasets cannot be
joined by accident unless they share it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from cadkit.errors import InputError


def key_folder() -> Path:
    """Where keys lie: `$CADKIT_CONFIG`, or the user's configuration folder."""
    import platformdirs

    chosen = os.environ.get("CADKIT_CONFIG")
    return Path(chosen) if chosen else Path(platformdirs.user_config_dir("cadkit"))


class Pseudonyms:
    """Makes the same pseudonym of the same identity as long as the key is the same."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise InputError("a pseudonym key has at least 16 bytes", value=f"{len(key)} bytes")
        self._key = key

    @classmethod
    def of_project(cls, name: str) -> Pseudonyms:
        """With the key of a project, made at first use and readable by the user alone."""
        path = key_folder() / "keys" / f"{name}.key"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32) + "\n")
        except FileExistsError:
            pass
        text = path.read_text().strip()
        try:
            return cls(bytes.fromhex(text))
        except ValueError:
            raise InputError(
                "not a pseudonym key", file=path, mend="Restore the file, or move it away to begin with a new key."
            ) from None

    def __call__(self, kind: str, *identity: str, length: int = 12) -> str:
        """A pseudonym of `length` hexadecimal digits.

        Args:
            kind: what is named (`patient`, `exam`, ...): equal identities of two kinds get two names.
            identity: its parts, such as patient id and issuer.
        """
        digest = hashlib.blake2b(key=self._key[:64], person=kind.encode()[:16], digest_size=16)
        for part in identity:
            data = part.encode()
            digest.update(len(data).to_bytes(4, "little") + data)
        return digest.hexdigest()[:length]
