"""Cases, who may read them, their images, and large files on their way in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.columns import Large, Long, Moment, now

if TYPE_CHECKING:
    from portal.storage.tables.readings import Prediction


class Case(db.Model):
    """A patient pseudonym and a specimen, owned by the clinician who opened it; `CaseReader` says who may read it."""

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_owner_created", "owner_id", "created_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    patient: Mapped[str] = mapped_column(String(80))
    specimen: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text, default="")
    # Blind-first: what a model says is shown to a reader only after that reader's own first reading.
    blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    # The names of its images, one to a line, for a text to be looked for; a trigger on `images` writes it.
    image_names: Mapped[str | None] = mapped_column(Long, deferred=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)

    owner: Mapped[User] = relationship()
    images: Mapped[list[Image]] = relationship(back_populates="case", order_by="Image.id")


class CaseReader(db.Model):
    """Who may read a case and review what is in it: its owner, and those whom the owner shares it with."""

    __tablename__ = "case_readers"
    __table_args__ = (Index("ix_case_readers_user_case", "user_id", "case_id"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    added_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    added_at: Mapped[datetime] = mapped_column(Moment, default=now)

    user: Mapped[User] = relationship(foreign_keys=[user_id])


class Image(db.Model):
    """One image of a case, identified there by the sha256 of the bytes that were sent.

    A slide is an image too: `format` is then what it was sent as, and the file kept is a pyramid of ours.
    """

    __tablename__ = "images"
    __table_args__ = (UniqueConstraint("case_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    stored_as: Mapped[str] = mapped_column(String(64), unique=True)
    content_type: Mapped[str] = mapped_column(String(40))
    format: Mapped[str] = mapped_column(String(16))
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int] = mapped_column(Large)
    um_per_px: Mapped[float | None]
    # "image" or "slide".
    kind: Mapped[str] = mapped_column(String(16), default="image", server_default="image")
    # Of a part of a slide that a reader cut out: the slide, and left, top, width, height in its pixels.
    # No foreign key: SQLite could not take the column away again.
    cut_from_id: Mapped[int | None] = mapped_column(index=True)
    cut_box: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    serial: Mapped[str] = mapped_column(String(40), default="", server_default="")
    # "group" alone is a word of SQL.
    specimen_group: Mapped[str] = mapped_column(String(40), default="", server_default="")
    uploaded_at: Mapped[datetime] = mapped_column(Moment, default=now)

    case: Mapped[Case] = relationship(back_populates="images")
    predictions: Mapped[list[Prediction]] = relationship(back_populates="image", order_by="Prediction.id")


class Delivery(db.Model):
    """A large file on its way in: so many bytes are here. The row goes when it has become an image, or is dropped."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(Large)
    received: Mapped[int] = mapped_column(Large, default=0)
    model: Mapped[str] = mapped_column(String(64), default="")
    um_per_px: Mapped[float | None]
    stored_as: Mapped[str] = mapped_column(String(64), unique=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"))
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    seen_at: Mapped[datetime] = mapped_column(Moment, default=now)
