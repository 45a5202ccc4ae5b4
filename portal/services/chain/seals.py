"""A seal over a stretch of events: what it says, its hash and its signature. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from portal.services.chain.rows import DIGEST_BYTES, NAME_LENGTH, Key, Row, digest

FORM = "secondread-seal-1"
NOTHING = "0" * 64
"""What the first seal names as the one before it."""


@dataclass(frozen=True, kw_only=True)
class Seal:
    """Events `first_id` to `last_id` but for the `gaps`, then `late` ones of earlier stretches; `digests` has 16 bytes
    for each, in that order. `previous` is the hash of the seal before. `mac` names a key and signs `hash`.

    A stretch begins where the one before it ended; a gap is a first and a last id that no row had.
    """

    number: int
    first_id: int
    last_id: int
    gaps: tuple[tuple[int, int], ...]
    late: tuple[int, ...]
    digests: bytes
    previous: str
    sealed_at: datetime
    hash: str = ""
    mac: str = ""

    def ids(self) -> Iterator[int]:
        """Of the stretch, in order, without the late ones."""
        at = self.first_id
        for first, last in (*self.gaps, (self.last_id + 1, self.last_id + 1)):
            yield from range(at, min(first, self.last_id + 1))
            at = last + 1

    def kept(self) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """The digest of each event of the stretch by its id, and of each late one."""
        pieces = [self.digests[at:at + DIGEST_BYTES] for at in range(0, len(self.digests), DIGEST_BYTES)]
        own = dict(zip(self.ids(), pieces, strict=False))
        return own, dict(zip(self.late, pieces[len(own):], strict=False))

    def has_gap_at(self, event_id: int) -> bool:
        return any(first <= event_id <= last for first, last in self.gaps)


def hash_of(seal: Seal) -> str:
    """SHA-256 of all that a seal says, but for its own hash and signature."""
    told = json.dumps([FORM, seal.number, seal.first_id, seal.last_id, seal.gaps, seal.late,
                       hashlib.sha256(seal.digests).hexdigest(), seal.previous,
                       seal.sealed_at.isoformat(timespec="microseconds")], separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def make(before: Seal | None, rows: Sequence[Row], late: Sequence[Row], at: datetime, key: Key) -> Seal:
    """The next seal over these events, which are in the order of their ids; at least one in all."""
    first = before.last_id + 1 if before else 1
    ids = [one.id for one in rows]
    bare = Seal(number=before.number + 1 if before else 1, first_id=first,
                last_id=ids[-1] if ids else first - 1, gaps=tuple(_gaps(first, ids)),
                late=tuple(one.id for one in late), digests=b"".join(digest(one) for one in (*rows, *late)),
                previous=before.hash if before else NOTHING, sealed_at=at)
    made = replace(bare, hash=hash_of(bare))
    return replace(made, mac=key.name + key.sum(FORM.encode(), made.hash.encode()))


def is_signed(seal: Seal, key: Key) -> bool:
    told = seal.mac[NAME_LENGTH:]
    return hmac.compare_digest(told.encode(), key.sum(FORM.encode(), seal.hash.encode()).encode())


def _gaps(first: int, ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    for one in ids:
        if one > first:
            yield first, one - 1
        first = one + 1
