"""The tables. Times are UTC without a zone; predictions, reviews, reports and audit events are only ever added."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, DateTime, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.dialects.mysql import DATETIME, VARCHAR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db

Moment = DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb")
# MySQL's default collation takes josé@ and jose@ for one address.
Exact = String(254).with_variant(VARCHAR(254, collation="utf8mb4_bin"), "mysql", "mariadb")
ROLES = ("clinician", "admin")


def now() -> datetime:
    """The present moment as the tables store it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


class User(db.Model):
    """An account. Never deleted: what it did must stay answerable."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('clinician', 'admin')", name="role"),
        CheckConstraint("status IN ('waiting', 'approved', 'disabled')", name="status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Exact, unique=True)
    name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(16), default="clinician")
    status: Mapped[str] = mapped_column(String(16), default="waiting", index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)


class UserSession(db.Model):
    """A login. The cookie holds a secret, the row its sha256; deleting the row ends the session at once."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    remember: Mapped[bool] = mapped_column(default=False)
    address: Mapped[str] = mapped_column(String(45), default="")
    browser: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    seen_at: Mapped[datetime] = mapped_column(Moment, default=now)

    user: Mapped[User] = relationship(lazy="joined")


class LoginFailure(db.Model):
    """A failed login, by hash of the account's e-mail and by address; slows the next try."""

    __tablename__ = "login_failures"
    __table_args__ = (Index("ix_login_failures_account", "account_hash", "at"),
                      Index("ix_login_failures_address", "address", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    account_hash: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(45))
    at: Mapped[datetime] = mapped_column(Moment, default=now)


class OneTimeLink(db.Model):
    """A link that works once: first administrator (no user yet) or a new password for one user."""

    __tablename__ = "one_time_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)


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
    """One image of a case, identified there by the sha256 of the bytes that were sent."""

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
    size: Mapped[int]
    um_per_px: Mapped[float | None]
    serial: Mapped[str] = mapped_column(String(40), default="", server_default="")
    # "group" alone is a word of SQL.
    specimen_group: Mapped[str] = mapped_column(String(40), default="", server_default="")
    uploaded_at: Mapped[datetime] = mapped_column(Moment, default=now)

    case: Mapped[Case] = relationship(back_populates="images")
    predictions: Mapped[list[Prediction]] = relationship(back_populates="image", order_by="Prediction.id")


class Prediction(db.Model):
    """What one model version said of one image. The database refuses to change or delete it.

    A run that failed leaves no row: the image is kept, and sending it again runs the model again.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        UniqueConstraint("image_id", "model", "version"),
        CheckConstraint("outcome IN ('scored', 'refused')", name="outcome"),
        Index("ix_predictions_outcome_created", "outcome", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    model: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    label: Mapped[str | None] = mapped_column(String(64))
    scores: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    layers: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    evidence: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    # Kept with the scores: the version that only demonstrated may be gone when they are read.
    demonstration: Mapped[str] = mapped_column(String(400), default="", server_default="")
    ms: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(Moment, default=now, index=True)

    image: Mapped[Image] = relationship(back_populates="predictions")
    reviews: Mapped[list[Review]] = relationship(back_populates="prediction", order_by="Review.id")


class WorkItem(db.Model):
    """One prediction on one reader's worklist. All but `reviewed` is copied from rows that never change, so that a
    page of the list is one step along an index.
    """

    __tablename__ = "work_items"
    __table_args__ = (Index("ix_work_items_list", "user_id", "reviewed", "prediction_id"),
                      Index("ix_work_items_case", "case_id", "user_id"))

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    prediction_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    model: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(16))
    reviewed: Mapped[bool] = mapped_column(default=False)

    prediction: Mapped[Prediction] = relationship()


class Review(db.Model):
    """What a reader said of a prediction. Of each reader the latest counts; earlier ones stay."""

    __tablename__ = "reviews"
    __table_args__ = (CheckConstraint("verdict IN ('agree', 'override', 'cannot-judge')", name="verdict"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    prediction_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"), index=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(64))
    scores: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # Nuclei that the reader put into another class: [number in the evidence, class].
    corrections: Mapped[list[list[Any]] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    reason: Mapped[str] = mapped_column(Text, default="")
    # Given before this reader had seen what the model says.
    blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)

    prediction: Mapped[Prediction] = relationship(back_populates="reviews")
    reader: Mapped[User] = relationship()


class ReviewDraft(db.Model):
    """A review as far as it was typed: saved by the page, replaced by the next saving, gone with the review."""

    __tablename__ = "review_drafts"

    prediction_id: Mapped[int] = mapped_column(ForeignKey("predictions.id"), primary_key=True)
    reader_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    saved_at: Mapped[datetime] = mapped_column(Moment, default=now, onupdate=now)


class Report(db.Model):
    """A signed report of a case: what it said when it was signed. The database refuses to change or delete it.

    `number` counts within the case; the first is the report, later ones are addenda to it.
    """

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("case_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    number: Mapped[int]
    signed_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    comment: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    sha256: Mapped[str] = mapped_column(String(64))
    signed_at: Mapped[datetime] = mapped_column(Moment, default=now)

    signer: Mapped[User] = relationship()


class ApiToken(db.Model):
    """A personal token for `/api/v1`: the reader holds the secret, the row its sha256."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    used_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)

    user: Mapped[User] = relationship(lazy="joined")


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
    """Who did what, when and from where."""

    __tablename__ = "audit_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, default=now, index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    address: Mapped[str] = mapped_column(String(45), default="")
    action: Mapped[str] = mapped_column(String(48), index=True)
    subject: Mapped[str] = mapped_column(String(80), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    actor: Mapped[User | None] = relationship()
