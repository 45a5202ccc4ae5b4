"""Queries for personal tokens of the HTTP API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from portal.extensions import db
from portal.storage.changes import changed_rows
from portal.storage.tables.accounts import ApiToken


def find_token(token_hash: str) -> ApiToken | None:
    """The token with its user, unless it was revoked."""
    return db.session.scalar(select(ApiToken).where(ApiToken.token_hash == token_hash, ApiToken.revoked_at.is_(None)))


def list_tokens(user_id: int) -> Sequence[ApiToken]:
    """The account's tokens that were not revoked, newest first."""
    return db.session.scalars(select(ApiToken).where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
                              .order_by(ApiToken.id.desc())).all()


def count_tokens(user_id: int) -> int:
    query = select(func.count()).where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
    return db.session.scalar(query) or 0


def add_token(row: ApiToken) -> ApiToken:
    db.session.add(row)
    db.session.flush()
    return row


def update_used(token_id: int, at: datetime) -> None:
    db.session.execute(update(ApiToken).where(ApiToken.id == token_id).values(used_at=at))


def revoke(token_id: int, user_id: int, at: datetime) -> bool:
    """Whether there was such a token of this account."""
    return _revoke(at, ApiToken.id == token_id, ApiToken.user_id == user_id) == 1


def revoke_all(user_id: int, at: datetime) -> int:
    """How many there were. The caller commits."""
    return _revoke(at, ApiToken.user_id == user_id)


def _revoke(at: datetime, *whose: object) -> int:
    query = update(ApiToken).where(*whose, ApiToken.revoked_at.is_(None))  # type: ignore[arg-type]
    return changed_rows(query.values(revoked_at=at))
