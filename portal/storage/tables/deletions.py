"""Deletions of cases: proposed by one person, confirmed by another, and what remains to be said afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import Moment, now


class CaseDeletion(db.Model):
    """A proposal, and once it was confirmed, the tombstone of the case. It never holds a pseudonym.

    `confirmed` opens the case's rows to DELETE and lasts no longer than the transaction that ends in `done`. Triggers
    let a row only go from proposed to withdrawn, or over confirmed to done, and confirmed only by somebody else.
    """

    __tablename__ = "case_deletions"
    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'withdrawn', 'confirmed', 'done')", name="state"),
        CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", name="four_eyes"),
        Index("ix_case_deletions_case_state", "case_id", "state"),
        Index("ix_case_deletions_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # No foreign key: the case will be gone, and its number stays.
    case_id: Mapped[int]
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(String(500))
    state: Mapped[str] = mapped_column(String(16), default="proposed")
    proposed_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    proposed_at: Mapped[datetime] = mapped_column(Moment, default=now)
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    # How much there was, and sha256 sums of it.
    counts: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    hashes: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    # Files that are still to be deleted: `stored` and `incoming`, lists of generated names; None when all are gone.
    files_left: Mapped[dict[str, list[str]] | None] = mapped_column(JSON(none_as_null=True), deferred=True)

    owner: Mapped[User] = relationship(foreign_keys=[owner_id])
    proposer: Mapped[User] = relationship(foreign_keys=[proposed_by])
    confirmer: Mapped[User | None] = relationship(foreign_keys=[confirmed_by])
    withdrawer: Mapped[User | None] = relationship(foreign_keys=[withdrawn_by])
