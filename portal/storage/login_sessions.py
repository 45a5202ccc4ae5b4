"""Queries for logins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, delete, select, update

from portal.extensions import db
from portal.storage.changes import changed_rows
from portal.storage.tables.accounts import UserSession


def find_session(token_hash: str) -> UserSession | None:
    return db.session.scalar(select(UserSession).where(UserSession.token_hash == token_hash))


def get_session(session_id: int) -> UserSession | None:
    """The login as it is now."""
    return db.session.get(UserSession, session_id, populate_existing=True)


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


def begin_anew(session_id: int, at: datetime) -> None:
    """No moment of this login lies ahead any more; its password was given at the latest now."""
    moments = {name: case((column > at, at), else_=column) for name, column in (
        ("created_at", UserSession.created_at), ("seen_at", UserSession.seen_at),
        ("proven_at", UserSession.proven_at))}
    db.session.execute(update(UserSession).where(UserSession.id == session_id).values(moments))


def update_token(session_id: int, token_hash: str, at: datetime) -> None:
    db.session.execute(update(UserSession).where(UserSession.id == session_id)
                       .values(token_hash=token_hash, seen_at=at, proven_at=at))


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
