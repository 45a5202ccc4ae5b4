"""Seals audit events and verifies them.

Events are written freely and in parallel. Whoever seals reads what no seal holds yet and adds the next number; of two
at once the database refuses one, so that the chain cannot fork and nobody waits for it. An event whose transaction
lasted longer than its neighbours' appears in a gap of a seal: the next one takes it in, for an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy.exc import IntegrityError

from portal.extensions import db, secrets_of_app
from portal.services.chain import rows as row_forms
from portal.services.chain import seals
from portal.services.chain.check import Count, Finding, check
from portal.services.chain.rows import Keys, Row
from portal.services.chain.seals import Seal
from portal.storage import audit_seals
from portal.storage.tables.columns import now

log = logging.getLogger("portal.audit")

SEALED_AT_ONCE = 5000
LATE = timedelta(hours=1)
"""No transaction lasts as long; what appears in a gap after it was put there."""
MOST_FINDINGS = 1000
LOOKED_BACK = 20
"""Events of an action, where one that was put there must not stand before the portal's own."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What verifying found. `head` is the last seal as NUMBER:HASH, empty before the first; `cut` says that there were
    more findings than are listed.
    """

    events: int
    sealed: int
    seals: int
    head: str
    findings: tuple[Finding, ...]
    cut: bool

    @property
    def ok(self) -> bool:
        return not self.findings


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The number of the last seal (0: none), when it was made (UTC), and how many events came after it."""

    seals: int
    sealed_at: datetime | None
    pending: int


def standing() -> Standing:
    """Cheap, and looks at no signature. Late events in the gaps of a seal are not counted."""
    last = audit_seals.find_last_mark()
    return Standing(seals=last.number if last else 0, sealed_at=last.sealed_at if last else None,
                    pending=audit_seals.count_events_after(last.last_id if last else 0))


def list_signed(action: str, until: datetime) -> list[Row]:
    """Events of one action up to a moment, newest first: of the last few, those whose signature fits."""
    return [row for row in map(_row, audit_seals.list_newest(action, until, LOOKED_BACK)) if _is_signed(row)]


def _is_signed(row: Row) -> bool:
    key = keys().find(row_forms.key_name(row.mac or ""))
    try:
        return key is not None and row_forms.is_signed(row, key)
    except ValueError:  # details that the portal cannot have written
        return False


def keys() -> Keys:
    return _keys(secrets_of_app())


@lru_cache(maxsize=8)
def _keys(secrets: tuple[str, ...]) -> Keys:
    return Keys(secrets)


def seal_pending() -> int:
    """Seal every event that no seal holds yet, and commit. Returns how many seals that took here."""
    made = 0
    while _seal_next():
        made += 1
    return made


def _seal_next() -> bool:
    before = _last()
    rows = [_row(one) for one in audit_seals.list_events_after(before.last_id if before else 0, SEALED_AT_ONCE)]
    late = _late(now() - LATE) if before else []
    if not rows and not late:
        db.session.rollback()
        return False
    seal = seals.make(before, rows, late, now(), keys().current)
    try:
        audit_seals.add_seal({**vars(seal), "gaps": list(seal.gaps), "late": list(seal.late)})
        db.session.commit()
    except IntegrityError:
        # Another process sealed the same events at the same moment.
        db.session.rollback()
        return False
    log.info("audit seal %d:%s", seal.number, seal.hash)
    return len(rows) == SEALED_AT_ONCE


def _late(since: datetime) -> list[Row]:
    """Events that have appeared in gaps of young seals and that no seal holds."""
    recent = [_seal(one) for one in audit_seals.list_since(since)]
    held = {event for seal in recent for event in seal.late}
    found = [_row(one) for seal in recent for first, last in seal.gaps
             for one in audit_seals.list_events_between(first, last)]
    return [one for one in found if one.id not in held]


def verify(anchor: str = "", pace: Callable[[], None] = lambda: None) -> Verdict:
    """Seal what is pending, then look at every event and every seal. Leaves the result in the log.

    `anchor` is the head that an earlier verifying told. Raises ValueError when it is not NUMBER:HASH. `pace` is called
    after every few thousand events, with no transaction open, and may rest or raise.
    """
    wanted = _anchor(anchor) if anchor else None
    seal_pending()
    last = _last()
    count, findings, cut = Count(), list[Finding](), False
    if wanted:
        findings += _against(*wanted)
    until = last.number if last else 0
    found = check(map(_row, _paced(audit_seals.walk_events(), pace)), map(_seal, audit_seals.walk_seals(until)),
                  _all_late(until), keys(), count, recent=_first_recent(until))
    for one in found:
        if len(findings) < MOST_FINDINGS:
            findings.append(one)
        else:
            cut = True
    db.session.rollback()
    verdict = Verdict(events=count.events, sealed=count.sealed, seals=count.seals,
                      head=f"{last.number}:{last.hash}" if last else "", findings=tuple(findings), cut=cut)
    _tell(verdict)
    return verdict


def _paced(rows: Iterator[Any], pace: Callable[[], None]) -> Iterator[Any]:
    """The events as they come. Who verifies for minutes must not keep MariaDB from changing tables or tidying up."""
    for number, row in enumerate(rows, 1):
        yield row
        if number % audit_seals.AT_ONCE == 0:
            db.session.rollback()
            pace()


def _tell(verdict: Verdict) -> None:
    """One line; the sentences of the findings are told to whoever asks."""
    if verdict.ok:
        log.info("audit trail verified: %d events, 0 findings, head %s", verdict.events, verdict.head or "-")
        return
    first = verdict.findings[0]
    log.error("SOMEBODY INTERFERED WITH THE AUDIT TRAIL: %d findings among %d events, the first: %s (event %s, seal "
              "%s), head %s. Keep the database as it is; flask audit verify names them all", len(verdict.findings),
              verdict.events, first.what, "-" if first.event is None else first.event, first.seal or "-",
              verdict.head or "-")


def _anchor(text: str) -> tuple[int, str]:
    number, _, told = text.partition(":")
    if not number.isdecimal() or len(told) != len(seals.NOTHING):
        raise ValueError("an anchor is NUMBER:HASH, as an earlier verifying printed it")
    return int(number), told


def _against(number: int, told: str) -> list[Finding]:
    seal = audit_seals.find_seal(number)
    if seal is not None and seal.hash == told:
        return []
    return [Finding(what="anchor", seal=number, text=f"Seal {number} "
                    + ("is gone" if seal is None else "is another one")
                    + ": the trail was cut or written anew since the anchor was taken.")]


def _all_late(until: int) -> dict[int, tuple[int, bytes]]:
    held = [_seal(one) for one in audit_seals.list_with_late(until)]
    return {event: (seal.number, piece) for seal in held for event, piece in seal.kept()[1].items()}


def _first_recent(until: int) -> int:
    """The number of the first seal in whose gaps an event may still appear."""
    recent = audit_seals.list_since(now() - LATE)
    return recent[0].number if recent else until + 1


def _last() -> Seal | None:
    found = audit_seals.find_last()
    return _seal(found) if found is not None else None


def _row(found: Any) -> Row:
    return Row(**found._mapping)


def _seal(found: Any) -> Seal:
    held = dict(found._mapping)
    return Seal(**{**held, "gaps": tuple((first, last) for first, last in held["gaps"]), "late": tuple(held["late"])})
