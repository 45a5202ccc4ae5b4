"""Queries for the seals over audit events, and for the events as they are sealed: plain rows, not objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, String, cast, func, insert, select

from portal.extensions import db
from portal.storage.tables.administration import AuditEvent, AuditSeal

AT_ONCE = 2000
EVENT = (AuditEvent.id, AuditEvent.at, AuditEvent.actor_id, AuditEvent.address, AuditEvent.action, AuditEvent.subject,
         AuditEvent.details, AuditEvent.mac)
SEAL = tuple(AuditSeal.__table__.columns)


def find_last() -> Row[Any] | None:
    return db.session.execute(select(*SEAL).order_by(AuditSeal.number.desc()).limit(1)).first()


def find_last_mark() -> Row[int, datetime, int] | None:
    """Number, moment and last event of the last seal, without what it holds."""
    return db.session.execute(select(AuditSeal.number, AuditSeal.sealed_at, AuditSeal.last_id)
                              .order_by(AuditSeal.number.desc()).limit(1)).first()


def find_seal(number: int) -> Row[Any] | None:
    return db.session.execute(select(*SEAL).where(AuditSeal.number == number)).first()


def list_since(moment: datetime) -> Sequence[Row[Any]]:
    """Seals made since a moment, in their order."""
    return db.session.execute(select(*SEAL).where(AuditSeal.sealed_at >= moment).order_by(AuditSeal.number)).all()


def list_with_late(until: int) -> Sequence[Row[Any]]:
    """Seals that hold events of earlier stretches, up to a number."""
    held = func.length(cast(AuditSeal.late, String)) > len("[]")
    return db.session.execute(select(*SEAL).where(held, AuditSeal.number <= until).order_by(AuditSeal.number)).all()


def list_events_after(last_id: int | None, most: int) -> Sequence[Row[Any]]:
    """Events in the order of their ids; with None from the smallest that there is, whoever put it there."""
    after = () if last_id is None else (AuditEvent.id > last_id,)
    return db.session.execute(select(*EVENT).where(*after).order_by(AuditEvent.id).limit(most)).all()


def list_events_between(first: int, last: int) -> Sequence[Row[Any]]:
    return db.session.execute(select(*EVENT).where(AuditEvent.id.between(first, last)).order_by(AuditEvent.id)).all()


def list_newest(action: str, until: datetime, most: int) -> Sequence[Row[Any]]:
    """Events of one action up to a moment, newest first."""
    return db.session.execute(select(*EVENT).where(AuditEvent.action == action, AuditEvent.at <= until)
                              .order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(most)).all()


def count_events_after(last_id: int) -> int:
    return db.session.scalar(select(func.count()).select_from(AuditEvent).where(AuditEvent.id > last_id)) or 0


def walk_events() -> Iterator[Row[Any]]:
    """All of them, in the order of their ids; no more than some thousands are held at a time."""
    last = None
    while rows := list_events_after(last, AT_ONCE):
        yield from rows
        last = rows[-1].id


def walk_seals(until: int) -> Iterator[Row[Any]]:
    """Up to a number, in their order."""
    query = select(*SEAL).where(AuditSeal.number <= until).order_by(AuditSeal.number).limit(50)
    rows = db.session.execute(query).all()
    while rows:
        yield from rows
        rows = db.session.execute(query.where(AuditSeal.number > rows[-1].number)).all()


def add_seal(values: dict[str, Any]) -> None:
    """Raises IntegrityError when another seal has this number. The caller commits."""
    db.session.execute(insert(AuditSeal).values(values))
