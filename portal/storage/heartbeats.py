"""Queries for signs of life."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.storage.tables.columns import AHEAD
from portal.storage.tables.jobs import Job
from portal.storage.tables.operations import Heartbeat

FORGOTTEN_AFTER = timedelta(days=7)


def beat(name: str, moment: datetime) -> None:
    """Say that `name` is there, and forget who has not been for long. Commits."""
    changed = db.session.execute(update(Heartbeat).where(Heartbeat.name == name).values(seen_at=moment))
    if not getattr(changed, "rowcount", 0):
        db.session.add(Heartbeat(name=name, seen_at=moment))
    try:
        db.session.commit()
    except IntegrityError:
        # The other process of this machine was first and has said the same.
        db.session.rollback()
    # In a transaction of its own: on MariaDB it waits for each row that another's beat holds, and that one for ours.
    db.session.execute(delete(Heartbeat).where(Heartbeat.seen_at < moment - FORGOTTEN_AFTER))
    db.session.commit()


def last_beat(connection: Connection, lease: timedelta, moment: datetime) -> datetime | None:
    """When any worker was last there: its beat, or the last time it prolonged its lease on a running job.

    What lies ahead of `moment` by more than clocks differ was written before a clock was set back. It says nothing of
    now: a worker that lives writes a new one within half a minute.
    """
    until = moment + AHEAD
    beats = connection.scalar(select(func.max(Heartbeat.seen_at)).where(Heartbeat.seen_at <= until))
    held = connection.scalar(select(func.max(Job.leased_until)).where(Job.state == "running",
                                                                      Job.leased_until <= until + lease))
    signs = [beats, held - lease if held else None]
    return max((sign for sign in signs if sign), default=None)


def oldest_ready(connection: Connection, moment: datetime) -> datetime | None:
    """When the job was asked for that waits longest and may be taken now."""
    ready = (Job.state == "queued", (Job.not_before.is_(None)) | (Job.not_before <= moment))
    return connection.scalar(select(func.min(Job.created_at)).where(*ready))
