"""Queries for links that work once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from portal.extensions import db
from portal.storage.changes import changed_rows
from portal.storage.tables.accounts import OneTimeLink


def add_link(token_hash: str, purpose: str, user_id: int | None, expires_at: datetime) -> None:
    db.session.add(OneTimeLink(token_hash=token_hash, purpose=purpose, user_id=user_id,
                               expires_at=expires_at))


def find_open(token_hash: str, purpose: str, at: datetime, latest: datetime) -> OneTimeLink | None:
    """The link, when it may still be used. One that lasts beyond `latest` was made by a clock that was ahead."""
    return db.session.scalar(select(OneTimeLink).where(
        OneTimeLink.token_hash == token_hash, OneTimeLink.purpose == purpose,
        OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > at,
        OneTimeLink.expires_at <= latest))


def claim(link_id: int, at: datetime) -> bool:
    """Mark the link used; of two who try at once, one is told True."""
    query = update(OneTimeLink).where(OneTimeLink.id == link_id, OneTimeLink.used_at.is_(None))
    return changed_rows(query.values(used_at=at)) == 1


def void(purpose: str, user_id: int | None, at: datetime) -> None:
    """Mark every open link of this purpose for this account used."""
    db.session.execute(update(OneTimeLink).where(
        OneTimeLink.purpose == purpose, OneTimeLink.user_id == user_id,
        OneTimeLink.used_at.is_(None)).values(used_at=at))
