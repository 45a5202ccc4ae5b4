"""Accounts, their logins, links and tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.extensions import db
from portal.storage.tables.columns import Exact, Large, Moment, now

ROLES = ("clinician", "admin")


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
    totp_secret: Mapped[str | None] = mapped_column(String(255))
    """The key of the second factor, sealed by `portal.services.sealed`; None without one."""
    totp_step: Mapped[int | None] = mapped_column(Large)
    """The half minute, counted from 1970, whose code was accepted last: none is accepted twice."""
    totp_at: Mapped[datetime | None] = mapped_column(Moment)


class RecoveryCode(db.Model):
    """A code that stands in for the second factor, once. The person holds it, the row its sha256."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("ix_recovery_codes_user_id", "user_id", "code_hash", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(Moment)


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
    proven_at: Mapped[datetime | None] = mapped_column(Moment, default=now)
    """When the password was last given within this login."""

    user: Mapped[User] = relationship(lazy="joined")


class LoginFailure(db.Model):
    """A failed login, by hash of the account's e-mail and by address; slows the next try."""

    __tablename__ = "login_failures"
    __table_args__ = (Index("ix_login_failures_account", "account_hash", "at"),
                      Index("ix_login_failures_address", "address", "at"), Index("ix_login_failures_at", "at"))

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
