"""How much there is, for the administrator's page."""

from __future__ import annotations

from sqlalchemy import func, select

from portal.extensions import db
from portal.storage.tables.accounts import User
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction


def count_rows() -> dict[str, int]:
    """Rows by table name."""
    return {table.__tablename__: db.session.scalar(select(func.count()).select_from(table)) or 0
            for table in (User, Case, Image, Prediction)}
