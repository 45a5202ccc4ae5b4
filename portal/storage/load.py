"""Queries for how much work there is and how much room the database takes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, text

from portal.extensions import db
from portal.storage.tables.jobs import Job


def count_failed(since: datetime) -> int:
    """Jobs that failed since then."""
    return db.session.scalar(select(func.count()).where(Job.state == "failed", Job.ended_at >= since)) or 0


def last_work() -> datetime | None:
    """When a worker last took a job or ended one."""
    took = db.session.scalar(select(func.max(Job.turned_at)).where(Job.worker != ""))
    ended = db.session.scalar(select(func.max(Job.ended_at)).where(Job.state.in_(("done", "failed"))))
    return max((one for one in (took, ended) if one is not None), default=None)


def database_bytes() -> int:
    """What the tables take: of SQLite its file, of MariaDB what it says of data and indexes."""
    if db.engine.dialect.name == "sqlite":
        pages, size = (db.session.scalar(text(f"PRAGMA {one}")) or 0 for one in ("page_count", "page_size"))
        return int(pages) * int(size)
    return int(db.session.scalar(text("SELECT SUM(data_length + index_length) FROM information_schema.tables "
                                      "WHERE table_schema = DATABASE()")) or 0)
