"""Finds where somebody interfered with the audit trail. Pure: rows and seals in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from portal.services.chain import rows as row_forms
from portal.services.chain import seals as seal_forms
from portal.services.chain.rows import Keys, Row
from portal.services.chain.seals import NOTHING, Seal

What = Literal["changed", "missing", "inserted", "moved", "unsigned", "unknown-key", "seal-changed", "seal-missing",
               "anchor"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that cannot have happened by itself. `event` and `seal` say where, as far as that can be said."""

    what: What
    text: str
    event: int | None = None
    seal: int | None = None


@dataclass(kw_only=True)
class Count:
    """What was looked at; filled while it is walked."""

    events: int = 0
    sealed: int = 0
    seals: int = 0
    head: str = ""


@dataclass(kw_only=True)
class _Walk:
    keys: Keys
    count: Count
    late: dict[int, tuple[int, bytes]]
    recent: int
    """Seals from this number on are young: a row may still appear in one of their gaps."""
    signed_from: int | None = None
    unknown: set[str] = field(default_factory=set)


def check(rows: Iterable[Row], seals: Iterable[Seal], late: dict[int, tuple[int, bytes]], keys: Keys, count: Count, *,
          recent: int) -> Iterator[Finding]:
    """Every finding, in the order of the events.

    `rows` come in the order of their ids and `seals` in that of their numbers. `late` has seal and digest of every
    event that was sealed after its stretch, by its id.
    """
    walk = _Walk(keys=keys, count=count, late=dict(late), recent=recent)
    coming, before = _Coming(rows), None
    for seal in seals:
        count.seals, count.head = count.seals + 1, seal.hash
        yield from _check_seal(walk, before, seal)
        yield from _check_stretch(walk, seal, coming.take(seal.last_id))
        before = seal
    for row in coming.take(None):
        yield from _check_row(walk, row)
    for event, (number, _) in sorted(walk.late.items()):
        yield Finding(what="missing", event=event, seal=number, text=f"Event {event} was removed.")


class _Coming:
    """Rows that wait for their seal."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._next: Row | None = None

    def take(self, last: int | None) -> Iterator[Row]:
        """Up to an id, or all that are left."""
        row: Row | None = self._next or next(self._rows, None)
        while row is not None and (last is None or row.id <= last):
            yield row
            row = next(self._rows, None)
        self._next = row


def _check_seal(walk: _Walk, before: Seal | None, seal: Seal) -> Iterator[Finding]:
    expected = before.number + 1 if before else 1
    for number in range(expected, seal.number):
        yield Finding(what="seal-missing", seal=number, text=f"Seal {number} was removed.")
    key = walk.keys.find(row_forms.key_name(seal.mac))
    if seal.hash != seal_forms.hash_of(seal) or (key and not seal_forms.is_signed(seal, key)):
        yield Finding(what="seal-changed", seal=seal.number, text=f"Seal {seal.number} was changed.")
    elif seal.number == expected and seal.previous != (before.hash if before else NOTHING):
        yield Finding(what="seal-changed", seal=seal.number,
                      text=f"Seal {seal.number} does not follow on the one before it.")
    if key is None:
        yield from _unknown(walk, row_forms.key_name(seal.mac), seal=seal.number)


def _check_stretch(walk: _Walk, seal: Seal, rows: Iterator[Row]) -> Iterator[Finding]:
    kept, _ = seal.kept()
    homes = {piece: event for event, piece in kept.items()}
    found: list[Finding] = []
    moved: set[int] = set()
    for row in rows:
        wanted, told = kept.pop(row.id, None), row_forms.digest(row)
        walk.count.sealed += wanted is not None or row.id in walk.late
        if row.id < seal.first_id:  # the seal over it is gone, and that has been said
            found += _check_row(walk, row)
        elif told != wanted and homes.get(told, row.id) != row.id:
            walk.count.events += 1
            moved.add(homes[told])
            found.append(Finding(what="moved", event=row.id, seal=seal.number,
                                 text=f"Event {row.id} is what event {homes[told]} was: somebody moved it."))
        elif wanted is not None:
            found += _check_row(walk, row)
            if told != wanted and not (found and found[-1].event == row.id):
                found.append(_changed(row, seal.number))
        elif row.id in walk.late:
            found += _check_late(walk, row)
        elif seal.number >= walk.recent and seal.has_gap_at(row.id):
            found += _check_row(walk, row)
        else:
            walk.count.events += 1
            found.append(Finding(what="inserted", event=row.id, seal=seal.number,
                                 text=f"Event {row.id} was inserted after its place had been sealed as empty."))
    found += [Finding(what="missing", event=event, seal=seal.number,
                      text=f"Event {event} " + ("is no longer in its place." if event in moved else "was removed."))
              for event in kept]
    yield from sorted(found, key=lambda one: one.event or 0)


def _check_late(walk: _Walk, row: Row) -> Iterator[Finding]:
    number, wanted = walk.late.pop(row.id)
    if row_forms.digest(row) != wanted:
        walk.count.events += 1
        yield _changed(row, number)
    else:
        yield from _check_row(walk, row)


def _check_row(walk: _Walk, row: Row) -> Iterator[Finding]:
    """Its number and signature. Rows without one come before all rows with one: they are older than signatures."""
    walk.count.events += 1
    if row.id < 1:
        yield Finding(what="inserted", event=row.id,
                      text=f"Event {row.id} was inserted: the portal numbers its own from 1.")
        return
    if not row.mac:
        if walk.signed_from is not None:
            yield Finding(what="unsigned", event=row.id,
                          text=f"Event {row.id} has no signature, although events before it have: "
                               "the portal did not write it like this.")
        return
    walk.signed_from = walk.signed_from or row.id
    key = walk.keys.find(row_forms.key_name(row.mac))
    if key is None:
        yield from _unknown(walk, row_forms.key_name(row.mac), event=row.id)
    elif not row_forms.is_signed(row, key):
        yield _changed(row, None)


def _changed(row: Row, seal: int | None) -> Finding:
    return Finding(what="changed", event=row.id, seal=seal, text=f"Event {row.id} was changed.")


def _unknown(walk: _Walk, name: str, event: int | None = None, seal: int | None = None) -> Iterator[Finding]:
    """Once for each key."""
    if name not in walk.unknown:
        walk.unknown.add(name)
        yield Finding(what="unknown-key", event=event, seal=seal,
                      text=f"{f'Event {event}' if event else f'Seal {seal}'} and perhaps others were signed with a key "
                           f"({name}) that is not known here. If SECRET_KEY was replaced, name the old one in "
                           "PORTAL_OLD_SECRET_KEYS and verify again.")
