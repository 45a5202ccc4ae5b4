"""Queries for audit events.

The list is walked in the order of time along an index that holds it: of all events, of a person, an action, a subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import selectinload

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.administration import AuditEvent

LOOKED_AT = 20_000
"""So many events are searched for a text before the page is sent; the next page goes on from there."""
WALKED_AT_ONCE = 1000
NEWEST_FIRST = (AuditEvent.at.desc(), AuditEvent.id.desc())


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """What is looked for: a part of an action, subject, address, name or e-mail; exactly a person, an action, a
    subject; from a day to a day, both included.
    """

    text: str = ""
    person: int | None = None
    action: str = ""
    subject: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A place in the list."""

    at: datetime
    id: int


@dataclass(frozen=True, kw_only=True)
class Walked:
    """Events, newest first, and how far was looked: None when to the end."""

    events: tuple[AuditEvent, ...]
    looked_to: Spot | None


def walk(wanted: EventFilter, before: Spot | None, size: int) -> Walked:
    """The next events behind a place, newest first; fewer than `size` where a text is rare."""
    if not wanted.text:
        events = _load(_walk(wanted, before).limit(size + 1))
        return Walked(events=events[:size], looked_to=_spot(events[size - 1]) if len(events) > size else None)
    looked = _walk(wanted, before).with_only_columns(AuditEvent.id, AuditEvent.at).limit(LOOKED_AT)
    window = looked.subquery()
    events = _load(select(AuditEvent).join(window, window.c.id == AuditEvent.id).where(_holds(wanted.text))
                   .order_by(*NEWEST_FIRST).limit(size + 1))
    if len(events) > size:
        return Walked(events=events[:size], looked_to=_spot(events[size - 1]))
    last = db.session.execute(looked.limit(1).offset(LOOKED_AT - 1)).first()
    return Walked(events=events, looked_to=Spot(at=last.at, id=last.id) if last else None)


def walk_all(wanted: EventFilter, last_id: int) -> Iterator[tuple[AuditEvent, ...]]:
    """Everything up to an id, newest first, in pieces that nobody keeps."""
    spot = None
    while True:
        query = _walk(wanted, spot).where(AuditEvent.id <= last_id)
        if wanted.text:
            query = query.where(_holds(wanted.text))
        events = _load(query.limit(WALKED_AT_ONCE))
        if events:
            yield events
            spot = _spot(events[-1])
        db.session.expunge_all()
        if len(events) < WALKED_AT_ONCE:
            return


def last_id() -> int:
    return db.session.scalar(select(func.max(AuditEvent.id))) or 0


def list_people() -> Sequence[User]:
    """Everybody with an account, by name."""
    return db.session.scalars(select(User).order_by(User.name, User.id)).all()


def list_actions() -> Sequence[str]:
    """The actions that occur. From one to the next along the index, for it has a million entries and few actions."""
    found: list[str] = []
    following = select(func.min(AuditEvent.action))
    one = db.session.scalar(following)
    while one is not None:
        found.append(one)
        one = db.session.scalar(following.where(AuditEvent.action > one))
    return found


def first_moment() -> datetime | None:
    """When the first event was written down; None before it."""
    return db.session.scalar(select(AuditEvent.at).order_by(AuditEvent.id).limit(1))


def count_events(action: str, address: str, since: datetime, until: datetime) -> int:
    """How often this was done from this address within a span."""
    return db.session.scalar(select(func.count()).select_from(AuditEvent).where(
        AuditEvent.action == action, AuditEvent.address == address, AuditEvent.at.between(since, until))) or 0


def count_since(action: str, since: datetime) -> int:
    """How often this was done by anybody since then."""
    return db.session.scalar(select(func.count()).select_from(AuditEvent).where(
        AuditEvent.action == action, AuditEvent.at >= since)) or 0


def find_latest(action: str, subject: str) -> datetime | None:
    """When this was last done to this subject."""
    return db.session.scalar(select(func.max(AuditEvent.at)).where(AuditEvent.action == action,
                                                                   AuditEvent.subject == subject))


def is_noted(actor_id: int | None, address: str, action: str, subject: str, details: dict[str, Any],
             since: datetime, until: datetime) -> bool:
    """Whether the same person did the same to this subject from there within a span."""
    rows = db.session.execute(
        select(AuditEvent.address, AuditEvent.details)
        .where(AuditEvent.subject == subject, AuditEvent.at.between(since, until), AuditEvent.action == action,
               AuditEvent.actor_id == actor_id).limit(50))
    return any((row.address, row.details) == (address, details) for row in rows)


def _walk(wanted: EventFilter, before: Spot | None) -> Select[Any]:
    query = select(AuditEvent).order_by(*NEWEST_FIRST)
    index = _index(wanted)
    if index:  # MariaDB would rather sort the whole table
        for dialect in ("mysql", "mariadb"):
            query = query.with_hint(AuditEvent, f"FORCE INDEX ({index})", dialect)
    exact = {AuditEvent.actor_id: wanted.person, AuditEvent.action: wanted.action, AuditEvent.subject: wanted.subject}
    query = query.where(*(column == value for column, value in exact.items() if value))
    if wanted.since:
        query = query.where(AuditEvent.at >= datetime.combine(wanted.since, time.min))
    if wanted.until:
        query = query.where(AuditEvent.at < datetime.combine(wanted.until, time.min) + timedelta(days=1))
    if before:  # both conditions: MariaDB finds no range in the second
        query = query.where(AuditEvent.at <= before.at,
                            or_(AuditEvent.at < before.at, and_(AuditEvent.at == before.at, AuditEvent.id < before.id)))
    return query


def _index(wanted: EventFilter) -> str:
    """The index that holds the list in its order; none where the database must weigh a person against an action."""
    if wanted.subject:
        return "ix_audit_events_subject"
    if wanted.person and wanted.action:
        return ""
    if wanted.person or wanted.action:
        return "ix_audit_events_actor" if wanted.person else "ix_audit_events_action"
    return "ix_audit_events_at"


def _holds(text: str) -> ColumnElement[bool]:
    people = select(User.id).where(or_(User.email.icontains(text, autoescape=True),
                                       User.name.icontains(text, autoescape=True)))
    return or_(AuditEvent.action.icontains(text, autoescape=True), AuditEvent.subject.icontains(text, autoescape=True),
               AuditEvent.address.icontains(text, autoescape=True), AuditEvent.actor_id.in_(people))


def _load(query: Select[Any]) -> tuple[AuditEvent, ...]:
    # People in a query of their own: joined to them, MariaDB sorts the whole table instead of walking the index.
    return tuple(db.session.scalars(query.options(selectinload(AuditEvent.actor))).all())


def _spot(event: AuditEvent) -> Spot:
    return Spot(at=event.at, id=event.id)
