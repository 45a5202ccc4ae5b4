"""Reads what was done: in stretches for a page, as a whole for a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from portal.extensions import db
from portal.services import audit
from portal.services.audit import Actor
from portal.services.blind import HIDDEN
from portal.services.chain import keeper
from portal.services.exports.cells import Cell, cell_of
from portal.storage import access, audit_events
from portal.storage.audit_events import EventFilter, Spot
from portal.storage.tables.administration import AuditEvent
from portal.storage.tables.columns import AHEAD, now

PAGE_SIZE = 50
TELLING_NOTHING = ("case", "image", "model", "version", "token", "token_name")
"""Details that stay readable of a prediction which the administrator is still to read blind."""
VERIFIED = "audit.verify"
COLUMNS = ("id", "at", "actor_id", "actor", "email", "address", "action", "subject", "details")


@dataclass(frozen=True, kw_only=True)
class EventLine:
    """One event as this administrator may see it."""

    id: int
    at: datetime
    actor_id: int | None
    name: str
    email: str
    action: str
    subject: str
    address: str
    details: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class EventPage:
    """Events, newest first; `older` is where the next page begins, None at the end of the list. `searched_to` is set
    where the page is short because only so much is searched at once.
    """

    items: tuple[EventLine, ...]
    older: Spot | None
    searched_to: datetime | None


@dataclass(frozen=True, kw_only=True)
class LastVerified:
    """When the trail was last verified, and what that found."""

    at: datetime
    ok: bool
    findings: int
    events: int


def list_events(wanted: EventFilter, before: Spot | None, reader_id: int) -> EventPage:
    """What fits, behind a place of the list.

    An administrator may read cases blind: then the audit does not tell them what a model or a colleague said.
    """
    walked = audit_events.walk(wanted, before, PAGE_SIZE)
    short = walked.looked_to is not None and len(walked.events) < PAGE_SIZE
    return EventPage(items=tuple(_lines(walked.events, reader_id)), older=walked.looked_to,
                     searched_to=walked.looked_to.at if walked.looked_to and short else None)


def list_people() -> list[tuple[int, str]]:
    """Id and name, with the e-mail, of everybody who may have done something."""
    return [(user.id, f"{user.name} ({user.email})") for user in audit_events.list_people()]


def list_actions() -> list[str]:
    return list(audit_events.list_actions())


def verify(actor: Actor, anchor: str = "", pace: Callable[[], None] = lambda: None) -> keeper.Verdict:
    """Verify the trail, and write down that and with what result. Raises ValueError for no anchor.

    `pace` is called now and then in between.
    """
    verdict = keeper.verify(anchor, pace)
    audit.record(actor, VERIFIED, "audit", ok=verdict.ok, findings=len(verdict.findings), events=verdict.events,
                 seals=verdict.seals, head=verdict.head)
    db.session.commit()
    return verdict


def last_verified() -> LastVerified | None:
    """The newest verifying that the portal signed: a row that somebody put there says nothing.

    One of a clock that was ahead would hide for long that none came after it.
    """
    for row in keeper.list_signed(VERIFIED, now() + AHEAD):
        told = row.details
        if {"ok", "findings", "events"} <= set(told):
            return LastVerified(at=row.at, ok=told["ok"], findings=told["findings"], events=told["events"])
    return None


def begin_export(actor: Actor, wanted: EventFilter, form: str) -> int:
    """Seal what is pending, record that the trail is taken away, and say up to which event. What was typed to search
    for is not recorded: it may be a name.
    """
    filters = {name: True if name == "text" else str(value) for name, value in vars(wanted).items() if value}
    keeper.seal_pending()
    last = audit_events.last_id()
    audit.record(actor, "audit.export", "audit", format=form, filters=filters, last=last)
    db.session.commit()
    return last


def walk_rows(wanted: EventFilter, last: int, reader_id: int) -> Iterator[list[Cell]]:
    """Cells under `COLUMNS`, newest first; details as JSON."""
    for one in walk_objects(wanted, last, reader_id):
        told = {**one, "details": json.dumps(one["details"], ensure_ascii=False, sort_keys=True)}
        yield [cell_of(told[name]) for name in COLUMNS]


def walk_objects(wanted: EventFilter, last: int, reader_id: int) -> Iterator[dict[str, Any]]:
    """Objects with the names of `COLUMNS`, newest first."""
    for events in audit_events.walk_all(wanted, last):
        for one in _lines(events, reader_id):
            yield {"id": one.id, "at": one.at.replace(tzinfo=UTC).isoformat(timespec="microseconds"),
                   "actor_id": one.actor_id, "actor": one.name, "email": one.email, "address": one.address,
                   "action": one.action, "subject": one.subject, "details": one.details}


def _lines(events: tuple[AuditEvent, ...], reader_id: int) -> Iterator[EventLine]:
    veiled = _veiled_subjects(events, reader_id)
    for one in events:
        actor = one.actor
        yield EventLine(id=one.id, at=one.at, actor_id=one.actor_id, name=actor.name if actor else "",
                        email=actor.email if actor else "", action=one.action, subject=one.subject,
                        address=one.address, details=_veil(one.details) if one.subject in veiled else one.details)


def _veiled_subjects(events: tuple[AuditEvent, ...], reader_id: int) -> set[str]:
    found = access.list_veiled(reader_id, _ids(events, "prediction"), _ids(events, "image"))
    return {subject for prediction, image in found for subject in (f"prediction:{prediction}", f"image:{image}")}


def _ids(events: tuple[AuditEvent, ...], kind: str) -> list[int]:
    """The ids of all subjects of one kind."""
    parts = [one.subject.partition(":") for one in events]
    return [int(number) for name, _, number in parts if name == kind and number.isdecimal()]


def _veil(details: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name in TELLING_NOTHING else HIDDEN for name, value in details.items()}
