"""Queries for audit events."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import contains_eager

from portal.extensions import db
from portal.storage.pages import Page, within
from portal.storage.tables import AuditEvent, User


def list_events(text: str, number: int, size: int) -> Page[AuditEvent]:
    """Events whose action, subject or actor's address contains the text, newest first."""
    query = select(AuditEvent).outerjoin(AuditEvent.actor).options(contains_eager(AuditEvent.actor))
    if text:
        query = query.where(or_(AuditEvent.action.icontains(text, autoescape=True),
                                AuditEvent.subject.icontains(text, autoescape=True),
                                User.email.icontains(text, autoescape=True)))
    found = query.with_only_columns(AuditEvent.id).subquery()
    total = db.session.scalar(select(func.count()).select_from(found)) or 0
    number = within(number, size, total)
    rows = db.session.scalars(query.order_by(AuditEvent.id.desc()).limit(size).offset((number - 1) * size))
    return Page(items=tuple(rows), number=number, size=size, total=total)


def count_events(action: str, address: str, since: datetime) -> int:
    """How often this was done from this address since a moment."""
    return db.session.scalar(select(func.count()).select_from(AuditEvent).where(
        AuditEvent.action == action, AuditEvent.address == address, AuditEvent.at >= since)) or 0


def find_latest(action: str, subject: str) -> datetime | None:
    """When this was last done to this subject."""
    return db.session.scalar(select(func.max(AuditEvent.at)).where(AuditEvent.action == action,
                                                                   AuditEvent.subject == subject))
