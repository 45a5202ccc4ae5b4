"""Secrets that the portal itself must read again, kept so that a copy of the database alone does not tell them.

A sealed text is `2.<name of its key>.<base64>`; the ones from before names were kept are the base64 alone.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORM = "2"
NONCE = 12
NAME_LENGTH = 8
PURPOSE = b"secondread second factor"


class CannotOpen(ValueError):
    """Sealed with a SECRET_KEY that is not known here, for somebody else, or damaged."""


def seal(secret_key: str, owner: int, text: str) -> str:
    """AES-256-GCM under a key drawn from `secret_key`; it opens for this owner only."""
    key, nonce = _draw(secret_key), secrets.token_bytes(NONCE)
    hidden = AESGCM(key).encrypt(nonce, text.encode("utf-8"), _of(owner))
    return ".".join((FORM, _name(key), base64.b64encode(nonce + hidden).decode("ascii")))


def unseal(secret_keys: Sequence[str], owner: int, kept: str) -> str:
    """What was sealed with any of these: the one in use, then those before it. Raises CannotOpen."""
    keys = [_draw(one) for one in secret_keys]
    form, _, rest = kept.rpartition(".")
    if form:
        keys = [key for key in keys if form == f"{FORM}.{_name(key)}"]
    for key in keys:
        try:
            raw = base64.b64decode(rest, validate=True)
            opened: bytes = AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], _of(owner))
        except (InvalidTag, ValueError):
            continue
        return opened.decode("utf-8")
    raise CannotOpen


def _of(owner: int) -> bytes:
    return str(owner).encode("ascii")


def _draw(secret_key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret_key.encode("utf-8"))


def _name(key: bytes) -> str:
    """Tells keys from each other, and nothing of any."""
    return hashlib.sha256(key).hexdigest()[:NAME_LENGTH]
