"""What administrators chose, and who did what. Audit events and their seals are only ever added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import Moment, Piece, now


class Choice(db.Model):
    """What the administrator chose for the whole portal, by name; without a row, the default of its reader."""

    __tablename__ = "choices"

    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime] = mapped_column(Moment, default=now, onupdate=now)


class ActiveModel(db.Model):
    """Which member of a family of models is offered, and in which version; without a row, the one that the family is
    named after, as published. An empty version is the published one.
    """

    __tablename__ = "active_models"

    family: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32), default="", server_default="")
    chosen_at: Mapped[datetime] = mapped_column(Moment, default=now)
    chosen_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class AuditEvent(db.Model):
    """Who did what, when and from where; `mac` signs it (`services/chain`), None for one older than signatures."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_actor", "actor_id", "at"), Index("ix_audit_events_action", "action", "at"),
                      Index("ix_audit_events_subject", "subject", "at"),
                      Index("uq_audit_events_mac", "mac", unique=True))

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, default=now, index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    address: Mapped[str] = mapped_column(String(45), default="")
    action: Mapped[str] = mapped_column(String(48))
    subject: Mapped[str] = mapped_column(String(80), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    mac: Mapped[str | None] = mapped_column(String(64))

    actor: Mapped[User | None] = relationship()


class AuditSeal(db.Model):
    """A seal over a stretch of events (`services/chain/seals.py`). Its number is the key: no two can follow on one."""

    __tablename__ = "audit_seals"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_id: Mapped[int]
    last_id: Mapped[int]
    gaps: Mapped[list[Any]] = mapped_column(JSON)
    late: Mapped[list[int]] = mapped_column(JSON)
    digests: Mapped[bytes] = mapped_column(Piece)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime] = mapped_column(Moment, index=True)
