"""One audit event as bytes, its signature and its digest. Pure: the same on every database.

The canonical form is a JSON array in ASCII, without blanks and with sorted keys: the word of this form, the moment in
UTC with six digits of a second, the actor's id or null, the address, the action, the subject, the details. The row's id
is not part of it: the database gives it after the row was signed, and a seal keeps the order.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

FORM = "secondread-audit-1"
PURPOSE = b"SecondRead: audit trail"
NAME_LENGTH, NONCE_LENGTH, SUM_LENGTH = 8, 16, 32
"""Hexadecimal digits of a signature's parts: which key, something drawn, and the sum itself (128 bits)."""
DIGEST_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Row:
    """An audit event as it is stored; `mac` is None for one that was written before there were signatures."""

    id: int
    at: datetime
    actor_id: int | None
    address: str
    action: str
    subject: str
    details: Mapping[str, Any]
    mac: str | None


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key drawn from a secret, and the name by which a signature says that it is meant."""

    name: str
    secret: bytes = field(repr=False)

    def sum(self, *parts: bytes) -> str:
        """A keyed sum of the parts, none of which can pass for a piece of its neighbour."""
        made = hmac.new(self.secret, digestmod=hashlib.sha256)
        for part in parts:
            made.update(len(part).to_bytes(8, "big") + part)
        return made.hexdigest()[:SUM_LENGTH]


class Keys:
    """The key that signs now, and those of secrets that were in use before."""

    def __init__(self, secrets_: Sequence[str]) -> None:
        """`secrets_`: the one in use first."""
        made = [_draw(one) for one in secrets_]
        self.current = made[0]
        self._named = {one.name: one for one in made}

    def find(self, name: str) -> Key | None:
        return self._named.get(name)


def _draw(secret: str) -> Key:
    drawn = hmac.new(secret.encode(), PURPOSE, hashlib.sha256).digest()
    return Key(name=hashlib.sha256(drawn).hexdigest()[:NAME_LENGTH], secret=drawn)


def canonical(row: Row) -> bytes:
    """What is signed of an event. Raises ValueError for details that JSON cannot hold."""
    return json.dumps([FORM, row.at.isoformat(timespec="microseconds"), row.actor_id, row.address, row.action,
                       row.subject, row.details], sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def plain(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details as they come back from the database: JSON and nothing else. Raises ValueError, TypeError."""
    held: dict[str, Any] = json.loads(json.dumps(details, allow_nan=False))
    return held


def sign(row: Row, key: Key) -> str:
    """The signature of an event, its own `mac` aside: no two are alike, not even of equal events."""
    nonce = secrets.token_hex(NONCE_LENGTH // 2)
    return key.name + nonce + key.sum(nonce.encode(), canonical(row))


def key_name(mac: str) -> str:
    return mac[:NAME_LENGTH]


def is_signed(row: Row, key: Key) -> bool:
    """Whether the event's signature was made by this key of what the event says now."""
    mac = row.mac or ""
    nonce, told = mac[NAME_LENGTH:NAME_LENGTH + NONCE_LENGTH], mac[NAME_LENGTH + NONCE_LENGTH:]
    return hmac.compare_digest(told.encode(), key.sum(nonce.encode(), canonical(row)).encode())


def digest(row: Row) -> bytes:
    """What a seal keeps of an event, its signature included: 16 bytes."""
    return hashlib.sha256(canonical(row) + b"\n" + (row.mac or "").encode()).digest()[:DIGEST_BYTES]
