"""Which migration the database is at, and which is the newest there is."""

from __future__ import annotations

from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from config import ROOT


@cache
def newest_revision() -> str:
    """The last of the migrations in the source."""
    return ScriptDirectory(str(ROOT / "migrations")).get_current_head() or ""


def applied_revision(connection: Connection) -> str:
    """What the database was brought to. Raises SQLAlchemyError for one without tables."""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""
