"""What everybody, or every administrator, is told on top of the pages until they have read it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import Moment, now


class Notice(db.Model):
    """Plain text until a moment. The portal itself writes one without an author."""

    __tablename__ = "notices"
    __table_args__ = (CheckConstraint("audience IN ('everybody', 'admin')", name="audience"),
                      Index("ix_notices_until", "until"))

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(500))
    audience: Mapped[str] = mapped_column(String(16), default="everybody")
    written_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    until: Mapped[datetime] = mapped_column(Moment)

    author: Mapped[User | None] = relationship()


class NoticeDismissal(db.Model):
    """Somebody has read a notice and does not want to see it again."""

    __tablename__ = "notice_dismissals"

    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, default=now)
