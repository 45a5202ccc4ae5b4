"""Queries for logins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update

from portal.extensions import db
from portal.storage.changes import changed_rows
from portal.storage.tables import UserSession


def find_session(token_hash: str) -> UserSession | None:
    return db.session.scalar(select(UserSession).where(UserSession.token_hash == token_hash))


def list_sessions(user_id: int) -> Sequence[UserSession]:
    """The account's logins, last used first."""
    return db.session.scalars(select(UserSession).where(UserSession.user_id == user_id)
                              .order_by(UserSession.seen_at.desc(), UserSession.id.desc())).all()


def add_session(row: UserSession) -> UserSession:
    db.session.add(row)
    db.session.flush()
    return row


def update_seen(session_id: int, at: datetime) -> None:
    db.session.execute(update(UserSession).where(UserSession.id == session_id).values(seen_at=at))


def update_token(session_id: int, token_hash: str, at: datetime) -> None:
    db.session.execute(update(UserSession).where(UserSession.id == session_id)
                       .values(token_hash=token_hash, seen_at=at))


def delete_session(session_id: int, user_id: int) -> bool:
    """Whether there was such a login of this account."""
    query = delete(UserSession).where(UserSession.id == session_id, UserSession.user_id == user_id)
    return changed_rows(query) == 1


def delete_sessions(user_id: int, keep: int | None = None) -> int:
    """End the account's logins, save the one to keep; how many there were."""
    query = delete(UserSession).where(UserSession.user_id == user_id)
    return changed_rows(query if keep is None else query.where(UserSession.id != keep))


def delete_older(moment: datetime) -> int:
    return changed_rows(delete(UserSession).where(UserSession.created_at < moment))
