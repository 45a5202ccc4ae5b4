"""Queries for the daily backups: who makes today's, and what became of the last ones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.storage.tables.backups import Backup
from portal.storage.tables.columns import AHEAD


def claim(day: str, token: str, at: datetime, silent_since: datetime, failed_before: datetime) -> bool:
    """Whether the day's backup is ours to make: nobody has begun it, its maker fell silent, or it failed a while ago.
    Of several at once one is told yes. Commits.
    """
    fresh = {"state": "running", "token": token, "reason": "", "started_at": at, "seen_at": at, "ended_at": None}
    if db.session.scalar(select(Backup.id).where(Backup.day == day)) is None:
        try:
            db.session.add(Backup(day=day, **fresh))
            db.session.commit()
        except IntegrityError:
            db.session.rollback()
            return False
        return True
    ahead = at + AHEAD  # Of a clock that was set back since.
    free = or_((Backup.state == "running") & or_(Backup.seen_at < silent_since, Backup.seen_at > ahead),
               (Backup.state == "failed") & or_(Backup.ended_at < failed_before, Backup.ended_at > ahead))
    return _changed(day, free, fresh)


def write_while_held(day: str, token: str, /, **values: object) -> bool:
    """Change the day's row while its backup is ours. Commits."""
    return _changed(day, (Backup.token == token) & (Backup.state == "running"), values)


def find_last(state: str, until: datetime) -> Backup | None:
    """The last that began by a moment: one of a clock that was ahead would hide for long that none came after it."""
    query = select(Backup).where(Backup.state == state, Backup.started_at <= until)
    return db.session.scalar(query.order_by(Backup.started_at.desc()).limit(1))


def _changed(day: str, condition: object, values: dict[str, object]) -> bool:
    done = db.session.execute(update(Backup).where(Backup.day == day, condition).values(**values),  # type: ignore[arg-type]
                              execution_options={"synchronize_session": False})
    db.session.commit()
    assert isinstance(done, CursorResult)
    return bool(done.rowcount)
