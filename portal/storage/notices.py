"""Queries for notices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.storage.tables.notices import Notice, NoticeDismissal


def add(notice: Notice) -> Notice:
    """The caller commits; the row has its id."""
    db.session.add(notice)
    db.session.flush()
    return notice


def find(notice_id: int) -> Notice | None:
    return db.session.get(Notice, notice_id)


def list_unread(user_id: int, audiences: Sequence[str], at: datetime) -> Sequence[Notice]:
    """What holds now and this person has not dismissed, the oldest first."""
    read = exists().where(NoticeDismissal.notice_id == Notice.id, NoticeDismissal.user_id == user_id)
    return db.session.scalars(select(Notice).where(Notice.until > at, Notice.audience.in_(audiences), ~read)
                              .order_by(Notice.id)).all()


def list_all(most: int) -> Sequence[Notice]:
    """The newest first, with who wrote them."""
    return db.session.scalars(select(Notice).order_by(Notice.id.desc()).limit(most)
                              .options(joinedload(Notice.author))).all()


def dismiss(notice_id: int, user_id: int) -> None:
    """Raises IntegrityError when it was dismissed a moment ago, or is not there. The caller commits."""
    if db.session.get(NoticeDismissal, (notice_id, user_id)) is None:
        db.session.add(NoticeDismissal(notice_id=notice_id, user_id=user_id))
        db.session.flush()
